//! What a person can ask [`App`] about destinations, encoding and recording.

use std::path::{Path, PathBuf};

use tokio::sync::oneshot;

use crate::app::{App, Error};
use crate::destination::Draft;
use crate::obs;
use crate::output::Output;
use crate::request::Request;
use crate::view::{EncoderView, ObsView, ServiceView};

impl App {
    /// Sends to a destination, or no more; 0 is the origin inside the app. The only one of a running broadcast stays.
    ///
    /// # Errors
    /// See [`App::go_live`].
    pub fn switch_destination(&self, id: u32, on: bool) -> Result<(), Error> {
        self.ask(Request::SwitchDestination(id, on))
    }

    /// Keeps a destination; a running broadcast goes there at once if it is switched on.
    ///
    /// # Errors
    /// [`Error::Draft`] when it cannot be used; else see [`App::go_live`].
    pub async fn save_destination(&self, draft: Draft) -> Result<(), Error> {
        let (answer, answered) = oneshot::channel();
        self.ask(Request::SaveDestination(draft, answer))?;
        Ok(answered.await.map_err(|_| Error::Closing)??)
    }

    /// Forgets a destination and its key.
    ///
    /// # Errors
    /// See [`App::go_live`].
    pub fn remove_destination(&self, id: u32) -> Result<(), Error> {
        self.ask(Request::RemoveDestination(id))
    }

    /// The public services that are known.
    #[must_use]
    pub fn services(&self) -> Vec<ServiceView> {
        let view = |service: &broadcast::Service| ServiceView {
            id: service.id.clone(),
            name: service.name.clone(),
            servers: service.servers.clone(),
            key_page: service.key_page.clone(),
            kbps_max: service.video_kbps_max,
        };
        broadcast::Service::all().iter().map(view).collect()
    }

    /// The video encoders in the order in which they are taken. The first time takes about a second.
    ///
    /// # Errors
    /// [`Error::Closing`].
    pub async fn encoders(&self) -> Result<Vec<EncoderView>, Error> {
        let found = blocking(broadcast::encoders).await?;
        let view = |found: broadcast::FoundEncoder| EncoderView {
            name: found.name.to_owned(),
            codec: found.codec.name().to_owned(),
            runs_on: found.runs_on.to_owned(),
            refused: found.reason,
        };
        Ok(found.into_iter().map(view).collect())
    }

    /// The profiles of OBS on this computer.
    ///
    /// # Errors
    /// [`Error::Closing`].
    pub async fn obs_profiles(&self) -> Result<Vec<ObsView>, Error> {
        blocking(obs::profiles).await
    }

    /// Takes over the profile of OBS in `folder`: its destination, and size, frame rate and bit rate. Returns what the
    /// destination is called.
    ///
    /// # Errors
    /// [`Error::Obs`] when it cannot be read; [`Error::Draft`] when it cannot be used; else see [`App::go_live`].
    pub async fn import_obs(&self, folder: PathBuf) -> Result<String, Error> {
        let (known, output) = {
            let view = self.view();
            let view = view.borrow();
            let names = view.live.destinations.iter().map(|destination| destination.name.clone());
            (names.collect::<Vec<_>>(), view.output.clone())
        };
        let (draft, output) = blocking(move || obs::read(&folder, &known, output)).await??;
        let name = draft.name.clone();
        self.save_destination(draft).await?;
        self.set_output(output)?;
        Ok(name)
    }

    /// Changes what viewers get. While on air only the bit rate changes at once; encoder and keyframes follow with the next
    /// broadcast, and size and frame rate stay.
    ///
    /// # Errors
    /// See [`App::go_live`].
    pub fn set_output(&self, output: Output) -> Result<(), Error> {
        self.ask(Request::SetOutput(output))
    }

    /// Records on this computer, or no more, whatever the broadcast does.
    ///
    /// # Errors
    /// See [`App::go_live`].
    pub fn record(&self, on: bool) -> Result<(), Error> {
        self.ask(Request::Record(on))
    }

    /// Opens the folder of the recording that runs, or ended last, in the system's file manager.
    ///
    /// # Errors
    /// [`Error::Folder`] when there is none, or the system has no way to open it.
    pub fn show_recording(&self) -> Result<(), Error> {
        let view = self.view();
        let running = view.borrow().recording.as_ref().map(|recording| recording.file.clone());
        let recorded = running.or_else(|| view.borrow().recorded.clone());
        let folder = recorded.as_deref().and_then(|file| Path::new(file).parent().map(Path::to_owned));
        let folder = folder.ok_or_else(|| Error::Folder("nothing was recorded".to_owned()))?;
        crate::app_origin::open(folder)
    }
}

/// Away from the async threads.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Error::Closing)
}

//! The first run: three steps from nothing to a broadcast. The step is kept with the settings, so that closing in the
//! middle comes back to it.

use std::path::Path;

use serde::{Deserialize, Serialize};
use specta::Type;
use tracing::info;

use crate::app::{App, Error};
use crate::request::Request;
use crate::settings::Settings;
use crate::studio::{OriginPhase, Studio};
use crate::view::OriginProblem;

/// Where the person is in the set-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Who can watch. Nothing listens on the network before this is answered.
    Audience,
    /// Picture, sound, and what the encoder can do.
    Devices,
    /// Where the broadcast goes.
    Destinations,
}

/// What the encoder did with pictures as fast as it took them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct EncoderTrial {
    /// FFmpeg's name of the encoder.
    pub name: String,
    /// What it runs on, in words.
    pub runs_on: String,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Pictures a second that are wanted.
    pub wanted_fps: u32,
    /// Pictures a second that it made of a test picture that moves.
    pub reached_fps: u32,
    /// Whether that is enough beside everything else the computer does.
    pub enough: bool,
}

/// Whether nothing was ever set in `folder`; to be asked before the settings are read.
pub(crate) fn is_first(folder: &Path) -> bool {
    !folder.join(crate::settings::FILE).exists()
}

/// The settings of a very first start.
pub(crate) fn begun(settings: Settings) -> Settings {
    Settings { first_run: Some(Step::Audience), ..settings }
}

impl Studio {
    /// Whether the origin may listen: before the first answer nobody has said who can watch.
    pub(crate) fn may_listen(&self) -> bool {
        self.settings.first_run != Some(Step::Audience)
    }

    /// Goes to a step of the set-up, or leaves it.
    pub(crate) fn go_to_step(&mut self, step: Option<Step>) {
        // Nobody comes back to the set-up who has left it.
        if self.settings.first_run.is_some() {
            self.set(|settings| settings.first_run = step);
        }
        if self.may_listen() && matches!(self.origin, OriginPhase::Off) {
            self.start_origin();
        }
    }

    /// Nobody has a link yet during the set-up, so a port that is taken is no question for the person.
    pub(crate) fn origin_failed(&mut self, problem: OriginProblem) {
        tracing::warn!(?problem, "origin did not start");
        let free = match &problem {
            OriginProblem::PortTaken { free, .. } if self.settings.first_run.is_some() => *free,
            _ => None,
        };
        self.origin = OriginPhase::Failed(problem);
        if let Some(port) = free {
            info!(port, "another port is used");
            let ip = self.settings.origin.http.ip();
            self.listen(std::net::SocketAddr::new(ip, port));
        }
    }
}

impl App {
    /// Goes to a step of the set-up; `None` leaves it.
    ///
    /// # Errors
    /// See [`App::go_live`].
    pub fn first_run(&self, step: Option<Step>) -> Result<(), Error> {
        self.ask(Request::FirstRun(step))
    }

    /// Measures the encoder that broadcasts would take with what is set now. Takes up to some seconds.
    ///
    /// # Errors
    /// [`Error::Encoder`] when none works.
    pub async fn try_encoder(&self) -> Result<EncoderTrial, Error> {
        let output = self.view().borrow().output.clone();
        let config = output.config(Vec::new());
        let (size, fps) = (output.size(), output.fps);
        let measured = tokio::task::spawn_blocking(move || broadcast::encoder_speed(&config, size, fps));
        let speed =
            measured.await.map_err(|_| Error::Closing)?.map_err(|error| Error::Encoder(error.to_string()))?;
        Ok(EncoderTrial {
            name: speed.name.to_owned(),
            runs_on: speed.runs_on.to_owned(),
            width: size.width,
            height: size.height,
            wanted_fps: fps,
            reached_fps: speed.fps() as u32,
            enough: speed.fps() >= f64::from(fps) * HEADROOM,
        })
    }
}

/// Capture, the preview and the origin need the processor too.
const HEADROOM: f64 = 1.5;

#[cfg(test)]
mod tests {
    use super::{Step, begun, is_first};
    use crate::settings::{self, Settings};

    #[test]
    fn only_a_folder_without_settings_begins_with_the_set_up() {
        let folder = tempfile::tempdir().unwrap();
        assert!(is_first(folder.path()));
        settings::save(folder.path(), &Settings::default()).unwrap();
        assert!(!is_first(folder.path()));
        assert_eq!(settings::load(folder.path()).0.first_run, None);
    }

    #[test]
    fn closing_in_the_middle_comes_back_to_the_step() {
        let folder = tempfile::tempdir().unwrap();
        let begun = begun(Settings::default());
        assert_eq!(begun.first_run, Some(Step::Audience));
        settings::save(folder.path(), &Settings { first_run: Some(Step::Devices), ..begun }).unwrap();
        assert_eq!(settings::load(folder.path()).0.first_run, Some(Step::Devices));
    }
}

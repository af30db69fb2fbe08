//! What a person can ask [`App`] about the origin's panel.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use origin::Overview;

use crate::app::{App, Error};
use crate::origin_view::{OriginFigures, RecordingFigures, RoomFigures};
use crate::{autostart, hosting, log, report};

/// A folder that can be opened from the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, specta::Type)]
#[serde(rename_all = "kebab-case")]
pub enum Folder {
    /// The origin's data.
    Data,
    /// The origin's recordings.
    Recordings,
    /// The log.
    Logs,
    /// The last report.
    Reports,
}

impl App {
    /// How the running origin does; of one that does not run, only the log and whether it starts with the session.
    ///
    /// # Errors
    /// [`Error::Closing`].
    pub async fn origin_figures(&self) -> Result<OriginFigures, Error> {
        let observer = self.observer.borrow().clone();
        let overview = match observer {
            Some(observer) => observer.look().await.ok().flatten(),
            None => None,
        };
        let figures = overview.map(figures_of).unwrap_or_default();
        Ok(OriginFigures { log: self.log.lines(), autostart: autostart::is_on(), ..figures })
    }

    /// Starts the app when the person logs in, or no more.
    ///
    /// # Errors
    /// [`Error::Autostart`] when the file for it cannot be written.
    pub fn set_autostart(&self, on: bool) -> Result<(), Error> {
        autostart::set(on).map_err(|error| Error::Autostart(error.to_string()))
    }

    /// A link as a QR code: an SVG document; empty for more than a code holds.
    #[must_use]
    pub fn qr_code(&self, link: &str) -> String {
        if link.len() > LINK_BYTES_MAX { String::new() } else { hosting::qr_svg(link) }
    }

    /// Opens a folder in the system's file manager.
    ///
    /// # Errors
    /// [`Error::Folder`] when it is not there, or the system has no way to open it.
    pub fn open_folder(&self, folder: Folder) -> Result<(), Error> {
        let folder = match folder {
            Folder::Data => self.folder.join("origin"),
            Folder::Recordings => self.folder.join("origin/recordings"),
            Folder::Logs => self.folder.join(log::FOLDER),
            Folder::Reports => report::folder(&self.folder),
        };
        open(folder)
    }
}

/// Opens `folder` with what the system has for it.
pub(crate) fn open(folder: PathBuf) -> Result<(), Error> {
    if !folder.is_dir() {
        return Err(Error::Folder(format!("{} is not there yet", folder.display())));
    }
    let mut opener = Command::new("xdg-open");
    opener.arg(&folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let child = opener.spawn().map_err(|error| Error::Folder(format!("xdg-open: {error}")))?;
    // It ends when the file manager has taken the folder; a process that nobody waits for would stay in the list.
    drop(tokio::task::spawn_blocking(move || child.wait_with_output()));
    Ok(())
}

fn figures_of(overview: Overview) -> OriginFigures {
    let narrow = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
    let mega = |bytes: u64| narrow(bytes / 1_000_000);
    OriginFigures {
        rooms: overview
            .rooms
            .into_iter()
            .map(|room| RoomFigures {
                slug: room.slug,
                title: room.title,
                live: room.live,
                viewers: room.viewers,
                ingest_kbps: narrow(room.ingest_bps / 1_000),
            })
            .collect(),
        viewers: overview.viewers,
        viewers_hour: overview.viewers_hour,
        sent_kbps: narrow(overview.sent_bps / 1_000),
        recorded_mb: mega(overview.recorded_bytes),
        disk_used_mb: mega(overview.disk_used_bytes),
        disk_mb: mega(overview.disk_bytes),
        recordings: overview
            .recordings
            .into_iter()
            .map(|recording| RecordingFigures {
                title: recording.title,
                started_s: narrow((recording.started_at_ms / 1_000).unsigned_abs()),
                seconds: narrow(recording.duration_ms / 1_000),
                mb: mega(recording.bytes),
            })
            .collect(),
        ..OriginFigures::default()
    }
}

/// Far below the 2 953 bytes that a QR code holds, so that phones still read it.
const LINK_BYTES_MAX: usize = 300;

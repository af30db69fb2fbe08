//! What a person can ask [`App`] about the origin's panel.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use chrono::Local;
use hyper::Method;
use origin::Overview;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::app::{App, Document, Error};
use crate::chat::Target;
use crate::origin_api::{ApiError, ask, tell};
use crate::origin_view::{Attendee, OriginFigures, RecordingFigures, RoomFigures};
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
    /// The last report, or backup.
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
        let room = self.target.borrow().as_ref().map(|target| target.room.clone());
        let rooms = overview.iter().flat_map(|overview| &overview.rooms);
        let replays = rooms.filter(|shown| Some(&shown.slug) == room.as_ref()).any(|own| own.record);
        let figures = overview.map(figures_of).unwrap_or_default();
        Ok(OriginFigures { log: self.log.lines(), autostart: autostart::is_on(), replays, ..figures })
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

    /// Opens the origin's page for its administrator in the browser, signed in by a link that works once.
    ///
    /// # Errors
    /// [`Error::Origin`], [`Error::Browser`].
    pub async fn open_admin_page(&self) -> Result<(), Error> {
        #[derive(Deserialize)]
        struct Answer {
            link: String,
        }
        let target = self.origin()?;
        let Answer { link } = read(&ask(&target, Method::POST, "/api/v1/session/link").await?)?;
        browse(&link.replacen('#', "?next=%2Fadmin#", 1))
    }

    /// Opens the watch page of this computer's room in the browser.
    ///
    /// # Errors
    /// [`Error::Origin`] while it does not run, [`Error::Browser`].
    pub fn open_watch_page(&self) -> Result<(), Error> {
        let target = self.origin()?;
        browse(&format!("http://{}/r/{}", target.http, target.room))
    }

    /// Opens a recording's page in the browser.
    ///
    /// # Errors
    /// [`Error::Origin`], [`Error::Browser`].
    pub async fn play_recording(&self, id: &str) -> Result<(), Error> {
        #[derive(Deserialize)]
        struct Answer {
            page: String,
        }
        let target = self.origin()?;
        let Answer { page } = read(&ask(&target, Method::GET, &recording(id)?).await?)?;
        browse(&format!("http://{}{page}", target.http))
    }

    /// Keeps a replay of every broadcast of this computer's room from now on, or no more.
    ///
    /// # Errors
    /// [`Error::Origin`].
    pub async fn set_replays(&self, on: bool) -> Result<(), Error> {
        let target = self.origin()?;
        let path = format!("/api/v1/rooms/{}", target.room);
        tell(&target, Method::PATCH, &path, Some(json!({ "record": on }))).await?;
        Ok(())
    }

    /// Deletes a recording with its files.
    ///
    /// # Errors
    /// [`Error::Origin`].
    pub async fn remove_recording(&self, id: &str) -> Result<(), Error> {
        ask(&self.origin()?, Method::DELETE, &recording(id)?).await?;
        Ok(())
    }

    /// Who is in class.
    ///
    /// # Errors
    /// [`Error::Origin`].
    pub async fn attendance(&self) -> Result<Vec<Attendee>, Error> {
        #[derive(Deserialize)]
        struct Answer {
            people: Vec<Attendee>,
        }
        let target = self.origin()?;
        let path = format!("/api/v1/rooms/{}/attendance", target.room);
        let Answer { people } = read(&ask(&target, Method::GET, &path).await?)?;
        Ok(people)
    }

    /// Saves who was in class as a sheet where the person finds it, and tells the file.
    ///
    /// # Errors
    /// [`Error::Origin`]; [`Error::Document`] when it cannot be written.
    pub async fn save_attendance(&self) -> Result<String, Error> {
        let target = self.origin()?;
        let path = format!("/api/v1/rooms/{}/attendance.csv", target.room);
        let sheet = ask(&target, Method::GET, &path).await?;
        let name = format!("Attendance {} {}.csv", target.room, Local::now().format("%Y-%m-%d %H.%M.%S"));
        let folder = report::folder(&self.folder);
        let file = folder.join(name);
        let written = async {
            tokio::fs::create_dir_all(&folder).await?;
            tokio::fs::write(&file, &sheet).await
        };
        match written.await {
            Ok(()) => Ok(file.display().to_string()),
            Err(source) => Err(Error::Document { what: Document::Attendance, folder, source }),
        }
    }

    pub(crate) fn origin(&self) -> Result<Target, Error> {
        self.target.borrow().clone().ok_or_else(|| ApiError::Off.into())
    }

    /// Opens a folder in the system's file manager.
    ///
    /// # Errors
    /// [`Error::NoFolder`] when it is not there; [`Error::Folder`] when the system has no way to open it.
    pub fn open_folder(&self, folder: Folder) -> Result<(), Error> {
        let folder = match folder {
            Folder::Data => hosting::data(&self.folder),
            Folder::Recordings => hosting::data(&self.folder).join("recordings"),
            Folder::Logs => self.folder.join(log::FOLDER),
            Folder::Reports => report::folder(&self.folder),
        };
        open(folder)
    }
}

/// Opens `folder` with what the system has for it.
pub(crate) fn open(folder: PathBuf) -> Result<(), Error> {
    if !folder.is_dir() {
        return Err(Error::NoFolder(folder));
    }
    hand_over(folder.as_os_str()).map_err(|error| Error::Folder(format!("xdg-open: {error}")))
}

/// Opens `link` in the person's browser.
fn browse(link: &str) -> Result<(), Error> {
    hand_over(link.as_ref()).map_err(|error| Error::Browser(format!("xdg-open: {error}")))
}

/// Gives a folder or a link to what the system has for it.
fn hand_over(what: &OsStr) -> std::io::Result<()> {
    let mut opener = Command::new("xdg-open");
    opener.arg(what).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let child = opener.spawn()?;
    // It ends when another program has taken it; a process that nobody waits for would stay in the list. The window's
    // own thread asks for this too, which is in no runtime.
    drop(tauri::async_runtime::spawn_blocking(move || child.wait_with_output()));
    Ok(())
}

/// The id of a recording as a part of a path: nothing else from the page goes there.
fn recording(id: &str) -> Result<String, Error> {
    let digits = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    digits
        .then(|| format!("/api/v1/recordings/{id}"))
        .ok_or_else(|| ApiError::Refused("expected the id of a recording".to_owned()).into())
}

fn read<T: DeserializeOwned>(answer: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(answer).map_err(|error| ApiError::Lost(error.to_string()).into())
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
                id: recording.id,
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

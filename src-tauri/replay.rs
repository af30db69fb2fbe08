//! What is held of a running broadcast: the last seconds, to be saved when something worth keeping has happened, and what
//! viewers get later.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use broadcast::{RecordingState, RecordingStatus, Status};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::app::{App, Error};
use crate::go_live::Input;
use crate::on_air::Ending;
use crate::output::Output;
use crate::recording;
use crate::request::Request;
use crate::studio::{Studio, now};
use crate::view::NoticeKind;

/// What the running engine was told to hold, and the replay that is being written.
#[derive(Debug, Default)]
pub(crate) struct Held {
    replay_seconds: u32,
    delay: Duration,
    saving: Option<PathBuf>,
    /// When viewers have seen the end of a broadcast whose engine goes on recording.
    pub(crate) cut_off_at: Option<Instant>,
    /// Ends the engine that sends what is held back, without waiting for the rest.
    pub(crate) no_more: CancellationToken,
}

impl Held {
    /// As the engine begins with it; a change of the settings counts from the next one on.
    pub(crate) fn of(output: &Output) -> Held {
        let delay = Duration::from_secs(output.delay_seconds.into());
        Held { replay_seconds: output.replay_seconds, delay, ..Held::default() }
    }

    /// Whether viewers get everything later.
    pub(crate) fn is_delayed(&self) -> bool {
        self.delay > Duration::ZERO
    }

    /// Whether a replay is being written.
    pub(crate) fn is_saving(&self) -> bool {
        self.saving.is_some()
    }
}

impl Studio {
    /// How much *Save replay* would save now, seconds; `None` when nothing is kept.
    pub(crate) fn replay_seconds(&self) -> Option<u32> {
        let kept = Some(self.held.replay_seconds).filter(|seconds| *seconds > 0);
        kept.filter(|_| self.broadcast.is_some())
    }

    /// Saves the last seconds. One at a time: what happens meanwhile is in the next one too.
    pub(crate) fn save_replay(&mut self) {
        if self.replay_seconds().is_none() || self.held.saving.is_some() {
            return;
        }
        let folder = self.recordings();
        let Some(broadcast) = &mut self.broadcast else { return };
        self.notices.retain(|notice| !is_about_replay(&notice.kind));
        let begun = recording::replay_file(&folder, chrono::Local::now())
            .map_err(|error| format!("there is no folder for it: {error}"))
            .and_then(|file| match broadcast.save_replay(&file) {
                Ok(()) => Ok(file),
                Err(error) => Err(error.to_string()),
            });
        match begun {
            Ok(file) => self.held.saving = Some(file),
            Err(reason) => self.replay_failed(reason),
        }
    }

    /// Tells what became of the replay.
    pub(crate) fn report_replay(&mut self, status: &Status) {
        let Some(saving) = &self.held.saving else { return };
        let Some(replay) = status.replay.as_ref().filter(|replay| is_of(replay, saving)) else { return };
        match &replay.state {
            RecordingState::Recording => {}
            RecordingState::Finished => {
                let file = saving.display().to_string();
                self.held.saving = None;
                self.notify(NoticeKind::ReplaySaved { file });
            }
            RecordingState::Failed { reason } => {
                let reason = reason.clone();
                self.held.saving = None;
                self.replay_failed(reason);
            }
        }
    }

    fn replay_failed(&mut self, reason: String) {
        warn!(reason, "no replay");
        self.notify(NoticeKind::ReplayFailed { reason });
    }

    /// Whether a broadcast that ends has viewers who have not seen its end. They get the rest of it first.
    pub(crate) fn stops_later(&mut self) -> bool {
        let held_back = self.held.delay;
        if held_back == Duration::ZERO || !self.go_live.was_on_air() || self.broadcast.is_none() {
            return false;
        }
        if self.records_on() {
            // What is captured meanwhile is for the recording alone: before viewers get it, they are cut off.
            self.held.cut_off_at = Some(now() + held_back);
        } else {
            self.end_engine(Ending::SendsWhatIsHeldBack);
        }
        true
    }

    /// A moment has come that somebody waited for: the end of the countdown, or of what is held back.
    pub(crate) fn moment_came(&mut self) {
        self.drive(Input::Tick);
        self.look_at_disks();
        if self.held.cut_off_at.is_some_and(|at| at <= now()) {
            self.stop_broadcast();
        }
    }
}

/// A replay or recording whose tracks changed has a second file, called like the first with `-2`.
pub(crate) fn is_of(told: &RecordingStatus, first: &Path) -> bool {
    let stem = first.with_extension("");
    told.file.to_string_lossy().starts_with(&*stem.to_string_lossy())
}

fn is_about_replay(kind: &NoticeKind) -> bool {
    matches!(kind, NoticeKind::ReplaySaved { .. } | NoticeKind::ReplayFailed { .. })
}

impl App {
    /// Saves what happened last, while something is sent or recorded.
    ///
    /// # Errors
    /// See [`App::go_live`].
    pub fn save_replay(&self) -> Result<(), Error> {
        self.ask(Request::SaveReplay)
    }

    /// Opens the folder of the replay that was saved last in the system's file manager.
    ///
    /// # Errors
    /// [`Error::Folder`] when there is none, or the system has no way to open it.
    pub fn show_replay(&self) -> Result<(), Error> {
        let view = self.view();
        let notices = view.borrow().notices.clone();
        let folder = notices.iter().rev().find_map(|notice| match &notice.kind {
            NoticeKind::ReplaySaved { file } => Path::new(file).parent().map(Path::to_owned),
            _ => None,
        });
        crate::app_origin::open(folder.ok_or_else(|| Error::Folder("no replay was saved".to_owned()))?)
    }
}

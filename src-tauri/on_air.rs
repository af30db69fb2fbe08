//! The broadcast as the studio drives it: the machine of [`crate::go_live`] says what is to be done, and it is done here.
//!
//! One engine serves destinations and recording. It runs while either is wanted, so a recording may begin before a
//! broadcast and go on behind it.

use broadcast::{Broadcast, Destination, RecordingState, RecordingStatus, Status, Summary};
use tracing::{info, warn};

use crate::cause::CauseView;
use crate::destination::{self, Saved};
use crate::go_live::{self, Failure, Input, Output, Phase};
use crate::keeping_up::KeepingUp;
use crate::recording::{self, Recording};
use crate::replay::{Held, is_of};
use crate::service_advice;
use crate::studio::{Done, OriginPhase, SourcesPhase, Studio, now};
use crate::view::NoticeKind;

/// What becomes of the stream's delay when the engine ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Viewers do not get it.
    AtOnce,
    /// They get it as slowly as it was captured; nothing more is captured.
    SendsWhatIsHeldBack,
}

impl Studio {
    /// Tells the machine, and does what it says.
    pub(crate) fn drive(&mut self, input: Input) {
        let before = self.go_live.phase().clone();
        self.go_live.handle_input(now(), input);
        while let Some(output) = self.go_live.poll_output() {
            match output {
                Output::Start if self.ending => self.start_next = true,
                Output::Start => self.start_broadcast(),
                Output::Stop if self.stops_later() => {}
                Output::Stop => self.stop_broadcast(),
            }
        }
        if let (
            Phase::Connecting | Phase::Live { .. } | Phase::Reconnecting { .. },
            Phase::Idle { failures },
        ) = (before, self.go_live.phase().clone())
        {
            for Failure { to, cause } in failures {
                self.notify(NoticeKind::BroadcastFailed { to, cause });
            }
        }
        crate::resume::keep_mark(&self.folder, self.go_live.phase());
    }

    /// Whether sources and encoder are in use.
    pub(crate) fn is_running(&self) -> bool {
        self.broadcast.is_some() || self.ending
    }

    // -- destinations --

    /// Where the next broadcast goes, or the present one ought to.
    pub(crate) fn wanted_destinations(&self) -> Vec<Destination> {
        let own = match &self.origin {
            _ if self.settings.without_this_computer => None,
            OriginPhase::Running { hosted, .. } => Some(destination::this_computer(hosted)),
            // A broadcast that goes there waits for it to come back.
            _ => self.sent.iter().find(|sent| sent.name == destination::THIS_COMPUTER).cloned(),
        };
        // Without its key a server only refuses.
        let others =
            self.destinations.iter().filter(|saved| saved.on && !saved.closed).map(Saved::destination);
        let output = &self.settings.output;
        own.into_iter().chain(others.map(|other| service_advice::suited(other, output))).collect()
    }

    pub(crate) fn switch_destination(&mut self, id: u32, on: bool) {
        if !on && self.is_the_last(id) {
            return;
        }
        if id == 0 {
            self.set(|settings| settings.without_this_computer = !on);
        } else if let Some(saved) = self.destinations.iter_mut().find(|saved| saved.id == id) {
            saved.on = on;
            self.keep_destinations(None);
        }
        self.follow_destinations();
    }

    pub(crate) fn save_destination(&mut self, edited: Saved) {
        let mut gone = None;
        match self.destinations.iter_mut().find(|saved| saved.id == edited.id) {
            Some(saved) => {
                // One that gave up is tried again, also when nothing of it was wrong.
                let Saved { name, keychain, .. } = std::mem::replace(saved, edited);
                gone = keychain.filter(|slot| saved.keychain.as_ref() != Some(slot));
                self.sent.retain(|sent| sent.name != name);
                if let Some(broadcast) = &mut self.broadcast {
                    broadcast.remove_destination(&name);
                }
            }
            None => self.destinations.push(edited),
        }
        self.keep_destinations(gone);
        self.follow_destinations();
    }

    pub(crate) fn remove_destination(&mut self, id: u32) {
        if !self.is_the_last(id) {
            let at = self.destinations.iter().position(|saved| saved.id == id);
            let removed = at.map(|at| self.destinations.remove(at));
            self.keep_destinations(removed.and_then(|removed| removed.keychain));
            self.follow_destinations();
        }
    }

    /// Whether a broadcast goes there and nowhere else: ending it is a question of its own.
    pub(crate) fn is_the_last(&self, id: u32) -> bool {
        let name = match self.destinations.iter().find(|saved| saved.id == id) {
            Some(saved) => saved.name.as_str(),
            None => destination::THIS_COMPUTER,
        };
        self.go_live.is_on_air() && self.sent.len() == 1 && self.sent.iter().all(|sent| sent.name == name)
    }

    /// Lets a broadcast that runs go where it ought to.
    pub(crate) fn follow_destinations(&mut self) {
        if !self.go_live.is_on_air() {
            return;
        }
        let mut wanted = self.wanted_destinations();
        // What was set for the output meanwhile is for the next broadcast: it moves nobody to another encode.
        for wanted in &mut wanted {
            let place = |it: &Destination| (it.name.clone(), it.url.clone(), it.key.clone());
            if let Some(sent) = self.sent.iter().find(|sent| place(sent) == place(wanted)) {
                *wanted = sent.clone();
            }
        }
        let Some(broadcast) = &mut self.broadcast else { return };
        for gone in self.sent.iter().filter(|sent| !wanted.contains(sent)) {
            broadcast.remove_destination(&gone.name);
        }
        let mut refused = Vec::new();
        for new in wanted.iter().filter(|wanted| !self.sent.contains(wanted)) {
            refused.extend(
                opening(|| broadcast.add_destination(new)).err().map(|error| (new.name.clone(), error)),
            );
        }
        // Nothing goes there, and its row must not wait for it.
        wanted.retain(|wanted| refused.iter().all(|(name, _)| *name != wanted.name));
        self.sent = wanted;
        for (to, error) in refused {
            let cause = CauseView::start(error.to_string());
            self.notify(NoticeKind::BroadcastFailed { to: Some(to), cause });
        }
    }

    // -- broadcast --

    fn start_broadcast(&mut self) {
        self.recorded = None;
        if let Err(reason) = self.start_sending() {
            return self.drive(Input::StartFailed(reason));
        }
        info!(destinations = self.sent.len(), "broadcast started");
        if self.settings.output.record && self.recording.is_none() {
            self.start_recording(true);
        }
    }

    fn start_sending(&mut self) -> Result<(), String> {
        let wanted = self.wanted_destinations();
        if wanted.is_empty() {
            // The origin may have gone during the countdown.
            return Err("there is nowhere to send to".to_owned());
        }
        match &mut self.broadcast {
            // It records already.
            Some(broadcast) => {
                for (at, destination) in wanted.iter().enumerate() {
                    if let Err(error) = opening(|| broadcast.add_destination(destination)) {
                        // Then it goes to none of them.
                        wanted[..at].iter().for_each(|added| broadcast.remove_destination(&added.name));
                        return Err(error.to_string());
                    }
                }
            }
            None => self.start_engine(wanted.clone(), None)?,
        }
        self.sent = wanted;
        Ok(())
    }

    fn start_engine(
        &mut self,
        destinations: Vec<Destination>,
        record: Option<std::path::PathBuf>,
    ) -> Result<(), String> {
        let SourcesPhase::Opened(opened) = &self.sources else {
            return Err("the sources are still being opened".to_owned());
        };
        let sources = opened.sources.as_ref().ok_or("no source works")?;
        let config = broadcast::Config { record, ..self.settings.output.config(destinations) };
        let broadcast = opening(|| Broadcast::start(config, sources)).map_err(|error| error.to_string())?;
        self.status = Some(broadcast.status());
        self.replaced_encoder = None;
        self.keeping_up = KeepingUp::default();
        self.held = Held::of(&self.settings.output);
        self.broadcast = Some(broadcast);
        Ok(())
    }

    pub(crate) fn stop_broadcast(&mut self) {
        self.start_next = false;
        self.held.cut_off_at = None;
        let goes_on = self.records_on();
        match (&mut self.broadcast, &self.status) {
            (Some(broadcast), Some(status)) if goes_on => {
                let outcome = destination::outcome(&status.borrow());
                self.sent.drain(..).for_each(|sent| broadcast.remove_destination(&sent.name));
                self.drive(Input::Finished(outcome));
            }
            (Some(_), _) => self.stop_engine(),
            (None, _) if !self.ending => self.drive(Input::Finished(go_live::Outcome::default())),
            (None, _) => {}
        }
    }

    /// Whether what is recorded goes on behind the broadcast.
    pub(crate) fn records_on(&self) -> bool {
        self.recording.as_ref().is_some_and(|recording| !recording.ends_with_broadcast)
    }

    fn stop_engine(&mut self) {
        self.end_engine(Ending::AtOnce);
    }

    pub(crate) fn end_engine(&mut self, how: Ending) {
        self.sent.clear();
        self.recorded = self.recording.take().map(|recording| recording.file).or(self.recorded.take());
        let Some(mut broadcast) = self.broadcast.take() else { return };
        self.ending = true;
        let no_more = self.held.no_more.clone();
        self.tasks.spawn(async move {
            if how == Ending::SendsWhatIsHeldBack {
                tokio::select! {
                    () = broadcast.drain() => {}
                    () = no_more.cancelled() => {}
                }
            }
            Done::BroadcastEnded(Box::new(broadcast.end().await))
        });
    }

    pub(crate) fn broadcast_ended(&mut self, summary: &Summary) {
        info!(duration = ?summary.status.duration, cut_short = summary.cut_short, "broadcast ended");
        self.ending = false;
        self.status = None;
        self.report_replay(&summary.status);
        self.report_recording(&summary.status);
        self.drive(Input::Finished(destination::outcome(&summary.status)));
        if std::mem::take(&mut self.start_next) {
            self.start_broadcast();
        }
    }

    pub(crate) fn report(&mut self, status: &Status) {
        let states = status.destinations.iter().map(|sent| (sent.name.clone(), sent.state.clone()));
        self.drive(Input::Destinations(states.collect()));
        self.report_replay(status);
        self.keeping_up.look(now(), status.frames, status.dropped_frames);
        let is_told = |kind: &NoticeKind| matches!(kind, NoticeKind::PictureEnded);
        if status.source_ended
            && self.is_running()
            && !self.notices.iter().any(|notice| is_told(&notice.kind))
        {
            self.notify(NoticeKind::PictureEnded);
        } else if !status.source_ended {
            // Another scene is shown.
            self.clear(is_told);
        }
        if let (Some(old), Some(by)) = (&status.replaced_encoder, &status.encoder) {
            let kind = NoticeKind::EncoderReplaced {
                name: old.name.clone(),
                by: by.clone(),
                reason: old.reason.clone(),
            };
            if self.replaced_encoder.replace(kind.clone()) != Some(kind.clone()) {
                self.notify(kind);
            }
        }
        self.report_recording(status);
    }

    // -- recording --

    /// Tells once of a recording that broke off, be it while its file was made whole at the end.
    fn report_recording(&mut self, status: &Status) {
        let Some(told @ RecordingStatus { file, state: RecordingState::Failed { reason }, .. }) =
            &status.recording
        else {
            return;
        };
        // One that went to another disk meanwhile is told of no more: what was recorded so far is kept.
        if self.recording.as_ref().is_some_and(|running| !is_of(told, &running.file)) {
            return;
        }
        if self.failed_recording.as_ref() == Some(file) {
            return;
        }
        self.failed_recording = Some(file.clone());
        let kept = file.exists();
        self.notify(NoticeKind::RecordingFailed { reason: reason.clone(), kept });
        self.stop_recording();
        self.recorded.take_if(|_| !kept);
    }

    /// Starts or stops the recording, whatever the broadcast does.
    pub(crate) fn record(&mut self, on: bool) {
        if self.recording.is_some() == on || self.ending {
            return;
        }
        if on {
            self.clear(|kind| matches!(kind, NoticeKind::RecordingFailed { .. }));
            self.start_recording(false);
        } else {
            self.stop_recording();
        }
    }

    fn start_recording(&mut self, ends_with_broadcast: bool) {
        let begun = recording::file(&self.recordings(), chrono::Local::now())
            .map_err(|error| format!("there is no folder for it: {error}"))
            .and_then(|file| {
                match &mut self.broadcast {
                    Some(broadcast) => broadcast.record(&file).map_err(|error| error.to_string())?,
                    None => self.start_engine(Vec::new(), Some(file.clone()))?,
                }
                Ok(file)
            });
        match begun {
            Ok(file) => self.recording = Some(Recording { file, since: now(), ends_with_broadcast }),
            Err(reason) => {
                warn!(reason, "nothing is recorded");
                self.notify(NoticeKind::RecordingFailed { reason, kept: false });
            }
        }
    }

    fn stop_recording(&mut self) {
        let Some(recording) = self.recording.take() else { return };
        self.recorded = Some(recording.file);
        match &self.broadcast {
            Some(broadcast) if !self.sent.is_empty() => broadcast.stop_recording(),
            _ => self.stop_engine(),
        }
    }
}

/// Some encoders take a second to open. What else runs on this thread (chat, preview, the origin) goes on elsewhere meanwhile.
fn opening<T>(open: impl FnOnce() -> T) -> T {
    tokio::task::block_in_place(open)
}

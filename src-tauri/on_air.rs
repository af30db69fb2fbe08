//! The broadcast as the studio drives it: the machine of [`crate::go_live`] says what is to be done, and it is done here.

use broadcast::{Broadcast, Config, Status, Summary};
use tracing::info;

use crate::destination;
use crate::go_live::{self, Input, Output, Phase};
use crate::studio::{Done, SourcesPhase, Studio, now};
use crate::view::{Notice, NoticeKind};

impl Studio {
    /// Tells the machine, and does what it says.
    pub(crate) fn drive(&mut self, input: Input) {
        let before = self.go_live.phase().clone();
        self.go_live.handle_input(now(), input);
        while let Some(output) = self.go_live.poll_output() {
            match output {
                Output::Start if self.ending => self.start_next = true,
                Output::Start => self.start_broadcast(),
                Output::Stop => self.stop_broadcast(),
            }
        }
        if let (
            Phase::Connecting | Phase::Live { .. } | Phase::Reconnecting { .. },
            Phase::Idle { reasons },
        ) = (before, self.go_live.phase().clone())
        {
            for reason in reasons {
                self.notify(NoticeKind::BroadcastFailed { reason });
            }
        }
    }

    fn start_broadcast(&mut self) {
        let started = match (&self.sources, &self.room) {
            (SourcesPhase::Opened(opened), Some(hosted)) => match &opened.sources {
                Some(sources) => {
                    let config = Config {
                        destinations: vec![destination::this_computer(hosted)],
                        ..Config::default()
                    };
                    Broadcast::start(config, sources).map_err(|error| error.to_string())
                }
                None => Err("no source works".to_owned()),
            },
            _ => Err("the sources are still being opened".to_owned()),
        };
        match started {
            Ok(broadcast) => {
                info!("broadcast started");
                self.status = Some(broadcast.status());
                self.broadcast = Some(broadcast);
            }
            Err(reason) => self.drive(Input::StartFailed(reason)),
        }
    }

    fn stop_broadcast(&mut self) {
        self.start_next = false;
        if let Some(broadcast) = self.broadcast.take() {
            self.ending = true;
            self.tasks.spawn(async move { Done::BroadcastEnded(Box::new(broadcast.end().await)) });
        } else if !self.ending {
            self.drive(Input::Finished(go_live::Outcome::default()));
        }
    }

    pub(crate) fn broadcast_ended(&mut self, summary: &Summary) {
        info!(duration = ?summary.status.duration, cut_short = summary.cut_short, "broadcast ended");
        self.ending = false;
        self.status = None;
        self.drive(Input::Finished(destination::outcome(summary)));
        if std::mem::take(&mut self.start_next) {
            self.start_broadcast();
        }
    }

    pub(crate) fn report(&mut self, status: &Status) {
        let states = status.destinations.iter().map(|destination| destination.state.clone());
        self.drive(Input::Destinations(states.collect()));
        let told = |notice: &Notice| matches!(notice.kind, NoticeKind::PictureEnded);
        if status.source_ended && self.go_live.is_on_air() && !self.notices.iter().any(told) {
            self.notify(NoticeKind::PictureEnded);
        }
    }
}

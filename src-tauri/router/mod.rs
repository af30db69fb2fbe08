//! The way from the internet to the watch page: the router is asked to forward its port, for as long as the person wants
//! anyone to watch and the origin runs. Nothing is asked before.

mod mapping;
mod route;
#[cfg(test)]
mod tests;
mod view;

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, watch};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::hosting;
use crate::studio::{Done, OriginPhase, Studio};
use crate::view::Audience;
pub(crate) use mapping::Forwarded;
use mapping::{Mapping, Problem};
pub use view::Internet;

/// What the router is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wish {
    /// The router; `None` takes the one that this computer sends to everything else by.
    pub(crate) router: Option<Ipv4Addr>,
    /// The TCP port of this computer, and the one that is wanted at the router.
    pub(crate) port: u16,
}

/// What it answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It is being asked.
    Asking,
    /// It forwards.
    Forwards(Forwarded),
    /// It does not; in its words.
    Refuses(String),
    /// None answered.
    Silent,
}

/// The router of a running origin.
#[derive(Default)]
pub(crate) struct Forwarding {
    asked: Option<Asked>,
    /// What it says; kept here for the studio to wait on.
    pub(crate) answer: Option<watch::Receiver<Answer>>,
    /// One at a time: who is sent away closes the port before the next one opens it.
    turn: Arc<Mutex<()>>,
}

struct Asked {
    wish: Wish,
    stop: CancellationToken,
}

impl Forwarding {
    /// Lets the router stop forwarding, in a task that goes on for a moment.
    fn stop(&mut self) {
        self.answer = None;
        if let Some(asked) = self.asked.take() {
            asked.stop.cancel();
        }
    }
}

impl Studio {
    /// Changes who can watch. The origin restarts only where it has to listen elsewhere.
    pub(crate) fn set_audience(&mut self, audience: Audience) {
        let http = hosting::listen_for(self.settings.origin.http, audience);
        let moves = http.ip() != self.settings.origin.http.ip();
        self.set(|settings| settings.origin.anyone = audience == Audience::Anyone);
        if moves && matches!(self.origin, OriginPhase::Off) {
            // Nobody asked for it to run.
            self.set(|settings| settings.origin.http = http);
        } else if moves {
            self.listen(http);
        } else {
            // Asked again by somebody who sees that it did not work.
            self.forwarding.stop();
            self.forward();
        }
    }

    /// Asks the router, or no more, as the origin and the settings are now.
    pub(crate) fn forward(&mut self) {
        let wish = match &self.origin {
            OriginPhase::Running { hosted, .. } if self.settings.origin.audience() == Audience::Anyone => {
                Some(Wish { router: self.settings.origin.router, port: hosted.http.port() })
            }
            _ => None,
        };
        if self.forwarding.asked.as_ref().map(|asked| asked.wish) == wish {
            return;
        }
        self.forwarding.stop();
        let Some(wish) = wish else { return };
        let (tell, answer) = watch::channel(Answer::Asking);
        let stop = CancellationToken::new();
        self.forwarding.answer = Some(answer);
        self.forwarding.asked = Some(Asked { wish, stop: stop.clone() });
        let turn = Arc::clone(&self.forwarding.turn);
        self.tasks.spawn(async move {
            let _turn = turn.lock_owned().await;
            keep(wish, &tell, stop).await;
            Done::RouterLeft
        });
    }
}

/// Has the port forwarded until `stop`, and tells what comes of it; then has it closed.
async fn keep(wish: Wish, tell: &watch::Sender<Answer>, stop: CancellationToken) {
    let mut held: Option<Mapping> = None;
    while !stop.is_cancelled() {
        // Not cut off in the middle: a port that was opened by a question nobody waited for would stay open.
        let (answer, again) = match ask(&mut held, wish).await {
            Ok(forwarded) => {
                let again = (forwarded.lease / 2).max(RENEWED_MIN);
                (Answer::Forwards(forwarded), again)
            }
            Err(Problem::Refused(reason)) => (Answer::Refuses(reason), ASKED_AGAIN),
            Err(Problem::Silent) => (Answer::Silent, ASKED_AGAIN),
        };
        // Without the address on the other side: logs are given to others.
        let said = match &answer {
            Answer::Forwards(forwarded) => format!("forwards, by {}", forwarded.protocol),
            Answer::Refuses(reason) => format!("refuses: {reason}"),
            Answer::Asking | Answer::Silent => "no answer".to_owned(),
        };
        let changed = tell.send_if_modified(|last| {
            let changed = *last != answer;
            *last = answer;
            changed
        });
        if changed {
            info!(said, port = wish.port, "the router was asked to forward");
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(again) => {}
        }
    }
    if let Some(mapping) = held {
        match tokio::time::timeout(CLOSE_MAX, mapping.close()).await {
            Ok(Ok(())) => info!(port = wish.port, "the router forwards no more"),
            Ok(Err(reason)) => warn!(reason, "the router did not take the forwarding back"),
            Err(_) => warn!("the router did not answer when it was asked to forward no more"),
        }
    }
}

/// Renews what is held; a router that forgot it, because it was restarted, is asked anew.
async fn ask(held: &mut Option<Mapping>, wish: Wish) -> Result<Forwarded, Problem> {
    if let Some(mapping) = held {
        match mapping.renew().await {
            Ok(forwarded) => return Ok(forwarded),
            Err(problem) => info!(?problem, "the forwarding was not renewed"),
        }
    }
    let (mapping, forwarded) = Mapping::open(wish).await?;
    *held = Some(mapping);
    Ok(forwarded)
}

/// A router that grants less is asked once a second at most.
const RENEWED_MIN: Duration = Duration::from_secs(1);
/// Between two questions to a router that did not do it: somebody may change its settings meanwhile.
const ASKED_AGAIN: Duration = Duration::from_secs(60);
/// Closing the app waits for this.
const CLOSE_MAX: Duration = Duration::from_secs(3);

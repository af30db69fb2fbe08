//! One destination, with servers of the tests' own.
#![allow(clippy::unwrap_used, reason = "tests")]

mod again;
mod first;
mod half_open;
mod over_srt;
mod over_tls;
mod refusal;
mod server;

use std::time::Duration;

use media::MediaEvent;
use publish::{Publisher, State};
use testkit::Source;

/// A publisher connects when it has something to send: the tracks.
fn begin(publisher: Publisher) -> Publisher {
    publisher.feed().push(&MediaEvent::Tracks(Source::default().tracks()));
    publisher
}

/// Waits for a state.
async fn until(publisher: &Publisher, reached: impl Fn(&State) -> bool) -> State {
    let mut state = publisher.state();
    let waited = tokio::time::timeout(Duration::from_secs(30), state.wait_for(|state| reached(state)));
    waited.await.expect("within half a minute").unwrap().clone()
}

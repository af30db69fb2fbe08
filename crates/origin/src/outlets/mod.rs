//! What one broadcast goes to besides the playlist: FLV viewers and the recording.
//!
//! Outlets travel with the packager, from publisher to publisher, and end with the broadcast.

mod continuity;
mod flv;
mod recorder;

use std::sync::Arc;

use media::MediaEvent;

use continuity::Continuity;
pub(crate) use flv::{Cut, Feed, Viewer};
use recorder::Recorder;
pub(crate) use recorder::Target;

/// All outlets of one broadcast, fed on one clock.
#[derive(Debug)]
pub(crate) struct Outlets {
    clock: Continuity,
    feed: Arc<Feed>,
    recorder: Option<Recorder>,
}

impl Outlets {
    /// Outlets of a broadcast that begins.
    pub(crate) fn new(recorded: Option<Target>) -> Outlets {
        Outlets { clock: Continuity::default(), feed: Feed::new(), recorder: recorded.map(Recorder::new) }
    }

    /// A publisher begins or returns. Answers where FLV viewers join from now on.
    pub(crate) fn begin(&mut self) -> Arc<Feed> {
        self.clock.begin();
        if self.feed.has_ended() {
            self.feed = Feed::new();
        }
        Arc::clone(&self.feed)
    }

    /// Takes what the publisher sends.
    pub(crate) fn push(&mut self, event: &MediaEvent) {
        let Some(continued) = self.clock.take(event) else { return };
        self.feed.push(&continued.event);
        if let Some(recorder) = &mut self.recorder {
            recorder.push(&continued);
        }
    }

    /// The publisher is gone, and may come back.
    pub(crate) fn pause(&mut self) {
        if let Some(recorder) = &mut self.recorder {
            recorder.flush();
        }
    }

    /// The publisher has finished: whoever watches is not kept waiting for another, and what was recorded can be
    /// watched again at once. A publisher that returns all the same begins another recording.
    pub(crate) fn finish(&mut self) {
        self.feed.end();
        if let Some(recorder) = &mut self.recorder {
            recorder.finish();
        }
    }
}

impl Drop for Outlets {
    fn drop(&mut self) {
        self.feed.end();
    }
}

//! The picture line: one source, handed to the stage, and opened again when it breaks off.

use std::sync::Arc;

use capture::{Clock, Stop, VideoInput, VideoSettings, VideoSource};
use media::Span;

use crate::scene::{FeedId, Stage};

/// Runs on the thread that owns the picture source.
pub(crate) struct PictureLine {
    pub(crate) input: VideoInput,
    pub(crate) settings: VideoSettings,
    pub(crate) clock: Clock,
    pub(crate) stage: Arc<Stage>,
    pub(crate) feed: FeedId,
    pub(crate) stop: Stop,
}

impl PictureLine {
    /// Until stopped, or until a file has ended. Without a source it begins by waiting for it.
    pub(crate) fn run(mut self, source: Result<VideoSource, capture::Error>) {
        let mut opened = source;
        loop {
            let error = match opened {
                Ok(mut source) => {
                    self.input = source.same_again(&self.input);
                    match self.hand_on_all(&mut source) {
                        Some(error) => error,
                        None => return self.stage.end(self.feed),
                    }
                }
                Err(error) => error,
            };
            tracing::warn!(input = %self.input, %error, "the picture source broke off");
            self.stage.set_trouble(self.feed, Some((&error).into()));
            match self.reopen(error.is_for_the_person()) {
                Some(reopened) => opened = Ok(reopened),
                None => return self.stage.end(self.feed),
            }
            self.stage.set_trouble(self.feed, None);
        }
    }

    /// Until the source breaks off; `None` when it has ended or is stopped.
    fn hand_on_all(&self, source: &mut VideoSource) -> Option<capture::Error> {
        loop {
            match source.next(&self.stop) {
                Ok(Some(frame)) => self.stage.take(self.feed, frame),
                Ok(None) => return None,
                Err(error) => return Some(error),
            }
        }
    }

    /// A display, window or camera may come back; a file that broke off has ended. Until it does, the last picture is
    /// repeated; one that stands still for long would pass for the truth, so it goes.
    ///
    /// What the person took away comes back when the person shows the source again, by another line.
    fn reopen(&self, is_for_the_person: bool) -> Option<VideoSource> {
        if !comes_back(&self.input) {
            return None;
        }
        let clock = self.clock;
        let mut lost_at = Some(clock.now() + LAST_PICTURE_MAX);
        while !self.stop.wait_until(clock.instant(clock.now() + REOPEN_WAIT)) {
            if lost_at.is_some_and(|lost_at| clock.now() >= lost_at) {
                self.stage.lose(self.feed);
                lost_at = None;
            }
            if is_for_the_person {
                continue;
            }
            match VideoSource::open(&self.input, clock, &self.settings) {
                Ok(Some(source)) => {
                    tracing::info!(input = %self.input, "the picture source is back");
                    return Some(source);
                }
                Ok(None) => {}
                Err(error) => {
                    tracing::debug!(input = %self.input, %error, "the picture source is still away")
                }
            }
        }
        None
    }
}

/// Whether a source that is away may be there later.
pub(crate) fn comes_back(input: &VideoInput) -> bool {
    matches!(input, VideoInput::Screen(_) | VideoInput::Window(..) | VideoInput::Camera(_))
}

/// Time between two tries to open a source that went away.
const REOPEN_WAIT: Span = Span::from_secs(1);

/// A plug that was only touched is in again by then.
const LAST_PICTURE_MAX: Span = Span::from_secs(5);

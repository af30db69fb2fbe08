//! The picture line: one source, shown, handed on, and opened again when it breaks off.

use std::sync::Arc;

use bytes::Bytes;
use capture::{Stop, VideoInput, VideoSettings, VideoSource};
use media::{Colour, PixelFormat, Plane, Size, Span, Timestamp, VideoFrame};
use tokio::sync::watch;

use crate::program::Program;

/// Runs on the thread that owns the picture source.
pub(crate) struct PictureLine {
    pub(crate) input: VideoInput,
    pub(crate) settings: VideoSettings,
    pub(crate) program: Arc<Program>,
    pub(crate) preview: watch::Sender<Option<VideoFrame>>,
    /// Why there is no picture, while there is none.
    pub(crate) trouble: watch::Sender<Option<String>>,
    pub(crate) stop: Stop,
}

impl PictureLine {
    /// Until stopped, or until a file has ended.
    pub(crate) fn run(mut self, mut source: VideoSource) {
        self.input = source.same_again(&self.input);
        loop {
            match source.next(&self.stop) {
                Ok(Some(frame)) => self.hand_on(frame),
                Ok(None) => return self.program.frames.end(),
                Err(error) => {
                    tracing::warn!(input = ?self.input, %error, "the picture source broke off");
                    self.trouble.send_replace(Some(error.to_string()));
                    drop(source);
                    match self.reopen() {
                        Some(reopened) => source = reopened,
                        None => return self.program.frames.end(),
                    }
                    self.trouble.send_replace(None);
                }
            }
        }
    }

    fn hand_on(&self, frame: VideoFrame) {
        self.preview.send_replace(Some(frame.clone()));
        self.program.frames.push(frame);
    }

    /// A display, window or camera may come back; a file that broke off has ended. Until it does, the pacer repeats the last
    /// picture; one that stands still for long would pass for the truth, so black follows.
    fn reopen(&self) -> Option<VideoSource> {
        if matches!(self.input, VideoInput::File(_)) {
            return None;
        }
        let clock = self.program.clock;
        let mut black_at = Some(clock.now() + LAST_PICTURE_MAX);
        while !self.stop.wait_until(clock.instant(clock.now() + REOPEN_WAIT)) {
            if black_at.is_some_and(|black_at| clock.now() >= black_at) {
                self.hand_on(black(self.settings.size, clock.now()));
                black_at = None;
            }
            match VideoSource::open(&self.input, clock, &self.settings) {
                Ok(Some(source)) => {
                    tracing::info!(input = ?self.input, "the picture source is back");
                    return Some(source);
                }
                Ok(None) => {}
                Err(error) => {
                    tracing::debug!(input = ?self.input, %error, "the picture source is still away")
                }
            }
        }
        None
    }
}

/// A black picture; both sides even.
fn black(size: Size, pts: Timestamp) -> VideoFrame {
    let (width, height) = (size.width as usize, size.height as usize);
    let plane = |width: usize, height: usize, value: u8| Plane {
        data: Bytes::from(vec![value; width * height]),
        stride: width,
    };
    let chroma = plane(width / 2, height / 2, 128);
    let planes = vec![plane(width, height, 16), chroma.clone(), chroma];
    VideoFrame { pts, size, format: PixelFormat::I420, planes, colour: Colour::Bt709Limited }
}

/// Time between two tries to open a source that went away.
const REOPEN_WAIT: Span = Span::from_secs(1);

/// A plug that was only touched is in again by then.
const LAST_PICTURE_MAX: Span = Span::from_secs(5);

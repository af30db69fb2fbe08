//! The picture encoder's thread: frames on their grid, and what happens when an encoder fails.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use capture::Stop;
use media::{Span, VideoFrame};
use publish::KeyframeRequest;

use crate::ReplacedEncoder;
use crate::encoding::Output;
use crate::frame_queue::FrameQueue;
use crate::ladder::Shape;
use crate::pacer::Pacer;
use crate::program::Program;
use crate::threads;

/// Runs on the picture encoder's thread.
pub(crate) struct PictureEncoder {
    pub(crate) encoder: encode::Video,
    /// What it was opened with last.
    pub(crate) settings: encode::Config,
    /// The picture that was taken last.
    pub(crate) shown: Option<VideoFrame>,
    /// It again, for an encoder that has not seen it.
    pub(crate) last: Option<VideoFrame>,
    pub(crate) program: Arc<Program>,
    /// Its pictures.
    pub(crate) frames: Arc<FrameQueue>,
    pub(crate) output: Arc<Output>,
    pub(crate) keyframes: KeyframeRequest,
    pub(crate) stop: Stop,
}

impl PictureEncoder {
    /// Until stopped or the source has ended.
    pub(crate) fn run(mut self) {
        let mut pacer = Pacer::new(self.settings.fps, self.program.now());
        let mut started = false;
        let black_from = self.program.now() + FIRST_PICTURE_MAX;
        loop {
            if let Some(shape) = self.output.wanted.take() {
                self.follow(shape, &mut pacer);
            }
            let due = pacer.due() - self.program.offset();
            if self.stop.wait_until(self.program.clock.instant(due)) {
                break;
            }
            let exhausted = self.frames.is_exhausted();
            let tick = pacer.tick(self.program.now());
            let offset = self.program.offset();
            let frame = self.frames.take(|times| {
                let times: Vec<_> = times.iter().map(|&time| time + offset).collect();
                pacer.choose(tick, &times)
            });
            if frame.is_none() && exhausted {
                self.output.counters.ended.store(true, Ordering::Relaxed);
                break;
            }
            if frame.is_some() {
                self.shown.clone_from(&frame);
            }
            started |= frame.is_some() || self.program.now() > black_from;
            if !started {
                continue;
            }
            if let Err(error) = self.encode(frame.as_ref(), tick) {
                return self.output.fail(&error);
            }
            self.output.counters.skipped.store(pacer.skipped(), Ordering::Relaxed);
        }
        match self.encoder.finish() {
            Ok(packets) => self.output.send(packets),
            Err(error) => self.output.fail(&error),
        }
    }

    fn encode(&mut self, frame: Option<&VideoFrame>, tick: i64) -> Result<(), encode::Error> {
        let again = self.last.take();
        let keyframe = self.keyframes.take() | self.output.take_keyframe_request();
        let begun = self.program.clock.now();
        let packets = match self.encoder.encode(frame.or(again.as_ref()), tick, keyframe) {
            Err(error) if self.is_its_own(&error) => self.encode_elsewhere(error, tick)?,
            encoded => encoded?,
        };
        let counters = &self.output.counters;
        counters.took(self.program.clock.now() - begun, self.settings.fps);
        counters.frames.fetch_add(1, Ordering::Relaxed);
        counters.repeated.fetch_add(u64::from(frame.is_none()), Ordering::Relaxed);
        self.output.send(packets);
        Ok(())
    }

    /// Becomes what the network carries.
    fn follow(&mut self, shape: Shape, pacer: &mut Pacer) {
        let Shape { size, fps, bitrate_bps } = shape;
        if (size, fps) == (self.settings.size, self.settings.fps) {
            return self.set_bitrate(bitrate_bps);
        }
        let choice = encode::Choice::Named(self.encoder.name().to_owned());
        let settings = encode::Config {
            size,
            fps,
            bitrate_bps,
            choice,
            keyframe_interval: self.settings.keyframe_interval,
        };
        match threads::preferred("picture-encoder", || encode::Video::open(&settings)) {
            Ok(encoder) => {
                self.exchange(encoder);
                pacer.change_rate(fps, self.program.now());
                self.settings = settings;
            }
            Err(error) => tracing::warn!(%error, ?size, fps, "the picture stays as it was"),
        }
    }

    /// Ends the present encoder and goes on with another, whose first picture is an IDR.
    fn exchange(&mut self, encoder: encode::Video) {
        match std::mem::replace(&mut self.encoder, encoder).finish() {
            Ok(rest) => self.output.send(rest),
            // What follows needs nothing of what is lost.
            Err(error) => tracing::warn!(%error, "the old encoder's last pictures are lost"),
        }
        self.output.change_track(self.encoder.track());
        self.last = self.shown.clone();
    }

    /// An encoder that cannot change goes on as it was: too many bits are better than none.
    fn set_bitrate(&mut self, bps: u32) {
        match self.encoder.set_bitrate(bps) {
            Ok(rest) => {
                self.output.send(rest);
                self.output.change_track(self.encoder.track());
                tracing::info!(bps, encoder = self.encoder.name(), "bit rate changed");
            }
            Err(error) => tracing::warn!(%error, bps, "the bit rate stays as it was"),
        }
    }

    /// Whether the encoder failed, rather than the picture it was given.
    fn is_its_own(&self, error: &encode::Error) -> bool {
        use encode::Error::{Ffmpeg, Hangs};
        matches!(error, Ffmpeg { name, .. } | Hangs { name, .. } if *name == self.encoder.name())
    }

    /// Encodes the picture that the encoder failed at with the next one that works. Its first packet is an IDR.
    fn encode_elsewhere(
        &mut self,
        mut failure: encode::Error,
        tick: i64,
    ) -> Result<Vec<media::Packet>, encode::Error> {
        loop {
            let failed = self.encoder.name();
            tracing::error!(error = %failure, encoder = failed, "an encoder failed, another takes over");
            self.encoder.replace(&failure)?;
            match self.encoder.encode(None, tick, true) {
                Err(error) if self.is_its_own(&error) => failure = error,
                Err(error) => return Err(error),
                Ok(packets) => {
                    self.output.change_track(self.encoder.track());
                    let replaced = ReplacedEncoder { name: failed.to_owned(), reason: failure.to_string() };
                    self.output.encoder.replace(self.encoder.name(), replaced);
                    return Ok(packets);
                }
            }
        }
    }
}

/// Without a first picture for this long black is sent: a display or camera that does not wake up.
const FIRST_PICTURE_MAX: Span = Span::from_secs(2);

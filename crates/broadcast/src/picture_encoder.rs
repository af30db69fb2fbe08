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
    /// What it aims at.
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
    /// Until stopped. A source that has ended leaves its last picture, until another is shown.
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
            self.output.set_ended(frame.is_none() && exhausted);
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
        let picture = frame.or(again.as_ref());
        let keyframe = self.keyframes.take() | self.output.take_keyframe_request();
        let begun = self.program.clock.now();
        let packets = match self.encoder.encode(picture, tick, keyframe) {
            Err(error) if self.is_its_own(&error) => self.encode_elsewhere(error, tick)?,
            Err(error) if picture.is_some() => {
                tracing::debug!(%error, "a picture was left out");
                self.encoder.encode(None, tick, keyframe)?
            }
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
                pacer.change_rate(fps);
                self.settings = settings;
            }
            Err(error) => {
                tracing::warn!(%error, ?size, fps, "the picture keeps its size and frame rate");
                self.set_bitrate(bitrate_bps);
            }
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
                self.settings.bitrate_bps = bps;
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use media::{Colour, PixelFormat, Size, Timestamp};

    use super::*;
    use crate::encoder_state::EncoderState;
    use crate::encodes::EncodeId;
    use crate::encoding::Kept;
    use crate::outlets::Outlets;

    /// Of a program that shows nothing yet.
    fn line() -> PictureEncoder {
        let settings = encode::Config {
            size: Size::new(64, 48),
            fps: 50,
            bitrate_bps: 200_000,
            keyframe_interval: Span::from_secs(1),
            choice: encode::Choice::Named("libx264".to_owned()),
        };
        let encoder = encode::Video::open(&settings).expect("libx264 is there");
        let shape = Shape { size: settings.size, fps: settings.fps, bitrate_bps: settings.bitrate_bps };
        let (outlets, delay) = (Arc::new(Outlets::new()), Span::ZERO);
        let kept = Kept { id: EncodeId::SHARED, outlets, delay, replay: None, shape };
        let output = Output::new([encoder.track()].into(), EncoderState::new(Some(encoder.name())), kept);
        let program = Arc::new(Program::new(capture::Clock::start()));
        PictureEncoder {
            encoder,
            settings,
            shown: None,
            last: None,
            frames: Arc::clone(&program.frames),
            program,
            output: Arc::new(output),
            keyframes: KeyframeRequest::new(),
            stop: Stop::new(),
        }
    }

    fn until(what: &str, reached: impl Fn() -> bool) {
        let clock = capture::Clock::start();
        while !reached() {
            assert!(clock.now() < Timestamp::from_millis(45_000), "{what}");
            std::thread::park_timeout(Duration::from_millis(5));
        }
    }

    /// Of the time now.
    fn picture(line: &PictureEncoder, planes: Vec<media::Plane>) -> VideoFrame {
        let (size, format, colour) = (Size::new(64, 48), PixelFormat::I420, Colour::Bt709Limited);
        VideoFrame { pts: line.program.clock.now(), size, format, planes, colour }
    }

    #[test]
    fn a_picture_that_cannot_be_read_is_left_out() {
        let line = line();
        let (stop, output) = (line.stop.clone(), Arc::clone(&line.output));
        line.frames.set_open(true);
        line.frames.push(picture(&line, Vec::new()));
        let thread = std::thread::spawn(move || line.run());
        until("three pictures", || output.counters.frames.load(Ordering::Relaxed) >= 3);
        stop.stop();
        thread.join().expect("it ends");
        assert_eq!(output.failure(), None);
    }

    #[test]
    fn a_clip_that_has_ended_leaves_its_last_picture_until_another_is_shown() {
        let line = line();
        let (stop, output, frames) = (line.stop.clone(), Arc::clone(&line.output), Arc::clone(&line.frames));
        let has_ended = || output.counters.ended.load(Ordering::Relaxed);
        let encoded = || output.counters.frames.load(Ordering::Relaxed);
        let another = picture(&line, Vec::new());
        frames.set_open(true);
        frames.push(another.clone());
        frames.set_ended(true);
        let thread = std::thread::spawn(move || line.run());
        until("the end is told", has_ended);
        let before = encoded();
        until("its last picture is sent", || encoded() >= before + 3);
        frames.set_ended(false);
        frames.push(another);
        until("the next scene is shown", || !has_ended());
        stop.stop();
        thread.join().expect("it ends");
    }

    #[test]
    fn where_no_encoder_opens_for_a_smaller_picture_the_bit_rate_follows_all_the_same() {
        let mut line = line();
        let mut pacer = Pacer::new(50, Timestamp::ZERO);
        line.follow(Shape { size: Size::new(33, 24), fps: 50, bitrate_bps: 100_000 }, &mut pacer);
        assert_eq!((line.settings.size, line.settings.bitrate_bps), (Size::new(64, 48), 100_000));
    }
}

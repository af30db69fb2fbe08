//! The sound of a media file.

use std::collections::VecDeque;
use std::path::Path;

use ffmpeg_next as ffmpeg;
use ffmpeg_next::frame;
use media::Timestamp;

use crate::audio::{AudioStep, BLOCK_FRAMES, CHANNELS, Captured, RATE};
use crate::demuxer::{Decoding, Demuxer};
use crate::resampler::Resampler;
use crate::{Clock, Error, Stop};

/// Decodes a file's sound and delivers it block by block at its time, once.
pub struct AudioFile {
    decoding: Decoding<ffmpeg::decoder::Audio>,
    resampler: Option<Resampler>,
    clock: Clock,
    /// Interleaved samples that wait for their time, and when the first of them plays.
    waiting: VecDeque<f32>,
    next: Option<Timestamp>,
}

impl AudioFile {
    /// Opens the best sound stream of a file, to be played from `begin`.
    pub(crate) fn open(path: &Path, clock: Clock, begin: Timestamp) -> Result<AudioFile, Error> {
        let (demuxer, parameters) = Demuxer::open(path, ffmpeg::media::Type::Audio, "sound", begin)?;
        let decoder = ffmpeg::codec::Context::from_parameters(parameters)
            .and_then(|context| context.decoder().audio())
            .map_err(|error| demuxer.fault(&error.to_string()))?;
        Ok(AudioFile {
            decoding: Decoding::new(demuxer, decoder),
            resampler: None,
            clock,
            waiting: VecDeque::new(),
            next: None,
        })
    }

    /// Waits until the next block has sounded.
    pub(crate) fn next(&mut self, stop: &Stop) -> Result<AudioStep, Error> {
        while self.waiting.len() < BLOCK_FRAMES * CHANNELS && self.decode()? {}
        if self.waiting.is_empty() {
            return Ok(AudioStep::Ended);
        }
        let samples: Vec<f32> =
            self.waiting.drain(..self.waiting.len().min(BLOCK_FRAMES * CHANNELS)).collect();
        let pts = self.next.unwrap_or_else(|| self.clock.now());
        let end = pts + media::Span::from_ticks((samples.len() / CHANNELS) as i64, RATE);
        self.next = Some(end);
        if stop.wait_until(self.clock.instant(end)) {
            return Ok(AudioStep::Ended);
        }
        // The file's own time is exact, so the block counts as arriving when it should.
        Ok(AudioStep::Block(Captured { device_time: pts, arrived: end, lost: 0, samples: samples.into() }))
    }

    /// Decodes one more frame into `waiting`; `false` at the end of the file.
    fn decode(&mut self) -> Result<bool, Error> {
        let mut decoded = frame::Audio::empty();
        if !self.decoding.next(&mut decoded)? {
            self.flush()?;
            return Ok(false);
        }
        self.take(&mut decoded)?;
        Ok(true)
    }

    fn take(&mut self, decoded: &mut frame::Audio) -> Result<(), Error> {
        // What was broadcast changes its form where an advertisement or a film begins.
        if self.resampler.as_ref().is_some_and(|resampler| !resampler.takes(decoded)) {
            self.flush()?;
        }
        if self.resampler.is_none() {
            self.resampler = Some(Resampler::for_frame(decoded)?);
        }
        if let Some(time) =
            decoded.timestamp().or(decoded.pts()).map(|ticks| self.decoding.demuxer.time(ticks))
        {
            self.align(time);
        }
        if let Some(resampler) = &mut self.resampler {
            self.waiting.extend(resampler.run(decoded)?);
        }
        Ok(())
    }

    /// Lets the line of samples follow the file's times where they leave it: a gap is played as silence.
    fn align(&mut self, time: Timestamp) {
        let Some(next) = self.next else {
            self.next = Some(time);
            return;
        };
        let queued = media::Span::from_ticks((self.waiting.len() / CHANNELS) as i64, RATE);
        let gap = time - (next + queued);
        if gap > GAP_MIN && gap < GAP_MAX {
            let silence = gap.ticks(RATE).max(0) as usize * CHANNELS;
            self.waiting.extend(std::iter::repeat_n(0.0, silence));
        }
    }

    fn flush(&mut self) -> Result<(), Error> {
        if let Some(mut resampler) = self.resampler.take() {
            self.waiting.extend(resampler.finish()?);
        }
        Ok(())
    }
}

/// Shorter gaps are rounding of the container's time base, or the resampler's delay.
const GAP_MIN: media::Span = media::Span::from_millis(70);

/// Longer gaps are broken timestamps: ten seconds of silence is 4 MB.
const GAP_MAX: media::Span = media::Span::from_secs(10);

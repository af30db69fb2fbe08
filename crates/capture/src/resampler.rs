//! Any sound FFmpeg decodes, or a device delivers, as 48 kHz stereo.

use ffmpeg_next as ffmpeg;
use ffmpeg_next::format::Sample;
use ffmpeg_next::format::sample::Type;
use ffmpeg_next::{ChannelLayout, frame};

use crate::Error;
use crate::audio::{CHANNELS, SAMPLE_RATE};

/// Converts blocks of one format; keeps the few samples between two blocks.
pub(crate) struct Resampler {
    context: ffmpeg::software::resampling::Context,
    takes: (Sample, ChannelLayout, u32),
}

impl Resampler {
    /// For blocks of this format.
    pub(crate) fn new(format: Sample, layout: ChannelLayout, rate: u32) -> Result<Resampler, Error> {
        let context = ffmpeg::software::resampling::Context::get(
            format,
            layout,
            rate,
            Sample::F32(Type::Packed),
            ChannelLayout::STEREO,
            SAMPLE_RATE,
        )
        .map_err(fault)?;
        Ok(Resampler { context, takes: (format, layout, rate) })
    }

    /// For blocks like this decoded frame.
    pub(crate) fn for_frame(frame: &frame::Audio) -> Result<Resampler, Error> {
        Resampler::new(frame.format(), layout_of(frame), frame.rate())
    }

    /// Whether this decoded frame is like those it was made for.
    pub(crate) fn takes(&self, frame: &frame::Audio) -> bool {
        self.takes == (frame.format(), layout_of(frame), frame.rate())
    }

    /// For interleaved blocks of `channels` channels.
    pub(crate) fn for_interleaved(channels: usize, rate: u32) -> Result<Resampler, Error> {
        Resampler::new(Sample::F32(Type::Packed), ChannelLayout::default(channels as i32), rate)
    }

    /// Stereo of an interleaved block of `channels` channels at `rate`.
    pub(crate) fn run_interleaved(
        &mut self,
        values: &[f32],
        channels: usize,
        rate: u32,
    ) -> Result<Vec<f32>, Error> {
        let frames = values.len() / channels.max(1);
        let layout = ChannelLayout::default(channels as i32);
        let mut block = frame::Audio::new(Sample::F32(Type::Packed), frames, layout);
        block.set_rate(rate);
        for (bytes, value) in block.data_mut(0).chunks_exact_mut(4).zip(values) {
            bytes.copy_from_slice(&value.to_ne_bytes());
        }
        self.run(&mut block)
    }

    /// Interleaved stereo of a block.
    pub(crate) fn run(&mut self, block: &mut frame::Audio) -> Result<Vec<f32>, Error> {
        if block.channel_layout().is_empty() {
            block.set_channel_layout(layout_of(block));
        }
        let (.., rate) = self.takes;
        let room = block.samples() as u64 * u64::from(SAMPLE_RATE) / u64::from(rate.max(1)) + SLACK_FRAMES;
        let mut out = output(room as usize);
        self.context.run(block, &mut out).map_err(fault)?;
        Ok(samples_of(&out))
    }

    /// What is still inside.
    pub(crate) fn finish(&mut self) -> Result<Vec<f32>, Error> {
        let mut out = output(SLACK_FRAMES as usize);
        self.context.flush(&mut out).map_err(fault)?;
        Ok(samples_of(&out))
    }
}

fn output(frames: usize) -> frame::Audio {
    let mut out = frame::Audio::new(Sample::F32(Type::Packed), frames, ChannelLayout::STEREO);
    out.set_rate(SAMPLE_RATE);
    out
}

fn samples_of(block: &frame::Audio) -> Vec<f32> {
    let len = block.samples() * CHANNELS;
    let bytes = block.data(0);
    bytes.chunks_exact(4).take(len).map(|b| f32::from_ne_bytes([b[0], b[1], b[2], b[3]])).collect()
}

/// The layout, guessed from the number of channels where the file does not say.
fn layout_of(frame: &frame::Audio) -> ChannelLayout {
    let layout = frame.channel_layout();
    if layout.is_empty() { ChannelLayout::default(i32::from(frame.channels())) } else { layout }
}

fn fault(error: ffmpeg::Error) -> Error {
    Error::Conversion { what: "sound", reason: error.to_string() }
}

/// Room for what the resampler kept from the block before: its filter is 32 samples long.
const SLACK_FRAMES: u64 = 4_096;

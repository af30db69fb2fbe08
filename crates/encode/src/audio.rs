//! Sound to AAC.

use std::collections::VecDeque;

use ffmpeg_next as ffmpeg;
use ffmpeg_next::codec::packet::Packet as Coded;
use ffmpeg_next::codec::{Context, Flags};
use ffmpeg_next::format::Sample;
use ffmpeg_next::format::sample::Type;
use ffmpeg_next::{ChannelLayout, ffi, frame};
use media::{Aac, AudioFrame, Codec, Packet, Timescale, Timestamp, Track, TrackId};

use crate::Error;
use crate::encoder::extradata;

/// An open AAC-LC encoder for 48 kHz stereo.
///
/// The first packet begins 1 024 samples before the first sample, as the encoder's priming does; every packet
/// is stamped with the time of what a decoder puts out for it, so sound and picture stay together.
pub struct Audio {
    encoder: ffmpeg::encoder::Audio,
    codec: Aac,
    waiting: VecDeque<f32>,
    /// The sample that goes into the encoder next; `None` before the first.
    next: Option<i64>,
}

impl Audio {
    /// The track every audio packet belongs to.
    pub const TRACK: TrackId = TrackId(1);

    /// Samples per second and channel it takes.
    pub const SAMPLE_RATE: u32 = 48_000;

    /// Bits per second that nobody hears the loss of.
    pub const BITRATE_BPS: u32 = 160_000;

    /// Opens the encoder for so many bits per second.
    ///
    /// # Errors
    /// When this FFmpeg has none.
    pub fn open(bitrate_bps: u32) -> Result<Audio, Error> {
        crate::start_ffmpeg().map_err(fault("starting"))?;
        let codec = ffmpeg::encoder::find_by_name(NAME).ok_or_else(|| Error::Unusable {
            name: NAME.to_owned(),
            reason: "not in this FFmpeg".to_owned(),
        })?;
        let mut context = Context::new_with_codec(codec);
        context.set_flags(Flags::GLOBAL_HEADER);
        let mut audio = context.encoder().audio().map_err(fault("configuring"))?;
        audio.set_rate(Audio::SAMPLE_RATE as i32);
        audio.set_format(Sample::F32(Type::Planar));
        audio.set_channel_layout(ChannelLayout::STEREO);
        audio.set_bit_rate(bitrate_bps as usize);
        audio.set_time_base((1, Audio::SAMPLE_RATE as i32));
        let opened = audio.open().map_err(fault("opening"))?;
        let codec =
            Aac::from_asc(extradata(&opened)).map_err(|source| Error::Parameters { name: NAME, source })?;
        Ok(Audio { encoder: opened, codec, waiting: VecDeque::new(), next: None })
    }

    /// The track that the packets belong to.
    #[must_use]
    pub fn track(&self) -> Track {
        Track { id: Audio::TRACK, codec: Codec::Aac(self.codec.clone()), timescale: RATE }
    }

    /// Encodes a block of stereo sound at [`Audio::SAMPLE_RATE`]. Blocks follow each other without gaps: one
    /// that begins later is preceded by silence, one that begins earlier loses its head.
    ///
    /// # Errors
    /// When the encoder fails.
    pub fn encode(&mut self, block: &AudioFrame) -> Result<Vec<Packet>, Error> {
        let first = block.pts.ticks(RATE);
        let end = self.next.get_or_insert(first).saturating_add((self.waiting.len() / CHANNELS) as i64);
        let gap = (first - end).clamp(-GAP_MAX_SAMPLES, GAP_MAX_SAMPLES);
        self.waiting.extend(std::iter::repeat_n(0.0, gap.max(0) as usize * CHANNELS));
        let covered = (-gap).max(0) as usize * CHANNELS;
        self.waiting.extend(block.samples.iter().skip(covered));
        let mut packets = Vec::new();
        while self.waiting.len() >= FRAME_VALUES {
            self.send(FRAME_VALUES)?;
            self.drain(&mut packets)?;
        }
        Ok(packets)
    }

    /// Encodes what is still inside; the last packet is filled up with silence.
    ///
    /// # Errors
    /// When the encoder fails.
    pub fn finish(mut self) -> Result<Vec<Packet>, Error> {
        let mut packets = Vec::new();
        if !self.waiting.is_empty() {
            self.waiting.resize(FRAME_VALUES, 0.0);
            self.send(FRAME_VALUES)?;
        }
        self.encoder.send_eof().map_err(fault("ending"))?;
        self.drain(&mut packets)?;
        Ok(packets)
    }

    fn send(&mut self, values: usize) -> Result<(), Error> {
        let samples = values / CHANNELS;
        let mut block = frame::Audio::new(Sample::F32(Type::Planar), samples, ChannelLayout::STEREO);
        block.set_rate(Audio::SAMPLE_RATE);
        let interleaved: Vec<f32> = self.waiting.drain(..values).collect();
        for channel in 0..CHANNELS {
            let plane = block.plane_mut::<f32>(channel);
            for (to, pair) in plane.iter_mut().zip(interleaved.chunks_exact(CHANNELS)) {
                *to = pair[channel];
            }
        }
        block.set_pts(self.next);
        self.next = self.next.map(|next| next + samples as i64);
        self.encoder.send_frame(&block).map_err(fault("taking sound"))
    }

    fn drain(&mut self, packets: &mut Vec<Packet>) -> Result<(), Error> {
        loop {
            let mut coded = Coded::empty();
            match self.encoder.receive_packet(&mut coded) {
                Ok(()) => packets.extend(packet(coded)),
                Err(ffmpeg::Error::Eof) => return Ok(()),
                Err(ffmpeg::Error::Other { errno }) if errno == ffi::EAGAIN => return Ok(()),
                Err(source) => return Err(fault("encoding")(source)),
            }
        }
    }
}

fn packet(coded: Coded) -> Option<Packet> {
    let pts = Timestamp::from_ticks(coded.pts()?, RATE);
    let data = bytes::Bytes::copy_from_slice(coded.data()?);
    Some(Packet { track: Audio::TRACK, dts: pts, pts, random_access: true, data })
}

fn fault(step: &'static str) -> impl Fn(ffmpeg::Error) -> Error {
    move |source| Error::Ffmpeg { name: NAME, step, source }
}

const NAME: &str = "aac";

const CHANNELS: usize = 2;

/// Values of one access unit, both channels.
const FRAME_VALUES: usize = Aac::FRAME_SAMPLES as usize * CHANNELS;

const RATE: Timescale = match Timescale::new(Audio::SAMPLE_RATE) {
    Some(rate) => rate,
    None => panic!("the sample rate is not 0"),
};

/// A jump of more than ten seconds is a mistake of the caller's clock; silence for it would only cost memory.
const GAP_MAX_SAMPLES: i64 = 10 * Audio::SAMPLE_RATE as i64;

#[cfg(test)]
mod tests {
    use super::*;

    fn block(first: i64, frames: usize) -> AudioFrame {
        let pts = Timestamp::from_ticks(first, RATE);
        AudioFrame {
            pts,
            sample_rate: Audio::SAMPLE_RATE,
            channels: 2,
            samples: vec![0.1; frames * 2].into(),
        }
    }

    fn encode(blocks: &[AudioFrame]) -> Vec<i64> {
        let mut audio = Audio::open(Audio::BITRATE_BPS).expect("FFmpeg has AAC");
        let mut packets: Vec<Packet> =
            blocks.iter().flat_map(|block| audio.encode(block).expect("a block")).collect();
        packets.extend(audio.finish().expect("the end"));
        packets.iter().map(|packet| packet.pts.ticks(RATE)).collect()
    }

    #[test]
    fn packets_follow_each_other_without_a_gap_and_begin_with_the_priming() {
        let times = encode(&(0..20).map(|index| block(5_000 + index * 480, 480)).collect::<Vec<_>>());
        assert_eq!(times[0], 5_000 - 1_024);
        assert!(times.windows(2).all(|pair| pair[1] - pair[0] == 1_024), "{times:?}");
    }

    #[test]
    fn a_missing_block_becomes_silence_and_a_doubled_one_is_left_out() {
        let straight = encode(&[block(0, 4_800), block(4_800, 4_800)]);
        assert_eq!(encode(&[block(0, 4_000), block(4_800, 4_800)]), straight);
        assert_eq!(encode(&[block(0, 4_800), block(4_000, 5_600)]), straight);
    }

    #[test]
    fn no_more_is_made_than_was_asked_for() {
        let mut audio = Audio::open(128_000).expect("FFmpeg has AAC");
        // Noise, which an encoder cannot make small: ten seconds of it.
        let mut seed = 1_u32;
        let mut bytes = 0;
        for number in 0..470_i64 {
            let samples = (0..2_048).map(|_| {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                seed as f32 / u32::MAX as f32 - 0.5
            });
            let block = AudioFrame { samples: samples.collect(), ..block(number * 1_024, 1_024) };
            let packets = audio.encode(&block).expect("it encodes");
            bytes += packets.iter().map(|packet| packet.data.len()).sum::<usize>();
        }
        let bps = bytes as f64 * 8.0 / (470.0 * 1_024.0 / 48_000.0);
        assert!((64_000.0..=130_000.0).contains(&bps), "{bps} bits per second");
    }

    #[test]
    fn the_track_is_stereo_at_48_khz() {
        let Codec::Aac(aac) = Audio::open(Audio::BITRATE_BPS).expect("FFmpeg has AAC").track().codec else {
            panic!("AAC")
        };
        assert_eq!((aac.sample_rate, aac.channels), (48_000, 2));
    }
}

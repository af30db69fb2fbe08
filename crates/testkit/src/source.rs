//! A source of media events without an encoder.

use std::sync::Arc;

use bytes::Bytes;
use media::{
    Aac, Codec, H264, MediaEvent, Packet, Span, Timescale, Timestamp, Track, TrackId, TrackKind, nal,
};

/// Describes a stream; [`Source::events`] makes it. The parameter sets are real ones, the slices are not
/// decodable.
#[derive(Clone, Debug)]
pub struct Source {
    /// How long each frame lasts, taken in turn; empty for a stream without video.
    pub frames: Vec<Span>,
    /// Frames in each GOP, taken in turn.
    pub gops: Vec<u32>,
    /// B-frames between two reference frames.
    pub b_frames: u32,
    /// Samples per second of the sound; `None` for a stream without sound.
    pub sample_rate: Option<u32>,
    /// How much later than a picture of the same time each sound packet arrives, taken in turn; may be
    /// negative. Sound keeps its order.
    pub audio_delays: Vec<Span>,
    /// How long the stream lasts.
    pub duration: Span,
    /// Where its timestamps begin.
    pub start: Timestamp,
}

impl Default for Source {
    /// Ten seconds of 30 fps with GOPs of 1 s, and sound of 48 kHz.
    fn default() -> Source {
        Source {
            frames: vec![Span::from_flicks(Span::from_secs(1).flicks() / 30)],
            gops: vec![30],
            b_frames: 0,
            sample_rate: Some(48_000),
            audio_delays: vec![Span::ZERO],
            duration: Span::from_secs(10),
            start: Timestamp::ZERO,
        }
    }
}

impl Source {
    /// The id of the video track.
    pub const VIDEO: TrackId = TrackId(0);
    /// The id of the audio track.
    pub const AUDIO: TrackId = TrackId(1);

    /// The tracks.
    ///
    /// # Panics
    /// Never: the parameters are constants.
    #[must_use]
    pub fn tracks(&self) -> Arc<[Track]> {
        let mut tracks = Vec::new();
        if !self.frames.is_empty() {
            let h264 = H264::from_parameter_sets(&[Bytes::from_static(SPS)], &[Bytes::from_static(PPS)]);
            let codec = Codec::H264(h264.expect("real parameter sets"));
            tracks.push(Track { id: Self::VIDEO, codec, timescale: Timescale::MPEG });
        }
        if let Some(sample_rate) = self.sample_rate {
            let codec = Codec::Aac(Aac { asc: asc(sample_rate), sample_rate, channels: 2 });
            let timescale = Timescale::new(sample_rate).expect("a sample rate");
            tracks.push(Track { id: Self::AUDIO, codec, timescale });
        }
        tracks.into()
    }

    /// Tracks, then packets in the order they arrive. There is no end.
    #[must_use]
    pub fn events(&self) -> Vec<MediaEvent> {
        let mut arriving: Vec<(Timestamp, Packet)> = self.video().into_iter().map(|p| (p.dts, p)).collect();
        let delays = self.audio_delays.iter().cycle().copied();
        let mut latest = self.start - Span::from_secs(1_000);
        arriving.extend(self.audio().into_iter().zip(delays).map(|(packet, delay)| {
            latest = latest.max(packet.dts + delay);
            (latest, packet)
        }));
        arriving.sort_by_key(|(at, _)| *at);
        let packets = arriving.into_iter().map(|(_, packet)| MediaEvent::Packet(packet));
        std::iter::once(MediaEvent::Tracks(self.tracks())).chain(packets).collect()
    }

    fn video(&self) -> Vec<Packet> {
        let mut packets = Vec::new();
        let (mut gops, mut left, mut in_gop, mut gop) = (self.gops.iter().cycle(), 0, 0, 0);
        let mut dts = self.start;
        for (index, &frame) in self.frames.iter().cycle().enumerate() {
            if dts - self.start >= self.duration {
                break;
            }
            if left == 0 {
                gop = (*gops.next().unwrap_or(&u32::MAX)).max(1);
                (left, in_gop) = (gop, 0);
            }
            let shown = self.display_index(in_gop, gop);
            let pts = dts + frame * (i64::from(shown) + i64::from(self.b_frames > 0) - i64::from(in_gop));
            packets.push(picture(dts, pts, in_gop == 0, index));
            dts += frame;
            left -= 1;
            in_gop += 1;
        }
        packets
    }

    /// Where in display order the `index`th picture of a GOP in decoding order stands.
    fn display_index(&self, index: u32, gop: u32) -> u32 {
        let step = self.b_frames + 1;
        let Some(after_idr) = index.checked_sub(1).filter(|_| self.b_frames > 0) else { return index };
        let group = after_idr / step * step;
        let whole = group + step < gop;
        match after_idr % step {
            _ if !whole => index,
            0 => group + step,
            b => group + b,
        }
    }

    fn audio(&self) -> Vec<Packet> {
        let Some(rate) = self.sample_rate.and_then(Timescale::new) else { return Vec::new() };
        let mut packets = Vec::new();
        for frame in 0_i64.. {
            let at = Span::from_ticks(frame * i64::from(Aac::FRAME_SAMPLES), rate);
            if at >= self.duration {
                break;
            }
            let mut data = vec![0x21_u8; 12];
            data.extend_from_slice(&frame.to_be_bytes());
            let dts = self.start + at;
            packets.push(Packet {
                track: Self::AUDIO,
                dts,
                pts: dts,
                random_access: true,
                data: data.into(),
            });
        }
        packets
    }

    /// The packets among `events` of the video or the audio track.
    #[must_use]
    pub fn packets(events: &[MediaEvent], kind: TrackKind) -> Vec<Packet> {
        let wanted = if kind == TrackKind::Video { Self::VIDEO } else { Self::AUDIO };
        let packets = events.iter().filter_map(|event| match event {
            MediaEvent::Packet(packet) if packet.track == wanted => Some(packet.clone()),
            _ => None,
        });
        packets.collect()
    }
}

/// A picture whose bytes differ from every other's.
fn picture(dts: Timestamp, pts: Timestamp, idr: bool, index: usize) -> Packet {
    let mut slice = vec![if idr { 0x65 } else { 0x41 }, 0x88];
    // Seven bits a byte, so that none is 0 and nothing looks like a start code.
    slice.extend((0..8).rev().map(|group| (index >> (7 * group)) as u8 | 0x80));
    slice.resize(if idr { 400 } else { 60 }, 0xa5);
    let data = nal::to_length_prefixed([slice.as_slice()]);
    Packet { track: Source::VIDEO, dts, pts, random_access: idr, data }
}

/// AAC LC, stereo.
fn asc(sample_rate: u32) -> Bytes {
    let rates =
        [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000];
    let index = rates.iter().position(|&rate| rate == sample_rate).expect("a rate of the table") as u8;
    Bytes::from(vec![2 << 3 | index >> 1, (index & 1) << 7 | 2 << 3])
}

/// 320×180, constrained baseline, 30 fps, as libx264 writes it.
const SPS: &[u8] = &[
    0x67, 0x42, 0xc0, 0x0d, 0xd9, 0x01, 0x41, 0x9f, 0x9f, 0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10, 0x00,
    0x00, 0x03, 0x03, 0xc0, 0xf1, 0x42, 0xa4, 0x80,
];
const PPS: &[u8] = &[0x68, 0xcb, 0x83, 0xcb, 0x20];

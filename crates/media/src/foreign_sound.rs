//! Sound in codecs that players of HLS do not take: it is known by what its frames say, and has to be re-encoded.

use bytes::Bytes;

use crate::time::{Span, Timescale};

/// Sound that cannot be packaged as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForeignSound {
    /// What it is coded with.
    pub format: SoundFormat,
    /// Samples per second; 0 never occurs.
    pub sample_rate: u32,
    /// Channels; 0 never occurs.
    pub channels: u8,
}

/// A codec of [`ForeignSound`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SoundFormat {
    /// MPEG audio, layer II.
    Mp2,
    /// MPEG audio, layer III.
    Mp3,
    /// G.711 with A-law.
    ALaw,
    /// G.711 with µ-law.
    MuLaw,
    /// Dolby AC-3 (ATSC A/52).
    Ac3,
}

/// What the header of a frame tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SoundFrame {
    /// The sound.
    pub sound: ForeignSound,
    /// Bytes of the frame, its header included.
    pub bytes: usize,
}

impl SoundFormat {
    /// As people write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            SoundFormat::Mp2 => "MP2",
            SoundFormat::Mp3 => "MP3",
            SoundFormat::ALaw => "G.711 A-law",
            SoundFormat::MuLaw => "G.711 µ-law",
            SoundFormat::Ac3 => "AC-3",
        }
    }
}

impl ForeignSound {
    /// How long the access unit `data` sounds: every frame of a codec lasts as long as the next, and G.711 has a
    /// byte for each sample.
    #[must_use]
    pub fn duration(&self, data: &[u8]) -> Option<Span> {
        let samples = match self.format {
            SoundFormat::ALaw | SoundFormat::MuLaw => {
                i64::try_from(data.len() / usize::from(self.channels.max(1))).ok()?
            }
            SoundFormat::Mp3 if self.sample_rate < MPEG1_RATE_MIN => 576,
            SoundFormat::Mp2 | SoundFormat::Mp3 => 1_152,
            SoundFormat::Ac3 => AC3_SAMPLES,
        };
        Some(Span::from_ticks(samples, Timescale::new(self.sample_rate)?))
    }
}

impl SoundFrame {
    /// Bytes of which a header is read.
    pub const HEADER_BYTES: usize = 8;

    /// Reads the header of an MPEG audio frame, layer II or III. `None` where there is none, and for a frame that does
    /// not say how long it is.
    ///
    /// Spec: ISO/IEC 11172-3 §2.4.1.3; ISO/IEC 13818-3 §2.4.2.3.
    #[must_use]
    pub fn of_mpeg_audio(data: &[u8]) -> Option<SoundFrame> {
        let &[sync, version, rate, mode] = data.first_chunk()?;
        if sync != 0xff || version & 0xe0 != 0xe0 {
            return None;
        }
        let (id, layer) = (version >> 3 & 3, version >> 1 & 3);
        // 0 is MPEG-2.5, which halves the rates of MPEG-2, which halves those of MPEG-1.
        let halvings = match id {
            3 => 0,
            2 => 1,
            0 => 2,
            _ => return None,
        };
        let base = *MPEG_RATES.get(usize::from(rate >> 2 & 3))?;
        let sample_rate = base >> halvings;
        let (format, kilobits) = match layer {
            2 => (SoundFormat::Mp2, if halvings == 0 { &MPEG1_LAYER2_KBPS } else { &MPEG2_KBPS }),
            1 => (SoundFormat::Mp3, if halvings == 0 { &MPEG1_LAYER3_KBPS } else { &MPEG2_KBPS }),
            _ => return None,
        };
        let bitrate_bps = kilobits.get(usize::from(rate >> 4)).filter(|rate| **rate > 0)? * 1_000;
        let bytes_a_second = if format == SoundFormat::Mp3 && halvings > 0 { 72 } else { 144 };
        let padding = u32::from(rate >> 1 & 1);
        let bytes = usize::try_from(bytes_a_second * bitrate_bps / sample_rate + padding).ok()?;
        let channels = if mode >> 6 == 3 { 1 } else { 2 };
        Some(SoundFrame { sound: ForeignSound { format, sample_rate, channels }, bytes })
    }

    /// Reads the header of an AC-3 frame; `None` where there is none, and for E-AC-3.
    ///
    /// Spec: ATSC A/52 §5.3, table 5.18.
    #[must_use]
    pub fn of_ac3(data: &[u8]) -> Option<SoundFrame> {
        let &[0x0b, 0x77, _, _, size, version, mode, rest] = data.first_chunk()? else { return None };
        if version >> 3 > AC3_VERSION_MAX {
            return None;
        }
        let kilobits = *AC3_KBPS.get(usize::from(size & 0x3f) / 2)?;
        let (sample_rate, words) = match size >> 6 {
            0 => (48_000, kilobits * 2),
            1 => (44_100, kilobits * 320 / 147 + u32::from(size & 1)),
            2 => (32_000, kilobits * 3),
            _ => return None,
        };
        let layout = mode >> 5;
        // The levels of the mix stand between the layout and the flag of the bass channel, where the layout has them.
        let center = u16::from(layout & 1 == 1 && layout != 1) * 2;
        let surround = u16::from(layout & 4 == 4) * 2;
        let matrixed = u16::from(layout == 2) * 2;
        let after = u16::from_be_bytes([mode, rest]) << 3 << (center + surround + matrixed);
        let bass = u8::from(after & 0x8000 != 0);
        let channels = AC3_CHANNELS[usize::from(layout)] + bass;
        let sound = ForeignSound { format: SoundFormat::Ac3, sample_rate, channels };
        Some(SoundFrame { sound, bytes: usize::try_from(words).ok()? * 2 })
    }

    /// The frames that follow each other in `data`, each read by `header`. What is left over is no whole frame.
    pub fn split(
        mut data: Bytes,
        header: fn(&[u8]) -> Option<SoundFrame>,
    ) -> (Vec<(ForeignSound, Bytes)>, Bytes) {
        let mut frames = Vec::new();
        while frames.len() < FRAMES_MAX
            && let Some(frame) = header(&data)
            && frame.bytes <= data.len()
        {
            frames.push((frame.sound, data.split_to(frame.bytes)));
        }
        (frames, data)
    }
}

/// Below this rate MPEG audio is of MPEG-2, whose frames of layer III are half as long.
const MPEG1_RATE_MIN: u32 = 32_000;

const AC3_SAMPLES: i64 = 1_536;

/// `bsid` of AC-3 as it is decoded; E-AC-3 has 16.
const AC3_VERSION_MAX: u8 = 10;

/// Frames that are read of one message: more than a second of sound.
const FRAMES_MAX: usize = 128;

const MPEG_RATES: [u32; 3] = [44_100, 48_000, 32_000];
const MPEG1_LAYER2_KBPS: [u32; 15] = [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384];
const MPEG1_LAYER3_KBPS: [u32; 15] = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
const MPEG2_KBPS: [u32; 15] = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
const AC3_KBPS: [u32; 19] =
    [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640];
/// By `acmod`.
const AC3_CHANNELS: [u8; 8] = [2, 1, 2, 3, 3, 4, 4, 5];

#[cfg(test)]
mod tests {
    use super::*;

    fn sound(format: SoundFormat, sample_rate: u32, channels: u8) -> ForeignSound {
        ForeignSound { format, sample_rate, channels }
    }

    fn check_mpeg(header: [u8; 4], expected: Option<(ForeignSound, usize)>) {
        let read = SoundFrame::of_mpeg_audio(&header).map(|frame| (frame.sound, frame.bytes));
        assert_eq!(read, expected, "{header:02x?}");
    }

    #[test]
    fn headers_of_mpeg_audio_tell_the_sound_and_the_length() {
        check_mpeg([0xff, 0xfb, 0x90, 0x64], Some((sound(SoundFormat::Mp3, 44_100, 2), 417)));
        check_mpeg([0xff, 0xfb, 0x92, 0xc4], Some((sound(SoundFormat::Mp3, 44_100, 1), 418)));
        check_mpeg([0xff, 0xf3, 0x84, 0xc4], Some((sound(SoundFormat::Mp3, 24_000, 1), 192)));
        check_mpeg([0xff, 0xe3, 0x48, 0xc4], Some((sound(SoundFormat::Mp3, 8_000, 1), 288)));
        check_mpeg([0xff, 0xfd, 0xc4, 0x00], Some((sound(SoundFormat::Mp2, 48_000, 2), 768)));
    }

    #[test]
    fn what_is_no_frame_of_mpeg_audio_is_told() {
        for header in [
            [0xff, 0x1b, 0x90, 0x64],
            // A free bit rate, one that does not exist, a rate that does not, layer I, a version that does not exist.
            [0xff, 0xfb, 0x00, 0x64],
            [0xff, 0xfb, 0xf0, 0x64],
            [0xff, 0xfb, 0x9c, 0x64],
            [0xff, 0xff, 0x90, 0x64],
            [0xff, 0xeb, 0x90, 0x64],
        ] {
            check_mpeg(header, None);
        }
        assert_eq!(SoundFrame::of_mpeg_audio(&[0xff, 0xfb, 0x90]), None);
    }

    #[test]
    fn headers_of_ac3_tell_the_sound_and_the_length() {
        let read = |size: u8, mode: u8, rest: u8| {
            let header = [0x0b, 0x77, 0, 0, size, 0x40, mode, rest];
            SoundFrame::of_ac3(&header)
                .map(|frame| (frame.sound.sample_rate, frame.sound.channels, frame.bytes))
        };
        // 48 kHz at 192 kbit/s in stereo; 5.1 at 448; 44.1 kHz at 64 with its odd word.
        assert_eq!(read(0x14, 0x40, 0), Some((48_000, 2, 768)));
        assert_eq!(read(0x1e, 0b1110_0001, 0), Some((48_000, 6, 1_792)));
        assert_eq!(read(0x1e, 0b1110_0000, 0), Some((48_000, 5, 1_792)));
        assert_eq!(read(0x49, 0b0011_0000, 0), Some((44_100, 2, 280)));
        assert_eq!(read(0xff, 0x40, 0), None);
        assert_eq!(SoundFrame::of_ac3(&[0x0b, 0x77, 0, 0, 0x14, 0x80, 0x40, 0]), None, "E-AC-3");
    }

    #[test]
    fn frames_behind_each_other_are_split_and_the_rest_is_given_back() {
        let frame: Vec<u8> = [0xff, 0xfb, 0x90, 0x64].into_iter().chain([0; 413]).collect();
        let data = [frame.as_slice(), &frame, &frame[..100]].concat();
        let (frames, rest) = SoundFrame::split(data.into(), SoundFrame::of_mpeg_audio);
        assert_eq!(frames.iter().map(|(_, data)| data.len()).collect::<Vec<_>>(), [417, 417]);
        assert_eq!(rest.len(), 100);
    }

    #[test]
    fn access_units_last_as_long_as_their_samples() {
        let milliseconds =
            |sound: ForeignSound, bytes: usize| sound.duration(&vec![0; bytes]).map(|span| span.as_millis());
        assert_eq!(milliseconds(sound(SoundFormat::Mp3, 48_000, 2), 400), Some(24));
        assert_eq!(milliseconds(sound(SoundFormat::Mp3, 24_000, 2), 400), Some(24));
        assert_eq!(milliseconds(sound(SoundFormat::Mp2, 24_000, 2), 400), Some(48));
        assert_eq!(milliseconds(sound(SoundFormat::Ac3, 48_000, 6), 400), Some(32));
        assert_eq!(milliseconds(sound(SoundFormat::MuLaw, 8_000, 2), 1_600), Some(100));
        assert_eq!(milliseconds(sound(SoundFormat::ALaw, 8_000, 1), 160), Some(20));
    }
}

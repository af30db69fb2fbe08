//! Sound of old that players do not take: MP3 and G.711, which have no sequence header.
//!
//! Spec: Adobe FLV 10.1 §E.4.2.1.

use bytes::Bytes;
use media::{Codec, ForeignSound, SoundFormat, SoundFrame, Span};

/// A body of such sound, without its first byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ForeignBody {
    format: SoundFormat,
    stereo: bool,
    data: Bytes,
}

impl ForeignBody {
    /// The body whose first byte is `first`; `None` for a codec that is not taken.
    pub(super) fn read(first: u8, body: &Bytes) -> Option<ForeignBody> {
        let format = match first >> 4 {
            2 | 14 => SoundFormat::Mp3,
            7 => SoundFormat::ALaw,
            8 => SoundFormat::MuLaw,
            _ => return None,
        };
        Some(ForeignBody { format, stereo: first & 1 == 1, data: body.slice(1..) })
    }

    /// The access units, each with its parameters and how far it begins behind the body's stamp. `None` where
    /// something cannot be read.
    pub(super) fn access_units(self) -> Option<Vec<(Codec, Span, Bytes)>> {
        let frames = match self.format {
            SoundFormat::ALaw | SoundFormat::MuLaw => {
                let channels = if self.stereo { 2 } else { 1 };
                let sound = ForeignSound { format: self.format, sample_rate: G711_RATE, channels };
                let whole = self.data.len() <= G711_BYTES_MAX
                    && self.data.len().is_multiple_of(usize::from(channels));
                if !whole {
                    return None;
                }
                vec![(sound, self.data)]
            }
            _ => {
                let (frames, rest) = SoundFrame::split(self.data, SoundFrame::of_mpeg_audio);
                if !rest.is_empty() {
                    return None;
                }
                frames
            }
        };
        let mut begins = Span::ZERO;
        let units = frames.into_iter().map(|(sound, data)| {
            let at = begins;
            begins += sound.duration(&data).unwrap_or(Span::ZERO);
            (Codec::Foreign(sound), at, data)
        });
        Some(units.collect())
    }
}

/// Samples per second of G.711 in FLV: nothing says another rate.
const G711_RATE: u32 = 8_000;

/// A second of two channels: what waits longer to be sent is no live sound.
const G711_BYTES_MAX: usize = 16_000;

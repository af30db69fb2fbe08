//! How the samples of an MP4 track are coded.

use bytes::Bytes;
use media::{Aac, Codec, Opus, Span, Timescale, nal};

use crate::access_unit::{self, AccessUnit};

/// How the samples of a track are coded.
#[derive(Clone, Debug)]
pub(super) struct Coding {
    pub(super) family: Family,
    pub(super) nal_length_size: usize,
    /// `None` while the configuration leaves the parameters to the samples.
    pub(super) codec: Option<Codec>,
}

/// The codecs that are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    H264,
    Hevc,
    Av1,
    Aac,
    Opus,
}

impl Coding {
    /// Whether the samples are sound.
    pub(super) fn is_sound(&self) -> bool {
        matches!(self.family, Family::Aac | Family::Opus)
    }

    /// Reads a sample of video; `None` when it cannot be read. A sample that is a packet already is not
    /// copied.
    pub(super) fn access_unit(&self, sample: Bytes) -> Option<AccessUnit> {
        let known = self.codec.as_ref();
        if self.family == Family::Av1 {
            return access_unit::av1(known, &sample);
        }
        let units = nal::length_prefixed_units(&sample, self.nal_length_size);
        let units = units.collect::<Result<Vec<_>, _>>().ok()?;
        let framed = (self.nal_length_size == 4).then_some(&sample);
        let read = if self.family == Family::Hevc { access_unit::hevc } else { access_unit::h264 };
        Some(read(known, framed, &units))
    }

    /// How long a sample of audio sounds; `None` when it cannot be read.
    pub(super) fn sound_duration(&self, sample: &[u8]) -> Option<Span> {
        match &self.codec {
            Some(Codec::Aac(aac)) => {
                let rate = Timescale::new(aac.sample_rate)?;
                Some(Span::from_ticks(i64::from(Aac::FRAME_SAMPLES), rate)).filter(|_| !sample.is_empty())
            }
            Some(Codec::Opus(_)) => Opus::packet_duration(sample),
            _ => None,
        }
    }
}

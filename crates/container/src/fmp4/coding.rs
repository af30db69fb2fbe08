//! How the samples of an MP4 track are coded.

use bytes::Bytes;
use media::{Aac, Av1, Codec, H264, Hevc, Opus, ParameterError, Span, Timescale, nal};

use crate::access_unit::{self, AccessUnit};

/// How the samples of a track are coded.
#[derive(Clone, Debug)]
pub(crate) struct Coding {
    pub(crate) family: Family,
    pub(crate) nal_length_size: usize,
    /// `None` while the configuration leaves the parameters to the samples.
    pub(crate) codec: Option<Codec>,
}

/// The codecs that are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    H264,
    Hevc,
    Av1,
    Aac,
    Opus,
}

impl Coding {
    /// Reads a decoder configuration as MP4 holds it: `avcC`, `hvcC`, `av1C`, an `AudioSpecificConfig`, `dOps`.
    pub(crate) fn read(family: Family, record: Bytes) -> Result<Coding, ParameterError> {
        let mut nal_length_size = 4;
        let codec = match family {
            Family::H264 => {
                nal_length_size = H264::nal_length_size(&record)?;
                H264::from_avcc(record).map(Codec::H264)
            }
            Family::Hevc => {
                nal_length_size = Hevc::nal_length_size(&record)?;
                Hevc::from_hvcc(record).map(Codec::Hevc)
            }
            Family::Av1 => Av1::from_av1c(&record).map(Codec::Av1),
            Family::Aac => Aac::from_asc(record).map(Codec::Aac),
            Family::Opus => Opus::from_dops(record).map(Codec::Opus),
        };
        let codec = match codec {
            Ok(codec) => Some(codec),
            // `avc3`, `hev1` and AV1 may leave them to the samples.
            Err(ParameterError::MissingParameterSet(_) | ParameterError::MissingHeader) => None,
            Err(error) => return Err(error),
        };
        Ok(Coding { family, nal_length_size, codec })
    }

    /// Whether the samples are sound.
    pub(crate) fn is_sound(&self) -> bool {
        matches!(self.family, Family::Aac | Family::Opus)
    }

    /// Reads a sample of video; `None` when it cannot be read. A sample that is a packet already is not
    /// copied.
    pub(crate) fn access_unit(&self, sample: Bytes) -> Option<AccessUnit> {
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
    pub(crate) fn sound_duration(&self, sample: &[u8]) -> Option<Span> {
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

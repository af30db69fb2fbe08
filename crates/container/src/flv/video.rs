//! The video of one publisher: its parameters, and access units as packets hold them.

use bytes::Bytes;
use media::{Av1, Codec, H264, Hevc, ParameterError, Timestamp, nal};

use super::FourCc;
use crate::access_unit::{self, AccessUnit};

/// Which codec is coming, and its parameters as far as they are known.
#[derive(Debug)]
pub(super) struct Video {
    pub(super) kind: FourCc,
    /// `None` while a header left the parameters to the stream, or none has come.
    pub(super) codec: Option<Codec>,
    nal_length_size: usize,
    /// Decoding time of the latest packet.
    pub(super) last: Option<Timestamp>,
}

impl Video {
    /// Video of which nothing is known but its codec.
    pub(super) fn new(kind: FourCc, last: Option<Timestamp>) -> Video {
        Video { kind, codec: None, nal_length_size: 4, last }
    }

    /// Reads a decoder configuration record. One without parameter sets leaves them to the stream.
    pub(super) fn from_header(
        kind: FourCc,
        record: Bytes,
        last: Option<Timestamp>,
    ) -> Result<Video, ParameterError> {
        let mut video = Video::new(kind, last);
        let read = match kind {
            FourCc::Avc => {
                video.nal_length_size = H264::nal_length_size(&record)?;
                H264::from_avcc(record).map(Codec::H264)
            }
            FourCc::Hevc => {
                video.nal_length_size = Hevc::nal_length_size(&record)?;
                Hevc::from_hvcc(record).map(Codec::Hevc)
            }
            _ => Av1::from_av1c(&record).map(Codec::Av1),
        };
        video.codec = match read {
            Ok(codec) => Some(codec),
            Err(ParameterError::MissingParameterSet(_) | ParameterError::MissingHeader) => None,
            Err(error) => return Err(error),
        };
        Ok(video)
    }

    /// Reads what one tag holds; `None` when it cannot be read. What is a packet already is not copied.
    pub(super) fn access_unit(&self, data: &Bytes) -> Option<AccessUnit> {
        let known = self.codec.as_ref();
        if self.kind == FourCc::Av1 {
            return access_unit::av1(known, data);
        }
        let read = if self.kind == FourCc::Hevc { access_unit::hevc } else { access_unit::h264 };
        let units = nal::length_prefixed_units(data, self.nal_length_size).collect::<Result<Vec<_>, _>>();
        if let Ok(units) = units {
            let framed = (self.nal_length_size == 4).then_some(data);
            return Some(read(known, framed, &units));
        }
        // Some publishers send start codes all the same.
        let start_code = data.starts_with(&[0, 0, 1]) || data.starts_with(&[0, 0, 0, 1]);
        start_code.then(|| read(known, None, &nal::annex_b_units(data).collect::<Vec<_>>()))
    }
}

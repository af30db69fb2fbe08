//! The video of one publisher: its parameters, and access units as packets hold them.

use bytes::Bytes;
use media::{Av1, Codec, H264, Hevc, ParameterError, ParameterSets, Timestamp, nal, obu};

use super::FourCc;

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

/// One access unit, ready but for its times.
#[derive(Debug)]
pub(super) struct AccessUnit {
    pub(super) data: Bytes,
    pub(super) random_access: bool,
    /// Other parameters than the known ones came with it.
    pub(super) parameters: Option<Codec>,
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

    /// Reads what one tag holds; `None` when it cannot be read.
    pub(super) fn access_unit(&self, data: &[u8]) -> Option<AccessUnit> {
        match self.kind {
            FourCc::Av1 => self.temporal_unit(data),
            kind => {
                let units = self.nal_units(data)?;
                Some(if kind == FourCc::Hevc { self.hevc(units) } else { self.h264(units) })
            }
        }
    }

    /// Length-prefixed units; or, where a publisher sends start codes all the same, those of Annex B.
    fn nal_units<'a>(&self, data: &'a [u8]) -> Option<Vec<&'a [u8]>> {
        let units = nal::length_prefixed_units(data, self.nal_length_size).collect::<Result<Vec<_>, _>>();
        let start_code = data.starts_with(&[0, 0, 1]) || data.starts_with(&[0, 0, 0, 1]);
        units.ok().or_else(|| start_code.then(|| nal::annex_b_units(data).collect()))
    }

    fn h264(&self, units: Vec<&[u8]>) -> AccessUnit {
        let random_access = nal::is_idr_picture(units.iter().copied());
        let mut parameters = None;
        if units.iter().any(|unit| nal::is_parameter_set(unit)) {
            let (known_sps, known_pps) = match &self.codec {
                Some(Codec::H264(known)) => known.parameter_sets(),
                _ => Default::default(),
            };
            let sps = of_type(&units, |unit| nal::unit_type(unit) == nal::SPS, known_sps);
            let pps = of_type(&units, |unit| nal::unit_type(unit) == nal::PPS, known_pps);
            // Sets that cannot be read are left out: the known ones go on.
            parameters = H264::from_parameter_sets(&sps, &pps).ok().map(Codec::H264);
        }
        let parameters = parameters.filter(|codec| self.codec.as_ref() != Some(codec));
        AccessUnit { data: nal::to_length_prefixed(units), random_access, parameters }
    }

    fn hevc(&self, units: Vec<&[u8]>) -> AccessUnit {
        let random_access = nal::hevc::is_random_access(units.iter().copied());
        let mut parameters = None;
        if units.iter().any(|unit| nal::hevc::is_parameter_set(unit)) {
            let known = match &self.codec {
                Some(Codec::Hevc(known)) => known.parameter_sets(),
                _ => ParameterSets::default(),
            };
            let sets = |wanted, known| of_type(&units, |unit| nal::hevc::unit_type(unit) == wanted, known);
            let vps = sets(nal::hevc::VPS, known.vps);
            let (sps, pps) = (sets(nal::hevc::SPS, known.sps), sets(nal::hevc::PPS, known.pps));
            parameters = Hevc::from_parameter_sets(&vps, &sps, &pps).ok().map(Codec::Hevc);
        }
        let parameters = parameters.filter(|codec| self.codec.as_ref() != Some(codec));
        AccessUnit { data: nal::hevc::to_length_prefixed(units), random_access, parameters }
    }

    fn temporal_unit(&self, data: &[u8]) -> Option<AccessUnit> {
        let units: Vec<obu::Obu<'_>> = obu::units(data).collect::<Result<_, _>>().ok()?;
        let header = units.iter().copied().find(|unit| unit.kind == obu::SEQUENCE_HEADER);
        let parameters = header.and_then(|header| Av1::from_sequence_header(header.payload).ok());
        let parameters = parameters.map(Codec::Av1).filter(|codec| self.codec.as_ref() != Some(codec));
        let mut random_access = obu::is_random_access(units.iter().copied());
        let key = obu::begins_with_key_frame(units.iter().copied());
        let mut packet = obu::to_temporal_unit(units);
        if let (true, None, Some(Codec::Av1(known))) = (key, header, &self.codec) {
            // The record has what the key frame lacks; in MP4 both stand together (AV1-ISOBMFF §2.4).
            packet = [&known.sequence_header()[..], &packet[..]].concat().into();
            random_access = true;
        }
        Some(AccessUnit { data: packet, random_access, parameters })
    }
}

/// The parameter sets of one type in an access unit, or those known before when it has none.
fn of_type(units: &[&[u8]], is_wanted: impl Fn(&[u8]) -> bool, known: Vec<Bytes>) -> Vec<Bytes> {
    let found: Vec<Bytes> =
        units.iter().filter(|unit| is_wanted(unit)).map(|unit| Bytes::copy_from_slice(unit)).collect();
    if found.is_empty() { known } else { found }
}

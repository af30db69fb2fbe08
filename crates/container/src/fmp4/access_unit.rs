//! Samples of MP4 as packets hold them.

use bytes::Bytes;
use media::{Aac, Av1, Codec, H264, Hevc, Opus, ParameterSets, Span, Timescale, nal, obu};

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

/// One sample of video, ready but for its times.
#[derive(Debug)]
pub(super) struct AccessUnit {
    /// Empty where nothing in the sample belongs in a packet.
    pub(super) data: Bytes,
    pub(super) random_access: bool,
    /// Parameters in the sample that differ from the known ones.
    pub(super) parameters: Option<Codec>,
}

impl Coding {
    /// Reads a sample of video; `None` when it cannot be read. A sample that is a packet already is not
    /// copied.
    pub(super) fn access_unit(&self, sample: Bytes) -> Option<AccessUnit> {
        match self.family {
            Family::Av1 => self.temporal_unit(sample),
            family => {
                let units = nal::length_prefixed_units(&sample, self.nal_length_size);
                let units = units.collect::<Result<Vec<_>, _>>().ok()?;
                Some(if family == Family::Hevc {
                    self.hevc(&sample, &units)
                } else {
                    self.h264(&sample, &units)
                })
            }
        }
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

    fn h264(&self, sample: &Bytes, units: &[&[u8]]) -> AccessUnit {
        let random_access = nal::is_idr_picture(units.iter().copied());
        let mut parameters = None;
        if units.iter().any(|unit| nal::is_parameter_set(unit)) {
            let (known_sps, known_pps) = match &self.codec {
                Some(Codec::H264(known)) => known.parameter_sets(),
                _ => Default::default(),
            };
            let sps = of_type(units, |unit| nal::unit_type(unit) == nal::SPS, known_sps);
            let pps = of_type(units, |unit| nal::unit_type(unit) == nal::PPS, known_pps);
            // Sets that cannot be read are left out: the known ones go on.
            parameters = H264::from_parameter_sets(&sps, &pps).ok().map(Codec::H264);
        }
        let parameters = parameters.filter(|codec| self.codec.as_ref() != Some(codec));
        let packet = self.as_it_is(sample, units, nal::belongs_in_packet);
        let data = packet.unwrap_or_else(|| nal::to_length_prefixed(units.iter().copied()));
        AccessUnit { data, random_access, parameters }
    }

    fn hevc(&self, sample: &Bytes, units: &[&[u8]]) -> AccessUnit {
        let random_access = nal::hevc::is_random_access(units.iter().copied());
        let mut parameters = None;
        if units.iter().any(|unit| nal::hevc::is_parameter_set(unit)) {
            let known = match &self.codec {
                Some(Codec::Hevc(known)) => known.parameter_sets(),
                _ => ParameterSets::default(),
            };
            let sets = |wanted, known| of_type(units, |unit| nal::hevc::unit_type(unit) == wanted, known);
            let vps = sets(nal::hevc::VPS, known.vps);
            let (sps, pps) = (sets(nal::hevc::SPS, known.sps), sets(nal::hevc::PPS, known.pps));
            parameters = Hevc::from_parameter_sets(&vps, &sps, &pps).ok().map(Codec::Hevc);
        }
        let parameters = parameters.filter(|codec| self.codec.as_ref() != Some(codec));
        let packet = self.as_it_is(sample, units, nal::hevc::belongs_in_packet);
        let data = packet.unwrap_or_else(|| nal::hevc::to_length_prefixed(units.iter().copied()));
        AccessUnit { data, random_access, parameters }
    }

    /// The sample itself, where it is framed as a packet is and holds nothing else.
    fn as_it_is(&self, sample: &Bytes, units: &[&[u8]], belongs: fn(&[u8]) -> bool) -> Option<Bytes> {
        let framed: usize = units.iter().map(|unit| 4 + unit.len()).sum();
        let whole = self.nal_length_size == 4 && framed == sample.len();
        (whole && units.iter().all(|unit| belongs(unit))).then(|| sample.clone())
    }

    fn temporal_unit(&self, sample: Bytes) -> Option<AccessUnit> {
        let units: Vec<obu::Obu<'_>> = obu::units(&sample).collect::<Result<_, _>>().ok()?;
        let header = units.iter().copied().find(|unit| unit.kind == obu::SEQUENCE_HEADER);
        let parameters = header.and_then(|header| Av1::from_sequence_header(header.payload).ok());
        let parameters = parameters.map(Codec::Av1).filter(|codec| self.codec.as_ref() != Some(codec));
        let mut random_access = obu::is_random_access(units.iter().copied());
        let key = obu::begins_with_key_frame(units.iter().copied());
        let mut data = obu::to_temporal_unit(units);
        if let (true, None, Some(Codec::Av1(known))) = (key, header, &self.codec) {
            // The record has what the key frame lacks (AV1-ISOBMFF §2.4).
            data = [&known.sequence_header()[..], &data[..]].concat().into();
            random_access = true;
        }
        Some(AccessUnit { data, random_access, parameters })
    }
}

/// The parameter sets of one type in an access unit, or those known before when it has none.
fn of_type(units: &[&[u8]], is_wanted: impl Fn(&[u8]) -> bool, known: Vec<Bytes>) -> Vec<Bytes> {
    let found: Vec<Bytes> =
        units.iter().filter(|unit| is_wanted(unit)).map(|unit| Bytes::copy_from_slice(unit)).collect();
    if found.is_empty() { known } else { found }
}

//! Access units as packets hold them, out of the units that a container carries.

use bytes::Bytes;
use media::{Av1, Codec, H264, Hevc, ParameterSets, nal, obu};

/// One access unit, ready but for its times.
#[derive(Debug)]
pub(crate) struct AccessUnit {
    /// Empty where nothing of it belongs in a packet.
    pub(crate) data: Bytes,
    pub(crate) random_access: bool,
    /// Parameters that came with it and differ from the known ones.
    pub(crate) parameters: Option<Codec>,
}

/// Of H.264. `framed` are the same units with 4-byte lengths, where they came so: if all of them belong in a packet,
/// nothing is copied.
pub(crate) fn h264(known: Option<&Codec>, framed: Option<&Bytes>, units: &[&[u8]]) -> AccessUnit {
    let random_access = nal::is_idr_picture(units.iter().copied());
    let mut parameters = None;
    if units.iter().any(|unit| nal::is_parameter_set(unit)) {
        let (sps, pps) = match known {
            Some(Codec::H264(known)) => known.parameter_sets(),
            _ => Default::default(),
        };
        let sets = |wanted| of_type(units, |unit| nal::unit_type(unit) == wanted);
        let found = ParameterSets { vps: Vec::new(), sps: sets(nal::SPS), pps: sets(nal::PPS) };
        let known = ParameterSets { vps: Vec::new(), sps, pps };
        let ParameterSets { sps, pps, .. } = known.updated(found, nal::pps_id);
        // Sets that cannot be read are left out: the known ones go on.
        parameters = H264::from_parameter_sets(&sps, &pps).ok().map(Codec::H264);
    }
    let packet = as_it_is(framed, units, nal::belongs_in_packet);
    let data = packet.unwrap_or_else(|| nal::to_length_prefixed(units.iter().copied()));
    AccessUnit { data, random_access, parameters: parameters.filter(|codec| known != Some(codec)) }
}

/// Of HEVC; `framed` as for [`h264`].
pub(crate) fn hevc(known: Option<&Codec>, framed: Option<&Bytes>, units: &[&[u8]]) -> AccessUnit {
    let random_access = nal::hevc::is_random_access(units.iter().copied());
    let mut parameters = None;
    if units.iter().any(|unit| nal::hevc::is_parameter_set(unit)) {
        let known = match known {
            Some(Codec::Hevc(known)) => known.parameter_sets(),
            _ => ParameterSets::default(),
        };
        let sets = |wanted| of_type(units, |unit| nal::hevc::unit_type(unit) == wanted);
        let (vps, sps, pps) = (sets(nal::hevc::VPS), sets(nal::hevc::SPS), sets(nal::hevc::PPS));
        let found = ParameterSets { vps, sps, pps };
        let ParameterSets { vps, sps, pps } = known.updated(found, nal::hevc::pps_id);
        parameters = Hevc::from_parameter_sets(&vps, &sps, &pps).ok().map(Codec::Hevc);
    }
    let packet = as_it_is(framed, units, nal::hevc::belongs_in_packet);
    let data = packet.unwrap_or_else(|| nal::hevc::to_length_prefixed(units.iter().copied()));
    AccessUnit { data, random_access, parameters: parameters.filter(|codec| known != Some(codec)) }
}

/// A temporal unit of AV1; `None` when it cannot be read.
pub(crate) fn av1(known: Option<&Codec>, data: &[u8]) -> Option<AccessUnit> {
    let units: Vec<obu::Obu<'_>> = obu::units(data).collect::<Result<_, _>>().ok()?;
    let header = units.iter().copied().find(|unit| unit.kind == obu::SEQUENCE_HEADER);
    let parameters = header.and_then(|header| Av1::from_sequence_header(header.payload).ok());
    let parameters = parameters.map(Codec::Av1).filter(|codec| known != Some(codec));
    let mut random_access = obu::is_random_access(units.iter().copied());
    let key = obu::begins_with_key_frame(units.iter().copied());
    let mut data = obu::to_temporal_unit(units);
    if let (true, None, Some(Codec::Av1(known))) = (key, header, known) {
        // The record has what the key frame lacks; in MP4 both stand together (AV1-ISOBMFF §2.4).
        data = [&known.sequence_header()[..], &data[..]].concat().into();
        random_access = true;
    }
    Some(AccessUnit { data, random_access, parameters })
}

/// The bytes themselves, where they hold just the units and all of these belong in a packet.
fn as_it_is(framed: Option<&Bytes>, units: &[&[u8]], belongs: fn(&[u8]) -> bool) -> Option<Bytes> {
    let length: usize = units.iter().map(|unit| 4 + unit.len()).sum();
    framed.filter(|framed| length == framed.len() && units.iter().all(|unit| belongs(unit))).cloned()
}

/// The parameter sets of one type in an access unit.
fn of_type(units: &[&[u8]], is_wanted: impl Fn(&[u8]) -> bool) -> Vec<Bytes> {
    units.iter().filter(|unit| is_wanted(unit)).map(|unit| Bytes::copy_from_slice(unit)).collect()
}

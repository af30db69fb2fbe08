//! One PID's pictures: access units as packets hold them, and the parameters on the way.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use media::{Codec, H264, Hevc, ParameterSets, nal};

use super::annex_b;
use super::pes::HEADROOM_BYTES;
use super::program::VideoKind;

/// What is known of a stream's parameters.
#[derive(Debug)]
pub(super) struct Video {
    kind: VideoKind,
    sets: ParameterSets,
    codec: Option<Codec>,
}

/// One access unit, ready but for its times.
#[derive(Debug)]
pub(super) struct AccessUnit {
    /// Empty when it held nothing but parameters.
    pub(super) data: Bytes,
    pub(super) random_access: bool,
    /// The parameters, when they differ from those before.
    pub(super) parameters: Option<Codec>,
}

impl Video {
    pub(super) fn new(kind: VideoKind) -> Video {
        Video { kind, sets: ParameterSets::default(), codec: None }
    }

    /// Reads what a unit of the stream holds behind its headroom.
    pub(super) fn access_unit(&mut self, data: BytesMut) -> AccessUnit {
        let units = annex_b::units(&data, HEADROOM_BYTES);
        let of = |unit: &Range<usize>| &data[unit.clone()];
        let slices = || units.iter().map(of);
        let (random_access, belongs): (bool, fn(&[u8]) -> bool) = match self.kind {
            VideoKind::H264 => (nal::is_idr_picture(slices()), nal::belongs_in_packet),
            VideoKind::Hevc => (nal::hevc::is_random_access(slices()), nal::hevc::belongs_in_packet),
        };
        let parameters = self.parameters(&data, &units);
        let kept: Vec<_> = units.iter().filter(|unit| belongs(of(unit))).cloned().collect();
        AccessUnit { data: annex_b::length_prefixed(data, &kept), random_access, parameters }
    }

    /// Whether a unit that was lost may have been one to begin at.
    pub(super) fn may_be_random_access(&self, data: &[u8]) -> bool {
        let units = annex_b::units(data, HEADROOM_BYTES);
        let slices = || units.iter().map(|unit| &data[unit.clone()]);
        match self.kind {
            VideoKind::H264 => nal::is_idr_picture(slices()),
            VideoKind::Hevc => nal::hevc::is_random_access(slices()),
        }
    }

    /// Takes the parameter sets of an access unit.
    fn parameters(&mut self, data: &[u8], units: &[Range<usize>]) -> Option<Codec> {
        let sets = |wanted: u8| -> Vec<Bytes> {
            let unit_type = |unit: &[u8]| match self.kind {
                VideoKind::H264 => nal::unit_type(unit),
                VideoKind::Hevc => nal::hevc::unit_type(unit),
            };
            let found = units.iter().map(|unit| &data[unit.clone()]).filter(|unit| unit_type(unit) == wanted);
            found.take(SETS_MAX).map(Bytes::copy_from_slice).collect()
        };
        let found = match self.kind {
            VideoKind::H264 => ParameterSets { vps: Vec::new(), sps: sets(nal::SPS), pps: sets(nal::PPS) },
            VideoKind::Hevc => ParameterSets {
                vps: sets(nal::hevc::VPS),
                sps: sets(nal::hevc::SPS),
                pps: sets(nal::hevc::PPS),
            },
        };
        let pps_id = match self.kind {
            VideoKind::H264 => nal::pps_id,
            VideoKind::Hevc => nal::hevc::pps_id,
        };
        let before = self.sets.clone();
        self.sets = before.clone().updated(found, pps_id);
        if self.sets == before {
            return None;
        }
        let ParameterSets { vps, sps, pps } = &self.sets;
        let codec = match self.kind {
            VideoKind::H264 => H264::from_parameter_sets(sps, pps).map(Codec::H264),
            VideoKind::Hevc => Hevc::from_parameter_sets(vps, sps, pps).map(Codec::Hevc),
        };
        // Sets that cannot be read, or are not all there yet, leave what was known.
        let codec = codec.ok().filter(|codec| self.codec.as_ref() != Some(codec))?;
        self.codec = Some(codec.clone());
        Some(codec)
    }
}

/// Parameter sets of one kind in one access unit: as many as the standards number of the least numerous.
const SETS_MAX: usize = 16;

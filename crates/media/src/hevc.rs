//! HEVC and its `HEVCDecoderConfigurationRecord`, read and written.
//!
//! Spec: ISO/IEC 14496-15 §8.3.2.1.

use bytes::{BufMut, Bytes, BytesMut};

use crate::codec::{ParameterError, Rational, Size};
use crate::h264::read_units;
use crate::hevc_parameter_sets::{Sps, parse_sps, vps_frame_rate};
use crate::nal::hevc;

/// The parameters of an HEVC track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hevc {
    /// `HEVCDecoderConfigurationRecord` with 4-byte NAL lengths and complete arrays, as the sample entry
    /// `hvc1` asks (ISO/IEC 14496-15 §8.3.2.1).
    pub hvcc: Bytes,
    /// Size of the decoded picture after cropping, in pixels.
    pub size: Size,
    /// Width to height of one pixel; 1:1 when the stream does not say.
    pub sample_aspect_ratio: Rational,
    /// Frames per second as the sequence or the video parameter set promises them; `None` when they say
    /// nothing.
    pub frame_rate: Option<Rational>,
}

/// What a decoder must be capable of (H.265 §7.3.3, Annex A).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProfileTierLevel {
    /// `general_profile_space`, 0 to 3.
    pub profile_space: u8,
    /// `general_tier_flag`: the high tier.
    pub high_tier: bool,
    /// `general_profile_idc`: 1 Main, 2 Main 10.
    pub profile_idc: u8,
    /// `general_profile_compatibility_flag`s, flag 0 in the most significant bit.
    pub compatibility: u32,
    /// The six bytes of constraint flags.
    pub constraints: [u8; 6],
    /// Thirty times the level.
    pub level_idc: u8,
}

/// Parameter sets of one stream, header bytes included, without start codes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ParameterSets {
    /// Video parameter sets.
    pub vps: Vec<Bytes>,
    /// Sequence parameter sets.
    pub sps: Vec<Bytes>,
    /// Picture parameter sets.
    pub pps: Vec<Bytes>,
}

impl ParameterSets {
    /// The sets after an access unit brought `found`, of which `pps_id` tells picture parameter sets apart.
    ///
    /// Those of a kind that it does not bring stay. Encoders send picture parameter sets one by one, with the pictures
    /// that use them, so each takes the place of the one of its id; where another sequence begins, they are its own.
    #[must_use]
    pub fn updated(mut self, found: ParameterSets, pps_id: fn(&[u8]) -> Option<u32>) -> ParameterSets {
        let known = |known: &[Bytes], found: &[Bytes]| found.iter().all(|set| known.contains(set));
        let goes_on = known(&self.vps, &found.vps) && known(&self.sps, &found.sps);
        if goes_on && self.pps.len() + found.pps.len() <= UNITS_MAX {
            for set in found.pps {
                match self.pps.iter_mut().find(|known| pps_id(known) == pps_id(&set)) {
                    Some(known) => *known = set,
                    None => self.pps.push(set),
                }
            }
            return self;
        }
        let or = |known, found: Vec<Bytes>| if found.is_empty() { known } else { found };
        ParameterSets {
            vps: or(self.vps, found.vps),
            sps: or(self.sps, found.sps),
            pps: or(self.pps, found.pps),
        }
    }
}

impl Hevc {
    /// Reads an `HEVCDecoderConfigurationRecord`. Of its arrays only parameter sets are kept.
    ///
    /// The kept record announces 4-byte NAL lengths whatever `hvcc` announced, since that is what
    /// packets hold; [`Hevc::nal_length_size`] tells how the data beside `hvcc` is framed.
    ///
    /// # Errors
    /// When the record is cut, is of another version, or lacks a VPS, a readable SPS or a PPS.
    pub fn from_hvcc(hvcc: Bytes) -> Result<Hevc, ParameterError> {
        let ParameterSets { vps, sps, pps } = read_record(&hvcc)?;
        Hevc::from_parameter_sets(&vps, &sps, &pps)
    }

    /// The track whose parameter sets are these units, header bytes included, without start codes.
    ///
    /// # Errors
    /// When one kind is missing, the first SPS cannot be read, or there are more than the record holds.
    pub fn from_parameter_sets(vps: &[Bytes], sps: &[Bytes], pps: &[Bytes]) -> Result<Hevc, ParameterError> {
        let missing = ParameterError::MissingParameterSet;
        let first_vps = vps.first().ok_or(missing("video"))?;
        let first_sps = sps.first().ok_or(missing("sequence"))?;
        if pps.is_empty() {
            return Err(missing("picture"));
        }
        let picture = parse_sps(first_sps)?;
        Ok(Hevc {
            hvcc: write_record(&picture, [(hevc::VPS, vps), (hevc::SPS, sps), (hevc::PPS, pps)])?,
            size: picture.size,
            sample_aspect_ratio: picture.sample_aspect_ratio,
            frame_rate: picture.frame_rate.or_else(|| vps_frame_rate(first_vps)),
        })
    }

    /// The parameter sets; none where `hvcc` was made by hand and cannot be read.
    #[must_use]
    pub fn parameter_sets(&self) -> ParameterSets {
        read_record(&self.hvcc).unwrap_or_default()
    }

    /// What a decoder must be capable of; `None` where `hvcc` was made by hand and is too short.
    #[must_use]
    pub fn profile_tier_level(&self) -> Option<ProfileTierLevel> {
        let &[first, c0, c1, c2, c3, f0, f1, f2, f3, f4, f5, level_idc] = self.hvcc.get(1..13)? else {
            return None;
        };
        Some(ProfileTierLevel {
            profile_space: first >> 6,
            high_tier: first & 0x20 != 0,
            profile_idc: first & 0x1f,
            compatibility: u32::from_be_bytes([c0, c1, c2, c3]),
            constraints: [f0, f1, f2, f3, f4, f5],
            level_idc,
        })
    }

    /// Bytes of the length before each NAL unit, 1 to 4, in the data that comes with `hvcc`.
    ///
    /// # Errors
    /// When the record is too short to tell.
    pub fn nal_length_size(hvcc: &[u8]) -> Result<usize, ParameterError> {
        let byte = hvcc.get(LENGTH_SIZE_AT).ok_or(ParameterError::Truncated { what: RECORD })?;
        Ok(usize::from(byte & 3) + 1)
    }
}

fn read_record(hvcc: &Bytes) -> Result<ParameterSets, ParameterError> {
    let cut = ParameterError::Truncated { what: RECORD };
    let (&version, &arrays) = hvcc.first().zip(hvcc.get(ARRAYS_AT)).ok_or(cut.clone())?;
    // Version 0 was written before the standard was done, with the same fields.
    if version > 1 {
        return Err(ParameterError::UnknownVersion { what: RECORD, found: version, expected: 1 });
    }
    let mut at = ARRAYS_AT + 1;
    let mut sets = ParameterSets::default();
    for _ in 0..arrays {
        let Some(&[kind, high, low]) = hvcc.get(at..at + 3) else { return Err(cut) };
        at += 3;
        let units = read_units(hvcc, &mut at, u16::from_be_bytes([high, low])).ok_or(cut.clone())?;
        match kind & 0x3f {
            hevc::VPS => sets.vps.extend(units),
            hevc::SPS => sets.sps.extend(units),
            hevc::PPS => sets.pps.extend(units),
            _ => {}
        }
    }
    Ok(sets)
}

fn write_record(picture: &Sps, arrays: [(u8, &[Bytes]); 3]) -> Result<Bytes, ParameterError> {
    let mut record = BytesMut::with_capacity(128);
    record.put_u8(1);
    record.put_slice(&picture.profile_tier_level);
    record.put_u16(0xf000); // reserved, min_spatial_segmentation_idc 0: nothing is promised
    record.put_u8(0xfc); // reserved, parallelismType 0: not known
    record.put_u8(0xfc | picture.chroma_format_idc);
    record.put_u8(0xf8 | (picture.bit_depth_luma - 8));
    record.put_u8(0xf8 | (picture.bit_depth_chroma - 8));
    record.put_u16(0); // avgFrameRate is not told
    // constantFrameRate 0: not known; then lengthSizeMinusOne.
    record.put_u8(picture.temporal_layers << 3 | u8::from(picture.temporal_id_nested) << 2 | 3);
    record.put_u8(arrays.len() as u8);
    for (kind, units) in arrays {
        record.put_u8(0x80 | kind); // array_completeness: nothing of this kind in the samples
        let too_many = ParameterError::TooManyParameterSets { count: units.len(), max: UNITS_MAX };
        if units.len() > UNITS_MAX {
            return Err(too_many);
        }
        record.put_u16(units.len() as u16);
        for unit in units {
            let unit_len = u16::try_from(unit.len()).map_err(|_| ParameterError::BadSps)?;
            if hevc::unit_type(unit) != kind {
                return Err(ParameterError::NotAParameterSet(hevc::unit_type(unit)));
            }
            record.put_u16(unit_len);
            record.put_slice(unit);
        }
    }
    Ok(record.freeze())
}

const RECORD: &str = "HEVCDecoderConfigurationRecord";

/// Where `lengthSizeMinusOne` and `numOfArrays` stand.
const LENGTH_SIZE_AT: usize = 21;
const ARRAYS_AT: usize = 22;

/// Sets of one kind: there are 64 ids for picture parameter sets, the largest number of all.
const UNITS_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Big Buck Bunny at 854×480, Main, 24 fps, as libx265 wrote it.
    const MAIN: ParameterSet = ParameterSet {
        vps: &[
            0x40, 0x01, 0x0c, 0x01, 0xff, 0xff, 0x01, 0x60, 0x00, 0x00, 0x03, 0x00, 0x90, 0x00, 0x00, 0x03,
            0x00, 0x00, 0x03, 0x00, 0x5a, 0xba, 0x02, 0x40,
        ],
        sps: &[
            0x42, 0x01, 0x01, 0x01, 0x60, 0x00, 0x00, 0x03, 0x00, 0x90, 0x00, 0x00, 0x03, 0x00, 0x00, 0x03,
            0x00, 0x5a, 0xa0, 0x06, 0xb2, 0x01, 0xe1, 0xd7, 0x96, 0xea, 0x49, 0x32, 0xbc, 0x05, 0xa7, 0x08,
            0x00, 0x00, 0x03, 0x00, 0x08, 0x00, 0x00, 0x03, 0x00, 0xc0, 0x40,
        ],
        pps: &[0x44, 0x01, 0xc1, 0x72, 0xb4, 0x62, 0x40],
    };
    /// A telephone's 1920×1080, Main 10, without timing.
    const MAIN_10: ParameterSet = ParameterSet {
        vps: &[
            0x40, 0x01, 0x0c, 0x01, 0xff, 0xff, 0x02, 0x20, 0x00, 0x00, 0x03, 0x00, 0xb0, 0x00, 0x00, 0x03,
            0x00, 0x00, 0x03, 0x00, 0x78, 0x15, 0xc0, 0x90,
        ],
        sps: &[
            0x42, 0x01, 0x01, 0x02, 0x20, 0x00, 0x00, 0x03, 0x00, 0xb0, 0x00, 0x00, 0x03, 0x00, 0x00, 0x03,
            0x00, 0x78, 0xa0, 0x03, 0xc0, 0x80, 0x11, 0x07, 0xca, 0xd8, 0x81, 0x5e, 0xe4, 0x59, 0x54, 0xd4,
            0x24, 0x48, 0x24, 0x02, 0x01,
        ],
        pps: &[0x44, 0x01, 0xc0, 0x2c, 0xb8, 0x64, 0x14, 0xc9],
    };

    struct ParameterSet {
        vps: &'static [u8],
        sps: &'static [u8],
        pps: &'static [u8],
    }

    impl ParameterSet {
        fn track(&self) -> Hevc {
            let unit = |unit| [Bytes::from_static(unit)];
            Hevc::from_parameter_sets(&unit(self.vps), &unit(self.sps), &unit(self.pps)).expect("real sets")
        }
    }

    #[test]
    fn size_rate_and_profile_come_from_the_parameter_sets() {
        let hevc = MAIN.track();
        assert_eq!(hevc.size, Size::new(854, 480));
        assert_eq!(hevc.frame_rate, Some(Rational { num: 24, den: 1 }));
        let profile = hevc.profile_tier_level().expect("a whole record");
        assert_eq!((profile.profile_idc, profile.level_idc, profile.high_tier), (1, 90, false));
        assert_eq!((profile.compatibility, profile.constraints[0]), (0x6000_0000, 0x90));

        let hevc = MAIN_10.track();
        assert_eq!((hevc.size, hevc.frame_rate), (Size::new(1_920, 1_080), None));
        assert_eq!(hevc.sample_aspect_ratio, Rational::ONE);
        assert_eq!((hevc.hvcc[17], hevc.hvcc[18]), (0xf8 | 2, 0xf8 | 2), "ten bits");
    }

    #[test]
    fn the_record_gives_its_parameter_sets_back() {
        for set in [MAIN, MAIN_10] {
            let hevc = set.track();
            let sets = hevc.parameter_sets();
            assert_eq!((&sets.vps[0][..], &sets.sps[0][..], &sets.pps[0][..]), (set.vps, set.sps, set.pps));
            assert_eq!(Hevc::from_hvcc(hevc.hvcc.clone()), Ok(hevc));
        }
    }

    #[test]
    fn picture_parameter_sets_come_one_by_one_and_go_with_their_sequence() {
        let id = |unit: &[u8]| unit.first().map(|id| u32::from(*id));
        let sets = |sps: &'static [u8], pps: &[&'static [u8]]| ParameterSets {
            sps: if sps.is_empty() { Vec::new() } else { vec![Bytes::from_static(sps)] },
            pps: pps.iter().map(|set| Bytes::from_static(set)).collect(),
            ..ParameterSets::default()
        };
        let first = ParameterSets::default().updated(sets(b"s", &[b"0a"]), id);
        assert_eq!(first, sets(b"s", &[b"0a"]));
        let more = first.updated(sets(b"", &[b"1b"]), id).updated(sets(b"s", &[b"0c"]), id);
        assert_eq!(more, sets(b"s", &[b"0c", b"1b"]));
        assert_eq!(more.clone().updated(ParameterSets::default(), id), more);
        assert_eq!(more.updated(sets(b"other", &[b"0d"]), id), sets(b"other", &[b"0d"]));
    }

    #[test]
    fn two_byte_lengths_become_four() {
        let mut hvcc = MAIN.track().hvcc.to_vec();
        hvcc[LENGTH_SIZE_AT] &= 0xfd;
        assert_eq!(Hevc::nal_length_size(&hvcc), Ok(2));
        let kept = Hevc::from_hvcc(hvcc.into()).expect("sound but for the length size");
        assert_eq!(Hevc::nal_length_size(&kept.hvcc), Ok(4));
    }

    #[test]
    fn what_is_missing_is_told() {
        let sps = [Bytes::from_static(MAIN.sps)];
        let missing = |vps: &[Bytes], pps: &[Bytes]| Hevc::from_parameter_sets(vps, &sps, pps);
        assert_eq!(missing(&[], &[]), Err(ParameterError::MissingParameterSet("video")));
        let vps = [Bytes::from_static(MAIN.vps)];
        assert_eq!(missing(&vps, &[]), Err(ParameterError::MissingParameterSet("picture")));
        assert_eq!(missing(&vps, &vps), Err(ParameterError::NotAParameterSet(hevc::VPS)));
        let hvcc = MAIN.track().hvcc;
        let cut = Hevc::from_hvcc(hvcc.slice(..hvcc.len() - 1));
        assert_eq!(cut, Err(ParameterError::Truncated { what: RECORD }));
    }

    proptest! {
        #[test]
        fn any_record_is_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..80), cut in 0_usize..130,
                                              flips in prop::collection::vec((0_usize..130, any::<u8>()), 0..4)) {
            let _ = Hevc::from_hvcc(bytes.into());
            let mut record = MAIN.track().hvcc.to_vec();
            for (at, value) in flips {
                if let Some(byte) = record.get_mut(at) {
                    *byte = value;
                }
            }
            record.truncate(cut);
            let _ = Hevc::from_hvcc(record.into());
        }
    }
}

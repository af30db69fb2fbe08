//! NAL units: the two ways they are framed, and which of them belong in a packet. What is said of unit
//! types here holds for H.264; [`hevc`] has its own.
//!
//! Spec: ITU-T H.264 §7.3.1, §7.4.1 (table 7-1) and Annex B; ISO/IEC 14496-15 §5.3.

pub mod hevc;

use bytes::{BufMut, Bytes, BytesMut};
use thiserror::Error;

use crate::bits::Bits;

/// `nal_unit_type` of a slice of an IDR picture.
pub const IDR_SLICE: u8 = 5;
/// `nal_unit_type` of supplemental enhancement information.
pub const SEI: u8 = 6;
/// `nal_unit_type` of a sequence parameter set.
pub const SPS: u8 = 7;
/// `nal_unit_type` of a picture parameter set.
pub const PPS: u8 = 8;
/// `nal_unit_type` of an access unit delimiter.
pub const AUD: u8 = 9;
/// `nal_unit_type` of filler data.
pub const FILLER: u8 = 12;
/// `nal_unit_type` of a sequence parameter set extension.
pub const SPS_EXTENSION: u8 = 13;

/// A length prefix that does not describe the bytes behind it.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("NAL unit at byte {at}: its length passes the end of {len} bytes")]
pub struct LengthError {
    /// Where the length prefix stands, in bytes.
    pub at: usize,
    /// Bytes there are.
    pub len: usize,
}

/// `nal_unit_type` of a unit, 0 (unspecified) for an empty one.
#[must_use]
pub fn unit_type(unit: &[u8]) -> u8 {
    unit.first().map_or(0, |header| header & 0x1f)
}

/// Whether the unit is a slice of an IDR picture.
#[must_use]
pub fn is_idr(unit: &[u8]) -> bool {
    unit_type(unit) == IDR_SLICE
}

/// Whether the unit is a sequence or picture parameter set or an SPS extension.
#[must_use]
pub fn is_parameter_set(unit: &[u8]) -> bool {
    matches!(unit_type(unit), SPS | PPS | SPS_EXTENSION)
}

/// `pic_parameter_set_id` of a picture parameter set; `None` when it cannot be read.
#[must_use]
pub fn pps_id(unit: &[u8]) -> Option<u32> {
    Bits::of_payload(&unit[..unit.len().min(ID_BYTES_MAX)]).ue()
}

/// Whether the unit is carried inside a [`crate::Packet`]: everything but parameter sets, delimiters,
/// filler and units without a byte.
#[must_use]
pub fn belongs_in_packet(unit: &[u8]) -> bool {
    !unit.is_empty() && !is_parameter_set(unit) && !matches!(unit_type(unit), AUD | FILLER)
}

/// Whether an access unit is an IDR picture: its first slice is one.
///
/// All slices of a picture agree (H.264 §7.4.1.2.4), so the first decides. A recovery point or a
/// container's keyframe flag on an I picture does not count.
#[must_use]
pub fn is_idr_picture<'a>(units: impl IntoIterator<Item = &'a [u8]>) -> bool {
    units.into_iter().find(|unit| matches!(unit_type(unit), 1..=5)).is_some_and(is_idr)
}

/// The units of an Annex B byte stream, without start codes and trailing zero bytes.
pub fn annex_b_units(stream: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = after_start_code(stream);
    std::iter::from_fn(move || {
        loop {
            let here = rest?;
            let (unit, following) = match find_start_code(here) {
                Some(at) => (&here[..at], Some(&here[at + 3..])),
                None => (here, None),
            };
            rest = following;
            let end = unit.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
            if end > 0 {
                return Some(&unit[..end]);
            }
        }
    })
}

/// The units of `data`, each behind a big-endian length of `length_size` bytes (1 to 4).
///
/// Empty units are left out. After an error nothing follows.
pub fn length_prefixed_units(
    data: &[u8],
    length_size: usize,
) -> impl Iterator<Item = Result<&[u8], LengthError>> {
    let length_size = length_size.clamp(1, 4);
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < data.len() {
            let error = LengthError { at, len: data.len() };
            let start = at + length_size;
            let Some(prefix) = data.get(at..start) else {
                at = data.len();
                return Some(Err(error));
            };
            let unit_len = prefix.iter().fold(0_usize, |length, &byte| length << 8 | usize::from(byte));
            let Some(unit) = start.checked_add(unit_len).and_then(|end| data.get(start..end)) else {
                at = data.len();
                return Some(Err(error));
            };
            at = start + unit_len;
            if !unit.is_empty() {
                return Some(Ok(unit));
            }
        }
        None
    })
}

/// Writes `units` as packet data: 4-byte big-endian lengths, only those that
/// [`belong in a packet`](belongs_in_packet). Empty when none does.
#[must_use]
pub fn to_length_prefixed<'a>(units: impl IntoIterator<Item = &'a [u8]>) -> Bytes {
    write_length_prefixed(units.into_iter().filter(|unit| belongs_in_packet(unit)))
}

fn write_length_prefixed<'a>(units: impl Iterator<Item = &'a [u8]>) -> Bytes {
    let mut data = BytesMut::new();
    for unit in units {
        let Ok(unit_len) = u32::try_from(unit.len()) else { continue };
        data.put_u32(unit_len);
        data.put_slice(unit);
    }
    data.freeze()
}

fn after_start_code(stream: &[u8]) -> Option<&[u8]> {
    find_start_code(stream).map(|at| &stream[at + 3..])
}

/// Where the next `00 00 01` begins.
fn find_start_code(stream: &[u8]) -> Option<usize> {
    let mut at = 0;
    while at + 3 <= stream.len() {
        // The third byte decides how far the search may jump: only a 0 or a 1 can end a start code.
        match stream[at + 2] {
            0 => at += 1,
            1 if stream[at] == 0 && stream[at + 1] == 0 => return Some(at),
            _ => at += 3,
        }
    }
    None
}

/// The header of a unit, and an identifier of at most 17 bits.
const ID_BYTES_MAX: usize = 6;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn annex_b_takes_both_start_codes_and_drops_trailing_zeros() {
        let stream = [0, 0, 0, 1, 0x67, 1, 0, 0, 1, 0x68, 2, 0, 0, 0, 0, 1, 0x65, 3, 0, 0];
        let units: Vec<&[u8]> = annex_b_units(&stream).collect();
        assert_eq!(units, [&[0x67, 1][..], &[0x68, 2], &[0x65, 3]]);
    }

    #[test]
    fn bytes_before_the_first_start_code_are_no_unit() {
        assert_eq!(annex_b_units(&[1, 2, 3]).count(), 0);
        assert_eq!(annex_b_units(&[9, 0, 0, 1, 0x41]).collect::<Vec<_>>(), [&[0x41][..]]);
    }

    #[test]
    fn packets_hold_no_parameter_sets_delimiters_or_filler() {
        let units: [&[u8]; 6] = [&[0x09, 0xf0], &[0x67], &[0x68], &[0x06, 5], &[0x65, 1], &[0x0c, 0xff]];
        let data = to_length_prefixed(units);
        assert_eq!(&data[..], [0, 0, 0, 2, 0x06, 5, 0, 0, 0, 2, 0x65, 1]);
        assert!(is_idr_picture(units));
    }

    #[test]
    fn two_byte_lengths_are_read_and_a_cut_unit_is_told() {
        let data = [0, 1, 0x65, 0, 0, 0, 2, 0x41, 7, 0, 9, 1];
        let units: Vec<_> = length_prefixed_units(&data, 2).collect();
        assert_eq!(units, [Ok(&[0x65][..]), Ok(&[0x41, 7][..]), Err(LengthError { at: 9, len: data.len() })]);
    }

    #[test]
    fn picture_parameter_sets_are_told_apart() {
        assert_eq!([&[0x68, 0xcb, 0x83][..], &[0x68, 0x5b], &[0x68]].map(pps_id), [Some(0), Some(1), None]);
        assert_eq!([&[0x44, 1, 0xc1][..], &[0x44, 1, 0x61], &[]].map(hevc::pps_id), [Some(0), Some(2), None]);
    }

    #[test]
    fn an_i_picture_is_not_an_idr_picture() {
        assert!(!is_idr_picture([&[0x06, 6][..], &[0x41, 1]]));
    }

    proptest! {
        #[test]
        fn any_bytes_are_split_without_a_panic(data in prop::collection::vec(0_u8..4, 0..200), size in 0_usize..6) {
            let annex_b: usize = annex_b_units(&data).map(<[u8]>::len).sum();
            prop_assert!(annex_b <= data.len());
            let prefixed: usize = length_prefixed_units(&data, size).flatten().map(<[u8]>::len).sum();
            prop_assert!(prefixed <= data.len());
        }

        #[test]
        fn what_was_framed_is_read_back(units in prop::collection::vec(prop::collection::vec(1_u8..255, 1..40), 0..8)) {
            let kept: Vec<&[u8]> = units.iter().map(Vec::as_slice).filter(|unit| belongs_in_packet(unit)).collect();
            let data = to_length_prefixed(units.iter().map(Vec::as_slice));
            let back: Result<Vec<&[u8]>, _> = length_prefixed_units(&data, 4).collect();
            prop_assert_eq!(back, Ok(kept));
        }
    }
}

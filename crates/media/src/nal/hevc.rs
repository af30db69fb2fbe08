//! NAL units of HEVC. They are framed as those of H.264; header and types differ.
//!
//! Spec: ITU-T H.265 §7.3.1.2, §7.4.2.2 (table 7-1); ISO/IEC 14496-15 §8.3.

use bytes::Bytes;

/// `nal_unit_type` of a broken-link picture all of whose leading pictures can be decoded.
pub const BLA_W_RADL: u8 = 17;
/// `nal_unit_type` of a broken-link picture without leading pictures.
pub const BLA_N_LP: u8 = 18;
/// `nal_unit_type` of an IDR picture all of whose leading pictures can be decoded.
pub const IDR_W_RADL: u8 = 19;
/// `nal_unit_type` of an IDR picture without leading pictures.
pub const IDR_N_LP: u8 = 20;
/// `nal_unit_type` of a clean random access picture; pictures shown before it may need earlier ones.
pub const CRA: u8 = 21;
/// `nal_unit_type` of a video parameter set.
pub const VPS: u8 = 32;
/// `nal_unit_type` of a sequence parameter set.
pub const SPS: u8 = 33;
/// `nal_unit_type` of a picture parameter set.
pub const PPS: u8 = 34;
/// `nal_unit_type` of an access unit delimiter.
pub const AUD: u8 = 35;
/// `nal_unit_type` of filler data.
pub const FILLER: u8 = 38;

/// `nal_unit_type` of a unit, 63 (unspecified) for an empty one.
#[must_use]
pub fn unit_type(unit: &[u8]) -> u8 {
    unit.first().map_or(63, |header| header >> 1 & 0x3f)
}

/// Whether the unit is a video, sequence or picture parameter set.
#[must_use]
pub fn is_parameter_set(unit: &[u8]) -> bool {
    matches!(unit_type(unit), VPS | SPS | PPS)
}

/// `pps_pic_parameter_set_id` of a picture parameter set; `None` when it cannot be read.
#[must_use]
pub fn pps_id(unit: &[u8]) -> Option<u32> {
    super::pps_id(unit.get(HEADER_BYTES - 1..)?)
}

/// Whether the unit is carried inside a [`crate::Packet`]: everything of the base layer but parameter
/// sets, delimiters, filler and units without a payload.
#[must_use]
pub fn belongs_in_packet(unit: &[u8]) -> bool {
    unit.len() > HEADER_BYTES
        && layer(unit) == 0
        && !is_parameter_set(unit)
        && !matches!(unit_type(unit), AUD | FILLER)
}

/// Whether decoding can start at an access unit and nothing after it needs anything before it: its first
/// slice is of an IDR picture, or of a broken-link picture whose leading pictures can be decoded.
///
/// A CRA picture does not count, nor does a broken-link picture of the kind that skipped leading pictures
/// may follow: what is shown around them is not complete.
#[must_use]
pub fn is_random_access<'a>(units: impl IntoIterator<Item = &'a [u8]>) -> bool {
    let first_slice = units.into_iter().find(|unit| unit_type(unit) <= SLICE_TYPE_MAX && layer(unit) == 0);
    first_slice.is_some_and(|unit| matches!(unit_type(unit), BLA_W_RADL..=IDR_N_LP))
}

/// Writes `units` as packet data: 4-byte big-endian lengths, only those that
/// [`belong in a packet`](belongs_in_packet). Empty when none does.
#[must_use]
pub fn to_length_prefixed<'a>(units: impl IntoIterator<Item = &'a [u8]>) -> Bytes {
    super::write_length_prefixed(units.into_iter().filter(|unit| belongs_in_packet(unit)))
}

/// `nuh_layer_id`: 0 for the base layer, which is all that players decode.
fn layer(unit: &[u8]) -> u8 {
    match unit {
        [first, second, ..] => (first & 1) << 5 | second >> 3,
        _ => 0,
    }
}

/// Bytes of `nal_unit_header()`.
pub(crate) const HEADER_BYTES: usize = 2;

/// The greatest `nal_unit_type` of a slice segment.
const SLICE_TYPE_MAX: u8 = 31;

#[cfg(test)]
mod tests {
    use super::*;

    fn slice(unit_type: u8) -> [u8; 3] {
        [unit_type << 1, 1, 0x80]
    }

    #[test]
    fn only_pictures_that_nothing_can_be_missing_around_are_random_access() {
        for unit_type in 0..=31 {
            let expected = matches!(unit_type, 17..=20);
            assert_eq!(is_random_access([&slice(unit_type)[..]]), expected, "type {unit_type}");
        }
        assert!(is_random_access([&slice(39)[..], &slice(IDR_N_LP)]), "SEI may precede the picture");
    }

    #[test]
    fn packets_hold_no_parameter_sets_delimiters_filler_or_other_layers() {
        let second_layer = [IDR_N_LP << 1, 1 << 3 | 1, 0x80];
        let all = [VPS, SPS, PPS, AUD, FILLER, IDR_W_RADL].map(slice);
        let data = to_length_prefixed(all.iter().map(<[u8; 3]>::as_slice).chain([&second_layer[..]]));
        assert_eq!(&data[..], [0, 0, 0, 3, IDR_W_RADL << 1, 1, 0x80]);
    }
}

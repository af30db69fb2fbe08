//! Open bitstream units of AV1: how they are framed, and which of them belong in a packet.
//!
//! Spec: AV1 bitstream and decoding process §5.3, §5.9.2, §7.5; AV1 codec ISO media file format binding §2.4.

use bytes::{BufMut, Bytes, BytesMut};
use thiserror::Error;

use crate::av1_sequence_header;

/// `obu_type` of a sequence header.
pub const SEQUENCE_HEADER: u8 = 1;
/// `obu_type` of a temporal delimiter.
pub const TEMPORAL_DELIMITER: u8 = 2;
/// `obu_type` of a frame header.
pub const FRAME_HEADER: u8 = 3;
/// `obu_type` of a frame: its header and its tiles.
pub const FRAME: u8 = 6;
/// `obu_type` of a copy of a frame header.
pub const REDUNDANT_FRAME_HEADER: u8 = 7;
/// `obu_type` of a tile list, which is for still light fields alone.
pub const TILE_LIST: u8 = 8;
/// `obu_type` of padding.
pub const PADDING: u8 = 15;

/// One open bitstream unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Obu<'a> {
    /// `obu_type`.
    pub kind: u8,
    /// `obu_extension_header`: temporal and spatial layer, where there is one.
    pub extension: Option<u8>,
    /// What follows the header and the size.
    pub payload: &'a [u8],
    /// All of it, with its size where it has one.
    pub whole: &'a [u8],
}

/// A unit whose header or size does not describe the bytes behind it.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("OBU at byte {at} cannot be read: forbidden bit, or a size that passes the end of {len} bytes")]
pub struct ObuError {
    /// Where the unit begins, in bytes.
    pub at: usize,
    /// Bytes there are.
    pub len: usize,
}

/// The units of `data`. The last may come without a size; after an error nothing follows.
pub fn units(data: &[u8]) -> impl Iterator<Item = Result<Obu<'_>, ObuError>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = data.get(at..).filter(|rest| !rest.is_empty())?;
        let read = read_unit(rest).ok_or(ObuError { at, len: data.len() });
        at = read.as_ref().map_or(data.len(), |unit| at + unit.whole.len());
        Some(read)
    })
}

/// Whether decoding can start at a temporal unit: it has a sequence header, and its first frame is a key
/// frame that is shown (§7.6.1 of the bitstream's specification).
#[must_use]
pub fn is_random_access<'a>(units: impl IntoIterator<Item = Obu<'a>>) -> bool {
    let mut still = None;
    for unit in units {
        match unit.kind {
            SEQUENCE_HEADER => {
                let sequence = av1_sequence_header::parse(unit.payload);
                still = sequence.map(|sequence| sequence.reduced_still_picture);
            }
            FRAME | FRAME_HEADER => {
                return still.is_some_and(|still| still || is_shown_key_frame(unit.payload));
            }
            _ => {}
        }
    }
    false
}

/// Whether the first frame of a temporal unit is a key frame that is shown, with a sequence header or not.
#[must_use]
pub fn begins_with_key_frame<'a>(units: impl IntoIterator<Item = Obu<'a>>) -> bool {
    let first = units.into_iter().find(|unit| matches!(unit.kind, FRAME | FRAME_HEADER));
    first.is_some_and(|unit| is_shown_key_frame(unit.payload))
}

/// Whether the unit is carried inside a [`crate::Packet`]: everything but temporal delimiters, tile lists
/// and padding.
#[must_use]
pub fn belongs_in_packet(unit: &Obu<'_>) -> bool {
    !matches!(unit.kind, TEMPORAL_DELIMITER | TILE_LIST | PADDING)
}

/// Writes `units` as packet data: each with its size, only those that
/// [`belong in a packet`](belongs_in_packet). Empty when none does.
#[must_use]
pub fn to_temporal_unit<'a>(units: impl IntoIterator<Item = Obu<'a>>) -> Bytes {
    let mut data = BytesMut::new();
    for unit in units.into_iter().filter(belongs_in_packet) {
        write_unit(&mut data, &unit);
    }
    data.freeze()
}

fn write_unit(data: &mut BytesMut, unit: &Obu<'_>) {
    data.put_u8(unit.kind << 3 | u8::from(unit.extension.is_some()) << 2 | HAS_SIZE);
    data.extend(unit.extension);
    let mut size = unit.payload.len();
    while size >= 0x80 {
        data.put_u8(size as u8 | 0x80);
        size >>= 7;
    }
    data.put_u8(size as u8);
    data.put_slice(unit.payload);
}

fn read_unit(data: &[u8]) -> Option<Obu<'_>> {
    let header = *data.first()?;
    if header & FORBIDDEN != 0 {
        return None;
    }
    let extension = if header & HAS_EXTENSION != 0 { Some(*data.get(1)?) } else { None };
    let start = 1 + usize::from(extension.is_some());
    let kind = header >> 3 & 0x0f;
    if header & HAS_SIZE == 0 {
        return Some(Obu { kind, extension, payload: data.get(start..)?, whole: data });
    }
    let (size, size_len) = read_leb128(data.get(start..)?)?;
    let from = start + size_len;
    let to = from.checked_add(usize::try_from(size).ok()?)?;
    Some(Obu { kind, extension, payload: data.get(from..to)?, whole: &data[..to] })
}

/// `leb128()` (§4.10.5): the value and its bytes.
fn read_leb128(data: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0;
    for (index, &byte) in data.iter().take(8).enumerate() {
        value |= u64::from(byte & 0x7f) << (index * 7);
        if byte & 0x80 == 0 {
            return Some((value, index + 1)).filter(|_| value <= u64::from(u32::MAX));
        }
    }
    None
}

/// `show_existing_frame` 0, `frame_type` 0 (key frame), `show_frame` 1.
fn is_shown_key_frame(header: &[u8]) -> bool {
    header.first().is_some_and(|first| first >> 4 == 0b0001)
}

const FORBIDDEN: u8 = 0x80;
const HAS_EXTENSION: u8 = 0x04;
const HAS_SIZE: u8 = 0x02;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DELIMITER: [u8; 2] = [TEMPORAL_DELIMITER << 3 | HAS_SIZE, 0];

    fn kinds(data: &[u8]) -> Vec<u8> {
        units(data).map(|unit| unit.expect("sound").kind).collect()
    }

    #[test]
    fn delimiters_go_and_every_unit_gets_a_size() {
        let data = [&DELIMITER[..], &[FRAME << 3, 0x10, 1, 2]].concat();
        assert_eq!(kinds(&data), [TEMPORAL_DELIMITER, FRAME]);
        let packet = to_temporal_unit(units(&data).flatten());
        assert_eq!(&packet[..], [FRAME << 3 | HAS_SIZE, 3, 0x10, 1, 2]);
    }

    #[test]
    fn a_key_frame_without_sequence_header_is_no_start() {
        let frame = [FRAME << 3 | HAS_SIZE, 2, 0x10, 0];
        assert!(begins_with_key_frame(units(&frame).flatten()));
        assert!(!is_random_access(units(&frame).flatten()));
        let shown_later = [FRAME << 3 | HAS_SIZE, 2, 0x00, 0];
        assert!(!begins_with_key_frame(units(&shown_later).flatten()));
    }

    #[test]
    fn a_size_past_the_end_is_told() {
        let data = [FRAME << 3 | HAS_SIZE, 9, 1];
        assert_eq!(units(&data).collect::<Vec<_>>(), [Err(ObuError { at: 0, len: 3 })]);
        assert_eq!(units(&[0x80]).collect::<Vec<_>>(), [Err(ObuError { at: 0, len: 1 })]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_split_without_a_panic(data in prop::collection::vec(any::<u8>(), 0..80)) {
            let whole: usize = units(&data).flatten().map(|unit| unit.whole.len()).sum();
            prop_assert!(whole <= data.len());
            let _ = is_random_access(units(&data).flatten());
            let packet = to_temporal_unit(units(&data).flatten());
            let back: Vec<u8> = units(&packet).map(|unit| unit.expect("written here").kind).collect();
            let kept = units(&data).flatten().filter(belongs_in_packet).map(|unit| unit.kind);
            prop_assert_eq!(back, kept.collect::<Vec<_>>());
        }
    }
}

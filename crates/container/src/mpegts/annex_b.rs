//! Byte streams of NAL units, turned into what packets hold, in place.
//!
//! Spec: ITU-T H.264 annex B; ISO/IEC 14496-15 §5.3.

use std::ops::Range;

use bytes::{Buf as _, Bytes, BytesMut};
use media::nal;

/// Where the units of `stream`, which begin at `from` or later, stand in it.
pub(super) fn units(stream: &[u8], from: usize) -> Vec<Range<usize>> {
    let base = stream.as_ptr().addr();
    let place = |unit: &[u8]| {
        let start = unit.as_ptr().addr() - base;
        start..start + unit.len()
    };
    nal::annex_b_units(&stream[from..]).map(place).collect()
}

/// The units at `kept`, which rise, with 4-byte lengths.
///
/// A length is put where the start code was, so that nothing is copied; a start code of three bytes makes
/// the units before it, most often small ones, move down by one. Only what does not work out so is copied.
pub(super) fn length_prefixed(mut stream: BytesMut, kept: &[Range<usize>]) -> Bytes {
    let Some(places) = places(kept) else { return copied(&stream, kept) };
    for (unit, &place) in kept.iter().zip(&places) {
        if place != unit.start {
            stream.copy_within(unit.clone(), place);
        }
        stream[place - LENGTH_BYTES..place].copy_from_slice(&(unit.len() as u32).to_be_bytes());
    }
    let (Some(first), Some(last)) = (places.first(), kept.last()) else { return Bytes::new() };
    stream.truncate(last.end);
    stream.advance(first - LENGTH_BYTES);
    stream.freeze()
}

/// Where each unit has to begin so that the last stays and no gap is left; `None` when there is no room or
/// one would have to move up, over what follows it.
fn places(kept: &[Range<usize>]) -> Option<Vec<usize>> {
    let mut places = vec![0; kept.len()];
    let mut end = kept.last().map_or(0, |last| last.end);
    for (unit, place) in kept.iter().zip(&mut places).rev() {
        *place = end.checked_sub(unit.len()).filter(|&place| place <= unit.start)?;
        end = place.checked_sub(LENGTH_BYTES)?;
    }
    Some(places)
}

fn copied(stream: &[u8], kept: &[Range<usize>]) -> Bytes {
    let len = kept.iter().map(|unit| LENGTH_BYTES + unit.len()).sum();
    let mut data = BytesMut::with_capacity(len);
    for unit in kept {
        data.extend_from_slice(&(unit.len() as u32).to_be_bytes());
        data.extend_from_slice(&stream[unit.clone()]);
    }
    data.freeze()
}

const LENGTH_BYTES: usize = 4;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn framed(units_with_codes: &[(bool, &[u8])], headroom: usize) -> BytesMut {
        let mut stream = BytesMut::zeroed(headroom);
        for (long, unit) in units_with_codes {
            stream.extend_from_slice(if *long { &[0, 0, 0, 1] } else { &[0, 0, 1] });
            stream.extend_from_slice(unit);
        }
        stream
    }

    #[test]
    fn the_picture_stays_where_it_is() {
        let stream = framed(&[(true, &[9, 0xf0]), (true, &[6, 5]), (false, &[0x65, 1, 2, 3])], 16);
        let picture = stream.as_ptr().addr() + stream.len() - 4;
        let kept = &units(&stream, 16)[1..];
        let data = length_prefixed(stream, kept);
        assert_eq!(&data[..], [0, 0, 0, 2, 6, 5, 0, 0, 0, 4, 0x65, 1, 2, 3]);
        assert_eq!(data[10..].as_ptr().addr(), picture);
    }

    proptest! {
        #[test]
        fn whatever_is_left_out_the_rest_is_as_copied(
            units_with in prop::collection::vec((any::<bool>(), any::<bool>(), prop::collection::vec(1_u8..255, 1..40)), 0..30),
            headroom in 0_usize..20,
        ) {
            let all: Vec<(bool, &[u8])> = units_with.iter().map(|(long, _, unit)| (*long, unit.as_slice())).collect();
            let stream = framed(&all, headroom);
            let found = units(&stream, headroom);
            prop_assert_eq!(found.len(), units_with.len());
            let kept: Vec<_> = found.into_iter().zip(&units_with).filter(|(_, (_, keep, _))| *keep).map(|(at, _)| at).collect();
            let expected = copied(&stream, &kept);
            prop_assert_eq!(length_prefixed(stream, &kept), expected);
        }
    }
}

//! A block: frames of one track with a time.
//!
//! Spec: RFC 9559 §10.

use bytes::Bytes;

use super::ebml::read_number;

/// A block as it stands.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// `TrackNumber`.
    pub(super) track: u64,
    /// Ticks after its cluster.
    pub(super) time: i16,
    /// One, or several of a lace.
    pub(super) frames: Vec<Bytes>,
}

impl Block {
    /// Reads the body of a `SimpleBlock` or a `Block`; `None` when it is not built as one.
    pub(super) fn read(body: &Bytes) -> Option<Block> {
        let (track, length) = number(body)?;
        let (&[high, low, flags], _) = body.get(length..)?.split_first_chunk::<3>()?;
        let data = body.slice(length + 3..);
        let frames = match flags & LACING {
            0 => vec![data],
            lacing => laced(lacing, &data)?,
        };
        Some(Block { track, time: i16::from_be_bytes([high, low]), frames })
    }
}

/// The frames of a lace: the lengths of all but the last stand in front.
fn laced(lacing: u8, data: &Bytes) -> Option<Vec<Bytes>> {
    let count = usize::from(*data.first()?) + 1;
    let mut at = 1;
    let mut lengths = Vec::with_capacity(count);
    match lacing {
        FIXED => {
            let bytes = data.len() - at;
            if !bytes.is_multiple_of(count) {
                return None;
            }
            lengths = vec![bytes / count; count - 1];
        }
        XIPH => {
            while lengths.len() + 1 < count {
                let rest = data.get(at..)?;
                let full = rest.iter().take_while(|byte| **byte == 255).count();
                lengths.push(full * 255 + usize::from(*rest.get(full)?));
                at += full + 1;
            }
        }
        _ => {
            let mut last = 0_i64;
            while lengths.len() + 1 < count {
                let (value, bytes) = number(data.get(at..)?)?;
                let value = i64::try_from(value).ok()?;
                // All but the first are differences, around the middle of what so many bytes can hold.
                let middle = (1_i64 << (7 * bytes as u32 - 1)) - 1;
                last = if lengths.is_empty() { value } else { last.checked_add(value - middle)? };
                lengths.push(usize::try_from(last).ok()?);
                at += bytes;
            }
        }
    }
    let mut frames = Vec::with_capacity(count);
    for length in lengths {
        let end = at.checked_add(length).filter(|end| *end <= data.len())?;
        frames.push(data.slice(at..end));
        at = end;
    }
    frames.push(data.slice(at.min(data.len())..));
    Some(frames)
}

fn number(bytes: &[u8]) -> Option<(u64, usize)> {
    let (value, length) = read_number(bytes).ok()??;
    Some((value?, length))
}

/// Bits of the flags.
const LACING: u8 = 0x06;
const XIPH: u8 = 0x02;
const FIXED: u8 = 0x04;

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(body: &[u8]) -> Option<Vec<Vec<u8>>> {
        let block = Block::read(&Bytes::copy_from_slice(body))?;
        assert_eq!((block.track, block.time), (1, -2));
        Some(block.frames.iter().map(|frame| frame.to_vec()).collect())
    }

    #[test]
    fn a_block_is_one_frame_or_a_lace() {
        let head = |flags: u8, rest: &[u8]| [&[0x81, 0xff, 0xfe, flags], rest].concat();
        assert_eq!(frames(&head(0x80, b"abc")), Some(vec![b"abc".to_vec()]));
        let three = Some(vec![b"a".to_vec(), b"bb".to_vec(), b"c".to_vec()]);
        assert_eq!(frames(&head(XIPH, b"\x02\x01\x02abbc")), three);
        assert_eq!(frames(&head(LACING, b"\x02\x81\xc0abbc")), three);
        assert_eq!(frames(&head(FIXED, b"\x01aabb")), Some(vec![b"aa".to_vec(), b"bb".to_vec()]));
    }

    #[test]
    fn a_block_that_is_cut_is_none() {
        for body in [
            &b""[..],
            b"\x81\xff",
            b"\x81\xff\xfe\x02",
            b"\x81\xff\xfe\x04\x01abc",
            b"\x81\xff\xfe\x02\x01\xff",
        ] {
            assert_eq!(Block::read(&Bytes::copy_from_slice(body)), None, "{body:?}");
        }
    }
}

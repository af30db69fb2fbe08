//! Elements: an id, a length, and what they hold.
//!
//! Spec: RFC 8794 §4 to §7.

/// The head of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// With its length marker, as specifications write it.
    pub(super) id: u32,
    /// Bytes of the head itself.
    pub(super) bytes: usize,
    /// Bytes behind it; `None` when they are not known, as while a file is written.
    pub(super) body_bytes: Option<u64>,
}

/// Reads the head of an element; `None` asks for more bytes.
///
/// # Errors
/// In words, when there is none.
pub(super) fn read_header(bytes: &[u8]) -> Result<Option<Header>, &'static str> {
    let Some(&first) = bytes.first() else { return Ok(None) };
    let id_bytes = first.leading_zeros() as usize + 1;
    if id_bytes > ID_BYTES_MAX {
        return Err("no element begins with a byte below 0x10");
    }
    let Some(id) = bytes.get(..id_bytes) else { return Ok(None) };
    let id = id.iter().fold(0, |id, byte| id << 8 | u32::from(*byte));
    let Some((size, size_bytes)) = read_number(&bytes[id_bytes..])? else { return Ok(None) };
    Ok(Some(Header { id, bytes: id_bytes + size_bytes, body_bytes: size }))
}

/// A number of variable length, and how many bytes it took; `None` within for the one that means not known.
pub(super) fn read_number(bytes: &[u8]) -> Result<Option<(Option<u64>, usize)>, &'static str> {
    let Some(&first) = bytes.first() else { return Ok(None) };
    let length = first.leading_zeros() as usize + 1;
    if length > 8 {
        return Err("a length of more than eight bytes");
    }
    let Some(rest) = bytes.get(1..length) else { return Ok(None) };
    let bits = 7 * length as u32;
    let marked = rest.iter().fold(u64::from(first), |value, byte| value << 8 | u64::from(*byte));
    let all = (1_u64 << bits) - 1;
    let value = marked & all;
    Ok(Some(((value != all).then_some(value), length)))
}

/// The elements in a body, each with its own body.
///
/// Yields an error in words, and then nothing, where one passes the end.
pub(super) fn elements(body: &[u8]) -> impl Iterator<Item = Result<(u32, &[u8]), &'static str>> {
    let mut rest = body;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let element = element(rest);
        rest = element.as_ref().map_or(&[], |(_, _, after)| after);
        Some(element.map(|(id, body, _)| (id, body)))
    })
}

fn element(bytes: &[u8]) -> Result<(u32, &[u8], &[u8]), &'static str> {
    const CUT: &str = "an element in it passes its end";
    let header = read_header(bytes)?.ok_or(CUT)?;
    let length = header.body_bytes.ok_or("an element in it is of unknown length")?;
    let rest = &bytes[header.bytes..];
    let (body, after) =
        usize::try_from(length).ok().and_then(|length| rest.split_at_checked(length)).ok_or(CUT)?;
    Ok((header.id, body, after))
}

/// An unsigned integer of up to eight bytes; more count as 0, as none does.
pub(super) fn unsigned(body: &[u8]) -> u64 {
    if body.len() > 8 { 0 } else { body.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)) }
}

/// A text, up to its first zero.
pub(super) fn text(body: &[u8]) -> String {
    let end = body.iter().position(|byte| *byte == 0).unwrap_or(body.len());
    String::from_utf8_lossy(&body[..end.min(TEXT_BYTES_MAX)]).into_owned()
}

/// Ids of Matroska have at most so many bytes.
const ID_BYTES_MAX: usize = 4;
/// Names of codecs and kinds of files are short.
const TEXT_BYTES_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read_as_they_are_written() {
        let head = |id, bytes, body_bytes| Ok(Some(Header { id, bytes, body_bytes }));
        assert_eq!(read_header(&[0xa3, 0x81]), head(0xa3, 2, Some(1)));
        assert_eq!(read_header(&[0x1a, 0x45, 0xdf, 0xa3, 0x40, 0x02]), head(0x1a45_dfa3, 6, Some(2)));
        assert_eq!(read_header(&[0xa3, 0xff]), head(0xa3, 2, None));
        let unknown = [0x18, 0x53, 0x80, 0x67, 0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
        assert_eq!(read_header(&unknown), head(0x1853_8067, 12, None));
    }

    #[test]
    fn half_a_head_asks_for_more_and_none_is_an_error() {
        assert_eq!(read_header(&[]), Ok(None));
        assert_eq!(read_header(&[0x1a, 0x45]), Ok(None));
        assert_eq!(read_header(&[0xa3, 0x40]), Ok(None));
        assert!(read_header(&[0x08, 1, 2, 3, 4, 0x81]).is_err());
        assert!(read_header(&[0xa3, 0]).is_err());
    }

    #[test]
    fn elements_end_with_the_one_that_passes_the_end() {
        let found: Vec<_> = elements(&[0xd7, 0x81, 7, 0x83, 0x82, 1]).collect();
        assert_eq!(found[0], Ok((0xd7, &[7][..])));
        assert!(found[1].is_err() && found.len() == 2);
    }
}

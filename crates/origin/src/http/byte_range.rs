//! Which bytes of a body are asked for.

use std::ops::Range;

use axum::http::{HeaderMap, header};

use super::playback::digits;

/// What `Range` asks for. One range of bytes (RFC 9110 §14); anything else is answered whole, as the standard
/// allows.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ByteRange {
    Whole,
    Part(Range<usize>),
    /// It begins behind the end.
    Unsatisfiable,
}

impl ByteRange {
    /// What is asked for of a body of `length` bytes.
    pub(super) fn of(headers: &HeaderMap, length: usize) -> ByteRange {
        let asked = headers.get(header::RANGE).and_then(|range| range.to_str().ok());
        asked.map_or(ByteRange::Whole, |asked| ByteRange::parse(asked, length))
    }

    fn parse(asked: &str, length: usize) -> ByteRange {
        let Some((from, to)) = asked.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
            return ByteRange::Whole;
        };
        let range = match (digits::<usize>(from), digits::<usize>(to)) {
            (Some(from), Some(to)) if from <= to => from..to.saturating_add(1).min(length),
            (Some(from), None) if to.is_empty() => from..length,
            (None, Some(last)) if from.is_empty() => length.saturating_sub(last)..length,
            _ => return ByteRange::Whole,
        };
        if range.start >= length || range.is_empty() {
            ByteRange::Unsatisfiable
        } else {
            ByteRange::Part(range)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_the_standard_says() {
        let parse = |asked| ByteRange::parse(asked, 6);
        assert_eq!(parse("bytes=0-1"), ByteRange::Part(0..2));
        assert_eq!(parse("bytes=4-"), ByteRange::Part(4..6));
        assert_eq!(parse("bytes=-2"), ByteRange::Part(4..6));
        assert_eq!(parse("bytes=5-99"), ByteRange::Part(5..6));
        assert_eq!(parse("bytes=6-"), ByteRange::Unsatisfiable);
        assert_eq!(parse("bytes=0-1,3-4"), ByteRange::Whole);
        assert_eq!(parse("lines=0-1"), ByteRange::Whole);
    }
}

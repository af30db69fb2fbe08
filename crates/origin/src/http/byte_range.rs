//! Which bytes of a body are asked for.

use std::ops::Range;

use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use super::entity_tag;
use super::playback::{digits, set};
use super::problem::Problem;

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
    /// What is asked for of a body of `length` bytes, whose entity tag is `tag` if it has one.
    pub(super) fn of(headers: &HeaderMap, length: usize, tag: Option<&str>) -> ByteRange {
        if !entity_tag::takes_range(headers, tag) {
            return ByteRange::Whole;
        }
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

/// What a range behind the end is answered.
pub(super) fn unsatisfiable(length: u64) -> Response {
    let status = StatusCode::RANGE_NOT_SATISFIABLE;
    let mut response =
        Problem::new(status, format!("the range begins behind the last of {length} bytes")).into_response();
    set(&mut response, header::CONTENT_RANGE, &format!("bytes */{length}"));
    response
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

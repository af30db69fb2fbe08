//! A body of pieces that others share.

use std::convert::Infallible;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};

/// Bytes that go out one after the other, as they are.
#[derive(Debug)]
pub(super) struct Pieces {
    /// None of them empty.
    rest: std::vec::IntoIter<Bytes>,
    length: usize,
}

impl Pieces {
    pub(super) fn new(pieces: Vec<Bytes>) -> Pieces {
        let length = pieces.iter().map(Bytes::len).sum();
        Pieces { rest: pieces.into_iter(), length }
    }

    /// Bytes that are left.
    pub(super) fn len(&self) -> usize {
        self.length
    }

    /// What lies in `range`, counted from the first byte that is left.
    pub(super) fn cut(self, range: Range<usize>) -> Pieces {
        if range == (0..self.length) {
            return self;
        }
        let mut at = 0;
        let mut kept = Vec::with_capacity(self.rest.len());
        for piece in self.rest {
            let from = range.start.clamp(at, at + piece.len()) - at;
            let to = range.end.clamp(at, at + piece.len()) - at;
            at += piece.len();
            if from < to {
                kept.push(piece.slice(from..to));
            }
        }
        Pieces::new(kept)
    }
}

impl HttpBody for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = self.rest.next();
        self.length -= piece.as_ref().map_or(0, Bytes::len);
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.length == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_cut_out_of_the_chained_pieces() {
        let pieces = || Pieces::new(vec![Bytes::from_static(b"abc"), Bytes::from_static(b"def")]);
        let cut_out = |range| pieces().cut(range).rest.collect::<Vec<_>>().concat();
        assert_eq!(cut_out(0..6), b"abcdef");
        assert_eq!(cut_out(2..4), b"cd");
        assert_eq!(cut_out(3..6), b"def");
    }
}

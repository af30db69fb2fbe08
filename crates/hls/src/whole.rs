//! A segment's bytes in one piece.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;

/// The place for a complete segment's bytes in one piece, which whoever serves it may make once enough have asked; it
/// goes with the segment.
#[derive(Debug, Default)]
pub struct Whole {
    asked: AtomicU32,
    bytes: OnceLock<Option<Bytes>>,
}

impl Whole {
    /// Counts a request. From request number `from` on the bytes in one piece, made by `make` for the first of them;
    /// `None` before, and where it made none.
    pub fn ask(&self, from: u32, make: impl FnOnce() -> Option<Bytes>) -> Option<&Bytes> {
        let before = self.asked.fetch_add(1, Ordering::Relaxed);
        (before >= from.saturating_sub(1)).then(|| self.bytes.get_or_init(make).as_ref()).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_is_whole_from_the_third_request_on() {
        let whole = Whole::default();
        let make = || Some(Bytes::from_static(b"whole"));
        let asked: Vec<_> = (0..4).map(|_| whole.ask(3, make)).collect();
        let bytes = Bytes::from_static(b"whole");
        assert_eq!(asked, [None, None, Some(&bytes), Some(&bytes)]);
        assert_eq!(Whole::default().ask(1, || None), None);
    }
}

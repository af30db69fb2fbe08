//! The picture of a live room: made from time to time while it is live, whoever looks, and kept until the next.

use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use media::Timestamp;
use tokio::time::Instant;

/// One room's picture.
#[derive(Debug, Default)]
pub(crate) struct Thumbnail(Mutex<Kept>);

/// A picture that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Picture {
    /// JPEG.
    pub(crate) jpeg: Bytes,
    /// When it was made, Unix time in milliseconds; tells one from the next.
    pub(crate) made_ms: i64,
}

#[derive(Debug, Default)]
struct Kept {
    picture: Option<Picture>,
    /// When one was last made, or could not be, and the decoding time of its key frame.
    tried: Option<(Instant, Timestamp)>,
}

impl Thumbnail {
    /// The picture there is.
    pub(crate) fn get(&self) -> Option<Picture> {
        self.lock().picture.clone()
    }

    /// How long the next one is overdue, when `newest` is the newest key frame: the longest for a room without any.
    /// `None` while the last one is good, and while nothing newer came.
    pub(crate) fn overdue(&self, newest: Timestamp, now: Instant) -> Option<Duration> {
        match self.lock().tried {
            None => Some(Duration::MAX),
            Some((_, at)) if at == newest => None,
            Some((tried, _)) => now.duration_since(tried).checked_sub(INTERVAL),
        }
    }

    /// Takes what was made of the key frame at `at`. One that cannot be decoded leaves no picture: an older one would
    /// tell something that is over.
    pub(crate) fn keep(&self, at: Timestamp, now: Instant, picture: Option<Picture>) {
        *self.lock() = Kept { picture, tried: Some((now, at)) };
    }

    /// Forgets the picture: another broadcast begins.
    pub(crate) fn clear(&self) {
        *self.lock() = Kept::default();
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().expect("nothing panics while it holds the picture")
    }
}

/// Decoding a picture costs tens of milliseconds; so often it costs nothing.
pub(crate) const INTERVAL: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    fn picture(made_ms: i64) -> Option<Picture> {
        Some(Picture { jpeg: Bytes::from_static(b"jpeg"), made_ms })
    }

    #[test]
    fn a_picture_is_good_for_its_interval_and_until_there_is_a_newer_key_frame() {
        let (thumbnail, begun) = (Thumbnail::default(), Instant::now());
        assert_eq!(thumbnail.overdue(at(0), begun), Some(Duration::MAX));
        thumbnail.keep(at(0), begun, picture(1));
        assert_eq!(thumbnail.overdue(at(2), begun + INTERVAL - Duration::from_millis(1)), None);
        assert_eq!(thumbnail.overdue(at(30), begun + INTERVAL), Some(Duration::ZERO));
        assert_eq!(thumbnail.overdue(at(0), begun + INTERVAL * 4), None, "the publisher is away");
        assert_eq!(thumbnail.get(), picture(1));
    }

    #[test]
    fn a_picture_that_cannot_be_made_is_not_tried_again_at_once_and_the_old_one_goes() {
        let (thumbnail, begun) = (Thumbnail::default(), Instant::now());
        thumbnail.keep(at(0), begun, picture(1));
        thumbnail.keep(at(30), begun + INTERVAL, None);
        assert_eq!(thumbnail.get(), None);
        assert_eq!(thumbnail.overdue(at(32), begun + INTERVAL + Duration::from_secs(1)), None);
    }

    #[test]
    fn another_broadcast_begins_without_a_picture() {
        let thumbnail = Thumbnail::default();
        thumbnail.keep(at(0), Instant::now(), picture(1));
        thumbnail.clear();
        assert_eq!((thumbnail.get(), thumbnail.overdue(at(0), Instant::now())), (None, Some(Duration::MAX)));
    }
}

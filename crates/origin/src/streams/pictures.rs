//! Pictures of the rooms that are live, made one at a time for all of the origin.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Stream, Streams};
use crate::clock::unix_ms;
use crate::outlets::Feed;
use crate::still::KeyFrame;
use crate::thumbnail::{self, Picture};

impl Streams {
    /// Makes pictures until `stop`: of each live room soon after it began and then every [`thumbnail::INTERVAL`], the
    /// one that waits longest first. With more rooms than there is time for, pictures grow older and nothing else.
    pub(crate) async fn picture(&self, stop: CancellationToken) {
        loop {
            let begun = Instant::now();
            let rest = match self.longest_overdue(begun) {
                Some((stream, feed, key_frame)) => {
                    stream.make_picture(&feed, key_frame).await;
                    (begun.elapsed() * REST_TIMES).min(thumbnail::INTERVAL)
                }
                None => LOOK_INTERVAL,
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(rest) => {}
            }
        }
    }

    fn longest_overdue(&self, now: Instant) -> Option<(Arc<Stream>, Arc<Feed>, KeyFrame)> {
        let streams: Vec<Arc<Stream>> = self.lock().values().cloned().collect();
        let overdue = streams.into_iter().filter_map(|stream| {
            let feed = stream.feed().filter(|feed| !feed.has_ended())?;
            let key_frame = feed.key_frame()?;
            let overdue = stream.thumbnail.overdue(key_frame.packet.dts, now)?;
            Some((overdue, (stream, feed, key_frame)))
        });
        overdue.max_by_key(|(overdue, _)| *overdue).map(|(_, found)| found)
    }
}

impl Stream {
    /// A picture of the broadcast; `None` when there is none yet, or none that can be made.
    pub(crate) fn picture(&self) -> Option<Picture> {
        self.feed().filter(|feed| !feed.has_ended())?;
        self.thumbnail.get()
    }

    /// Where viewers of the broadcast as FLV join; `None` when there is none.
    pub(crate) fn feed(&self) -> Option<Arc<Feed>> {
        self.feed.lock().expect(UNBROKEN).clone()
    }

    pub(super) fn set_feed(&self, feed: Arc<Feed>) {
        let mut current = self.feed.lock().expect(UNBROKEN);
        if !current.as_ref().is_some_and(|current| Arc::ptr_eq(current, &feed)) {
            self.thumbnail.clear();
        }
        *current = Some(feed);
    }

    /// The broadcast is over: its last pictures are let go.
    pub(super) fn drop_feed(&self) {
        *self.feed.lock().expect(UNBROKEN) = None;
        self.thumbnail.clear();
    }

    async fn make_picture(&self, feed: &Arc<Feed>, key_frame: KeyFrame) {
        let at = key_frame.packet.dts;
        let made = tokio::task::spawn_blocking(move || key_frame.jpeg()).await;
        let picture = made.ok().flatten().map(|jpeg| Picture { jpeg, made_ms: unix_ms() });
        let current = self.feed.lock().expect(UNBROKEN);
        // Meanwhile another broadcast may have begun, whose picture this is not.
        if current.as_ref().is_some_and(|current| Arc::ptr_eq(current, feed)) {
            self.thumbnail.keep(at, Instant::now(), picture);
        }
    }
}

const UNBROKEN: &str = "nothing panics while it holds the feed";
/// How soon a room that goes live has a picture.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// After each picture, so many times what it took passes until the next: they never take more than a tenth of a core.
const REST_TIMES: u32 = 9;

//! The picture of a live room: made when somebody asks, then kept for a while.

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::outlets::Feed;

/// One room's picture. Whoever asks while it is made waits for it, so that it is made once.
#[derive(Debug, Default)]
pub(crate) struct Thumbnail(Mutex<Option<(Instant, Option<Bytes>)>>);

impl Thumbnail {
    /// The picture of this broadcast, made anew when it is older than [`KEPT`].
    pub(crate) async fn of(&self, feed: &Feed) -> Option<Bytes> {
        let mut kept = self.0.lock().await;
        if let Some((made, jpeg)) = &*kept
            && made.elapsed() < KEPT
        {
            return jpeg.clone();
        }
        let key_frame = feed.key_frame()?;
        let jpeg = tokio::task::spawn_blocking(move || key_frame.jpeg()).await.ok()?;
        // A picture that cannot be made is not tried again at once either.
        *kept = Some((Instant::now(), jpeg.clone()));
        jpeg
    }
}

/// Decoding a picture costs tens of milliseconds; so often it costs nothing.
const KEPT: Duration = Duration::from_secs(30);

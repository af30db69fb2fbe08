//! A publisher of our own for what FFmpeg 5.1 does not send: Enhanced RTMP, and parameters that change on the way.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use testkit::{RtmpPublisher, Tag, read_mp4, to_tags};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Between the last stamp of a file and the first of the next.
const PAUSE_MS: u32 = 40;

/// Pushes the first video and audio track of MP4 files in real time, one file after the other in one session, as they
/// are, and says goodbye. The task ends when all is sent; what the origin says is read and left.
///
/// # Panics
/// In the task: when the origin cannot be reached or closes the connection.
pub fn push_files(origin: SocketAddr, key: &str, files: &[&Path]) -> JoinHandle<()> {
    let mut tags = Vec::new();
    for file in files {
        let start = tags.last().map_or(0, |last: &Tag| last.timestamp_ms + PAUSE_MS);
        let of_file = to_tags(&read_mp4(file)).into_iter();
        tags.extend(of_file.map(|tag| Tag { timestamp_ms: tag.timestamp_ms + start, ..tag }));
    }
    push_tags(origin, key, tags)
}

/// Pushes FLV tags in real time, as they are, and says goodbye. The task ends when all is sent.
///
/// # Panics
/// In the task: when the origin cannot be reached or closes the connection.
pub fn push_tags(origin: SocketAddr, key: &str, tags: Vec<Tag>) -> JoinHandle<()> {
    push_tags_ahead(origin, key, tags, Duration::ZERO)
}

/// The same, but with so much of them at once, and everything after it as much earlier.
///
/// # Panics
/// As [`push_tags`].
pub fn push_tags_ahead(origin: SocketAddr, key: &str, tags: Vec<Tag>, ahead: Duration) -> JoinHandle<()> {
    let key = key.to_owned();
    tokio::spawn(async move {
        let publisher = RtmpPublisher::default();
        let socket = TcpStream::connect(origin).await.expect("the origin listens");
        let (mut reader, mut writer) = socket.into_split();
        let drain = tokio::spawn(async move {
            let mut answers = [0; 4_096];
            while reader.read(&mut answers).await.is_ok_and(|read| read > 0) {}
        });
        writer.write_all(&publisher.hello("live", &key)).await.expect("the origin reads");
        let begun = Instant::now();
        for tag in tags {
            let at = Duration::from_millis(tag.timestamp_ms.into()).saturating_sub(ahead);
            tokio::time::sleep_until(begun + at).await;
            let bytes = publisher.tags(std::slice::from_ref(&tag));
            writer.write_all(&bytes).await.expect("the origin takes the stream");
        }
        writer.write_all(&publisher.goodbye(&key)).await.expect("the origin reads to the end");
        writer.shutdown().await.expect("the connection is whole");
        drain.await.expect("the reader does not panic");
    })
}

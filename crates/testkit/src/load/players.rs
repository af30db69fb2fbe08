//! Players that follow a playlist.

use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::http::{Connection, resolve, split};

/// What one player received.
#[derive(Clone, Copy, Debug, Default)]
struct Received {
    bytes: u64,
    requests: u64,
    /// Media requests, whole segments or parts.
    pieces: u64,
}

/// Plays with many players at once.
pub(super) async fn play(url: &str, players: usize, length: Duration, low_latency: bool) -> Result<Value> {
    let (host, path) = split(url)?;
    let mut first = Connection::open(host).await?;
    let playlist = media_playlist(&mut first, path).await?;
    let (start, started) = watch::channel(None);
    let mut tasks = JoinSet::new();
    for number in 0..players {
        let connection = Connection::open(host).await?;
        let (playlist, mut started) = (playlist.clone(), started.clone());
        tasks.spawn(async move {
            let begun = *started.wait_for(Option::is_some).await.context("nobody starts")?;
            let begun: Instant = begun.context("started")?;
            // Players do not all come at the same moment.
            sleep_until(begun + RELOAD.mul_f64(number as f64 / players as f64)).await;
            let until = begun + length;
            if low_latency {
                low_latency_player(connection, &playlist, until).await
            } else {
                plain_player(connection, &playlist, until).await
            }
        });
    }
    start.send_replace(Some(Instant::now()));
    let (mut all, mut failed, mut reason) = (Received::default(), 0, None);
    while let Some(ended) = tasks.join_next().await {
        match ended? {
            Ok(one) => {
                all.bytes += one.bytes;
                all.requests += one.requests;
                all.pieces += one.pieces;
            }
            Err(error) => {
                failed += 1;
                reason = Some(format!("{error:#}"));
            }
        }
    }
    Ok(json!({
        "players": players, "seconds": length.as_secs_f64(), "bytes": all.bytes, "requests": all.requests,
        "pieces": all.pieces, "failed": failed, "reason": reason,
    }))
}

/// The path of the first media playlist.
pub(super) async fn media_playlist(connection: &mut Connection, path: &str) -> Result<String> {
    let text = connection.text(path).await?;
    if !text.contains("#EXT-X-STREAM-INF") {
        return Ok(path.to_owned());
    }
    let uri = text.lines().find(|line| !line.is_empty() && !line.starts_with('#'));
    Ok(resolve(path, uri.context("the multivariant playlist names nothing")?))
}

/// Reloads every target duration and receives each new segment whole.
async fn plain_player(mut connection: Connection, playlist: &str, until: Instant) -> Result<Received> {
    let mut received = Received::default();
    let mut last = None;
    let mut due = Instant::now();
    while Instant::now() < until {
        let text = connection.text(playlist).await?;
        received.requests += 1;
        received.bytes += text.len() as u64;
        let newest = text.lines().rfind(|line| !line.is_empty() && !line.starts_with('#'));
        let newest = newest.map(str::to_owned);
        if let Some(uri) = newest.as_deref().filter(|_| newest != last) {
            received.bytes += connection.discard(&resolve(playlist, uri)).await?;
            received.requests += 1;
            received.pieces += 1;
            last = newest;
        }
        due += RELOAD;
        sleep_until(due.max(Instant::now())).await;
    }
    Ok(received)
}

/// Asks for the playlist that has the next part, then for that part.
async fn low_latency_player(mut connection: Connection, playlist: &str, until: Instant) -> Result<Received> {
    let mut received = Received::default();
    let mut path = playlist.to_owned();
    while Instant::now() < until {
        let text = connection.text(&path).await?;
        received.requests += 1;
        received.bytes += text.len() as u64;
        let newest = text.lines().rfind(|line| line.starts_with("#EXT-X-PART:"));
        if let Some(uri) = newest.and_then(uri_of) {
            received.bytes += connection.discard(&resolve(playlist, uri)).await?;
            received.requests += 1;
            received.pieces += 1;
        }
        path = blocked(playlist, &text).context("the playlist hints at no part")?;
    }
    Ok(received)
}

/// The request that waits for the part that the playlist hints at.
pub(super) fn blocked(playlist: &str, text: &str) -> Option<String> {
    let hint = text.lines().rfind(|line| line.starts_with("#EXT-X-PRELOAD-HINT:TYPE=PART"))?;
    let name = uri_of(hint)?.rsplit('/').next()?.strip_prefix("part-")?.strip_suffix(".m4s")?;
    let (msn, part) = name.split_once('-')?;
    Some(format!("{playlist}?_HLS_msn={msn}&_HLS_part={part}"))
}

fn uri_of(line: &str) -> Option<&str> {
    line.split_once("URI=\"")?.1.split('"').next()
}

/// How often a plain player reloads: the usual segment.
const RELOAD: Duration = Duration::from_secs(2);

//! How soon those who wait for a part are answered.

use std::sync::{Arc, Mutex};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{Duration, Instant, timeout};

use super::http::{Connection, split};
use super::players::{blocked, media_playlist};
use super::publisher::{Clip, Publisher};

/// Publishes `clip` in real time, lets `waiters` wait for each of `parts` parts, and compares the moment at which each
/// of them is answered with the moment before it at which the publisher had handed its latest frame to the network.
pub(super) async fn wait(
    url: &str,
    publish: &str,
    clip: Clip,
    waiters: usize,
    parts: usize,
) -> Result<Value> {
    let sent = Arc::new(Mutex::new(Vec::new()));
    let mut publisher = Publisher::connect(publish).await?;
    let log = Arc::clone(&sent);
    let publishing = tokio::spawn(async move {
        publisher.pace(&clip, |at| log.lock().expect("nothing panics with it").push(at)).await
    });
    let (host, path) = split(url)?;
    let playlist = timeout(LIVE_LIMIT, joined(host, path)).await.context("not live in time")?;
    let mut connections = open_all(host, waiters).await?;
    let mut delays = Vec::with_capacity(waiters * parts);
    let mut spread = Vec::with_capacity(waiters * parts);
    for _ in 0..parts {
        let text = Connection::open(host).await?.text(&playlist).await?;
        let next = blocked(&playlist, &text).context("the playlist hints at no part")?;
        // A few parts ahead, so that all have asked before the first is answered.
        let ahead = later(&next, if waiters > MANY { 5 } else { 2 }, parts_of_a_segment(&text))?;
        let (back, answers) = answered(connections, &ahead).await?;
        connections = back;
        let earliest = *answers.iter().min().context("nobody waited")?;
        let sent = sent.lock().expect("nothing panics with it");
        let cause = sent.iter().rfind(|at| **at <= earliest).context("answered before anything was sent")?;
        delays.extend(answers.iter().map(|at| (*at - *cause).as_micros() as u64));
        spread.extend(answers.iter().map(|at| (*at - earliest).as_micros() as u64));
    }
    publishing.abort();
    Ok(json!({
        "waiters": waiters, "parts": parts, "answers": delays.len(),
        "from_frame_us": percentiles(&mut delays), "from_first_us": percentiles(&mut spread),
    }))
}

/// Opens so many connections, some at a time: one after the other, the first would be closed for saying nothing before
/// the last is there.
async fn open_all(host: &str, count: usize) -> Result<Vec<Connection>> {
    let mut connections = Vec::with_capacity(count);
    let mut opening = JoinSet::new();
    for _ in 0..count {
        if opening.len() == OPENING_MAX {
            connections.extend(opening.join_next().await.transpose()?.transpose()?);
        }
        let host = host.to_owned();
        opening.spawn(async move { Connection::open(&host).await });
    }
    while let Some(opened) = opening.join_next().await {
        connections.push(opened??);
    }
    Ok(connections)
}

/// Waits until the room is live; the path of its media playlist.
async fn joined(host: &str, path: &str) -> String {
    loop {
        if let Ok(mut connection) = Connection::open(host).await
            && let Ok(playlist) = media_playlist(&mut connection, path).await
            && let Ok(text) = connection.text(&playlist).await
            && blocked(&playlist, &text).is_some()
        {
            return playlist;
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// All ask for `path` and note when the answer begins.
async fn answered(connections: Vec<Connection>, path: &str) -> Result<(Vec<Connection>, Vec<Instant>)> {
    let mut tasks = JoinSet::new();
    for mut connection in connections {
        // On a busy machine opening them all takes longer than the server waits for a word.
        connection.reopen_if_closed().await?;
        connection.ask(path).await?;
        let path = path.to_owned();
        tasks.spawn(async move {
            connection.answered().await?;
            let at = Instant::now();
            connection.rest(&path).await?;
            anyhow::Ok((connection, at))
        });
    }
    let mut all = (Vec::with_capacity(tasks.len()), Vec::with_capacity(tasks.len()));
    while let Some(one) = tasks.join_next().await {
        let (connection, at) = one??;
        all.0.push(connection);
        all.1.push(at);
    }
    Ok(all)
}

/// The most parts that a whole segment of `playlist` has.
fn parts_of_a_segment(playlist: &str) -> u64 {
    let (most, _) = playlist.lines().fold((0, 0), |(most, parts), line| match line {
        line if line.starts_with("#EXT-X-PART:") => (most, parts + 1),
        line if line.starts_with("#EXTINF:") => (most.max(parts), 0),
        _ => (most, parts),
    });
    most
}

/// The blocked request `parts` parts later, in segments of `of_a_segment` parts.
fn later(path: &str, parts: u64, of_a_segment: u64) -> Result<String> {
    ensure!(of_a_segment > 0, "the playlist has no whole segment with parts");
    let (base, query) = path.split_once("?_HLS_msn=").context("a blocked request names a segment")?;
    let (msn, part) = query.split_once("&_HLS_part=").context("a blocked request names a part")?;
    let (msn, part): (u64, u64) = (msn.parse()?, part.parse()?);
    let part = part + parts;
    let (msn, part) = (msn + part / of_a_segment, part % of_a_segment);
    Ok(format!("{base}?_HLS_msn={msn}&_HLS_part={part}"))
}

pub(super) fn percentiles(values: &mut [u64]) -> Value {
    values.sort_unstable();
    let at = |share: f64| values.get(((values.len() as f64 * share) as usize).min(values.len().max(1) - 1));
    json!({"p50": at(0.5), "p99": at(0.99), "max": values.last()})
}

/// From the publisher's first frame to the first part: one GOP and the machine's load.
const LIVE_LIMIT: Duration = Duration::from_secs(30);

/// Between two looks whether the room is live.
const LOOK: Duration = Duration::from_millis(50);

/// Connections that are opened at a time: fewer than a listener's backlog.
const OPENING_MAX: usize = 100;

/// More waiters than this take longer to ask than a part lasts.
const MANY: usize = 1_000;

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_connection_that_the_server_gave_up_is_opened_anew_before_it_asks() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let opening = tokio::spawn(async move { open_all(&host, 250).await });
        let mut accepted = Vec::new();
        while accepted.len() < 250 {
            accepted.push(listener.accept().await.unwrap().0);
        }
        let mut connections = opening.await.unwrap().unwrap();
        assert_eq!(connections.len(), 250);
        // The server closes all but one, which stays as it is.
        let kept = accepted.pop().unwrap();
        let port = kept.peer_addr().unwrap();
        drop(accepted);
        let closed = connections.iter().position(|it| it.local_address() != Some(port)).unwrap();
        let mut one = connections.swap_remove(closed);
        one.answered().await.unwrap();
        one.reopen_if_closed().await.unwrap();
        one.ask("/again").await.unwrap();
        let (mut again, _) = listener.accept().await.unwrap();
        let mut asked = [0; 10];
        again.read_exact(&mut asked).await.unwrap();
        assert_eq!(&asked, b"GET /again");
        let mut open = connections.into_iter().find(|it| it.local_address() == Some(port)).unwrap();
        open.reopen_if_closed().await.unwrap();
        assert_eq!(open.local_address(), Some(port), "what is open stays so");
    }
}

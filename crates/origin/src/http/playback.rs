//! Low-Latency HLS: playlists that wait for what is asked, parts and segments.
//!
//! All that is served comes from one immutable [`hls::Window`]; a request that waits is woken once for every
//! part. Bodies are the packager's own bytes, shared and not copied.
//!
//! Spec: draft-pantos-hls-rfc8216bis §6.2.5 and appendix C.

use std::io::Write as _;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use hls::{AUDIO, Position, Rendition, Text};
use rooms::Slug;
use rooms::frame::State as StreamState;
use tokio::sync::watch;
use tokio::time::timeout;

use super::problem::Problem;
use crate::state::Shared;
use crate::streams::{Served, Stream};

/// A name below a rendition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum File {
    Playlist,
    Init(u32),
    Segment(u64),
    Part(Position),
}

/// What a client asks a playlist to wait for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Directives {
    msn: Option<u64>,
    part: Option<u32>,
    /// Segments before the skip boundary may be left out.
    skip: bool,
}

pub(crate) async fn multivariant(
    State(shared): State<Arc<Shared>>,
    Path(slug): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let stream = find(&shared, &slug)?;
    let receiver = stream.watch_window();
    let window = receiver.borrow().as_ref().map(|served| Arc::clone(&served.window)).ok_or_else(not_live)?;
    Ok(playlist_answer(window.multivariant(), Encoding::of(&headers), &brief(PLAYLIST_AGE_S)))
}

pub(crate) async fn file(
    State(shared): State<Arc<Shared>>,
    Path((slug, rendition, file)): Path<(String, String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let stream = find(&shared, &slug)?;
    let Some(file) = parse_file(&file) else { return Ok(missing()) };
    let named = Named::parse(&rendition);
    let found = match file {
        File::Playlist => {
            let directives = parse_directives(query.as_deref().unwrap_or_default())?;
            return playlist(&shared, &stream, named, directives, Encoding::of(&headers)).await;
        }
        File::Init(number) => current(&stream, named, |found| found.init(number).map(|bytes| vec![bytes]))?,
        File::Segment(msn) => current(&stream, named, |found| found.segment(msn))?,
        File::Part(position) => part(&shared, &stream, named, position).await?,
    };
    Ok(found.map_or_else(missing, |pieces| media(pieces, &headers, named)))
}

/// A rendition as URLs name it: with its broadcast as the multivariant playlist has it, or without, which
/// means whatever is on now and is not kept by caches.
#[derive(Clone, Copy, Debug)]
struct Named<'a> {
    rendition: &'a str,
    broadcast: Option<&'a str>,
}

impl<'a> Named<'a> {
    fn parse(name: &'a str) -> Named<'a> {
        match name.split_once('-') {
            Some((rendition, broadcast)) => Named { rendition, broadcast: Some(broadcast) },
            None => Named { rendition: name, broadcast: None },
        }
    }

    fn find<'w>(&self, served: &'w Served) -> Option<&'w Rendition> {
        let same = self.broadcast.is_none_or(|broadcast| *broadcast == *served.broadcast);
        served.window.rendition(self.rendition).filter(|_| same)
    }
}

async fn playlist(
    shared: &Shared,
    stream: &Stream,
    named: Named<'_>,
    Directives { msn, part, skip }: Directives,
    encoding: Encoding,
) -> Result<Response, Problem> {
    let mut receiver = stream.watch_window();
    let served = receiver.borrow_and_update().clone().ok_or_else(not_live)?;
    let Some(rendition) = named.find(&served) else { return Ok(missing()) };
    let answer = |rendition: &Rendition, cache: &str| {
        let text = if skip { rendition.delta() } else { rendition.playlist() };
        playlist_answer(text, encoding, cache)
    };
    let target = Duration::from(rendition.target_duration());
    let Some(msn) = msn else {
        return Ok(answer(rendition, &brief(PLAYLIST_AGE_S)));
    };
    // What a certain place made available stays true: a shared cache may answer everybody who asks for it. A
    // browser's own must not: Video.js asks for a place that it has already, to learn what came after.
    let shared_s = if named.broadcast.is_some() { target.as_secs() * BLOCKED_AGE_TARGETS } else { 1 };
    let lasting = format!("public, max-age=0, s-maxage={shared_s}");
    if rendition.contains(msn, part) {
        return Ok(answer(rendition, &lasting));
    }
    check_distance(rendition, msn, part)?;
    let _place = shared.blocked.try_acquire().map_err(|_| busy())?;
    let holds = |served: &Option<Served>| {
        served.as_ref().and_then(|served| named.find(served)).is_none_or(|found| found.contains(msn, part))
    };
    let came = wait(shared, &mut receiver, target * WAIT_TARGETS, holds).await?;
    let served = receiver.borrow().clone().ok_or_else(not_live)?;
    let Some(rendition) = named.find(&served) else { return Ok(missing()) };
    if came {
        return Ok(answer(rendition, &lasting));
    }
    // The publisher is away: the unchanged playlist keeps players waiting without an error.
    if stream.status().state != StreamState::Live {
        return Ok(answer(rendition, "no-store"));
    }
    Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the part that was asked for did not come in time"))
}

async fn part(
    shared: &Shared,
    stream: &Stream,
    named: Named<'_>,
    position: Position,
) -> Result<Option<Vec<Bytes>>, Problem> {
    let Position { msn, part } = position;
    let mut receiver = stream.watch_window();
    let served = receiver.borrow_and_update().clone().ok_or_else(not_live)?;
    let Some(rendition) = named.find(&served) else { return Ok(None) };
    // Only the hinted part is worth waiting for: others are there, or gone, or may never be.
    if rendition.next() != position {
        return Ok(rendition.part(msn, part).map(|bytes| vec![bytes]));
    }
    let _place = shared.blocked.try_acquire().map_err(|_| busy())?;
    let decided = |served: &Option<Served>| {
        served.as_ref().and_then(|served| named.find(served)).is_none_or(|found| found.next() > position)
    };
    wait(shared, &mut receiver, Duration::from(rendition.target_duration()) * WAIT_TARGETS, decided).await?;
    let served = receiver.borrow().clone().ok_or_else(not_live)?;
    Ok(named.find(&served).and_then(|rendition| rendition.part(msn, part)).map(|bytes| vec![bytes]))
}

/// Waits until `holds`; `false` when that took longer than `longest`.
async fn wait(
    shared: &Shared,
    receiver: &mut watch::Receiver<Option<Served>>,
    longest: Duration,
    holds: impl FnMut(&Option<Served>) -> bool,
) -> Result<bool, Problem> {
    tokio::select! {
        () = shared.shutdown.cancelled() => {
            Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the origin stops"))
        }
        came = timeout(longest, receiver.wait_for(holds)) => Ok(came.is_ok()),
    }
}

/// Refuses what lies so far ahead that the client must be wrong (§6.2.5.2).
fn check_distance(rendition: &Rendition, msn: u64, part: Option<u32>) -> Result<(), Problem> {
    let next = rendition.next();
    let too_far = || Problem::bad_request("the media that was asked for is too far ahead");
    // The last complete segment is `next.msn - 1`.
    if msn > next.msn.saturating_add(1) {
        return Err(too_far());
    }
    let part_target = rendition.part_target().as_secs_f64();
    let parts_ahead = if part_target < 1.0 { (3.0 / part_target.max(0.001)).ceil() as u32 } else { 3 };
    let from = if msn == next.msn { next.part } else { 0 };
    if part.is_some_and(|part| part > from.saturating_add(parts_ahead)) {
        return Err(too_far());
    }
    Ok(())
}

fn find(shared: &Shared, slug: &str) -> Result<Arc<Stream>, Problem> {
    let slug = slug.parse::<Slug>().map_err(|_| not_live())?;
    shared.streams.get(&slug).ok_or_else(not_live)
}

fn current<T>(
    stream: &Stream,
    named: Named<'_>,
    take: impl FnOnce(&Rendition) -> Option<T>,
) -> Result<Option<T>, Problem> {
    let served = stream.watch_window().borrow().clone().ok_or_else(not_live)?;
    Ok(named.find(&served).and_then(take))
}

fn parse_file(name: &str) -> Option<File> {
    if name == "index.m3u8" {
        return Some(File::Playlist);
    }
    if let Some(number) = name.strip_prefix("init-").and_then(|rest| rest.strip_suffix(".mp4")) {
        return Some(File::Init(digits(number)?));
    }
    let name = name.strip_suffix(".m4s")?;
    if let Some(msn) = name.strip_prefix("seg-") {
        return Some(File::Segment(digits(msn)?));
    }
    let (msn, part) = name.strip_prefix("part-")?.split_once('-')?;
    Some(File::Part(Position { msn: digits(msn)?, part: digits(part)? }))
}

/// Reads the directives; other queries, also unknown `_HLS_` ones, change nothing.
fn parse_directives(query: &str) -> Result<Directives, Problem> {
    let mut directives = Directives::default();
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let wrong = || Problem::bad_request(format!("{name} is a whole number"));
        match name {
            "_HLS_msn" => directives.msn = Some(digits(value).ok_or_else(wrong)?),
            "_HLS_part" => directives.part = Some(digits(value).ok_or_else(wrong)?),
            // `v2` may skip date ranges too; there are none.
            "_HLS_skip" => directives.skip = matches!(value, "YES" | "v2"),
            _ => {}
        }
    }
    if directives.part.is_some() && directives.msn.is_none() {
        return Err(Problem::bad_request("_HLS_part needs _HLS_msn"));
    }
    Ok(directives)
}

/// A number of decimal digits only: no sign, no space.
fn digits<T: std::str::FromStr>(text: &str) -> Option<T> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

/// How a playlist goes over the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Plain,
    Gzip,
}

impl Encoding {
    /// What a client takes (RFC 9110 §12.5.3).
    fn of(headers: &HeaderMap) -> Encoding {
        let accepted =
            headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
        let gzip = accepted.flat_map(|value| value.split(',')).any(|coding| {
            let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
            let refused = weight.trim().strip_prefix("q=").is_some_and(|weight| weight.parse() == Ok(0.0));
            name.trim().eq_ignore_ascii_case("gzip") && !refused
        });
        if gzip { Encoding::Gzip } else { Encoding::Plain }
    }
}

/// The text is made, and compressed, for the first who asks; all others share the bytes.
fn playlist_answer(text: &Text, encoding: Encoding, cache: &str) -> Response {
    let body = match encoding {
        Encoding::Plain => text.plain(),
        Encoding::Gzip => text.encoded(gzip),
    };
    let mut response = body.clone().into_response();
    set(&mut response, header::CONTENT_TYPE, "application/vnd.apple.mpegurl");
    set(&mut response, header::CACHE_CONTROL, cache);
    set(&mut response, header::VARY, "accept-encoding");
    if encoding == Encoding::Gzip {
        set(&mut response, header::CONTENT_ENCODING, "gzip");
    }
    response
}

fn gzip(text: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::with_capacity(text.len() / 4), Compression::fast());
    encoder.write_all(text).expect("writing into memory does not fail");
    encoder.finish().expect("writing into memory does not fail").into()
}

/// The chained pieces, or the range of them that was asked for.
fn media(pieces: Vec<Bytes>, headers: &HeaderMap, named: Named<'_>) -> Response {
    let length: usize = pieces.iter().map(Bytes::len).sum();
    let range =
        headers.get(header::RANGE).and_then(|range| range.to_str().ok()).map(|r| parse_range(r, length));
    let (status, range) = match range {
        None | Some(Asked::All) => (StatusCode::OK, 0..length),
        Some(Asked::Range(range)) => (StatusCode::PARTIAL_CONTENT, range),
        Some(Asked::Unsatisfiable) => {
            let mut response = StatusCode::RANGE_NOT_SATISFIABLE.into_response();
            set(&mut response, header::CONTENT_RANGE, &format!("bytes */{length}"));
            return response;
        }
    };
    let partial = format!("bytes {}-{}/{length}", range.start, range.end.saturating_sub(1));
    let content_length = range.len().to_string();
    let pieces = cut(pieces, range).into_iter().map(Ok::<Bytes, std::convert::Infallible>);
    let mut response = Body::from_stream(futures_util::stream::iter(pieces)).into_response();
    *response.status_mut() = status;
    if status == StatusCode::PARTIAL_CONTENT {
        set(&mut response, header::CONTENT_RANGE, &partial);
    }
    set(&mut response, header::CONTENT_LENGTH, &content_length);
    let kind = if named.rendition == AUDIO { "audio/mp4" } else { "video/mp4" };
    set(&mut response, header::CONTENT_TYPE, kind);
    set(&mut response, header::ACCEPT_RANGES, "bytes");
    let lasting = if named.broadcast.is_some() { "public, max-age=3600, immutable" } else { "no-store" };
    set(&mut response, header::CACHE_CONTROL, lasting);
    response
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked {
    All,
    Range(Range<usize>),
    Unsatisfiable,
}

/// One range of bytes (RFC 9110 §14); anything else is answered whole, as the standard allows.
pub(super) fn parse_range(header: &str, length: usize) -> Asked {
    let Some((from, to)) = header.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Asked::All;
    };
    let range = match (digits::<usize>(from), digits::<usize>(to)) {
        (Some(from), Some(to)) if from <= to => from..to.saturating_add(1).min(length),
        (Some(from), None) if to.is_empty() => from..length,
        (None, Some(last)) if from.is_empty() => length.saturating_sub(last)..length,
        _ => return Asked::All,
    };
    if range.start >= length || range.is_empty() { Asked::Unsatisfiable } else { Asked::Range(range) }
}

fn cut(pieces: Vec<Bytes>, range: Range<usize>) -> Vec<Bytes> {
    let mut at = 0;
    let mut kept = Vec::with_capacity(pieces.len());
    for piece in pieces {
        let from = range.start.clamp(at, at + piece.len()) - at;
        let to = range.end.clamp(at, at + piece.len()) - at;
        at += piece.len();
        if from < to {
            kept.push(piece.slice(from..to));
        }
    }
    kept
}

fn missing() -> Response {
    let mut response = Problem::not_found("there is no such media").into_response();
    set(&mut response, header::CACHE_CONTROL, &brief(MISSING_AGE_S));
    response
}

fn not_live() -> Problem {
    Problem::not_found("this room is not live")
}

fn busy() -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too many requests wait for media just now")
}

fn brief(seconds: u64) -> String {
    format!("public, max-age={seconds}")
}

pub(super) fn set(response: &mut Response, name: header::HeaderName, value: &str) {
    let value = HeaderValue::from_str(value).expect("these values are plain ASCII");
    response.headers_mut().insert(name, value);
}

/// Seconds that a cache may keep a playlist that waited for nothing; half the usual target duration.
const PLAYLIST_AGE_S: u64 = 1;
/// Target durations that a shared cache may keep the answer to a wait (appendix C).
const BLOCKED_AGE_TARGETS: u64 = 6;
/// Seconds that a cache may remember that something is missing.
const MISSING_AGE_S: u64 = 1;
/// Target durations after which a wait ends (§6.2.5.2).
const WAIT_TARGETS: u32 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_names_that_playlists_use_are_files() {
        assert_eq!(parse_file("index.m3u8"), Some(File::Playlist));
        assert_eq!(parse_file("init-2.mp4"), Some(File::Init(2)));
        assert_eq!(parse_file("seg-41.m4s"), Some(File::Segment(41)));
        assert_eq!(parse_file("part-41-3.m4s"), Some(File::Part(Position { msn: 41, part: 3 })));
        for other in ["", "seg-.m4s", "seg-+1.m4s", "part-1.m4s", "part-1-2-3.m4s", "../x", "seg-1.mp4"] {
            assert_eq!(parse_file(other), None, "{other}");
        }
    }

    #[test]
    fn a_part_without_a_segment_is_refused_and_other_queries_pass() {
        let both = parse_directives("a=b&_HLS_part=2&_HLS_msn=7&_HLS_skip=YES").unwrap();
        assert_eq!(both, Directives { msn: Some(7), part: Some(2), skip: true });
        assert!(!parse_directives("_HLS_skip=NO").unwrap().skip);
        assert!(parse_directives("_HLS_part=2").is_err());
        assert!(parse_directives("_HLS_msn=-1").is_err());
        assert_eq!(parse_directives("").unwrap(), Directives::default());
    }

    #[test]
    fn a_playlist_is_compressed_for_those_who_take_it() {
        let of = |value: &'static str| {
            Encoding::of(&HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(value))]))
        };
        assert_eq!(of("gzip, deflate, br"), Encoding::Gzip);
        assert_eq!(of("br;q=1.0, gzip;q=0.5"), Encoding::Gzip);
        assert_eq!(of("gzip;q=0, br"), Encoding::Plain);
        assert_eq!(Encoding::of(&HeaderMap::new()), Encoding::Plain);
    }

    #[test]
    fn a_range_is_cut_out_of_the_chained_pieces() {
        let pieces = || vec![Bytes::from_static(b"abc"), Bytes::from_static(b"def")];
        let cut_out = |range| cut(pieces(), range).concat();
        assert_eq!(cut_out(0..6), b"abcdef");
        assert_eq!(cut_out(2..4), b"cd");
        assert_eq!(cut_out(3..6), b"def");
    }

    #[test]
    fn ranges_are_read_as_the_standard_says() {
        assert_eq!(parse_range("bytes=0-1", 6), Asked::Range(0..2));
        assert_eq!(parse_range("bytes=4-", 6), Asked::Range(4..6));
        assert_eq!(parse_range("bytes=-2", 6), Asked::Range(4..6));
        assert_eq!(parse_range("bytes=5-99", 6), Asked::Range(5..6));
        assert_eq!(parse_range("bytes=6-", 6), Asked::Unsatisfiable);
        assert_eq!(parse_range("bytes=0-1,3-4", 6), Asked::All);
        assert_eq!(parse_range("lines=0-1", 6), Asked::All);
    }
}

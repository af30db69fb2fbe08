//! Low-Latency HLS: playlists that wait for what is asked, parts and segments.
//!
//! All that is served comes from one immutable [`hls::Window`]; a request that waits is woken once for every
//! part. Bodies are the packager's own bytes, shared and not copied.
//!
//! Spec: draft-pantos-hls-rfc8216bis §6.2.5 and appendix C.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Path, RawQuery, State};
use axum::http::{Extensions, HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use hls::{AUDIO, Position, Rendition, Text};
use rooms::Slug;
use rooms::frame::State as StreamState;
use tokio::sync::watch;
use tokio::time::timeout;

use super::byte_range::{ByteRange, unsatisfiable};
use super::client_address;
use super::gate;
use super::pieces::Pieces;
use super::player;
use super::problem::Problem;
use crate::audience::{Shown, Wanted};
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

/// Any file of a room's live media, as it is for everybody.
pub(crate) async fn file(
    State(shared): State<Arc<Shared>>,
    Path((slug, rendition, file)): Path<(String, String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    extensions: Extensions,
) -> Response {
    let player = player::shown(&headers, None, || client_address::of(&extensions, &headers, &shared));
    let asked = Asked { slug: &slug, rendition: &rendition, file: &file, query: query.as_deref(), player };
    live(&shared, asked, &headers).await
}

/// The same, of a request that is taken apart.
pub(super) async fn live(shared: &Shared, asked: Asked<'_>, headers: &HeaderMap) -> Response {
    let answer = match gate::refuse_without_session(shared, asked.slug) {
        Ok(()) => answer(shared, asked, headers).await,
        Err(problem) => Err(problem),
    };
    let mut response = answer.into_response();
    response.headers_mut().extend(LIVE_HEADERS);
    response
}

/// Tells a page of another site that it may ask for a range (Fetch standard, "CORS-preflight fetch").
pub(crate) async fn preflight() -> impl IntoResponse {
    [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
        (header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET,HEAD")),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("range")),
    ]
}

/// What one request of live media names.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    pub(super) slug: &'a str,
    pub(super) rendition: &'a str,
    pub(super) file: &'a str,
    pub(super) query: Option<&'a str>,
    pub(super) player: Shown<'a>,
}

/// A complete segment: in one piece, which is sent without a copy, once many ask for it.
fn segment(shared: &Shared, rendition: &Rendition, msn: u64) -> Option<Vec<Bytes>> {
    let pieces = rendition.segment(msn)?;
    let whole = rendition.whole(msn)?.ask(POPULAR_FROM, || {
        let made = shared.files.make(&pieces);
        made.inspect_err(|error| tracing::warn!(%error, "a segment stays out of shared memory")).ok()
    });
    Some(whole.map_or(pieces, |whole| vec![whole.clone()]))
}

/// The file that is asked for.
pub(super) async fn answer(
    shared: &Shared,
    asked: Asked<'_>,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let stream = find(shared, asked.slug)?;
    let Some(file) = parse_file(asked.file) else { return Ok(missing()) };
    let named = Named::parse(asked.rendition);
    count(&stream, asked.player, file);
    let found = match file {
        File::Playlist => {
            let directives = parse_directives(asked.query.unwrap_or_default())?;
            return playlist(shared, &stream, named, directives, Encoding::of(headers)).await;
        }
        File::Init(number) => current(&stream, named, |found| found.init(number).map(|bytes| vec![bytes]))?,
        File::Segment(msn) => current(&stream, named, |found| segment(shared, found, msn))?,
        File::Part(position) => part(shared, &stream, named, position).await?,
    };
    Ok(found.map_or_else(missing, |pieces| media(pieces, headers, named)))
}

/// Counts a player. One asks for the parameters once, which says nothing.
fn count(stream: &Stream, player: Shown<'_>, file: File) {
    let wanted = match file {
        File::Playlist => Wanted::Playlist,
        File::Segment(_) | File::Part(_) => Wanted::Media,
        File::Init(_) => return,
    };
    let audience = stream.audience();
    audience.asks(audience.key(player), wanted);
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
pub(super) fn digits<T: std::str::FromStr>(text: &str) -> Option<T> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

/// How text goes over the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Plain,
    Gzip,
}

impl Encoding {
    /// What a client takes (RFC 9110 §12.5.3).
    pub(super) fn of(headers: &HeaderMap) -> Encoding {
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
        Encoding::Gzip => text.encoded(|text| gzip(text, Compression::fast())),
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

/// The text compressed.
pub(super) fn gzip(text: &[u8], level: Compression) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::with_capacity(text.len() / 4), level);
    encoder.write_all(text).expect("writing into memory does not fail");
    encoder.finish().expect("writing into memory does not fail").into()
}

/// The chained pieces, or the range of them that was asked for.
fn media(pieces: Vec<Bytes>, headers: &HeaderMap, named: Named<'_>) -> Response {
    let pieces = Pieces::new(pieces);
    let length = pieces.len();
    let (status, range) = match ByteRange::of(headers, length, None) {
        ByteRange::Whole => (StatusCode::OK, 0..length),
        ByteRange::Part(range) => (StatusCode::PARTIAL_CONTENT, range),
        ByteRange::Unsatisfiable => return unsatisfiable(length as u64),
    };
    let partial = (status == StatusCode::PARTIAL_CONTENT)
        .then(|| format!("bytes {}-{}/{length}", range.start, range.end.saturating_sub(1)));
    let mut response = Response::new(Body::new(pieces.cut(range)));
    *response.status_mut() = status;
    let kind = if named.rendition == AUDIO { AUDIO_MP4 } else { VIDEO_MP4 };
    let lasting = if named.broadcast.is_some() { IMMUTABLE } else { NO_STORE };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, kind);
    headers.insert(header::CACHE_CONTROL, lasting);
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if let Some(partial) = partial {
        set(&mut response, header::CONTENT_RANGE, &partial);
    }
    response
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

/// On every answer of live media: any page may play it, without credentials, and it is nothing else than it says.
const LIVE_HEADERS: [(header::HeaderName, HeaderValue); 3] = [
    (header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
    (
        header::ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static("content-length,content-range,age,date"),
    ),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
];

const AUDIO_MP4: HeaderValue = HeaderValue::from_static("audio/mp4");
const VIDEO_MP4: HeaderValue = HeaderValue::from_static("video/mp4");
/// A name with its broadcast in it never means other bytes.
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=3600, immutable");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// Seconds that a cache may keep a playlist that waited for nothing; half the usual target duration.
const PLAYLIST_AGE_S: u64 = 1;
/// Target durations that a shared cache may keep the answer to a wait (appendix C).
const BLOCKED_AGE_TARGETS: u64 = 6;
/// Seconds that a cache may remember that something is missing.
const MISSING_AGE_S: u64 = 1;
/// Requests from which on a segment is worth a copy of its own.
const POPULAR_FROM: u32 = 3;
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
}

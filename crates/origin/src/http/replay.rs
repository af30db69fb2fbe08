//! What was recorded, for players and as files: a playlist of byte ranges, and the files with ranges.

use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hls::{VodFile, VodFragment};
use media::{Span, Timescale};
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
use tokio_util::io::ReaderStream;

use super::byte_range::{ByteRange, unsatisfiable};
use super::entity_tag;
use super::gate;
use super::playback::set;
use super::problem::Problem;
use super::recordings::{UNREADABLE, find_recording};
use crate::recordings::file::Contents;
use crate::state::Shared;
use crate::store::Recording;

/// `/replay/{id}/index.m3u8`, `/replay/{id}/{part}.mp4` and `/replay/{id}/poster.jpg`.
pub(crate) async fn file(
    State(shared): State<Arc<Shared>>,
    Path((id, name)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let recording = find_recording(&shared, &id).await?;
    let gate = shared.gates.get(&recording.slug).filter(|gate| gate.is_private());
    let lasting = if gate.is_some() { PRIVATE } else { LASTING };
    if name == "poster.jpg" {
        let jpeg = tokio::fs::read(shared.recordings.poster(&recording)).await;
        let jpeg = jpeg.map_err(|_| Problem::not_found("there is no picture of this recording"))?;
        return Ok(
            ([(header::CONTENT_TYPE, "image/jpeg"), (header::CACHE_CONTROL, lasting)], jpeg).into_response()
        );
    }
    if shared.recordings.grows(&recording) {
        return Err(Problem::new(StatusCode::CONFLICT, "it is still being recorded"));
    }
    if recording.writing {
        return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, UNREADABLE));
    }
    if name == "index.m3u8" {
        let text = playlist(&shared, &recording).await?;
        let key = gate.and_then(|gate| gate::shown_key(&gate, query.as_deref()?).map(str::to_owned));
        let text = match key {
            Some(key) => with_key(&text, &key),
            None => text,
        };
        let headers =
            [(header::CONTENT_TYPE, "application/vnd.apple.mpegurl"), (header::CACHE_CONTROL, lasting)];
        return Ok((headers, text).into_response());
    }
    let missing = || Problem::not_found("there is no such file");
    let number = name.strip_suffix(".mp4").filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    let number = number.and_then(|digits| digits.parse().ok()).ok_or_else(missing)?;
    let path = shared.recordings.part(&recording, number).ok_or_else(missing)?;
    let mut response = ranged(path, &headers, lasting).await?;
    if query.is_some_and(|query| query.split('&').any(|pair| pair == "download")) {
        let date = date(recording.started_at_ms);
        let part = if recording.parts > 1 { format!("-{number}") } else { String::new() };
        let named = format!("attachment; filename=\"{}-{date}{part}.mp4\"", recording.slug);
        set(&mut response, header::CONTENT_DISPOSITION, &named);
    }
    Ok(response)
}

/// The playlist's text; made once, since a recording does not change.
async fn playlist(shared: &Shared, recording: &Recording) -> Result<Bytes, Problem> {
    if let Some(text) = shared.recordings.playlist(&recording.id) {
        return Ok(text);
    }
    let paths: Vec<(u32, PathBuf)> = (1..=recording.parts)
        .filter_map(|part| Some((part, shared.recordings.part(recording, part)?)))
        .collect();
    let made = tokio::task::spawn_blocking(move || {
        let files = paths.into_iter().filter_map(|(part, path)| match Contents::read(&path) {
            Ok(contents) => Some(Ok(vod_file(part, &contents))),
            Err(error) => {
                tracing::warn!(file = %path.display(), %error, "part of a recording cannot be read");
                let gone = matches!(error.kind(), ErrorKind::NotFound | ErrorKind::InvalidData);
                (!gone).then_some(Err(error))
            }
        });
        files.collect::<io::Result<Vec<_>>>()
    });
    let files = made.await.map_err(|_| Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the origin stops"))?;
    // Without a part that may be there the next time, the text would be kept for ever.
    let files = files.map_err(|_| {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the recording cannot be read just now")
    })?;
    if files.is_empty() {
        return Err(Problem::not_found("the recording's files are gone"));
    }
    let text = hls::vod_playlist(&files);
    let text = Bytes::from(text);
    shared.recordings.keep_playlist(&recording.id, text.clone());
    Ok(text)
}

/// The playlist for a player that shows the room's key in the address, and no cookie: so that it shows it for the files too.
fn with_key(playlist: &[u8], key: &str) -> Bytes {
    String::from_utf8_lossy(playlist).replace(".mp4", &format!(".mp4?key={key}")).into()
}

fn vod_file(part: u32, contents: &Contents) -> VodFile {
    let timescale = Timescale::new(contents.lead.timescale).unwrap_or(Timescale::MPEG);
    let span = |ticks: u64| Span::from_ticks(i64::try_from(ticks).unwrap_or(i64::MAX), timescale);
    let fragments = contents.fragments.iter().map(|place| VodFragment {
        bytes: place.at..place.at + place.bytes,
        begins: span(place.begins),
        ends: span(place.ends),
        independent: place.sync,
    });
    VodFile { uri: format!("{part}.mp4"), init_bytes: contents.init_bytes, fragments: fragments.collect() }
}

/// A file, or the range of it that was asked for.
async fn ranged(path: PathBuf, headers: &HeaderMap, lasting: &str) -> Result<Response, Problem> {
    let gone = |_| Problem::not_found("the recording's file is gone");
    let mut file = tokio::fs::File::open(path).await.map_err(gone)?;
    let metadata = file.metadata().await.map_err(gone)?;
    let length = metadata.len();
    // A finished recording does not change; one that is given back from a backup is the same bytes.
    let tag = format!("\"{length:x}-{}\"", seconds(&metadata));
    if entity_tag::is_known(headers, &tag) {
        let headers = [(header::ETAG, tag.as_str()), (header::CACHE_CONTROL, lasting)];
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    let whole = usize::try_from(length).unwrap_or(usize::MAX);
    let (status, range) = match ByteRange::of(headers, whole, Some(&tag)) {
        ByteRange::Whole => (StatusCode::OK, 0..whole),
        ByteRange::Part(range) => (StatusCode::PARTIAL_CONTENT, range),
        ByteRange::Unsatisfiable => return Ok(unsatisfiable(length)),
    };
    file.seek(std::io::SeekFrom::Start(range.start as u64)).await.map_err(gone)?;
    let body = ReaderStream::with_capacity(file.take(range.len() as u64), READ_BYTES);
    let mut response = Body::from_stream(body).into_response();
    *response.status_mut() = status;
    if status == StatusCode::PARTIAL_CONTENT {
        let partial = format!("bytes {}-{}/{length}", range.start, range.end.saturating_sub(1));
        set(&mut response, header::CONTENT_RANGE, &partial);
    }
    set(&mut response, header::CONTENT_LENGTH, &range.len().to_string());
    set(&mut response, header::CONTENT_TYPE, "video/mp4");
    set(&mut response, header::ACCEPT_RANGES, "bytes");
    set(&mut response, header::CACHE_CONTROL, lasting);
    set(&mut response, header::ETAG, &tag);
    Ok(response)
}

/// When a file was last written, Unix time in seconds.
fn seconds(file: &std::fs::Metadata) -> u64 {
    let since = file.modified().ok().and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
    since.map_or(0, |since| since.as_secs())
}

/// The day of a time, as file names have it; days since 1970 turned into a date as Hinnant's `civil_from_days` does.
fn date(unix_ms: i64) -> String {
    let days = unix_ms.div_euclid(86_400_000) + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

/// A recording does not change, but it can be deleted.
const LASTING: &str = "public, max-age=300";
/// The same of a private room: no cache between may hand it to others.
const PRIVATE: &str = "private, max-age=300";
/// Bytes read from the disk at a time.
const READ_BYTES: usize = 128 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_goes_on_to_all_files_of_a_playlist() {
        let playlist = b"#EXTM3U\n#EXT-X-MAP:URI=\"1.mp4\",BYTERANGE=\"9@0\"\n#EXTINF:2,\n1.mp4\n";
        let expected =
            "#EXTM3U\n#EXT-X-MAP:URI=\"1.mp4?key=c0de\",BYTERANGE=\"9@0\"\n#EXTINF:2,\n1.mp4?key=c0de\n";
        assert_eq!(with_key(playlist, "c0de"), expected);
    }

    #[test]
    fn a_time_has_its_date() {
        for (unix_ms, expected) in [
            (0, "1970-01-01"),
            (951_782_400_000, "2000-02-29"),
            (1_767_225_599_999, "2025-12-31"),
            (1_767_225_600_000, "2026-01-01"),
        ] {
            assert_eq!(date(unix_ms), expected);
        }
    }
}

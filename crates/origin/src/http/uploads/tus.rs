//! Files come in pieces that can be resumed.
//!
//! Spec: tus resumable upload protocol 1.0, with its extensions creation, expiration and termination.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::access::Known;
use super::super::description::{RoomPath, TusRefusals, TusResumable, UploadPath};
use super::super::playback::set;
use super::super::problem::Problem;
use super::super::rooms::managed;
use super::find_upload;
use crate::state::Shared;
use crate::store::Upload;
use crate::uploads::{ReceiveError, State as FileState};

/// What of the resumable upload protocol is spoken.
#[utoipa::path(
    options,
    path = "/api/v1/rooms/{room}/uploads",
    tag = "uploads",
    params(RoomPath),
    responses(
        (
            status = 204,
            description = "tus 1.0 with creation, expiration and termination.",
            headers(("Tus-Version" = String, description = "Versions."), ("Tus-Extension" = String, description = "Extensions."), ("Tus-Max-Size" = u64, description = "Bytes of one file at most.")),
        ),
    ),
)]
pub(crate) async fn options(State(shared): State<Arc<Shared>>) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    set(&mut response, VERSIONS, VERSION);
    set(&mut response, EXTENSIONS, "creation,expiration,termination");
    set(&mut response, MAX_SIZE, &shared.uploads.max_bytes().to_string());
    spoken(Ok(response))
}

/// Announce a video file.
///
/// Spec: tus 1.0, extension creation.
#[utoipa::path(
    post,
    path = "/api/v1/rooms/{room}/uploads",
    tag = "uploads",
    params(
        RoomPath,
        TusResumable,
        ("Upload-Length" = u64, Header, description = "Bytes of the whole file.", minimum = 1, example = 1_024),
        ("Upload-Metadata" = Option<String>, Header, description = "`filename` and its value in base64.", example = "filename bGVzc29uLm1wNA=="),
    ),
    responses(
        (
            status = 201,
            description = "Its bytes are waited for.",
            headers(("Location" = String, description = "Where the file's bytes go."), ("Tus-Resumable" = String, description = "The protocol's version."), ("Upload-Expires" = String, description = "When it is given up if nothing more of it comes.")),
        ),
        (status = 400, description = "A header is missing or cannot be read."),
        (status = 403, description = "The room is somebody else's, or uploads are switched off."),
        (status = 409, description = "As many files are there as may be."),
        TusRefusals,
        (status = 413, description = "The file is larger than may be."),
        (status = 507, description = "The disk has no room for it."),
    ),
)]
pub(crate) async fn create(
    State(shared): State<Arc<Shared>>,
    Path(slug): Path<String>,
    Known(identity): Known,
    headers: HeaderMap,
) -> Response {
    let created = async {
        let room = managed(&shared, &slug, &identity).await?;
        check_version(&headers)?;
        let bytes = number(&headers, &LENGTH)?;
        let name = file_name(&headers)?.unwrap_or_default();
        let id = shared.uploads.announce(room.id, &name, bytes).await?;
        tracing::info!(room = %room.slug, upload = id, bytes, "file announced");
        let mut response = StatusCode::CREATED.into_response();
        set(&mut response, header::LOCATION, &format!("/api/v1/rooms/{}/uploads/{id}", room.slug));
        let upload = find_upload(&shared, &slug, &id, &identity).await?;
        set_expiry(&mut response, &shared, &upload);
        Ok(response)
    };
    spoken(created.await)
}

/// How much of a file is there.
///
/// Whoever still sends it is interrupted, since the answer must not change afterwards.
#[utoipa::path(
    head,
    path = "/api/v1/rooms/{room}/uploads/{id}",
    tag = "uploads",
    params(RoomPath, UploadPath, TusResumable),
    responses(
        (
            status = 200,
            description = "In the headers.",
            headers(("Upload-Offset" = u64, description = "How many bytes are there."), ("Upload-Length" = u64, description = "Bytes of the whole file."), ("Tus-Resumable" = String, description = "The protocol's version."), ("Upload-Expires" = String, description = "When it is given up if nothing more of it comes.")),
        ),
        (status = 403, description = "The room is somebody else's."),
        TusRefusals,
    ),
)]
pub(crate) async fn offset(
    State(shared): State<Arc<Shared>>,
    Path((slug, id)): Path<(String, String)>,
    Known(identity): Known,
    headers: HeaderMap,
) -> Response {
    let found = async {
        let upload = find_upload(&shared, &slug, &id, &identity).await?;
        check_version(&headers)?;
        let received = shared.uploads.settled(&upload).await;
        let mut response = StatusCode::OK.into_response();
        set(&mut response, OFFSET, &received.to_string());
        set(&mut response, LENGTH, &upload.bytes.to_string());
        set(&mut response, header::CACHE_CONTROL, "no-store");
        set_expiry(&mut response, &shared, &upload);
        Ok(response)
    };
    spoken(found.await)
}

/// Send a piece of a file.
///
/// Spec: tus 1.0.
#[utoipa::path(
    patch,
    path = "/api/v1/rooms/{room}/uploads/{id}",
    tag = "uploads",
    params(
        RoomPath,
        UploadPath,
        TusResumable,
        ("Upload-Offset" = u64, Header, description = "Where the piece begins: how many bytes are there.", example = 0),
    ),
    request_body(content = Vec<u8>, content_type = "application/offset+octet-stream"),
    responses(
        (
            status = 204,
            description = "It is kept.",
            headers(("Upload-Offset" = u64, description = "How many bytes are there."), ("Tus-Resumable" = String, description = "The protocol's version."), ("Upload-Expires" = String, description = "When it is given up if nothing more of it comes.")),
        ),
        (status = 400, description = "A header is missing or cannot be read."),
        (status = 403, description = "The room is somebody else's."),
        (status = 408, description = "The rest of the piece did not come."),
        (status = 409, description = "The file is whole, or goes on elsewhere."),
        TusRefusals,
        (status = 413, description = "More than was announced."),
        (status = 415, description = "Another type than application/offset+octet-stream."),
        (status = 503, description = "The origin stops."),
        (status = 507, description = "The disk is full."),
    ),
)]
pub(crate) async fn append(
    State(shared): State<Arc<Shared>>,
    Path((slug, id)): Path<(String, String)>,
    Known(identity): Known,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let appended = async {
        let upload = find_upload(&shared, &slug, &id, &identity).await?;
        check_version(&headers)?;
        let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        if kind != Some(PIECE_TYPE) {
            let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            return Err(Problem::new(status, format!("the Content-Type must be {PIECE_TYPE}")));
        }
        let offset = number(&headers, &OFFSET)?;
        let received =
            shared.uploads.receive(upload, offset, body.into_data_stream()).await.map_err(refused)?;
        let mut response = StatusCode::NO_CONTENT.into_response();
        set(&mut response, OFFSET, &received.to_string());
        let upload = find_upload(&shared, &slug, &id, &identity).await?;
        set_expiry(&mut response, &shared, &upload);
        Ok(response)
    };
    spoken(appended.await)
}

/// Give a file up, or delete it.
///
/// Spec: tus 1.0, extension termination.
#[utoipa::path(
    delete,
    path = "/api/v1/rooms/{room}/uploads/{id}",
    tag = "uploads",
    params(RoomPath, UploadPath, TusResumable),
    responses(
        (
            status = 204,
            description = "It is gone.",
            headers(("Tus-Resumable" = String, description = "The protocol's version.")),
        ),
        (status = 403, description = "The room is somebody else's."),
        (status = 409, description = "It is live."),
        TusRefusals,
    ),
)]
pub(crate) async fn remove(
    State(shared): State<Arc<Shared>>,
    Path((slug, id)): Path<(String, String)>,
    Known(identity): Known,
    headers: HeaderMap,
) -> Response {
    let removed = async {
        let upload = find_upload(&shared, &slug, &id, &identity).await?;
        check_version(&headers)?;
        shared.uploads.remove(&upload).await?;
        tracing::info!(room = %upload.slug, upload = upload.id, "uploaded file deleted");
        Ok(StatusCode::NO_CONTENT.into_response())
    };
    spoken(removed.await)
}

fn spoken(result: Result<Response, Problem>) -> Response {
    let mut response = result.unwrap_or_else(IntoResponse::into_response);
    if response.status() == StatusCode::PRECONDITION_FAILED {
        set(&mut response, VERSIONS, VERSION);
    }
    set(&mut response, RESUMABLE, VERSION);
    response
}

fn check_version(headers: &HeaderMap) -> Result<(), Problem> {
    if headers.get(RESUMABLE).is_some_and(|version| version == VERSION) {
        return Ok(());
    }
    let words = format!("the header Tus-Resumable must be {VERSION}");
    Err(Problem::new(StatusCode::PRECONDITION_FAILED, words))
}

fn number(headers: &HeaderMap, name: &HeaderName) -> Result<u64, Problem> {
    let value = headers.get(name).and_then(|value| value.to_str().ok()).and_then(|value| value.parse().ok());
    value.ok_or_else(|| Problem::bad_request(format!("the header {name} must be a number of bytes")))
}

/// The file's name, if its announcement tells one.
fn file_name(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let wrong = || {
        Problem::bad_request("the header upload-metadata must hold pairs of a key and its value in base64")
    };
    let Some(metadata) = headers.get(METADATA) else { return Ok(None) };
    let metadata = metadata.to_str().map_err(|_| wrong())?;
    for pair in metadata.split(',') {
        let (key, value) = pair.trim().split_once(' ').unwrap_or((pair.trim(), ""));
        if key == "filename" {
            let name = STANDARD.decode(value).map_err(|_| wrong())?;
            return Ok(Some(String::from_utf8_lossy(&name).into_owned()));
        }
    }
    Ok(None)
}

fn set_expiry(response: &mut Response, shared: &Shared, upload: &Upload) {
    if upload.state == FileState::Receiving {
        set(response, EXPIRES, &http_date(shared.uploads.expires_ms(upload)));
    }
}

fn refused(error: ReceiveError) -> Problem {
    let status = match error {
        ReceiveError::Whole | ReceiveError::Offset { .. } | ReceiveError::Interrupted => StatusCode::CONFLICT,
        ReceiveError::TooMany { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        ReceiveError::Lost => StatusCode::REQUEST_TIMEOUT,
        ReceiveError::Stopped => StatusCode::SERVICE_UNAVAILABLE,
        ReceiveError::Upload(error) => return error.into(),
    };
    Problem::new(status, error.to_string())
}

/// `Sat, 21 Nov 2026 06:45:00 GMT` (RFC 9110 §5.6.7).
fn http_date(unix_ms: i64) -> String {
    let (days, seconds) = (unix_ms.div_euclid(86_400_000), unix_ms.div_euclid(1_000).rem_euclid(86_400));
    let weekday = WEEKDAYS[(days + 4).rem_euclid(7) as usize];
    // The civil calendar from a count of days, with the year beginning in March so that its leap day comes last.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12;
    let year = year_of_era + era * 400 + i64::from(month < 2);
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    format!("{weekday}, {day:02} {} {year} {hour:02}:{minute:02}:{second:02} GMT", MONTHS[month as usize])
}

const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

const VERSION: &str = "1.0.0";
const PIECE_TYPE: &str = "application/offset+octet-stream";
const RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
const VERSIONS: HeaderName = HeaderName::from_static("tus-version");
const EXTENSIONS: HeaderName = HeaderName::from_static("tus-extension");
const MAX_SIZE: HeaderName = HeaderName::from_static("tus-max-size");
const LENGTH: HeaderName = HeaderName::from_static("upload-length");
const OFFSET: HeaderName = HeaderName::from_static("upload-offset");
const METADATA: HeaderName = HeaderName::from_static("upload-metadata");
const EXPIRES: HeaderName = HeaderName::from_static("upload-expires");

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn dates_are_written_as_http_does() {
        assert_eq!(http_date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(http_date(784_111_777_000), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(http_date(951_782_400_000), "Tue, 29 Feb 2000 00:00:00 GMT");
        assert_eq!(http_date(1_798_761_599_000), "Thu, 31 Dec 2026 23:59:59 GMT");
    }

    #[test]
    fn a_file_is_called_what_its_announcement_says() {
        let named = |value: &'static str| {
            file_name(&HeaderMap::from_iter([(METADATA, HeaderValue::from_static(value))]))
        };
        assert_eq!(named("filetype dmlkZW8vbXA0,filename dGFsay5tcDQ="), Ok(Some("talk.mp4".to_owned())));
        assert_eq!(named("private"), Ok(None));
        assert!(named("filename dGF$").is_err());
    }
}

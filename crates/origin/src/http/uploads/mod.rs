//! The JSON API for uploaded files; their bytes come by the protocol in [`tus`].

#[cfg(test)]
mod tests;
pub(super) mod tus;

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::access::Known;
use super::description::{RoomPath, UploadPath};
use super::object::Object;
use super::problem::Problem;
use super::rooms::{fresh, managed};
use crate::clock::unix_ms;
use crate::state::Shared;
use crate::store::Upload;
use crate::uploads::{self, Ended, FileFacts, UploadError};

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UploadsAnswer {
    uploads: Vec<UploadAnswer>,
    /// Bytes of one file at most; 0 when uploads are switched off.
    max_bytes: u64,
}

/// An uploaded file. Times are Unix time in milliseconds.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UploadAnswer {
    id: String,
    name: String,
    /// Of the whole file.
    bytes: u64,
    /// Of these so many are there.
    received: u64,
    created_ms: i64,
    state: uploads::State,
    /// When it is given up if nothing more of it comes; only while it is received.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_ms: Option<i64>,
    /// What was found in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    facts: Option<FileFacts>,
    /// When it goes live, or went.
    #[schema(required)]
    live_at_ms: Option<i64>,
    /// Whether it begins anew at its end.
    repeat: bool,
    /// How far it has been played, while it is live.
    #[serde(skip_serializing_if = "Option::is_none")]
    position_ms: Option<i64>,
    /// Why it is not live any more, or did not go live.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<Ended>,
    /// The same, or why it was refused, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

/// `PUT …/schedule`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ScheduleFile)]
pub(crate) struct Schedule {
    /// Unix time in milliseconds; without it at once.
    #[serde(default)]
    at_ms: Option<i64>,
    /// Whether it begins anew at its end.
    #[serde(default)]
    repeat: bool,
}

/// The room's video files.
#[utoipa::path(
    get,
    path = "/api/v1/rooms/{room}/uploads",
    tag = "uploads",
    params(RoomPath),
    responses(
        (status = 200, description = "All of them.", body = UploadsAnswer),
        (status = 403, description = "The room is somebody else's."),
    ),
)]
pub(crate) async fn list(
    State(shared): State<Arc<Shared>>,
    Path(slug): Path<String>,
    Known(identity): Known,
) -> Result<impl IntoResponse, Problem> {
    let room = managed(&shared, &slug, &identity).await?;
    let mut answers = Vec::new();
    for upload in shared.store.uploads_of(room.id).await? {
        answers.push(answer(&shared, upload).await);
    }
    Ok(fresh(UploadsAnswer { uploads: answers, max_bytes: shared.uploads.max_bytes() }))
}

/// A video file.
#[utoipa::path(
    get,
    path = "/api/v1/rooms/{room}/uploads/{id}",
    tag = "uploads",
    params(RoomPath, UploadPath),
    responses(
        (status = 200, description = "As it stands.", body = UploadAnswer),
        (status = 403, description = "The room is somebody else's."),
    ),
)]
pub(crate) async fn show(
    State(shared): State<Arc<Shared>>,
    Path((slug, id)): Path<(String, String)>,
    Known(identity): Known,
) -> Result<impl IntoResponse, Problem> {
    let upload = find_upload(&shared, &slug, &id, &identity).await?;
    Ok(fresh(answer(&shared, upload).await))
}

/// Let a file go live at an hour, or at once.
#[utoipa::path(
    put,
    path = "/api/v1/rooms/{room}/uploads/{id}/schedule",
    tag = "uploads",
    params(RoomPath, UploadPath),
    request_body = Schedule,
    responses(
        (status = 200, description = "The file with its hour.", body = UploadAnswer),
        (status = 400, description = "The hour is past, or more than a year away."),
        (status = 403, description = "The room is somebody else's."),
        (status = 409, description = "The file is not ready for it."),
    ),
)]
pub(crate) async fn schedule(
    State(shared): State<Arc<Shared>>,
    Path((slug, id)): Path<(String, String)>,
    Known(identity): Known,
    body: Result<Object<Schedule>, Problem>,
) -> Result<impl IntoResponse, Problem> {
    let upload = find_upload(&shared, &slug, &id, &identity).await?;
    let Object(Schedule { at_ms, repeat }) = body?;
    let now_ms = unix_ms();
    if at_ms.is_some_and(|at_ms| at_ms < now_ms - PAST_MAX_MS || at_ms > now_ms + AHEAD_MAX_MS) {
        return Err(Problem::bad_request("at_ms must lie between now and a year from now"));
    }
    shared.uploads.schedule(&upload, at_ms, repeat).await?;
    tracing::info!(room = %upload.slug, upload = upload.id, ?at_ms, repeat, "file scheduled");
    Ok(fresh(answer(&shared, find_upload(&shared, &slug, &id, &identity).await?).await))
}

/// Take a file's hour back.
#[utoipa::path(
    delete,
    path = "/api/v1/rooms/{room}/uploads/{id}/schedule",
    tag = "uploads",
    params(RoomPath, UploadPath),
    responses(
        (status = 204, description = "It does not go live by itself."),
        (status = 403, description = "The room is somebody else's."),
        (status = 409, description = "It has no hour."),
    ),
)]
pub(crate) async fn unschedule(
    State(shared): State<Arc<Shared>>,
    Path((slug, id)): Path<(String, String)>,
    Known(identity): Known,
) -> Result<StatusCode, Problem> {
    let upload = find_upload(&shared, &slug, &id, &identity).await?;
    shared.uploads.unschedule(&upload).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The room's file of this id, or a 404: also for what is no id, so that nothing odd goes further.
async fn find_upload(
    shared: &Shared,
    slug: &str,
    id: &str,
    identity: &super::access::Identity,
) -> Result<Upload, Problem> {
    let room = managed(shared, slug, identity).await?;
    let missing = || Problem::not_found("there is no such file");
    if id.len() != ID_DIGITS || !id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return Err(missing());
    }
    let upload = shared.store.upload(id.to_owned()).await?;
    upload.filter(|upload| upload.room == room.id).ok_or_else(missing)
}

async fn answer(shared: &Shared, upload: Upload) -> UploadAnswer {
    let received = shared.uploads.received(&upload).await;
    let receiving = upload.state == uploads::State::Receiving;
    UploadAnswer {
        received,
        expires_ms: receiving.then(|| shared.uploads.expires_ms(&upload)),
        position_ms: shared.uploads.position_ms(&upload.id),
        id: upload.id,
        name: upload.name,
        bytes: upload.bytes,
        created_ms: upload.created_at_ms,
        state: upload.state,
        facts: upload.facts,
        live_at_ms: upload.live_at_ms,
        repeat: upload.repeat,
        ended: upload.ended,
        note: upload.note,
    }
}

impl From<UploadError> for Problem {
    fn from(error: UploadError) -> Problem {
        let status = match &error {
            UploadError::Off => StatusCode::FORBIDDEN,
            UploadError::Empty => StatusCode::BAD_REQUEST,
            UploadError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            UploadError::TooMany | UploadError::WrongState(_) => StatusCode::CONFLICT,
            UploadError::DiskFull { .. } => StatusCode::INSUFFICIENT_STORAGE,
            UploadError::Disk(disk) => {
                tracing::error!(error = %disk, "an uploaded file cannot be kept");
                StatusCode::INTERNAL_SERVER_ERROR
            }
            UploadError::Store(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        match error {
            UploadError::Store(error) => error.into(),
            UploadError::Disk(_) => Problem::new(status, "the disk failed; the log says more"),
            other => Problem::new(status, other.to_string()),
        }
    }
}

/// Hexadecimal digits of 128 bits.
const ID_DIGITS: usize = 32;
/// A request that takes a while to come is not late.
const PAST_MAX_MS: i64 = 60_000;
/// A hand that slipped on the year.
const AHEAD_MAX_MS: i64 = 366 * 86_400_000;

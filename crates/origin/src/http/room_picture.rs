//! The picture that a room shows while it is not live.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rooms::Slug;
use serde::Serialize;
use utoipa::ToSchema;

use super::access::Known;
use super::description::RoomPath;
use super::entity_tag;
use super::problem::Problem;
use super::rooms::managed;
use super::rooms::{find, fresh};
use crate::clock::unix_ms;
use crate::room_picture::PictureError;
use crate::state::Shared;

/// The picture that was just given.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PictureAnswer {
    /// Where it is.
    picture: String,
}

/// The picture that a room shows while it is not live.
///
/// With the number of the picture that is there, as rooms are described with it, browsers keep it for good.
#[utoipa::path(
    get,
    path = "/api/v1/rooms/{room}/picture",
    tag = "rooms",
    params(RoomPath),
    responses(
        (status = 200, description = "The picture.", body = Vec<u8>, content_type = "image/jpeg"),
        (status = 304, description = "The one of `If-None-Match` is still there."),
    ),
)]
pub(crate) async fn show(
    State(shared): State<Arc<Shared>>,
    Path(slug): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let room = find(&shared, &slug).await?;
    let picture = shared.store.room_picture(room.id).await?;
    let (made_ms, jpeg) = picture.ok_or_else(|| Problem::not_found("this room has no picture"))?;
    let tag = format!("\"{made_ms}\"");
    let named = query.is_some_and(|query| query == version(made_ms));
    // Not for shared caches: the room may be private.
    let cache = if named { "private, max-age=86400, immutable" } else { "private, no-cache" };
    let known = entity_tag::is_known(&headers, &tag);
    let headers = [(header::CACHE_CONTROL, cache.to_owned()), (header::ETAG, tag)];
    if known {
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    Ok((headers, [(header::CONTENT_TYPE, "image/jpeg")], jpeg).into_response())
}

/// Give a room its picture.
///
/// PNG, JPEG or WebP of at most 8 MB as the body. It is made anew as JPEG: nothing of what was uploaded but its pixels is
/// ever served.
#[utoipa::path(
    put,
    path = "/api/v1/rooms/{room}/picture",
    tag = "rooms",
    params(RoomPath),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses(
        (status = 200, description = "Where it is.", body = PictureAnswer),
        (status = 403, description = "The room is somebody else's."),
        (status = 413, description = "`picture_too_long`"),
        (status = 415, description = "`picture_kind`"),
        (status = 422, description = "`picture_broken`"),
        (status = 503, description = "`busy`: other pictures are being made."),
    ),
)]
pub(crate) async fn give(
    State(shared): State<Arc<Shared>>,
    Path(slug): Path<String>,
    Known(identity): Known,
    body: Result<Bytes, BytesRejection>,
) -> Result<impl IntoResponse, Problem> {
    let room = managed(&shared, &slug, &identity).await?;
    let body = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => PictureError::TooLong.into(),
        status => Problem::new(status, rejection.body_text()),
    })?;
    let jpeg = shared.pictures.make(body).await?;
    let now_ms = unix_ms();
    shared.store.set_room_picture(room.id, Some(jpeg), now_ms).await?;
    tracing::info!(room = %room.slug, "room picture given");
    Ok(fresh(PictureAnswer { picture: path(&room.slug, now_ms) }))
}

/// Take a room's picture away.
#[utoipa::path(
    delete,
    path = "/api/v1/rooms/{room}/picture",
    tag = "rooms",
    params(RoomPath),
    responses(
        (status = 204, description = "It is gone."),
        (status = 403, description = "The room is somebody else's."),
    ),
)]
pub(crate) async fn remove(
    State(shared): State<Arc<Shared>>,
    Path(slug): Path<String>,
    Known(identity): Known,
) -> Result<StatusCode, Problem> {
    let room = managed(&shared, &slug, &identity).await?;
    match shared.store.set_room_picture(room.id, None, unix_ms()).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Problem::not_found("this room has no picture")),
    }
}

/// The path of a room's picture, another one for each picture.
pub(super) fn path(slug: &Slug, made_ms: i64) -> String {
    format!("/api/v1/rooms/{slug}/picture?{}", version(made_ms))
}

fn version(made_ms: i64) -> String {
    format!("at={made_ms}")
}

impl From<PictureError> for Problem {
    fn from(error: PictureError) -> Problem {
        let (status, code) = match error {
            PictureError::TooLong => (StatusCode::PAYLOAD_TOO_LARGE, "picture_too_long"),
            PictureError::Kind => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "picture_kind"),
            PictureError::TooLarge { .. } | PictureError::Broken(_) => {
                (StatusCode::UNPROCESSABLE_ENTITY, "picture_broken")
            }
            PictureError::Busy => (StatusCode::SERVICE_UNAVAILABLE, "busy"),
        };
        Problem::new(status, error.to_string()).with_code(code)
    }
}

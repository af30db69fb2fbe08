//! Pictures of live rooms.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rooms::Slug;

use super::problem::Problem;
use crate::state::Shared;
use crate::thumbnail;

/// The picture of a live room. With the number of the picture that is there, as the list of rooms has it, caches keep
/// it for good; without, until the next is due.
pub(crate) async fn show(
    State(shared): State<Arc<Shared>>,
    Path(slug): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let missing = || Problem::not_found("there is no picture of this room");
    let slug = slug.parse::<Slug>().map_err(|_| missing())?;
    let picture = shared.streams.get(&slug).and_then(|stream| stream.picture()).ok_or_else(missing)?;
    let tag = format!("\"{}\"", picture.made_ms);
    let named = query.is_some_and(|query| query == version(picture.made_ms));
    let cache = if named {
        "public, max-age=86400, immutable".to_owned()
    } else {
        format!("public, max-age={}", thumbnail::INTERVAL.as_secs() / 2)
    };
    let known = headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
    let headers = [(header::CACHE_CONTROL, cache), (header::ETAG, tag)];
    if known {
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    Ok((headers, [(header::CONTENT_TYPE, "image/jpeg")], picture.jpeg).into_response())
}

/// The path of a room's picture, another one for each picture.
pub(crate) fn path(slug: &Slug, made_ms: i64) -> String {
    format!("/live/{slug}/thumbnail.jpg?{}", version(made_ms))
}

fn version(made_ms: i64) -> String {
    format!("at={made_ms}")
}

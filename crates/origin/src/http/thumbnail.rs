//! Pictures of live rooms.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rooms::Slug;

use super::entity_tag;
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
    let private = shared.gates.get(&slug).is_some_and(|gate| gate.is_private());
    let cache = cache_control(named, private);
    let known = entity_tag::is_known(&headers, &tag);
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

/// How long a picture is kept, and by whom: no cache between may hand a private room's to others.
fn cache_control(named: bool, private: bool) -> String {
    let whose = if private { "private" } else { "public" };
    match named {
        true => format!("{whose}, max-age=86400, immutable"),
        false => format!("{whose}, max-age={}", thumbnail::INTERVAL.as_secs() / 2),
    }
}

fn version(made_ms: i64) -> String {
    format!("at={made_ms}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_rooms_picture_is_kept_by_browsers_alone() {
        for named in [true, false] {
            assert!(cache_control(named, false).starts_with("public, "));
            assert!(cache_control(named, true).starts_with("private, "));
        }
    }
}

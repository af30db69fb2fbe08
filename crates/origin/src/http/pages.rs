//! The pages of `ui/web`, held inside the program.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_embed::{Embed, EmbeddedFile};

use super::problem::Problem;
use super::recordings::find_recording;
use super::rooms::find;
use crate::state::Shared;

#[derive(Embed)]
#[folder = "../../ui/dist/web"]
#[allow_missing = true]
struct Web;

pub(crate) async fn home() -> Response {
    index(StatusCode::OK)
}

/// The same page for a room; for one that does not exist with 404, which the page then says itself.
pub(crate) async fn room(State(shared): State<Arc<Shared>>, Path(slug): Path<String>) -> Response {
    match find(&shared, &slug).await {
        Ok(_) => index(StatusCode::OK),
        Err(problem) => {
            let status = problem.into_response().status();
            if status == StatusCode::NOT_FOUND { index(status) } else { status.into_response() }
        }
    }
}

/// The player of a room alone, for pages of other sites to frame; of a room that does not exist with 404.
pub(crate) async fn embed(state: State<Arc<Shared>>, path: Path<String>) -> Response {
    let mut response = room(state, path).await;
    let policy = HeaderValue::from_static(FRAMED_CONTENT_SECURITY_POLICY);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}

/// The same page for a recording; for one that does not exist with 404.
pub(crate) async fn replay(
    State(shared): State<Arc<Shared>>,
    Path((slug, id)): Path<(String, String)>,
) -> Response {
    match find_recording(&shared, &id).await {
        Ok(recording) if recording.slug.as_str() == slug => index(StatusCode::OK),
        Ok(_) => index(StatusCode::NOT_FOUND),
        Err(problem) => {
            let status = problem.into_response().status();
            if status == StatusCode::NOT_FOUND { index(status) } else { status.into_response() }
        }
    }
}

/// Built files have a digest in their name, so they never change.
pub(crate) async fn asset(Path(path): Path<String>) -> Result<Response, Problem> {
    let name = format!("assets/{path}");
    let file = Web::get(&name).ok_or_else(|| Problem::not_found("there is no such file"))?;
    Ok(answer(StatusCode::OK, file, media_type(&name), "public, max-age=31536000, immutable"))
}

pub(crate) async fn favicon() -> Result<Response, Problem> {
    let file = Web::get("favicon.svg").ok_or_else(|| Problem::not_found("there is no such file"))?;
    Ok(answer(StatusCode::OK, file, "image/svg+xml", "public, max-age=3600"))
}

fn index(status: StatusCode) -> Response {
    match Web::get("index.html") {
        Some(file) => answer(status, file, "text/html; charset=utf-8", "no-cache"),
        None => {
            let headers =
                [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
            (StatusCode::SERVICE_UNAVAILABLE, headers, NOT_BUILT).into_response()
        }
    }
}

fn answer(status: StatusCode, file: EmbeddedFile, kind: &'static str, cache: &'static str) -> Response {
    let body = match file.data {
        std::borrow::Cow::Borrowed(bytes) => axum::body::Bytes::from_static(bytes),
        std::borrow::Cow::Owned(bytes) => bytes.into(),
    };
    let mut response = (status, body).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    response
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("html") => "text/html; charset=utf-8",
        Some("json" | "map") => "application/json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("webp") => "image/webp",
        Some("woff2") => "font/woff2",
        Some("wasm") => "application/wasm",
        _ => "application/octet-stream",
    }
}

/// What a program says whose pages were not built before it.
const NOT_BUILT: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Pages not built</title>\
     <h1>The pages are not built</h1><p>This origin runs, but it was compiled before its pages. \
     Run <code>cargo xtask build</code> and start it again.</p></html>\n";

macro_rules! content_security_policy {
    ($ancestors:literal) => {
        concat!(
            "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
             img-src 'self' data: blob:; media-src 'self' blob:; worker-src 'self' blob:; \
             connect-src 'self' ws: wss:; object-src 'none'; base-uri 'none'; form-action 'self'; \
             frame-ancestors ",
            $ancestors
        )
    };
}

/// Scripts and styles only from here (styles also inline: the pages set sizes and colours in place), and no page of
/// another site frames these. `blob:` is how a page's player feeds video and starts its worker.
pub(super) const CONTENT_SECURITY_POLICY: &str = content_security_policy!("'none'");
/// The same for the player that others frame: it has nothing to press that a trick could use.
const FRAMED_CONTENT_SECURITY_POLICY: &str = content_security_policy!("*");

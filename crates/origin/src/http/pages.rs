//! The pages of `ui/web`, held inside the program.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use rust_embed::{Embed, EmbeddedFile};

use super::playback::{Encoding, gzip, set};
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

/// The same page for an address where nothing is, which the page then says itself.
pub(crate) fn missing() -> Response {
    index(StatusCode::NOT_FOUND)
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
pub(crate) async fn asset(Path(path): Path<String>, headers: HeaderMap) -> Result<Response, Problem> {
    let name = format!("assets/{path}");
    let file = Web::get(&name).ok_or_else(|| Problem::not_found("there is no such file"))?;
    let (kind, cache) = (media_type(&name), "public, max-age=31536000, immutable");
    if !kind.starts_with("text/") || Encoding::of(&headers) != Encoding::Gzip {
        return Ok(answer(StatusCode::OK, bytes(file), kind, cache));
    }
    let mut response = answer(StatusCode::OK, packed(name, bytes(file)).await?, kind, cache);
    set(&mut response, header::CONTENT_ENCODING, "gzip");
    set(&mut response, header::VARY, "accept-encoding");
    Ok(response)
}

/// A file compressed as well as it can be, once for all who ask for it: its name says that it never changes.
async fn packed(name: String, file: Bytes) -> Result<Bytes, Problem> {
    static PACKED: Mutex<BTreeMap<String, Bytes>> = Mutex::new(BTreeMap::new());
    let known = || PACKED.lock().expect("nothing panics while it holds the files");
    if let Some(bytes) = known().get(&name) {
        return Ok(bytes.clone());
    }
    let packing = tokio::task::spawn_blocking(move || gzip(&file, Compression::best())).await;
    let bytes = packing
        .map_err(|error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, format!("compressing: {error}")))?;
    known().insert(name, bytes.clone());
    Ok(bytes)
}

pub(crate) async fn favicon() -> Result<Response, Problem> {
    let file = Web::get("favicon.svg").ok_or_else(|| Problem::not_found("there is no such file"))?;
    Ok(answer(StatusCode::OK, bytes(file), "image/svg+xml", "public, max-age=3600"))
}

fn index(status: StatusCode) -> Response {
    match Web::get("index.html") {
        Some(file) => answer(status, bytes(file), "text/html; charset=utf-8", "no-cache"),
        None => {
            let headers =
                [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
            (StatusCode::SERVICE_UNAVAILABLE, headers, NOT_BUILT).into_response()
        }
    }
}

fn bytes(file: EmbeddedFile) -> Bytes {
    match file.data {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => bytes.into(),
    }
}

fn answer(status: StatusCode, body: Bytes, kind: &'static str, cache: &'static str) -> Response {
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

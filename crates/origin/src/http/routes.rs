//! Every route, and which of them are open.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::Predicate;
use tower_http::cors::{Any, CorsLayer};
use tower_http::set_header::SetResponseHeaderLayer;
use utoipa_axum::router::UtoipaMethodRouter;
use utoipa_axum::routes;

use super::foreign_pages::ForeignPages;
use super::pages::CONTENT_SECURITY_POLICY;
use super::problem::Problem;
use super::{
    access, accounts, attendance, broadcasts, chapters, chat, comments, description, flv, following,
    forgotten, gate, gifts, health, ingest, invitations, moderation, moderators, own_account, owner, pages,
    playback, player_links, polls, problem, recordings, replay, room_picture, room_settings, rooms,
    server_settings, session, thumbnail, tokens, uploads, webhooks,
};
use crate::room_picture::UPLOAD_BYTES_MAX;
use crate::state::Shared;

/// What anybody may ask for. Everything else needs a session or a token; `HEAD` goes with `GET`.
pub(super) const OPEN: [(&str, &str); 54] = [
    ("GET", "/"),
    ("GET", "/r/{room}"),
    ("GET", "/r/{room}/broadcast"),
    ("GET", "/r/{room}/files"),
    ("OPTIONS", "/api/v1/rooms/{room}/uploads"),
    ("GET", "/r/{room}/settings"),
    ("GET", "/embed/{room}"),
    ("GET", "/api/v1/rooms/{room}/picture"),
    ("GET", "/api/v1/addresses"),
    ("GET", "/api/v1/openapi.json"),
    ("GET", "/r/{room}/replay/{id}"),
    ("GET", "/assets/{*path}"),
    ("GET", "/favicon.svg"),
    ("GET", "/live/{room}"),
    ("GET", "/live/{room}/index.m3u8"),
    ("GET", "/live/{room}/thumbnail.jpg"),
    ("GET", "/live/{room}/{rendition}/{file}"),
    ("OPTIONS", "/live/{room}/{rendition}/{file}"),
    ("GET", "/live/{room}/s/{token}/index.m3u8"),
    ("GET", "/live/{room}/s/{token}/{rendition}/{file}"),
    ("POST", "/api/v1/rooms/{room}/entry"),
    ("GET", "/api/v1/rooms"),
    ("GET", "/api/v1/rooms/{room}"),
    ("GET", "/api/v1/rooms/{room}/messages"),
    ("GET", "/api/v1/rooms/{room}/chat"),
    ("GET", "/api/v1/rooms/{room}/polls"),
    ("GET", "/api/v1/rooms/{room}/broadcasts"),
    ("GET", "/api/v1/rooms/{room}/recordings"),
    ("GET", "/api/v1/recordings/{id}"),
    ("GET", "/api/v1/recordings/{id}/messages"),
    ("GET", "/api/v1/recordings/{id}/chapters"),
    ("GET", "/replay/{id}/{file}"),
    ("GET", "/signin"),
    ("GET", "/register"),
    ("GET", "/setup"),
    ("GET", "/account"),
    ("GET", "/rooms"),
    ("GET", "/admin"),
    ("GET", "/forgot"),
    ("GET", "/reset"),
    ("GET", "/confirm"),
    ("GET", "/api/v1/session"),
    ("POST", "/api/v1/session"),
    ("DELETE", "/api/v1/session"),
    ("POST", "/api/v1/accounts"),
    ("POST", "/api/v1/invitation"),
    ("POST", "/api/v1/email-confirmation"),
    ("POST", "/api/v1/password-reset"),
    ("PUT", "/api/v1/password-reset"),
    ("GET", "/api/v1/setup"),
    ("POST", "/api/v1/setup"),
    ("GET", "/api/v1/gifts"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
];

/// What some are answered by where they are, and others by who they are: the handlers look themselves.
pub(super) const BY_ADDRESS: [(&str, &str); 1] = [("GET", "/metrics")];

/// What a room's stream key opens. The handlers find its room as an [`access::KeyHolder`].
pub(super) const KEYED: [(&str, &str); 2] =
    [("GET", "/api/v1/ingest"), ("POST", "/api/v1/rooms/{room}/ingest-session")];

/// The operations of the API, as their descriptions say where they are.
pub(super) fn described() -> Vec<UtoipaMethodRouter<Arc<Shared>>> {
    vec![
        routes!(description::show),
        routes!(rooms::list, rooms::create),
        up_to(SETTINGS_BYTES_MAX, routes!(rooms::show, room_settings::change, room_settings::remove)),
        routes!(following::follow, following::unfollow),
        routes!(following::list),
        up_to(UPLOAD_BYTES_MAX, routes!(room_picture::show, room_picture::give, room_picture::remove)),
        routes!(owner::show),
        routes!(rooms::rotate_key),
        routes!(gate::enter),
        routes!(room_settings::make_link),
        routes!(player_links::create, player_links::end),
        routes!(rooms::end),
        routes!(rooms::messages),
        routes!(chat::upgrade),
        routes!(moderation::delete_message),
        routes!(polls::list, polls::open),
        routes!(polls::close),
        routes!(moderation::bans, moderation::ban),
        routes!(moderation::lift_ban),
        routes!(moderation::settings, moderation::change_settings),
        routes!(moderation::audit),
        routes!(attendance::list),
        routes!(attendance::sheet),
        routes!(recordings::list),
        routes!(recordings::show, recordings::remove),
        routes!(recordings::messages),
        routes!(comments::create),
        routes!(uploads::list, uploads::tus::create, uploads::tus::options),
        routes!(uploads::show, uploads::tus::offset, uploads::tus::append, uploads::tus::remove),
        routes!(uploads::schedule, uploads::unschedule),
        routes!(chapters::list),
        routes!(ingest::open_session),
        routes!(ingest::upgrade),
        routes!(ingest::addresses),
        routes!(session::show, session::sign_in, session::sign_out),
        routes!(session::link),
        routes!(session::set_up_needed, session::set_up),
        routes!(own_account::show, own_account::change, own_account::remove),
        routes!(own_account::sessions, own_account::end_sessions),
        routes!(own_account::end_session),
        routes!(forgotten::offer_email, forgotten::remove_email),
        routes!(forgotten::confirm_email),
        routes!(forgotten::forgot, forgotten::reset),
        routes!(tokens::list, tokens::create),
        routes!(tokens::revoke),
        routes!(accounts::list, accounts::create),
        routes!(accounts::change, accounts::remove),
        routes!(accounts::end_sessions),
        routes!(invitations::check),
        routes!(invitations::list, invitations::create),
        routes!(invitations::withdraw),
        routes!(server_settings::show, server_settings::change),
        routes!(moderators::list, moderators::appoint),
        routes!(moderators::dismiss),
        routes!(broadcasts::list),
        routes!(gifts::list, gifts::change_earning),
        routes!(gifts::put, gifts::remove),
        routes!(gifts::give),
        routes!(gifts::own_wallet),
        routes!(gifts::wallet, gifts::grant),
        routes!(webhooks::list, webhooks::create),
        routes!(webhooks::remove),
        routes!(webhooks::deliveries),
        routes!(health::show),
        routes!(health::metrics),
        routes!(healthy),
        routes!(ready),
    ]
}

/// Takes bodies of so many bytes.
fn up_to(
    bytes_max: usize,
    (schemas, paths, methods): UtoipaMethodRouter<Arc<Shared>>,
) -> UtoipaMethodRouter<Arc<Shared>> {
    (schemas, paths, methods.layer(DefaultBodyLimit::max(bytes_max)))
}

/// Pages and what they load.
pub(super) fn pages() -> Vec<(&'static str, MethodRouter<Arc<Shared>>)> {
    vec![
        ("/", get(pages::home)),
        ("/r/{room}", get(pages::room)),
        ("/r/{room}/replay/{id}", get(pages::replay)),
        ("/r/{room}/broadcast", get(pages::room)),
        ("/r/{room}/files", get(pages::room)),
        ("/r/{room}/settings", get(pages::room)),
        ("/embed/{room}", get(pages::embed)),
        ("/assets/{*path}", get(pages::asset)),
        ("/favicon.svg", get(pages::favicon)),
        ("/signin", get(pages::home)),
        ("/register", get(pages::home)),
        ("/setup", get(pages::home)),
        ("/forgot", get(pages::home)),
        ("/reset", get(pages::home)),
        ("/confirm", get(pages::home)),
        ("/account", get(pages::home)),
        ("/rooms", get(pages::home)),
        ("/admin", get(pages::home)),
    ]
}

/// Every path but the media's with what it answers.
pub(super) fn routes() -> Vec<(String, MethodRouter<Arc<Shared>>)> {
    let described = described().into_iter().map(|(_, paths, methods)| {
        let path = paths.paths.into_keys().next().expect("a description has the path of its route");
        (path, methods)
    });
    pages().into_iter().map(|(path, methods)| (path.to_owned(), methods)).chain(described).collect()
}

/// Media: any page may play it, without credentials.
pub(super) fn media_routes() -> Vec<(&'static str, MethodRouter<Arc<Shared>>)> {
    vec![
        ("/live/{room}", get(flv::watch)),
        ("/live/{room}/index.m3u8", get(playback::multivariant)),
        ("/live/{room}/thumbnail.jpg", get(thumbnail::show)),
        ("/live/{room}/s/{token}/index.m3u8", get(gate::multivariant)),
        ("/live/{room}/s/{token}/{rendition}/{file}", get(gate::file)),
        ("/replay/{id}/{file}", get(replay::file)),
    ]
}

/// Live media, which thousands ask for twice a second: nothing stands before it, its answers set their own
/// headers. Open to anybody, and for reading only. Plain requests for it do not come this far: see [`super::front`].
pub(super) fn live_routes() -> Vec<(&'static str, MethodRouter<Arc<Shared>>)> {
    vec![("/live/{room}/{rendition}/{file}", get(playback::file).options(playback::preflight))]
}

/// The service of one origin.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    let cors = CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::HEAD])
        .allow_headers([header::RANGE])
        .expose_headers([header::CONTENT_LENGTH, header::CONTENT_RANGE, header::AGE, header::DATE]);
    // What a wrong method is answered comes before the layers of CORS: a page's preflight is none of the routes' methods.
    let media = watched(media_routes(), &shared).method_not_allowed_fallback(wrong_method).layer(cors);
    watched(routes(), &shared)
        .method_not_allowed_fallback(wrong_method)
        .merge(media)
        .fallback(unknown)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(ForeignPages)
        .layer(middleware::map_response(problem::in_words))
        .layer(CompressionLayer::new().gzip(true).quality(CompressionLevel::Fastest).compress_when(OnlyText))
        .layer(header_layer(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(header_layer(header::REFERRER_POLICY, "same-origin"))
        .layer(header_layer(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY))
        .layer(header_layer(HeaderName::from_static("cross-origin-opener-policy"), "same-origin"))
        .merge(collect(live_routes()).method_not_allowed_fallback(wrong_method))
        .with_state(shared)
}

/// Guards what the routes take: what they do not take is that to anybody.
fn watched<P: AsRef<str>>(
    routes: Vec<(P, MethodRouter<Arc<Shared>>)>,
    shared: &Arc<Shared>,
) -> Router<Arc<Shared>> {
    let gate = middleware::from_fn_with_state(Arc::clone(shared), gate::watch);
    let guard = middleware::from_fn_with_state(Arc::clone(shared), access::guard);
    let watched = routes
        .into_iter()
        .map(|(path, methods)| (path, methods.route_layer(gate.clone()).route_layer(guard.clone())));
    collect(watched.collect())
}

fn collect<P: AsRef<str>>(routes: Vec<(P, MethodRouter<Arc<Shared>>)>) -> Router<Arc<Shared>> {
    routes.into_iter().fold(Router::new(), |router, (path, methods)| router.route(path.as_ref(), methods))
}

fn header_layer(name: HeaderName, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
}

/// The process runs.
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "health",
    responses(
        (
            status = 200,
            description = "It does.",
            body = String,
            content_type = "text/plain",
            example = "ok\n",
        ),
    ),
)]
async fn healthy() -> impl IntoResponse {
    ([(header::CACHE_CONTROL, "no-store")], "ok\n")
}

/// The process serves: its store answers.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "health",
    responses(
        (
            status = 200,
            description = "It does.",
            body = String,
            content_type = "text/plain",
            example = "ready\n",
        ),
        (status = 503, description = "The origin stops."),
    ),
)]
async fn ready(State(shared): State<Arc<Shared>>) -> Result<impl IntoResponse, Problem> {
    if shared.shutdown.is_cancelled() {
        return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the origin stops"));
    }
    shared.store.has_admin().await?;
    Ok(([(header::CACHE_CONTROL, "no-store")], "ready\n"))
}

/// To a person who mistyped, a page says it; to a program that asks the API, a problem.
async fn unknown(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let accepted = headers.get(header::ACCEPT).and_then(|accepted| accepted.to_str().ok());
    let is_page = accepted.is_some_and(|accepted| accepted.contains("text/html"));
    if is_page && matches!(method, Method::GET | Method::HEAD) && !uri.path().starts_with("/api/") {
        return pages::missing();
    }
    Problem::not_found("there is nothing at this address").into_response()
}

async fn wrong_method() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "this address does not take that method")
}

/// Compresses what is text; media is compressed already, and its ranges must stay exact.
#[derive(Clone, Copy, Debug)]
struct OnlyText;

impl Predicate for OnlyText {
    fn should_compress<B>(&self, response: &axum::http::Response<B>) -> bool
    where
        B: axum::body::HttpBody,
    {
        let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let large = response.body().size_hint().lower() >= COMPRESSED_BYTES_MIN;
        large && kind.is_some_and(|kind| TEXT_TYPES.iter().any(|text| kind.starts_with(text)))
    }
}

const TEXT_TYPES: [&str; 6] = [
    "text/",
    "application/json",
    "application/problem+json",
    "application/vnd.apple.mpegurl",
    "application/javascript",
    "image/svg+xml",
];
/// Below, the gzip header eats what compression saves.
const COMPRESSED_BYTES_MIN: u64 = 256;
/// A class of 500 names of 32 letters, each escaped as a surrogate pair, and the rest of a room's settings.
const SETTINGS_BYTES_MAX: usize = 256 << 10;
/// The largest of all other requests is a chat's list of words.
const BODY_BYTES_MAX: usize = 16 << 10;
#[cfg(test)]
#[path = "routes_tests.rs"]
mod tests;

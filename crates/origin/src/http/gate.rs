//! Who may come into a private room, and who gets a place where viewers are counted.
//!
//! A room without a lock or limit passes here with one look into memory. For another one the multivariant playlist
//! gives a player a session and redirects to an address with it; everything below that is relative, so the playlists
//! stay one text for all.

use std::sync::Arc;

use axum::RequestPartsExt as _;
use axum::extract::{MatchedPath, Path, RawPathParams, RawQuery, Request, State};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use rooms::Slug;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::access::{cookie, who};
use super::client_address::{self, ClientAddress};
use super::cookies::own_name;
use super::description::RoomPath;
use super::object::Object;
use super::playback;
use super::player;
use super::player_links;
use super::problem::Problem;
use super::rooms::fresh;
use super::secure::Scheme;
use crate::accounts::AccountError;
use crate::clock::unix_ms;
use crate::gates::{Entry, Gate, GateError};
use crate::player_link::LinkError;
use crate::secret::Digest;
use crate::state::Shared;
use crate::store::RoomRecord;

/// How somebody shows that they may come in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Enter {
    /// The room's password.
    password: Option<String>,
    /// The code of the room's link.
    code: Option<String>,
}

/// What opens the room besides the cookie.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EnterAnswer {
    /// The multivariant playlist, signed: for players that take no cookie.
    playlist: String,
    /// Until when a player may begin with it.
    expires_at_ms: i64,
}

/// Stands before every route. Only those of a room with a gate are looked at closer.
pub(crate) async fn watch(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let Some(path) = path.filter(|path| is_guarded(path)) else { return next.run(request).await };
    let (mut parts, body) = request.into_parts();
    let gate = match gate_of(&shared, &path, &mut parts).await {
        Ok(gate) => gate,
        Err(problem) => return problem.into_response(),
    };
    let Some((slug, gate)) = gate else { return next.run(Request::from_parts(parts, body)).await };
    match pass(&shared, &slug, &gate, &path, &parts).await {
        Ok(Some(answer)) => answer,
        Ok(None) => next.run(Request::from_parts(parts, body)).await,
        Err(problem) => problem.into_response(),
    }
}

/// Pages hold nothing of a room; its door and what needs its stream key have checks of their own.
pub(super) fn is_guarded(path: &str) -> bool {
    let open = ["/api/v1/rooms/{room}/entry", "/api/v1/rooms/{room}/ingest-session"];
    let below = ["/live/{room}", "/api/v1/rooms/{room}", "/replay/{id}", "/api/v1/recordings/{id}"];
    let is_below =
        |root: &&str| path.strip_prefix(*root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    below.iter().any(is_below) && !open.contains(&path) && !path.starts_with("/live/{room}/s/")
}

async fn gate_of(
    shared: &Shared,
    path: &str,
    parts: &mut Parts,
) -> Result<Option<(Slug, Arc<Gate>)>, Problem> {
    if shared.gates.is_empty() {
        return Ok(None);
    }
    let Ok(params) = parts.extract::<RawPathParams>().await else { return Ok(None) };
    let param = |wanted: &str| params.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value);
    let slug = match (param("room"), param("id")) {
        (Some(room), _) => room.strip_suffix(".flv").unwrap_or(room).parse::<Slug>().ok(),
        (None, Some(id)) if !path.starts_with("/live") => {
            shared.store.recording(id.to_owned()).await?.map(|recording| recording.slug)
        }
        _ => None,
    };
    Ok(slug.and_then(|slug| shared.gates.get(&slug).map(|gate| (slug, gate))))
}

/// `None` lets the request go on to its handler.
async fn pass(
    shared: &Shared,
    slug: &Slug,
    gate: &Gate,
    path: &str,
    parts: &Parts,
) -> Result<Option<Response>, Problem> {
    let media = path.starts_with("/live/{room}") && !path.ends_with("/thumbnail.jpg");
    // What a page of another site asks first holds nothing yet.
    if parts.method == Method::OPTIONS {
        return Ok(None);
    }
    let entry = match gate.is_private() {
        true => may_enter(shared, slug, gate, path, parts).await?,
        false => Entry::Usual,
    };
    if !media {
        return Ok(None);
    }
    if path != PLAYLIST {
        return Err(session_needed(slug.as_str()));
    }
    let session = gate.open_session(opener(shared, parts), entry).map_err(refused)?;
    let headers = [
        (header::LOCATION, format!("/live/{slug}/s/{session}/index.m3u8")),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok(Some((StatusCode::FOUND, headers).into_response()))
}

/// What tells players apart before they have a session: the address, and what they call themselves.
fn opener(shared: &Shared, parts: &Parts) -> Digest {
    let address = client_address::of(&parts.extensions, &parts.headers, shared);
    let agent = parts.headers.get(header::USER_AGENT).map(HeaderValue::as_bytes).unwrap_or_default();
    Digest::of(&format!("{address} {}", String::from_utf8_lossy(agent)))
}

/// Whether whoever asks may come into a room.
pub(super) async fn lets_in(shared: &Shared, room: &RoomRecord, parts: &Parts) -> Result<bool, Problem> {
    match shared.gates.get(&room.slug).filter(|gate| gate.is_private()) {
        Some(gate) => Ok(shows_entry(&room.slug, &gate, parts) || manages(shared, &room.slug, parts).await?),
        None => Ok(true),
    }
}

/// What lets somebody into a private room. A signed link is for the playlist alone: not for the chat, nor for recordings.
async fn may_enter(
    shared: &Shared,
    slug: &Slug,
    gate: &Gate,
    path: &str,
    parts: &Parts,
) -> Result<Entry, Problem> {
    if shows_entry(slug, gate, parts) {
        return Ok(Entry::Usual);
    }
    let query = parts.uri.query().unwrap_or_default();
    let linked = if path == PLAYLIST { gate.opens_to_link(query, unix_ms()) } else { Ok(false) };
    if linked == Ok(true) {
        return Ok(Entry::PlayerLink);
    }
    // Whoever keeps order comes in with an old link too.
    if manages(shared, slug, parts).await? {
        return Ok(Entry::Usual);
    }
    Err(linked.map_or_else(link_refused, |_| entry_needed()))
}

/// Whether the password or the room's link was shown, here or before.
fn shows_entry(slug: &Slug, gate: &Gate, parts: &Parts) -> bool {
    let shown = cookie(&parts.headers, &cookie_name(Scheme::of(&parts.extensions), slug));
    let query = parts.uri.query().unwrap_or_default();
    shown.is_some_and(|shown| gate.opens_to(shown)) || shown_key(gate, query).is_some()
}

/// What opens the room in the query of a request.
pub(super) fn shown_key<'a>(gate: &Gate, query: &'a str) -> Option<&'a str> {
    query.split('&').find_map(|pair| pair.strip_prefix("key=")).filter(|key| gate.opens_to(key))
}

async fn manages(shared: &Shared, slug: &Slug, parts: &Parts) -> Result<bool, Problem> {
    let who = who(shared, &parts.method, &parts.headers, &parts.extensions).await?;
    let Some(identity) = who else { return Ok(false) };
    let Some(room) = shared.store.room(slug.clone()).await? else { return Ok(false) };
    Ok(identity.standing(shared, &room).await?.may_moderate())
}

/// Come into a private room.
///
/// The password or the link's code against a cookie.
#[utoipa::path(
    post,
    path = "/api/v1/rooms/{room}/entry",
    tag = "rooms",
    params(RoomPath),
    request_body = Enter,
    responses(
        (
            status = 200,
            description = "The way in is open to this browser.",
            body = EnterAnswer,
            headers(("Set-Cookie" = String, description = "What opens the room from now on.")),
        ),
        (status = 400, description = "Expected either password or code."),
        (status = 401, description = "`wrong_password`"),
        (status = 403, description = "`link_wrong`: the code opens nothing."),
        (status = 409, description = "The room is open to everybody."),
        (status = 429, description = "`too_many_tries`, `too_many_requests`: wait for `retry_after_ms`."),
        (status = 503, description = "`busy`: too many passwords are being checked."),
    ),
)]
pub(crate) async fn enter(
    State(shared): State<Arc<Shared>>,
    Path(slug): Path<String>,
    ClientAddress(address): ClientAddress,
    scheme: Scheme,
    body: Result<Object<Enter>, Problem>,
) -> Result<Response, Problem> {
    let room = super::rooms::find(&shared, &slug).await?;
    let gate = shared.gates.get(&room.slug).filter(|gate| gate.is_private());
    let gate = gate.ok_or_else(|| Problem::new(StatusCode::CONFLICT, "this room is open to everybody"))?;
    let opens = match body?.0 {
        Enter { password: Some(password), code: None } => {
            shared.accounts.check_room_password(&room.slug, password, gate.password(), address).await?;
            gate.entry().ok_or(AccountError::LinkWrong)?
        }
        Enter { password: None, code: Some(code) } => {
            shared.accounts.quotas.make_secret(address).map_err(Problem::too_many)?;
            if !gate.opens_to(&code) {
                return Err(AccountError::LinkWrong.into());
            }
            code
        }
        _ => return Err(Problem::bad_request("expected either password or code")),
    };
    let name = cookie_name(scheme, &room.slug);
    let set = format!("{name}={opens}; Path=/; Max-Age={ENTRY_AGE_S}; HttpOnly; SameSite=Lax");
    let set = HeaderValue::from_str(&set).map_err(|_| AccountError::LinkWrong)?;
    let link = player_links::make(&shared, &room, ENTERED_LINK_HOURS).await?;
    let answer = EnterAnswer { playlist: link.path, expires_at_ms: link.expires_at_ms };
    let mut response = fresh(answer).into_response();
    response.headers_mut().append(header::SET_COOKIE, set);
    Ok(response)
}

/// `/live/{room}/s/{token}/index.m3u8`.
pub(crate) async fn multivariant(
    State(shared): State<Arc<Shared>>,
    Path((slug, session)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    count(&shared, &slug, &session, false)?;
    playback::multivariant(State(shared), Path(slug), headers).await.map(kept_private)
}

/// `/live/{room}/s/{token}/{rendition}/{file}`.
pub(crate) async fn file(
    State(shared): State<Arc<Shared>>,
    Path((slug, session, rendition, file)): Path<(String, String, String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    extensions: Extensions,
) -> Result<Response, Problem> {
    count(&shared, &slug, &session, true)?;
    let player =
        player::shown(&headers, Some(&session), || client_address::of(&extensions, &headers, &shared));
    let query = query.as_deref();
    let asked = playback::Asked { slug: &slug, rendition: &rendition, file: &file, query, player };
    playback::answer(&shared, asked, &headers).await.map(kept_private)
}

/// Lets nobody past the sessions of a room that gives some.
pub(super) fn refuse_without_session(shared: &Shared, slug: &str) -> Result<(), Problem> {
    if shared.gates.is_empty() {
        return Ok(());
    }
    let gate = slug.parse::<Slug>().ok().and_then(|slug| shared.gates.get(&slug));
    match gate {
        None => Ok(()),
        Some(gate) if gate.is_private() => Err(entry_needed()),
        Some(_) => Err(session_needed(slug)),
    }
}

fn count(shared: &Shared, slug: &str, session: &str, media: bool) -> Result<(), Problem> {
    let gate = slug.parse::<Slug>().ok().and_then(|slug| shared.gates.get(&slug));
    // A room that has been opened meanwhile goes on for those who were in it.
    gate.map_or(Ok(()), |gate| gate.use_session(session, media).map_err(refused))
}

/// A cache between must not hand one viewer's address to another.
fn kept_private(mut response: Response) -> Response {
    let kept = response.headers().get(header::CACHE_CONTROL).and_then(|kept| kept.to_str().ok());
    if kept.is_none_or(|kept| kept != "no-store") {
        let private = HeaderValue::from_static("private, max-age=0");
        response.headers_mut().insert(header::CACHE_CONTROL, private);
    }
    response
}

pub(super) fn entry_needed() -> Problem {
    Problem::forbidden("this room is private: enter with its password or its link").with_code("entry_needed")
}

fn link_refused(error: LinkError) -> Problem {
    match error {
        LinkError::Wrong => AccountError::LinkWrong.into(),
        LinkError::Expired => {
            Problem::forbidden("this link has expired: ask whoever gave it for another one")
                .with_code("link_expired")
        }
    }
}

fn session_needed(slug: &str) -> Problem {
    let detail = format!("this room's media is below the address that /live/{slug}/index.m3u8 redirects to");
    Problem::forbidden(detail).with_code("session_needed")
}

fn refused(error: GateError) -> Problem {
    match error {
        GateError::Full => Problem::new(StatusCode::SERVICE_UNAVAILABLE, "as many watch this room as may")
            .with_code("room_full"),
        GateError::Ended => Problem::forbidden("this session has ended: ask for the playlist again")
            .with_code("session_ended"),
    }
}

fn cookie_name(scheme: Scheme, slug: &Slug) -> String {
    own_name(scheme, &format!("rostrum_entry_{slug}"))
}

const PLAYLIST: &str = "/live/{room}/index.m3u8";
/// How long the link holds that is given to whoever came in: for an evening.
const ENTERED_LINK_HOURS: u32 = 12;
/// How long a browser may come in again: a school year's half, in seconds. Another password ends it before.
const ENTRY_AGE_S: u32 = 180 * 24 * 60 * 60;

//! Publishing over WebSocket: how a publisher comes in.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{ConnectInfo, Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::access::{KeyHolder, Shown, TICKET_COOKIE, key_needed, same_origin};
use super::description::RoomPath;
use super::problem::Problem;
use super::rooms::find;
use crate::callers::{Call, Purpose};
use crate::ingest::{Tickets, websocket};
use crate::state::Shared;
use crate::store::RoomRecord;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Asked {
    /// The room's name in URLs.
    room: String,
}

/// Where else this origin can be reached.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AddressesAnswer {
    /// `https://host:port` for whoever asked; `null` when it is off.
    #[schema(required)]
    https: Option<String>,
}

/// Let a browser publish.
///
/// Gives one that shows the room's key a cookie for the WebSocket that follows, which cannot show it.
#[utoipa::path(
    post,
    path = "/api/v1/rooms/{room}/ingest-session",
    tag = "publishing",
    params(RoomPath),
    responses(
        (
            status = 204,
            description = "The cookie is good for a short while.",
            headers(("Set-Cookie" = String, description = "What opens `/api/v1/ingest`.")),
        ),
        (status = 403, description = "The stream key is another room's."),
        (status = 429, description = "`too_many_requests`: too many wrong keys from this address."),
    ),
)]
pub(crate) async fn open_session(
    State(shared): State<Arc<Shared>>,
    Path(slug): Path<String>,
    KeyHolder { room, key }: KeyHolder,
) -> Result<Response, Problem> {
    same_room(room.slug.as_str(), &slug)?;
    let ticket = shared.tickets.issue(key);
    let age_s = Tickets::LIFETIME.as_secs();
    let cookie =
        format!("{TICKET_COOKIE}={ticket}; Path=/api/v1/ingest; Max-Age={age_s}; HttpOnly; SameSite=Strict");
    let headers = [(header::SET_COOKIE, cookie), (header::CACHE_CONTROL, "no-store".to_owned())];
    Ok((StatusCode::NO_CONTENT, headers).into_response())
}

/// Publish, over a WebSocket.
///
/// With the room's stream key, a ticket for it, or the session of whoever may manage the room. Binary messages of fragmented MP4, as `MediaRecorder` makes, or of FLV.
#[utoipa::path(
    get,
    path = "/api/v1/ingest",
    tag = "publishing",
    params(Asked),
    responses(
        (status = 101, description = "From here on it is a WebSocket (RFC 6455)."),
        (status = 403, description = "The stream key is another room's, the room somebody else's, or the page another site's."),
        (status = 404, description = "There is no such room."),
        (status = 426, description = "A WebSocket is needed."),
        (status = 429, description = "`too_many_requests`: too many wrong keys from this address."),
        (status = 503, description = "Too many publishers, in all or from this address."),
    ),
)]
pub(crate) async fn upgrade(
    State(shared): State<Arc<Shared>>,
    Query(Asked { room: slug }): Query<Asked>,
    holder: Option<KeyHolder>,
    shown: Shown,
    headers: HeaderMap,
    peer: Option<Extension<ConnectInfo<SocketAddr>>>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    if !same_origin(&headers) {
        return Err(Problem::new(StatusCode::FORBIDDEN, "publishing is not open to other sites' pages"));
    }
    let (room, key, call) = match holder {
        Some(KeyHolder { room, key }) => {
            same_room(room.slug.as_str(), &slug)?;
            (room, Some(key), None)
        }
        None => {
            let (room, call) = managed_by(&shared, shown, &slug).await?;
            (room, None, call)
        }
    };
    let upgrade = upgrade.map_err(|_| {
        Problem::new(StatusCode::UPGRADE_REQUIRED, "publishing here needs a WebSocket (RFC 6455)")
    })?;
    let peer = peer.map(|Extension(ConnectInfo(peer))| peer);
    let place = match peer {
        Some(peer) => Some(shared.websocket_places.take(peer).ok_or_else(too_many)?),
        None => None,
    };
    let publisher = websocket::Publisher { room, key, call, peer };
    let sockets = shared.sockets.clone();
    let limit = websocket::MESSAGE_BYTES_MAX;
    let upgrade = upgrade.max_message_size(limit).max_frame_size(limit);
    Ok(upgrade.on_upgrade(move |socket| {
        sockets.track_future(async move {
            websocket::serve(socket, publisher, &shared).await;
            drop(place);
        })
    }))
}

/// Where else this origin can be reached.
#[utoipa::path(
    get,
    path = "/api/v1/addresses",
    tag = "server",
    responses(
        (status = 200, description = "Browsers give cameras to https pages only.", body = AddressesAnswer),
    ),
)]
pub(crate) async fn addresses(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> impl IntoResponse {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).map(without_port);
    let https =
        shared.addresses.https.zip(host).map(|(address, host)| format!("https://{host}:{}", address.port()));
    ([(header::CACHE_CONTROL, "no-store")], Json(AddressesAnswer { https }))
}

/// The room of whoever comes with a session, and what ends with that.
async fn managed_by(
    shared: &Shared,
    Shown(shown): Shown,
    slug: &str,
) -> Result<(RoomRecord, Option<Call>), Problem> {
    let (identity, credential) = shown.ok_or_else(key_needed)?;
    let room = find(shared, slug).await?;
    if !identity.may_manage(&room) {
        return Err(Problem::forbidden("the room belongs to somebody else"));
    }
    let call = identity
        .account_id()
        .map(|account| shared.callers.note(account, credential.opens(), Purpose::Publishing));
    Ok((room, call))
}

fn same_room(of_key: &str, asked: &str) -> Result<(), Problem> {
    if of_key == asked {
        return Ok(());
    }
    Err(Problem::new(StatusCode::FORBIDDEN, "the stream key is another room's"))
}

fn too_many() -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too many publishers, in all or from this address")
}

/// `host` without the port; the brackets of IPv6 stay.
pub(super) fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}

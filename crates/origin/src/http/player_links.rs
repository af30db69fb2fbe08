//! Links of a private room for players outside of browsers: signed, good for a time, and ended together.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::access::Known;
use super::description::RoomPath;
use super::object::Object;
use super::problem::Problem;
use super::rooms::{fresh, managed};
use super::secure::Scheme;
use crate::clock::unix_ms;
use crate::state::Shared;
use crate::store::{RoomRecord, StoreError};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreatePlayerLink {
    /// How long a player may begin with it; a week when it is not said, a year at most.
    #[schema(minimum = 1, maximum = 8784)]
    hours: Option<u32>,
}

/// A link for players.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PlayerLink)]
pub(crate) struct PlayerLinkAnswer {
    /// The multivariant playlist, signed.
    playlist: String,
    /// Until when a player may begin with it; one that has begun plays on.
    expires_at_ms: i64,
}

/// A signed path, without scheme and host.
pub(super) struct Signed {
    pub(super) path: String,
    pub(super) expires_at_ms: i64,
}

/// Signs a link into a room.
pub(super) async fn make(shared: &Shared, room: &RoomRecord, hours: u32) -> Result<Signed, StoreError> {
    let key = shared.store.link_key(room.id).await?;
    // The gate has it before anybody shows the link.
    if !shared.gates.get(&room.slug).is_some_and(|gate| gate.signs_with(key)) {
        shared.refresh_gates().await?;
    }
    let expires_s = unix_ms() / 1_000 + i64::from(hours) * HOUR_S;
    let path = format!("/live/{}/index.m3u8?{}", room.slug, key.query(&room.slug, expires_s));
    Ok(Signed { path, expires_at_ms: expires_s * 1_000 })
}

/// Make a link for players.
///
/// It opens a private room's playlist without password and cookie, in whatever plays HLS, and nothing else of the room.
/// Links that were made before stay good.
#[utoipa::path(
    post,
    path = "/api/v1/rooms/{room}/player-link",
    tag = "rooms",
    params(RoomPath),
    request_body = CreatePlayerLink,
    responses(
        (status = 201, description = "The link.", body = PlayerLinkAnswer),
        (status = 400, description = "It would be good for too long."),
        (status = 403, description = "The room is somebody else's."),
    ),
)]
pub(crate) async fn create(
    State(shared): State<Arc<Shared>>,
    Path(slug): Path<String>,
    Known(identity): Known,
    scheme: Scheme,
    headers: HeaderMap,
    body: Result<Object<CreatePlayerLink>, Problem>,
) -> Result<impl IntoResponse, Problem> {
    let room = managed(&shared, &slug, &identity).await?;
    let Object(CreatePlayerLink { hours }) = body?;
    let hours = hours.unwrap_or(HOURS);
    if !(1..=HOURS_MAX).contains(&hours) {
        return Err(Problem::bad_request(format!("hours is {hours}: expected 1 to {HOURS_MAX}")));
    }
    let Signed { path, expires_at_ms } = make(&shared, &room, hours).await?;
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.map_or_else(|| shared.addresses.http.to_string(), str::to_owned);
    let playlist = format!("{}://{host}{path}", scheme.0);
    Ok((StatusCode::CREATED, fresh(PlayerLinkAnswer { playlist, expires_at_ms })))
}

/// End all links for players.
///
/// What began to play with one of them ends too.
#[utoipa::path(
    delete,
    path = "/api/v1/rooms/{room}/player-link",
    tag = "rooms",
    params(RoomPath),
    responses(
        (status = 204, description = "None of them opens the room."),
        (status = 403, description = "The room is somebody else's."),
    ),
)]
pub(crate) async fn end(
    State(shared): State<Arc<Shared>>,
    Path(slug): Path<String>,
    Known(identity): Known,
) -> Result<StatusCode, Problem> {
    let room = managed(&shared, &slug, &identity).await?;
    shared.store.end_player_links(room.id).await?;
    shared.refresh_gates().await?;
    tracing::info!(room = %room.slug, "links for players ended");
    Ok(StatusCode::NO_CONTENT)
}

/// How long a link is good when nobody says it: until the next lesson of the week.
pub(super) const HOURS: u32 = 7 * 24;
/// The longest that one is good: a leap year.
const HOURS_MAX: u32 = 366 * 24;
const HOUR_S: i64 = 60 * 60;

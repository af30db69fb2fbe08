//! Following rooms: what is live of them is on top of one's home page, and rooms may let only followers write.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::IntoResponse;

use super::access::{Identity, SignedIn};
use super::description::RoomPath;
use super::gate;
use super::problem::Problem;
use super::rooms::{RoomsAnswer, answer_with_settings, find, fresh};
use crate::clock::unix_ms;
use crate::state::Shared;

/// Follow a room.
///
/// Doing it again changes nothing.
#[utoipa::path(
    put,
    path = "/api/v1/rooms/{room}/follow",
    tag = "rooms",
    params(RoomPath),
    responses(
        (status = 204, description = "The account follows the room."),
        (status = 409, description = "It follows as many rooms as it may."),
    ),
)]
pub(crate) async fn follow(
    State(shared): State<Arc<Shared>>,
    Path(slug): Path<String>,
    signed_in: SignedIn,
) -> Result<StatusCode, Problem> {
    set(&shared, &slug, signed_in, true).await
}

/// Follow a room no more.
#[utoipa::path(
    delete,
    path = "/api/v1/rooms/{room}/follow",
    tag = "rooms",
    params(RoomPath),
    responses((status = 204, description = "The account does not follow the room.")),
)]
pub(crate) async fn unfollow(
    State(shared): State<Arc<Shared>>,
    Path(slug): Path<String>,
    signed_in: SignedIn,
) -> Result<StatusCode, Problem> {
    set(&shared, &slug, signed_in, false).await
}

/// The rooms that the account follows, the one followed last first.
#[utoipa::path(
    get,
    path = "/api/v1/account/followed",
    tag = "account",
    responses((status = 200, description = "Archived ones too; not those that are private and not open to whoever asks.", body = RoomsAnswer)),
)]
pub(crate) async fn list(
    State(shared): State<Arc<Shared>>,
    SignedIn { account, .. }: SignedIn,
    parts: Parts,
) -> Result<impl IntoResponse, Problem> {
    let followed = shared.store.followed_rooms(account.id).await?;
    let identity = Identity::Account(account);
    let mut rooms = Vec::with_capacity(followed.len());
    for record in followed {
        // Whoever may not come in is not told what has become of the room.
        if !gate::lets_in(&shared, &record, &parts).await? {
            continue;
        }
        rooms.push(answer_with_settings(&shared, &record, Some(&identity)).await?.followed(true));
    }
    Ok(fresh(RoomsAnswer::of(rooms)))
}

async fn set(
    shared: &Shared,
    slug: &str,
    SignedIn { account, .. }: SignedIn,
    follows: bool,
) -> Result<StatusCode, Problem> {
    let room = find(shared, slug).await?;
    shared.store.set_follower(room.id, account.id, follows.then(unix_ms)).await?;
    shared.people.follow(&room.slug, account.id, follows).await;
    Ok(StatusCode::NO_CONTENT)
}

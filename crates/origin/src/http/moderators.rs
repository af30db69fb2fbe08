//! Who keeps order in a room, appointed by its owner.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::access::Known;
use super::accounts::number;
use super::description::{AccountPath, RoomPath};
use super::object::Object;
use super::problem::Problem;
use super::rooms::{fresh, managed};
use crate::state::Shared;

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ModeratorView {
    /// The account's number.
    id: i64,
    name: String,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Appoint {
    /// The account's name.
    name: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ModeratorsAnswer {
    moderators: Vec<ModeratorView>,
}

/// The room's moderators.
#[utoipa::path(
    get,
    path = "/api/v1/rooms/{room}/moderators",
    tag = "moderation",
    params(RoomPath),
    responses(
        (status = 200, description = "All of them.", body = ModeratorsAnswer),
        (status = 403, description = "The room is somebody else's."),
    ),
)]
pub(crate) async fn list(
    State(shared): State<Arc<Shared>>,
    Path(slug): Path<String>,
    Known(identity): Known,
) -> Result<impl IntoResponse, Problem> {
    let room = managed(&shared, &slug, &identity).await?;
    let moderators = shared.store.moderators(room.id).await?;
    let moderators = moderators.into_iter().map(|(id, name)| ModeratorView { id, name }).collect();
    Ok(fresh(ModeratorsAnswer { moderators }))
}

/// Make somebody a moderator of the room.
#[utoipa::path(
    post,
    path = "/api/v1/rooms/{room}/moderators",
    tag = "moderation",
    params(RoomPath),
    request_body = Appoint,
    responses(
        (status = 201, description = "Who it is now.", body = ModeratorView),
        (status = 403, description = "The room is somebody else's."),
        (status = 404, description = "There is no account with this name."),
    ),
)]
pub(crate) async fn appoint(
    State(shared): State<Arc<Shared>>,
    Path(slug): Path<String>,
    Known(identity): Known,
    body: Result<Object<Appoint>, Problem>,
) -> Result<impl IntoResponse, Problem> {
    let room = managed(&shared, &slug, &identity).await?;
    let Object(Appoint { name }) = body?;
    let account = shared.store.account(&name).await?;
    let account = account.ok_or_else(|| Problem::not_found("there is no account with this name"))?;
    shared.store.set_moderator(room.id, account.id, true).await?;
    shared.callers.hang_up(account.id);
    tracing::info!(room = %room.slug, account = account.id, "moderator appointed");
    Ok((StatusCode::CREATED, fresh(ModeratorView { id: account.id, name: account.name })))
}

/// Let a moderator go.
///
/// Somebody who was none stays none.
#[utoipa::path(
    delete,
    path = "/api/v1/rooms/{room}/moderators/{id}",
    tag = "moderation",
    params(RoomPath, AccountPath),
    responses(
        (status = 204, description = "They keep order here no more."),
        (status = 403, description = "The room is somebody else's."),
    ),
)]
pub(crate) async fn dismiss(
    State(shared): State<Arc<Shared>>,
    Path((slug, id)): Path<(String, String)>,
    Known(identity): Known,
) -> Result<StatusCode, Problem> {
    let room = managed(&shared, &slug, &identity).await?;
    let account = number(&id)?;
    shared.store.set_moderator(room.id, account, false).await?;
    shared.callers.hang_up(account);
    tracing::info!(room = %room.slug, account, "moderator dismissed");
    Ok(StatusCode::NO_CONTENT)
}

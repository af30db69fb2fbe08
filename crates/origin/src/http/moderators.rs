//! Who keeps order in a room, appointed by its owner.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};

use super::access::Known;
use super::accounts::number;
use super::problem::Problem;
use super::rooms::{find, fresh, unreadable};
use crate::state::Shared;
use crate::store::RoomRecord;

#[derive(Debug, Serialize)]
pub(crate) struct ModeratorView {
    /// The account's number.
    id: i64,
    name: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Appoint {
    /// The account's name.
    name: String,
}

#[derive(Debug, Serialize)]
pub(crate) struct ModeratorsAnswer {
    moderators: Vec<ModeratorView>,
}

/// `GET /api/v1/rooms/{room}/moderators`.
pub(crate) async fn list(
    State(shared): State<Arc<Shared>>,
    Path(slug): Path<String>,
    known: Known,
) -> Result<impl IntoResponse, Problem> {
    let room = managed(&shared, &slug, &known).await?;
    let moderators = shared.store.moderators(room.id).await?;
    let moderators = moderators.into_iter().map(|(id, name)| ModeratorView { id, name }).collect();
    Ok(fresh(ModeratorsAnswer { moderators }))
}

/// `POST /api/v1/rooms/{room}/moderators`.
pub(crate) async fn appoint(
    State(shared): State<Arc<Shared>>,
    Path(slug): Path<String>,
    known: Known,
    body: Result<Json<Appoint>, JsonRejection>,
) -> Result<impl IntoResponse, Problem> {
    let room = managed(&shared, &slug, &known).await?;
    let Json(Appoint { name }) = body.map_err(unreadable)?;
    let account = shared.store.account(&name).await?;
    let account = account.ok_or_else(|| Problem::not_found("there is no account with this name"))?;
    shared.store.set_moderator(room.id, account.id, true).await?;
    tracing::info!(room = %room.slug, account = account.id, "moderator appointed");
    Ok((StatusCode::CREATED, fresh(ModeratorView { id: account.id, name: account.name })))
}

/// `DELETE /api/v1/rooms/{room}/moderators/{id}`.
pub(crate) async fn dismiss(
    State(shared): State<Arc<Shared>>,
    Path((slug, id)): Path<(String, String)>,
    known: Known,
) -> Result<StatusCode, Problem> {
    let room = managed(&shared, &slug, &known).await?;
    let account = number(&id)?;
    shared.store.set_moderator(room.id, account, false).await?;
    tracing::info!(room = %room.slug, account, "moderator dismissed");
    Ok(StatusCode::NO_CONTENT)
}

async fn managed(shared: &Shared, slug: &str, Known(identity): &Known) -> Result<RoomRecord, Problem> {
    let room = find(shared, slug).await?;
    if !identity.may_manage(&room) {
        return Err(Problem::forbidden("the room belongs to somebody else"));
    }
    Ok(room)
}

//! Polls and quizzes, as requests.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use rooms::frame::{In, Person, PollView, Role};
use rooms::{Name, NewPoll};
use serde::Serialize;
use utoipa::ToSchema;

use super::access::{Caller, Known};
use super::chat::person;
use super::description::{IdempotencyKey, PollPath, RoomPath, RoomRefusals};
use super::moderation::{DoneAnswer, number, perform, view};
use super::object::Object;
use super::problem::Problem;
use super::rooms::{find, fresh};
use crate::state::Shared;

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PollsAnswer {
    polls: Vec<PollView>,
}

/// The room's polls and quizzes.
///
/// Counts and right answers are told when they are for whoever asks to see.
#[utoipa::path(
    get,
    path = "/api/v1/rooms/{room}/polls",
    tag = "chat",
    params(RoomPath),
    responses(
        (
            status = 200,
            description = "Open ones, and the last closed ones; oldest first.",
            body = PollsAnswer,
        ),
        (status = 503, description = "The room's chat is full or closed."),
    ),
)]
pub(crate) async fn list(
    State(shared): State<Arc<Shared>>,
    Path(slug): Path<String>,
    caller: Caller,
) -> Result<impl IntoResponse, Problem> {
    let record = find(&shared, &slug).await?;
    let viewer = match &caller.0 {
        Some(identity) => person(identity, &record, &shared).await?,
        None => nobody(),
    };
    let floor = view(&shared, &record, viewer).await?;
    Ok(fresh(PollsAnswer { polls: floor.polls }))
}

/// Open a poll, or with right answers a quiz.
#[utoipa::path(
    post,
    path = "/api/v1/rooms/{room}/polls",
    tag = "chat",
    params(RoomPath, IdempotencyKey),
    request_body = NewPoll,
    responses(
        (status = 201, description = "The poll's number.", body = DoneAnswer),
        RoomRefusals,
    ),
)]
pub(crate) async fn open(
    State(shared): State<Arc<Shared>>,
    Path(slug): Path<String>,
    Known(identity): Known,
    headers: HeaderMap,
    body: Result<Object<NewPoll>, Problem>,
) -> Result<impl IntoResponse, Problem> {
    let Object(poll) = body?;
    let done = perform(&shared, &slug, &identity, &headers, |id| In::Poll { id, poll }).await?;
    Ok((StatusCode::CREATED, fresh(done)))
}

/// Close a poll.
#[utoipa::path(
    post,
    path = "/api/v1/rooms/{room}/polls/{poll}/close",
    tag = "chat",
    params(RoomPath, PollPath, IdempotencyKey),
    responses(
        (status = 200, description = "the place of the deed in the room's log", body = DoneAnswer),
        RoomRefusals,
    ),
)]
pub(crate) async fn close(
    State(shared): State<Arc<Shared>>,
    Path((slug, poll)): Path<(String, String)>,
    Known(identity): Known,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Problem> {
    let poll = number(&poll)?;
    Ok(fresh(perform(&shared, &slug, &identity, &headers, |id| In::Close { id, poll }).await?))
}

/// Somebody without any right.
fn nobody() -> Person {
    let name = Name::guest("Guest").expect("a short name of letters");
    Person { id: String::new(), name, roles: vec![Role::Guest] }
}

//! Comments on recordings: messages of the room that stand at a moment of a recording. The room's rules, its moderators
//! and its log are theirs too.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use rooms::frame::{In, Moment};
use serde::Deserialize;
use utoipa::ToSchema;

use super::access::{Identity, SignedIn};
use super::description::{IdempotencyKey, RecordingPath, RoomRefusals};
use super::moderation::{DoneAnswer, perform};
use super::object::Object;
use super::problem::Problem;
use super::recordings::find_recording;
use super::rooms::fresh;
use crate::state::Shared;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewComment {
    /// Plain text of at most 500 code points.
    text: String,
    /// Where in the recording, milliseconds from its beginning.
    offset_ms: u64,
}

/// Comment on a recording.
///
/// As a message in its room's chat, under the same rules; it is shown at its moment whenever the recording plays.
#[utoipa::path(
    post,
    path = "/api/v1/recordings/{id}/comments",
    tag = "recordings",
    params(RecordingPath, IdempotencyKey),
    request_body = NewComment,
    responses(
        (status = 201, description = "It stands, or waits for a moderator (`held`).", body = DoneAnswer),
        RoomRefusals,
    ),
)]
pub(crate) async fn create(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    SignedIn { account, .. }: SignedIn,
    headers: HeaderMap,
    body: Result<Object<NewComment>, Problem>,
) -> Result<impl IntoResponse, Problem> {
    let recording = find_recording(&shared, &id).await?;
    let Object(NewComment { text, offset_ms }) = body?;
    if offset_ms > recording.duration_ms {
        let detail = format!("offset_ms: the recording ends at {}", recording.duration_ms);
        return Err(Problem::bad_request(detail));
    }
    let follows = shared.store.follows(recording.room, account.id).await?;
    let on = Moment { recording: recording.id.clone(), offset_ms };
    let frame = |id| In::Comment { id, text, on, follows };
    let identity = Identity::Account(account);
    let done = perform(&shared, recording.slug.as_str(), &identity, &headers, frame).await?;
    Ok((StatusCode::CREATED, fresh(done)))
}

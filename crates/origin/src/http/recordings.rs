//! The JSON API for recordings.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use rooms::frame::Out;
use rooms::{EntryBody, Message};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::access::Known;
use super::broadcasts::{self, AudienceView};
use super::description::{RecordingPath, RoomPath};
use super::problem::Problem;
use super::rooms::{find, fresh};
use crate::state::Shared;
use crate::store::{Recording, WallSpan};

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RecordingAnswer {
    id: String,
    room: String,
    title: String,
    started_ms: i64,
    duration_ms: u64,
    bytes: u64,
    state: RecordingState,
    #[serde(skip_serializing_if = "Option::is_none")]
    notice: Option<String>,
    tracks: Vec<String>,
    page: String,
    playlist: String,
    /// A picture of it, when there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    poster: Option<String>,
    /// Who watched the broadcast that it is of, once that is over; in the answer about one recording.
    #[serde(skip_serializing_if = "Option::is_none")]
    audience: Option<AudienceView>,
    /// One file to download for each time that the parameters of the stream changed; mostly one.
    files: Vec<String>,
}

/// What becomes of a recording.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RecordingState {
    /// It is being made.
    Recording,
    /// It is finished.
    Done,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RecordingsAnswer {
    recordings: Vec<RecordingAnswer>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SaidAnswer {
    messages: Vec<Said>,
}

/// A message, and where in the recording it was said.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Said {
    offset_ms: i64,
    #[serde(flatten)]
    message: Out,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct SaidPage {
    /// Messages with a higher number only.
    after: Option<u64>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct RecordingsPage {
    /// Recordings that began before this time only (Unix, milliseconds): the `started_ms` of the last one of the page before.
    before: Option<i64>,
}

/// The room's recordings.
#[utoipa::path(
    get,
    path = "/api/v1/rooms/{room}/recordings",
    tag = "recordings",
    params(RoomPath, RecordingsPage),
    responses(
        (status = 200, description = "The newest first, at most 500.", body = RecordingsAnswer),
    ),
)]
pub(crate) async fn list(
    State(shared): State<Arc<Shared>>,
    Path(slug): Path<String>,
    Query(page): Query<RecordingsPage>,
) -> Result<impl IntoResponse, Problem> {
    let record = find(&shared, &slug).await?;
    let mut answers = Vec::new();
    for recording in shared.store.recordings_before(record.id, page.before.unwrap_or(i64::MAX)).await? {
        answers.push(answer(&shared, recording).await);
    }
    Ok(fresh(RecordingsAnswer { recordings: answers }))
}

/// A recording.
#[utoipa::path(
    get,
    path = "/api/v1/recordings/{id}",
    tag = "recordings",
    params(RecordingPath),
    responses(
        (status = 200, description = "Finished, or still being made.", body = RecordingAnswer),
    ),
)]
pub(crate) async fn show(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
) -> Result<impl IntoResponse, Problem> {
    let recording = find_recording(&shared, &id).await?;
    let audience = broadcasts::of_recording(&shared, &recording).await?;
    Ok(fresh(RecordingAnswer { audience, ..answer(&shared, recording).await }))
}

/// Delete a recording.
#[utoipa::path(
    delete,
    path = "/api/v1/recordings/{id}",
    tag = "recordings",
    params(RecordingPath),
    responses(
        (status = 204, description = "It is gone."),
        (status = 403, description = "The room is somebody else's."),
        (status = 409, description = "It is still being recorded."),
    ),
)]
pub(crate) async fn remove(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    Known(identity): Known,
) -> Result<StatusCode, Problem> {
    let recording = find_recording(&shared, &id).await?;
    let room = find(&shared, recording.slug.as_str()).await?;
    if !identity.may_manage(&room) {
        return Err(Problem::new(StatusCode::FORBIDDEN, "the recording belongs to somebody else's room"));
    }
    if shared.recordings.grows(&recording) {
        return Err(Problem::new(StatusCode::CONFLICT, "it is still being recorded: end that first"));
    }
    shared.recordings.remove(&recording).await?;
    tracing::info!(room = %recording.slug, recording = recording.id, "recording deleted");
    Ok(StatusCode::NO_CONTENT)
}

/// What was said during a recording, and in comments on it since, by its own time.
#[utoipa::path(
    get,
    path = "/api/v1/recordings/{id}/messages",
    tag = "recordings",
    params(RecordingPath, SaidPage),
    responses(
        (status = 200, description = "At most 500 messages.", body = SaidAnswer),
    ),
)]
pub(crate) async fn messages(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    Query(page): Query<SaidPage>,
) -> Result<impl IntoResponse, Problem> {
    let recording = find_recording(&shared, &id).await?;
    let spans = shared.store.spans(recording.id.clone()).await?;
    let (Some(first), Some(last)) = (spans.first(), spans.last()) else {
        return Ok(fresh(SaidAnswer { messages: Vec::new() }));
    };
    let duration_ms = i64::try_from(recording.duration_ms).unwrap_or(i64::MAX);
    let sent_ms = first.unix_ms..last.unix_ms.saturating_add((duration_ms - last.media_ms).max(0));
    let after = page.after.unwrap_or(0);
    let which = (recording.room, recording.id.clone());
    let entries = shared.store.messages_sent(which, after, sent_ms, MESSAGES_MAX).await?;
    let messages = entries.iter().filter_map(|entry| {
        let offset_ms = match &entry.body {
            EntryBody::Message(Message { on: Some(on), .. }) => {
                i64::try_from(on.offset_ms).unwrap_or(i64::MAX)
            }
            _ => offset_ms(&spans, entry.at_ms),
        };
        let offset_ms = offset_ms.min(duration_ms);
        Some(Said { offset_ms, message: entry.frame()? })
    });
    Ok(fresh(SaidAnswer { messages: messages.collect() }))
}

/// The finished or unfinished recording of this id, or a 404: also for what is no id, so that nothing odd goes further.
pub(super) async fn find_recording(shared: &Shared, id: &str) -> Result<Recording, Problem> {
    let missing = || Problem::not_found("there is no such recording");
    if id.len() != ID_DIGITS || !id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return Err(missing());
    }
    let recording = shared.store.recording(id.to_owned()).await?.ok_or_else(missing)?;
    // Whoever may see the room may see what was recorded in it.
    find(shared, recording.slug.as_str()).await?;
    Ok(recording)
}

/// Where in the media a moment stands. What was said while the publisher was away stands where the media goes on.
pub(super) fn offset_ms(spans: &[WallSpan], at_ms: i64) -> i64 {
    let after = spans.partition_point(|span| span.unix_ms <= at_ms);
    let next = spans.get(after).map_or(i64::MAX, |span| span.media_ms);
    let Some(span) = after.checked_sub(1).and_then(|index| spans.get(index)) else { return 0 };
    (span.media_ms + (at_ms - span.unix_ms)).clamp(0, next)
}

async fn answer(shared: &Shared, recording: Recording) -> RecordingAnswer {
    let has_poster = tokio::fs::try_exists(shared.recordings.poster(&recording)).await.unwrap_or(false);
    let grows = shared.recordings.grows(&recording);
    let Recording {
        id, slug, title, started_at_ms, duration_ms, bytes, parts, writing, note, tracks, ..
    } = recording;
    RecordingAnswer {
        room: slug.to_string(),
        title,
        started_ms: started_at_ms,
        duration_ms,
        bytes,
        state: if grows { RecordingState::Recording } else { RecordingState::Done },
        notice: if writing && !grows { Some(UNREADABLE.to_owned()) } else { note },
        tracks,
        page: format!("/r/{slug}/replay/{id}"),
        playlist: format!("/replay/{id}/index.m3u8"),
        audience: None,
        poster: has_poster.then(|| format!("/replay/{id}/poster.jpg")),
        files: (1..=parts).map(|part| format!("/replay/{id}/{part}.mp4")).collect(),
        id,
    }
}

/// Of a recording whose files the disk does not give.
pub(super) const UNREADABLE: &str = "its files cannot be read: it is finished when they can";
/// Hexadecimal digits of 128 bits.
const ID_DIGITS: usize = 32;
/// Messages in one answer.
const MESSAGES_MAX: usize = 500;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_stands_where_it_was_said_in_the_media() {
        let span = |media_ms, unix_ms| WallSpan { media_ms, unix_ms };
        // Ten seconds, then the publisher was away for five, then more.
        let spans = [span(0, 100_000), span(10_000, 115_000)];
        let offsets = [100_000, 104_000, 110_500, 114_000, 115_000, 117_000].map(|at| offset_ms(&spans, at));
        assert_eq!(offsets, [0, 4_000, 10_000, 10_000, 10_000, 12_000]);
    }
}

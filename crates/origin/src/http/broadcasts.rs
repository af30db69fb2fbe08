//! Who watched: of the broadcast that runs, and of those that are over.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::IntoResponse;
use rooms::Audience;
use serde::Serialize;
use utoipa::ToSchema;

use super::description::RoomPath;
use super::problem::Problem;
use super::rooms::{find, fresh};
use crate::state::Shared;
use crate::store::{Broadcast, Recording};

/// A room's broadcasts.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BroadcastsAnswer {
    /// The one that runs, so far.
    #[schema(required)]
    now: Option<AudienceView>,
    /// Those that are over, the latest first; at most 100.
    broadcasts: Vec<BroadcastView>,
}

/// A broadcast that is over.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BroadcastView {
    /// Its end's place in the room's log.
    seq: u64,
    /// Unix time in milliseconds.
    ended_ms: i64,
    #[serde(flatten)]
    audience: AudienceView,
}

/// Who watched a broadcast.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AudienceView {
    /// When it began, Unix time in milliseconds; `null` when that is not known.
    #[schema(required)]
    started_ms: Option<i64>,
    duration_ms: u64,
    /// Most viewers at a time: of chat and players together, each once.
    peak_viewers: u32,
    /// Viewers on average over its time.
    average_viewers: f64,
    likes: u64,
}

impl From<Audience> for AudienceView {
    fn from(audience: Audience) -> AudienceView {
        AudienceView {
            started_ms: audience.started_at_ms,
            duration_ms: audience.duration_ms,
            peak_viewers: audience.peak,
            average_viewers: audience.average_milli as f64 / 1_000.0,
            likes: audience.likes,
        }
    }
}

/// Who watched a room's broadcasts.
#[utoipa::path(
    get,
    path = "/api/v1/rooms/{room}/broadcasts",
    tag = "rooms",
    params(RoomPath),
    responses(
        (status = 200, description = "The one that runs, and those that are over.", body = BroadcastsAnswer),
        (status = 404, description = "There is no such room."),
    ),
)]
pub(crate) async fn list(
    State(shared): State<Arc<Shared>>,
    Path(slug): Path<String>,
) -> Result<impl IntoResponse, Problem> {
    let record = find(&shared, &slug).await?;
    let over = shared.store.broadcasts(record.id, 0, BROADCASTS_MAX).await?;
    let room = shared.people.open(&record, &shared);
    let now = room.look(|room, now| room.audience(now)).await?;
    let view = |Broadcast { seq, ended_at_ms, audience }: Broadcast| BroadcastView {
        seq,
        ended_ms: ended_at_ms,
        audience: audience.into(),
    };
    let broadcasts = over.into_iter().map(view).collect();
    Ok(fresh(BroadcastsAnswer { now: now.map(AudienceView::from), broadcasts }))
}

/// Who watched what was recorded, when that is over.
pub(super) async fn of_recording(
    shared: &Shared,
    recording: &Recording,
) -> Result<Option<AudienceView>, Problem> {
    let started_ms = recording.started_at_ms;
    let since = shared.store.broadcasts(recording.room, started_ms, BROADCASTS_MAX).await?;
    // The first that ended after the recording began, unless that began later: then its own end is not there.
    let first = since.last().filter(|first| {
        first.audience.started_at_ms.is_none_or(|began_ms| began_ms <= started_ms + LIVE_AFTER_MAX_MS)
    });
    Ok(first.map(|broadcast| broadcast.audience.into()))
}

/// Broadcasts in one answer.
const BROADCASTS_MAX: usize = 100;
/// A recording begins with the first media, and the broadcast when its first part is there.
const LIVE_AFTER_MAX_MS: i64 = 60_000;

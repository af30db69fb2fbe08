//! Who is in class, and who was.

use std::collections::HashSet;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::IntoResponse;
use rooms::frame::Person;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::access::{Identity, Known};
use super::description::RoomPath;
use super::moderation::moderated;
use super::problem::Problem;
use super::rooms::fresh;
use crate::attendance::{Attendee, Span, csv, people};
use crate::state::Shared;

/// A class.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AttendanceAnswer {
    /// Those here first, then those who left, then those of the class list who did not come; each by name.
    people: Vec<Attendee>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AttendancePage {
    /// From this moment on, Unix time in milliseconds; without it, from the start of the present broadcast, or a
    /// day back when there is none.
    since_ms: Option<i64>,
}

/// Who is in class.
#[utoipa::path(
    get,
    path = "/api/v1/rooms/{room}/attendance",
    tag = "moderation",
    params(RoomPath, AttendancePage),
    responses(
        (
            status = 200,
            description = "Whoever came while the room was a class; with a class list also those on it who did not.",
            body = AttendanceAnswer,
        ),
        (status = 403, description = "Only the room's moderators may."),
    ),
)]
pub(crate) async fn list(
    State(shared): State<Arc<Shared>>,
    Path(slug): Path<String>,
    Query(page): Query<AttendancePage>,
    Known(identity): Known,
) -> Result<impl IntoResponse, Problem> {
    let (people, _) = class(&shared, &slug, &identity, page.since_ms).await?;
    Ok(fresh(AttendanceAnswer { people }))
}

/// Who was in class, as a sheet.
#[utoipa::path(
    get,
    path = "/api/v1/rooms/{room}/attendance.csv",
    tag = "moderation",
    params(RoomPath, AttendancePage),
    responses(
        (
            status = 200,
            description = "One line a person: name, id, state, joined, left, seconds present. With a class list also \
                           those on it who did not come: they are `missing`.",
            body = String,
            content_type = "text/csv",
        ),
        (status = 403, description = "Only the room's moderators may."),
    ),
)]
pub(crate) async fn sheet(
    State(shared): State<Arc<Shared>>,
    Path(slug): Path<String>,
    Query(page): Query<AttendancePage>,
    Known(identity): Known,
) -> Result<impl IntoResponse, Problem> {
    let (people, slug) = class(&shared, &slug, &identity, page.since_ms).await?;
    let name = format!("attachment; filename=\"attendance-{slug}.csv\"");
    let kind = "text/csv; charset=utf-8".to_owned();
    let no_store = "no-store".to_owned();
    Ok((
        [
            (header::CONTENT_TYPE, kind),
            (header::CONTENT_DISPOSITION, name),
            (header::CACHE_CONTROL, no_store),
        ],
        csv(&people),
    ))
}

/// The people of a class since a moment, and the room as it is written.
async fn class(
    shared: &Arc<Shared>,
    slug: &str,
    identity: &Identity,
    since_ms: Option<i64>,
) -> Result<(Vec<Attendee>, String), Problem> {
    let record = moderated(shared, slug, identity).await?;
    let now_ms = crate::clock::unix_ms();
    let began_ms = || shared.streams.status(&record.slug).live_since_ms.unwrap_or(now_ms - DAY_MS);
    let from_ms = since_ms.unwrap_or_else(began_ms);
    let room = shared.people.open(&record, shared);
    let connected: HashSet<String> =
        room.look(|room, _| room.people().map(|person: &Person| person.id.clone()).collect()).await?;
    // Who came before the broadcast and stayed is in class too.
    let roll = shared.store.attendance(record.id, from_ms.saturating_sub(DAY_MS), ROLL_MAX).await?;
    let roster = shared.store.room_settings(record.id).await?.roster;
    let people = people(&roll, &roster, &Span { from_ms, now_ms, connected: &connected });
    Ok((people, record.slug.to_string()))
}

/// Comings and goings in one sheet: 500 people, each forty times.
const ROLL_MAX: usize = 20_000;
const DAY_MS: i64 = 86_400_000;

//! What moderators and programs do in a room without being in its chat: the same operations as the frames of the
//! WebSocket, as requests.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use rooms::frame::{ErrorCode, FloorView, In, Out, Person, PollView, Role, Whom};
use rooms::{Change, Entry, EntryBody, Name, NewPoll, Room, Rules};
use serde::{Deserialize, Serialize};

use super::access::{Caller, Identity, Known};
use super::chat::person;
use super::problem::Problem;
use super::rooms::{find, fresh, unreadable};
use crate::people::{Handle, JoinError};
use crate::secret;
use crate::state::Shared;
use crate::store::RoomRecord;

#[derive(Debug, Serialize)]
pub(crate) struct PollsAnswer {
    polls: Vec<PollView>,
}

/// What was done, by its place in the room's log.
#[derive(Debug, Serialize)]
pub(crate) struct DoneAnswer {
    seq: u64,
}

#[derive(Debug, Serialize)]
pub(crate) struct BansAnswer {
    bans: Vec<Ban>,
}

/// A time-out or ban. The address that goes with a guest's is told nobody.
#[derive(Debug, Serialize)]
pub(crate) struct Ban {
    member: Whom,
    ban: bool,
    until_ms: Option<i64>,
    since_ms: i64,
    by: Option<Whom>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewBan {
    member: String,
    /// A time-out of so many seconds; without it, a ban.
    #[serde(default)]
    seconds: Option<u32>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct AuditPage {
    /// Deeds with a lower number only.
    before: Option<u64>,
}

#[derive(Debug, Serialize)]
pub(crate) struct AuditAnswer {
    deeds: Vec<Audited>,
}

/// Something that was done in the room.
#[derive(Debug, Serialize)]
pub(crate) struct Audited {
    seq: u64,
    at: i64,
    by: Option<Whom>,
    #[serde(flatten)]
    deed: serde_json::Value,
}

#[derive(Debug, Deserialize)]
pub(crate) struct AttendancePage {
    /// From this moment on, Unix time in milliseconds; without it, from the start of the present broadcast, or a
    /// day back when there is none.
    since_ms: Option<i64>,
}

pub(crate) async fn polls(
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

pub(crate) async fn open_poll(
    State(shared): State<Arc<Shared>>,
    Path(slug): Path<String>,
    Known(identity): Known,
    headers: HeaderMap,
    body: Result<Json<NewPoll>, JsonRejection>,
) -> Result<impl IntoResponse, Problem> {
    let Json(poll) = body.map_err(unreadable)?;
    let done = perform(&shared, &slug, &identity, &headers, |id| In::Poll { id, poll }).await?;
    Ok((StatusCode::CREATED, fresh(done)))
}

pub(crate) async fn close_poll(
    State(shared): State<Arc<Shared>>,
    Path((slug, poll)): Path<(String, String)>,
    Known(identity): Known,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Problem> {
    let poll = number(&poll)?;
    Ok(fresh(perform(&shared, &slug, &identity, &headers, |id| In::Close { id, poll }).await?))
}

pub(crate) async fn delete_message(
    State(shared): State<Arc<Shared>>,
    Path((slug, message)): Path<(String, String)>,
    Known(identity): Known,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Problem> {
    let message = number(&message)?;
    Ok(fresh(perform(&shared, &slug, &identity, &headers, |id| In::Delete { id, message }).await?))
}

pub(crate) async fn bans(
    State(shared): State<Arc<Shared>>,
    Path(slug): Path<String>,
    Known(identity): Known,
) -> Result<impl IntoResponse, Problem> {
    let record = moderated(&shared, &slug, &identity).await?;
    let room = shared.people.open(&record, &shared);
    let list = |room: &Room, now_ms| {
        let ban = |sanction: &rooms::Sanction| Ban {
            member: sanction.member.clone(),
            ban: sanction.ban,
            until_ms: sanction.until_ms,
            since_ms: sanction.since_ms,
            by: sanction.by.clone(),
        };
        room.sanctions(now_ms).map(ban).collect()
    };
    Ok(fresh(BansAnswer { bans: room.look(list).await? }))
}

pub(crate) async fn ban(
    State(shared): State<Arc<Shared>>,
    Path(slug): Path<String>,
    Known(identity): Known,
    headers: HeaderMap,
    body: Result<Json<NewBan>, JsonRejection>,
) -> Result<impl IntoResponse, Problem> {
    let Json(NewBan { member, seconds }) = body.map_err(unreadable)?;
    let frame = |id| match seconds {
        Some(seconds) => In::Timeout { id, member, seconds },
        None => In::Ban { id, member },
    };
    let done = perform(&shared, &slug, &identity, &headers, frame).await?;
    Ok((StatusCode::CREATED, fresh(done)))
}

pub(crate) async fn lift_ban(
    State(shared): State<Arc<Shared>>,
    Path((slug, member)): Path<(String, String)>,
    Known(identity): Known,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Problem> {
    Ok(fresh(perform(&shared, &slug, &identity, &headers, |id| In::Lift { id, member }).await?))
}

pub(crate) async fn settings(
    State(shared): State<Arc<Shared>>,
    Path(slug): Path<String>,
    Known(identity): Known,
) -> Result<impl IntoResponse, Problem> {
    let record = moderated(&shared, &slug, &identity).await?;
    let rules: Rules = view(&shared, &record, person(&identity, &record, &shared).await?).await?.settings;
    Ok(fresh(rules))
}

pub(crate) async fn change_settings(
    State(shared): State<Arc<Shared>>,
    Path(slug): Path<String>,
    Known(identity): Known,
    headers: HeaderMap,
    body: Result<Json<Change>, JsonRejection>,
) -> Result<impl IntoResponse, Problem> {
    let Json(change) = body.map_err(unreadable)?;
    Ok(fresh(perform(&shared, &slug, &identity, &headers, |id| In::Settings { id, change }).await?))
}

pub(crate) async fn audit(
    State(shared): State<Arc<Shared>>,
    Path(slug): Path<String>,
    Query(page): Query<AuditPage>,
    Known(identity): Known,
) -> Result<impl IntoResponse, Problem> {
    let record = moderated(&shared, &slug, &identity).await?;
    let entries = shared.store.deeds_before(record.id, page.before, AUDIT_MAX).await?;
    Ok(fresh(AuditAnswer { deeds: entries.iter().filter_map(audited).collect() }))
}

pub(crate) async fn attendance(
    State(shared): State<Arc<Shared>>,
    Path(slug): Path<String>,
    Query(page): Query<AttendancePage>,
    Known(identity): Known,
) -> Result<impl IntoResponse, Problem> {
    let record = moderated(&shared, &slug, &identity).await?;
    let now_ms = crate::clock::unix_ms();
    let began_ms = shared.streams.status(&record.slug).live_since_ms.unwrap_or(now_ms - DAY_MS);
    let since_ms = page.since_ms.unwrap_or(began_ms);
    let roll = shared.store.attendance(record.id, since_ms, ROLL_MAX).await?;
    let csv = crate::attendance::csv(&roll, now_ms);
    let name = format!("attachment; filename=\"attendance-{}.csv\"", record.slug);
    let kind = "text/csv; charset=utf-8".to_owned();
    let no_store = "no-store".to_owned();
    Ok((
        [
            (header::CONTENT_TYPE, kind),
            (header::CONTENT_DISPOSITION, name),
            (header::CACHE_CONTROL, no_store),
        ],
        csv,
    ))
}

/// Has something done in a room. `Idempotency-Key` is the request's own id, and makes a repeat harmless.
async fn perform(
    shared: &Arc<Shared>,
    slug: &str,
    identity: &Identity,
    headers: &HeaderMap,
    frame: impl FnOnce(String) -> In,
) -> Result<DoneAnswer, Problem> {
    let record = find(shared, slug).await?;
    let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok()).map(str::to_owned);
    let frame = frame(key.unwrap_or_else(secret::random));
    let room: Handle = shared.people.open(&record, shared);
    match room.perform(person(identity, &record, shared).await?, frame).await? {
        Out::Ack { seq, .. } => Ok(DoneAnswer { seq }),
        Out::Error { code, message, .. } => Err(Problem::new(status(code), message)),
        _ => Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the room gave no answer")),
    }
}

/// The room, for somebody who keeps order in it.
async fn moderated(shared: &Shared, slug: &str, identity: &Identity) -> Result<RoomRecord, Problem> {
    let record = find(shared, slug).await?;
    if identity.standing(shared, &record).await?.may_moderate() {
        return Ok(record);
    }
    Err(Problem::new(StatusCode::FORBIDDEN, "only the room's moderators may see that"))
}

async fn view(shared: &Arc<Shared>, record: &RoomRecord, viewer: Person) -> Result<FloorView, Problem> {
    let room = shared.people.open(record, shared);
    Ok(room.look(move |room, now_ms| room.floor_view(&viewer, now_ms)).await?)
}

fn audited(entry: &Entry) -> Option<Audited> {
    let EntryBody::Deed(deed) = &entry.body else { return None };
    let mut shown = serde_json::to_value(&deed.act).ok()?;
    // Whose address it was is nobody's business.
    shown.as_object_mut()?.remove("address");
    Some(Audited { seq: entry.seq, at: entry.at_ms, by: deed.by.as_ref().map(Person::whom), deed: shown })
}

/// Somebody without any right.
fn nobody() -> Person {
    let name = Name::guest("Guest").expect("a short name of letters");
    Person { id: String::new(), name, roles: vec![Role::Guest] }
}

fn number(text: &str) -> Result<u64, Problem> {
    text.parse().map_err(|_| Problem::not_found("there is nothing of that number"))
}

fn status(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::BadFrame | ErrorCode::Empty | ErrorCode::TooLong | ErrorCode::UnknownCommand => {
            StatusCode::BAD_REQUEST
        }
        ErrorCode::RateLimited | ErrorCode::SlowMode => StatusCode::TOO_MANY_REQUESTS,
        ErrorCode::Missing => StatusCode::NOT_FOUND,
        ErrorCode::Closed | ErrorCode::AlreadyVoted | ErrorCode::Full => StatusCode::CONFLICT,
        ErrorCode::NotStored | ErrorCode::TooSlow => StatusCode::INTERNAL_SERVER_ERROR,
        ErrorCode::NotAllowed
        | ErrorCode::NameRefused
        | ErrorCode::Banned
        | ErrorCode::TimedOut
        | ErrorCode::SignInNeeded
        | ErrorCode::Locked
        | ErrorCode::EmotesOnly => StatusCode::FORBIDDEN,
    }
}

impl From<JoinError> for Problem {
    fn from(error: JoinError) -> Problem {
        let detail = match error {
            JoinError::Full => "the room is full",
            JoinError::Closed => "the room is closed",
        };
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail)
    }
}

/// Deeds in one answer.
const AUDIT_MAX: usize = 100;
/// Comings and goings in one sheet: 500 people, each forty times.
const ROLL_MAX: usize = 20_000;
const DAY_MS: i64 = 86_400_000;

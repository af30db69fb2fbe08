//! What moderators and programs do in a room without being in its chat: the same operations as the frames of the
//! WebSocket, as requests.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use rooms::frame::{ErrorCode, FloorView, In, Out, Person, Whom};
use rooms::{Act, Change, Entry, EntryBody, Room, Rules};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::access::{Identity, Known};
use super::chat::person;
use super::description::{IdempotencyKey, MemberPath, MessagePath, RoomPath, RoomRefusals};
use super::object::Object;
use super::problem::Problem;
use super::rooms::{find, fresh};
use crate::people::{Handle, JoinError};
use crate::secret;
use crate::state::Shared;
use crate::store::RoomRecord;

/// What was done, by its place in the room's log.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DoneAnswer {
    seq: u64,
    /// It waits for a moderator.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    held: bool,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BansAnswer {
    bans: Vec<Ban>,
}

/// A time-out or ban. The address that goes with a ban is told nobody.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Ban {
    member: Whom,
    ban: bool,
    #[schema(required)]
    until_ms: Option<i64>,
    since_ms: i64,
    #[schema(required)]
    by: Option<Whom>,
    /// Why, in the words of who did it.
    #[schema(required)]
    reason: Option<String>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewBan {
    member: String,
    /// A time-out of so many seconds; without it, a ban.
    #[serde(default)]
    seconds: Option<u32>,
    /// Why, for that member and the list of what was done; at most 200 code points.
    #[serde(default)]
    reason: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditPage {
    /// Deeds with a lower number only.
    before: Option<u64>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditAnswer {
    deeds: Vec<Audited>,
}

/// Something that was done in the room.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Audited {
    seq: u64,
    at: i64,
    #[schema(required)]
    by: Option<Whom>,
    #[serde(flatten)]
    #[schema(value_type = Act)]
    deed: serde_json::Value,
}

/// Take a message away.
///
/// One's own, or as a moderator anybody's.
#[utoipa::path(
    delete,
    path = "/api/v1/rooms/{room}/messages/{message}",
    tag = "moderation",
    params(RoomPath, MessagePath, IdempotencyKey),
    responses(
        (status = 200, description = "the place of the deed in the room's log", body = DoneAnswer),
        RoomRefusals,
    ),
)]
pub(crate) async fn delete_message(
    State(shared): State<Arc<Shared>>,
    Path((slug, message)): Path<(String, String)>,
    Known(identity): Known,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Problem> {
    let message = number(&message)?;
    Ok(fresh(perform(&shared, &slug, &identity, &headers, |id| In::Delete { id, message }).await?))
}

/// Time-outs and bans that hold.
#[utoipa::path(
    get,
    path = "/api/v1/rooms/{room}/bans",
    tag = "moderation",
    params(RoomPath),
    responses(
        (status = 200, description = "All of them.", body = BansAnswer),
        (status = 403, description = "Only the room's moderators may."),
        (status = 503, description = "The room's chat is full or closed."),
    ),
)]
pub(crate) async fn bans(
    State(shared): State<Arc<Shared>>,
    Path(slug): Path<String>,
    Known(identity): Known,
) -> Result<impl IntoResponse, Problem> {
    let record = moderated(&shared, &slug, &identity).await?;
    let room = shared.people.open(&record, &shared);
    let list = |room: &Room, now: rooms::Time| {
        let ban = |sanction: &rooms::Sanction| Ban {
            member: sanction.member.clone(),
            ban: sanction.ban,
            until_ms: sanction.until_ms,
            since_ms: sanction.since_ms,
            by: sanction.by.clone(),
            reason: sanction.reason.clone(),
        };
        room.sanctions(now.unix_ms).map(ban).collect()
    };
    Ok(fresh(BansAnswer { bans: room.look(list).await? }))
}

/// Keep a member from writing.
///
/// For some seconds, or without them an account until it is lifted and a guest for a day; guests from the same address for a
/// day too.
#[utoipa::path(
    post,
    path = "/api/v1/rooms/{room}/bans",
    tag = "moderation",
    params(RoomPath, IdempotencyKey),
    request_body = NewBan,
    responses(
        (status = 201, description = "the place of the deed in the room's log", body = DoneAnswer),
        RoomRefusals,
    ),
)]
pub(crate) async fn ban(
    State(shared): State<Arc<Shared>>,
    Path(slug): Path<String>,
    Known(identity): Known,
    headers: HeaderMap,
    body: Result<Object<NewBan>, Problem>,
) -> Result<impl IntoResponse, Problem> {
    let Object(NewBan { member, seconds, reason }) = body?;
    let frame = |id| match seconds {
        Some(seconds) => In::Timeout { id, member, seconds, reason },
        None => In::Ban { id, member, reason },
    };
    let done = perform(&shared, &slug, &identity, &headers, frame).await?;
    Ok((StatusCode::CREATED, fresh(done)))
}

/// Let a member write again.
#[utoipa::path(
    delete,
    path = "/api/v1/rooms/{room}/bans/{member}",
    tag = "moderation",
    params(RoomPath, MemberPath, IdempotencyKey),
    responses(
        (status = 200, description = "the place of the deed in the room's log", body = DoneAnswer),
        RoomRefusals,
    ),
)]
pub(crate) async fn lift_ban(
    State(shared): State<Arc<Shared>>,
    Path((slug, member)): Path<(String, String)>,
    Known(identity): Known,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Problem> {
    Ok(fresh(perform(&shared, &slug, &identity, &headers, |id| In::Lift { id, member }).await?))
}

/// The rules of the chat.
#[utoipa::path(
    get,
    path = "/api/v1/rooms/{room}/chat/settings",
    tag = "moderation",
    params(RoomPath),
    responses(
        (status = 200, description = "All of them, with the words that hold a message back.", body = Rules),
        (status = 403, description = "Only the room's moderators may."),
        (status = 503, description = "The room's chat is full or closed."),
    ),
)]
pub(crate) async fn settings(
    State(shared): State<Arc<Shared>>,
    Path(slug): Path<String>,
    Known(identity): Known,
) -> Result<impl IntoResponse, Problem> {
    let record = moderated(&shared, &slug, &identity).await?;
    let rules: Rules = view(&shared, &record, person(&identity, &record, &shared).await?).await?.settings;
    Ok(fresh(rules))
}

/// Change the rules of the chat.
///
/// What is missing stays.
#[utoipa::path(
    patch,
    path = "/api/v1/rooms/{room}/chat/settings",
    tag = "moderation",
    params(RoomPath, IdempotencyKey),
    request_body = Change,
    responses(
        (status = 200, description = "the place of the deed in the room's log", body = DoneAnswer),
        RoomRefusals,
    ),
)]
pub(crate) async fn change_settings(
    State(shared): State<Arc<Shared>>,
    Path(slug): Path<String>,
    Known(identity): Known,
    headers: HeaderMap,
    body: Result<Object<Change>, Problem>,
) -> Result<impl IntoResponse, Problem> {
    let Object(change) = body?;
    Ok(fresh(perform(&shared, &slug, &identity, &headers, |id| In::Settings { id, change }).await?))
}

/// What was done in the room, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/rooms/{room}/audit",
    tag = "moderation",
    params(RoomPath, AuditPage),
    responses(
        (status = 200, description = "At most a hundred deeds.", body = AuditAnswer),
        (status = 403, description = "Only the room's moderators may."),
    ),
)]
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

/// Has something done in a room. `Idempotency-Key` is the request's own id, and makes a repeat harmless.
pub(super) async fn perform(
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
        Out::Ack { seq, held, .. } => Ok(DoneAnswer { seq, held }),
        Out::Error { code, message, retry_after_ms, .. } => {
            let (status, word) = told(code);
            let problem = Problem::new(status, message).after(retry_after_ms.map(Duration::from_millis));
            Err(match word {
                Some(word) => problem.with_code(word),
                None => problem,
            })
        }
        _ => Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the room gave no answer")),
    }
}

/// The room, for somebody who keeps order in it.
pub(super) async fn moderated(
    shared: &Shared,
    slug: &str,
    identity: &Identity,
) -> Result<RoomRecord, Problem> {
    let record = find(shared, slug).await?;
    if identity.standing(shared, &record).await?.may_moderate() {
        return Ok(record);
    }
    Err(Problem::new(StatusCode::FORBIDDEN, "only the room's moderators may see that"))
}

pub(super) async fn view(
    shared: &Arc<Shared>,
    record: &RoomRecord,
    viewer: Person,
) -> Result<FloorView, Problem> {
    let room = shared.people.open(record, shared);
    Ok(room.look(move |room, now| room.floor_view(&viewer, now.unix_ms)).await?)
}

fn audited(entry: &Entry) -> Option<Audited> {
    let EntryBody::Deed(deed) = &entry.body else { return None };
    let mut shown = serde_json::to_value(&deed.act).ok()?;
    // Whose address it was is nobody's business.
    shown.as_object_mut()?.remove("address");
    Some(Audited { seq: entry.seq, at: entry.at_ms, by: deed.by.as_ref().map(Person::whom), deed: shown })
}

pub(super) fn number(text: &str) -> Result<u64, Problem> {
    text.parse().map_err(|_| Problem::not_found("there is nothing of that number"))
}

/// How a room's refusal is told: the status and, where that does not say it, the code of the chat's frame.
fn told(code: ErrorCode) -> (StatusCode, Option<&'static str>) {
    let (status, word) = match code {
        ErrorCode::BadFrame | ErrorCode::UnknownCommand => return (StatusCode::BAD_REQUEST, None),
        ErrorCode::Missing => return (StatusCode::NOT_FOUND, None),
        ErrorCode::NotStored | ErrorCode::TooSlow => return (StatusCode::INTERNAL_SERVER_ERROR, None),
        ErrorCode::NotAllowed | ErrorCode::NameRefused => return (StatusCode::FORBIDDEN, None),
        ErrorCode::Empty => (StatusCode::BAD_REQUEST, "empty"),
        ErrorCode::TooLong => (StatusCode::BAD_REQUEST, "too_long"),
        ErrorCode::RateLimited => (StatusCode::TOO_MANY_REQUESTS, "rate_limited"),
        ErrorCode::SlowMode => (StatusCode::TOO_MANY_REQUESTS, "slow_mode"),
        ErrorCode::Closed => (StatusCode::CONFLICT, "closed"),
        ErrorCode::AlreadyVoted => (StatusCode::CONFLICT, "already_voted"),
        ErrorCode::Full => (StatusCode::CONFLICT, "full"),
        ErrorCode::NotEnough => (StatusCode::CONFLICT, "not_enough"),
        ErrorCode::Banned => (StatusCode::FORBIDDEN, "banned"),
        ErrorCode::TimedOut => (StatusCode::FORBIDDEN, "timed_out"),
        ErrorCode::SignInNeeded => (StatusCode::FORBIDDEN, "sign_in_needed"),
        ErrorCode::FollowersOnly => (StatusCode::FORBIDDEN, "followers_only"),
        ErrorCode::Rejected => (StatusCode::FORBIDDEN, "rejected"),
        ErrorCode::Locked => (StatusCode::FORBIDDEN, "locked"),
        ErrorCode::EmotesOnly => (StatusCode::FORBIDDEN, "emotes_only"),
    };
    (status, Some(word))
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

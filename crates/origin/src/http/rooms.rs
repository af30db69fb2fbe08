//! The JSON API for rooms.

use std::sync::Arc;

use std::net::SocketAddr;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use rooms::Slug;
use rooms::frame::{Out, RoomView};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::access::{Caller, Identity, Known};
use super::client_address::ClientAddress;
use super::description::RoomPath;
use super::object::Object;
use super::owner::reached;
use super::problem::Problem;
use super::room_picture;
use super::room_settings::SettingsView;
use super::secure::Scheme;
use super::thumbnail;
use crate::facts::Ingest;
use crate::recordings::StatusView;
use crate::state::{self, RoomWithKey, Shared};
use crate::store::{NewRoom, RoomRecord, RoomSettings, StoreError, Visibility};

/// A room; `ingest` only for its owner and admins.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RoomAnswer {
    #[serde(flatten)]
    view: RoomView,
    /// What whoever asks may do here, when it is known who that is; in the answer about one room.
    #[serde(skip_serializing_if = "Option::is_none")]
    may: Option<May>,
    /// When one of the room's files goes live, Unix time in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_live_ms: Option<i64>,
    /// Where its picture is, another address for each one: of the broadcast while it is live, else the owner's.
    #[serde(skip_serializing_if = "Option::is_none")]
    picture: Option<String>,
    /// Whether the account that asks follows it; left out when no account asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    followed: Option<bool>,
    /// How many follow it; in the answer about one room.
    #[serde(skip_serializing_if = "Option::is_none")]
    followers: Option<u32>,
    #[serde(flatten)]
    #[schema(value_type = SettingsView)]
    settings: Option<SettingsView>,
    /// What arrives from the publisher, `null` while nobody publishes; for the owner and admins.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Ingest>)]
    ingest: Option<Option<Ingest>>,
    /// Whether broadcasts are recorded, and what becomes of the present one; for the owner and admins as well.
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recording: Option<StatusView>,
    /// Why the last publisher was sent away.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

/// Which rooms a list holds.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Search {
    /// Words in title, description, owner or name, whatever their case.
    search: Option<String>,
    /// With this tag only.
    tag: Option<String>,
    /// Archived rooms of whoever asks, instead of those in use.
    #[serde(default)]
    archived: bool,
}

impl Search {
    fn finds(&self, record: &RoomRecord, settings: &RoomSettings) -> bool {
        let lower = |text: &str| text.to_lowercase();
        let tagged = |tag: &String| settings.tags.iter().any(|own| lower(own) == lower(tag));
        let text = || {
            let owner = record.owner.as_deref().unwrap_or_default();
            lower(&[&record.title, &settings.description, owner, record.slug.as_str()].join("\n"))
        };
        let found = |words: &String| words.split_whitespace().all(|word| text().contains(&lower(word)));
        self.tag.as_ref().is_none_or(tagged) && self.search.as_ref().is_none_or(found)
    }
}

/// What somebody may do in a room.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct May {
    /// Settings, stream key, recordings, moderators.
    manage: bool,
    /// Deleting, timing out, banning, pinning.
    moderate: bool,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RoomsAnswer {
    rooms: Vec<RoomAnswer>,
}

impl RoomsAnswer {
    pub(super) fn of(rooms: Vec<RoomAnswer>) -> RoomsAnswer {
        RoomsAnswer { rooms }
    }
}

impl RoomAnswer {
    /// The same for an account of which it is known whether it follows the room.
    pub(super) fn followed(self, followed: bool) -> RoomAnswer {
        RoomAnswer { followed: Some(followed), ..self }
    }

    /// The same with what its owner says about it.
    fn settled(self, slug: &Slug, settings: RoomSettings, managed: bool) -> RoomAnswer {
        let own = settings.picture_at_ms.map(|at_ms| room_picture::path(slug, at_ms));
        let picture = self.picture.or(own);
        RoomAnswer { picture, settings: Some(SettingsView::of(settings, managed)), ..self }
    }
}

/// A room that was made, or that has another key: the only answers that hold a key.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KeyAnswer {
    room: Slug,
    stream_key: String,
    rtmp: String,
    srt: String,
    watch: String,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateRoom {
    /// Its name in URLs.
    #[schema(pattern = "^[a-z0-9-]{1,64}$", min_length = 1, max_length = 64)]
    room: String,
    /// Its name for people; without one, the name in URLs.
    #[serde(default)]
    title: Option<String>,
    /// The owner's account; without one, whoever makes it.
    #[serde(default)]
    owner: Option<String>,
    /// Whether its broadcasts are recorded.
    #[serde(default)]
    record: bool,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Page {
    /// Messages with a lower number only.
    before: Option<u64>,
    /// At most so many.
    limit: Option<usize>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MessagesAnswer {
    messages: Vec<Out>,
}

/// The rooms.
///
/// Public ones, and whoever asks's own; an administrator sees all.
#[utoipa::path(
    get,
    path = "/api/v1/rooms",
    tag = "rooms",
    params(Search),
    responses(
        (status = 200, description = "All that the search finds.", body = RoomsAnswer),
    ),
)]
pub(crate) async fn list(
    State(shared): State<Arc<Shared>>,
    Query(search): Query<Search>,
    caller: Caller,
) -> Result<impl IntoResponse, Problem> {
    let mut settings = shared.store.all_room_settings().await?;
    let account = caller.0.as_ref().and_then(Identity::account_id);
    let followed = match account {
        Some(account) => Some(shared.store.followed_ids(account).await?),
        None => None,
    };
    let mut rooms = Vec::new();
    for record in shared.store.rooms().await? {
        let settings = settings.remove(&record.id).unwrap_or_default();
        let managed = caller.0.as_ref().is_some_and(|identity| identity.may_manage(&record));
        let listed = match search.archived {
            true => managed && settings.archived_at_ms.is_some(),
            false => {
                (settings.visibility == Visibility::Public || managed) && settings.archived_at_ms.is_none()
            }
        };
        if listed && search.finds(&record, &settings) {
            let answer = answer(&shared, &record, caller.0.as_ref());
            let mut answer = answer.settled(&record.slug, settings, managed);
            answer.followed = followed.as_ref().map(|followed| followed.contains(&record.id));
            rooms.push(answer);
        }
    }
    Ok(fresh(RoomsAnswer { rooms }))
}

/// A room.
#[utoipa::path(
    get,
    path = "/api/v1/rooms/{room}",
    tag = "rooms",
    params(RoomPath),
    responses(
        (status = 200, description = "The room as whoever asks may see it.", body = RoomAnswer),
    ),
)]
pub(crate) async fn show(
    State(shared): State<Arc<Shared>>,
    Path(slug): Path<String>,
    caller: Caller,
) -> Result<impl IntoResponse, Problem> {
    let record = find(&shared, &slug).await?;
    let mut answer = answer_with_settings(&shared, &record, caller.0.as_ref()).await?;
    if let Some(identity) = &caller.0 {
        let standing = identity.standing(&shared, &record).await?;
        answer.may = Some(May { manage: identity.may_manage(&record), moderate: standing.may_moderate() });
        if let Some(account) = identity.account_id() {
            answer.followed = Some(shared.store.follows(record.id, account).await?);
        }
    }
    answer.followers = Some(shared.store.follower_count(record.id).await?);
    Ok(fresh(answer))
}

/// Make a room.
///
/// The only time that its stream key is told.
#[utoipa::path(
    post,
    path = "/api/v1/rooms",
    tag = "rooms",
    request_body = CreateRoom,
    responses(
        (status = 201, description = "The room and its stream key.", body = KeyAnswer),
        (status = 400, description = "The name is no slug."),
        (
            status = 403,
            description = "Only broadcasters and administrators make rooms, and only administrators for others.",
        ),
        (status = 404, description = "There is no account of the owner's name."),
        (
            status = 409,
            description = "`name_taken`: there is such a room. `too_many`: the owner has as many rooms as may be.",
        ),
        (status = 429, description = "`too_many_requests`: too many secrets were made from this address."),
    ),
)]
pub(crate) async fn create(
    State(shared): State<Arc<Shared>>,
    Known(identity): Known,
    ClientAddress(address): ClientAddress,
    scheme: Scheme,
    headers: HeaderMap,
    body: Result<Object<CreateRoom>, Problem>,
) -> Result<impl IntoResponse, Problem> {
    let Object(CreateRoom { room, title, mut owner, record }) = body?;
    if let Identity::Account(account) = &identity
        && !identity.is_admin()
    {
        if !identity.may_own_rooms() {
            return Err(Problem::forbidden("only a broadcaster or an administrator may make rooms"));
        }
        if owner.as_deref().is_some_and(|owner| rooms::fold(owner) != rooms::fold(&account.name)) {
            return Err(Problem::forbidden("only an administrator may make rooms for others"));
        }
        if shared.store.rooms_of(account.id).await?.len() >= ROOMS_MAX {
            return Err(StoreError::TooMany { what: "rooms of yours", max: ROOMS_MAX as i64 }.into());
        }
        owner = Some(account.name.clone());
    }
    if identity.account_id().is_some() {
        shared.accounts.quotas.make_secret(address).map_err(Problem::too_many)?;
    }
    let slug = room.parse::<Slug>().map_err(|error| Problem::bad_request(error.to_string()))?;
    fits(title.as_deref(), "title", state::TITLE_CHARS_MAX)?;
    let title = state::title(title.as_deref(), &slug);
    let made = state::create_room(&shared.store, NewRoom { slug, title, owner, record }).await?;
    tracing::info!(room = %made.room.slug, "room made");
    Ok((StatusCode::CREATED, fresh(key_answer(&shared, scheme, &headers, made))))
}

/// Make another stream key.
///
/// Whoever publishes with the one before is sent away.
#[utoipa::path(
    post,
    path = "/api/v1/rooms/{room}/stream-key",
    tag = "rooms",
    params(RoomPath),
    responses(
        (status = 200, description = "The only answer that holds the new key.", body = KeyAnswer),
        (status = 403, description = "The room is somebody else's."),
        (status = 429, description = "`too_many_requests`: too many secrets were made from this address."),
    ),
)]
pub(crate) async fn rotate_key(
    State(shared): State<Arc<Shared>>,
    Path(slug): Path<String>,
    Known(identity): Known,
    ClientAddress(address): ClientAddress,
    scheme: Scheme,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Problem> {
    let record = managed(&shared, &slug, &identity).await?;
    if identity.account_id().is_some() {
        shared.accounts.quotas.make_secret(address).map_err(Problem::too_many)?;
    }
    let made = shared.rotate_key(record.slug).await?;
    tracing::info!(room = %made.room.slug, "stream key changed");
    Ok(fresh(key_answer(&shared, scheme, &headers, made)))
}

/// End the broadcast.
///
/// An encoder that connects again by itself begins another one, unless the key is changed.
#[utoipa::path(
    post,
    path = "/api/v1/rooms/{room}/end",
    tag = "rooms",
    params(RoomPath),
    responses(
        (status = 204, description = "It is over."),
        (status = 403, description = "The room is somebody else's."),
        (status = 409, description = "The room is not live."),
    ),
)]
pub(crate) async fn end(
    State(shared): State<Arc<Shared>>,
    Path(slug): Path<String>,
    Known(identity): Known,
) -> Result<StatusCode, Problem> {
    let record = managed(&shared, &slug, &identity).await?;
    if !shared.streams.get(&record.slug).is_some_and(|stream| stream.end()) {
        return Err(Problem::new(StatusCode::CONFLICT, "the room is not live"));
    }
    tracing::info!(room = %record.slug, "broadcast ended on request");
    Ok(StatusCode::NO_CONTENT)
}

/// What was said, oldest first.
#[utoipa::path(
    get,
    path = "/api/v1/rooms/{room}/messages",
    tag = "chat",
    params(RoomPath, Page),
    responses(
        (status = 200, description = "The newest messages before the one asked for.", body = MessagesAnswer),
    ),
)]
pub(crate) async fn messages(
    State(shared): State<Arc<Shared>>,
    Path(slug): Path<String>,
    Query(page): Query<Page>,
) -> Result<impl IntoResponse, Problem> {
    let record = find(&shared, &slug).await?;
    let limit = page.limit.unwrap_or(MESSAGES_MAX).min(MESSAGES_MAX);
    let entries = shared.store.messages_before(record.id, page.before, limit).await?;
    Ok(fresh(MessagesAnswer { messages: entries.iter().filter_map(rooms::Entry::frame).collect() }))
}

/// The room a path names, or a 404: also for what is no slug, so that nothing odd goes further.
pub(crate) async fn find(shared: &Shared, slug: &str) -> Result<RoomRecord, Problem> {
    let missing = || Problem::not_found("there is no such room");
    let slug = slug.parse::<Slug>().map_err(|_| missing())?;
    shared.store.room(slug).await?.ok_or_else(missing)
}

/// The room a path names, for somebody who may manage it.
pub(super) async fn managed(shared: &Shared, slug: &str, identity: &Identity) -> Result<RoomRecord, Problem> {
    let room = find(shared, slug).await?;
    if identity.may_manage(&room) {
        return Ok(room);
    }
    Err(Problem::forbidden("the room belongs to somebody else"))
}

/// A room as everybody may see it.
pub(crate) fn view(shared: &Shared, record: &RoomRecord) -> RoomView {
    let status = shared.streams.status(&record.slug);
    let (viewers, members) = shared.people.count(&record.slug);
    RoomView {
        room: record.slug.clone(),
        title: record.title.clone(),
        owner: record.owner.clone(),
        state: status.state,
        viewers,
        members,
        live_since_ms: status.live_since_ms,
        playlist: format!("/live/{}/index.m3u8", record.slug),
    }
}

fn answer(shared: &Shared, record: &RoomRecord, identity: Option<&Identity>) -> RoomAnswer {
    let managed = identity.is_some_and(|identity| identity.may_manage(record));
    let stream = shared.streams.get(&record.slug);
    let picture = stream.as_ref().and_then(|stream| stream.picture());
    let picture = picture.map(|found| thumbnail::path(&record.slug, found.made_ms));
    let stream = stream.filter(|_| managed);
    let problem = stream.as_ref().and_then(|stream| stream.problem());
    RoomAnswer {
        view: view(shared, record),
        may: None,
        next_live_ms: shared.uploads.next_live_ms(&record.slug),
        picture,
        followed: None,
        followers: None,
        settings: None,
        ingest: managed.then(|| stream.as_ref().and_then(|stream| stream.ingest())),
        record: managed.then_some(record.record),
        recording: managed.then(|| stream.as_ref().map(|stream| stream.recording()).unwrap_or_default()),
        problem,
    }
}

/// A room with what its owner says about it.
pub(super) async fn answer_with_settings(
    shared: &Shared,
    record: &RoomRecord,
    identity: Option<&Identity>,
) -> Result<RoomAnswer, Problem> {
    let managed = identity.is_some_and(|identity| identity.may_manage(record));
    let settings = shared.store.room_settings(record.id).await?;
    Ok(answer(shared, record, identity).settled(&record.slug, settings, managed))
}

fn key_answer(shared: &Shared, Scheme(scheme): Scheme, headers: &HeaderMap, made: RoomWithKey) -> KeyAnswer {
    let asked = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = asked.map_or_else(|| shared.config.http.to_string(), str::to_owned);
    let watch = format!("{scheme}://{host}/r/{}", made.room.slug);
    let rtmp = format!("rtmp://{}/live", reached(shared.addresses.rtmp, asked));
    let srt = reached(shared.addresses.srt, asked);
    let srt = format!("srt://{srt}?streamid=publish:{}", made.stream_key);
    KeyAnswer { room: made.room.slug, stream_key: made.stream_key, rtmp, srt, watch }
}

/// Where publishers connect; the stream key follows it.
pub(crate) fn rtmp_url(address: SocketAddr) -> String {
    format!("rtmp://{}/live", shown(address))
}

/// Where publishers connect over SRT, the stream key in it.
pub(crate) fn srt_url(address: SocketAddr, stream_key: &str) -> String {
    format!("srt://{}?streamid=publish:{stream_key}", shown(address))
}

/// An address that means "all of them" is shown as loopback.
pub(crate) fn shown(address: SocketAddr) -> SocketAddr {
    let mut shown = address;
    if address.ip().is_unspecified() {
        shown.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    }
    shown
}

/// Refuses a text that is too long: one that is cut in silence is not what was asked for.
pub(super) fn fits(text: Option<&str>, what: &str, chars_max: usize) -> Result<(), Problem> {
    if text.is_none_or(|text| text.trim().chars().take(chars_max + 1).count() <= chars_max) {
        return Ok(());
    }
    let detail = format!("{what}: expected at most {chars_max} characters");
    Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail))
}

/// JSON that is true now and not later.
pub(super) fn fresh<T: Serialize>(value: T) -> impl IntoResponse {
    ([(header::CACHE_CONTROL, "no-store")], Json(value))
}

/// Rooms of one broadcaster; an administrator may give more.
const ROOMS_MAX: usize = 50;
/// Messages in one answer.
const MESSAGES_MAX: usize = 100;

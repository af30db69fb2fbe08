//! What an owner says about a room, and the end of it.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use rooms::Name;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use super::access::Known;
use super::client_address::ClientAddress;
use super::description::RoomPath;
use super::object::Object;
use super::player_links;
use super::problem::Problem;
use super::rooms::{RoomAnswer, find, fits, fresh, managed};
use super::secure::Scheme;
use crate::accounts::AccountError;
use crate::clock::unix_ms;
use crate::secret::{self, Digest};
use crate::state::{self, Shared};
use crate::store::{RoomChange, RoomRecord, RoomSettings, SecondPublisher, Visibility};

/// What is to change; what is missing stays, and `null` takes away.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeRoom {
    record: Option<bool>,
    title: Option<String>,
    description: Option<String>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    language: Option<Option<String>>,
    tags: Option<Vec<String>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<i64>, minimum = 0)]
    next_at_ms: Option<Option<i64>>,
    visibility: Option<Visibility>,
    /// Of a private room.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    password: Option<Option<String>>,
    /// Players at a time.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<u32>, minimum = 1)]
    viewer_limit: Option<Option<u32>>,
    second_publisher: Option<SecondPublisher>,
    /// An archived room takes no publishers and stands in no list; its recordings stay.
    archived: Option<bool>,
    /// Who belongs to the class, by name: attendance then says who is missing. An empty list is none.
    #[schema(max_items = 500)]
    roster: Option<Vec<String>>,
}

/// What everybody in the room may know of it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SettingsView {
    description: String,
    #[schema(required)]
    language: Option<String>,
    tags: Vec<String>,
    /// When the next broadcast is planned.
    #[schema(required)]
    next_at_ms: Option<i64>,
    visibility: Visibility,
    /// Players at a time.
    #[schema(required)]
    viewer_limit: Option<u32>,
    /// Since when it takes no publishers and stands in no list; `null` while it is in use.
    #[schema(required)]
    archived_at_ms: Option<i64>,
    /// For its owner and admins.
    #[serde(skip_serializing_if = "Option::is_none")]
    second_publisher: Option<SecondPublisher>,
    /// When the picture that its owner gave it was made.
    #[schema(required)]
    picture_at_ms: Option<i64>,
    /// Who belongs to the class; for its owner and admins.
    #[serde(skip_serializing_if = "Option::is_none")]
    roster: Option<Vec<String>>,
    /// Whether it has a password, and a link; for its owner and admins.
    #[serde(skip_serializing_if = "Option::is_none")]
    has_password: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    has_link: Option<bool>,
}

/// A link that was just made: the only answer that holds it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RoomLink)]
pub(crate) struct LinkAnswer {
    /// For people.
    link: String,
    /// For players that take no cookie: signed, and good for a week.
    playlist: String,
    /// Until when a player may begin with `playlist`.
    playlist_expires_at_ms: i64,
}

impl SettingsView {
    pub(super) fn of(settings: RoomSettings, managed: bool) -> SettingsView {
        let RoomSettings { description, language, tags, next_at_ms, visibility, viewer_limit, .. } = settings;
        let RoomSettings { archived_at_ms, picture_at_ms, second_publisher, roster, .. } = settings;
        let (has_password, has_link) = (settings.has_password, settings.has_link);
        let (has_password, has_link) = (managed.then_some(has_password), managed.then_some(has_link));
        SettingsView {
            description,
            language,
            tags,
            next_at_ms,
            visibility,
            viewer_limit,
            archived_at_ms,
            second_publisher: managed.then_some(second_publisher),
            picture_at_ms,
            roster: managed.then_some(roster),
            has_password,
            has_link,
        }
    }
}

/// Change a room.
///
/// What is missing stays, and `null` takes away.
#[utoipa::path(
    patch,
    path = "/api/v1/rooms/{room}",
    tag = "rooms",
    params(RoomPath),
    request_body = ChangeRoom,
    responses(
        (status = 200, description = "The room as it is now.", body = RoomAnswer),
        (
            status = 400,
            description = "A value is out of its limits; `password_too_short`, `password_too_long`: so is the password.",
        ),
        (status = 403, description = "The room is somebody else's."),
        (status = 503, description = "`busy`: too many passwords are being checked."),
    ),
)]
pub(crate) async fn change(
    State(shared): State<Arc<Shared>>,
    Path(slug): Path<String>,
    Known(identity): Known,
    body: Result<Object<ChangeRoom>, Problem>,
) -> Result<impl IntoResponse, Problem> {
    let room = managed(&shared, &slug, &identity).await?;
    let Object(asked) = body?;
    let (wanted, archived) = (asked.record, asked.archived);
    let change = asked.checked(&shared, &room).await?;
    shared.store.change_room(room.id, change).await?;
    shared.refresh_gates().await?;
    if let Some(wanted) = wanted {
        shared.store.set_recorded(room.slug.clone(), wanted).await?;
        if let Some(stream) = shared.streams.get(&room.slug) {
            stream.record(wanted);
        }
    }
    if archived == Some(true)
        && let Some(stream) = shared.streams.get(&room.slug)
    {
        stream.end();
    }
    shared.people.describe_again(&shared.store).await?;
    tracing::info!(room = %room.slug, "room changed");
    let room = find(&shared, &slug).await?;
    Ok(fresh(super::rooms::answer_with_settings(&shared, &room, Some(&identity)).await?))
}

/// Make another link into a private room.
///
/// The one before opens it no more, nor do links for players that were given out.
#[utoipa::path(
    post,
    path = "/api/v1/rooms/{room}/link",
    tag = "rooms",
    params(RoomPath),
    responses(
        (status = 201, description = "The only answer that holds the link.", body = LinkAnswer),
        (status = 403, description = "The room is somebody else's."),
        (status = 429, description = "`too_many_requests`: too many secrets were made from this address."),
    ),
)]
pub(crate) async fn make_link(
    State(shared): State<Arc<Shared>>,
    Path(slug): Path<String>,
    Known(identity): Known,
    ClientAddress(address): ClientAddress,
    scheme: Scheme,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Problem> {
    let room = managed(&shared, &slug, &identity).await?;
    shared.accounts.quotas.make_secret(address).map_err(Problem::too_many)?;
    let code = secret::random();
    shared.store.set_room_link(room.id, Some(Digest::of(&code))).await?;
    shared.refresh_gates().await?;
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.map_or_else(|| shared.addresses.http.to_string(), str::to_owned);
    let signed = player_links::make(&shared, &room, player_links::HOURS).await?;
    let (scheme, slug) = (scheme.0, room.slug);
    let link = format!("{scheme}://{host}/r/{slug}#{code}");
    let playlist = format!("{scheme}://{host}{}", signed.path);
    let answer = LinkAnswer { link, playlist, playlist_expires_at_ms: signed.expires_at_ms };
    Ok((StatusCode::CREATED, fresh(answer)))
}

/// Delete a room.
///
/// Its messages, its recordings and its uploaded files go with it.
#[utoipa::path(
    delete,
    path = "/api/v1/rooms/{room}",
    tag = "rooms",
    params(RoomPath),
    responses(
        (status = 204, description = "It is gone."),
        (status = 403, description = "The room is somebody else's."),
        (status = 409, description = "It is live: end the broadcast first."),
    ),
)]
pub(crate) async fn remove(
    State(shared): State<Arc<Shared>>,
    Path(slug): Path<String>,
    Known(identity): Known,
) -> Result<StatusCode, Problem> {
    let room = managed(&shared, &slug, &identity).await?;
    let mut recordings = shared.store.recordings_of(room.id).await?;
    let on_air = shared.streams.status(&room.slug).state != rooms::frame::State::Offline;
    if on_air || recordings.iter().any(|recording| shared.recordings.grows(recording)) {
        return Err(Problem::new(StatusCode::CONFLICT, "the room is live: end the broadcast first"));
    }
    // A list holds the newest only, and what it leaves out would keep its files.
    while !recordings.is_empty() {
        for recording in recordings {
            shared.recordings.remove(&recording).await?;
        }
        recordings = shared.store.recordings_of(room.id).await?;
    }
    for upload in shared.store.uploads_of(room.id).await? {
        shared.uploads.remove(&upload).await?;
    }
    // First those who are in it: what they write must not come after the room, and who takes its name is others' host.
    shared.people.close(&room.slug).await;
    shared.store.delete_room(room.slug.clone()).await?;
    shared.people.close(&room.slug).await;
    shared.streams.forget(&room.slug);
    shared.gates.forget(&room.slug);
    shared.refresh_gates().await?;
    tracing::info!(room = %room.slug, "room deleted");
    Ok(StatusCode::NO_CONTENT)
}

impl ChangeRoom {
    /// What is stored of it, when all of it may be.
    async fn checked(self, shared: &Shared, room: &RoomRecord) -> Result<RoomChange, Problem> {
        let bad = |detail: String| Err(Problem::bad_request(detail));
        fits(self.title.as_deref(), "title", state::TITLE_CHARS_MAX)?;
        fits(self.description.as_deref(), "description", DESCRIPTION_CHARS_MAX)?;
        if self.language.iter().flatten().any(|language| !is_language(language)) {
            return bad("language: expected a tag such as en or zh-CN".to_owned());
        }
        if self.next_at_ms.iter().flatten().any(|at_ms| !(0..=TIME_MS_MAX).contains(at_ms)) {
            return bad("next_at_ms: expected Unix time in milliseconds".to_owned());
        }
        if self.viewer_limit == Some(Some(0)) {
            return bad("viewer_limit is 0: expected 1 or more, or null for none".to_owned());
        }
        let tags = self.tags.map(|tags| clean_list(tags, "tags", TAGS_MAX, TAG_CHARS_MAX)).transpose()?;
        let roster =
            self.roster.map(|names| clean_list(names, "roster", ROSTER_MAX, Name::CHARS_MAX)).transpose()?;
        let password = match self.password {
            Some(Some(password)) => {
                let hashed = shared.accounts.hashing.hash(password).await;
                Some(Some(hashed.map_err(AccountError::from)?))
            }
            Some(None) => Some(None),
            None => None,
        };
        Ok(RoomChange {
            title: self.title.map(|title| state::title(Some(&title), &room.slug)),
            description: self.description.map(|text| clean(&text, DESCRIPTION_CHARS_MAX)),
            language: self.language,
            tags,
            next_at_ms: self.next_at_ms,
            visibility: self.visibility,
            password,
            viewer_limit: self.viewer_limit,
            second_publisher: self.second_publisher,
            archived_at_ms: self.archived.map(|archived| archived.then(unix_ms)),
            roster,
            changed_at_ms: unix_ms(),
        })
    }
}

/// Tells `null` from nothing.
pub(super) fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    value: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(value).map(Some)
}

/// A BCP 47 tag by its shape; which of them there are is for the pages.
fn is_language(tag: &str) -> bool {
    let subtag =
        |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    tag.len() <= 35
        && tag.split('-').all(subtag)
        && tag.as_bytes().first().is_some_and(u8::is_ascii_alphabetic)
}

/// Each word once, and none that is empty.
fn clean_list(raw: Vec<String>, what: &str, max: usize, chars_max: usize) -> Result<Vec<String>, Problem> {
    if raw.len() > max {
        return Err(Problem::bad_request(format!("{what}: expected at most {max}")));
    }
    let mut words: Vec<String> = Vec::new();
    for word in &raw {
        let word = clean(word, chars_max);
        if !word.is_empty() && !words.contains(&word) {
            words.push(word);
        }
    }
    Ok(words)
}

/// Trimmed, without controls other than line ends and without marks that turn the text around, and not too long.
fn clean(raw: &str, chars_max: usize) -> String {
    let kept = raw.trim().chars().filter_map(|character| match character {
        '\n' => Some('\n'),
        other => ::rooms::visible(other),
    });
    kept.take(chars_max).collect()
}

/// Code points of a description.
const DESCRIPTION_CHARS_MAX: usize = 2_000;
/// Tags of a room, and code points of one.
const TAGS_MAX: usize = 10;
const TAG_CHARS_MAX: usize = 30;
/// Names of a class: as many as its host can still have in view.
const ROSTER_MAX: usize = 500;
/// The year 9999, the last that every library can show.
const TIME_MS_MAX: i64 = 253_402_300_799_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_are_tags() {
        for good in ["en", "zh-CN", "sr-Latn-RS"] {
            assert!(is_language(good), "{good}");
        }
        for bad in ["", "-", "en_US", "12", "en-", "english language", &"a-".repeat(30)] {
            assert!(!is_language(bad), "{bad}");
        }
    }

    #[test]
    fn tags_are_cleaned_and_counted() {
        let words = vec![" chess ".to_owned(), "chess".to_owned(), "\u{0}".to_owned()];
        let tags = clean_list(words, "tags", TAGS_MAX, TAG_CHARS_MAX).unwrap();
        assert_eq!(tags, ["chess"]);
        let many = (0..20).map(|number| number.to_string()).collect();
        assert!(clean_list(many, "tags", TAGS_MAX, TAG_CHARS_MAX).is_err());
    }
}

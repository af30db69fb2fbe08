//! What an owner says about a room, and who may come in.

use std::collections::HashMap;

use ::rooms::Slug;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Store, StoreError};
use crate::player_link::LinkKey;
use crate::secret::Digest;

/// Who finds a room and may come in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Visibility {
    /// Everybody; it stands in the list.
    #[default]
    Public,
    /// Whoever knows its address.
    Unlisted,
    /// Whoever has its password or its link.
    Private,
}

/// What an owner says about a room.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RoomSettings {
    pub(crate) description: String,
    /// BCP 47.
    pub(crate) language: Option<String>,
    pub(crate) tags: Vec<String>,
    /// When the next broadcast is planned, Unix time in milliseconds.
    pub(crate) next_at_ms: Option<i64>,
    pub(crate) visibility: Visibility,
    pub(crate) has_password: bool,
    pub(crate) has_link: bool,
    /// Players at a time.
    pub(crate) viewer_limit: Option<u32>,
    pub(crate) second_publisher: SecondPublisher,
    /// Since when it rests.
    pub(crate) archived_at_ms: Option<i64>,
    /// When its picture was made.
    pub(crate) picture_at_ms: Option<i64>,
    /// Who belongs to its class, by name; empty for nobody in particular.
    pub(crate) roster: Vec<String>,
}

/// What becomes of somebody who publishes with the key while another does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SecondPublisher {
    /// The one before is sent away.
    #[default]
    TakesOver,
    /// Nobody is let in beside the one before.
    Refused,
}

/// What of a room is to change; `None` leaves it.
#[derive(Clone, Debug, Default)]
pub(crate) struct RoomChange {
    pub(crate) title: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) language: Option<Option<String>>,
    pub(crate) tags: Option<Vec<String>>,
    pub(crate) next_at_ms: Option<Option<i64>>,
    pub(crate) visibility: Option<Visibility>,
    /// argon2id in PHC form.
    pub(crate) password: Option<Option<String>>,
    pub(crate) viewer_limit: Option<Option<u32>>,
    pub(crate) second_publisher: Option<SecondPublisher>,
    /// Since when it rests; `Some(None)` takes it back into use.
    pub(crate) archived_at_ms: Option<Option<i64>>,
    pub(crate) roster: Option<Vec<String>>,
    /// When this change is made.
    pub(crate) changed_at_ms: i64,
}

/// What keeps people out of a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lock {
    pub(crate) slug: Slug,
    pub(crate) private: bool,
    /// argon2id in PHC form.
    pub(crate) password: Option<String>,
    pub(crate) link: Option<Digest>,
    /// What its links that hold for a time are signed with.
    pub(crate) link_key: Option<LinkKey>,
    pub(crate) viewer_limit: Option<u32>,
}

impl Visibility {
    fn as_str(self) -> &'static str {
        match self {
            Visibility::Public => "public",
            Visibility::Unlisted => "unlisted",
            Visibility::Private => "private",
        }
    }

    fn from_stored(text: &str) -> Option<Visibility> {
        let all = [Visibility::Public, Visibility::Unlisted, Visibility::Private];
        all.into_iter().find(|visibility| visibility.as_str() == text)
    }
}

impl Store {
    /// The settings of all rooms, by number.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn all_room_settings(&self) -> Result<HashMap<i64, RoomSettings>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(SELECT)?;
            let rows = statement.query_map([], settings)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// The settings of one room.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn room_settings(&self, room: i64) -> Result<RoomSettings, StoreError> {
        self.read(move |connection| {
            let sql = format!("{SELECT} where id = ?1");
            let found = connection.query_row(&sql, [room], settings).optional()?;
            Ok(found.map(|(_, settings)| settings).unwrap_or_default())
        })
        .await
    }

    /// Changes what is said about a room.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn change_room(&self, room: i64, change: RoomChange) -> Result<(), StoreError> {
        self.write(move |connection| update(connection, room, &change)).await
    }

    /// Gives a room another link, or takes it away. Links for players end with the one before.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn set_room_link(&self, room: i64, link: Option<Digest>) -> Result<(), StoreError> {
        self.write(move |connection| {
            let link = link.map(|digest| digest.0);
            let sql = "update rooms set link_digest = ?2, link_key = null where id = ?1";
            connection.execute(sql, params![room, link])?;
            Ok(())
        })
        .await
    }

    /// The rooms that not everybody may watch just like that.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn locks(&self) -> Result<Vec<Lock>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "select slug, visibility = 'private', password, link_digest, link_key,
                        viewer_limit from rooms
                 where visibility = 'private' or viewer_limit is not null",
            )?;
            let rows = statement.query_map([], |row| {
                let link: Option<[u8; 32]> = row.get(3)?;
                let link_key: Option<[u8; 32]> = row.get(4)?;
                let (link, link_key) = (link.map(Digest), link_key.map(LinkKey));
                Ok((row.get::<_, String>(0)?, row.get(1)?, row.get(2)?, link, link_key, row.get(5)?))
            })?;
            rows.map(|row| {
                let (slug, private, password, link, link_key, viewer_limit) = row?;
                let slug =
                    slug.parse().map_err(|_| StoreError::Value { column: "rooms.slug", found: slug })?;
                Ok(Lock { slug, private, password, link, link_key, viewer_limit })
            })
            .collect()
        })
        .await
    }

    /// Removes a room with everything that was said in it. Its recordings' files are the caller's to remove before.
    ///
    /// # Errors
    /// [`StoreError::Missing`].
    pub(crate) async fn delete_room(&self, slug: Slug) -> Result<(), StoreError> {
        let deleted = self
            .write(move |connection| {
                match connection.execute("delete from rooms where slug = ?1", [slug.as_str()])? {
                    0 => Err(StoreError::Missing { what: "room", name: slug.to_string() }),
                    _ => Ok(()),
                }
            })
            .await;
        self.reload_keys().await?;
        deleted
    }
}

fn update(connection: &Connection, room: i64, change: &RoomChange) -> Result<(), StoreError> {
    let json = |words: &Vec<String>| serde_json::to_string(words).expect("a list of plain words");
    let (tags, roster) = (change.tags.as_ref().map(json), change.roster.as_ref().map(json));
    connection.execute(
        "update rooms set title = coalesce(?2, title), description = coalesce(?3, description),
                language = iif(?4, ?5, language), tags = coalesce(?6, tags),
                next_at_ms = iif(?7, ?8, next_at_ms), visibility = coalesce(?9, visibility),
                password = iif(?10, ?11, password), link_key = iif(?10, null, link_key),
                viewer_limit = iif(?12, ?13, viewer_limit),
                refuse_second = coalesce(?14, refuse_second),
                archived_at_ms = iif(?15, ?16, archived_at_ms), changed_at_ms = ?17,
                roster = coalesce(?18, roster)
         where id = ?1",
        params![
            room,
            change.title,
            change.description,
            change.language.is_some(),
            change.language.clone().flatten(),
            tags,
            change.next_at_ms.is_some(),
            change.next_at_ms.flatten(),
            change.visibility.map(Visibility::as_str),
            change.password.is_some(),
            change.password.clone().flatten(),
            change.viewer_limit.is_some(),
            change.viewer_limit.flatten(),
            change.second_publisher.map(|second| second == SecondPublisher::Refused),
            change.archived_at_ms.is_some(),
            change.archived_at_ms.flatten(),
            change.changed_at_ms,
            roster
        ],
    )?;
    Ok(())
}

fn settings(row: &Row<'_>) -> Result<(i64, RoomSettings), rusqlite::Error> {
    let words = |column: usize| {
        let stored: String = row.get(column)?;
        serde_json::from_str::<Vec<String>>(&stored).map_err(|error| {
            rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(error))
        })
    };
    let visibility: String = row.get(5)?;
    let settings = RoomSettings {
        description: row.get(1)?,
        language: row.get(2)?,
        tags: words(3)?,
        next_at_ms: row.get(4)?,
        visibility: Visibility::from_stored(&visibility).ok_or(rusqlite::Error::InvalidQuery)?,
        has_password: row.get(6)?,
        has_link: row.get(7)?,
        viewer_limit: row.get(8)?,
        second_publisher: match row.get(9)? {
            true => SecondPublisher::Refused,
            false => SecondPublisher::TakesOver,
        },
        archived_at_ms: row.get(10)?,
        picture_at_ms: row.get(11)?,
        roster: words(12)?,
    };
    Ok((row.get(0)?, settings))
}

const SELECT: &str = "select id, description, language, tags, next_at_ms, visibility, password is not null,
                             link_digest is not null, viewer_limit, refuse_second, archived_at_ms,
                             (select made_at_ms from room_pictures where room = rooms.id), roster from rooms";

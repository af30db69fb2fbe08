//! Rooms and their stream keys.

use std::sync::Arc;

use ::rooms::Slug;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::accounts::first_admin;
use super::{Store, StoreError};
use crate::secret::Digest;

/// A room as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomRecord {
    /// Its number in the database.
    pub id: i64,
    /// Its name in URLs.
    pub slug: Slug,
    /// Its name for people.
    pub title: String,
    /// The owner's account name.
    pub owner: Option<String>,
    /// The owner's account.
    pub owner_id: Option<i64>,
    /// The stream key's last four characters.
    pub key_last_four: String,
    /// Identifies its log.
    pub epoch: String,
    /// Whether its broadcasts are recorded.
    pub record: bool,
}

/// A room to be.
#[derive(Clone, Debug)]
pub struct NewRoom {
    /// Its name in URLs.
    pub slug: Slug,
    /// Its name for people.
    pub title: String,
    /// The owner's account name; `None` means the first admin, or whoever becomes it.
    pub owner: Option<String>,
    /// Whether its broadcasts are recorded.
    pub record: bool,
}

impl Store {
    /// Makes a room whose publishers bring `stream_key`.
    ///
    /// # Errors
    /// [`StoreError::Exists`] for the slug, [`StoreError::Missing`] for the owner.
    pub async fn create_room(
        &self,
        new: NewRoom,
        stream_key: String,
        now_ms: i64,
    ) -> Result<RoomRecord, StoreError> {
        let epoch = crate::secret::random();
        let keys = Arc::clone(&self.inner.keys);
        let made = self.write(move |connection| {
            if find(connection, &new.slug)?.is_some() {
                return Err(StoreError::Exists { what: "room", name: new.slug.to_string() });
            }
            let owner = match &new.owner {
                Some(name) => Some(account_id(connection, name)?),
                None => first_admin(connection)?,
            };
            connection.execute(
                "insert into rooms (id, slug, title, owner, key_digest, key_last_four, epoch, created_at_ms, record)
                 values ((select max(coalesce((select max(id) from rooms), 0), id) + 1 from last_room),
                         ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                params![
                    new.slug.as_str(),
                    new.title,
                    owner,
                    Digest::of(&stream_key).0,
                    last_four(&stream_key),
                    epoch,
                    now_ms,
                    new.record
                ],
            )?;
            keys.replace(&new.slug, Digest::of(&stream_key));
            find(connection, &new.slug)?
                .ok_or_else(|| StoreError::Missing { what: "room", name: new.slug.to_string() })
        });
        self.with_right_keys(made.await).await
    }

    /// Gives a room another stream key; the one before admits nobody any more.
    ///
    /// # Errors
    /// [`StoreError::Missing`].
    pub async fn rotate_key(&self, slug: Slug, stream_key: String) -> Result<RoomRecord, StoreError> {
        let keys = Arc::clone(&self.inner.keys);
        let changed = self.write(move |connection| {
            connection.execute(
                "update rooms set key_digest = ?2, key_last_four = ?3 where slug = ?1",
                params![slug.as_str(), Digest::of(&stream_key).0, last_four(&stream_key)],
            )?;
            let room = find(connection, &slug)?
                .ok_or_else(|| StoreError::Missing { what: "room", name: slug.to_string() })?;
            keys.replace(&slug, Digest::of(&stream_key));
            Ok(room)
        });
        self.with_right_keys(changed.await).await
    }

    /// The answer to a change of keys; when it failed, the keys in memory are read anew.
    async fn with_right_keys(
        &self,
        changed: Result<RoomRecord, StoreError>,
    ) -> Result<RoomRecord, StoreError> {
        if changed.is_err() {
            self.reload_keys().await?;
        }
        changed
    }

    /// The room called `slug`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn room(&self, slug: Slug) -> Result<Option<RoomRecord>, StoreError> {
        self.read(move |connection| find(connection, &slug)).await
    }

    /// All rooms, by name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn rooms(&self) -> Result<Vec<RoomRecord>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(&format!("{SELECT} order by slug"))?;
            let rows = statement.query_map([], raw)?;
            rows.map(|row| record(row?)).collect()
        })
        .await
    }

    /// The room that a stream key with this digest admits to.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn room_of_key(&self, digest: Digest) -> Result<Option<RoomRecord>, StoreError> {
        self.read(move |connection| {
            let sql = format!("{SELECT} where key_digest = ?1");
            connection.query_row(&sql, [digest.0], raw).optional()?.map(record).transpose()
        })
        .await
    }

    /// The rooms an account owns, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn rooms_of(&self, account: i64) -> Result<Vec<Slug>, StoreError> {
        self.read(move |connection| {
            let mut statement =
                connection.prepare_cached("select slug from rooms where owner = ?1 order by id")?;
            let rows = statement.query_map([account], |row| row.get::<_, String>(0))?;
            rows.map(|slug| {
                let slug = slug?;
                slug.parse().map_err(|_| StoreError::Value { column: "rooms.slug", found: slug })
            })
            .collect()
        })
        .await
    }

    /// The first room of an account.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn first_room_of(&self, account: i64) -> Result<Option<RoomRecord>, StoreError> {
        self.read(move |connection| {
            let sql = format!("{SELECT} where rooms.owner = ?1 order by rooms.id limit 1");
            connection.query_row(&sql, [account], raw).optional()?.map(record).transpose()
        })
        .await
    }
}

fn find(connection: &Connection, slug: &Slug) -> Result<Option<RoomRecord>, StoreError> {
    let sql = format!("{SELECT} where slug = ?1");
    connection.query_row(&sql, [slug.as_str()], raw).optional()?.map(record).transpose()
}

fn account_id(connection: &Connection, name: &str) -> Result<i64, StoreError> {
    connection
        .query_row("select id from accounts where name_folded = ?1", [::rooms::fold(name)], |row| row.get(0))
        .optional()?
        .ok_or_else(|| StoreError::Missing { what: "account", name: name.to_owned() })
}

pub(super) type Raw = (i64, String, String, Option<String>, String, String, bool, Option<i64>);

pub(super) fn raw(row: &Row<'_>) -> Result<Raw, rusqlite::Error> {
    Ok((
        row.get(0)?,
        row.get(1)?,
        row.get(2)?,
        row.get(3)?,
        row.get(4)?,
        row.get(5)?,
        row.get(6)?,
        row.get(7)?,
    ))
}

pub(super) fn record(
    (id, slug, title, owner, key_last_four, epoch, record, owner_id): Raw,
) -> Result<RoomRecord, StoreError> {
    let slug = slug.parse().map_err(|_| StoreError::Value { column: "rooms.slug", found: slug })?;
    Ok(RoomRecord { id, slug, title, owner, owner_id, key_last_four, epoch, record })
}

fn last_four(key: &str) -> &str {
    key.get(key.len().saturating_sub(4)..).unwrap_or_default()
}

pub(super) const SELECT: &str =
    "select rooms.id, slug, title, accounts.name, key_last_four, epoch, record, rooms.owner
                      from rooms left join accounts on accounts.id = rooms.owner";

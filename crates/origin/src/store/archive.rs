//! Rooms that rest: nobody publishes to them, and no list holds them.

use ::rooms::Slug;
use rusqlite::params;

use super::{Store, StoreError};
use crate::doors::Door;

impl Store {
    /// The rooms that do not take every publisher who has the key.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn doors(&self) -> Result<Vec<(Slug, Door)>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "select slug, archived_at_ms is not null, refuse_second from rooms
                 where archived_at_ms is not null or refuse_second = 1",
            )?;
            let rows = statement.query_map([], |row| {
                let door = Door { archived: row.get(1)?, refuses_second: row.get(2)? };
                Ok((row.get::<_, String>(0)?, door))
            })?;
            rows.map(|row| {
                let (slug, door) = row?;
                Ok((slug_of(slug)?, door))
            })
            .collect()
        })
        .await
    }

    /// Rooms in use that nothing happened to since `before_ms`: no line in their logs (what was said, done and
    /// broadcast) and no change by their owners.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn unused_rooms(&self, before_ms: i64) -> Result<Vec<Slug>, StoreError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "select slug from rooms
                 where archived_at_ms is null and created_at_ms < ?1 and changed_at_ms < ?1
                   and coalesce((select at_ms from log where room = rooms.id order by seq desc limit 1), 0) < ?1",
            )?;
            let rows = statement.query_map([before_ms], |row| row.get::<_, String>(0))?;
            rows.map(|slug| slug_of(slug?)).collect()
        })
        .await
    }

    /// Archives a room that is in use.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn archive_room(&self, slug: Slug, now_ms: i64) -> Result<(), StoreError> {
        self.write(move |connection| {
            connection.execute(
                "update rooms set archived_at_ms = ?2 where slug = ?1 and archived_at_ms is null",
                params![slug.as_str(), now_ms],
            )?;
            Ok(())
        })
        .await
    }
}

fn slug_of(text: String) -> Result<Slug, StoreError> {
    text.parse().map_err(|_| StoreError::Value { column: "rooms.slug", found: text })
}

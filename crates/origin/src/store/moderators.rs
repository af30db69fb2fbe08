//! Who keeps order in a room besides its owner.

use rusqlite::params;

use super::{Store, StoreError};

impl Store {
    /// Whether an account moderates a room.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn is_moderator(&self, room: i64, account: i64) -> Result<bool, StoreError> {
        self.read(move |connection| {
            let sql = "select exists (select 1 from moderators where room = ?1 and account = ?2)";
            Ok(connection.query_row(sql, [room, account], |row| row.get(0))?)
        })
        .await
    }

    /// The moderators of a room, by name: number and name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn moderators(&self, room: i64) -> Result<Vec<(i64, String)>, StoreError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "select accounts.id, accounts.name from moderators join accounts on accounts.id = account
                 where room = ?1 order by name_folded",
            )?;
            let rows = statement.query_map([room], |row| Ok((row.get(0)?, row.get(1)?)))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Makes an account a moderator of a room, or ends that.
    ///
    /// # Errors
    /// [`StoreError::TooMany`] when the room has [`MODERATORS_MAX`].
    pub(crate) async fn set_moderator(
        &self,
        room: i64,
        account: i64,
        moderates: bool,
    ) -> Result<(), StoreError> {
        self.write(move |connection| {
            if !moderates {
                let sql = "delete from moderators where room = ?1 and account = ?2";
                connection.execute(sql, [room, account])?;
                return Ok(());
            }
            let sql = "select count(*) from moderators where room = ?1";
            let count: i64 = connection.query_row(sql, [room], |row| row.get(0))?;
            if count >= MODERATORS_MAX {
                return Err(StoreError::TooMany { what: "moderators", max: MODERATORS_MAX });
            }
            let sql = "insert into moderators (room, account) values (?1, ?2) on conflict do nothing";
            connection.execute(sql, params![room, account])?;
            Ok(())
        })
        .await
    }
}

/// Moderators of a room.
const MODERATORS_MAX: i64 = 100;

//! Who follows which room.

use std::collections::HashSet;

use rusqlite::params;

use super::rooms::{SELECT, raw, record};
use super::{RoomRecord, Store, StoreError};

impl Store {
    /// An account follows a room from now on, or no more. Doing it again changes nothing.
    ///
    /// # Errors
    /// [`StoreError::TooMany`] when it follows [`FOLLOWED_MAX`].
    pub(crate) async fn set_follower(
        &self,
        room: i64,
        account: i64,
        since_ms: Option<i64>,
    ) -> Result<(), StoreError> {
        self.write(move |connection| {
            let Some(since_ms) = since_ms else {
                let sql = "delete from followers where account = ?1 and room = ?2";
                connection.execute(sql, [account, room])?;
                return Ok(());
            };
            let sql = "select count(*) from followers where account = ?1 and room <> ?2";
            let count: i64 = connection.query_row(sql, [account, room], |row| row.get(0))?;
            if count >= FOLLOWED_MAX {
                return Err(StoreError::TooMany { what: "rooms that you follow", max: FOLLOWED_MAX });
            }
            connection.execute(
                "insert into followers (account, room, since_ms) values (?1, ?2, ?3) on conflict do nothing",
                params![account, room, since_ms],
            )?;
            Ok(())
        })
        .await
    }

    /// Whether an account follows a room.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn follows(&self, room: i64, account: i64) -> Result<bool, StoreError> {
        self.read(move |connection| {
            let sql = "select exists (select 1 from followers where account = ?1 and room = ?2)";
            Ok(connection.query_row(sql, [account, room], |row| row.get(0))?)
        })
        .await
    }

    /// The numbers of the rooms that an account follows.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn followed_ids(&self, account: i64) -> Result<HashSet<i64>, StoreError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached("select room from followers where account = ?1")?;
            let rows = statement.query_map([account], |row| row.get(0))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// The rooms that an account follows, the one followed last first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn followed_rooms(&self, account: i64) -> Result<Vec<RoomRecord>, StoreError> {
        self.read(move |connection| {
            let sql = format!(
                "{SELECT} join followers on followers.room = rooms.id where followers.account = ?1
                 order by followers.since_ms desc, rooms.id desc"
            );
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement.query_map([account], raw)?;
            rows.map(|row| record(row?)).collect()
        })
        .await
    }

    /// How many follow a room.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn follower_count(&self, room: i64) -> Result<u32, StoreError> {
        self.read(move |connection| {
            let sql = "select count(*) from followers where room = ?1";
            Ok(connection.query_row(sql, [room], |row| row.get(0))?)
        })
        .await
    }
}

/// Rooms that one account follows: a bound on what its home page reads.
const FOLLOWED_MAX: i64 = 500;

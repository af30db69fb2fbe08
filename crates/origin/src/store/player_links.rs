//! What the links into private rooms that hold for a time are signed with.

use rusqlite::params;

use super::{Store, StoreError};
use crate::player_link::LinkKey;

impl Store {
    /// The room's key; a new one when it has none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn link_key(&self, room: i64) -> Result<LinkKey, StoreError> {
        let fresh = LinkKey::random();
        self.write(move |connection| {
            let sql = "update rooms set link_key = coalesce(link_key, ?2) where id = ?1 returning link_key";
            Ok(connection.query_row(sql, params![room, fresh.0], |row| row.get(0).map(LinkKey))?)
        })
        .await
    }

    /// Ends all links that were signed for a room.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn end_player_links(&self, room: i64) -> Result<(), StoreError> {
        self.write(move |connection| {
            connection.execute("update rooms set link_key = null where id = ?1", [room])?;
            Ok(())
        })
        .await
    }
}

//! The pictures that rooms show while they are not live.

use rusqlite::{OptionalExtension as _, params};

use super::{Store, StoreError};

impl Store {
    /// A room's picture, JPEG, and when it was made.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn room_picture(&self, room: i64) -> Result<Option<(i64, Vec<u8>)>, StoreError> {
        self.read(move |connection| {
            let sql = "select made_at_ms, jpeg from room_pictures where room = ?1";
            let found = connection.query_row(sql, [room], |row| Ok((row.get(0)?, row.get(1)?)));
            Ok(found.optional()?)
        })
        .await
    }

    /// Gives a room another picture, or takes it away. Answers whether there was one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn set_room_picture(
        &self,
        room: i64,
        jpeg: Option<Vec<u8>>,
        now_ms: i64,
    ) -> Result<bool, StoreError> {
        self.write(move |connection| {
            let had = connection.execute("delete from room_pictures where room = ?1", [room])? > 0;
            if let Some(jpeg) = jpeg {
                let sql = "insert into room_pictures (room, made_at_ms, jpeg) values (?1, ?2, ?3)";
                connection.execute(sql, params![room, now_ms, jpeg])?;
            }
            Ok(had)
        })
        .await
    }
}

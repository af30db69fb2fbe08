//! What can be given: the server's catalogue.

use ::rooms::{Gift, Slug};
use rusqlite::params;

use super::{Store, StoreError};

impl Store {
    /// The catalogue, cheapest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn gifts(&self) -> Result<Vec<Gift>, StoreError> {
        self.read(|connection| {
            let sql = "select id, name, name_zh, emoji, points from gifts order by points, id";
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map([], |row| {
                let id: String = row.get(0)?;
                Ok((id, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
            })?;
            let gift = |row: Result<(String, String, Option<String>, String, u32), rusqlite::Error>| {
                let (id, name, name_zh, emoji, points) = row?;
                let id = id.parse::<Slug>();
                let id = id.map_err(|_| StoreError::Value { column: "gifts.id", found: name.clone() })?;
                Ok(Gift { id, name, name_zh, emoji, points })
            };
            rows.map(gift).collect()
        })
        .await
    }

    /// Puts a gift into the catalogue, in place of another of its id.
    ///
    /// # Errors
    /// [`StoreError::TooMany`] when there are [`GIFTS_MAX`].
    pub(crate) async fn put_gift(&self, gift: Gift) -> Result<(), StoreError> {
        self.write(move |connection| {
            let sql = "select count(*) from gifts where id <> ?1";
            let others: i64 = connection.query_row(sql, [gift.id.as_str()], |row| row.get(0))?;
            if others >= GIFTS_MAX {
                return Err(StoreError::TooMany { what: "gifts", max: GIFTS_MAX });
            }
            connection.execute(
                "insert into gifts (id, name, name_zh, emoji, points) values (?1, ?2, ?3, ?4, ?5)
                 on conflict (id) do update set name = excluded.name, name_zh = excluded.name_zh,
                    emoji = excluded.emoji, points = excluded.points",
                params![gift.id.as_str(), gift.name, gift.name_zh, gift.emoji, gift.points],
            )?;
            Ok(())
        })
        .await
    }

    /// Takes a gift out of the catalogue; answers whether it was there. What was given stays.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn remove_gift(&self, id: Slug) -> Result<bool, StoreError> {
        self.write(move |connection| {
            Ok(connection.execute("delete from gifts where id = ?1", [id.as_str()])? == 1)
        })
        .await
    }
}

/// Gifts of a catalogue: as many as a picker shows without a search.
const GIFTS_MAX: i64 = 50;

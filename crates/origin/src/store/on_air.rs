//! Broadcasts that run: what is known of them, should the origin be killed.

use ::rooms::frame::NoticeCode;
use ::rooms::{Act, Audience, Deed, Entry, EntryBody};
use rusqlite::{Connection, params};

use super::log::{insert, json, parse};
use super::webhooks::announce_line;
use super::{Store, StoreError};

impl Store {
    /// Notes who watched the broadcast that runs in a room, so far.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn note_on_air(
        &self,
        room: i64,
        audience: Audience,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        self.write(move |connection| {
            let mut statement = connection.prepare_cached(
                "insert into on_air (room, at_ms, audience) values (?1, ?2, ?3)
                 on conflict (room) do update set at_ms = excluded.at_ms, audience = excluded.audience",
            )?;
            statement.execute(params![room, now_ms, json(&audience)])?;
            Ok(())
        })
        .await
    }

    /// Ends the broadcasts that an origin left which was killed, with what is known of them; answers how many.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn end_broken_broadcasts(&self) -> Result<usize, StoreError> {
        let (count, told) = self
            .write(|connection| {
                let mut statement = connection.prepare("select room, at_ms, audience from on_air")?;
                let rows = statement.query_map([], |row| {
                    Ok((row.get(0)?, row.get(1)?, parse(2, row.get_ref(2)?.as_str()?)?))
                })?;
                let broken = rows.collect::<Result<Vec<(i64, i64, Audience)>, _>>()?;
                let mut told = false;
                for &(room, noted_at_ms, audience) in &broken {
                    told |= end(connection, room, noted_at_ms, audience)?;
                }
                Ok((broken.len(), told))
            })
            .await?;
        if told {
            self.inner.announced.notify_one();
        }
        Ok(count)
    }
}

/// Writes the end of a broadcast behind the last line of its room. Answers whether anybody is told.
fn end(connection: &Connection, room: i64, noted_at_ms: i64, audience: Audience) -> Result<bool, StoreError> {
    let sql = "select coalesce(max(seq), 0), max(?2, coalesce(max(at_ms), 0)) from log where room = ?1";
    let (last, at_ms): (i64, i64) =
        connection.query_row(sql, params![room, noted_at_ms], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let last = u64::try_from(last).unwrap_or_default();
    let over = Deed { id: String::new(), by: None, act: Act::Broadcast(audience) };
    let lines = [EntryBody::Deed(over), EntryBody::Notice(NoticeCode::Offline)];
    let mut told = false;
    for (seq, body) in (last + 1..).zip(lines) {
        let entry = Entry { seq, at_ms, body };
        insert(connection, room, &entry)?;
        told |= announce_line(connection, room, &entry, false)?;
    }
    Ok(told)
}

/// A broadcast's end stands in the log: nothing need be known of it any more.
pub(super) fn ended(connection: &Connection, room: i64) -> Result<(), StoreError> {
    connection.prepare_cached("delete from on_air where room = ?1")?.execute([room])?;
    Ok(())
}

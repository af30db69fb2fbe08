//! What was said in rooms.

use ::rooms::frame::{NoticeCode, Person, Role};
use ::rooms::{Entry, EntryBody, Name, Text};
use rusqlite::types::Type;
use rusqlite::{Connection, Row, params};
use serde::de::DeserializeOwned;

use super::{Store, StoreError};

impl Store {
    /// Appends a line to a room's log; done when it is committed.
    ///
    /// # Errors
    /// [`StoreError`]; nothing was stored then.
    pub async fn append(&self, room: i64, entry: Entry) -> Result<(), StoreError> {
        self.write(move |connection| insert(connection, room, &entry)).await
    }

    /// The last `limit` lines of a room's log, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tail(&self, room: i64, limit: usize) -> Result<Vec<Entry>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.read(move |connection| {
            let sql = format!("{SELECT} where room = ?1 order by seq desc limit ?2");
            select(connection, &sql, &[&room, &limit])
        })
        .await
    }

    /// At most `limit` messages of a room before number `before`, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn messages_before(
        &self,
        room: i64,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        let before = before.map_or(i64::MAX, |seq| i64::try_from(seq).unwrap_or(i64::MAX));
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.read(move |connection| {
            let sql = format!(
                "{SELECT} where room = ?1 and seq < ?2 and kind = 'message' order by seq desc limit ?3"
            );
            select(connection, &sql, &[&room, &before, &limit])
        })
        .await
    }
}

/// At most `limit` messages after number `after` that were sent in `sent_ms`, the oldest first.
pub(super) fn messages_between(
    connection: &Connection,
    room: i64,
    after: u64,
    sent_ms: std::ops::Range<i64>,
    limit: usize,
) -> Result<Vec<Entry>, StoreError> {
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let sql = format!(
        "{SELECT} where room = ?1 and kind = 'message' and seq > ?5 and at_ms >= ?2 and at_ms < ?3
         order by seq limit ?4"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map(params![room, sent_ms.start, sent_ms.end, limit, after], entry)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn insert(connection: &Connection, room: i64, entry: &Entry) -> Result<(), StoreError> {
    let seq = i64::try_from(entry.seq).unwrap_or(i64::MAX);
    let mut statement = connection.prepare_cached(
        "insert into log (room, seq, at_ms, kind, sender_id, sender_name, sender_roles, own_id, text)
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?;
    match &entry.body {
        EntryBody::Message { id, from, text } => statement.execute(params![
            room,
            seq,
            entry.at_ms,
            "message",
            from.id,
            from.name.as_str(),
            json(&from.roles),
            id,
            text.as_str()
        ]),
        EntryBody::Notice(code) => {
            let nothing: Option<&str> = None;
            let code = json(code);
            statement.execute(params![
                room,
                seq,
                entry.at_ms,
                "notice",
                nothing,
                nothing,
                nothing,
                nothing,
                code.trim_matches('"')
            ])
        }
    }?;
    Ok(())
}

fn select(
    connection: &Connection,
    sql: &str,
    parameters: &[&dyn rusqlite::ToSql],
) -> Result<Vec<Entry>, StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(parameters, entry)?;
    let mut entries = rows.collect::<Result<Vec<Entry>, rusqlite::Error>>()?;
    entries.reverse();
    Ok(entries)
}

fn entry(row: &Row<'_>) -> Result<Entry, rusqlite::Error> {
    let seq: i64 = row.get(0)?;
    let text: String = row.get(7)?;
    let body = if row.get_ref(2)?.as_str()? == "message" {
        let name: String = row.get(4)?;
        let from = Person {
            id: row.get(3)?,
            name: Name::guest(&name).map_err(|error| unreadable(4, error))?,
            roles: parse::<Vec<Role>>(5, &row.get::<_, String>(5)?)?,
        };
        let text = Text::new(&text).map_err(|error| unreadable(7, error))?;
        EntryBody::Message { id: row.get(6)?, from, text }
    } else {
        EntryBody::Notice(parse::<NoticeCode>(7, &format!("\"{text}\""))?)
    };
    Ok(Entry { seq: u64::try_from(seq).unwrap_or_default(), at_ms: row.get(1)?, body })
}

fn parse<T: DeserializeOwned>(column: usize, text: &str) -> Result<T, rusqlite::Error> {
    serde_json::from_str(text).map_err(|error| unreadable(column, error))
}

fn unreadable(column: usize, error: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("roles and codes are plain words")
}

const SELECT: &str = "select seq, at_ms, kind, sender_id, sender_name, sender_roles, own_id, text from log";

//! Files that were uploaded to be broadcast.

use ::rooms::Slug;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::{Store, StoreError};
use crate::uploads::{Ended, FileFacts, State};

/// An uploaded file as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Upload {
    /// 32 hexadecimal digits.
    pub(crate) id: String,
    /// Its room's number.
    pub(crate) room: i64,
    /// Its room's name in URLs.
    pub(crate) slug: Slug,
    /// What the file was called where it came from.
    pub(crate) name: String,
    /// Of the whole file.
    pub(crate) bytes: u64,
    pub(crate) created_at_ms: i64,
    /// When bytes of it came last.
    pub(crate) heard_at_ms: i64,
    pub(crate) state: State,
    /// What was found in it; `None` before it was checked.
    pub(crate) facts: Option<FileFacts>,
    /// When it goes live, or went.
    pub(crate) live_at_ms: Option<i64>,
    /// Whether it begins anew at its end.
    pub(crate) repeat: bool,
    /// Why it is not live any more, or did not go live.
    pub(crate) ended: Option<Ended>,
    /// The same, or why it was refused, in words.
    pub(crate) note: Option<String>,
}

/// A file to come.
#[derive(Clone, Debug)]
pub(crate) struct NewUpload {
    pub(crate) id: String,
    pub(crate) room: i64,
    pub(crate) name: String,
    pub(crate) bytes: u64,
}

/// What a change of state says besides.
#[derive(Clone, Debug, Default)]
pub(crate) struct Change {
    /// Of the file, once it was checked.
    pub(crate) facts: Option<FileFacts>,
    /// When it goes live, and whether it begins anew at its end.
    pub(crate) live: Option<(i64, bool)>,
    pub(crate) ended: Option<Ended>,
    pub(crate) note: Option<String>,
}

impl Store {
    /// A file is announced.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn create_upload(&self, new: NewUpload, now_ms: i64) -> Result<(), StoreError> {
        self.write(move |connection| {
            connection.execute(
                "insert into uploads (id, room, name, bytes, created_at_ms, heard_at_ms, state, repeat)
                 values (?1, ?2, ?3, ?4, ?5, ?5, 'receiving', 0)",
                params![new.id, new.room, new.name, i64::try_from(new.bytes).unwrap_or(i64::MAX), now_ms],
            )?;
            Ok(())
        })
        .await
    }

    /// Bytes of a file came.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn hear_upload(&self, id: String, now_ms: i64) -> Result<(), StoreError> {
        self.write(move |connection| {
            connection.execute("update uploads set heard_at_ms = ?2 where id = ?1", params![id, now_ms])?;
            Ok(())
        })
        .await
    }

    /// Takes a file from one of the states `from` to another; answers whether it was in one of them. What was found in
    /// it stays, and when it goes or went live, unless `change` says otherwise.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn change_upload(
        &self,
        id: String,
        from: &'static [State],
        to: State,
        change: Change,
    ) -> Result<bool, StoreError> {
        self.write(move |connection| {
            let sql = "select state from uploads where id = ?1";
            let found: Option<String> = connection.query_row(sql, [&id], |row| row.get(0)).optional()?;
            if !found.is_some_and(|found| from.iter().any(|state| state.code() == found)) {
                return Ok(false);
            }
            let (live_at_ms, repeat) = change.live.unzip();
            connection.execute(
                "update uploads set state = ?2, facts = coalesce(?3, facts), live_at_ms = coalesce(?4, live_at_ms),
                     repeat = coalesce(?5, repeat), ended = ?6, note = ?7
                 where id = ?1",
                params![
                    id,
                    to.code(),
                    change.facts.as_ref().map(FileFacts::to_json),
                    live_at_ms,
                    repeat,
                    change.ended.map(Ended::code),
                    change.note
                ],
            )?;
            Ok(true)
        })
        .await
    }

    /// Forgets a file.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn forget_upload(&self, id: String) -> Result<(), StoreError> {
        self.write(move |connection| {
            connection.execute("delete from uploads where id = ?1", [id])?;
            Ok(())
        })
        .await
    }

    /// The file of this id.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn upload(&self, id: String) -> Result<Option<Upload>, StoreError> {
        self.read(move |connection| {
            let sql = format!("{SELECT} where uploads.id = ?1");
            connection.query_row(&sql, [id], raw).optional()?.map(upload).transpose()
        })
        .await
    }

    /// A room's files, the newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn uploads_of(&self, room: i64) -> Result<Vec<Upload>, StoreError> {
        self.read(move |connection| {
            let sql = format!("{SELECT} where room = ?1 order by uploads.created_at_ms desc, uploads.id");
            select(connection, &sql, &[&room])
        })
        .await
    }

    /// All files of one state, those that go live first in front.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn uploads_in(&self, state: State) -> Result<Vec<Upload>, StoreError> {
        self.read(move |connection| {
            let sql = format!("{SELECT} where state = ?1 order by live_at_ms, uploads.id");
            select(connection, &sql, &[&state.code()])
        })
        .await
    }
}

fn select(
    connection: &Connection,
    sql: &str,
    parameters: &[&dyn rusqlite::ToSql],
) -> Result<Vec<Upload>, StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(parameters, raw)?;
    rows.map(|row| upload(row?)).collect()
}

/// A row with what is read further: slug, state, facts, why it ended.
type Raw = (Upload, String, String, Option<String>, Option<String>);

fn raw(row: &Row<'_>) -> Result<Raw, rusqlite::Error> {
    let upload = Upload {
        id: row.get(0)?,
        room: row.get(1)?,
        slug: "x".parse().expect("a letter is a slug"),
        name: row.get(3)?,
        bytes: u64::try_from(row.get::<_, i64>(4)?).unwrap_or_default(),
        created_at_ms: row.get(5)?,
        heard_at_ms: row.get(6)?,
        state: State::Receiving,
        facts: None,
        live_at_ms: row.get(9)?,
        repeat: row.get(10)?,
        ended: None,
        note: row.get(12)?,
    };
    Ok((upload, row.get(2)?, row.get(7)?, row.get(8)?, row.get(11)?))
}

fn upload((upload, slug, state, facts, ended): Raw) -> Result<Upload, StoreError> {
    let value = |column, found: &str| StoreError::Value { column, found: found.to_owned() };
    Ok(Upload {
        slug: slug.parse().map_err(|_| value("rooms.slug", &slug))?,
        state: State::of(&state).ok_or_else(|| value("uploads.state", &state))?,
        facts: match &facts {
            Some(json) => Some(FileFacts::of_json(json).ok_or_else(|| value("uploads.facts", json))?),
            None => None,
        },
        ended: ended.as_deref().and_then(Ended::of),
        ..upload
    })
}

const SELECT: &str =
    "select uploads.id, room, slug, name, bytes, uploads.created_at_ms, heard_at_ms, state, facts,
                          live_at_ms, repeat, ended, note
                      from uploads join rooms on rooms.id = room";

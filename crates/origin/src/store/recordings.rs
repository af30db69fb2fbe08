//! What was recorded, and what was said meanwhile.

use std::ops::Range;

use ::rooms::{Entry, Slug};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde_json::json;

use super::log::messages_between;
use super::webhooks::{Event, announce};
use super::{Store, StoreError};

/// A recording as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// 32 hexadecimal digits.
    pub id: String,
    /// Its room's number.
    pub room: i64,
    /// Its room's name in URLs.
    pub slug: Slug,
    /// The room's title when it began.
    pub title: String,
    /// When it began, Unix time in milliseconds.
    pub started_at_ms: i64,
    /// Milliseconds of media; 0 while it is written.
    pub duration_ms: u64,
    /// Bytes of its files; 0 while it is written.
    pub bytes: u64,
    /// Files, numbered from 1.
    pub parts: u32,
    /// Whether it is still written.
    pub writing: bool,
    /// Why it stopped before its broadcast, in words.
    pub note: Option<String>,
    /// Codecs as people write them.
    pub tracks: Vec<String>,
}

/// What is known when a recording is finished.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Finished {
    pub(crate) duration_ms: u64,
    pub(crate) bytes: u64,
    pub(crate) parts: u32,
    pub(crate) note: Option<String>,
}

/// Media time and the wall time it was received at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WallSpan {
    pub(crate) media_ms: i64,
    pub(crate) unix_ms: i64,
}

impl Store {
    /// Whether broadcasts of a room are recorded.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn is_recorded(&self, slug: Slug) -> Result<bool, StoreError> {
        self.read(move |connection| {
            let sql = "select record from rooms where slug = ?1";
            Ok(connection.query_row(sql, [slug.as_str()], |row| row.get(0)).optional()?.unwrap_or(false))
        })
        .await
    }

    /// Whether broadcasts of a room are recorded from now on.
    ///
    /// # Errors
    /// [`StoreError::Missing`].
    pub async fn set_recorded(&self, slug: Slug, record: bool) -> Result<(), StoreError> {
        self.write(move |connection| {
            let sql = "update rooms set record = ?2 where slug = ?1";
            match connection.execute(sql, params![slug.as_str(), record])? {
                0 => Err(StoreError::Missing { what: "room", name: slug.to_string() }),
                _ => Ok(()),
            }
        })
        .await
    }

    /// A recording begins.
    ///
    /// # Errors
    /// [`StoreError::Missing`] for the room.
    pub(crate) async fn begin_recording(
        &self,
        id: String,
        slug: Slug,
        tracks: Vec<String>,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let tracks = serde_json::to_string(&tracks).expect("a list of words");
        self.write(move |connection| {
            let made = connection.execute(
                "insert into recordings
                     (id, room, title, started_at_ms, duration_ms, bytes, parts, state, tracks)
                 select ?1, rooms.id, rooms.title, ?3, 0, 0, 0, 'writing', ?4 from rooms where slug = ?2",
                params![id, slug.as_str(), now_ms, tracks],
            )?;
            match made {
                0 => Err(StoreError::Missing { what: "room", name: slug.to_string() }),
                _ => Ok(()),
            }
        })
        .await
    }

    /// From `media_ms` on, a recording's media was received from `unix_ms` on.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn add_span(&self, id: String, span: WallSpan) -> Result<(), StoreError> {
        self.write(move |connection| {
            connection.execute(
                "insert or replace into recording_spans (recording, media_ms, unix_ms) values (?1, ?2, ?3)",
                params![id, span.media_ms, span.unix_ms],
            )?;
            Ok(())
        })
        .await
    }

    /// A recording is whole.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn finish_recording(&self, id: String, finished: Finished) -> Result<(), StoreError> {
        let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        let ready = move |connection: &Connection| {
            connection.execute(
                "update recordings set state = 'done', duration_ms = ?2, bytes = ?3, parts = ?4, note = ?5
                 where id = ?1",
                params![
                    id,
                    number(finished.duration_ms),
                    number(finished.bytes),
                    finished.parts,
                    finished.note
                ],
            )?;
            let sql = "select room, started_at_ms from recordings where id = ?1";
            let found = connection.query_row(sql, [&id], |row| Ok((row.get(0)?, row.get(1)?)));
            let found: Option<(i64, i64)> = found.optional()?;
            let Some((room, started_ms)) = found else { return Ok(false) };
            let at_ms = started_ms + number(finished.duration_ms);
            let recording = || {
                json!({ "recording": {
                    "id": id, "started_ms": started_ms, "duration_ms": finished.duration_ms, "bytes": finished.bytes,
                } })
            };
            announce(connection, Event::RecordingReady, (room, at_ms), recording)
        };
        if self.write(ready).await? {
            self.inner.announced.notify_one();
        }
        Ok(())
    }

    /// Forgets a recording.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn forget_recording(&self, id: String) -> Result<(), StoreError> {
        self.write(move |connection| {
            connection.execute("delete from recordings where id = ?1", [id])?;
            Ok(())
        })
        .await
    }

    /// The recording of this id.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn recording(&self, id: String) -> Result<Option<Recording>, StoreError> {
        self.read(move |connection| {
            let sql = format!("{SELECT} where recordings.id = ?1");
            connection.query_row(&sql, [id], raw).optional()?.map(record).transpose()
        })
        .await
    }

    /// A room's recordings, the newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn recordings_of(&self, room: i64) -> Result<Vec<Recording>, StoreError> {
        self.recordings_before(room, i64::MAX).await
    }

    /// A room's recordings that began before a time (Unix, milliseconds), the newest first; at most [`LIST_MAX`].
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn recordings_before(
        &self,
        room: i64,
        began_ms: i64,
    ) -> Result<Vec<Recording>, StoreError> {
        self.read(move |connection| {
            let sql = format!(
                "{SELECT} where room = ?1 and started_at_ms < ?2 order by started_at_ms desc limit {LIST_MAX}"
            );
            select(connection, &sql, &[&room, &began_ms])
        })
        .await
    }

    /// All recordings that are still written, or were when the origin before ended.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn unfinished_recordings(&self) -> Result<Vec<Recording>, StoreError> {
        self.read(|connection| select(connection, &format!("{SELECT} where state = 'writing'"), &[])).await
    }

    /// All recordings that are whole, the oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn finished_recordings(&self) -> Result<Vec<Recording>, StoreError> {
        self.read(|connection| {
            select(connection, &format!("{SELECT} where state = 'done' order by started_at_ms"), &[])
        })
        .await
    }

    /// Where a recording's media stands in time, in order.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn spans(&self, id: String) -> Result<Vec<WallSpan>, StoreError> {
        self.read(move |connection| {
            let sql = "select media_ms, unix_ms from recording_spans where recording = ?1 order by media_ms";
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement
                .query_map([id], |row| Ok(WallSpan { media_ms: row.get(0)?, unix_ms: row.get(1)? }))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// At most `limit` messages of a room after number `after` that were sent in `sent_ms`, the oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn messages_sent(
        &self,
        (room, recording): (i64, String),
        after: u64,
        sent_ms: Range<i64>,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        self.read(move |connection| messages_between(connection, (room, &recording), after, sent_ms, limit))
            .await
    }
}

fn select(
    connection: &Connection,
    sql: &str,
    parameters: &[&dyn rusqlite::ToSql],
) -> Result<Vec<Recording>, StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(parameters, raw)?;
    rows.map(|row| record(row?)).collect()
}

type Raw = (Recording, String, String);

fn raw(row: &Row<'_>) -> Result<Raw, rusqlite::Error> {
    let number = |column| row.get::<_, i64>(column).map(|value| u64::try_from(value).unwrap_or_default());
    let recording = Recording {
        id: row.get(0)?,
        room: row.get(1)?,
        slug: "x".parse().expect("a letter is a slug"),
        title: row.get(3)?,
        started_at_ms: row.get(4)?,
        duration_ms: number(5)?,
        bytes: number(6)?,
        parts: row.get(7)?,
        writing: row.get_ref(8)?.as_str()? == "writing",
        note: row.get(9)?,
        tracks: Vec::new(),
    };
    Ok((recording, row.get(2)?, row.get(10)?))
}

fn record((recording, slug, tracks): Raw) -> Result<Recording, StoreError> {
    let slug = slug.parse().map_err(|_| StoreError::Value { column: "rooms.slug", found: slug })?;
    let value = |_| StoreError::Value { column: "recordings.tracks", found: tracks.clone() };
    let tracks = serde_json::from_str(&tracks).map_err(value)?;
    Ok(Recording { slug, tracks, ..recording })
}

const SELECT: &str =
    "select recordings.id, room, slug, recordings.title, started_at_ms, duration_ms, bytes, parts,
                          state, note, tracks
                      from recordings join rooms on rooms.id = room";
/// Recordings of one room in one list.
const LIST_MAX: usize = 500;

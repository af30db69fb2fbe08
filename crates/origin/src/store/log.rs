//! What was said and done in rooms.

use ::rooms::frame::{Danmaku, Moment, NoticeCode, Person, Role};
use ::rooms::{Act, Deed, Entry, EntryBody, Floor, Message, Name, Released, Text, Why};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::points::pay;
use super::webhooks::announce_line;
use super::{Store, StoreError, forgotten, on_air};

/// What a room begins again with.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    /// The highest number of its log.
    pub last_seq: u64,
    /// What stood at some line.
    pub floor: Floor,
    /// The lines after it that change what stands, oldest first.
    pub since: Vec<Entry>,
    /// The last lines without quiet ones, oldest first.
    pub tail: Vec<Entry>,
}

/// What only some messages have, as the column `extra` holds it.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Extra {
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_to: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    danmaku: Option<Danmaku>,
    #[serde(skip_serializing_if = "Option::is_none")]
    on: Option<Moment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) released: Option<Released>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<Why>,
}

impl Store {
    /// Appends a line to a room's log; done when it is committed.
    ///
    /// # Errors
    /// [`StoreError`]; nothing was stored then.
    pub async fn append(&self, room: i64, entry: Entry) -> Result<(), StoreError> {
        self.append_noting(room, entry, false).await
    }

    /// The same; `began`: its notice is that of a new broadcast, and not of one that goes on.
    ///
    /// # Errors
    /// [`StoreError`]; nothing was stored then.
    pub(crate) async fn append_noting(&self, room: i64, entry: Entry, began: bool) -> Result<(), StoreError> {
        let append = move |connection: &Connection| {
            insert(connection, room, &entry)?;
            announce_line(connection, room, &entry, began)
        };
        if self.write(append).await? {
            self.inner.announced.notify_one();
        }
        Ok(())
    }

    /// What a room begins again with; its tail has at most `limit` lines.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn kept(&self, room: i64, limit: usize) -> Result<Kept, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.read(move |connection| {
            let sql = format!("{SELECT} where room = ?1 and kind <> 'quiet' order by seq desc limit ?2");
            let mut tail = select(connection, &sql, &[&room, &limit])?;
            tail.reverse();
            let (seq, floor) = floor(connection, room)?;
            let sql = format!(
                "{SELECT} where room = ?1 and seq > ?2 and (kind <> 'message' or extra is not null) order by seq"
            );
            let since = select(connection, &sql, &[&room, &seq])?;
            let last: Option<i64> =
                connection.query_row("select max(seq) from log where room = ?1", [room], |row| row.get(0))?;
            let last_seq = u64::try_from(last.unwrap_or_default()).unwrap_or_default();
            Ok(Kept { last_seq, floor, since, tail })
        })
        .await
    }

    /// Keeps what stood in a room at line `seq`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn save_floor(&self, room: i64, seq: u64, floor: Floor) -> Result<(), StoreError> {
        self.write(move |connection| {
            connection.execute(
                "insert into floors (room, seq, floor) values (?1, ?2, ?3)
                 on conflict (room) do update set seq = excluded.seq, floor = excluded.floor",
                params![room, i64::try_from(seq).unwrap_or(i64::MAX), json(&floor)],
            )?;
            Ok(())
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
        let which = "kind = 'message' and deleted_by is null";
        let mut entries = self.lines_before(room, before, limit, which).await?;
        entries.reverse();
        Ok(entries)
    }

    /// At most `limit` deeds in a room before number `before`, the latest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn deeds_before(
        &self,
        room: i64,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        self.lines_before(room, before, limit, "kind = 'deed'").await
    }

    /// Lines of a room that are `which`, the latest first.
    async fn lines_before(
        &self,
        room: i64,
        before: Option<u64>,
        limit: usize,
        which: &'static str,
    ) -> Result<Vec<Entry>, StoreError> {
        let before = before.map_or(i64::MAX, |seq| i64::try_from(seq).unwrap_or(i64::MAX));
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.read(move |connection| {
            let sql = format!("{SELECT} where room = ?1 and seq < ?2 and {which} order by seq desc limit ?3");
            select(connection, &sql, &[&room, &before, &limit])
        })
        .await
    }

    /// Who came to and left a class since `from_ms`: at most `limit` lines, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn attendance(
        &self,
        room: i64,
        from_ms: i64,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.read(move |connection| {
            let sql = format!(
                "{SELECT} where room = ?1 and at_ms >= ?2 and kind = 'quiet'
                 and text in ('{{\"act\":\"here\"}}', '{{\"act\":\"gone\"}}') order by seq limit ?3"
            );
            select(connection, &sql, &[&room, &from_ms, &limit])
        })
        .await
    }
}

/// At most `limit` messages after number `after` that were sent in `sent_ms`, or later as comments on the recording, the
/// oldest first.
pub(super) fn messages_between(
    connection: &Connection,
    (room, recording): (i64, &str),
    after: u64,
    sent_ms: std::ops::Range<i64>,
    limit: usize,
) -> Result<Vec<Entry>, StoreError> {
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let sql = format!(
        "{SELECT} where room = ?1 and kind = 'message' and deleted_by is null and seq > ?5
         and iif(json_extract(extra, '$.on') is null, at_ms >= ?2 and at_ms < ?3,
                 json_extract(extra, '$.on.recording') = ?6)
         order by seq limit ?4"
    );
    select(connection, &sql, &[&room, &sent_ms.start, &sent_ms.end, &limit, &after, &recording])
}

/// What stood, and at which line.
fn floor(connection: &Connection, room: i64) -> Result<(i64, Floor), StoreError> {
    let mut statement = connection.prepare_cached("select seq, floor from floors where room = ?1")?;
    let found = statement.query_row([room], |row| Ok((row.get(0)?, parse(1, row.get_ref(1)?.as_str()?)?)));
    Ok(found.optional()?.unwrap_or_default())
}

/// One line as its columns.
struct Columns<'a> {
    kind: &'static str,
    sender: Option<&'a Person>,
    own_id: Option<&'a str>,
    text: String,
    extra: Option<String>,
}

fn columns(body: &EntryBody) -> Columns<'_> {
    match body {
        EntryBody::Message(message) => of_message("message", message, None),
        EntryBody::Held { message, why } => of_message("held", message, Some(*why)),
        EntryBody::Notice(code) => {
            let text = json(code).trim_matches('"').to_owned();
            Columns { kind: "notice", sender: None, own_id: None, text, extra: None }
        }
        EntryBody::Deed(deed) => Columns {
            kind: if deed.act.is_quiet() { "quiet" } else { "deed" },
            sender: deed.by.as_ref(),
            own_id: Some(&deed.id),
            text: json(&deed.act),
            extra: None,
        },
    }
}

fn of_message<'a>(kind: &'static str, message: &'a Message, why: Option<Why>) -> Columns<'a> {
    let Message { reply_to, danmaku, on, released, .. } = message.clone();
    let plain =
        reply_to.is_none() && danmaku.is_none() && on.is_none() && released.is_none() && why.is_none();
    let extra = Extra { reply_to, danmaku, on, released, why };
    Columns {
        kind,
        sender: Some(&message.from),
        own_id: Some(&message.id),
        text: message.text.as_str().to_owned(),
        extra: (!plain).then(|| json(&extra)),
    }
}

pub(super) fn insert(connection: &Connection, room: i64, entry: &Entry) -> Result<(), StoreError> {
    let seq = i64::try_from(entry.seq).unwrap_or(i64::MAX);
    if let EntryBody::Deed(Deed { id, by: Some(by), act: Act::Gift(given) }) = &entry.body {
        pay(connection, (room, seq, entry.at_ms), (by, id), given)?;
    }
    let Columns { kind, sender, own_id, text, extra } = columns(&entry.body);
    let mut statement = connection.prepare_cached(
        "insert into log (room, seq, at_ms, kind, sender_id, sender_name, sender_roles, own_id, text, extra)
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?;
    statement.execute(params![
        room,
        seq,
        entry.at_ms,
        kind,
        sender.map(|sender| &sender.id),
        sender.map(|sender| sender.name.as_str()),
        sender.map(|sender| json(&sender.roles)),
        own_id,
        text,
        extra
    ])?;
    match &entry.body {
        EntryBody::Deed(Deed { by: Some(by), act: Act::Delete { message }, .. }) => {
            take_away(connection, room, *message, Some(by.name.as_str()))
        }
        EntryBody::Deed(Deed { act: Act::Restore { message }, .. }) => {
            take_away(connection, room, *message, None)
        }
        EntryBody::Deed(Deed { act: Act::Broadcast(_), .. }) => on_air::ended(connection, room),
        // Lines that were on their way when the account went.
        EntryBody::Deed(Deed { act: Act::Forget { member }, .. }) => {
            forgotten::forget(connection, Some(room), member)
        }
        _ => Ok(()),
    }
}

fn take_away(connection: &Connection, room: i64, message: u64, by: Option<&str>) -> Result<(), StoreError> {
    let mut statement = connection
        .prepare_cached("update log set deleted_by = ?3 where room = ?1 and seq = ?2 and kind = 'message'")?;
    statement.execute(params![room, i64::try_from(message).unwrap_or(i64::MAX), by])?;
    Ok(())
}

pub(super) fn select(
    connection: &Connection,
    sql: &str,
    parameters: &[&dyn rusqlite::ToSql],
) -> Result<Vec<Entry>, StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(parameters, entry)?;
    Ok(rows.collect::<Result<Vec<Entry>, rusqlite::Error>>()?)
}

fn entry(row: &Row<'_>) -> Result<Entry, rusqlite::Error> {
    let seq: i64 = row.get(0)?;
    let kind = row.get_ref(2)?.as_str()?;
    let text = row.get_ref(7)?.as_str()?;
    let body = match kind {
        "message" => EntryBody::Message(message(row, text)?.0),
        "held" => {
            let (message, why) = message(row, text)?;
            EntryBody::Held { message, why: why.unwrap_or(Why::Word) }
        }
        "notice" => EntryBody::Notice(parse::<NoticeCode>(7, &format!("\"{text}\""))?),
        _ => {
            let by = row.get::<_, Option<String>>(3)?.map(|id| person(row, id)).transpose()?;
            let id = row.get::<_, Option<String>>(6)?.unwrap_or_default();
            EntryBody::Deed(Deed { id, by, act: parse(7, text)? })
        }
    };
    Ok(Entry { seq: u64::try_from(seq).unwrap_or_default(), at_ms: row.get(1)?, body })
}

fn message(row: &Row<'_>, text: &str) -> Result<(Message, Option<Why>), rusqlite::Error> {
    let extra: Option<String> = row.get(8)?;
    let Extra { reply_to, danmaku, on, released, why } =
        extra.map(|extra| parse(8, &extra)).transpose()?.unwrap_or_default();
    let text = Text::new(text).map_err(|error| unreadable(7, error))?;
    let from = person(row, row.get(3)?)?;
    let message =
        Message { id: row.get(6)?, from, text, reply_to, danmaku, on, released, deleted_by: row.get(9)? };
    Ok((message, why))
}

fn person(row: &Row<'_>, id: String) -> Result<Person, rusqlite::Error> {
    // A name that was good once stands for somebody still: one line must not keep a whole room from opening.
    let name = Name::guest(row.get_ref(4)?.as_str()?).or_else(|_| Name::guest("Guest"));
    let name = name.map_err(|error| unreadable(4, error))?;
    Ok(Person { id, name, roles: parse::<Vec<Role>>(5, row.get_ref(5)?.as_str()?)? })
}

pub(super) fn parse<T: DeserializeOwned>(column: usize, text: &str) -> Result<T, rusqlite::Error> {
    serde_json::from_str(text).map_err(|error| unreadable(column, error))
}

fn unreadable(column: usize, error: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
}

pub(super) fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("texts, numbers, and maps with plain keys")
}

pub(super) const SELECT: &str =
    "select seq, at_ms, kind, sender_id, sender_name, sender_roles, own_id, text, extra, deleted_by from log";

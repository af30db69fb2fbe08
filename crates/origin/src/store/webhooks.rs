//! Who is told of what happens, and what is still to be told.
//!
//! What a line of a room's log tells is queued in the transaction of that line: after a crash it is told all the same.

use std::collections::HashSet;

use ::rooms::{Act, Deed, Entry, EntryBody};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{Store, StoreError};

/// What a webhook can be told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Event {
    /// A broadcast began.
    Live,
    /// A broadcast is over.
    Ended,
    /// Somebody said something.
    Message,
    /// A recording is finished.
    RecordingReady,
}

/// A webhook without its secret.
#[derive(Clone, Debug)]
pub(crate) struct Webhook {
    pub(crate) id: i64,
    pub(crate) url: String,
    pub(crate) events: Vec<Event>,
    pub(crate) allow_private: bool,
    pub(crate) created_at_ms: i64,
    /// Deliveries that are not settled.
    pub(crate) waiting: i64,
    /// Events that found the queue full.
    pub(crate) dropped: i64,
}

/// One to be made.
#[derive(Clone, Debug)]
pub(crate) struct NewWebhook {
    pub(crate) url: String,
    pub(crate) secret: String,
    pub(crate) events: Vec<Event>,
    pub(crate) allow_private: bool,
}

/// Something to be told now.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    pub(crate) id: i64,
    pub(crate) webhook: i64,
    pub(crate) url: String,
    pub(crate) secret: String,
    pub(crate) allow_private: bool,
    pub(crate) event: String,
    pub(crate) body: String,
    /// Tries before this one.
    pub(crate) tries: u32,
}

/// What became of a delivery so far.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) id: i64,
    pub(crate) event: String,
    pub(crate) created_at_ms: i64,
    pub(crate) tries: u32,
    /// When it is tried, or tried again; `None` once it is settled.
    pub(crate) next_at_ms: Option<i64>,
    pub(crate) tried_at_ms: Option<i64>,
    pub(crate) status: Option<u16>,
    pub(crate) problem: Option<String>,
}

/// How a try went.
#[derive(Clone, Debug)]
pub(crate) struct Tried {
    pub(crate) at_ms: i64,
    pub(crate) status: Option<u16>,
    pub(crate) problem: Option<String>,
    /// When to try again; `None`: it is settled.
    pub(crate) again_at_ms: Option<i64>,
}

impl Event {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Event::Live => "live",
            Event::Ended => "ended",
            Event::Message => "message",
            Event::RecordingReady => "recording_ready",
        }
    }
}

impl Store {
    /// All webhooks, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn webhooks(&self) -> Result<Vec<Webhook>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "select id, url, events, allow_private, created_at_ms, waiting, dropped from webhooks order by id",
            )?;
            let rows = statement.query_map([], webhook)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Makes a webhook; its number.
    ///
    /// # Errors
    /// [`StoreError::TooMany`] when there are [`WEBHOOKS_MAX`].
    pub(crate) async fn create_webhook(&self, new: NewWebhook, now_ms: i64) -> Result<i64, StoreError> {
        self.write(move |connection| {
            let count: i64 = connection.query_row("select count(*) from webhooks", [], |row| row.get(0))?;
            if count >= WEBHOOKS_MAX {
                return Err(StoreError::TooMany { what: "webhooks", max: WEBHOOKS_MAX });
            }
            let events = serde_json::to_string(&new.events).expect("events are plain words");
            connection.execute(
                "insert into webhooks (url, secret, events, allow_private, created_at_ms)
                 values (?1, ?2, ?3, ?4, ?5)",
                params![new.url, new.secret, events, new.allow_private, now_ms],
            )?;
            Ok(connection.last_insert_rowid())
        })
        .await
    }

    /// Removes a webhook with what it was still to be told; answers whether it was there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn remove_webhook(&self, id: i64) -> Result<bool, StoreError> {
        self.write(move |connection| Ok(connection.execute("delete from webhooks where id = ?1", [id])? == 1))
            .await
    }

    /// What is to be told now, the oldest of each webhook that is not `busy`; and when something is next, if nothing is.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn due_deliveries(
        &self,
        busy: HashSet<i64>,
        now_ms: i64,
    ) -> Result<(Vec<Delivery>, Option<i64>), StoreError> {
        self.read(move |connection| {
            let mut all = connection.prepare_cached("select id from webhooks where waiting > 0")?;
            let ids = all.query_map([], |row| row.get(0))?.collect::<Result<Vec<i64>, _>>()?;
            let (mut due, mut next_ms) = (Vec::new(), None);
            for id in ids.into_iter().filter(|id| !busy.contains(id)) {
                let Some((delivery, at_ms)) = next_of(connection, id)? else { continue };
                if at_ms <= now_ms {
                    due.push(delivery);
                } else {
                    next_ms = Some(next_ms.map_or(at_ms, |known: i64| known.min(at_ms)));
                }
            }
            Ok((due, next_ms))
        })
        .await
    }

    /// Notes how a try went. Of settled deliveries the last [`LOG_MAX`] of each webhook are kept.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn tried(&self, webhook: i64, delivery: i64, tried: Tried) -> Result<(), StoreError> {
        self.write(move |connection| {
            let Tried { at_ms, status, problem, again_at_ms } = tried;
            connection.execute(
                "update deliveries set tries = tries + 1, tried_at_ms = ?2, status = ?3, problem = ?4, next_at_ms = ?5
                 where id = ?1",
                params![delivery, at_ms, status, problem, again_at_ms],
            )?;
            if again_at_ms.is_none() {
                connection.execute("update webhooks set waiting = waiting - 1 where id = ?1", [webhook])?;
                connection.execute(
                    "delete from deliveries where webhook = ?1 and next_at_ms is null and id <= (
                        select id from deliveries where webhook = ?1 and next_at_ms is null
                        order by id desc limit 1 offset ?2)",
                    [webhook, LOG_MAX],
                )?;
            }
            Ok(())
        })
        .await
    }

    /// What a webhook was told and is still to be told, the latest first; at most [`LOG_MAX`].
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn deliveries(&self, webhook: i64) -> Result<Vec<Told>, StoreError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "select id, event, created_at_ms, tries, next_at_ms, tried_at_ms, status, problem
                 from deliveries where webhook = ?1 order by id desc limit ?2",
            )?;
            let rows = statement.query_map([webhook, LOG_MAX], |row| {
                Ok(Told {
                    id: row.get(0)?,
                    event: row.get(1)?,
                    created_at_ms: row.get(2)?,
                    tries: row.get(3)?,
                    next_at_ms: row.get(4)?,
                    tried_at_ms: row.get(5)?,
                    status: row.get(6)?,
                    problem: row.get(7)?,
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }
}

/// Queues what a new line of a room's log tells; `began`: the notice is that of a new broadcast. Answers whether
/// anybody is told.
pub(super) fn announce_line(
    connection: &Connection,
    room: i64,
    entry: &Entry,
    began: bool,
) -> Result<bool, StoreError> {
    let at_ms = entry.at_ms;
    match &entry.body {
        EntryBody::Message(message) => {
            let said = || json!({ "message": message.frame(entry.seq, at_ms) });
            announce(connection, Event::Message, (room, at_ms), said)
        }
        EntryBody::Notice(_) if began => {
            announce(connection, Event::Live, (room, at_ms), || json!({ "seq": entry.seq }))
        }
        EntryBody::Deed(Deed { act: Act::Broadcast(audience), .. }) => {
            let over = || json!({ "seq": entry.seq, "audience": audience });
            announce(connection, Event::Ended, (room, at_ms), over)
        }
        _ => Ok(false),
    }
}

/// Queues an event of a room for every webhook that wants it; `more` is put into its body. Answers whether anybody is
/// told.
pub(super) fn announce(
    connection: &Connection,
    event: Event,
    (room, at_ms): (i64, i64),
    more: impl FnOnce() -> Value,
) -> Result<bool, StoreError> {
    let wanted = format!("%\"{}\"%", event.as_str());
    let mut wants = connection.prepare_cached("select 1 from webhooks where events like ?1 limit 1")?;
    if wants.query_row([&wanted], |_| Ok(())).optional()?.is_none() {
        return Ok(false);
    }
    let mut named = connection.prepare_cached("select slug, title from rooms where id = ?1")?;
    let (slug, title): (String, String) = named.query_row([room], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut body = json!({ "event": event, "room": slug, "title": title, "at": at_ms });
    if let (Value::Object(body), Value::Object(more)) = (&mut body, more()) {
        body.extend(more);
    }
    let mut queue = connection.prepare_cached(
        "insert into deliveries (webhook, event, body, created_at_ms, next_at_ms)
         select id, ?2, ?3, ?4, ?4 from webhooks where events like ?1 and waiting < ?5",
    )?;
    queue.execute(params![wanted, event.as_str(), body.to_string(), at_ms, WAITING_MAX])?;
    let mut count = connection.prepare_cached(
        "update webhooks set dropped = dropped + (waiting >= ?2), waiting = waiting + (waiting < ?2)
         where events like ?1",
    )?;
    count.execute(params![wanted, WAITING_MAX])?;
    Ok(true)
}

/// The delivery of a webhook that is due first, and when.
fn next_of(connection: &Connection, webhook: i64) -> Result<Option<(Delivery, i64)>, StoreError> {
    let mut statement = connection.prepare_cached(
        "select deliveries.id, url, secret, allow_private, event, body, tries, next_at_ms
         from deliveries join webhooks on webhooks.id = webhook
         where webhook = ?1 and next_at_ms is not null order by next_at_ms, deliveries.id limit 1",
    )?;
    let found = statement.query_row([webhook], |row| {
        let delivery = Delivery {
            id: row.get(0)?,
            webhook,
            url: row.get(1)?,
            secret: row.get(2)?,
            allow_private: row.get(3)?,
            event: row.get(4)?,
            body: row.get(5)?,
            tries: row.get(6)?,
        };
        Ok((delivery, row.get(7)?))
    });
    Ok(found.optional()?)
}

fn webhook(row: &Row<'_>) -> Result<Webhook, rusqlite::Error> {
    let events: String = row.get(2)?;
    let events = serde_json::from_str(&events).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(2, rusqlite::types::Type::Text, Box::new(error))
    })?;
    Ok(Webhook {
        id: row.get(0)?,
        url: row.get(1)?,
        events,
        allow_private: row.get(3)?,
        created_at_ms: row.get(4)?,
        waiting: row.get(5)?,
        dropped: row.get(6)?,
    })
}

/// Webhooks of an origin.
const WEBHOOKS_MAX: i64 = 20;
/// Deliveries that wait for one webhook; beyond, events are counted and not queued: 10 MB of a busy chat.
const WAITING_MAX: i64 = 10_000;
/// Deliveries of one webhook that are kept to be read.
const LOG_MAX: i64 = 100;

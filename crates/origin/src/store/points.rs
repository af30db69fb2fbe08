//! Wallets and the ledger behind them. What a gift costs goes in the same transaction as its line of the room's log, so
//! that neither is ever there without the other.

use ::rooms::{Given, frame::Person};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{Store, StoreError};

/// What somebody has, and how it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wallet {
    pub(crate) points: i64,
    /// The latest changes, the newest first.
    pub(crate) changes: Vec<Booking>,
}

/// One line of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Booking {
    /// `grant`, `watch` or `gift`.
    pub(crate) kind: String,
    /// Unix time in milliseconds.
    pub(crate) at_ms: i64,
    /// What it added.
    pub(crate) points: i64,
    /// For people.
    pub(crate) note: String,
}

/// Points that an administrator gives, or takes.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    pub(crate) account: i64,
    /// Less than nothing takes them.
    pub(crate) points: i64,
    /// Makes a repeat harmless.
    pub(crate) key: String,
    pub(crate) note: String,
}

impl Store {
    /// An account's wallet with its latest `limit` changes.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn wallet(&self, account: i64, limit: usize) -> Result<Wallet, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.read(move |connection| {
            let points = balance(connection, account)?;
            let mut statement = connection.prepare_cached(
                "select kind, at_ms, points, note from ledger where account = ?1 order by id desc limit ?2",
            )?;
            let rows = statement.query_map([account, limit], |row| {
                Ok(Booking { kind: row.get(0)?, at_ms: row.get(1)?, points: row.get(2)?, note: row.get(3)? })
            })?;
            Ok(Wallet { points, changes: rows.collect::<Result<_, _>>()? })
        })
        .await
    }

    /// Changes a wallet by what an administrator says, and answers what it holds now.
    ///
    /// # Errors
    /// [`StoreError::NotEnough`] when more is taken than is there; [`StoreError::Missing`].
    pub(crate) async fn grant(&self, grant: Grant, now_ms: i64) -> Result<i64, StoreError> {
        self.write(move |connection| {
            let Grant { account, points, key, note } = grant;
            let sql = "select 1 from accounts where id = ?1";
            let known: Option<i64> = connection.query_row(sql, [account], |row| row.get(0)).optional()?;
            known.ok_or_else(|| StoreError::Missing { what: "account", name: account.to_string() })?;
            if first_of(connection, account, "grant", &key)?.is_none() {
                change(connection, account, points)?;
                connection.execute(
                    "insert into ledger (account, kind, key, at_ms, points, note) values (?1, 'grant', ?2, ?3, ?4, ?5)",
                    params![account, key, now_ms, points, note],
                )?;
            }
            balance(connection, account)
        })
        .await
    }

    /// Gives each of these accounts what a minute of watching earns, unless they got it for this minute already,
    /// in whatever room.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn earn(&self, accounts: Vec<i64>, now_ms: i64) -> Result<(), StoreError> {
        self.write(move |connection| {
            let rate = rate(connection)?;
            if rate == 0 {
                return Ok(());
            }
            let (minute, day) = (now_ms / MINUTE_MS, now_ms / DAY_MS);
            for account in accounts {
                // An account that is gone meanwhile has nothing to put it in.
                let mut earn = connection.prepare_cached(
                    "insert into wallets (account, points, watched_minute)
                     select id, ?2, ?3 from accounts where id = ?1
                     on conflict (account) do update set points = points + ?2, watched_minute = ?3
                     where watched_minute < ?3",
                )?;
                if earn.execute([account, rate, minute])? == 1 {
                    let mut note = connection.prepare_cached(
                        "insert into ledger (account, kind, key, at_ms, points, note)
                         values (?1, 'watch', ?2, ?3, ?4, '')
                         on conflict (account, kind, key) do update set points = points + ?4",
                    )?;
                    note.execute(params![account, day.to_string(), now_ms, rate])?;
                }
            }
            Ok(())
        })
        .await
    }

    /// What a minute of watching earns.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn watch_points(&self) -> Result<i64, StoreError> {
        self.read(rate).await
    }

    /// Says what a minute of watching earns from now on.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn set_watch_points(&self, points: u32) -> Result<(), StoreError> {
        self.write(move |connection| {
            connection.execute(
                "insert into settings (name, value) values ('watch_points_per_minute', ?1)
                 on conflict (name) do update set value = excluded.value",
                [points.to_string()],
            )?;
            Ok(())
        })
        .await
    }
}

/// Pays for a gift that becomes line `seq` of a room's log.
///
/// # Errors
/// [`StoreError::NotEnough`], or [`StoreError::Given`] when it was given before under the same id.
pub(super) fn pay(
    connection: &Connection,
    (room, seq, at_ms): (i64, i64, i64),
    (by, id): (&Person, &str),
    given: &Given,
) -> Result<(), StoreError> {
    let account = account_of(&by.id).ok_or(StoreError::NotEnough)?;
    let key = format!("{room}/{id}");
    if let Some(first) = first_of(connection, account, "gift", &key)? {
        return Err(StoreError::Given { first: u64::try_from(first).unwrap_or_default() });
    }
    let points = i64::try_from(given.points()).unwrap_or(i64::MAX);
    change(connection, account, -points)?;
    let to_account = match account_of(&given.to.id) {
        None if given.to.id.is_empty() => {
            connection.query_row("select owner from rooms where id = ?1", [room], |row| row.get(0))?
        }
        known => known,
    };
    let note = format!("{} × {} → {}", given.count, given.gift.emoji, given.to.name);
    let mut statement = connection.prepare_cached(
        "insert into ledger (account, kind, key, at_ms, points, room, seq, to_account, note)
         values (?1, 'gift', ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?;
    statement.execute(params![account, key, at_ms, -points, room, seq, to_account, note])?;
    Ok(())
}

/// The account that a chat names so; `None` for guests and the operator.
pub(crate) fn account_of(person: &str) -> Option<i64> {
    person.strip_prefix('a')?.parse().ok()
}

/// Adds to a wallet, or takes from it what it holds.
fn change(connection: &Connection, account: i64, points: i64) -> Result<(), StoreError> {
    if points >= 0 {
        let mut add = connection.prepare_cached(
            "insert into wallets (account, points, watched_minute) values (?1, ?2, 0)
             on conflict (account) do update set points = points + ?2",
        )?;
        add.execute([account, points])?;
        return Ok(());
    }
    let mut take = connection
        .prepare_cached("update wallets set points = points + ?2 where account = ?1 and points + ?2 >= 0")?;
    if take.execute([account, points])? == 1 { Ok(()) } else { Err(StoreError::NotEnough) }
}

/// The line that a change with this key was made with: of gifts their number in the room, of others 0.
fn first_of(connection: &Connection, account: i64, kind: &str, key: &str) -> Result<Option<i64>, StoreError> {
    let mut statement = connection.prepare_cached(
        "select coalesce(seq, 0) from ledger where account = ?1 and kind = ?2 and key = ?3",
    )?;
    Ok(statement.query_row(params![account, kind, key], |row| row.get(0)).optional()?)
}

fn balance(connection: &Connection, account: i64) -> Result<i64, StoreError> {
    let mut statement = connection.prepare_cached("select points from wallets where account = ?1")?;
    Ok(statement.query_row([account], |row| row.get(0)).optional()?.unwrap_or_default())
}

fn rate(connection: &Connection) -> Result<i64, StoreError> {
    let sql = "select value from settings where name = 'watch_points_per_minute'";
    let found: Option<String> = connection.query_row(sql, [], |row| row.get(0)).optional()?;
    let Some(text) = found else { return Ok(WATCH_POINTS) };
    text.parse().map_err(|_| StoreError::Value { column: "settings.value", found: text })
}

/// What a minute of watching earns until an administrator says something else.
const WATCH_POINTS: i64 = 1;
const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 86_400_000;

#[cfg(test)]
#[path = "points_tests.rs"]
mod tests;

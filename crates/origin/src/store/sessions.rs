//! Signed-in browsers. A session is a row that is found by the digest of what its cookie holds.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::accounts::{ACCOUNT_COLUMNS, account, account_columns};
use super::{Account, Store, StoreError};
use crate::secret::Digest;

/// A session to be.
#[derive(Clone, Debug)]
pub(crate) struct NewSession {
    pub(crate) digest: Digest,
    pub(crate) account: i64,
    /// Whether the browser keeps it when it is closed.
    pub(crate) lasting: bool,
    /// The browser as it names itself.
    pub(crate) agent: String,
}

/// A session as its account sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    pub(crate) id: i64,
    pub(crate) created_at_ms: i64,
    pub(crate) used_at_ms: i64,
    pub(crate) lasting: bool,
    pub(crate) agent: String,
}

impl Store {
    /// Signs an account in. Of more than [`SESSIONS_MAX`] sessions the one that was not used for longest goes.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn create_session(&self, new: NewSession, now_ms: i64) -> Result<i64, StoreError> {
        self.write(move |connection| {
            connection.execute(
                "delete from sessions where not (lasting and used_at_ms > ?1 or used_at_ms > ?2)",
                [now_ms - LASTING_MS, now_ms - BRIEF_MS],
            )?;
            connection.execute(
                "delete from sessions where id in
                 (select id from sessions where account = ?1 order by used_at_ms desc limit -1 offset ?2)",
                params![new.account, SESSIONS_MAX - 1],
            )?;
            connection.execute(
                "insert into sessions (digest, account, created_at_ms, used_at_ms, lasting, agent)
                 values (?1, ?2, ?3, ?3, ?4, ?5)",
                params![new.digest.0, new.account, now_ms, new.lasting, new.agent],
            )?;
            let id = connection.last_insert_rowid();
            connection
                .execute("update accounts set seen_at_ms = ?2 where id = ?1", params![new.account, now_ms])?;
            Ok(id)
        })
        .await
    }

    /// Whose session this is, when it is still good. Notes now and then that it is used.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn session(
        &self,
        digest: Digest,
        now_ms: i64,
    ) -> Result<Option<(Account, Session)>, StoreError> {
        let found = self.read(move |connection| find(connection, digest)).await?;
        let Some((account, session)) = found.filter(|(_, session)| session.is_good(now_ms)) else {
            return Ok(None);
        };
        if now_ms - session.used_at_ms >= USE_NOTED_MS {
            let (id, account) = (session.id, account.id);
            self.write(move |connection| {
                connection.execute("update sessions set used_at_ms = ?2 where id = ?1", [id, now_ms])?;
                connection.execute("update accounts set seen_at_ms = ?2 where id = ?1", [account, now_ms])?;
                Ok(())
            })
            .await?;
        }
        Ok(Some((account, session)))
    }

    /// The good sessions of an account, last used first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn sessions(&self, account: i64, now_ms: i64) -> Result<Vec<Session>, StoreError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "select id, created_at_ms, used_at_ms, lasting, agent from sessions
                 where account = ?1 order by used_at_ms desc, id desc",
            )?;
            let rows = statement.query_map([account], |row| session(row, 0))?;
            let sessions: Vec<Session> = rows.collect::<Result<_, _>>()?;
            Ok(sessions.into_iter().filter(|session| session.is_good(now_ms)).collect())
        })
        .await
    }

    /// Ends one session of an account, or with `None` all of them; answers how many.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn end_sessions(&self, account: i64, id: Option<i64>) -> Result<usize, StoreError> {
        self.write(move |connection| {
            Ok(connection.execute(
                "delete from sessions where account = ?1 and (?2 is null or id = ?2)",
                params![account, id],
            )?)
        })
        .await
    }
}

impl Session {
    fn is_good(&self, now_ms: i64) -> bool {
        now_ms - self.used_at_ms < if self.lasting { LASTING_MS } else { BRIEF_MS }
    }
}

fn find(connection: &Connection, digest: Digest) -> Result<Option<(Account, Session)>, StoreError> {
    let mut statement = connection.prepare_cached(concat!(
        "select ",
        account_columns!(),
        ", sessions.id, sessions.created_at_ms, used_at_ms, lasting, agent
             from sessions join accounts on accounts.id = account
             where digest = ?1 and locked_at_ms is null"
    ))?;
    let found = statement.query_row([digest.0], |row| Ok((account(row)?, session(row, ACCOUNT_COLUMNS)?)));
    Ok(found.optional()?)
}

fn session(row: &rusqlite::Row<'_>, first: usize) -> Result<Session, rusqlite::Error> {
    Ok(Session {
        id: row.get(first)?,
        created_at_ms: row.get(first + 1)?,
        used_at_ms: row.get(first + 2)?,
        lasting: row.get(first + 3)?,
        agent: row.get(first + 4)?,
    })
}

/// How long a session lasts without being used that the browser was told to keep: 30 days, in milliseconds.
pub(crate) const LASTING_MS: i64 = 30 * 24 * 60 * 60 * 1_000;
/// How long one lasts without being used that goes with the browser's window: a day, in milliseconds.
const BRIEF_MS: i64 = 24 * 60 * 60 * 1_000;
/// A use is written down when the last one was so long ago, in milliseconds: reading a page must not cost a commit.
const USE_NOTED_MS: i64 = 5 * 60 * 1_000;
/// Sessions of an account: a person's devices, and some forgotten ones.
const SESSIONS_MAX: i64 = 50;

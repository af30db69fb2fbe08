//! API tokens: what bots, tools and the desktop app sign in with.

use rusqlite::{Connection, OptionalExtension as _, params};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::accounts::{ACCOUNT_COLUMNS, account, account_columns};
use super::{Account, Store, StoreError};
use crate::secret::Digest;

/// What a token may be used for; never for more than its account may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) enum Scope {
    /// Reading rooms, messages and recordings as the account sees them.
    #[serde(rename = "rooms:read")]
    RoomsRead,
    /// Making and changing rooms, stream keys and recordings.
    #[serde(rename = "rooms:write")]
    RoomsWrite,
    /// Taking part in chats.
    #[serde(rename = "chat")]
    Chat,
    /// Reading and changing the account itself, its sessions and tokens.
    #[serde(rename = "account")]
    Account,
    /// Users, roles, invitations and settings, when the account is an admin's.
    #[serde(rename = "admin")]
    Admin,
}

/// A token to be.
#[derive(Clone, Debug)]
pub(crate) struct NewToken {
    pub(crate) digest: Digest,
    pub(crate) account: i64,
    pub(crate) label: String,
    pub(crate) scopes: Vec<Scope>,
}

/// A token as its account sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) id: i64,
    pub(crate) label: String,
    pub(crate) scopes: Vec<Scope>,
    pub(crate) created_at_ms: i64,
    pub(crate) used_at_ms: Option<i64>,
}

impl Scope {
    pub(crate) const ALL: [Scope; 5] =
        [Scope::RoomsRead, Scope::RoomsWrite, Scope::Chat, Scope::Account, Scope::Admin];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Scope::RoomsRead => "rooms:read",
            Scope::RoomsWrite => "rooms:write",
            Scope::Chat => "chat",
            Scope::Account => "account",
            Scope::Admin => "admin",
        }
    }
}

impl Store {
    /// Makes a token.
    ///
    /// # Errors
    /// [`StoreError::TooMany`] when the account has [`TOKENS_MAX`].
    pub(crate) async fn create_token(&self, new: NewToken, now_ms: i64) -> Result<Token, StoreError> {
        self.write(move |connection| {
            let count: i64 = connection.query_row(
                "select count(*) from api_tokens where account = ?1",
                [new.account],
                |row| row.get(0),
            )?;
            if count >= TOKENS_MAX {
                return Err(StoreError::TooMany { what: "tokens", max: TOKENS_MAX });
            }
            let id = insert(connection, &new, now_ms)?;
            let NewToken { label, scopes, .. } = new;
            Ok(Token { id, label, scopes, created_at_ms: now_ms, used_at_ms: None })
        })
        .await
    }

    /// Makes a token, in place of an earlier one of the account with the same label.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn replace_token(&self, new: NewToken, now_ms: i64) -> Result<(), StoreError> {
        self.write(move |connection| {
            connection.execute(
                "delete from api_tokens where account = ?1 and label = ?2",
                params![new.account, new.label],
            )?;
            insert(connection, &new, now_ms)?;
            Ok(())
        })
        .await
    }

    /// Whose token this is, and what it may be used for. Notes now and then that it is used.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn token(
        &self,
        digest: Digest,
        now_ms: i64,
    ) -> Result<Option<(Account, Token)>, StoreError> {
        let Some((account, token)) = self.read(move |connection| find(connection, digest)).await? else {
            return Ok(None);
        };
        if token.used_at_ms.is_none_or(|used_ms| now_ms - used_ms >= USE_NOTED_MS) {
            let (id, account) = (token.id, account.id);
            self.write(move |connection| {
                connection.execute("update api_tokens set used_at_ms = ?2 where id = ?1", [id, now_ms])?;
                connection.execute("update accounts set seen_at_ms = ?2 where id = ?1", [account, now_ms])?;
                Ok(())
            })
            .await?;
        }
        Ok(Some((account, token)))
    }

    /// The tokens of an account, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn tokens(&self, account: i64) -> Result<Vec<Token>, StoreError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "select id, label, scopes, created_at_ms, used_at_ms from api_tokens
                 where account = ?1 order by id desc",
            )?;
            let rows = statement.query_map([account], |row| token(row, 0))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Revokes a token of an account; answers whether there was one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn revoke_token(&self, account: i64, id: i64) -> Result<bool, StoreError> {
        self.write(move |connection| {
            let sql = "delete from api_tokens where account = ?1 and id = ?2";
            Ok(connection.execute(sql, [account, id])? == 1)
        })
        .await
    }
}

fn insert(connection: &Connection, new: &NewToken, now_ms: i64) -> Result<i64, StoreError> {
    let scopes = serde_json::to_string(&new.scopes).expect("scopes are plain words");
    connection.execute(
        "insert into api_tokens (digest, account, label, scopes, created_at_ms) values (?1, ?2, ?3, ?4, ?5)",
        params![new.digest.0, new.account, new.label, scopes, now_ms],
    )?;
    Ok(connection.last_insert_rowid())
}

fn find(connection: &Connection, digest: Digest) -> Result<Option<(Account, Token)>, StoreError> {
    let mut statement = connection.prepare_cached(concat!(
        "select ",
        account_columns!(),
        ", api_tokens.id, label, scopes, api_tokens.created_at_ms, used_at_ms
             from api_tokens join accounts on accounts.id = account
             where digest = ?1 and locked_at_ms is null"
    ))?;
    let found = statement.query_row([digest.0], |row| Ok((account(row)?, token(row, ACCOUNT_COLUMNS)?)));
    Ok(found.optional()?)
}

fn token(row: &rusqlite::Row<'_>, first: usize) -> Result<Token, rusqlite::Error> {
    let scopes: String = row.get(first + 2)?;
    let scopes = serde_json::from_str(&scopes).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(first + 2, rusqlite::types::Type::Text, Box::new(error))
    })?;
    Ok(Token {
        id: row.get(first)?,
        label: row.get(first + 1)?,
        scopes,
        created_at_ms: row.get(first + 3)?,
        used_at_ms: row.get(first + 4)?,
    })
}

/// Tokens of an account: some for each of its bots and devices.
const TOKENS_MAX: i64 = 50;
/// A use is written down when the last one was so long ago, in milliseconds.
const USE_NOTED_MS: i64 = 5 * 60 * 1_000;

//! Accounts and API tokens.

use ::rooms::Name;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::{Store, StoreError};
use crate::secret::Digest;

/// An account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its number in the database.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// Whether it may do everything.
    pub admin: bool,
}

/// An account to be.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// Its name, checked by [`Name::account`].
    pub name: Name,
    /// argon2id in PHC form; `None` for an account that signs in only through the app.
    pub password: Option<String>,
    /// Whether it may do everything.
    pub admin: bool,
    /// Whether it belongs to the app this origin runs in.
    pub local: bool,
}

impl Store {
    /// Makes an account. Rooms without an owner become those of the first admin.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when the name, folded, is taken.
    pub async fn create_account(&self, new: NewAccount, now_ms: i64) -> Result<Account, StoreError> {
        self.write(move |connection| insert(connection, &new, now_ms)).await
    }

    /// The account of the app this origin runs in, made as `name` or its nearest free variant.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn ensure_local_account(&self, name: Name, now_ms: i64) -> Result<Account, StoreError> {
        self.write(move |connection| {
            let local = connection
                .query_row(&format!("{SELECT} where local = 1 order by id limit 1"), [], account)
                .optional()?;
            if let Some(local) = local {
                return Ok(local);
            }
            for number in 1.. {
                let name = if number == 1 { name.clone() } else { numbered(&name, number) };
                let new = NewAccount { name, password: None, admin: true, local: true };
                match insert(connection, &new, now_ms) {
                    Err(StoreError::Exists { .. }) => {}
                    answer => return answer,
                }
            }
            unreachable!("one of the numbers is free")
        })
        .await
    }

    /// The account called `name`, compared folded.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn account(&self, name: &str) -> Result<Option<Account>, StoreError> {
        let folded = ::rooms::fold(name);
        self.read(move |connection| {
            let sql = format!("{SELECT} where name_folded = ?1");
            Ok(connection.query_row(&sql, [folded], account).optional()?)
        })
        .await
    }

    /// Whether anybody may administer this origin.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn has_admin(&self) -> Result<bool, StoreError> {
        self.read(|connection| Ok(first_admin(connection)?.is_some())).await
    }

    /// Gives `account` a token, in place of an earlier one with the same label.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn replace_token(
        &self,
        account: i64,
        label: &'static str,
        digest: Digest,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        self.write(move |connection| {
            connection.execute(
                "delete from api_tokens where account = ?1 and label = ?2",
                params![account, label],
            )?;
            connection.execute(
                "insert into api_tokens (digest, account, label, created_at_ms) values (?1, ?2, ?3, ?4)",
                params![digest.0, account, label, now_ms],
            )?;
            Ok(())
        })
        .await
    }

    /// Whose token this is.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn account_of_token(&self, digest: Digest) -> Result<Option<Account>, StoreError> {
        self.read(move |connection| {
            let sql = format!("{SELECT} join api_tokens on account = accounts.id where digest = ?1");
            Ok(connection.query_row(&sql, [digest.0], account).optional()?)
        })
        .await
    }
}

/// The oldest admin's number.
pub(super) fn first_admin(connection: &Connection) -> Result<Option<i64>, StoreError> {
    let sql = "select id from accounts where admin = 1 order by id limit 1";
    Ok(connection.query_row(sql, [], |row| row.get(0)).optional()?)
}

fn insert(connection: &Connection, new: &NewAccount, now_ms: i64) -> Result<Account, StoreError> {
    let folded = new.name.folded();
    let taken: bool = connection.query_row(
        "select exists (select 1 from accounts where name_folded = ?1)",
        [&folded],
        |row| row.get(0),
    )?;
    if taken {
        return Err(StoreError::Exists { what: "account", name: new.name.to_string() });
    }
    connection.execute(
        "insert into accounts (name, name_folded, password, admin, local, created_at_ms)
         values (?1, ?2, ?3, ?4, ?5, ?6)",
        params![new.name.as_str(), folded, new.password, new.admin, new.local, now_ms],
    )?;
    let id = connection.last_insert_rowid();
    if new.admin {
        connection.execute("update rooms set owner = ?1 where owner is null", [id])?;
    }
    Ok(Account { id, name: new.name.to_string(), admin: new.admin })
}

fn numbered(name: &Name, number: u32) -> Name {
    let suffix = format!("-{number}");
    let kept: String = name.as_str().chars().take(Name::CHARS_MAX - suffix.len()).collect();
    Name::account(&(kept + &suffix)).expect("a shortened account name with digits is an account name")
}

fn account(row: &Row<'_>) -> Result<Account, rusqlite::Error> {
    Ok(Account { id: row.get(0)?, name: row.get(1)?, admin: row.get(2)? })
}

const SELECT: &str = "select accounts.id, accounts.name, accounts.admin from accounts";

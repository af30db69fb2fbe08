//! Accounts.

use ::rooms::{DELETED_NAME, Name};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Store, StoreError, forgotten, invitations};
use crate::secret::Digest;

/// An account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its number, never given twice.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// What it may do on this origin.
    pub role: Role,
    /// Whether it belongs to the app this origin runs in.
    pub local: bool,
    /// When it was last used, Unix time in milliseconds.
    pub seen_at_ms: Option<i64>,
    /// When it was made, Unix time in milliseconds.
    pub created_at_ms: i64,
    /// Since when it cannot be used, Unix time in milliseconds.
    pub locked_at_ms: Option<i64>,
}

/// What an account may do on this origin; what it may do in a room comes besides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Watches and chats.
    Viewer,
    /// Owns rooms too.
    Broadcaster,
    /// Does everything.
    Admin,
}

/// An account to be.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// Its name, checked by [`Name::account`].
    pub name: Name,
    /// argon2id in PHC form; `None` for an account that signs in only through the app.
    pub password: Option<String>,
    /// What it may do.
    pub role: Role,
    /// Whether it belongs to the app this origin runs in.
    pub local: bool,
}

/// An account with what its password is checked against.
#[derive(Clone, Debug)]
pub(crate) struct Credentials {
    pub(crate) account: Account,
    /// argon2id in PHC form.
    pub(crate) password: Option<String>,
}

/// What becomes another in an account; what is `None` stays.
#[derive(Debug, Default)]
pub(crate) struct AccountChange {
    pub(crate) name: Option<Name>,
    pub(crate) role: Option<Role>,
    /// Since when it cannot be used, Unix time in milliseconds; `Some(None)` lets it be used again.
    pub(crate) locked_at_ms: Option<Option<i64>>,
    /// Argon2id in PHC form.
    pub(crate) password: Option<String>,
}

/// Which accounts a list holds.
#[derive(Clone, Debug, Default)]
pub(crate) struct AccountFilter {
    /// Part of the name, compared folded.
    pub(crate) search: Option<String>,
    pub(crate) role: Option<Role>,
    /// With higher numbers only: where the list before ended.
    pub(crate) after: i64,
    pub(crate) limit: usize,
}

/// What becomes of the rooms of an account that goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heir {
    /// They become another account's.
    Account(i64),
    /// Nobody is left to own them; whoever becomes the first admin will.
    Nobody,
}

impl Role {
    /// As it is stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Viewer => "viewer",
            Role::Broadcaster => "broadcaster",
            Role::Admin => "admin",
        }
    }

    pub(super) fn from_stored(text: &str) -> Option<Role> {
        [Role::Viewer, Role::Broadcaster, Role::Admin].into_iter().find(|role| role.as_str() == text)
    }
}

impl Store {
    /// Makes an account. Rooms without an owner become those of the first admin.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when the name, or one that looks the same, is taken.
    pub async fn create_account(&self, new: NewAccount, now_ms: i64) -> Result<Account, StoreError> {
        self.write(move |connection| insert(connection, &new, now_ms)).await
    }

    /// Makes the account that an invitation is for, and uses the invitation up; neither happens without the other.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when the name is taken, [`StoreError::Missing`] when the invitation is no good.
    pub(crate) async fn create_invited_account(
        &self,
        new: NewAccount,
        invitation: Digest,
        now_ms: i64,
    ) -> Result<Account, StoreError> {
        self.write(move |connection| {
            let (id, role) = invitations::valid(connection, invitation, now_ms)?;
            let account = insert(connection, &NewAccount { role, ..new }, now_ms)?;
            invitations::mark_used(connection, id, account.id, now_ms)?;
            Ok(account)
        })
        .await
    }

    /// The first administrator; `None` when there is one already.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when the name is taken.
    pub(crate) async fn create_first_admin(
        &self,
        new: NewAccount,
        now_ms: i64,
    ) -> Result<Option<Account>, StoreError> {
        self.write(move |connection| match first_admin(connection)? {
            Some(_) => Ok(None),
            None => insert(connection, &new, now_ms).map(Some),
        })
        .await
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
                let new = NewAccount { name, password: None, role: Role::Admin, local: true };
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
        let names = [::rooms::fold(name), name.to_owned()];
        self.read(move |connection| {
            let sql = format!("{SELECT} {NAMED}");
            Ok(connection.query_row(&sql, names, account).optional()?)
        })
        .await
    }

    /// Whether an account has this name or one that looks the same.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn is_name_taken(&self, name: &str) -> Result<bool, StoreError> {
        let name = name.to_owned();
        self.read(move |connection| taken(connection, &name, None)).await
    }

    /// The account with this number.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn account_by_id(&self, id: i64) -> Result<Option<Account>, StoreError> {
        self.read(move |connection| by_id(connection, id)).await
    }

    /// The account called `name`, compared folded, and what its password is checked against.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn credentials(&self, name: &str) -> Result<Option<Credentials>, StoreError> {
        let names = [::rooms::fold(name), name.to_owned()];
        self.read(move |connection| {
            let sql = format!("{CREDENTIALS} {NAMED}");
            Ok(connection.query_row(&sql, names, credentials).optional()?)
        })
        .await
    }

    /// The same for an account's number.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn credentials_by_id(&self, id: i64) -> Result<Option<Credentials>, StoreError> {
        self.read(move |connection| {
            let sql = format!("{CREDENTIALS} where accounts.id = ?1");
            Ok(connection.query_row(&sql, [id], credentials).optional()?)
        })
        .await
    }

    /// Accounts by number, with how many of all there are that the filter lets through.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn accounts(&self, filter: AccountFilter) -> Result<(Vec<Account>, i64), StoreError> {
        self.read(move |connection| {
            let search = filter.search.as_deref().filter(|search| !search.trim().is_empty()).map(::rooms::fold);
            let role = filter.role.map(Role::as_str);
            let chosen = "where (?1 is null or (?1 <> '' and instr(name_folded, ?1) > 0)) and (?2 is null or role = ?2)";
            let count: i64 = connection.query_row(
                &format!("select count(*) from accounts {chosen}"),
                params![search, role],
                |row| row.get(0),
            )?;
            let sql = format!("{SELECT} {chosen} and accounts.id > ?3 order by accounts.id limit ?4");
            let mut statement = connection.prepare_cached(&sql)?;
            let limit = i64::try_from(filter.limit).unwrap_or(i64::MAX);
            let rows = statement.query_map(params![search, role, filter.after, limit], account)?;
            Ok((rows.collect::<Result<_, _>>()?, count))
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

    /// Gives an account another name.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when that name, or one that looks the same, is somebody else's.
    pub(crate) async fn rename_account(&self, id: i64, name: Name) -> Result<Account, StoreError> {
        let change = AccountChange { name: Some(name), ..AccountChange::default() };
        self.change_account(id, change).await
    }

    /// Gives an account another password (argon2id in PHC form) and ends its sessions, except one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn set_password(
        &self,
        id: i64,
        password: String,
        keep_session: Option<i64>,
    ) -> Result<(), StoreError> {
        self.write(move |connection| change_password(connection, id, &password, keep_session)).await
    }

    /// Changes an account, all of it or nothing. A lock ends its sessions and tokens, a password its sessions.
    ///
    /// # Errors
    /// [`StoreError::Missing`], [`StoreError::Exists`] for a name, or [`StoreError::LastAdmin`] when nobody would be
    /// left to administer.
    pub(crate) async fn change_account(&self, id: i64, change: AccountChange) -> Result<Account, StoreError> {
        self.write(move |connection| {
            let AccountChange { name, role, locked_at_ms, password } = change;
            let found = by_id(connection, id)?.ok_or_else(|| missing(id))?;
            if role.is_some_and(|role| role != Role::Admin) || locked_at_ms.flatten().is_some() {
                others_administer(connection, &found)?;
            }
            if let Some(role) = role {
                let sql = "update accounts set role = ?2 where id = ?1";
                connection.execute(sql, params![id, role.as_str()])?;
            }
            if let Some(locked_at_ms) = locked_at_ms {
                let sql = "update accounts set locked_at_ms = ?2 where id = ?1";
                connection.execute(sql, params![id, locked_at_ms])?;
            }
            if locked_at_ms.flatten().is_some() {
                connection.execute("delete from sessions where account = ?1", [id])?;
                connection.execute("delete from api_tokens where account = ?1", [id])?;
            }
            if let Some(name) = name {
                rename(connection, id, &name)?;
            }
            if let Some(password) = password {
                change_password(connection, id, &password, None)?;
            }
            by_id(connection, id)?.ok_or_else(|| missing(id))
        })
        .await
    }

    /// Removes an account. Its messages stay and are nobody's; its rooms become the first admin's.
    ///
    /// # Errors
    /// [`StoreError::Missing`], or [`StoreError::LastAdmin`] when nobody would be left to administer.
    pub(crate) async fn delete_account(&self, id: i64) -> Result<Heir, StoreError> {
        self.write(move |connection| {
            let found = by_id(connection, id)?.ok_or_else(|| missing(id))?;
            others_administer(connection, &found)?;
            let sql = "select id from accounts where role = 'admin' and id <> ?1
                       order by locked_at_ms is not null, id limit 1";
            let heir: Option<i64> = connection.query_row(sql, [id], |row| row.get(0)).optional()?;
            connection.execute("update rooms set owner = ?2 where owner = ?1", params![id, heir])?;
            forgotten::forget(connection, None, &format!("a{id}"))?;
            connection.execute("delete from accounts where id = ?1", [id])?;
            Ok(heir.map_or(Heir::Nobody, Heir::Account))
        })
        .await
    }
}

/// The oldest admin's number.
pub(super) fn first_admin(connection: &Connection) -> Result<Option<i64>, StoreError> {
    let sql = "select id from accounts where role = 'admin' order by id limit 1";
    Ok(connection.query_row(sql, [], |row| row.get(0)).optional()?)
}

/// Folds the names anew that were stored when folding was another. Of two that are the same name by now, the later
/// one keeps what it had, and is found by its very name.
pub(super) fn fold_names(connection: &Connection) -> Result<(), StoreError> {
    let mut statement =
        connection.prepare("select id, name, name_folded, name_skeleton from accounts order by id")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
    let rows = rows.collect::<Result<Vec<(i64, String, String, Option<String>)>, _>>()?;
    for (id, name, stored, stored_skeleton) in rows {
        let (folded, skeleton) = (::rooms::fold(&name), ::rooms::skeleton(&name));
        if stored_skeleton.as_ref() != Some(&skeleton) {
            let sql = "update accounts set name_skeleton = ?2 where id = ?1";
            connection.execute(sql, params![id, skeleton])?;
        }
        if stored != folded {
            let sql = "update or ignore accounts set name_folded = ?2 where id = ?1";
            connection.execute(sql, params![id, folded])?;
        }
    }
    Ok(())
}

fn insert(connection: &Connection, new: &NewAccount, now_ms: i64) -> Result<Account, StoreError> {
    if taken(connection, new.name.as_str(), None)? {
        return Err(StoreError::Exists { what: "account", name: new.name.to_string() });
    }
    connection.execute("insert into account_ids default values", [])?;
    let id = connection.last_insert_rowid();
    connection.execute(
        "insert into accounts (id, name, name_folded, name_skeleton, password, role, local, created_at_ms)
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            id,
            new.name.as_str(),
            new.name.folded(),
            ::rooms::skeleton(new.name.as_str()),
            new.password,
            new.role.as_str(),
            new.local,
            now_ms
        ],
    )?;
    if new.role == Role::Admin {
        connection.execute("update rooms set owner = ?1 where owner is null", [id])?;
    }
    by_id(connection, id)?.ok_or_else(|| missing(id))
}

fn taken(connection: &Connection, name: &str, except: Option<i64>) -> Result<bool, StoreError> {
    let folded = ::rooms::fold(name);
    // Nobody passes for somebody who is gone.
    if folded == ::rooms::fold(DELETED_NAME) {
        return Ok(true);
    }
    let skeleton = ::rooms::skeleton(name);
    // A name without any letter or digit is nobody's, and shares its empty fold with everything of its kind.
    let sql = "select exists (select 1 from accounts
               where (name_folded = ?1 or name_skeleton = ?2) and (?3 is null or id <> ?3))";
    Ok(connection.query_row(sql, params![folded, skeleton, except], |row| row.get(0))?)
}

fn rename(connection: &Connection, id: i64, name: &Name) -> Result<(), StoreError> {
    if taken(connection, name.as_str(), Some(id))? {
        return Err(StoreError::Exists { what: "account", name: name.to_string() });
    }
    connection.execute(
        "update accounts set name = ?2, name_folded = ?3, name_skeleton = ?4 where id = ?1",
        params![id, name.as_str(), name.folded(), ::rooms::skeleton(name.as_str())],
    )?;
    Ok(())
}

fn change_password(
    connection: &Connection,
    id: i64,
    password: &str,
    keep_session: Option<i64>,
) -> Result<(), StoreError> {
    connection.execute("update accounts set password = ?2 where id = ?1", params![id, password])?;
    connection.execute(
        "delete from sessions where account = ?1 and (?2 is null or id <> ?2)",
        params![id, keep_session],
    )?;
    Ok(())
}

/// Whether somebody else can administer, where `account` is about to be no administrator any more.
fn others_administer(connection: &Connection, account: &Account) -> Result<(), StoreError> {
    let sql = "select exists (select 1 from accounts
               where role = 'admin' and locked_at_ms is null and id <> ?1)";
    let others: bool = connection.query_row(sql, [account.id], |row| row.get(0))?;
    if account.role == Role::Admin && !others {
        return Err(StoreError::LastAdmin);
    }
    Ok(())
}

fn by_id(connection: &Connection, id: i64) -> Result<Option<Account>, StoreError> {
    let sql = format!("{SELECT} where accounts.id = ?1");
    Ok(connection.query_row(&sql, [id], account).optional()?)
}

fn missing(id: i64) -> StoreError {
    StoreError::Missing { what: "account", name: id.to_string() }
}

fn numbered(name: &Name, number: u32) -> Name {
    let suffix = format!("-{number}");
    let kept: String = name.as_str().chars().take(Name::CHARS_MAX - suffix.len()).collect();
    Name::account(&(kept + &suffix)).expect("a shortened account name with digits is an account name")
}

pub(super) fn account(row: &Row<'_>) -> Result<Account, rusqlite::Error> {
    let role: String = row.get(2)?;
    Ok(Account {
        id: row.get(0)?,
        name: row.get(1)?,
        role: Role::from_stored(&role).ok_or(rusqlite::Error::InvalidQuery)?,
        local: row.get(3)?,
        seen_at_ms: row.get(4)?,
        created_at_ms: row.get(5)?,
        locked_at_ms: row.get(6)?,
    })
}

fn credentials(row: &Row<'_>) -> Result<Credentials, rusqlite::Error> {
    Ok(Credentials { account: account(row)?, password: row.get(ACCOUNT_COLUMNS)? })
}

/// What [`account`] reads; whoever selects more finds its own behind these.
macro_rules! account_columns {
    () => {
        "accounts.id, accounts.name, accounts.role, accounts.local, accounts.seen_at_ms,
         accounts.created_at_ms, accounts.locked_at_ms"
    };
}
pub(super) use account_columns;

/// How many these are.
pub(super) const ACCOUNT_COLUMNS: usize = 7;
/// The account of a folded name or, before that, of the very name: see [`fold_names`].
const NAMED: &str =
    "where name_folded = ?1 or (name = ?2 and name_folded <> ?1) order by name <> ?2, id limit 1";
const SELECT: &str = concat!("select ", account_columns!(), " from accounts");
const CREDENTIALS: &str = concat!("select ", account_columns!(), ", accounts.password from accounts");

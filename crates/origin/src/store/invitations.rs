//! Invitations to make an account: single use, with an end.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::{Role, Store, StoreError};
use crate::secret::Digest;

/// An invitation to be.
#[derive(Clone, Debug)]
pub(crate) struct NewInvitation {
    pub(crate) digest: Digest,
    /// Who it is for, for people.
    pub(crate) label: String,
    /// Of the account that is made with it.
    pub(crate) role: Role,
    pub(crate) made_by: Option<i64>,
    pub(crate) expires_at_ms: i64,
}

/// An invitation as admins see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Invitation {
    pub(crate) id: i64,
    pub(crate) label: String,
    pub(crate) role: Role,
    pub(crate) made_by: Option<String>,
    pub(crate) created_at_ms: i64,
    pub(crate) expires_at_ms: i64,
    pub(crate) used_by: Option<String>,
    pub(crate) used_at_ms: Option<i64>,
}

impl Store {
    /// Makes an invitation. Those that were over for a month go.
    ///
    /// # Errors
    /// [`StoreError::TooMany`] when [`INVITATIONS_MAX`] wait to be used.
    pub(crate) async fn create_invitation(
        &self,
        new: NewInvitation,
        now_ms: i64,
    ) -> Result<Invitation, StoreError> {
        self.write(move |connection| {
            connection.execute("delete from invitations where expires_at_ms < ?1", [now_ms - KEPT_MS])?;
            let sql = "select count(*) from invitations where used_at_ms is null";
            let count: i64 = connection.query_row(sql, [], |row| row.get(0))?;
            if count >= INVITATIONS_MAX {
                return Err(StoreError::TooMany { what: "invitations", max: INVITATIONS_MAX });
            }
            connection.execute(
                "insert into invitations (digest, label, role, made_by, created_at_ms, expires_at_ms)
                 values (?1, ?2, ?3, ?4, ?5, ?6)",
                params![new.digest.0, new.label, new.role.as_str(), new.made_by, now_ms, new.expires_at_ms],
            )?;
            let id = connection.last_insert_rowid();
            let sql = format!("{SELECT} where invitations.id = ?1");
            Ok(connection.query_row(&sql, [id], invitation)?)
        })
        .await
    }

    /// All invitations, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn invitations(&self) -> Result<Vec<Invitation>, StoreError> {
        self.read(|connection| {
            let mut statement =
                connection.prepare_cached(&format!("{SELECT} order by invitations.id desc"))?;
            let rows = statement.query_map([], invitation)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Whether an invitation is good, and for which role.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn invitation_role(
        &self,
        digest: Digest,
        now_ms: i64,
    ) -> Result<Option<Role>, StoreError> {
        let found = self.read(move |connection| valid(connection, digest, now_ms)).await;
        match found {
            Ok((_, role)) => Ok(Some(role)),
            Err(StoreError::Missing { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Withdraws an invitation; answers whether there was one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn withdraw_invitation(&self, id: i64) -> Result<bool, StoreError> {
        self.write(move |connection| {
            Ok(connection.execute("delete from invitations where id = ?1", [id])? == 1)
        })
        .await
    }
}

/// The number and role of an invitation that may be used.
pub(super) fn valid(connection: &Connection, digest: Digest, now_ms: i64) -> Result<(i64, Role), StoreError> {
    let found: Option<(i64, String)> = connection
        .query_row(
            "select id, role from invitations where digest = ?1 and used_at_ms is null and expires_at_ms > ?2",
            params![digest.0, now_ms],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    let (id, role) =
        found.ok_or_else(|| StoreError::Missing { what: "invitation", name: "with this code".to_owned() })?;
    let role =
        Role::from_stored(&role).ok_or(StoreError::Value { column: "invitations.role", found: role })?;
    Ok((id, role))
}

/// Notes who used an invitation; it is good for nobody else.
pub(super) fn mark_used(
    connection: &Connection,
    id: i64,
    account: i64,
    now_ms: i64,
) -> Result<(), StoreError> {
    connection.execute(
        "update invitations set used_by = ?2, used_at_ms = ?3 where id = ?1",
        params![id, account, now_ms],
    )?;
    Ok(())
}

fn invitation(row: &rusqlite::Row<'_>) -> Result<Invitation, rusqlite::Error> {
    let role: String = row.get(2)?;
    Ok(Invitation {
        id: row.get(0)?,
        label: row.get(1)?,
        role: Role::from_stored(&role).ok_or(rusqlite::Error::InvalidQuery)?,
        made_by: row.get(3)?,
        created_at_ms: row.get(4)?,
        expires_at_ms: row.get(5)?,
        used_by: row.get(6)?,
        used_at_ms: row.get(7)?,
    })
}

const SELECT: &str = "select invitations.id, label, invitations.role, maker.name, invitations.created_at_ms,
                             expires_at_ms, user.name, used_at_ms
                      from invitations left join accounts as maker on maker.id = made_by
                      left join accounts as user on user.id = used_by";
/// Invitations that wait: a school's worth.
const INVITATIONS_MAX: i64 = 1_000;
/// How long one stays in the list after its end: 30 days, in milliseconds.
const KEPT_MS: i64 = 30 * 24 * 60 * 60 * 1_000;

//! Addresses of accounts, and the links in letters to them: each is good once, for a while.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::{Store, StoreError};
use crate::secret::Digest;

/// What a link in a letter is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The address becomes the account's.
    Confirm,
    /// The account gets another password.
    Reset,
}

/// A letter to an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Addressee {
    pub(crate) account: i64,
    pub(crate) name: String,
    pub(crate) email: String,
}

/// A link to be.
#[derive(Clone, Debug)]
pub(crate) struct NewMailLink {
    pub(crate) digest: Digest,
    pub(crate) account: i64,
    pub(crate) purpose: Purpose,
    pub(crate) email: String,
    pub(crate) until_ms: i64,
}

impl Purpose {
    fn as_str(self) -> &'static str {
        match self {
            Purpose::Confirm => "confirm",
            Purpose::Reset => "reset",
        }
    }
}

impl Store {
    /// The address of an account.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn email(&self, account: i64) -> Result<Option<String>, StoreError> {
        self.read(move |connection| {
            let sql = "select email from accounts where id = ?1";
            Ok(connection.query_row(sql, [account], |row| row.get(0)).optional()?.flatten())
        })
        .await
    }

    /// Whom a name or an address means that may get another password: accounts with an address and a password that are not
    /// locked. At most [`ADDRESSEES_MAX`], since several may share an address.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn addressees(&self, name_or_email: &str) -> Result<Vec<Addressee>, StoreError> {
        let (folded, email) = (::rooms::fold(name_or_email), name_or_email.trim().to_owned());
        self.read(move |connection| {
            let sql = "select id, name, email from accounts
                       where email is not null and password is not null and locked_at_ms is null
                       and case when instr(?2, '@') > 0 then lower(email) = lower(?2) else name_folded = ?1 end
                       order by id limit ?3";
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map(params![folded, email, ADDRESSEES_MAX], |row| {
                Ok(Addressee { account: row.get(0)?, name: row.get(1)?, email: row.get(2)? })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Keeps a link until it is used or over; answers whether it does. An account has [`LINKS_MAX`] of a kind at a time, so that
    /// nobody's letter-box is filled by strangers.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn create_mail_link(&self, new: NewMailLink, now_ms: i64) -> Result<bool, StoreError> {
        self.write(move |connection| {
            drop_old(connection, now_ms)?;
            let sql = "select count(*) from mail_links where account = ?1 and purpose = ?2";
            let NewMailLink { digest, account, purpose, email, until_ms } = &new;
            let there: i64 = connection.query_row(sql, params![account, purpose.as_str()], |row| row.get(0))?;
            if there >= LINKS_MAX {
                return Ok(false);
            }
            connection.execute(
                "insert into mail_links (digest, account, purpose, email, until_ms) values (?1, ?2, ?3, ?4, ?5)",
                params![digest.0, account, purpose.as_str(), email, until_ms],
            )?;
            Ok(true)
        })
        .await
    }

    /// Drops the links that are over.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn drop_old_mail_links(&self, now_ms: i64) -> Result<(), StoreError> {
        self.write(move |connection| drop_old(connection, now_ms)).await
    }

    /// Whether a link is good.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn is_mail_link(
        &self,
        digest: Digest,
        purpose: Purpose,
        now_ms: i64,
    ) -> Result<bool, StoreError> {
        self.read(move |connection| Ok(valid(connection, digest, purpose, now_ms)?.is_some())).await
    }

    /// Gives an account the address that a link confirms, and uses the link up; the account's number.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when the link is no good.
    pub(crate) async fn confirm_email(&self, digest: Digest, now_ms: i64) -> Result<i64, StoreError> {
        self.write(move |connection| {
            let (account, email) =
                valid(connection, digest, Purpose::Confirm, now_ms)?.ok_or_else(missing)?;
            connection.execute("update accounts set email = ?2 where id = ?1", params![account, email])?;
            // Letters to the address before open nothing any more.
            connection.execute("delete from mail_links where account = ?1", [account])?;
            Ok(account)
        })
        .await
    }

    /// Gives an account another password (argon2id in PHC form) by a link, which is used up, and ends all its sessions; the
    /// account's number.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when the link is no good.
    pub(crate) async fn reset_password(
        &self,
        digest: Digest,
        password: String,
        now_ms: i64,
    ) -> Result<i64, StoreError> {
        self.write(move |connection| {
            let (account, _) = valid(connection, digest, Purpose::Reset, now_ms)?.ok_or_else(missing)?;
            connection
                .execute("update accounts set password = ?2 where id = ?1", params![account, password])?;
            connection.execute("delete from sessions where account = ?1", [account])?;
            connection.execute("delete from mail_links where account = ?1", [account])?;
            Ok(account)
        })
        .await
    }

    /// Takes an account's address away, and what was sent to it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn remove_email(&self, account: i64) -> Result<(), StoreError> {
        self.write(move |connection| {
            connection.execute("update accounts set email = null where id = ?1", [account])?;
            connection.execute("delete from mail_links where account = ?1", [account])?;
            Ok(())
        })
        .await
    }
}

/// The account and address of a link that may be used.
fn valid(
    connection: &Connection,
    digest: Digest,
    purpose: Purpose,
    now_ms: i64,
) -> Result<Option<(i64, String)>, StoreError> {
    let sql = "select account, email from mail_links where digest = ?1 and purpose = ?2 and until_ms > ?3";
    let found = connection
        .query_row(sql, params![digest.0, purpose.as_str(), now_ms], |row| Ok((row.get(0)?, row.get(1)?)));
    Ok(found.optional()?)
}

fn drop_old(connection: &Connection, now_ms: i64) -> Result<(), StoreError> {
    connection.execute("delete from mail_links where until_ms <= ?1", [now_ms])?;
    Ok(())
}

fn missing() -> StoreError {
    StoreError::Missing { what: "link", name: "with this code".to_owned() }
}

/// Links of one kind that an account has at a time: somebody who asks again after the first letter did not come.
const LINKS_MAX: i64 = 3;
/// Accounts of one address that get a letter each: a family's.
const ADDRESSEES_MAX: i64 = 3;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Role;
    use crate::store::tests::Place;

    async fn account(store: &Store, name: &str) -> i64 {
        let mut new = crate::store::tests::account(name, Role::Viewer);
        new.password = Some("hash".to_owned());
        store.create_account(new, 1).await.unwrap().id
    }

    fn link(account: i64, purpose: Purpose, code: &str) -> NewMailLink {
        let email = "Ella@example.org".to_owned();
        NewMailLink { digest: Digest::of(code), account, purpose, email, until_ms: 100 }
    }

    async fn with_address(store: &Store, account: i64) {
        let code = format!("confirm {account}");
        assert!(store.create_mail_link(link(account, Purpose::Confirm, &code), 1).await.unwrap());
        assert_eq!(store.confirm_email(Digest::of(&code), 2).await.unwrap(), account);
    }

    #[tokio::test]
    async fn an_address_is_an_account_s_once_its_letter_was_read() {
        let place = Place::new();
        let store = place.store();
        let ella = account(store, "ella").await;
        assert!(store.create_mail_link(link(ella, Purpose::Confirm, "one"), 1).await.unwrap());
        assert_eq!(store.email(ella).await.unwrap(), None);
        assert!(store.addressees("ella").await.unwrap().is_empty());
        assert!(store.confirm_email(Digest::of("one"), 100).await.is_err(), "it was good until 100");
        assert!(store.confirm_email(Digest::of("other"), 2).await.is_err());
        store.confirm_email(Digest::of("one"), 2).await.unwrap();
        assert_eq!(store.email(ella).await.unwrap().as_deref(), Some("Ella@example.org"));
        assert!(store.confirm_email(Digest::of("one"), 2).await.is_err(), "it is used up");
        for found in
            [store.addressees("Ella").await.unwrap(), store.addressees("ella@EXAMPLE.org").await.unwrap()]
        {
            assert_eq!(found.len(), 1);
            assert_eq!((found[0].account, &*found[0].email), (ella, "Ella@example.org"));
        }
        store.remove_email(ella).await.unwrap();
        assert!(store.addressees("ella").await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_reset_uses_up_every_link_and_a_link_of_the_other_kind_opens_nothing() {
        let place = Place::new();
        let store = place.store();
        let ella = account(store, "ella").await;
        with_address(store, ella).await;
        for code in ["one", "two", "three"] {
            assert!(store.create_mail_link(link(ella, Purpose::Reset, code), 1).await.unwrap());
        }
        assert!(
            !store.create_mail_link(link(ella, Purpose::Reset, "four"), 1).await.unwrap(),
            "enough letters"
        );
        assert!(store.confirm_email(Digest::of("one"), 2).await.is_err());
        assert!(store.is_mail_link(Digest::of("one"), Purpose::Reset, 2).await.unwrap());
        assert_eq!(store.reset_password(Digest::of("one"), "other hash".to_owned(), 2).await.unwrap(), ella);
        assert!(store.reset_password(Digest::of("two"), "third hash".to_owned(), 2).await.is_err());
        let found = store.credentials("ella").await.unwrap().unwrap();
        assert_eq!(found.password.as_deref(), Some("other hash"));
    }
}

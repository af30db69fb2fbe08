//! Addresses of accounts, and passwords that were forgotten.

use std::net::IpAddr;
use std::time::Duration;

use super::post::{Language, Occasion, Post, is_address};
use super::{AccountError, Accounts};
use crate::clock::unix_ms;
use crate::secret::{self, Digest};
use crate::store::{Account, Addressee, NewMailLink, Purpose, Store, StoreError};

impl Accounts {
    /// What sends letters.
    ///
    /// # Errors
    /// [`AccountError::NoLetters`] where the settings name no server.
    pub(crate) fn post(&self) -> Result<&Post, AccountError> {
        self.post.as_ref().ok_or(AccountError::NoLetters)
    }

    /// Sends a letter to an address that somebody says is theirs. It is the account's when its link was followed.
    ///
    /// # Errors
    /// [`AccountError`].
    pub(crate) async fn offer_email(
        &self,
        store: &Store,
        account: &Account,
        email: String,
        language: Language,
    ) -> Result<(), AccountError> {
        let post = self.post()?;
        if !is_address(&email) {
            return Err(AccountError::Email);
        }
        let to = Addressee { account: account.id, name: account.name.clone(), email };
        let wait = CONFIRM_LIFETIME;
        match write(post, store, Purpose::Confirm, to, language).await? {
            Written::HandedIn => Ok(()),
            Written::Enough => Err(AccountError::TooManyRequests { wait }),
            Written::Full => Err(AccountError::PostFull),
        }
    }

    /// Makes the address of a letter the account's.
    ///
    /// # Errors
    /// [`AccountError::LinkWrong`] or of the store.
    pub(crate) async fn confirm_email(&self, store: &Store, code: &str) -> Result<i64, AccountError> {
        store.confirm_email(Digest::of(code), unix_ms()).await.map_err(link_wrong)
    }

    /// Sends letters to those whom a name or an address means. What comes back says nothing about who has an account.
    ///
    /// # Errors
    /// [`AccountError::NoLetters`], [`AccountError::TooManyRequests`] or of the store.
    pub(crate) async fn forgot_password(
        &self,
        store: &Store,
        who: &str,
        language: Language,
        address: IpAddr,
    ) -> Result<(), AccountError> {
        let post = self.post()?;
        self.quotas.letter(address).map_err(|wait| AccountError::TooManyRequests { wait })?;
        let addressees = store.addressees(who).await?;
        if addressees.is_empty() {
            // A link is stored for everybody else: without a commit, the time would tell who has none.
            store.drop_old_mail_links(unix_ms()).await?;
        }
        for to in addressees {
            let account = to.account;
            let written = write(post, store, Purpose::Reset, to, language).await?;
            tracing::info!(account, ?written, "somebody forgot their password");
        }
        Ok(())
    }

    /// Gives the account of a letter another password, which ends all its sessions.
    ///
    /// # Errors
    /// [`AccountError`].
    pub(crate) async fn reset_password(
        &self,
        store: &Store,
        code: &str,
        password: String,
    ) -> Result<i64, AccountError> {
        let digest = Digest::of(code);
        // Before the hash, which costs more.
        if !store.is_mail_link(digest, Purpose::Reset, unix_ms()).await? {
            return Err(AccountError::LinkWrong);
        }
        let password = self.hashing.hash(password).await?;
        store.reset_password(digest, password, unix_ms()).await.map_err(link_wrong)
    }
}

/// What became of a letter.
#[derive(Clone, Copy, Debug)]
enum Written {
    HandedIn,
    /// The account has letters enough whose links are good.
    Enough,
    /// Too many letters wait.
    Full,
}

async fn write(
    post: &Post,
    store: &Store,
    purpose: Purpose,
    to: Addressee,
    language: Language,
) -> Result<Written, StoreError> {
    let (occasion, lifetime) = match purpose {
        Purpose::Confirm => (Occasion::Confirm, CONFIRM_LIFETIME),
        Purpose::Reset => (Occasion::Reset, RESET_LIFETIME),
    };
    let (code, now_ms) = (secret::random(), unix_ms());
    let lifetime_ms = i64::try_from(lifetime.as_millis()).unwrap_or(i64::MAX);
    let Addressee { account, name, email } = to;
    let new = NewMailLink {
        digest: Digest::of(&code),
        account,
        purpose,
        email: email.clone(),
        until_ms: now_ms + lifetime_ms,
    };
    if !store.create_mail_link(new, now_ms).await? {
        return Ok(Written::Enough);
    }
    let letter = post.letter(occasion, language, email, &name, &code);
    Ok(if post.hand_in(letter) { Written::HandedIn } else { Written::Full })
}

fn link_wrong(error: StoreError) -> AccountError {
    match error {
        StoreError::Missing { .. } => AccountError::LinkWrong,
        error => error.into(),
    }
}

/// How long a link that confirms an address is good, as the letter says.
const CONFIRM_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a link that gives another password is good, as the letter says.
const RESET_LIFETIME: Duration = Duration::from_secs(60 * 60);

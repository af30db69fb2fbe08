//! Who has an account and how they prove it: registration, sign-in, passwords, invitations, links.
//!
//! Routes say who asks and answer in JSON, `store` keeps; the rules between stand here.

mod attempts;
mod forgotten;
mod links;
mod password;
mod post;
mod quotas;

use std::net::IpAddr;
use std::time::Duration;

use rooms::{Name, Slug};
use thiserror::Error;

pub(crate) use attempts::network;
pub(crate) use links::Links;
pub(crate) use password::{Hashing, PasswordError};
pub(crate) use post::{Language, Post};
pub(crate) use quotas::Quotas;

use crate::clock::unix_ms;
use crate::config::{MailSettings, Registration};
use crate::secret::{self, Digest};
use crate::store::{Account, NewAccount, NewSession, Role, Store, StoreError};
use attempts::Attempts;

/// What is kept in memory about accounts.
#[derive(Debug)]
pub(crate) struct Accounts {
    pub(crate) hashing: Hashing,
    pub(crate) links: Links,
    pub(crate) quotas: Quotas,
    attempts: Attempts,
    /// Of the passwords of rooms, by room and address together: a stranger's guesses must not lock a class out.
    room_attempts: Attempts,
    /// Who may register as the settings file says it; the store has the last word.
    configured: Registration,
    /// What sends letters, where the settings name a server.
    post: Option<Post>,
}

/// Why an account was not made, changed or signed in to.
#[derive(Debug, Error)]
pub(crate) enum AccountError {
    #[error("{0}")]
    Name(#[from] rooms::NameError),
    #[error("the name has no letter or digit to tell it from others")]
    NameOfMarks,
    #[error("{0}")]
    Password(#[from] PasswordError),
    #[error("the name or the password is wrong")]
    Wrong { tries_left: u32 },
    #[error("too many tries: wait {} s before the next", whole_seconds(*.wait))]
    TooManyTries { wait: Duration },
    #[error("too many requests from this address: wait {} s", whole_seconds(*.wait))]
    TooManyRequests { wait: Duration },
    #[error("this server takes no registrations: ask its administrator for an account")]
    RegistrationClosed,
    #[error("registering here needs an invitation")]
    InvitationNeeded,
    #[error("the invitation was used, has ended, or never was: ask for another")]
    InvitationWrong,
    #[error("the link was used, has ended, or never was: get another")]
    LinkWrong,
    #[error("an administrator has locked this account")]
    Locked,
    #[error("this is no e-mail address: expected one such as ella@example.org")]
    Email,
    #[error("this server sends no letters: ask its administrator for a new password")]
    NoLetters,
    #[error("too many letters wait to be sent: try again in a moment")]
    PostFull,
    #[error("{0}")]
    Store(#[from] StoreError),
}

/// Somebody who registers.
#[derive(Debug)]
pub(crate) struct Newcomer {
    pub(crate) name: String,
    pub(crate) password: String,
    /// The code of an invitation.
    pub(crate) invitation: Option<String>,
    pub(crate) address: IpAddr,
}

impl Accounts {
    pub(crate) fn new(configured: Registration, mail: &MailSettings) -> Accounts {
        Accounts {
            hashing: Hashing::new(),
            links: Links::default(),
            quotas: Quotas::new(),
            attempts: Attempts::new(),
            room_attempts: Attempts::new(),
            configured,
            post: Post::new(mail),
        }
    }

    /// Who may register now.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn registration(&self, store: &Store) -> Result<Registration, StoreError> {
        Ok(store.registration().await?.unwrap_or(self.configured))
    }

    /// The account with this name and password.
    ///
    /// # Errors
    /// [`AccountError::Wrong`], [`AccountError::TooManyTries`], [`PasswordError::Busy`] or of the store.
    pub(crate) async fn check_password(
        &self,
        store: &Store,
        name: &str,
        password: String,
        address: IpAddr,
    ) -> Result<Account, AccountError> {
        // Another spelling of the name is no other account.
        let begun = self.attempts.begin(&rooms::fold(name), address);
        let attempt = begun.map_err(|wait| AccountError::TooManyTries { wait })?;
        let found = store.credentials(name).await?;
        let stored = found.as_ref().and_then(|found| found.password.clone());
        let right = self.hashing.verify(password, stored).await;
        let right = right.inspect_err(|_| self.attempts.take_back(&attempt))?;
        match found {
            Some(found) if right => {
                self.attempts.succeeded(&attempt);
                Ok(found.account)
            }
            _ => Err(AccountError::Wrong { tries_left: attempt.tries_left }),
        }
    }

    /// Whether this is the password of a private room.
    ///
    /// # Errors
    /// [`AccountError::Wrong`], [`AccountError::TooManyTries`], [`PasswordError::Busy`].
    pub(crate) async fn check_room_password(
        &self,
        room: &Slug,
        password: String,
        stored: Option<String>,
        address: IpAddr,
    ) -> Result<(), AccountError> {
        let begun = self.room_attempts.begin(&format!("{room} {}", network(address)), address);
        let attempt = begun.map_err(|wait| AccountError::TooManyTries { wait })?;
        let right = self.hashing.verify(password, stored).await;
        if !right.inspect_err(|_| self.room_attempts.take_back(&attempt))? {
            return Err(AccountError::Wrong { tries_left: attempt.tries_left });
        }
        self.room_attempts.succeeded(&attempt);
        Ok(())
    }

    /// Makes an account for somebody who asks for one.
    ///
    /// # Errors
    /// [`AccountError`].
    pub(crate) async fn register(&self, store: &Store, who: Newcomer) -> Result<Account, AccountError> {
        let quota = self.quotas.register(who.address);
        quota.map_err(|wait| AccountError::TooManyRequests { wait })?;
        let name = account_name(&who.name)?;
        let registration = self.registration(store).await?;
        let invitation = match (registration, &who.invitation) {
            (Registration::Closed, _) => return Err(AccountError::RegistrationClosed),
            (Registration::Invite, None) => return Err(AccountError::InvitationNeeded),
            (_, Some(code)) => {
                let digest = Digest::of(code);
                let role = store.invitation_role(digest, unix_ms()).await?;
                role.ok_or(AccountError::InvitationWrong)?;
                Some(digest)
            }
            (Registration::Open, None) => None,
        };
        // Before the hash, which costs more.
        if store.is_name_taken(name.as_str()).await? {
            return Err(StoreError::Exists { what: "account", name: name.to_string() }.into());
        }
        let password = Some(self.hashing.hash(who.password).await?);
        let new = NewAccount { name, password, role: Role::Viewer, local: false };
        let made = match invitation {
            Some(digest) => store.create_invited_account(new, digest, unix_ms()).await,
            None => store.create_account(new, unix_ms()).await,
        };
        made.map_err(|error| match error {
            StoreError::Missing { what: "invitation", .. } => AccountError::InvitationWrong,
            error => error.into(),
        })
    }

    /// Makes the first administrator for whoever has the set-up's link.
    ///
    /// # Errors
    /// [`AccountError`].
    pub(crate) async fn set_up(
        &self,
        store: &Store,
        code: &str,
        name: &str,
        password: String,
    ) -> Result<Account, AccountError> {
        if !self.links.is_set_up(code) {
            return Err(AccountError::LinkWrong);
        }
        let name = account_name(name)?;
        let password = Some(self.hashing.hash(password).await?);
        let new = NewAccount { name, password, role: Role::Admin, local: false };
        let made = store.create_first_admin(new, unix_ms()).await?;
        self.links.close_set_up();
        made.ok_or(AccountError::LinkWrong)
    }
}

/// Makes an account as an administrator asks for it.
///
/// # Errors
/// [`AccountError`].
pub(crate) async fn create(
    store: &Store,
    hashing: &Hashing,
    name: &str,
    password: String,
    role: Role,
) -> Result<Account, AccountError> {
    let name = account_name(name)?;
    let password = Some(hashing.hash(password).await?);
    Ok(store.create_account(NewAccount { name, password, role, local: false }, unix_ms()).await?)
}

/// Signs an account in: what the browser's cookie holds from now on.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn open_session(
    store: &Store,
    account: i64,
    lasting: bool,
    agent: &str,
) -> Result<String, StoreError> {
    let secret = secret::random();
    let agent: String =
        agent.chars().filter(|character| !character.is_control()).take(AGENT_CHARS_MAX).collect();
    let new = NewSession { digest: Digest::of(&secret), account, lasting, agent };
    store.create_session(new, unix_ms()).await?;
    Ok(secret)
}

/// A name that an account may have.
///
/// # Errors
/// [`AccountError::Name`] or [`AccountError::NameOfMarks`].
pub(crate) fn account_name(raw: &str) -> Result<Name, AccountError> {
    let name = Name::account(raw)?;
    if name.folded().is_empty() {
        return Err(AccountError::NameOfMarks);
    }
    Ok(name)
}

/// Seconds to wait, so that the wait is over when they are.
pub(crate) fn whole_seconds(wait: Duration) -> u64 {
    wait.as_millis().div_ceil(1_000) as u64
}

/// Code points kept of how a browser names itself.
const AGENT_CHARS_MAX: usize = 200;

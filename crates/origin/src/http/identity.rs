//! Who somebody is, and what they may do in a room.

use rooms::frame::Role as RoomRole;

use crate::callers::Opened;
use crate::state::Shared;
use crate::store::{Account, Role, RoomRecord, Session, StoreError, Token};

/// Somebody who is known: by a session, a token, or the token in `run.json`.
#[derive(Clone, Debug)]
pub(crate) enum Identity {
    /// An account.
    Account(Account),
    /// The token in `run.json`: whoever can read it owns the data folder.
    Operator,
}

/// How they showed it.
#[derive(Clone, Debug)]
pub(crate) enum Credential {
    /// A browser's cookie.
    Session(Session),
    /// An account's token, for these uses alone.
    Token(Token),
    /// The token in `run.json`.
    RunToken,
}

impl Credential {
    /// What a connection that is opened with it ends with; `None` where that cannot be taken back.
    pub(crate) fn opens(&self) -> Option<Opened> {
        match self {
            Credential::Session(session) => Some(Opened::Session(session.id)),
            Credential::Token(token) => Some(Opened::Token(token.id)),
            Credential::RunToken => None,
        }
    }
}

/// What somebody may do in one room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) owner: bool,
    pub(crate) moderator: bool,
    pub(crate) admin: bool,
}

impl Identity {
    /// Whether it may do everything.
    pub(crate) fn is_admin(&self) -> bool {
        match self {
            Identity::Account(account) => account.role == Role::Admin,
            Identity::Operator => true,
        }
    }

    /// Whether it may have rooms of its own.
    pub(crate) fn may_own_rooms(&self) -> bool {
        match self {
            Identity::Account(account) => account.role != Role::Viewer,
            Identity::Operator => true,
        }
    }

    /// Whether the room's settings, key and ingest are this one's to see and change.
    pub(crate) fn may_manage(&self, room: &RoomRecord) -> bool {
        self.is_admin() || self.owns(room)
    }

    /// Whether the room is this account's own.
    pub(crate) fn owns(&self, room: &RoomRecord) -> bool {
        match self {
            Identity::Account(account) => room.owner_id == Some(account.id),
            Identity::Operator => false,
        }
    }

    /// Its account's number; the operator has none.
    pub(crate) fn account_id(&self) -> Option<i64> {
        match self {
            Identity::Account(account) => Some(account.id),
            Identity::Operator => None,
        }
    }

    /// What it may do in a room.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn standing(&self, shared: &Shared, room: &RoomRecord) -> Result<Standing, StoreError> {
        let moderator = match self.account_id() {
            Some(account) => shared.store.is_moderator(room.id, account).await?,
            None => false,
        };
        Ok(Standing { owner: self.owns(room), moderator, admin: self.is_admin() })
    }
}

impl Standing {
    /// Whether they keep order in the room: delete, time out, ban, pin.
    pub(crate) fn may_moderate(self) -> bool {
        self.owner || self.moderator || self.admin
    }

    /// The same as others in the room see it.
    pub(crate) fn roles(self) -> Vec<RoomRole> {
        let all = [
            (self.owner, RoomRole::Owner),
            (self.admin, RoomRole::Admin),
            (self.moderator, RoomRole::Moderator),
        ];
        all.into_iter().filter(|(has, _)| *has).map(|(_, role)| role).collect()
    }
}

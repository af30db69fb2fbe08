//! Members whose account is deleted: what they said and did stays, and is nobody's.

use crate::Time;
use crate::entry::{Act, Deed, Entry, EntryBody, Message};
use crate::floor::Floor;
use crate::frame::{Person, Whom};
use crate::name::Name;
use crate::room::Room;

/// What somebody is called whose account is deleted. It holds a space, so no account can be called so.
pub const DELETED_NAME: &str = "deleted user";

impl Room {
    /// Forgets who `member` was, in a line of the log: whoever is here is told, and whoever comes back.
    pub(crate) fn forget(&mut self, now: Time, member: &str) {
        // Those of their connections that are not closed yet.
        self.crowd.forget(member);
        let coming = self.pending.iter().any(|pending| pending.entry.clone().forget(member));
        if coming || self.transcript.names(member) || self.floor.clone().forget(member) {
            self.done_by(now, None, Act::Forget { member: member.to_owned() });
        }
    }
}

impl Floor {
    /// Forgets who `member` was; their hand goes down. Answers whether anything named them.
    pub fn forget(&mut self, member: &str) -> bool {
        let hands = self.hands.len();
        self.hands.retain(|hand| hand.member.id != member);
        let mut found = self.hands.len() != hands;
        if let Some(pinned) = &mut self.pinned {
            found |= pinned.message.forget(member);
        }
        for held in self.held.values_mut() {
            found |= held.message.forget(member);
        }
        for sanction in self.sanctions.values_mut() {
            found |= sanction.member.forget(member);
            found |= sanction.by.as_mut().is_some_and(|by| by.forget(member));
        }
        for question in self.questions.values_mut() {
            found |= question.from.forget(member);
        }
        found
    }
}

impl Entry {
    /// The same for a line of the log.
    pub fn forget(&mut self, member: &str) -> bool {
        match &mut self.body {
            EntryBody::Message(message) | EntryBody::Held { message, .. } => message.forget(member),
            EntryBody::Deed(Deed { by, act, .. }) => {
                let by = by.as_mut().is_some_and(|by| by.forget(member));
                act.forget(member) || by
            }
            EntryBody::Notice(_) => false,
        }
    }
}

impl Act {
    /// The same for something that was done.
    pub fn forget(&mut self, member: &str) -> bool {
        match self {
            Act::Silence { member: whom, .. } | Act::Lift { member: whom } => whom.forget(member),
            Act::Pin { pinned: Some(pinned) } => pinned.message.forget(member),
            Act::Gift(given) => given.to.forget(member),
            _ => false,
        }
    }
}

impl Message {
    fn forget(&mut self, member: &str) -> bool {
        let by = self.released.as_mut().is_some_and(|released| released.by.forget(member));
        self.from.forget(member) || by
    }
}

impl Person {
    /// The same for somebody who wrote; they have no roles any more.
    pub(crate) fn forget(&mut self, member: &str) -> bool {
        let theirs = self.id == member;
        if theirs {
            self.name = Name::guest(DELETED_NAME).expect("letters and a space are a name");
            self.roles.clear();
        }
        theirs
    }
}

impl Whom {
    /// The same for somebody who is spoken of.
    pub fn forget(&mut self, member: &str) -> bool {
        let theirs = self.id == member;
        if theirs {
            DELETED_NAME.clone_into(&mut self.name);
        }
        theirs
    }
}

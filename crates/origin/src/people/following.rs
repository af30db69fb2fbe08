//! What rooms are told about their people by others than themselves, and what they tell of them.

use rooms::Slug;

use super::{Handle, Mail, People};

impl People {
    /// How many watch, in all rooms together.
    pub(crate) fn viewers(&self) -> u32 {
        self.rooms().values().map(|handle| handle.view.borrow().viewers).fold(0, u32::saturating_add)
    }

    /// Tells open rooms that an account is deleted. Others read it from the store when they open.
    pub(crate) async fn account_deleted(&self, account: i64) {
        let open: Vec<Handle> = self.rooms().values().cloned().collect();
        for handle in open {
            // A room that stops just now has nobody left to tell.
            let _ = handle.mailbox.send(Mail::Forget(member_id(account))).await;
        }
    }

    /// Tells an open room whether an account follows it.
    pub(crate) async fn follow(&self, slug: &Slug, account: i64, follows: bool) {
        let handle = self.rooms().get(slug).cloned();
        if let Some(handle) = handle {
            handle.follow(account, follows).await;
        }
    }
}

impl Handle {
    /// Tells the room whether an account that is here follows it.
    pub(crate) async fn follow(&self, account: i64, follows: bool) {
        // A room that stops just now has nobody left to tell.
        let _ = self.mailbox.send(Mail::Follow(member_id(account), follows)).await;
    }
}

/// What an account is called in rooms, see [`rooms::frame::Person::id`].
pub(crate) fn member_id(account: i64) -> String {
    format!("a{account}")
}

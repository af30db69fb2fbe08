//! One line of a room's log.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::forgotten::DELETED_NAME;
use crate::frame::{Danmaku, Moment, NoticeCode, Out, Person, Whom};
use crate::gift::Given;
use crate::poll::Poll;
use crate::rules::{Rules, Why};
use crate::text::Text;

/// One line of a room's log. What a room is, is what its lines make of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its place; rises strictly within a room's epoch.
    pub seq: u64,
    /// Unix time in milliseconds.
    pub at_ms: i64,
    /// What it says.
    pub body: EntryBody,
}

/// What a line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryBody {
    /// Somebody said something.
    Message(Message),
    /// Somebody said something that waits for a moderator.
    Held {
        /// What.
        message: Message,
        /// Why it waits.
        why: Why,
    },
    /// Something happened to the stream.
    Notice(NoticeCode),
    /// Somebody did something, or the room did by itself.
    Deed(Deed),
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = LoggedMessage)]
pub struct Message {
    /// The sender's own id for it.
    pub id: String,
    /// Who.
    pub from: Person,
    /// What.
    pub text: Text,
    /// The line it answers.
    pub reply_to: Option<u64>,
    /// How it flies over the picture.
    pub danmaku: Option<Danmaku>,
    /// It is a comment on a recording.
    #[serde(default)]
    pub on: Option<Moment>,
    /// It was held before.
    pub released: Option<Released>,
    /// The name of who took it away.
    pub deleted_by: Option<String>,
}

/// How a message came through that was held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Released {
    /// Its number while it waited.
    pub held: u64,
    /// Who let it through.
    pub by: Whom,
}

/// Something that was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deed {
    /// The doer's own id for it; empty when the room did it or nobody waits for an answer.
    pub id: String,
    /// Whose doing; `None`: the room's own.
    pub by: Option<Person>,
    /// What.
    pub act: Act,
}

/// What can be done. Its JSON is what the log keeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "act", rename_all = "snake_case")]
#[schema(as = Deed)]
pub enum Act {
    /// A line is taken away.
    Delete {
        /// The line.
        message: u64,
    },
    /// A line that was taken away is back.
    Restore {
        /// The line.
        message: u64,
    },
    /// A held message is not let through.
    Reject {
        /// Its number.
        held: u64,
    },
    /// Somebody is kept from writing.
    Silence {
        /// Who.
        member: Whom,
        /// A ban; else a time-out.
        ban: bool,
        /// Unix time in milliseconds; `None` until it is lifted.
        until_ms: Option<i64>,
        /// Guests from here are kept from writing too, for a day; see [`crate::Command::Join`].
        address: Option<String>,
        /// Why, in the doer's words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// They may write again.
    Lift {
        /// Who.
        member: Whom,
    },
    /// Another line is pinned, or none.
    Pin {
        /// It with its place.
        #[schema(value_type = Option<Pinned>)]
        pinned: Option<Box<Pinned>>,
    },
    /// The rules are others.
    Settings {
        /// All of them.
        rules: Rules,
    },
    /// A poll opens; the line's number is its id.
    OpenPoll {
        /// Without votes.
        poll: Poll,
    },
    /// A poll closes.
    ClosePoll {
        /// Its number.
        poll: u64,
    },
    /// A vote.
    Vote {
        /// In which poll.
        poll: u64,
        /// Options by their place.
        choices: Vec<u8>,
    },
    /// The doer raises a hand.
    Raise,
    /// Somebody's hand goes down, or everybody's.
    Lower {
        /// Whose; `None` means everybody's.
        member: Option<String>,
    },
    /// Somebody may speak.
    Call {
        /// Who.
        member: String,
    },
    /// A question; the line's number is its id.
    Ask {
        /// What.
        text: Text,
    },
    /// A question is voted up.
    Upvote {
        /// Its number.
        question: u64,
    },
    /// A question is answered.
    Answer {
        /// Its number.
        question: u64,
    },
    /// So many likes there are by now.
    Likes {
        /// All of this broadcast.
        total: u64,
    },
    /// The doer is in class.
    Here,
    /// The doer has left the class.
    Gone,
    /// A gift, paid for when this line is stored.
    Gift(Given),
    /// A broadcast is over.
    Broadcast(Audience),
    /// Somebody's account was deleted: what they said and did is nobody's.
    Forget {
        /// Who they were, see [`Person::id`].
        member: String,
    },
}

/// Who watched a broadcast.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Audience {
    /// When it began, Unix time in milliseconds.
    pub started_at_ms: Option<i64>,
    /// How long it was followed here, milliseconds.
    pub duration_ms: u64,
    /// Most viewers at a time.
    pub peak: u32,
    /// Viewers on average over its time, in thousandths.
    pub average_milli: u64,
    /// Likes.
    pub likes: u64,
}

/// A line that is pinned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Pinned {
    /// Its place.
    pub seq: u64,
    /// When it was said, Unix time in milliseconds.
    pub at_ms: i64,
    /// What it says.
    pub message: Message,
}

impl Act {
    /// Whether it is one of many of its kind, which nobody needs to read line by line: such lines are kept, and count,
    /// but do not push others out of the log's tail.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        matches!(
            self,
            Act::Vote { .. }
                | Act::Raise
                | Act::Lower { .. }
                | Act::Upvote { .. }
                | Act::Likes { .. }
                | Act::Here
                | Act::Gone
        )
    }
}

impl Message {
    /// A plain message.
    #[must_use]
    pub fn new(id: String, from: Person, text: Text) -> Message {
        Message { id, from, text, reply_to: None, danmaku: None, on: None, released: None, deleted_by: None }
    }

    /// As it is sent.
    #[must_use]
    pub fn frame(&self, seq: u64, at: i64) -> Out {
        let taken = self.deleted_by.is_some();
        Out::Message {
            seq,
            id: self.id.clone(),
            from: self.from.clone(),
            text: if taken { String::new() } else { self.text.as_str().to_owned() },
            at,
            reply_to: self.reply_to,
            danmaku: self.danmaku.clone().filter(|_| !taken),
            on: self.on.clone(),
            deleted_by: self.deleted_by.clone(),
        }
    }
}

impl Pinned {
    /// As it is sent.
    #[must_use]
    pub fn frame(&self) -> Out {
        self.message.frame(self.seq, self.at_ms)
    }
}

impl Entry {
    /// As everybody is sent it; `None` for what is not for everybody, or told in another way.
    #[must_use]
    pub fn frame(&self) -> Option<Out> {
        let seq = self.seq;
        match &self.body {
            EntryBody::Message(message) => Some(message.frame(seq, self.at_ms)),
            EntryBody::Notice(code) => Some(Out::Notice { seq, code: *code, at: self.at_ms }),
            EntryBody::Deed(Deed { by: Some(by), act: Act::Delete { message }, .. }) => {
                Some(Out::Deleted { seq, message: *message, by: by.whom() })
            }
            EntryBody::Deed(Deed { by: Some(by), act: Act::Gift(given), .. }) => {
                Some(given.frame(seq, by.whom(), self.at_ms))
            }
            EntryBody::Deed(Deed { act: Act::Forget { member }, .. }) => {
                let member = Whom { id: member.clone(), name: DELETED_NAME.to_owned() };
                Some(Out::Forgotten { seq, member })
            }
            EntryBody::Held { .. } | EntryBody::Deed(_) => None,
        }
    }

    /// Whose it is and their own id for it, when a repeat of it can come.
    #[must_use]
    pub fn key(&self) -> Option<(&str, &str)> {
        match &self.body {
            EntryBody::Message(message) if message.released.is_some() => None,
            EntryBody::Message(message) | EntryBody::Held { message, .. } => {
                Some((&message.from.id, &message.id))
            }
            EntryBody::Deed(Deed { id, by: Some(by), .. }) if !id.is_empty() => Some((&by.id, id)),
            EntryBody::Notice(_) | EntryBody::Deed(_) => None,
        }
    }
}

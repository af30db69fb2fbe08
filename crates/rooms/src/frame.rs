//! What travels over a chat's WebSocket: one JSON object a text message, named by its `type`.

use serde::{Deserialize, Serialize};

use crate::name::Name;
use crate::slug::Slug;

/// From a member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum In {
    /// Says something.
    Send {
        /// The sender's own; a repeat with the same one is answered like the first. 1 to 64 bytes.
        id: String,
        /// See [`crate::Text`].
        text: String,
    },
    /// Asks for what was missed while away.
    Resume {
        /// The epoch of the last `welcome`.
        epoch: String,
        /// The highest sequence number seen.
        seq: u64,
    },
}

/// To a member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Out {
    /// First, once.
    Welcome {
        /// Changes only when the room's log starts anew.
        epoch: String,
        /// The highest sequence number given out so far; what follows is above it.
        seq: u64,
        /// Who the receiver is in this room.
        member: Person,
        /// The room as it is now.
        room: RoomView,
        /// The latest [`crate::HISTORY_MESSAGES`] messages, oldest first.
        history: Vec<Out>,
    },
    /// The sender's message is stored.
    Ack {
        /// The sender's own id.
        id: String,
        /// Its place in the room's log.
        seq: u64,
    },
    /// Something the receiver asked for was refused.
    Error {
        /// The id of the refused frame, when it had one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<String>,
        /// For programs.
        code: ErrorCode,
        /// For people.
        message: String,
        /// When trying again may work, in milliseconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after_ms: Option<u64>,
    },
    /// Somebody said something.
    Message {
        /// Its place in the room's log; rises.
        seq: u64,
        /// The sender's own id.
        id: String,
        /// Who.
        from: Person,
        /// Plain text.
        text: String,
        /// Unix time in milliseconds, the origin's clock.
        at: i64,
    },
    /// Something happened to the room.
    Notice {
        /// Its place in the room's log; rises.
        seq: u64,
        /// What.
        code: NoticeCode,
        /// Unix time in milliseconds, the origin's clock.
        at: i64,
    },
    /// The gap that `resume` asked for is gone; take the last `welcome`'s history instead.
    Reset {
        /// The highest sequence number given out so far.
        seq: u64,
    },
    /// How many are here. Not numbered; at most every [`crate::Room::PRESENCE_INTERVAL`].
    Presence {
        /// Open connections other than the owner's.
        viewers: u32,
        /// Different people among them.
        members: u32,
    },
}

/// Who says something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Stable for an account, and for a guest as long as the cookie lives.
    pub id: String,
    /// Shown name; two guests may share one.
    pub name: Name,
    /// Rights in this room, strongest first; empty for guests.
    pub roles: Vec<Role>,
}

/// A right in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// May do everything, everywhere.
    Admin,
    /// The room is theirs.
    Owner,
    /// Keeps order in this room.
    Moderator,
}

/// A room as everybody may see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomView {
    /// Its name in URLs.
    pub room: Slug,
    /// Its name for people.
    pub title: String,
    /// The owner's account; `None` while the origin has no account.
    pub owner: Option<String>,
    /// What its stream does.
    pub state: State,
    /// See [`Out::Presence`].
    pub viewers: u32,
    /// See [`Out::Presence`].
    pub members: u32,
    /// When this broadcast began, Unix time in milliseconds; `None` while offline.
    pub live_since_ms: Option<i64>,
    /// The multivariant playlist, as an absolute path.
    pub playlist: String,
}

/// What a room's stream does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// No broadcast.
    #[default]
    Offline,
    /// Media arrives.
    Live,
    /// The publisher is away, and may come back to the same broadcast.
    Interrupted,
}

/// What a notice says; today only how the stream's state changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeCode {
    /// The stream began, or came back.
    Live,
    /// The publisher is away.
    Interrupted,
    /// The broadcast is over.
    Offline,
}

/// Why something was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// Not a frame of [`In`].
    BadFrame,
    /// The text is empty.
    Empty,
    /// The text is too long.
    TooLong,
    /// Too many messages in a short time.
    RateLimited,
    /// The message could not be stored; it was not sent.
    NotStored,
    /// The chosen name is unusable or belongs to an account; another was given.
    NameRefused,
    /// The receiver took its frames too slowly.
    TooSlow,
}

impl From<State> for NoticeCode {
    fn from(state: State) -> NoticeCode {
        match state {
            State::Offline => NoticeCode::Offline,
            State::Live => NoticeCode::Live,
            State::Interrupted => NoticeCode::Interrupted,
        }
    }
}

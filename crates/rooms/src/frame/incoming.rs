//! From a member.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::poll::NewPoll;
use crate::rules::Change;

/// From a member. Where there is an `id`, it is the sender's own, of 1 to 64 bytes: a repeat with the same one
/// is answered like the first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[schema(as = ChatIn)]
pub enum In {
    /// Says something.
    Send {
        /// The sender's own.
        id: String,
        /// See [`crate::Text`]. A text that begins with `/` is a command, see [`crate::slash`].
        text: String,
        /// The line it answers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reply_to: Option<u64>,
        /// To fly over the picture as well.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        danmaku: Option<Danmaku>,
    },
    /// Comments on a recording. Not a frame that members send: the origin knows its recordings, and asks for them.
    #[serde(skip)]
    Comment {
        /// The sender's own.
        id: String,
        /// See [`crate::Text`].
        text: String,
        /// On what.
        on: Moment,
        /// Whether the sender follows the room, which it knows only of those who are here.
        follows: bool,
    },
    /// Asks for what was missed while away.
    Resume {
        /// The epoch of the last `welcome`.
        epoch: String,
        /// The highest sequence number seen.
        seq: u64,
    },
    /// Likes, since the last such frame. More than [`crate::Room::LIKES_MAX`] count as that many.
    Like {
        /// How many.
        count: u32,
    },
    /// Gives a gift, for points of the sender's wallet.
    Gift {
        /// The sender's own.
        id: String,
        /// Which, see [`crate::Gift::id`].
        gift: String,
        /// How many.
        #[serde(default = "one")]
        count: u32,
        /// To whom, by name or id; without it, to the host.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<String>,
    },
    /// Takes a line away: one's own, or as a moderator anybody's.
    Delete {
        /// The sender's own.
        id: String,
        /// The line.
        message: u64,
    },
    /// Brings a line back that was taken away.
    Restore {
        /// The sender's own.
        id: String,
        /// The line.
        message: u64,
    },
    /// Lets a held message through.
    Release {
        /// The sender's own.
        id: String,
        /// Its number.
        held: u64,
    },
    /// Does not let a held message through.
    Reject {
        /// The sender's own.
        id: String,
        /// Its number.
        held: u64,
    },
    /// Keeps a member from writing for a time.
    Timeout {
        /// The sender's own.
        id: String,
        /// Whose, see [`crate::frame::Person::id`].
        member: String,
        /// How long; at most [`crate::Room::TIMEOUT_MAX_S`].
        seconds: u32,
        /// Why, for that member and the list of what was done; at most [`crate::Room::REASON_CHARS_MAX`] code points.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// Keeps a member from writing: an account until it is lifted, a guest for a day; and guests from the same address for a
    /// day.
    Ban {
        /// The sender's own.
        id: String,
        /// Whose.
        member: String,
        /// Why, as of a time-out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// Ends a time-out or a ban.
    Lift {
        /// The sender's own.
        id: String,
        /// Whose.
        member: String,
    },
    /// Pins a line above the chat, or takes the pinned one down.
    Pin {
        /// The sender's own.
        id: String,
        /// The line; `None` takes it down.
        #[serde(default)]
        message: Option<u64>,
    },
    /// Changes the rules of the chat.
    Settings {
        /// The sender's own.
        id: String,
        /// What changes.
        #[serde(flatten)]
        change: Change,
    },
    /// Opens a poll, or with right answers a quiz.
    Poll {
        /// The sender's own.
        id: String,
        /// What is asked.
        #[serde(flatten)]
        poll: NewPoll,
    },
    /// Closes a poll.
    Close {
        /// The sender's own.
        id: String,
        /// Its number.
        poll: u64,
    },
    /// Votes, once.
    Vote {
        /// The sender's own.
        id: String,
        /// Which poll.
        poll: u64,
        /// Options by their place, from 0; one, unless the poll takes several.
        choices: Vec<u8>,
    },
    /// Raises or lowers the sender's hand.
    Hand {
        /// Up, or down.
        up: bool,
    },
    /// Lets somebody who raised a hand speak: marks the hand, and lets them write while the chat is locked.
    Call {
        /// The sender's own.
        id: String,
        /// Who.
        member: String,
    },
    /// Lowers somebody's hand, or everybody's.
    Lower {
        /// The sender's own.
        id: String,
        /// Whose; `None` means everybody's.
        #[serde(default)]
        member: Option<String>,
    },
    /// Asks a question that others can vote up.
    Ask {
        /// The sender's own.
        id: String,
        /// See [`crate::Text`].
        text: String,
    },
    /// Votes a question up, once.
    Upvote {
        /// The sender's own.
        id: String,
        /// Its number.
        question: u64,
    },
    /// Marks a question as answered.
    Answer {
        /// The sender's own.
        id: String,
        /// Its number.
        question: u64,
    },
}

/// How a message flies over the picture.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Danmaku {
    /// Of the text.
    #[serde(default)]
    pub color: Colour,
    /// Where.
    #[serde(default)]
    pub position: DanmakuPosition,
}

/// A moment of a recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = RecordingMoment)]
pub struct Moment {
    /// The recording's id.
    pub recording: String,
    /// Milliseconds from its beginning.
    pub offset_ms: u64,
}

/// A colour as `#rrggbb`, in small letters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(value_type = String, example = "#ffffff")]
pub struct Colour(Box<str>);

/// Where a flying message goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DanmakuPosition {
    /// From right to left.
    #[default]
    Scroll,
    /// Stands at the top.
    Top,
    /// Stands at the bottom.
    Bottom,
}

impl In {
    /// The sender's own id, where the frame has one.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        match self {
            In::Resume { .. } | In::Like { .. } | In::Hand { .. } => None,
            In::Send { id, .. }
            | In::Comment { id, .. }
            | In::Gift { id, .. }
            | In::Delete { id, .. }
            | In::Restore { id, .. }
            | In::Release { id, .. }
            | In::Reject { id, .. }
            | In::Timeout { id, .. }
            | In::Ban { id, .. }
            | In::Lift { id, .. }
            | In::Pin { id, .. }
            | In::Settings { id, .. }
            | In::Poll { id, .. }
            | In::Close { id, .. }
            | In::Vote { id, .. }
            | In::Call { id, .. }
            | In::Lower { id, .. }
            | In::Ask { id, .. }
            | In::Upvote { id, .. }
            | In::Answer { id, .. } => Some(id),
        }
    }
}

fn one() -> u32 {
    1
}

impl Default for Colour {
    fn default() -> Colour {
        Colour("#ffffff".into())
    }
}

impl TryFrom<String> for Colour {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Colour, &'static str> {
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6);
        match digits {
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
                Ok(Colour(text.to_ascii_lowercase().into()))
            }
            _ => Err("a colour is written #rrggbb"),
        }
    }
}

//! To a member.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::floor::{FloorView, HandView, HeldView, PollView, QuestionView, SanctionView};
use super::incoming::{Danmaku, Moment};
use super::people::{Person, RoomView, State, Whom};
use crate::rules::Rules;
use crate::slug::Slug;

/// To a member. Frames with a `seq` are of the room's log. What a `welcome` describes (its `floor`) is told again
/// whenever it changes, with the number of the change that it is true for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[schema(as = ChatOut)]
pub enum Out {
    /// First, once.
    Welcome {
        /// Changes only when the room's log starts anew.
        epoch: String,
        /// The highest sequence number given out so far; what follows is above it.
        seq: u64,
        /// Now, Unix time in milliseconds by the origin's clock: all other times are told by it, and the receiver's own
        /// may be another.
        #[serde(default)]
        at: i64,
        /// Who the receiver is in this room.
        member: Person,
        /// The room as it is now.
        room: RoomView,
        /// The chat's rules, polls, hands and whatever else stands.
        #[schema(no_recursion, value_type = FloorView)]
        floor: Box<FloorView>,
        /// The latest [`crate::HISTORY_MESSAGES`] messages and gifts, oldest first.
        #[schema(no_recursion)]
        history: Vec<Out>,
    },
    /// What the sender asked for is stored.
    Ack {
        /// The sender's own id.
        id: String,
        /// Its place in the room's log.
        seq: u64,
        /// The message waits for a moderator; nobody else has seen it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        held: bool,
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
        /// Plain text; empty when it was taken away.
        text: String,
        /// Unix time in milliseconds, the origin's clock.
        at: i64,
        /// The line it answers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reply_to: Option<u64>,
        /// How it flies over the picture.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        danmaku: Option<Danmaku>,
        /// It is a comment on a recording.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        on: Option<Moment>,
        /// Who took it away.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        deleted_by: Option<String>,
    },
    /// A line was taken away.
    Deleted {
        /// Its place in the room's log; rises.
        seq: u64,
        /// The line.
        message: u64,
        /// Whose doing.
        by: Whom,
    },
    /// A line that was taken away is back.
    Restored {
        /// Its place in the room's log; rises.
        seq: u64,
        /// The line, as [`Out::Message`].
        #[schema(no_recursion, value_type = Out)]
        message: Box<Out>,
    },
    /// Somebody's account was deleted: whatever of theirs is shown is called so from now on, and has no roles.
    Forgotten {
        /// Its place in the room's log; rises.
        seq: u64,
        /// Who they were, and what they are called now.
        member: Whom,
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
    /// Somebody gave somebody a gift.
    Gift {
        /// Its place in the room's log; rises.
        seq: u64,
        /// Who gave it.
        from: Whom,
        /// Whose honour; the id is empty for a host who was not seen lately.
        to: Whom,
        /// Which, see [`crate::Gift::id`].
        gift: Slug,
        /// For people, see [`crate::Gift::name`].
        name: String,
        /// For people who read Chinese.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name_zh: Option<String>,
        /// Its picture.
        emoji: String,
        /// How many.
        count: u32,
        /// What they cost together.
        points: u64,
        /// Unix time in milliseconds, the origin's clock.
        at: i64,
    },
    /// A message waits for a moderator. To moderators.
    Held {
        /// The message.
        message: HeldView,
    },
    /// A held message waits no more: a message of its own follows when it was let through. To moderators and its sender.
    Settled {
        /// Its number.
        held: u64,
        /// The sender's own id for it.
        id: String,
        /// Whether it was let through.
        released: bool,
    },
    /// Somebody was kept from writing, or may write again. To moderators.
    Sanction {
        /// Its place in the room's log; rises.
        seq: u64,
        /// Who.
        member: Whom,
        /// What holds now; `None` when they may write.
        #[schema(required)]
        sanction: Option<SanctionView>,
        /// Whose doing.
        by: Whom,
    },
    /// What keeps the receiver from writing.
    Standing {
        /// `None`: nothing does.
        #[schema(required)]
        sanction: Option<SanctionView>,
    },
    /// Another line is pinned, or none.
    Pin {
        /// Its place in the room's log; rises.
        seq: u64,
        /// The line, as [`Out::Message`].
        #[schema(required)]
        #[schema(no_recursion, value_type = Option<Out>)]
        message: Option<Box<Out>>,
    },
    /// The rules of the chat are others now. The words that hold a message back go to moderators only.
    Settings {
        /// Its place in the room's log; rises.
        seq: u64,
        /// All of them.
        settings: Rules,
    },
    /// A poll as it stands; again at most every [`crate::Room::PRESENCE_INTERVAL`] while votes come.
    Poll {
        /// The highest number of a vote that is counted here.
        seq: u64,
        /// As the receiver may see it.
        poll: PollView,
    },
    /// A quiz as it stands: a poll with right answers, which are told when it is closed.
    Quiz {
        /// The highest number of a vote that is counted here.
        seq: u64,
        /// As the receiver may see it.
        quiz: PollView,
    },
    /// The raised hands, in their order. To moderators.
    Hand {
        /// The number of the latest change.
        seq: u64,
        /// First raised, first here.
        queue: Vec<HandView>,
    },
    /// Where the receiver's own hand is in the queue.
    Place {
        /// From 1; `None` when it is down.
        #[schema(required)]
        place: Option<u32>,
        /// They may speak.
        called: bool,
    },
    /// A question as it stands.
    Question {
        /// The number of the latest change.
        seq: u64,
        /// The question.
        question: QuestionView,
    },
    /// The gap that `resume` asked for is gone; take the last `welcome`'s history instead.
    Reset {
        /// The highest sequence number given out so far.
        seq: u64,
    },
    /// Likes of this broadcast. Not numbered; at most every [`crate::Room::PRESENCE_INTERVAL`].
    Likes {
        /// All of them.
        total: u64,
    },
    /// How many are here. Not numbered; at most every [`crate::Room::PRESENCE_INTERVAL`], and to each connection every
    /// 25 s at least.
    Presence {
        /// Different players, those whose page is in the chat and others, other than the owner's. Who is here and cannot be
        /// told apart by a player counts once.
        viewers: u32,
        /// Different people among the connections.
        members: u32,
    },
}

/// What a notice says; today only how the stream's state changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// Not a frame of [`crate::frame::In`], or with values that it cannot have.
    BadFrame,
    /// The text is empty.
    Empty,
    /// The text is too long.
    TooLong,
    /// Too much in a short time.
    RateLimited,
    /// It could not be stored, and was not done.
    NotStored,
    /// The chosen name is unusable or belongs to an account; another was given.
    NameRefused,
    /// The receiver took its frames too slowly.
    TooSlow,
    /// Not the sender's to do.
    NotAllowed,
    /// The sender is banned from writing here.
    Banned,
    /// The sender may not write for some time.
    TimedOut,
    /// Slow mode: the next message may come later.
    SlowMode,
    /// Only those with an account may write here.
    SignInNeeded,
    /// Only those who follow the room may write here.
    FollowersOnly,
    /// The chat is locked.
    Locked,
    /// Only emoji may be sent.
    EmotesOnly,
    /// There is no such command.
    UnknownCommand,
    /// There is no such line, member, poll or question.
    Missing,
    /// The poll is closed.
    Closed,
    /// One vote each.
    AlreadyVoted,
    /// As many are kept as may be.
    Full,
    /// The sender's wallet holds fewer points than that costs.
    NotEnough,
    /// A moderator did not let the message through.
    Rejected,
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

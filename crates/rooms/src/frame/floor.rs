//! What stands in a room besides what was said: rules, polls, hands, questions, held messages.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::outgoing::Out;
use super::people::Whom;
use crate::rules::Rules;

/// What stands in a room, as one member may see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FloorView {
    /// The rules of the chat.
    pub settings: Rules,
    /// The pinned line, as [`Out::Message`].
    #[schema(required)]
    #[schema(no_recursion, value_type = Option<Out>)]
    pub pinned: Option<Box<Out>>,
    /// Open polls and quizzes, and the last closed ones; oldest first.
    pub polls: Vec<PollView>,
    /// Questions that are not answered; most votes first.
    pub questions: Vec<QuestionView>,
    /// Likes of this broadcast.
    pub likes: u64,
    /// Raised hands; for moderators, empty for others.
    pub hands: Vec<HandView>,
    /// Messages that wait; for moderators, empty for others.
    pub held: Vec<HeldView>,
    /// What concerns the receiver alone.
    pub mine: Mine,
}

/// What concerns one member alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = OwnStanding)]
pub struct Mine {
    /// What keeps them from writing.
    #[schema(required)]
    pub sanction: Option<SanctionView>,
    /// Their votes: the poll, and the options by their place.
    pub votes: Vec<(u64, Vec<u8>)>,
    /// The questions they voted up.
    pub upvotes: Vec<u64>,
    /// Where their hand is in the queue, from 1.
    #[schema(required)]
    pub place: Option<u32>,
    /// They may speak.
    pub called: bool,
}

/// A poll or quiz, as one kind of member may see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PollView {
    /// Its number: its place in the room's log.
    pub id: u64,
    /// What is asked.
    pub question: String,
    /// Answers to choose from.
    pub options: Vec<String>,
    /// Several options may be chosen.
    pub multiple: bool,
    /// It has right answers.
    pub quiz: bool,
    /// Votes of each option; `None` while they are not for the receiver to see.
    #[schema(required)]
    pub counts: Option<Vec<u32>>,
    /// How many voted.
    pub voters: u32,
    /// When it closes by itself, Unix time in milliseconds.
    #[schema(required)]
    pub ends_at_ms: Option<i64>,
    /// No more votes.
    pub closed: bool,
    /// A quiz's right options, once it is closed (for moderators always).
    #[schema(required)]
    pub right: Option<Vec<u8>>,
}

/// A raised hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HandView {
    /// Whose.
    pub member: Whom,
    /// Since when, Unix time in milliseconds.
    pub since_ms: i64,
    /// They were let speak.
    pub called: bool,
}

/// A question to the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QuestionView {
    /// Its number: its place in the room's log.
    pub id: u64,
    /// Who asks.
    pub from: Whom,
    /// Plain text.
    pub text: String,
    /// Who voted it up, besides the one who asks.
    pub votes: u32,
    /// The host has answered it, or the broadcast that it was asked in is over.
    pub answered: bool,
}

/// A message that waits for a moderator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HeldView {
    /// Its number: its place in the room's log.
    pub held: u64,
    /// Who wrote it.
    pub from: Whom,
    /// Plain text.
    pub text: String,
    /// Unix time in milliseconds.
    pub at: i64,
    /// Why it waits.
    pub why: crate::rules::Why,
}

/// What keeps somebody from writing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SanctionView {
    /// A ban; else a time-out.
    pub ban: bool,
    /// Until when, Unix time in milliseconds; `None` until it is lifted.
    #[schema(required)]
    pub until_ms: Option<i64>,
    /// Why, in the words of who did it; for whoever it is about, and moderators.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

//! Rooms, members and chat rules: commands in, effects out.
//!
//! A [`Room`] knows who is connected, what was said and who may say more. It is told the time with
//! every command, asks for storage with [`Effect::Persist`] and speaks only of what was stored: an
//! acknowledgement and the fan-out follow [`Command::Committed`]. No clock, socket, file, SQL or
//! randomness is in here.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may panic"))]

mod acting;
mod command;
mod crowd;
mod entry;
mod floor;
mod forgotten;
pub mod frame;
mod gift;
mod name;
mod pace;
mod poll;
mod refusal;
mod room;
mod rules;
mod saying;
mod skeleton;
pub mod slash;
mod slug;
mod snapshots;
mod telling;
mod text;
mod transcript;

use std::time::Duration;

pub use command::{Command, ConnectionId, Effect, PlayerId, Settings};
pub use entry::{Act, Audience, Deed, Entry, EntryBody, Message, Pinned, Released};
pub use floor::{Floor, Sanction};
pub use forgotten::DELETED_NAME;
pub use gift::{Gift, Given};
pub use name::{Name, NameError, fold};
pub use poll::{NewPoll, Poll};
pub use room::Room;
pub use rules::{Change, Rules, Who, Why};
pub use skeleton::skeleton;
pub use slug::{Slug, SlugError};
pub use text::{Text, TextError, visible};
pub use transcript::{HISTORY_MESSAGES, TRANSCRIPT_ENTRIES};

/// The present, as the caller's clocks show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Time {
    /// Since some start of the caller's choice; never goes back. Rates and pauses are measured by it.
    pub monotonic: Duration,
    /// Unix time in milliseconds, for people to read; may jump.
    pub unix_ms: i64,
}

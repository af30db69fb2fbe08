//! Rooms, members and chat rules: commands in, effects out.
//!
//! A [`Room`] knows who is connected, what was said and who may say more. It is told the time with
//! every command, asks for storage with [`Effect::Persist`] and speaks only of what was stored: an
//! acknowledgement and the fan-out follow [`Command::Committed`]. No clock, socket, file, SQL or
//! randomness is in here.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may panic"))]

pub mod frame;
mod name;
mod pace;
mod room;
mod skeleton;
mod slug;
mod text;
mod transcript;

use std::time::Duration;

pub use name::{Name, NameError, fold};
pub use room::{Command, ConnectionId, Effect, Room, Settings};
pub use skeleton::skeleton;
pub use slug::{Slug, SlugError};
pub use text::{Text, TextError};
pub use transcript::{Entry, EntryBody, HISTORY_MESSAGES, TRANSCRIPT_ENTRIES};

/// The present, as the caller's clocks show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Time {
    /// Since some start of the caller's choice; never goes back. Rates and pauses are measured by it.
    pub monotonic: Duration,
    /// Unix time in milliseconds, for people to read; may jump.
    pub unix_ms: i64,
}

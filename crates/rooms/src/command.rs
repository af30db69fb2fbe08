//! What happens to a room, and what it wants done.

use crate::entry::Entry;
use crate::floor::Floor;
use crate::frame::{In, Out, Person, State};
use crate::gift::Gift;
use crate::slug::Slug;

/// One open connection, or one request; the caller's own number.
pub type ConnectionId = u64;

/// One player, for example a browser; the caller's own number.
pub type PlayerId = u64;

/// What a room is made with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Its name in URLs.
    pub slug: Slug,
    /// Its name for people.
    pub title: String,
    /// The owner's account name.
    pub owner: Option<String>,
    /// Identifies its log.
    pub epoch: String,
    /// The highest number its log ever gave out.
    pub last_seq: u64,
    /// What stood in it at some line.
    pub floor: Floor,
    /// All lines after that one, oldest first.
    pub since: Vec<Entry>,
    /// The tail of its log without quiet lines (see [`Act::is_quiet`]), oldest first; more than
    /// [`crate::TRANSCRIPT_ENTRIES`] are not kept.
    pub tail: Vec<Entry>,
}

/// What happens to a room.
#[derive(Clone, Debug)]
pub enum Command {
    /// Somebody connects.
    Join {
        /// Not in use yet.
        connection: ConnectionId,
        /// Who.
        person: Person,
        /// What their player is known by, when that tells it from everybody else's: whatever has the same is one viewer.
        /// Without it all connections of the person are.
        player: Option<PlayerId>,
        /// Where from, in whatever form tells one household from another; `None` when that says nothing.
        address: Option<String>,
    },
    /// A connection is gone.
    Leave {
        /// Which; an unknown one changes nothing.
        connection: ConnectionId,
    },
    /// A member wants something.
    Frame {
        /// From where.
        connection: ConnectionId,
        /// What.
        frame: In,
    },
    /// Somebody who is not connected wants something. Its one answer is an [`Out::Ack`] or [`Out::Error`] to `ticket`.
    Perform {
        /// Not in use yet.
        ticket: ConnectionId,
        /// Who.
        person: Person,
        /// What; with an id.
        frame: In,
    },
    /// The line of [`Effect::Persist`] with this number is stored. Answers come in the order of requests.
    Committed {
        /// Its number.
        seq: u64,
    },
    /// That line, a gift, was not stored: its giver's wallet does not hold its points.
    NotPaid {
        /// Its number.
        seq: u64,
    },
    /// That line, a gift, was not stored: its giver gave it before, under the same id.
    Given {
        /// Its number.
        seq: u64,
        /// The number that it was given with.
        first: u64,
    },
    /// What can be given is this from now on.
    Catalogue {
        /// All of it.
        gifts: Vec<Gift>,
    },
    /// That line could not be stored.
    NotStored {
        /// Its number.
        seq: u64,
    },
    /// Whether somebody who is here follows the room; of whoever joins it is known to follow nothing yet.
    Follow {
        /// See [`Person::id`]; of somebody who is not here nothing is kept.
        member: String,
        /// Whether they do.
        follows: bool,
    },
    /// Somebody's account is deleted: what they said and did is nobody's from now on, see [`crate::DELETED_NAME`].
    Forget {
        /// See [`Person::id`].
        member: String,
    },
    /// The stream's state, whether it changed or not.
    Stream {
        /// What it does.
        state: State,
        /// When the broadcast began, Unix time in milliseconds.
        live_since_ms: Option<i64>,
    },
    /// So many play the stream whose page is not in the chat; whether that changed or not.
    Players {
        /// How many.
        alone: u32,
    },
    /// The title or owner is another now.
    Describe {
        /// See [`Settings::title`].
        title: String,
        /// See [`Settings::owner`].
        owner: Option<String>,
    },
    /// The caller stops. A broadcast that runs is over; what is to be stored is all that counts from here on.
    Stop,
    /// The time of [`Room::poll_timeout`] has come.
    Tick,
}

/// What a room wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Store this line, then say [`Command::Committed`] or [`Command::NotStored`].
    Persist(Entry),
    /// Keep what stood at line `seq`, so that beginning again needs no older line. May fail without harm.
    Save {
        /// All lines up to here are in it.
        seq: u64,
        /// What stood.
        floor: Box<Floor>,
    },
    /// Send a frame to one connection, or answer one request.
    To(ConnectionId, Out),
    /// Send a frame to some connections.
    ToSome(Vec<ConnectionId>, Out),
    /// Send a frame to every connection.
    ToAll(Out),
}

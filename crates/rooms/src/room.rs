//! One room: who is here, what they may do, what they are told.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use crate::Time;
use crate::frame::{ErrorCode, NoticeCode, Out, Person, RoomView, State};
use crate::pace::Pace;
use crate::slug::Slug;
use crate::text::{Text, TextError};
use crate::transcript::{Entry, EntryBody, Transcript};

/// One open connection; the caller's own number.
pub type ConnectionId = u64;

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
    /// The tail of its log, oldest first; more than [`crate::TRANSCRIPT_ENTRIES`] are not kept.
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
    },
    /// A connection is gone.
    Leave {
        /// Which; an unknown one changes nothing.
        connection: ConnectionId,
    },
    /// A member says something.
    Send {
        /// From where.
        connection: ConnectionId,
        /// The sender's own id.
        id: String,
        /// As it was written.
        text: String,
    },
    /// A member asks for what it missed.
    Resume {
        /// From where.
        connection: ConnectionId,
        /// The epoch it knows.
        epoch: String,
        /// The highest number it saw.
        seq: u64,
    },
    /// The line of [`Effect::Persist`] with this number is stored. Answers come in the order of requests.
    Committed {
        /// Its number.
        seq: u64,
    },
    /// That line could not be stored.
    NotStored {
        /// Its number.
        seq: u64,
    },
    /// The stream's state, whether it changed or not.
    Stream {
        /// What it does.
        state: State,
        /// When the broadcast began, Unix time in milliseconds.
        live_since_ms: Option<i64>,
    },
    /// The title or owner is another now.
    Describe {
        /// See [`Settings::title`].
        title: String,
        /// See [`Settings::owner`].
        owner: Option<String>,
    },
    /// The time of [`Room::poll_timeout`] has come.
    Tick,
}

/// What a room wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Store this line, then say [`Command::Committed`] or [`Command::NotStored`].
    Persist(Entry),
    /// Send a frame to one connection.
    To(ConnectionId, Out),
    /// Send a frame to every connection.
    ToAll(Out),
}

/// The rules of one room.
#[derive(Debug)]
pub struct Room {
    view: RoomView,
    epoch: String,
    next_seq: u64,
    transcript: Transcript,
    pending: VecDeque<Pending>,
    connections: HashMap<ConnectionId, Connection>,
    /// Open connections by person, the owner's own not among them.
    people: HashMap<String, u32>,
    paces: HashMap<String, Pace>,
    presence: Presence,
    effects: VecDeque<Effect>,
}

#[derive(Debug)]
struct Connection {
    person: Person,
    /// The number in its `welcome`: everything above was or will be sent to it anyway.
    joined_at_seq: u64,
}

/// A line that is being stored, and who waits for it.
#[derive(Debug)]
struct Pending {
    entry: Entry,
    waiting: Vec<ConnectionId>,
}

#[derive(Debug, Default)]
struct Presence {
    changed: bool,
    last_sent: Option<Duration>,
}

impl Room {
    /// The least time between two `presence` frames.
    pub const PRESENCE_INTERVAL: Duration = Duration::from_millis(500);
    /// Bytes of a sender's own id at most.
    pub const ID_BYTES_MAX: usize = 64;

    /// A room with nobody in it.
    #[must_use]
    pub fn new(settings: Settings) -> Room {
        let mut transcript = Transcript::default();
        let last_seq = settings.tail.last().map_or(0, |entry| entry.seq).max(settings.last_seq);
        for entry in settings.tail {
            transcript.push(entry);
        }
        let playlist = format!("/live/{}/index.m3u8", settings.slug);
        let view = RoomView {
            room: settings.slug,
            title: settings.title,
            owner: settings.owner,
            state: State::Offline,
            viewers: 0,
            members: 0,
            live_since_ms: None,
            playlist,
        };
        Room {
            view,
            epoch: settings.epoch,
            next_seq: last_seq + 1,
            transcript,
            pending: VecDeque::new(),
            connections: HashMap::new(),
            people: HashMap::new(),
            paces: HashMap::new(),
            presence: Presence::default(),
            effects: VecDeque::new(),
        }
    }

    /// Takes what happened at `now`; then drain [`Room::poll_output`].
    pub fn handle_input(&mut self, now: Time, command: Command) {
        match command {
            Command::Join { connection, person } => self.join(connection, person),
            Command::Leave { connection } => self.leave(connection),
            Command::Send { connection, id, text } => self.send(now, connection, id, &text),
            Command::Resume { connection, epoch, seq } => self.resume(connection, &epoch, seq),
            Command::Committed { seq } => self.committed(seq),
            Command::NotStored { seq } => self.not_stored(seq),
            Command::Stream { state, live_since_ms } => self.stream(now, state, live_since_ms),
            Command::Describe { title, owner } => {
                self.view.title = title;
                self.view.owner = owner;
            }
            Command::Tick => self.paces.retain(|_, pace| !pace.is_full(now.monotonic)),
        }
        self.count(now);
    }

    /// The next thing to do, in order.
    pub fn poll_output(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// When [`Command::Tick`] is due, on the clock of [`Time::monotonic`].
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        let due = self.presence.last_sent.unwrap_or_default() + Room::PRESENCE_INTERVAL;
        self.presence.changed.then_some(due)
    }

    /// The room as everybody may see it.
    #[must_use]
    pub fn view(&self) -> &RoomView {
        &self.view
    }

    /// Lines that are being stored; a caller stops taking commands while they are many.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    fn join(&mut self, connection: ConnectionId, person: Person) {
        let joined_at_seq = self.transcript.last_seq().max(self.stored_seq());
        self.recount(&person, true);
        self.connections.insert(connection, Connection { person: person.clone(), joined_at_seq });
        let welcome = Out::Welcome {
            epoch: self.epoch.clone(),
            seq: joined_at_seq,
            member: person,
            room: self.view.clone(),
            history: self.transcript.history(),
        };
        self.effects.push_back(Effect::To(connection, welcome));
    }

    fn leave(&mut self, connection: ConnectionId) {
        let Some(gone) = self.connections.remove(&connection) else { return };
        for pending in &mut self.pending {
            pending.waiting.retain(|&waiting| waiting != connection);
        }
        self.recount(&gone.person, false);
    }

    fn send(&mut self, now: Time, connection: ConnectionId, id: String, text: &str) {
        let Some(sender) = self.connections.get(&connection) else { return };
        let person = sender.person.clone();
        if id.is_empty() || id.len() > Room::ID_BYTES_MAX {
            let message = format!("a message's id has 1 to {} bytes", Room::ID_BYTES_MAX);
            return self.refuse(connection, None, ErrorCode::BadFrame, message);
        }
        if let Some(seq) = self.transcript.seq_of(&person.id, &id) {
            return self.effects.push_back(Effect::To(connection, Out::Ack { id, seq }));
        }
        if let Some(pending) = self.pending.iter_mut().find(|pending| pending.is_from(&person.id, &id)) {
            if !pending.waiting.contains(&connection) {
                pending.waiting.push(connection);
            }
            return;
        }
        let text = match Text::new(text) {
            Ok(text) => text,
            Err(error) => {
                let code = if error == TextError::Empty { ErrorCode::Empty } else { ErrorCode::TooLong };
                return self.refuse(connection, Some(id), code, error.to_string());
            }
        };
        let pace = self.paces.entry(person.id.clone()).or_insert_with(|| Pace::new(now.monotonic));
        if let Err(wait) = pace.take(now.monotonic) {
            let retry_after_ms = Some(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
            let message = "that was fast: wait a moment before the next message".to_owned();
            let error = Out::Error { id: Some(id), code: ErrorCode::RateLimited, message, retry_after_ms };
            return self.effects.push_back(Effect::To(connection, error));
        }
        self.persist(now, EntryBody::Message { id, from: person, text }, vec![connection]);
    }

    fn resume(&mut self, connection: ConnectionId, epoch: &str, seq: u64) {
        let Some(member) = self.connections.get(&connection) else { return };
        let until = member.joined_at_seq;
        let known = epoch == self.epoch && seq <= self.stored_seq();
        let missed = if known { self.transcript.between(seq, until) } else { None };
        match missed {
            Some(missed) => self.effects.extend(missed.map(|entry| Effect::To(connection, entry.frame()))),
            None => {
                let seq = self.stored_seq();
                self.effects.push_back(Effect::To(connection, Out::Reset { seq }));
            }
        }
    }

    fn committed(&mut self, seq: u64) {
        let Some(pending) = self.take_pending(seq) else { return };
        if let EntryBody::Message { id, .. } = &pending.entry.body {
            for connection in pending.waiting {
                self.effects.push_back(Effect::To(connection, Out::Ack { id: id.clone(), seq }));
            }
        }
        self.effects.push_back(Effect::ToAll(pending.entry.frame()));
        self.transcript.push(pending.entry);
    }

    fn not_stored(&mut self, seq: u64) {
        let Some(pending) = self.take_pending(seq) else { return };
        if let EntryBody::Message { id, .. } = pending.entry.body {
            for connection in pending.waiting {
                let message = "the message could not be stored and was not sent".to_owned();
                self.refuse(connection, Some(id.clone()), ErrorCode::NotStored, message);
            }
        }
    }

    fn stream(&mut self, now: Time, state: State, live_since_ms: Option<i64>) {
        let changed = self.view.state != state;
        self.view.state = state;
        self.view.live_since_ms = live_since_ms;
        if changed {
            self.persist(now, EntryBody::Notice(NoticeCode::from(state)), Vec::new());
        }
    }

    fn persist(&mut self, now: Time, body: EntryBody, waiting: Vec<ConnectionId>) {
        let entry = Entry { seq: self.next_seq, at_ms: now.unix_ms, body };
        self.next_seq += 1;
        self.pending.push_back(Pending { entry: entry.clone(), waiting });
        self.effects.push_back(Effect::Persist(entry));
    }

    fn refuse(&mut self, connection: ConnectionId, id: Option<String>, code: ErrorCode, message: String) {
        let error = Out::Error { id, code, message, retry_after_ms: None };
        self.effects.push_back(Effect::To(connection, error));
    }

    /// The highest number whose fate is known; everything after it is still being stored.
    fn stored_seq(&self) -> u64 {
        self.pending.front().map_or(self.next_seq, |pending| pending.entry.seq) - 1
    }

    fn take_pending(&mut self, seq: u64) -> Option<Pending> {
        let at = self.pending.iter().position(|pending| pending.entry.seq == seq)?;
        self.pending.remove(at)
    }

    /// Counts one connection more or less; the owner's own are not watching.
    fn recount(&mut self, person: &Person, came: bool) {
        if person.is_owner(self.view.owner.as_deref()) {
            return;
        }
        let open = self.people.entry(person.id.clone()).or_insert(0);
        *open = if came { *open + 1 } else { open.saturating_sub(1) };
        if *open == 0 {
            self.people.remove(&person.id);
        }
        self.view.viewers = if came { self.view.viewers + 1 } else { self.view.viewers.saturating_sub(1) };
        self.view.members = u32::try_from(self.people.len()).unwrap_or(u32::MAX);
        self.presence.changed = true;
    }

    fn count(&mut self, now: Time) {
        if self.poll_timeout().is_none_or(|due| self.presence.last_sent.is_some() && now.monotonic < due) {
            return;
        }
        self.presence = Presence { changed: false, last_sent: Some(now.monotonic) };
        let presence = Out::Presence { viewers: self.view.viewers, members: self.view.members };
        self.effects.push_back(Effect::ToAll(presence));
    }
}

impl Pending {
    fn is_from(&self, sender: &str, own_id: &str) -> bool {
        matches!(&self.entry.body, EntryBody::Message { id, from, .. } if from.id == sender && id == own_id)
    }
}

impl Person {
    fn is_owner(&self, owner: Option<&str>) -> bool {
        !self.roles.is_empty() && owner == Some(self.name.as_str())
    }
}

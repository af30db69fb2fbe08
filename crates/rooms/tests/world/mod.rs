//! A room with a store that says yes at once, for tests of its rules.

#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::time::Duration;

use rooms::frame::{ErrorCode, In, Out, Person, Role};
use rooms::{Command, ConnectionId, Effect, Entry, Floor, Name, Room, Settings, Time};

/// A time in milliseconds, on both clocks.
pub fn at(milliseconds: u64) -> Time {
    Time { monotonic: Duration::from_millis(milliseconds), unix_ms: 1_000_000 + milliseconds as i64 }
}

pub fn person(id: &str, roles: &[Role]) -> Person {
    Person { id: id.to_owned(), name: Name::guest(&format!("N {id}")).unwrap(), roles: roles.to_vec() }
}

/// A room whose lines are stored as soon as it asks, with its log.
pub struct World {
    pub room: Room,
    pub log: Vec<Entry>,
    pub now: u64,
    next_id: u64,
}

impl World {
    pub fn new() -> World {
        World { room: begin(Floor::default(), Vec::new()), log: Vec::new(), now: 0, next_id: 0 }
    }

    /// Begins again from the log alone.
    pub fn restart(&mut self) {
        self.room = begin(Floor::default(), self.log.clone());
    }

    pub fn join(&mut self, connection: ConnectionId, id: &str, roles: &[Role]) -> Vec<Effect> {
        self.join_from(connection, id, roles, None)
    }

    pub fn join_from(
        &mut self,
        connection: ConnectionId,
        id: &str,
        roles: &[Role],
        address: Option<&str>,
    ) -> Vec<Effect> {
        let person = person(id, roles);
        let address = address.map(str::to_owned);
        self.tell(Command::Join { connection, person, player: None, address })
    }

    pub fn say(&mut self, connection: ConnectionId, text: &str) -> Vec<Effect> {
        let id = self.id();
        self.ask(connection, In::Send { id, text: text.to_owned(), reply_to: None, danmaku: None })
    }

    pub fn ask(&mut self, connection: ConnectionId, frame: In) -> Vec<Effect> {
        self.tell(Command::Frame { connection, frame })
    }

    /// A fresh id for a frame.
    pub fn id(&mut self) -> String {
        self.next_id += 1;
        format!("i{}", self.next_id)
    }

    /// What a command leads to, everything it stores being stored.
    pub fn tell(&mut self, command: Command) -> Vec<Effect> {
        self.room.handle_input(at(self.now), command);
        let mut seen = Vec::new();
        while let Some(effect) = self.room.poll_output() {
            if let Effect::Persist(entry) = effect {
                let seq = entry.seq;
                self.log.push(entry);
                self.room.handle_input(at(self.now), Command::Committed { seq });
            } else {
                seen.push(effect);
            }
        }
        seen
    }

    /// Lets time pass, with the ticks that the room asks for.
    pub fn pass(&mut self, milliseconds: u64) -> Vec<Effect> {
        let end = self.now + milliseconds;
        let mut seen = Vec::new();
        while let Some(due) = self.room.poll_timeout() {
            let due = u64::try_from(due.as_millis()).unwrap();
            if due > end {
                break;
            }
            self.now = self.now.max(due);
            seen.extend(self.tell(Command::Tick));
        }
        self.now = end;
        seen
    }
}

fn begin(floor: Floor, log: Vec<Entry>) -> Room {
    Room::new(Settings {
        slug: "demo".parse().unwrap(),
        title: "Demo".to_owned(),
        owner: None,
        epoch: "e".to_owned(),
        last_seq: log.last().map_or(0, |entry| entry.seq),
        floor,
        since: log.clone(),
        tail: log,
    })
}

/// The code of the error to a connection, if there is one.
pub fn refused(effects: &[Effect]) -> Option<ErrorCode> {
    effects.iter().find_map(|effect| match effect {
        Effect::To(_, Out::Error { code, .. }) => Some(*code),
        _ => None,
    })
}

/// The frames that one connection gets, in order.
pub fn to(connection: ConnectionId, effects: &[Effect]) -> Vec<Out> {
    let theirs = |effect: &Effect| match effect {
        Effect::To(one, frame) => (*one == connection).then(|| frame.clone()),
        Effect::ToSome(some, frame) => some.contains(&connection).then(|| frame.clone()),
        Effect::ToAll(frame) => Some(frame.clone()),
        Effect::Persist(_) | Effect::Save { .. } => None,
    };
    effects.iter().filter_map(theirs).collect()
}

/// The text of the message that a connection gets, if there is one.
pub fn heard(connection: ConnectionId, effects: &[Effect]) -> Option<String> {
    to(connection, effects).into_iter().find_map(|frame| match frame {
        Out::Message { text, .. } => Some(text),
        _ => None,
    })
}

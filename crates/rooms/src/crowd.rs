//! Who is connected.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::hash::Hash;
use std::time::Duration;

use crate::command::{ConnectionId, PlayerId};
use crate::entry::Audience;
use crate::frame::Person;

/// The open connections of a room, and whose they are.
#[derive(Debug, Default)]
pub(crate) struct Crowd {
    connections: HashMap<ConnectionId, Connection>,
    by_person: HashMap<String, Vec<ConnectionId>>,
    moderators: BTreeSet<ConnectionId>,
    /// Open connections by person, the owner's own not among them.
    watching: HashMap<String, u32>,
    /// The same by what tells viewers apart.
    viewers: HashMap<Viewer, u32>,
    /// Who of those who are here follows the room.
    followers: HashSet<String>,
    /// People who left, and where they came from; the latest at the end. In memory only.
    left: VecDeque<(String, String)>,
}

/// What counts as one viewer: two tabs of a browser are one, and two devices of a person are two.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Viewer {
    Player(PlayerId),
    /// Somebody whose player is not known from others.
    Person(String),
}

#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) person: Person,
    /// See [`crate::Command::Join`].
    pub(crate) player: Option<PlayerId>,
    /// Where it comes from, see [`crate::Command::Join`].
    pub(crate) address: Option<String>,
    /// The number in its `welcome`: everything above was or will be sent to it anyway.
    pub(crate) joined_at_seq: u64,
    /// Whether it is a viewer: the owner's own is none.
    pub(crate) watches: bool,
}

impl Crowd {
    /// Whether this is the person's first connection.
    pub(crate) fn come(&mut self, id: ConnectionId, connection: Connection) -> bool {
        let person = &connection.person;
        let open = self.by_person.entry(person.id.clone()).or_default();
        open.push(id);
        let first = open.len() == 1;
        if person.may_moderate() {
            self.moderators.insert(id);
        }
        if connection.watches {
            *self.viewers.entry(connection.viewer()).or_default() += 1;
            *self.watching.entry(person.id.clone()).or_default() += 1;
        }
        self.connections.insert(id, connection);
        first
    }

    /// The connection that is gone, and whether it was the person's last.
    pub(crate) fn go(&mut self, id: ConnectionId) -> Option<(Connection, bool)> {
        let gone = self.connections.remove(&id)?;
        self.moderators.remove(&id);
        let person = &gone.person.id;
        let last = match self.by_person.get_mut(person) {
            Some(open) => {
                open.retain(|&open| open != id);
                open.is_empty()
            }
            None => true,
        };
        if last {
            self.by_person.remove(person);
            self.followers.remove(person);
            if let Some(address) = &gone.address {
                self.left.retain(|(left, _)| left != person);
                self.left.push_back((person.clone(), address.clone()));
                if self.left.len() > LEFT_MAX {
                    self.left.pop_front();
                }
            }
        }
        if gone.watches {
            one_less(&mut self.viewers, &gone.viewer());
            one_less(&mut self.watching, person);
        }
        Some((gone, last))
    }

    /// Somebody who is here follows the room from now on, or no more.
    pub(crate) fn follow(&mut self, person: &str, follows: bool) {
        if !follows {
            self.followers.remove(person);
        } else if self.by_person.contains_key(person) {
            self.followers.insert(person.to_owned());
        }
    }

    /// Whether somebody who is here follows the room.
    pub(crate) fn follows(&self, person: &str) -> bool {
        self.followers.contains(person)
    }

    pub(crate) fn get(&self, id: ConnectionId) -> Option<&Connection> {
        self.connections.get(&id)
    }

    /// All connections of a person.
    pub(crate) fn of(&self, person: &str) -> &[ConnectionId] {
        self.by_person.get(person).map_or(&[], Vec::as_slice)
    }

    /// Somebody who is here.
    pub(crate) fn person(&self, id: &str) -> Option<&Connection> {
        self.connections.get(self.of(id).first()?)
    }

    /// Where somebody comes from who is here, or was lately.
    pub(crate) fn address(&self, id: &str) -> Option<&str> {
        let here = self.person(id).and_then(|connection| connection.address.as_deref());
        here.or_else(|| self.left.iter().find(|(left, _)| left == id).map(|(_, address)| address.as_str()))
    }

    /// Everybody who is here, each once.
    pub(crate) fn people(&self) -> impl Iterator<Item = &Person> {
        self.by_person.values().filter_map(|open| self.connections.get(open.first()?)).map(|one| &one.person)
    }

    pub(crate) fn moderators(&self) -> Vec<ConnectionId> {
        self.moderators.iter().copied().collect()
    }

    pub(crate) fn others(&self) -> Vec<ConnectionId> {
        self.connections.keys().copied().filter(|id| !self.moderators.contains(id)).collect()
    }

    /// Viewers and members, see [`crate::frame::Out::Presence`].
    pub(crate) fn count(&self) -> (u32, u32) {
        let count = |different: usize| u32::try_from(different).unwrap_or(u32::MAX);
        (count(self.viewers.len()), count(self.watching.len()))
    }

    /// Somebody's account is deleted: what they still say is nobody's.
    pub(crate) fn forget(&mut self, member: &str) {
        self.left.retain(|(left, _)| left != member);
        for id in self.by_person.get(member).into_iter().flatten() {
            if let Some(connection) = self.connections.get_mut(id) {
                connection.person.forget(member);
            }
        }
    }
}

impl Connection {
    fn viewer(&self) -> Viewer {
        self.player.map_or_else(|| Viewer::Person(self.person.id.clone()), Viewer::Player)
    }
}

/// Counts one connection less; what has none left is not here.
fn one_less<K: Eq + Hash>(open: &mut HashMap<K, u32>, key: &K) {
    if let Some(count) = open.get_mut(key) {
        *count = count.saturating_sub(1);
        if *count == 0 {
            open.remove(key);
        }
    }
}

/// How many watched a broadcast, from its beginning to now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gauge {
    began: Duration,
    started_at_ms: Option<i64>,
    counted_until: Duration,
    viewer_ms: u64,
    peak: u32,
}

impl Gauge {
    pub(crate) fn new(now: Duration, started_at_ms: Option<i64>, viewers: u32) -> Gauge {
        Gauge { began: now, started_at_ms, counted_until: now, viewer_ms: 0, peak: viewers }
    }

    /// `before` watched until `now`, and `after` do from here on.
    pub(crate) fn changes(&mut self, now: Duration, before: u32, after: u32) {
        let span = milliseconds(now.saturating_sub(self.counted_until));
        self.viewer_ms += span.saturating_mul(u64::from(before));
        self.counted_until = now;
        self.peak = self.peak.max(after);
    }

    pub(crate) fn read(mut self, now: Duration, viewers: u32, likes: u64) -> Audience {
        self.changes(now, viewers, viewers);
        let duration_ms = milliseconds(now.saturating_sub(self.began));
        let average_milli = self.viewer_ms.saturating_mul(1_000).checked_div(duration_ms);
        Audience {
            started_at_ms: self.started_at_ms,
            duration_ms,
            peak: self.peak,
            average_milli: average_milli.unwrap_or(u64::from(viewers) * 1_000),
            likes,
        }
    }
}

fn milliseconds(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// People who left whose address is remembered: whoever writes something and goes is kept out all the same.
const LEFT_MAX: usize = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peak_and_average_are_of_viewers_over_time() {
        let at = Duration::from_secs;
        let mut gauge = Gauge::new(at(10), Some(5), 0);
        gauge.changes(at(20), 0, 4);
        gauge.changes(at(25), 4, 2);
        let read = gauge.read(at(30), 2, 7);
        assert_eq!((read.peak, read.average_milli, read.duration_ms, read.likes), (4, 1_500, 20_000, 7));
    }
}

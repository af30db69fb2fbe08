//! What was said: the tail of a room's log, numbered.

use std::collections::{HashMap, VecDeque};

use crate::entry::{Act, Deed, Entry, EntryBody, Message};
use crate::forgotten::DELETED_NAME;
use crate::frame::{Out, Person};

/// Messages and gifts in a `welcome`.
pub const HISTORY_MESSAGES: usize = 100;
/// Lines kept in memory for `resume`; a viewer that missed more starts from the history. At the longest
/// message this is 2 MB a room.
pub const TRANSCRIPT_ENTRIES: usize = 500;
/// The latest things that were asked for, by asker and their own id: a repeat of one of them is harmless.
const ASKED_MAX: usize = 2 * TRANSCRIPT_ENTRIES;

/// The latest stored lines and the way from a sender's id to its line.
#[derive(Debug, Default)]
pub(crate) struct Transcript {
    entries: VecDeque<Entry>,
    asked: HashMap<(String, String), u64>,
    asked_order: VecDeque<(String, String)>,
    /// The number of the latest line that fell off.
    dropped: u64,
}

impl Transcript {
    /// Appends a stored line; the oldest falls off a full transcript. A line that takes another away, or brings it
    /// back, does so here.
    pub(crate) fn push(&mut self, entry: Entry) {
        if let EntryBody::Deed(Deed { act: Act::Forget { member }, .. }) = &entry.body {
            self.forget(member);
        }
        if let EntryBody::Deed(Deed { by: Some(by), act, .. }) = &entry.body {
            match act {
                Act::Delete { message } => self.take_away(*message, Some(by.name.to_string())),
                Act::Restore { message } => self.take_away(*message, None),
                act if act.is_quiet() => return,
                _ => {}
            }
        }
        self.entries.push_back(entry);
        if self.entries.len() > TRANSCRIPT_ENTRIES {
            let oldest = self.entries.pop_front().expect("it holds more than none");
            self.dropped = oldest.seq;
        }
    }

    /// Remembers who asked for line `seq`, and as what.
    pub(crate) fn remember(&mut self, asker: &str, id: &str, seq: u64) {
        let key = (asker.to_owned(), id.to_owned());
        if self.asked.insert(key.clone(), seq).is_none() {
            self.asked_order.push_back(key);
        }
        if self.asked_order.len() > ASKED_MAX {
            let oldest = self.asked_order.pop_front().expect("it holds more than none");
            self.asked.remove(&oldest);
        }
    }

    /// The line that `asker` asked for as `id`.
    pub(crate) fn seq_of(&self, asker: &str, id: &str) -> Option<u64> {
        self.asked.get(&(asker.to_owned(), id.to_owned())).copied()
    }

    /// The message with this number, and when it was said.
    pub(crate) fn message(&self, seq: u64) -> Option<(&Message, i64)> {
        let entry = self.entry(seq)?;
        match &entry.body {
            EntryBody::Message(message) => Some((message, entry.at_ms)),
            _ => None,
        }
    }

    /// Whether the line with this number is a message that had to wait for a moderator.
    pub(crate) fn was_held(&self, seq: u64) -> bool {
        self.entry(seq).is_some_and(|entry| matches!(entry.body, EntryBody::Held { .. }))
    }

    /// The line with which the message that was held as line `held` was let through.
    pub(crate) fn release_of(&self, held: u64) -> Option<u64> {
        let release = self.entries.iter().find(|entry| match &entry.body {
            EntryBody::Message(Message { released: Some(released), .. }) => released.held == held,
            _ => false,
        });
        release.map(|entry| entry.seq)
    }

    fn entry(&self, seq: u64) -> Option<&Entry> {
        let at = self.entries.binary_search_by_key(&seq, |entry| entry.seq).ok()?;
        self.entries.get(at)
    }

    /// Who wrote the lines kept here, the latest first; with repeats.
    pub(crate) fn writers(&self) -> impl Iterator<Item = &Person> {
        self.entries.iter().rev().filter_map(|entry| match &entry.body {
            EntryBody::Message(message) | EntryBody::Held { message, .. } => Some(&message.from),
            _ => None,
        })
    }

    /// Whether a line kept here is of somebody, or about them.
    pub(crate) fn names(&self, member: &str) -> bool {
        self.entries.iter().any(|entry| entry.clone().forget(member))
    }

    /// Forgets who somebody was.
    fn forget(&mut self, member: &str) {
        let mut taken = Vec::new();
        for entry in &mut self.entries {
            if let EntryBody::Deed(Deed { by: Some(by), act: Act::Delete { message }, .. }) = &entry.body
                && by.id == member
            {
                taken.push(*message);
            }
            entry.forget(member);
        }
        for message in taken {
            self.take_away(message, Some(DELETED_NAME.to_owned()));
        }
    }

    /// The latest messages that were not taken away, and gifts; oldest first.
    pub(crate) fn history(&self) -> Vec<Out> {
        let shown = self.entries.iter().rev().filter(|entry| match &entry.body {
            EntryBody::Message(message) => message.deleted_by.is_none(),
            EntryBody::Deed(deed) => matches!(deed.act, Act::Gift(_)),
            _ => false,
        });
        let mut history: Vec<Out> = shown.filter_map(Entry::frame).take(HISTORY_MESSAGES).collect();
        history.reverse();
        history
    }

    /// The lines in `after + 1 ..= until`, or `None` when some of them have fallen off.
    pub(crate) fn between(&self, after: u64, until: u64) -> Option<impl Iterator<Item = &Entry>> {
        let whole = after >= self.dropped;
        whole.then(|| self.entries.iter().filter(move |entry| entry.seq > after && entry.seq <= until))
    }

    /// Says that lines up to `seq` are not here.
    pub(crate) fn begins_after(&mut self, seq: u64) {
        self.dropped = self.dropped.max(seq);
    }

    fn take_away(&mut self, seq: u64, by: Option<String>) {
        let Ok(at) = self.entries.binary_search_by_key(&seq, |entry| entry.seq) else { return };
        if let EntryBody::Message(message) = &mut self.entries[at].body {
            message.deleted_by = by;
        }
    }
}

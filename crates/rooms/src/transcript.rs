//! What was said: the tail of a room's log, numbered.

use std::collections::{HashMap, VecDeque};

use crate::frame::{NoticeCode, Out, Person};
use crate::text::Text;

/// One line of a room's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its place; rises strictly within a room's epoch.
    pub seq: u64,
    /// Unix time in milliseconds.
    pub at_ms: i64,
    /// What it says.
    pub body: EntryBody,
}

/// What a line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryBody {
    /// Somebody said something.
    Message {
        /// The sender's own id for it.
        id: String,
        /// Who.
        from: Person,
        /// What.
        text: Text,
    },
    /// Something happened.
    Notice(NoticeCode),
}

/// Messages in a `welcome`.
pub const HISTORY_MESSAGES: usize = 100;
/// Lines kept in memory for `resume`; a viewer that missed more starts from the history. At the longest
/// message this is 2 MB a room.
pub const TRANSCRIPT_ENTRIES: usize = 500;

/// The latest stored lines and the way from a sender's id to its line.
#[derive(Debug, Default)]
pub(crate) struct Transcript {
    entries: VecDeque<Entry>,
    by_sender: HashMap<(String, String), u64>,
}

impl Transcript {
    /// Appends a stored line; the oldest falls off a full transcript.
    pub(crate) fn push(&mut self, entry: Entry) {
        if let EntryBody::Message { id, from, .. } = &entry.body {
            self.by_sender.insert((from.id.clone(), id.clone()), entry.seq);
        }
        self.entries.push_back(entry);
        if self.entries.len() > TRANSCRIPT_ENTRIES {
            let oldest = self.entries.pop_front().expect("it holds more than none");
            if let EntryBody::Message { id, from, .. } = oldest.body {
                self.by_sender.remove(&(from.id, id));
            }
        }
    }

    /// The line that `sender` wrote as `id`.
    pub(crate) fn seq_of(&self, sender: &str, id: &str) -> Option<u64> {
        self.by_sender.get(&(sender.to_owned(), id.to_owned())).copied()
    }

    /// The place of the latest line; 0 when there is none.
    pub(crate) fn last_seq(&self) -> u64 {
        self.entries.back().map_or(0, |entry| entry.seq)
    }

    /// The latest messages, oldest first.
    pub(crate) fn history(&self) -> Vec<Out> {
        let messages =
            self.entries.iter().rev().filter(|entry| matches!(entry.body, EntryBody::Message { .. }));
        let mut history: Vec<Out> = messages.take(HISTORY_MESSAGES).map(Entry::frame).collect();
        history.reverse();
        history
    }

    /// The lines in `after + 1 ..= until`, or `None` when some of them may have fallen off.
    pub(crate) fn between(&self, after: u64, until: u64) -> Option<impl Iterator<Item = &Entry>> {
        let kept_from = match self.entries.front() {
            // Numbers start at 1, so a first line with number 1 means that none was dropped.
            Some(first) if first.seq > 1 => first.seq,
            _ => 1,
        };
        let whole = after + 1 >= kept_from;
        whole.then(|| self.entries.iter().filter(move |entry| entry.seq > after && entry.seq <= until))
    }
}

impl Entry {
    /// As it is sent.
    #[must_use]
    pub fn frame(&self) -> Out {
        match &self.body {
            EntryBody::Message { id, from, text } => Out::Message {
                seq: self.seq,
                id: id.clone(),
                from: from.clone(),
                text: text.as_str().to_owned(),
                at: self.at_ms,
            },
            EntryBody::Notice(code) => Out::Notice { seq: self.seq, code: *code, at: self.at_ms },
        }
    }
}

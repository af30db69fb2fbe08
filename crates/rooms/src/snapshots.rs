//! What is told as it stands instead of change by change, at most every [`Room::PRESENCE_INTERVAL`].

use std::collections::BTreeSet;
use std::time::Duration;

use crate::Time;
use crate::command::Effect;
use crate::entry::{Act, Deed, EntryBody};
use crate::frame::{Out, PollView};
use crate::room::Room;

/// What changed since it was told last, and when something falls due.
#[derive(Debug, Default)]
pub(crate) struct Snapshots {
    presence: bool,
    likes: bool,
    hands: bool,
    polls: BTreeSet<u64>,
    questions: BTreeSet<u64>,
    last_told: Option<Duration>,
    /// When the next poll closes by itself.
    poll_ends: Option<Duration>,
    /// A poll's end could not be stored: until then none is tried.
    close_after: Option<Duration>,
    /// When likes are stored again.
    likes_stored: Option<Duration>,
}

impl Snapshots {
    pub(crate) fn presence(&mut self) {
        self.presence = true;
    }

    pub(crate) fn likes(&mut self, now: Time) {
        self.likes = true;
        self.likes_stored.get_or_insert(now.monotonic + LIKES_STORED_EVERY);
    }

    pub(crate) fn hands(&mut self) {
        self.hands = true;
    }

    pub(crate) fn poll(&mut self, id: u64) {
        self.polls.insert(id);
    }

    pub(crate) fn question(&mut self, id: u64) {
        self.questions.insert(id);
    }

    /// The end of a poll could not be stored. With a disk that is full it cannot at once either.
    pub(crate) fn close_later(&mut self, now: Time) {
        self.close_after = Some(now.monotonic + CLOSED_AGAIN_AFTER);
    }

    pub(crate) fn due(&self) -> Option<Duration> {
        let told = self.changed().then(|| self.last_told.unwrap_or_default() + Room::PRESENCE_INTERVAL);
        [told, self.poll_ends, self.likes_stored].into_iter().flatten().min()
    }

    fn changed(&self) -> bool {
        let many = self.polls.is_empty() && self.questions.is_empty();
        self.presence || self.likes || self.hands || !many
    }
}

impl Room {
    /// Tells what changed, when it was not told just now.
    pub(crate) fn tell_snapshots(&mut self, now: Time) {
        if self.snapshots.likes_stored.is_some_and(|due| due <= now.monotonic) {
            self.snapshots.likes_stored = None;
            self.done_by(now, None, Act::Likes { total: self.likes });
        }
        let told = self.snapshots.last_told;
        let early = told.is_some_and(|told| now.monotonic < told + Room::PRESENCE_INTERVAL);
        if !self.snapshots.changed() || early {
            return;
        }
        let Snapshots { poll_ends, close_after, likes_stored, .. } = self.snapshots;
        let last_told = Some(now.monotonic);
        let fresh = Snapshots { last_told, poll_ends, close_after, likes_stored, ..Snapshots::default() };
        let changed = std::mem::replace(&mut self.snapshots, fresh);
        if changed.presence {
            let (viewers, members) = (self.view.viewers, self.view.members);
            self.effects.push_back(Effect::ToAll(Out::Presence { viewers, members }));
        }
        if changed.likes {
            self.effects.push_back(Effect::ToAll(Out::Likes { total: self.likes }));
        }
        if changed.hands {
            self.tell_hands();
        }
        for id in changed.polls {
            self.tell_poll(id);
        }
        for id in changed.questions {
            let seq = self.stored_seq();
            let question = self.floor.question(id);
            self.effects.extend(question.map(|question| Effect::ToAll(Out::Question { seq, question })));
        }
    }

    /// Closes polls whose time is over.
    pub(crate) fn close_polls(&mut self, now: Time) {
        let open = self.floor.polls.iter().filter(|(_, poll)| !poll.closed);
        let timed: Vec<(u64, i64)> = open.filter_map(|(&id, poll)| Some((id, poll.ends_at_ms?))).collect();
        self.snapshots.poll_ends = None;
        let close_after = self.snapshots.close_after.filter(|&after| now.monotonic < after);
        for (id, ends_at_ms) in timed {
            let closing = |body: &EntryBody| matches!(body, EntryBody::Deed(Deed { act: Act::ClosePoll { poll }, .. }) if *poll == id);
            if self.awaits(closing) {
                continue;
            }
            let left_ms = u64::try_from(ends_at_ms.saturating_sub(now.unix_ms)).unwrap_or(0);
            if left_ms == 0 && close_after.is_none() {
                self.done_by(now, None, Act::ClosePoll { poll: id });
            } else {
                let ends = now.monotonic + Duration::from_millis(left_ms);
                let ends = close_after.map_or(ends, |after| ends.max(after));
                let ends = self.snapshots.poll_ends.map_or(ends, |known| known.min(ends));
                self.snapshots.poll_ends = Some(ends);
            }
        }
    }

    pub(crate) fn tell_poll(&mut self, id: u64) {
        let seq = self.stored_seq();
        let frame = |poll: PollView| {
            if poll.quiz { Out::Quiz { seq, quiz: poll } } else { Out::Poll { seq, poll } }
        };
        let Some(theirs) = self.floor.poll(id, false) else { return };
        match self.floor.poll(id, true) {
            Some(full) if full != theirs => {
                self.effects.push_back(Effect::ToSome(self.crowd.moderators(), frame(full)));
                self.effects.push_back(Effect::ToSome(self.crowd.others(), frame(theirs)));
            }
            _ => self.effects.push_back(Effect::ToAll(frame(theirs))),
        }
    }

    fn tell_hands(&mut self) {
        let seq = self.stored_seq();
        let hand = Out::Hand { seq, queue: self.floor.queue() };
        self.effects.push_back(Effect::ToSome(self.crowd.moderators(), hand));
        let members: Vec<String> = self.floor.hands.iter().map(|hand| hand.member.id.clone()).collect();
        for member in members {
            self.tell_place(&member);
        }
    }

    /// Tells somebody where their hand is.
    pub(crate) fn tell_place(&mut self, member: &str) {
        let (place, called) = self.floor.place(member);
        let connections = self.crowd.of(member).to_vec();
        if !connections.is_empty() {
            self.effects.push_back(Effect::ToSome(connections, Out::Place { place, called }));
        }
    }
}

/// From the end of a poll that could not be stored to the next try.
const CLOSED_AGAIN_AFTER: Duration = Duration::from_secs(5);
/// Likes come by the thousand and none of them is acknowledged: after a crash the count goes on from here.
const LIKES_STORED_EVERY: Duration = Duration::from_secs(10);

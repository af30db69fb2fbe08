//! What stands in a room: the sum of its log besides what was said.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::entry::{Act, Deed, Entry, EntryBody, Message, Pinned};
use crate::frame::{
    FloorView, HandView, HeldView, Mine, NoticeCode, Person, PollView, QuestionView, SanctionView, Whom,
};
use crate::poll::Poll;
use crate::room::Room;
use crate::rules::{Rules, Why};

/// What stands in a room. [`Floor::apply`] is the one way it changes, so that a room that begins again from its log
/// is the room that it was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Floor {
    pub(crate) rules: Rules,
    pub(crate) pinned: Option<Pinned>,
    /// By the member's id.
    pub(crate) sanctions: BTreeMap<String, Sanction>,
    pub(crate) held: BTreeMap<u64, Held>,
    pub(crate) polls: BTreeMap<u64, Poll>,
    pub(crate) hands: Vec<Hand>,
    pub(crate) questions: BTreeMap<u64, Question>,
    pub(crate) likes: u64,
    /// The broadcast is over; the next begins with nothing of it.
    over: bool,
}

/// What keeps somebody from writing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sanction {
    /// Who.
    pub member: Whom,
    /// A ban; else a time-out.
    pub ban: bool,
    /// Unix time in milliseconds; `None` until it is lifted.
    pub until_ms: Option<i64>,
    /// Guests from here are kept from writing too, for [`crate::Room::GUEST_BAN_S`].
    pub address: Option<String>,
    /// Why, in the words of who did it.
    #[serde(default)]
    pub reason: Option<String>,
    /// Whose doing.
    pub by: Option<Whom>,
    /// Since when, Unix time in milliseconds.
    pub since_ms: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Held {
    pub(crate) message: Message,
    pub(crate) why: Why,
    pub(crate) at_ms: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hand {
    pub(crate) member: Whom,
    pub(crate) since_ms: i64,
    pub(crate) called: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Question {
    pub(crate) from: Whom,
    pub(crate) text: String,
    pub(crate) votes: BTreeSet<String>,
    pub(crate) answered: bool,
}

impl Sanction {
    pub(crate) fn holds(&self, now_ms: i64) -> bool {
        self.until_ms.is_none_or(|until| now_ms < until)
    }

    pub(crate) fn view(&self) -> SanctionView {
        SanctionView { ban: self.ban, until_ms: self.until_ms, reason: self.reason.clone() }
    }

    /// Whether guests from an address are kept from writing. Addresses change hands: also the ban of an account, which
    /// lasts, holds for its address no longer than a guest's.
    fn holds_address(&self, address: &str, now_ms: i64) -> bool {
        self.address.as_deref() == Some(address) && self.holds(now_ms) && now_ms < self.address_until_ms()
    }

    fn address_until_ms(&self) -> i64 {
        let own_ms = self.since_ms.saturating_add(i64::from(Room::GUEST_BAN_S) * 1_000);
        self.until_ms.map_or(own_ms, |until_ms| until_ms.min(own_ms))
    }

    /// As somebody sees it whom it keeps from writing, whether it is about them or about another from their address.
    fn view_for(&self, person: &Person) -> SanctionView {
        if self.member.id == person.id {
            return self.view();
        }
        SanctionView { ban: self.ban, until_ms: Some(self.address_until_ms()), reason: None }
    }
}

impl Floor {
    /// Time-outs and bans kept at most; those that are over make room.
    pub const SANCTIONS_MAX: usize = 10_000;
    /// Messages that wait for a moderator at most.
    pub const HELD_MAX: usize = 200;
    /// Open polls at most: more cannot be answered beside a chat.
    pub const POLLS_OPEN_MAX: usize = 5;
    /// Closed polls kept for who comes later.
    pub const POLLS_CLOSED_MAX: usize = 10;
    /// Raised hands at most.
    pub const HANDS_MAX: usize = 1_000;
    /// Questions kept at most, answered ones among them.
    pub const QUESTIONS_MAX: usize = 200;

    /// Changes by one stored line; lines come in their order.
    pub fn apply(&mut self, entry: &Entry) {
        match &entry.body {
            EntryBody::Message(message) => {
                if let Some(released) = &message.released {
                    self.held.remove(&released.held);
                }
            }
            EntryBody::Held { message, why } => {
                let held = Held { message: message.clone(), why: *why, at_ms: entry.at_ms };
                self.held.insert(entry.seq, held);
            }
            EntryBody::Notice(NoticeCode::Live) if self.over => {
                self.over = false;
                self.likes = 0;
                self.hands.clear();
                self.questions.clear();
                self.polls.retain(|_, poll| !poll.closed);
            }
            EntryBody::Notice(_) => {}
            EntryBody::Deed(deed) => self.done(entry.seq, entry.at_ms, deed),
        }
    }

    /// Whether the last broadcast is over, and the next has not begun.
    pub(crate) fn is_over(&self) -> bool {
        self.over
    }

    fn done(&mut self, seq: u64, at_ms: i64, Deed { by, act, .. }: &Deed) {
        match act {
            Act::Delete { message } => {
                self.pinned.take_if(|pinned| pinned.seq == *message);
            }
            Act::Restore { .. } | Act::Here | Act::Gone | Act::Gift(_) => {}
            Act::Forget { member } => drop(self.forget(member)),
            Act::Reject { held } => drop(self.held.remove(held)),
            Act::Silence { member, ban, until_ms, address, reason } => {
                self.sanctions.retain(|_, sanction| sanction.holds(at_ms));
                let by = by.as_ref().map(Person::whom);
                let (ban, until_ms, since_ms) = (*ban, *until_ms, at_ms);
                let (address, reason) = (address.clone(), reason.clone());
                let sanction =
                    Sanction { member: member.clone(), ban, until_ms, address, reason, by, since_ms };
                self.sanctions.insert(member.id.clone(), sanction);
            }
            Act::Lift { member } => drop(self.sanctions.remove(&member.id)),
            Act::Pin { pinned } => self.pinned = pinned.as_deref().cloned(),
            Act::Settings { rules } => self.rules = rules.clone(),
            Act::OpenPoll { poll } => drop(self.polls.insert(seq, poll.clone())),
            Act::ClosePoll { poll } => self.close(*poll),
            Act::Likes { total } => self.likes = *total,
            Act::Broadcast(_) => self.over = true,
            Act::Vote { .. }
            | Act::Raise
            | Act::Lower { .. }
            | Act::Call { .. }
            | Act::Ask { .. }
            | Act::Upvote { .. }
            | Act::Answer { .. } => self.taken_part(seq, at_ms, by.as_ref(), act),
        }
    }

    fn taken_part(&mut self, seq: u64, at_ms: i64, by: Option<&Person>, act: &Act) {
        match (act, by) {
            (Act::Vote { poll, choices }, Some(by)) => {
                if let Some(poll) = self.polls.get_mut(poll) {
                    poll.vote(&by.id, choices);
                }
            }
            (Act::Raise, Some(by)) if self.hand(&by.id).is_none() => {
                self.hands.push(Hand { member: by.whom(), since_ms: at_ms, called: false });
            }
            (Act::Lower { member: Some(member) }, _) => self.hands.retain(|hand| hand.member.id != *member),
            (Act::Lower { member: None }, _) => self.hands.clear(),
            (Act::Call { member }, _) => {
                if let Some(hand) = self.hands.iter_mut().find(|hand| hand.member.id == *member) {
                    hand.called = true;
                }
            }
            (Act::Ask { text }, Some(by)) => {
                let text = text.as_str().to_owned();
                let question = Question { from: by.whom(), text, votes: BTreeSet::new(), answered: false };
                if self.questions.len() >= Floor::QUESTIONS_MAX {
                    let oldest = self.questions.iter().find(|(_, question)| question.answered);
                    let oldest = oldest.map(|(&id, _)| id);
                    oldest.map(|id| self.questions.remove(&id));
                }
                self.questions.insert(seq, question);
            }
            (Act::Upvote { question }, Some(by)) => {
                if let Some(question) = self.questions.get_mut(question) {
                    question.votes.insert(by.id.clone());
                }
            }
            (Act::Answer { question }, _) => {
                if let Some(question) = self.questions.get_mut(question) {
                    question.answered = true;
                }
            }
            _ => {}
        }
    }

    fn close(&mut self, poll: u64) {
        if let Some(poll) = self.polls.get_mut(&poll) {
            poll.closed = true;
        }
        let mut closed = self.polls.iter().filter(|(_, poll)| poll.closed).map(|(&id, _)| id);
        let oldest = closed.next().filter(|_| closed.count() >= Floor::POLLS_CLOSED_MAX);
        oldest.map(|id| self.polls.remove(&id));
    }

    /// What keeps a member from writing now; of guests also by their address.
    #[must_use]
    pub(crate) fn sanction(&self, person: &Person, address: Option<&str>, now_ms: i64) -> Option<&Sanction> {
        if person.is_host() {
            return None;
        }
        let own = self.sanctions.get(&person.id).filter(|sanction| sanction.holds(now_ms));
        own.or_else(|| {
            let address = address.filter(|_| person.is_guest())?;
            self.sanctions.values().find(|sanction| sanction.holds_address(address, now_ms))
        })
    }

    /// Time-outs and bans that hold, by the member's id.
    pub fn sanctions(&self, now_ms: i64) -> impl Iterator<Item = &Sanction> {
        self.sanctions.values().filter(move |sanction| sanction.holds(now_ms))
    }

    pub(crate) fn hand(&self, member: &str) -> Option<&Hand> {
        self.hands.iter().find(|hand| hand.member.id == member)
    }

    /// A poll, as moderators or as others see it.
    pub(crate) fn poll(&self, id: u64, moderator: bool) -> Option<PollView> {
        let poll = self.polls.get(&id)?;
        let counts = moderator || !(self.rules.class || poll.is_quiz());
        Some(poll.view(id, counts, moderator))
    }

    pub(crate) fn question(&self, id: u64) -> Option<QuestionView> {
        let question = self.questions.get(&id)?;
        let votes = u32::try_from(question.votes.len()).unwrap_or(u32::MAX);
        let (from, text) = (question.from.clone(), question.text.clone());
        Some(QuestionView { id, from, text, votes, answered: question.answered })
    }

    /// Those that wait for an answer, the oldest first.
    pub(crate) fn open_questions(&self) -> Vec<QuestionView> {
        let all = self.questions.keys().filter_map(|&id| self.question(id));
        all.filter(|question| !question.answered).collect()
    }

    pub(crate) fn queue(&self) -> Vec<HandView> {
        let view = |hand: &Hand| HandView {
            member: hand.member.clone(),
            since_ms: hand.since_ms,
            called: hand.called,
        };
        self.hands.iter().map(view).collect()
    }

    pub(crate) fn held_view(&self, seq: u64) -> Option<HeldView> {
        let held = self.held.get(&seq)?;
        let from = held.message.from.whom();
        let text = held.message.text.as_str().to_owned();
        Some(HeldView { held: seq, from, text, at: held.at_ms, why: held.why })
    }

    /// What stands, as one member may see it. `likes` may be more than what is stored.
    pub(crate) fn view(&self, person: &Person, address: Option<&str>, now_ms: i64, likes: u64) -> FloorView {
        let moderator = person.may_moderate();
        let mut questions = self.open_questions();
        questions.sort_by_key(|question| std::cmp::Reverse(question.votes));
        FloorView {
            settings: if moderator { self.rules.clone() } else { self.rules.public() },
            pinned: self.pinned.as_ref().map(|pinned| Box::new(pinned.frame())),
            polls: self.polls.keys().filter_map(|&id| self.poll(id, moderator)).collect(),
            questions,
            likes,
            hands: if moderator { self.queue() } else { Vec::new() },
            held: self.held.keys().filter(|_| moderator).filter_map(|&seq| self.held_view(seq)).collect(),
            mine: self.mine(person, address, now_ms),
        }
    }

    fn mine(&self, person: &Person, address: Option<&str>, now_ms: i64) -> Mine {
        let votes =
            self.polls.iter().filter_map(|(&id, poll)| Some((id, poll.vote_of(&person.id)?.to_vec())));
        let upvotes = self.questions.iter().filter(|(_, question)| question.votes.contains(&person.id));
        let (place, called) = self.place(&person.id);
        Mine {
            sanction: self.sanction(person, address, now_ms).map(|sanction| sanction.view_for(person)),
            votes: votes.collect(),
            upvotes: upvotes.map(|(&id, _)| id).collect(),
            place,
            called,
        }
    }

    /// Where somebody's hand is in the queue, from 1, and whether they may speak.
    pub(crate) fn place(&self, member: &str) -> (Option<u32>, bool) {
        let at = self.hands.iter().position(|hand| hand.member.id == member);
        let called = at.is_some_and(|at| self.hands[at].called);
        (at.map(|at| u32::try_from(at + 1).unwrap_or(u32::MAX)), called)
    }
}

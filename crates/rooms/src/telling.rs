//! What is told once a line is stored.

use crate::Time;
use crate::command::Effect;
use crate::entry::{Act, Deed, Entry, EntryBody, Message};
use crate::frame::{NoticeCode, Out, Person, QuestionView, Whom};
use crate::room::Room;

/// What a line ended, as it stood before.
#[derive(Debug)]
pub(crate) struct Ended {
    pinned: bool,
    class: bool,
    held: Option<Message>,
    /// When another broadcast begins: the questions of the last one that wait for an answer.
    last: Option<Vec<QuestionView>>,
}

impl Room {
    /// What `entry` will end, for [`Room::tell`].
    pub(crate) fn ends(&self, entry: &Entry) -> Ended {
        let held = match &entry.body {
            EntryBody::Deed(Deed { act: Act::Reject { held }, .. }) => self.floor.held.get(held),
            _ => None,
        };
        let held = held.map(|held| held.message.clone());
        let begins = self.floor.is_over() && matches!(entry.body, EntryBody::Notice(NoticeCode::Live));
        let last = begins.then(|| self.floor.open_questions());
        Ended { pinned: self.floor.pinned.is_some(), class: self.floor.rules.class, held, last }
    }

    /// Tells everybody whom it concerns of a line that is stored and applied.
    pub(crate) fn tell(&mut self, now: Time, entry: &Entry, ended: Ended) {
        self.effects.extend(entry.frame().map(Effect::ToAll));
        match &entry.body {
            EntryBody::Message(message) => {
                if let Some(released) = &message.released {
                    self.settled(message, released.held, true);
                }
            }
            EntryBody::Held { .. } => {
                if let Some(message) = self.floor.held_view(entry.seq) {
                    self.tell_moderators(Out::Held { message });
                }
            }
            EntryBody::Notice(_) => {
                if let Some(questions) = ended.last {
                    self.begin_anew(now, entry.seq, questions);
                }
            }
            EntryBody::Deed(deed) => {
                if let (Act::Reject { held }, Some(message)) = (&deed.act, &ended.held) {
                    self.settled(message, *held, false);
                }
                if matches!(deed.act, Act::Settings { .. }) && ended.class != self.floor.rules.class {
                    self.call_the_roll(now);
                }
                // A pinned line that was taken away is pinned no more.
                if ended.pinned && self.floor.pinned.is_none() {
                    self.tell_pin(entry.seq);
                } else {
                    self.tell_deed(now, entry.seq, deed);
                }
            }
        }
    }

    fn tell_deed(&mut self, now: Time, seq: u64, Deed { by, act, .. }: &Deed) {
        let whose = by.as_ref().map_or_else(room_itself, Person::whom);
        match act {
            Act::Restore { message } => {
                let restored = self.transcript.message(*message);
                let frame = restored.map(|(restored, at)| Box::new(restored.frame(*message, at)));
                self.effects.extend(frame.map(|message| Effect::ToAll(Out::Restored { seq, message })));
            }
            Act::Silence { member, .. } | Act::Lift { member } => self.tell_sanction(now, seq, member, whose),
            Act::Pin { .. } => self.tell_pin(seq),
            Act::Settings { rules } => {
                let everybody = Out::Settings { seq, settings: rules.public() };
                self.effects.push_back(Effect::ToSome(self.crowd.others(), everybody));
                self.tell_moderators(Out::Settings { seq, settings: rules.clone() });
            }
            Act::OpenPoll { .. } => self.tell_poll(seq),
            Act::ClosePoll { poll } => self.tell_poll(*poll),
            Act::Vote { poll, .. } => self.snapshots.poll(*poll),
            Act::Raise => {
                self.snapshots.hands();
                self.tell_place(&whose.id);
            }
            Act::Lower { member } => {
                self.snapshots.hands();
                match member {
                    Some(member) => self.tell_place(member),
                    None => self.effects.push_back(Effect::ToAll(Out::Place { place: None, called: false })),
                }
            }
            Act::Call { member } => {
                self.snapshots.hands();
                self.tell_place(member);
            }
            Act::Ask { .. } => self.snapshots.question(seq),
            Act::Upvote { question } | Act::Answer { question } => self.snapshots.question(*question),
            Act::Delete { .. } | Act::Reject { .. } | Act::Gift(_) => {}
            Act::Forget { .. } => self.snapshots.hands(),
            Act::Likes { .. } | Act::Here | Act::Gone | Act::Broadcast(_) => {}
        }
    }

    /// Another broadcast has nothing of the last one's likes, hands and questions: pages put away what they show of them.
    fn begin_anew(&mut self, now: Time, seq: u64, questions: Vec<QuestionView>) {
        self.likes = 0;
        self.snapshots.likes(now);
        self.snapshots.hands();
        self.effects.push_back(Effect::ToAll(Out::Place { place: None, called: false }));
        for question in questions {
            let question = QuestionView { answered: true, ..question };
            self.effects.push_back(Effect::ToAll(Out::Question { seq, question }));
        }
    }

    /// A class begins or ends with those who are here.
    fn call_the_roll(&mut self, now: Time) {
        let act = if self.floor.rules.class { Act::Here } else { Act::Gone };
        let here: Vec<Person> = self.crowd.people().filter(|person| !person.is_host()).cloned().collect();
        for person in here {
            self.done_by(now, Some(person), act.clone());
        }
    }

    /// Tells moderators, and who wrote it, that a held message waits no more.
    pub(crate) fn settled(&mut self, message: &Message, held: u64, released: bool) {
        let frame = Out::Settled { held, id: message.id.clone(), released };
        let mut to = self.crowd.moderators();
        if !message.from.may_moderate() {
            to.extend_from_slice(self.crowd.of(&message.from.id));
        }
        self.effects.push_back(Effect::ToSome(to, frame));
    }

    fn tell_sanction(&mut self, now: Time, seq: u64, member: &Whom, by: Whom) {
        let held = self.floor.sanctions.get(&member.id).filter(|sanction| sanction.holds(now.unix_ms));
        let sanction = held.map(crate::floor::Sanction::view);
        self.tell_moderators(Out::Sanction { seq, member: member.clone(), sanction: sanction.clone(), by });
        let theirs = self.crowd.of(&member.id).to_vec();
        if !theirs.is_empty() {
            self.effects.push_back(Effect::ToSome(theirs, Out::Standing { sanction }));
        }
    }

    fn tell_pin(&mut self, seq: u64) {
        let message = self.floor.pinned.as_ref().map(|pinned| Box::new(pinned.frame()));
        self.effects.push_back(Effect::ToAll(Out::Pin { seq, message }));
    }

    fn tell_moderators(&mut self, frame: Out) {
        self.effects.push_back(Effect::ToSome(self.crowd.moderators(), frame));
    }
}

/// The doer of what a room does by itself.
fn room_itself() -> Whom {
    Whom { id: String::new(), name: String::new() }
}

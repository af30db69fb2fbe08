//! What members do besides writing, and who may do what.

use crate::Time;
use crate::command::Effect;
use crate::entry::{Act, Deed, EntryBody, Message, Pinned, Released};
use crate::floor::Floor;
use crate::frame::{ErrorCode, In, Out, Person, Whom};
use crate::name::fold;
use crate::poll::{NewPoll, Poll};
use crate::refusal::Refusal;
use crate::room::{Asker, Room};
use crate::rules::Change;
use crate::text::{Text, TextError};

impl Room {
    /// Does what a frame asks for, or says why not.
    pub(crate) fn act(&mut self, now: Time, asker: &Asker, frame: In) -> Result<(), Refusal> {
        self.pace_act(now, asker)?;
        let id = frame.id().unwrap_or_default().to_owned();
        let act = match frame {
            In::Like { count } => {
                self.likes = self.likes.saturating_add(u64::from(count.min(Room::LIKES_MAX)));
                self.snapshots.likes(now);
                return Ok(());
            }
            In::Release { held, .. } => return self.release(now, asker, held, id),
            In::Hand { up } => match self.raise(asker, up)? {
                Some(act) => act,
                None => return Ok(()),
            },
            In::Settings { change, .. } => match self.settings(asker, change)? {
                Some(act) => act,
                None => {
                    let ack = Out::Ack { id, seq: self.stored_seq(), held: false };
                    self.effects.push_back(Effect::To(asker.connection, ack));
                    return Ok(());
                }
            },
            In::Vote { poll, choices, .. } => self.vote(asker, poll, choices)?,
            In::Ask { text, .. } => self.ask(now, asker, &text)?,
            In::Upvote { question, .. } => self.upvote(asker, question)?,
            In::Delete { message, .. } => self.delete(asker, message)?,
            In::Gift { gift, count, to, .. } => self.gift(now, asker, (&gift, count, to.as_deref()))?,
            frame => {
                moderators_only(asker)?;
                self.moderate(now, asker, frame)?
            }
        };
        let deed = Deed { id: id.clone(), by: Some(asker.person.clone()), act };
        self.persist(now, EntryBody::Deed(deed), Some(asker), id);
        Ok(())
    }

    /// What only moderators do.
    fn moderate(&self, now: Time, asker: &Asker, frame: In) -> Result<Act, Refusal> {
        match frame {
            In::Restore { message, .. } => match self.transcript.message(message) {
                Some((line, _)) if line.deleted_by.is_some() => Ok(Act::Restore { message }),
                _ => Err(Refusal::missing("there is no such line that was taken away")),
            },
            In::Reject { held, .. } => {
                self.held(held)?;
                Ok(Act::Reject { held })
            }
            In::Timeout { member, seconds, reason, .. } => {
                if !(1..=Room::TIMEOUT_MAX_S).contains(&seconds) {
                    let message = format!("a time-out has 1 to {} seconds", Room::TIMEOUT_MAX_S);
                    return Err(Refusal::bad(message));
                }
                self.silence(now, asker, &member, Some(seconds), reason)
            }
            In::Ban { member, reason, .. } => self.silence(now, asker, &member, None, reason),
            In::Lift { member, .. } => match self.floor.sanctions.get(&member) {
                Some(sanction) => Ok(Act::Lift { member: sanction.member.clone() }),
                None => Err(Refusal::missing("nothing keeps that member from writing")),
            },
            In::Pin { message, .. } => {
                let found = message.map(|seq| match self.transcript.message(seq) {
                    Some((message, at_ms)) if message.deleted_by.is_none() => {
                        Ok(Box::new(Pinned { seq, at_ms, message: message.clone() }))
                    }
                    _ => Err(Refusal::missing("there is no such line")),
                });
                Ok(Act::Pin { pinned: found.transpose()? })
            }
            In::Poll { poll, .. } => self.open_poll(now, poll),
            In::Close { poll, .. } => match self.floor.polls.get(&poll) {
                Some(known) if !known.closed => Ok(Act::ClosePoll { poll }),
                Some(_) => Err(Refusal::new(ErrorCode::Closed, "the poll is closed already")),
                None => Err(Refusal::missing("there is no such poll")),
            },
            In::Call { member, .. } => match self.floor.hand(&member) {
                Some(_) => Ok(Act::Call { member }),
                None => Err(Refusal::missing("that member's hand is not up")),
            },
            In::Lower { member, .. } => Ok(Act::Lower { member }),
            In::Answer { question, .. } => match self.floor.questions.contains_key(&question) {
                true => Ok(Act::Answer { question }),
                false => Err(Refusal::missing("there is no such question")),
            },
            _ => Err(Refusal::bad("this frame cannot be sent here")),
        }
    }

    fn delete(&self, asker: &Asker, message: u64) -> Result<Act, Refusal> {
        let missing = || Refusal::missing("there is no such line");
        let (line, _) = self.transcript.message(message).ok_or_else(missing)?;
        if line.from.id != asker.person.id {
            moderators_only(asker)?;
            if line.from.is_host() && !asker.person.is_host() {
                return Err(Refusal::new(
                    ErrorCode::NotAllowed,
                    "the host's lines are the host's to take away",
                ));
            }
        }
        if line.deleted_by.is_some() { Err(missing()) } else { Ok(Act::Delete { message }) }
    }

    fn release(&mut self, now: Time, asker: &Asker, held: u64, id: String) -> Result<(), Refusal> {
        moderators_only(asker)?;
        let waiting = self.held(held)?;
        let by = asker.person.whom();
        let message = Message { released: Some(Released { held, by }), ..waiting };
        self.persist(now, EntryBody::Message(message), Some(asker), id);
        Ok(())
    }

    /// A message that waits, and about which nothing is decided yet.
    fn held(&self, seq: u64) -> Result<Message, Refusal> {
        let decided = self.awaits(|body| match body {
            EntryBody::Deed(Deed { act: Act::Reject { held }, .. }) => *held == seq,
            EntryBody::Message(Message { released: Some(released), .. }) => released.held == seq,
            _ => false,
        });
        let held = self.floor.held.get(&seq).filter(|_| !decided);
        held.map(|held| held.message.clone()).ok_or_else(|| Refusal::missing("no such message waits"))
    }

    /// A time-out of so many seconds, or a ban.
    fn silence(
        &self,
        now: Time,
        asker: &Asker,
        member: &str,
        seconds: Option<u32>,
        reason: Option<String>,
    ) -> Result<Act, Refusal> {
        let nobody = || Refusal::missing("nobody of that id is here or wrote lately");
        let known = self.crowd.person(member);
        let person = known.map(|known| &known.person).or_else(|| self.writer(member)).ok_or_else(nobody)?;
        let above = person.is_host() || (person.may_moderate() && !asker.person.is_host());
        if above || person.id == asker.person.id {
            return Err(Refusal::new(
                ErrorCode::NotAllowed,
                "that member cannot be kept from writing by you",
            ));
        }
        if self.floor.sanctions(now.unix_ms).count() >= Floor::SANCTIONS_MAX {
            return Err(Refusal::new(ErrorCode::Full, "as many are banned as can be kept: lift some first"));
        }
        let ban = seconds.is_none();
        let seconds = seconds.or_else(|| person.is_guest().then_some(Room::GUEST_BAN_S));
        let until_ms = seconds.map(|seconds| now.unix_ms.saturating_add(i64::from(seconds) * 1_000));
        let address = self.crowd.address(member).filter(|_| ban).map(str::to_owned);
        let reason = reason.as_deref().map(said_why).transpose()?.flatten();
        Ok(Act::Silence { member: person.whom(), ban, until_ms, address, reason })
    }

    /// `None` when all is so already.
    fn settings(&self, asker: &Asker, change: Change) -> Result<Option<Act>, Refusal> {
        moderators_only(asker)?;
        if change.is_hosts() && !asker.person.is_host() {
            return Err(Refusal::new(ErrorCode::NotAllowed, "only the host may change that"));
        }
        // A change is of what will be stored by then: of two that come together, none undoes the other.
        let mut pending = self.pending.iter().rev();
        let latest = pending.find_map(|pending| match &pending.entry.body {
            EntryBody::Deed(Deed { act: Act::Settings { rules }, .. }) => Some(rules),
            _ => None,
        });
        let rules = latest.unwrap_or(&self.floor.rules).changed(change).map_err(Refusal::bad)?;
        let stays = latest.is_none() && rules == self.floor.rules;
        Ok((!stays).then_some(Act::Settings { rules }))
    }

    fn open_poll(&self, now: Time, new: NewPoll) -> Result<Act, Refusal> {
        let opening =
            |body: &EntryBody| matches!(body, EntryBody::Deed(Deed { act: Act::OpenPoll { .. }, .. }));
        let coming = self.pending.iter().filter(|pending| opening(&pending.entry.body)).count();
        let open = self.floor.polls.values().filter(|poll| !poll.closed).count();
        if open + coming >= Floor::POLLS_OPEN_MAX {
            let message = format!("at most {} polls are open at a time", Floor::POLLS_OPEN_MAX);
            return Err(Refusal::new(ErrorCode::Full, message));
        }
        Ok(Act::OpenPoll { poll: Poll::new(new, now.unix_ms).map_err(Refusal::bad)? })
    }

    fn vote(&self, asker: &Asker, poll: u64, choices: Vec<u8>) -> Result<Act, Refusal> {
        let known = self.floor.polls.get(&poll).ok_or_else(|| Refusal::missing("there is no such poll"))?;
        let closing = self.awaits(|body| {
            matches!(body, EntryBody::Deed(Deed { act: Act::ClosePoll { poll: closing }, .. }) if *closing == poll)
        });
        if known.closed || closing {
            return Err(Refusal::new(ErrorCode::Closed, "the poll is closed"));
        }
        let voting = self.awaits(|body| match body {
            EntryBody::Deed(Deed { by: Some(by), act: Act::Vote { poll: voted, .. }, .. }) => {
                *voted == poll && by.id == asker.person.id
            }
            _ => false,
        });
        if voting || known.vote_of(&asker.person.id).is_some() {
            return Err(Refusal::new(
                ErrorCode::AlreadyVoted,
                "everybody has one vote, and yours is counted",
            ));
        }
        if known.voters() + self.pending.len() >= Poll::VOTES_MAX {
            return Err(Refusal::new(ErrorCode::Full, "the poll has as many votes as it can count"));
        }
        Ok(Act::Vote { poll, choices: known.choices(choices).map_err(Refusal::bad)? })
    }

    fn raise(&self, asker: &Asker, up: bool) -> Result<Option<Act>, Refusal> {
        let own = &asker.person.id;
        // The last thing that is being stored about this hand, else how it stands.
        let mut pending = self.pending.iter().rev();
        let coming = pending.find_map(|pending| match &pending.entry.body {
            EntryBody::Deed(Deed { by: Some(by), act: Act::Raise, .. }) if by.id == *own => Some(true),
            EntryBody::Deed(Deed { act: Act::Lower { member }, .. })
                if member.as_ref().is_none_or(|member| member == own) =>
            {
                Some(false)
            }
            _ => None,
        });
        let is_up = coming.unwrap_or_else(|| self.floor.hand(own).is_some());
        if up == is_up {
            return Ok(None);
        }
        if !up {
            return Ok(Some(Act::Lower { member: Some(own.clone()) }));
        }
        if self.floor.hands.len() + self.pending.len() >= Floor::HANDS_MAX {
            return Err(Refusal::new(ErrorCode::Full, "too many hands are up"));
        }
        Ok(Some(Act::Raise))
    }

    fn ask(&mut self, now: Time, asker: &Asker, text: &str) -> Result<Act, Refusal> {
        self.may_write(now, asker)?;
        let text = Text::new(text).map_err(|error| Refusal::bad(error.to_string()))?;
        if self.floor.rules.holds(&text).is_some() && !asker.person.may_moderate() {
            return Err(Refusal::new(ErrorCode::NotAllowed, "that question cannot be asked here"));
        }
        let open = self.floor.questions.values().filter(|question| !question.answered).count();
        if open + self.pending.len() >= Floor::QUESTIONS_MAX {
            return Err(Refusal::new(ErrorCode::Full, "too many questions wait for an answer"));
        }
        Ok(Act::Ask { text })
    }

    fn upvote(&self, asker: &Asker, question: u64) -> Result<Act, Refusal> {
        let known = self.floor.questions.get(&question);
        let known = known.ok_or_else(|| Refusal::missing("there is no such question"))?;
        let own = &asker.person.id;
        let voting = self.awaits(|body| match body {
            EntryBody::Deed(Deed { by: Some(by), act: Act::Upvote { question: voted }, .. }) => {
                *voted == question && by.id == *own
            }
            _ => false,
        });
        if voting || known.votes.contains(own) || known.from.id == *own {
            return Err(Refusal::new(ErrorCode::AlreadyVoted, "everybody has one vote for a question"));
        }
        Ok(Act::Upvote { question })
    }

    /// The id of somebody by their name, or by the id itself: of those who are here, wrote lately or are kept quiet.
    pub(crate) fn id_of(&self, name: &str) -> Result<String, Refusal> {
        let kept = self.floor.sanctions.values().map(|sanction| sanction.member.clone());
        let known = self.crowd.people().chain(self.transcript.writers()).map(Person::whom).chain(kept);
        let wanted = fold(name);
        let mut found: Vec<String> = known
            .filter(|whom: &Whom| whom.id == name || (!wanted.is_empty() && fold(&whom.name) == wanted))
            .map(|whom| whom.id)
            .collect();
        found.sort_unstable();
        found.dedup();
        match found.len() {
            1 => Ok(found.remove(0)),
            0 => Err(Refusal::missing(format!("nobody called {name} is here or wrote lately"))),
            _ => Err(Refusal::missing(format!("several are called {name}: use the menu of a message"))),
        }
    }

    fn writer(&self, id: &str) -> Option<&Person> {
        self.transcript.writers().find(|writer| writer.id == id)
    }
}

/// A reason as it is kept: one line; `None` when nothing is left of it.
fn said_why(raw: &str) -> Result<Option<String>, Refusal> {
    match Text::new(raw) {
        Err(TextError::Empty) => Ok(None),
        Ok(text) if text.as_str().chars().count() <= Room::REASON_CHARS_MAX => {
            Ok(Some(text.as_str().to_owned()))
        }
        _ => Err(Refusal::bad(format!("a reason has at most {} characters", Room::REASON_CHARS_MAX))),
    }
}

fn moderators_only(asker: &Asker) -> Result<(), Refusal> {
    if asker.person.may_moderate() {
        return Ok(());
    }
    Err(Refusal::new(ErrorCode::NotAllowed, "only moderators may do that"))
}

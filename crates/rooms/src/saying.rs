//! What members say.

use std::time::Duration;

use crate::Time;
use crate::command::Effect;
use crate::entry::{EntryBody, Message};
use crate::floor::Floor;
use crate::frame::{Danmaku, ErrorCode, In, Moment, Out};
use crate::pace::{Pace, Paces};
use crate::refusal::Refusal;
use crate::room::{Asker, Room};
use crate::rules::{Who, is_emotes};
use crate::slash;
use crate::text::{Text, TextError};

/// What somebody wants to say.
#[derive(Clone, Debug)]
struct Saying {
    id: String,
    text: String,
    reply_to: Option<u64>,
    danmaku: Option<Danmaku>,
    on: Option<Moment>,
}

impl Room {
    /// Takes a frame of somebody who is here, or whose request is looked at.
    pub(crate) fn take(&mut self, now: Time, asker: Asker, frame: In) {
        if let Some(id) = frame.id() {
            if id.is_empty() || id.len() > Room::ID_BYTES_MAX {
                let message = format!("a frame's id has 1 to {} bytes", Room::ID_BYTES_MAX);
                return self.refuse(&asker, None, Refusal::bad(message));
            }
            if self.is_repeat(&asker, id) {
                return;
            }
        }
        let id = frame.id().map(str::to_owned);
        let taken = match frame {
            In::Resume { epoch, seq } => {
                self.resume(asker.connection, &epoch, seq);
                Ok(())
            }
            In::Send { id, text, .. } if slash::is_command(&text) => self.command(now, &asker, &id, &text),
            In::Send { id, text, reply_to, danmaku } => {
                self.say(now, &asker, Saying { id, text, reply_to, danmaku, on: None })
            }
            In::Comment { id, text, on, .. } => {
                self.say(now, &asker, Saying { id, text, reply_to: None, danmaku: None, on: Some(on) })
            }
            frame => self.act(now, &asker, frame),
        };
        if let Err(refusal) = taken {
            self.refuse(&asker, id, refusal);
        }
    }

    /// Answers what was asked for already.
    fn is_repeat(&mut self, asker: &Asker, id: &str) -> bool {
        if let Some(seq) = self.transcript.seq_of(&asker.person.id, id) {
            let answer = self.answer_again(id.to_owned(), seq);
            self.effects.push_back(Effect::To(asker.connection, answer));
            return true;
        }
        let mut pending = self.pending.iter_mut();
        let Some(same) = pending.find(|pending| pending.asker == asker.person.id && pending.id == id) else {
            return false;
        };
        if !same.waiting.contains(&asker.connection) {
            same.waiting.push(asker.connection);
        }
        true
    }

    /// The answer to what was asked for before and became line `seq`: like the first, unless it was a message that was
    /// held, about which more is known by now.
    fn answer_again(&self, id: String, seq: u64) -> Out {
        let held = self.floor.held.contains_key(&seq);
        if held || !self.transcript.was_held(seq) {
            return Out::Ack { id, seq, held };
        }
        match self.transcript.release_of(seq) {
            Some(seq) => Out::Ack { id, seq, held: false },
            None => Refusal::new(ErrorCode::Rejected, "a moderator did not let it through").frame(Some(id)),
        }
    }

    fn command(&mut self, now: Time, asker: &Asker, id: &str, text: &str) -> Result<(), Refusal> {
        let frame = slash::parse(id, text, |name| self.id_of(name))?;
        self.act(now, asker, frame)
    }

    fn say(&mut self, now: Time, asker: &Asker, saying: Saying) -> Result<(), Refusal> {
        let text = Text::new(&saying.text).map_err(|error| {
            let code = if error == TextError::Empty { ErrorCode::Empty } else { ErrorCode::TooLong };
            Refusal::new(code, error.to_string())
        })?;
        if !text.shows() {
            return Err(Refusal::new(ErrorCode::Empty, TextError::Empty.to_string()));
        }
        let moderator = asker.person.may_moderate();
        self.may_write(now, asker)?;
        let rules = &self.floor.rules;
        if rules.emotes_only && !moderator && !is_emotes(text.as_str()) {
            return Err(Refusal::new(ErrorCode::EmotesOnly, "only emoji may be sent now"));
        }
        if saying.reply_to.is_some_and(|line| line >= self.next_seq()) {
            return Err(Refusal::missing("there is no such line to answer"));
        }
        let why = rules.holds(&text).filter(|_| !moderator);
        if why.is_some() && self.floor.held.len() >= Floor::HELD_MAX {
            let message = "too many messages wait for a moderator: try again later";
            return Err(Refusal::new(ErrorCode::Full, message));
        }
        let danmaku = saying.danmaku.filter(|_| rules.danmaku);
        self.pace_message(now, asker)?;
        let message = Message {
            reply_to: saying.reply_to,
            danmaku,
            on: saying.on,
            ..Message::new(saying.id.clone(), asker.person.clone(), text)
        };
        let body = match why {
            None => EntryBody::Message(message),
            Some(why) => EntryBody::Held { message, why },
        };
        self.persist(now, body, Some(asker), saying.id);
        Ok(())
    }

    /// Whether somebody may write at all now.
    pub(crate) fn may_write(&self, now: Time, asker: &Asker) -> Result<(), Refusal> {
        let person = &asker.person;
        if let Some(sanction) = self.floor.sanction(person, asker.address.as_deref(), now.unix_ms) {
            let why = sanction.reason.as_deref().filter(|_| sanction.member.id == person.id);
            let why = why.map(|why| format!(": {why}")).unwrap_or_default();
            if sanction.ban {
                return Err(Refusal::new(
                    ErrorCode::Banned,
                    format!("you are banned from writing in this chat{why}"),
                ));
            }
            let left = sanction.until_ms.map_or(0, |until| until.saturating_sub(now.unix_ms));
            let left = Duration::from_millis(u64::try_from(left).unwrap_or(0));
            return Err(Refusal::later(
                ErrorCode::TimedOut,
                format!("you may not write for some time{why}"),
                left,
            ));
        }
        if person.may_moderate() {
            return Ok(());
        }
        let called = self.floor.hand(&person.id).is_some_and(|hand| hand.called);
        if self.floor.rules.locked && !called {
            return Err(Refusal::new(ErrorCode::Locked, "the chat is locked"));
        }
        match self.floor.rules.who {
            Who::SignedIn | Who::Followers if person.is_guest() => {
                Err(Refusal::new(ErrorCode::SignInNeeded, "only those with an account may write here"))
            }
            Who::Followers if !asker.follows => {
                Err(Refusal::new(ErrorCode::FollowersOnly, "only those who follow this room may write here"))
            }
            Who::Nobody => Err(Refusal::new(ErrorCode::Locked, "only moderators write here")),
            Who::Everyone | Who::SignedIn | Who::Followers => Ok(()),
        }
    }

    fn pace_message(&mut self, now: Time, asker: &Asker) -> Result<(), Refusal> {
        let slow = Duration::from_secs(self.floor.rules.slow_mode_s.into());
        let paces = self.paces.entry(asker.person.id.clone()).or_insert_with(|| Paces::new(now.monotonic));
        if !asker.person.may_moderate()
            && let Some(last) = paces.last_message
            && now.monotonic < last + slow
        {
            let wait = last + slow - now.monotonic;
            return Err(Refusal::later(ErrorCode::SlowMode, "slow mode is on: wait a moment", wait));
        }
        if let (Some(address), true) = (&asker.address, asker.person.is_guest()) {
            // Whoever makes new guests of one address gets no more of them.
            let pace =
                self.addresses.entry(address.clone()).or_insert_with(|| Pace::of_address(now.monotonic));
            pace.take(now.monotonic).map_err(|wait| {
                let message = "many write from your network just now: wait a moment";
                Refusal::later(ErrorCode::RateLimited, message, wait)
            })?;
        }
        paces.messages.take(now.monotonic).map_err(|wait| {
            let message = "that was fast: wait a moment before the next message";
            Refusal::later(ErrorCode::RateLimited, message, wait)
        })?;
        paces.last_message = Some(now.monotonic);
        Ok(())
    }

    pub(crate) fn pace_act(&mut self, now: Time, asker: &Asker) -> Result<(), Refusal> {
        let paces = self.paces.entry(asker.person.id.clone()).or_insert_with(|| Paces::new(now.monotonic));
        paces
            .acts
            .take(now.monotonic)
            .map_err(|wait| Refusal::later(ErrorCode::RateLimited, "that was fast: wait a moment", wait))
    }
}

//! Polls and quizzes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::frame::PollView;
use crate::text::visible;

/// What a moderator asks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NewPoll {
    /// 1 to [`Poll::QUESTION_CHARS_MAX`] code points.
    pub question: String,
    /// [`Poll::OPTIONS_MIN`] to [`Poll::OPTIONS_MAX`] of them.
    pub options: Vec<String>,
    /// Several options may be chosen.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub multiple: bool,
    /// Closes by itself after so long; at most [`Poll::SECONDS_MAX`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u32>,
    /// Right options by their place: with these it is a quiz.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub right: Vec<u8>,
}

/// A poll with its votes: one a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Poll {
    /// See [`NewPoll::question`].
    pub question: String,
    /// See [`NewPoll::options`].
    pub options: Vec<String>,
    /// See [`NewPoll::multiple`].
    pub multiple: bool,
    /// See [`NewPoll::right`].
    pub right: Vec<u8>,
    /// When it closes by itself, Unix time in milliseconds.
    pub ends_at_ms: Option<i64>,
    /// No more votes.
    #[serde(default)]
    pub closed: bool,
    /// Choices by the member's id.
    #[serde(default)]
    votes: BTreeMap<String, Vec<u8>>,
    #[serde(default)]
    counts: Vec<u32>,
}

impl Poll {
    /// Code points of a question at most.
    pub const QUESTION_CHARS_MAX: usize = 200;
    /// Code points of an option at most.
    pub const OPTION_CHARS_MAX: usize = 100;
    /// Options at least.
    pub const OPTIONS_MIN: usize = 2;
    /// Options at most.
    pub const OPTIONS_MAX: usize = 10;
    /// Open for a day at most, when it closes by itself.
    pub const SECONDS_MAX: u32 = 86_400;
    /// Votes kept at most: a poll's memory and its snapshot stay within some megabytes.
    pub const VOTES_MAX: usize = 100_000;

    /// A poll without votes, or what is wrong with it, in words.
    ///
    /// # Errors
    /// A text or number that is out of its limits.
    pub fn new(new: NewPoll, now_ms: i64) -> Result<Poll, String> {
        let question = line(&new.question, Poll::QUESTION_CHARS_MAX, "question")?;
        let options = new.options.iter().take(Poll::OPTIONS_MAX + 1);
        let options: Vec<String> =
            options.map(|option| line(option, Poll::OPTION_CHARS_MAX, "option")).collect::<Result<_, _>>()?;
        if !(Poll::OPTIONS_MIN..=Poll::OPTIONS_MAX).contains(&options.len()) {
            return Err(format!("a poll has {} to {} options", Poll::OPTIONS_MIN, Poll::OPTIONS_MAX));
        }
        if (1..options.len()).any(|at| options[..at].contains(&options[at])) {
            return Err("a poll's options are different ones".to_owned());
        }
        if new.seconds.is_some_and(|seconds| !(1..=Poll::SECONDS_MAX).contains(&seconds)) {
            return Err(format!("a poll is open for 1 to {} seconds", Poll::SECONDS_MAX));
        }
        let right = places(new.right, options.len())?;
        if !new.multiple && right.len() > 1 {
            return Err("a quiz of one choice has one right answer".to_owned());
        }
        let ends_at_ms = new.seconds.map(|seconds| now_ms.saturating_add(i64::from(seconds) * 1_000));
        let counts = vec![0; options.len()];
        let votes = BTreeMap::new();
        Ok(Poll {
            question,
            options,
            multiple: new.multiple,
            right,
            ends_at_ms,
            closed: false,
            votes,
            counts,
        })
    }

    /// A vote's choices in their order without repeats, or what is wrong with them, in words.
    ///
    /// # Errors
    /// No choice, one too many, or one that there is not.
    pub fn choices(&self, choices: Vec<u8>) -> Result<Vec<u8>, String> {
        let choices = places(choices, self.options.len())?;
        match choices.len() {
            0 => Err("a vote names an option".to_owned()),
            1 => Ok(choices),
            _ if self.multiple => Ok(choices),
            _ => Err("this poll takes one option".to_owned()),
        }
    }

    /// Counts a vote; a member's second one changes nothing.
    pub(crate) fn vote(&mut self, member: &str, choices: &[u8]) {
        self.counts.resize(self.options.len(), 0);
        if self.closed || self.votes.contains_key(member) || self.votes.len() >= Poll::VOTES_MAX {
            return;
        }
        for &choice in choices {
            if let Some(count) = self.counts.get_mut(usize::from(choice)) {
                *count += 1;
            }
        }
        self.votes.insert(member.to_owned(), choices.to_vec());
    }

    /// What a member chose.
    #[must_use]
    pub fn vote_of(&self, member: &str) -> Option<&[u8]> {
        self.votes.get(member).map(Vec::as_slice)
    }

    /// How many voted.
    #[must_use]
    pub fn voters(&self) -> usize {
        self.votes.len()
    }

    /// Whether it has right answers.
    #[must_use]
    pub fn is_quiz(&self) -> bool {
        !self.right.is_empty()
    }

    /// As it is shown. `open`: with counts and right answers even before it is closed.
    #[must_use]
    pub(crate) fn view(&self, id: u64, counts: bool, right: bool) -> PollView {
        PollView {
            id,
            question: self.question.clone(),
            options: self.options.clone(),
            multiple: self.multiple,
            quiz: self.is_quiz(),
            counts: (counts || self.closed).then(|| self.counts.clone()),
            voters: u32::try_from(self.votes.len()).unwrap_or(u32::MAX),
            ends_at_ms: self.ends_at_ms,
            closed: self.closed,
            right: (self.is_quiz() && (right || self.closed)).then(|| self.right.clone()),
        }
    }
}

/// One line of text without controls.
fn line(raw: &str, chars_max: usize, what: &str) -> Result<String, String> {
    let text: String = raw.chars().filter_map(visible).collect();
    let text = text.trim();
    let length = text.chars().count();
    if !(1..=chars_max).contains(&length) {
        return Err(format!("a poll's {what} has 1 to {chars_max} characters"));
    }
    Ok(text.to_owned())
}

/// Sorted, each once, each below `options`.
fn places(mut places: Vec<u8>, options: usize) -> Result<Vec<u8>, String> {
    places.sort_unstable();
    places.dedup();
    match places.last() {
        Some(&last) if usize::from(last) >= options => Err(format!("there is no option {last}")),
        _ => Ok(places),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(options: &[&str]) -> NewPoll {
        let options = options.iter().map(|&option| option.to_owned()).collect();
        NewPoll { question: "Which?".to_owned(), options, ..NewPoll::default() }
    }

    #[test]
    fn a_poll_needs_a_question_and_two_options() {
        assert!(Poll::new(new(&["a", "b"]), 0).is_ok());
        assert!(Poll::new(new(&["a"]), 0).is_err());
        assert!(Poll::new(new(&["a", " \u{0} "]), 0).is_err());
        assert!(Poll::new(new(&["a", "b", " a"]), 0).is_err(), "nobody can tell them apart");
        assert!(Poll::new(NewPoll { question: String::new(), ..new(&["a", "b"]) }, 0).is_err());
        assert!(Poll::new(NewPoll { right: vec![2], ..new(&["a", "b"]) }, 0).is_err());
        assert!(Poll::new(NewPoll { seconds: Some(0), ..new(&["a", "b"]) }, 0).is_err());
        let timed = Poll::new(NewPoll { seconds: Some(60), ..new(&["a", "b"]) }, 1_000).unwrap();
        assert_eq!(timed.ends_at_ms, Some(61_000));
    }

    #[test]
    fn everybody_has_one_vote() {
        let mut poll = Poll::new(new(&["a", "b"]), 0).unwrap();
        poll.vote("x", &[1]);
        poll.vote("x", &[0]);
        poll.vote("y", &[1]);
        assert_eq!(poll.view(1, true, false).counts, Some(vec![0, 2]));
        assert_eq!((poll.vote_of("x"), poll.voters()), (Some([1].as_slice()), 2));
        assert!(poll.choices(vec![0, 1]).is_err() && poll.choices(vec![2]).is_err());
        assert_eq!(poll.choices(vec![1, 1]), Ok(vec![1]));
    }

    #[test]
    fn a_quiz_tells_its_answer_when_it_is_closed() {
        let mut quiz = Poll::new(NewPoll { right: vec![0], ..new(&["a", "b"]) }, 0).unwrap();
        assert_eq!(
            (quiz.view(1, false, false).right, quiz.view(1, false, true).right),
            (None, Some(vec![0]))
        );
        quiz.closed = true;
        assert_eq!(quiz.view(1, false, false).right, Some(vec![0]));
    }
}

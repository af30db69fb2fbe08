//! Commands that are written into the chat: the same operations as the frames, in words.
//!
//! ```text
//! /timeout NAME [600 | 10m | 1h]    /untimeout NAME    /ban NAME [REASON]    /unban NAME
//! /slow 10 | off    /lock    /unlock    /emotes on | off    /links on | off    /danmaku on | off
//! /poll Question? | first | second        /ask Question?
//! ```
//! A name may be written with `@` before it. Where something follows it, the longest name that somebody has is meant.

use crate::frame::{ErrorCode, In};
use crate::poll::NewPoll;
use crate::refusal::Refusal;
use crate::rules::Change;

/// Seconds of a time-out when the command names none.
const TIMEOUT_S: u32 = 600;
/// Where a name has ended at the latest: with an `@` before it, and spaces.
const NAME_CHARS_MAX: usize = crate::name::Name::CHARS_MAX + 4;

/// Whether a text is a command.
pub(crate) fn is_command(text: &str) -> bool {
    let mut characters = text.chars();
    characters.next() == Some('/') && characters.next().is_some_and(char::is_alphabetic)
}

/// The operation that a command means. `find` gives the id of somebody by their name.
pub(crate) fn parse(
    id: &str,
    text: &str,
    find: impl Fn(&str) -> Result<String, Refusal>,
) -> Result<In, Refusal> {
    let text = text.trim().trim_start_matches('/');
    let (command, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let rest = rest.trim();
    let id = id.to_owned();
    let change = |change: Change| Ok(In::Settings { id: id.clone(), change });
    match command.to_lowercase().as_str() {
        "timeout" | "mute" => {
            let (member, seconds) = timeout(rest, find)?;
            Ok(In::Timeout { id, member, seconds, reason: None })
        }
        "ban" => {
            let (member, reason) = ban(rest, find)?;
            Ok(In::Ban { id, member, reason })
        }
        "untimeout" | "unmute" | "unban" => Ok(In::Lift { id, member: find(name(rest)?)? }),
        "slow" => change(Change { slow_mode_s: Some(slow(rest)?), ..Change::default() }),
        "lock" => change(Change { locked: Some(true), ..Change::default() }),
        "unlock" => change(Change { locked: Some(false), ..Change::default() }),
        "emotes" => change(Change { emotes_only: Some(switch(rest)?), ..Change::default() }),
        "links" => change(Change { hold_links: Some(!switch(rest)?), ..Change::default() }),
        "danmaku" => change(Change { danmaku: Some(switch(rest)?), ..Change::default() }),
        "poll" => {
            let mut parts = rest.split('|').map(|part| part.trim().to_owned());
            let question = parts.next().unwrap_or_default();
            let poll = NewPoll { question, options: parts.collect(), ..NewPoll::default() };
            Ok(In::Poll { id, poll })
        }
        "ask" => Ok(In::Ask { id, text: rest.to_owned() }),
        other => Err(Refusal::new(ErrorCode::UnknownCommand, format!("there is no command /{other}"))),
    }
}

/// Who, and for how long: the last word is a time when it reads as one and the rest still names somebody.
fn timeout(rest: &str, find: impl Fn(&str) -> Result<String, Refusal>) -> Result<(String, u32), Refusal> {
    let whole = find(name(rest)?);
    if let Some((who, last)) = rest.rsplit_once(char::is_whitespace)
        && let Some(seconds) = span(last)
        && whole.is_err()
    {
        return Ok((find(name(who.trim())?)?, seconds));
    }
    Ok((whole?, TIMEOUT_S))
}

/// Who, and why: the longest beginning that names somebody, and what follows it.
fn ban(
    rest: &str,
    find: impl Fn(&str) -> Result<String, Refusal>,
) -> Result<(String, Option<String>), Refusal> {
    let whole = find(name(rest)?);
    let spaces = rest.char_indices().take(NAME_CHARS_MAX).filter(|(_, character)| character.is_whitespace());
    let ends: Vec<usize> = spaces.map(|(at, _)| at).collect();
    if whole.is_err() {
        for end in ends.into_iter().rev() {
            let (who, why) = rest.split_at(end);
            if let Ok(member) = name(who).and_then(&find) {
                return Ok((member, Some(why.trim().to_owned())));
            }
        }
    }
    Ok((whole?, None))
}

fn name(text: &str) -> Result<&str, Refusal> {
    let name = text.strip_prefix('@').unwrap_or(text).trim();
    if name.is_empty() { Err(Refusal::bad("the command needs a name")) } else { Ok(name) }
}

fn slow(text: &str) -> Result<u32, Refusal> {
    if text == "off" {
        return Ok(0);
    }
    span(text).ok_or_else(|| Refusal::bad("slow mode takes seconds, or off: /slow 10"))
}

fn switch(text: &str) -> Result<bool, Refusal> {
    match text {
        "on" | "" => Ok(true),
        "off" => Ok(false),
        _ => Err(Refusal::bad("the command takes on or off")),
    }
}

/// Seconds: `600`, `600s`, `10m`, `1h`, `1d`.
fn span(text: &str) -> Option<u32> {
    let digits = text.trim_end_matches(|character: char| character.is_ascii_alphabetic());
    let seconds = match &text[digits.len()..] {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    digits.parse::<u32>().ok()?.checked_mul(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(name: &str) -> Result<String, Refusal> {
        match name {
            "Ada" => Ok("a1".to_owned()),
            "Guest 12" => Ok("g2".to_owned()),
            _ => Err(Refusal::missing("nobody")),
        }
    }

    fn read(text: &str) -> Result<In, Refusal> {
        parse("c", text, find)
    }

    #[test]
    fn a_time_out_names_somebody_and_a_time() {
        let timeout = |member: &str, seconds| {
            Ok(In::Timeout { id: "c".to_owned(), member: member.to_owned(), seconds, reason: None })
        };
        assert_eq!(read("/timeout Ada"), timeout("a1", 600));
        assert_eq!(read("/timeout @Ada 90"), timeout("a1", 90));
        assert_eq!(read("/mute Ada 2h"), timeout("a1", 7_200));
        assert_eq!(read("/timeout Guest 12"), timeout("g2", 600));
        assert_eq!(read("/timeout Guest 12 1m"), timeout("g2", 60));
        assert!(read("/timeout").is_err() && read("/timeout Ben 5").is_err());
    }

    #[test]
    fn a_ban_names_somebody_and_a_reason() {
        let ban = |member: &str, reason: Option<&str>| {
            let reason = reason.map(str::to_owned);
            Ok(In::Ban { id: "c".to_owned(), member: member.to_owned(), reason })
        };
        assert_eq!(read("/ban Ada"), ban("a1", None));
        assert_eq!(read("/ban @Ada sells watches"), ban("a1", Some("sells watches")));
        assert_eq!(read("/ban Guest 12"), ban("g2", None));
        assert_eq!(read("/ban Guest 12  Ada told so"), ban("g2", Some("Ada told so")));
        assert!(read("/ban").is_err() && read("/ban Ben Ada").is_err());
        let far = format!("/ban {} Ada", "x ".repeat(100));
        assert!(read(&far).is_err());
    }

    #[test]
    fn rules_are_set_in_words() {
        let change = |text: &str| match read(text) {
            Ok(In::Settings { change, .. }) => change,
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(change("/slow 10").slow_mode_s, Some(10));
        assert_eq!(change("/slow off").slow_mode_s, Some(0));
        assert_eq!(change("/links off").hold_links, Some(true));
        assert_eq!(change("/LOCK").locked, Some(true));
        assert!(read("/slow quickly").is_err());
    }

    #[test]
    fn a_poll_is_asked_in_one_line() {
        let Ok(In::Poll { poll, .. }) = read("/poll Tea? | yes | no") else { panic!("a poll") };
        assert_eq!(
            (poll.question.as_str(), poll.options.as_slice()),
            ("Tea?", &["yes", "no"].map(String::from)[..])
        );
    }

    #[test]
    fn what_is_no_command_is_told_from_one() {
        assert!(is_command("/ban x") && !is_command("/ 2") && !is_command("//") && !is_command("a/b"));
        assert_eq!(read("/dance").unwrap_err().code, ErrorCode::UnknownCommand);
        // A span that is too long for its number is no time, and so part of a name that nobody has.
        assert!(read("/timeout Ada 99999999d").is_err());
    }
}

//! What a chat lets through, and what waits for a moderator.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::name::fold;
use crate::text::{Text, plain};

/// The rules of one room's chat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Rules {
    /// Seconds between two messages of one person; 0 is off.
    pub slow_mode_s: u32,
    /// Who may write.
    pub who: Who,
    /// Only moderators write, and those who were let speak.
    pub locked: bool,
    /// Messages are of emoji alone.
    pub emotes_only: bool,
    /// Messages with a link wait for a moderator.
    pub hold_links: bool,
    /// Messages with one of these words wait for a moderator. Viewers are not told them.
    pub words: Vec<String>,
    /// Messages may fly over the picture.
    pub danmaku: bool,
    /// The room is a class: attendance is kept, and answers to polls show when a poll is closed.
    pub class: bool,
}

/// Who may write in a chat.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = WhoWrites)]
pub enum Who {
    /// Guests too.
    #[default]
    Everyone,
    /// Those with an account.
    SignedIn,
    /// Those who follow the room.
    Followers,
    /// Moderators alone.
    Nobody,
}

/// A change of [`Rules`]: what is `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = ChangeRules)]
pub struct Change {
    /// See [`Rules::slow_mode_s`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slow_mode_s: Option<u32>,
    /// See [`Rules::who`]; the host's to change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub who: Option<Who>,
    /// See [`Rules::locked`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locked: Option<bool>,
    /// See [`Rules::emotes_only`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub emotes_only: Option<bool>,
    /// See [`Rules::hold_links`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold_links: Option<bool>,
    /// See [`Rules::words`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub words: Option<Vec<String>>,
    /// See [`Rules::danmaku`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub danmaku: Option<bool>,
    /// See [`Rules::class`]; the host's to change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<bool>,
}

/// Why a message waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = WhyHeld)]
pub enum Why {
    /// It holds a link.
    Link,
    /// It holds one of the words.
    Word,
}

impl Default for Rules {
    fn default() -> Rules {
        Rules {
            slow_mode_s: 0,
            who: Who::Everyone,
            locked: false,
            emotes_only: false,
            hold_links: false,
            words: Vec::new(),
            danmaku: true,
            class: false,
        }
    }
}

impl Rules {
    /// Seconds of slow mode at most.
    pub const SLOW_MODE_MAX_S: u32 = 3_600;
    /// Words at most.
    pub const WORDS_MAX: usize = 200;
    /// Code points of a word at most.
    pub const WORD_CHARS_MAX: usize = 64;

    /// These rules with a change, or what is wrong with it, in words.
    ///
    /// # Errors
    /// A value that is out of its limits.
    pub fn changed(&self, change: Change) -> Result<Rules, String> {
        let slow_mode_s = change.slow_mode_s.unwrap_or(self.slow_mode_s);
        if slow_mode_s > Rules::SLOW_MODE_MAX_S {
            return Err(format!("slow mode takes at most {} seconds", Rules::SLOW_MODE_MAX_S));
        }
        let words = match change.words {
            None => self.words.clone(),
            Some(words) => checked(words)?,
        };
        Ok(Rules {
            slow_mode_s,
            words,
            who: change.who.unwrap_or(self.who),
            locked: change.locked.unwrap_or(self.locked),
            emotes_only: change.emotes_only.unwrap_or(self.emotes_only),
            hold_links: change.hold_links.unwrap_or(self.hold_links),
            danmaku: change.danmaku.unwrap_or(self.danmaku),
            class: change.class.unwrap_or(self.class),
        })
    }

    /// As viewers may know them.
    #[must_use]
    pub fn public(&self) -> Rules {
        Rules { words: Vec::new(), ..self.clone() }
    }

    /// Why a text waits for a moderator; `None` when it does not.
    #[must_use]
    pub fn holds(&self, text: &Text) -> Option<Why> {
        let text = plain(text.as_str());
        if self.hold_links && has_link(&text) {
            return Some(Why::Link);
        }
        has_word(&text, &self.words).then_some(Why::Word)
    }
}

impl Change {
    /// Whether it changes what only the host may.
    #[must_use]
    pub fn is_hosts(&self) -> bool {
        self.who.is_some() || self.class.is_some()
    }
}

/// Whether a text is made of emoji and spaces alone.
#[must_use]
pub(crate) fn is_emotes(text: &str) -> bool {
    let mut emoji = false;
    for character in text.chars() {
        match character {
            '\u{a9}' | '\u{ae}' | '\u{203c}' | '\u{2049}' | '\u{20e3}' | '\u{2122}' => emoji = true,
            '\u{2190}'..='\u{21ff}' | '\u{2300}'..='\u{27bf}' | '\u{2900}'..='\u{297f}' => emoji = true,
            '\u{2b00}'..='\u{2bff}' | '\u{3030}' | '\u{303d}' | '\u{3297}' | '\u{3299}' => emoji = true,
            '\u{1f000}'..='\u{1faff}' => emoji = true,
            // Joiners, variants, tags of flags, and what a keycap is put around.
            '\u{200d}' | '\u{fe0e}' | '\u{fe0f}' | '\u{e0020}'..='\u{e007f}' | ' ' => {}
            '0'..='9' | '#' | '*' if text.contains('\u{20e3}') => {}
            _ => return false,
        }
    }
    emoji
}

fn checked(words: Vec<String>) -> Result<Vec<String>, String> {
    let mut kept: Vec<String> = Vec::new();
    for word in words {
        let word = word.trim();
        if word.chars().count() > Rules::WORD_CHARS_MAX {
            return Err(format!("a word has at most {} characters", Rules::WORD_CHARS_MAX));
        }
        if !fold(word).is_empty() && !kept.iter().any(|known| fold(known) == fold(word)) {
            kept.push(word.to_owned());
        }
    }
    if kept.len() > Rules::WORDS_MAX {
        return Err(format!("at most {} words are kept", Rules::WORDS_MAX));
    }
    Ok(kept)
}

/// Whether one of `words` stands in `text` as a word of its own, whatever its case. Writing without spaces has
/// no such borders: there it is enough that the word occurs.
fn has_word(text: &str, words: &[String]) -> bool {
    if words.is_empty() {
        return false;
    }
    let tokens: Vec<String> = text
        .split(|character: char| !character.is_alphanumeric())
        .map(fold)
        .filter(|t| !t.is_empty())
        .collect();
    // "b a d" is the word in another dress.
    let mut spelt: Vec<String> = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        if token.chars().count() != 1 {
            continue;
        }
        let follows = at > 0 && tokens[at - 1].chars().count() == 1;
        match spelt.last_mut().filter(|_| follows) {
            Some(run) => run.push_str(token),
            None => spelt.push(token.clone()),
        }
    }
    let whole = fold(text);
    words.iter().map(|word| fold(&plain(word))).any(|word| {
        let borderless = !word.is_ascii() && word.chars().any(is_borderless);
        (borderless && whole.contains(&word)) || tokens.contains(&word) || spelt.contains(&word)
    })
}

/// Scripts that are written without spaces between words.
fn is_borderless(character: char) -> bool {
    matches!(character, '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}'
        | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{20000}'..='\u{323af}')
}

/// Whether a text holds what a reader could follow: a scheme, `www.`, or a name with a domain's ending.
fn has_link(text: &str) -> bool {
    let text = text.to_lowercase();
    if text.contains("://") || text.contains("www.") {
        return true;
    }
    text.split(|character: char| !(character.is_alphanumeric() || "-._".contains(character))).any(|token| {
        let token = token.trim_matches('.');
        let Some((host, ending)) = token.rsplit_once('.') else { return false };
        // Names in other scripts are written so where they are not written as they are.
        let domain = ending.bytes().all(|byte| byte.is_ascii_lowercase()) || ending.starts_with("xn--");
        !host.ends_with('.') && ending.len() >= 2 && domain && host.chars().any(char::is_alphabetic)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_as_words_and_spelt_out() {
        let words = ["bad".to_owned(), "坏话".to_owned()];
        for held in ["BAD", "so bad!", "b a d", "b.a.d", "这是坏话吗"] {
            assert!(has_word(held, &words), "{held}");
        }
        for passes in ["badminton", "a b c", "", "坏 人"] {
            assert!(!has_word(passes, &words), "{passes}");
        }
    }

    #[test]
    fn links_are_found_with_and_without_a_scheme() {
        for link in
            ["see https://a.example/x", "www.example", "go to Evil.Example now", "a.b.co/x", "evil.xn--p1ai"]
        {
            assert!(has_link(link), "{link}");
        }
        for plain in ["it costs 3.50", "well...", "e.g. this", "one.", "v1.2.3", "wait...what", ".com"] {
            assert!(!has_link(plain), "{plain}");
        }
    }

    #[test]
    fn what_is_held_is_held_in_every_dress() {
        let rules =
            Rules { hold_links: true, words: vec!["bad".to_owned(), "café".to_owned()], ..Rules::default() };
        let why = |text: &str| rules.holds(&Text::new(text).unwrap());
        for word in ["b\u{200b}ad", "ＢＡＤ", "b\u{336}a\u{336}d", "ba\u{ad}d", "cafe\u{301}"] {
            assert_eq!(why(word), Some(Why::Word), "{word:?}");
        }
        for link in ["evil\u{2060}.example", "ｅｖｉｌ．ｅｘａｍｐｌｅ"] {
            assert_eq!(why(link), Some(Why::Link), "{link:?}");
        }
        assert_eq!(why("wait…what? 👩\u{200d}🏫"), None);
    }

    #[test]
    fn emoji_are_told_from_letters() {
        for emotes in ["👍", "❤️ 🎉", "1️⃣", "👩‍🏫", "🇳🇴"] {
            assert!(is_emotes(emotes), "{emotes}");
        }
        for words in ["hi", "👍 hi", "1", "…", " "] {
            assert!(!is_emotes(words), "{words}");
        }
    }

    #[test]
    fn a_change_leaves_the_rest_and_keeps_to_its_limits() {
        let rules = Rules { locked: true, ..Rules::default() };
        let changed = rules.changed(Change { slow_mode_s: Some(5), ..Change::default() }).unwrap();
        assert_eq!(changed, Rules { slow_mode_s: 5, ..rules.clone() });
        assert!(rules.changed(Change { slow_mode_s: Some(3_601), ..Change::default() }).is_err());
        let words = (0..201).map(|number| format!("w{number}")).collect();
        assert!(rules.changed(Change { words: Some(words), ..Change::default() }).is_err());
        let words = Some(vec!["Bad".to_owned(), " bad ".to_owned(), "!".to_owned()]);
        assert_eq!(rules.changed(Change { words, ..Change::default() }).unwrap().words, ["Bad"]);
    }
}

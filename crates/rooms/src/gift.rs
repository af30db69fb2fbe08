//! Gifts: points that one member spends to honour another, or the host.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Time;
use crate::entry::Act;
use crate::frame::{ErrorCode, Out, Person, Whom};
use crate::name::fold;
use crate::refusal::Refusal;
use crate::room::{Asker, Room};
use crate::slug::Slug;
use crate::text::visible;

/// One kind of gift, as the server's catalogue has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Gift {
    /// What frames call it.
    pub id: Slug,
    /// For people; in any language, or in English beside `name_zh`.
    pub name: String,
    /// For people who read Chinese.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_zh: Option<String>,
    /// Its picture: one emoji.
    pub emoji: String,
    /// What one of them costs.
    pub points: u32,
}

/// What was given to whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Given {
    /// As the catalogue had it then.
    pub gift: Gift,
    /// How many.
    pub count: u32,
    /// Whose honour. The id is empty for a host who was not seen lately.
    pub to: Whom,
}

impl Gift {
    /// Points of one gift at most.
    pub const POINTS_MAX: u32 = 1_000_000;
    /// Given at once at most.
    pub const COUNT_MAX: u32 = 999;
    /// Code points of a name at most.
    pub const NAME_CHARS_MAX: usize = 32;
    /// Code points of an emoji at most: a family with skin tones takes ten.
    pub const EMOJI_CHARS_MAX: usize = 12;

    /// The same with its texts cleaned, or what is wrong with it, in words.
    ///
    /// # Errors
    /// A text or number that is out of its limits.
    pub fn checked(self) -> Result<Gift, String> {
        let name = line(&self.name, Gift::NAME_CHARS_MAX, "name")?;
        let chinese = self.name_zh.as_deref().filter(|name| !name.trim().is_empty());
        let name_zh = chinese.map(|name| line(name, Gift::NAME_CHARS_MAX, "Chinese name")).transpose()?;
        let emoji = emoji(&self.emoji)?;
        if !(1..=Gift::POINTS_MAX).contains(&self.points) {
            return Err(format!("a gift costs 1 to {} points", Gift::POINTS_MAX));
        }
        Ok(Gift { name, name_zh, emoji, ..self })
    }
}

impl Given {
    /// What it costs.
    #[must_use]
    pub fn points(&self) -> u64 {
        u64::from(self.gift.points) * u64::from(self.count)
    }

    /// As it is sent.
    #[must_use]
    pub fn frame(&self, seq: u64, from: Whom, at: i64) -> Out {
        Out::Gift {
            seq,
            from,
            to: self.to.clone(),
            gift: self.gift.id.clone(),
            name: self.gift.name.clone(),
            name_zh: self.gift.name_zh.clone(),
            emoji: self.gift.emoji.clone(),
            count: self.count,
            points: self.points(),
            at,
        }
    }
}

impl Room {
    /// What somebody wants to give. Whether they have the points is for the ledger to say, when it is stored.
    pub(crate) fn gift(
        &self,
        now: Time,
        asker: &Asker,
        (gift, count, to): (&str, u32, Option<&str>),
    ) -> Result<Act, Refusal> {
        if asker.person.is_guest() {
            return Err(Refusal::new(ErrorCode::SignInNeeded, "only those with an account give gifts"));
        }
        self.may_write(now, asker)?;
        if !(1..=Gift::COUNT_MAX).contains(&count) {
            return Err(Refusal::bad(format!("a gift is given 1 to {} times", Gift::COUNT_MAX)));
        }
        let known = self.gifts.iter().find(|known| known.id.as_str() == gift);
        let gift = known.ok_or_else(|| Refusal::missing("there is no such gift"))?.clone();
        let to = match to {
            Some(name) => self.somebody(name)?,
            None => self.host().ok_or_else(|| Refusal::missing("this room has no host yet"))?,
        };
        let own_name = asker.person.name.to_string();
        if to.id == asker.person.id || (to.id.is_empty() && to.name == own_name) {
            return Err(Refusal::new(ErrorCode::NotAllowed, "a gift is for somebody else"));
        }
        Ok(Act::Gift(Given { gift, count, to }))
    }

    /// The host, with the id when they are here or wrote lately.
    fn host(&self) -> Option<Whom> {
        let owner = self.view.owner.as_deref()?;
        let known = self.crowd.people().chain(self.transcript.writers());
        let mut hosts = known.filter(|person| person.is_host() && person.name.as_str() == owner);
        let unseen = || Whom { id: String::new(), name: owner.to_owned() };
        Some(hosts.next().map_or_else(unseen, Person::whom))
    }

    /// Somebody by name or id; the host also when they are away.
    fn somebody(&self, name: &str) -> Result<Whom, Refusal> {
        match self.id_of(name) {
            Ok(id) => {
                let known = self.crowd.people().chain(self.transcript.writers());
                let found = known.filter(|person| person.id == id).map(Person::whom).next();
                Ok(found.unwrap_or(Whom { id, name: name.to_owned() }))
            }
            Err(refusal) => self.host().filter(|host| fold(&host.name) == fold(name)).ok_or(refusal),
        }
    }
}

fn line(raw: &str, chars_max: usize, what: &str) -> Result<String, String> {
    let text: String = raw.chars().filter_map(visible).collect();
    let text = text.trim();
    if !(1..=chars_max).contains(&text.chars().count()) {
        return Err(format!("a gift's {what} has 1 to {chars_max} characters"));
    }
    Ok(text.to_owned())
}

/// An emoji may hold joiners and variation selectors, which are invisible by themselves.
fn emoji(raw: &str) -> Result<String, String> {
    let text = raw.trim();
    let plain = text.chars().any(|character| character.is_control() || character.is_whitespace());
    if plain || !(1..=Gift::EMOJI_CHARS_MAX).contains(&text.chars().count()) {
        return Err("a gift's picture is one emoji".to_owned());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gift() -> Gift {
        let id = "star".parse().unwrap();
        Gift { id, name: "Star".to_owned(), name_zh: None, emoji: "⭐".to_owned(), points: 10 }
    }

    #[test]
    fn a_gift_has_a_name_an_emoji_and_a_price() {
        assert_eq!(gift().checked(), Ok(gift()));
        let blank = Gift { name_zh: Some("  ".to_owned()), name: " Star\u{7} ".to_owned(), ..gift() };
        assert_eq!(blank.checked(), Ok(gift()));
        assert!(Gift { points: 0, ..gift() }.checked().is_err());
        assert!(Gift { name: String::new(), ..gift() }.checked().is_err());
        assert!(Gift { emoji: "a b".to_owned(), ..gift() }.checked().is_err());
        assert!(Gift { emoji: "👨‍👩‍👧‍👦".to_owned(), ..gift() }.checked().is_ok());
    }
}

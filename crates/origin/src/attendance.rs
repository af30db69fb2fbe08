//! Who was in class: as a list, and as a table for a spreadsheet.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt::Write as _;

use rooms::{Act, Deed, Entry, EntryBody};
use serde::Serialize;
use utoipa::ToSchema;

/// Whether somebody of a class is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Presence {
    /// Now.
    Here,
    /// Was, and has gone.
    Left,
    /// Is on the class list, and did not come.
    Missing,
}

/// One person of a class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Attendee {
    pub(crate) name: String,
    /// See `Person.id`; `null` for who did not come.
    #[schema(required)]
    pub(crate) id: Option<String>,
    pub(crate) state: Presence,
    /// When they first came, Unix time in milliseconds; `null` for who did not come.
    #[schema(required)]
    pub(crate) joined_ms: Option<i64>,
    /// When they last went, Unix time in milliseconds; `null` for who is here or did not come.
    #[schema(required)]
    pub(crate) left_ms: Option<i64>,
    /// Seconds that they were here.
    pub(crate) present_s: i64,
}

/// What is looked at of a class.
pub(crate) struct Span<'a> {
    /// Only what was from here on counts, Unix time in milliseconds; the roll may begin before, so that who came early
    /// is known.
    pub(crate) from_ms: i64,
    /// The end for those who are still here, Unix time in milliseconds.
    pub(crate) now_ms: i64,
    /// The ids of who is connected: nobody else is here, whatever the roll says. An origin that is killed writes no going.
    pub(crate) connected: &'a HashSet<String>,
}

/// One person's time in class.
struct Time {
    name: String,
    /// Comings and goings; the last one open while they are here.
    stays: Vec<(i64, Option<i64>)>,
}

/// The people of a roll (lines of [`Act::Here`] and [`Act::Gone`], oldest first): those here first, by name. Whoever is on
/// the `roster` and under whose name, compared folded, nobody came is missing.
pub(crate) fn people(roll: &[Entry], roster: &[String], span: &Span<'_>) -> Vec<Attendee> {
    let mut times: BTreeMap<&str, Time> = BTreeMap::new();
    for entry in roll {
        let EntryBody::Deed(Deed { by: Some(by), act, .. }) = &entry.body else { continue };
        let time =
            times.entry(&by.id).or_insert_with(|| Time { name: by.name.to_string(), stays: Vec::new() });
        let open = time.stays.last_mut().filter(|(_, end)| end.is_none());
        match (act, open) {
            // A second coming without a going between: the origin was restarted, and nobody knows how long they stayed.
            (Act::Here, Some(open)) => *open = (entry.at_ms, None),
            (Act::Here, None) => time.stays.push((entry.at_ms, None)),
            (_, Some(open)) => open.1 = Some(entry.at_ms),
            (_, None) => {}
        }
    }
    let mut people: Vec<Attendee> =
        times.into_iter().filter_map(|(id, time)| attendee(id, time, span)).collect();
    let came: BTreeSet<String> = people.iter().map(|person| rooms::fold(&person.name)).collect();
    people.extend(roster.iter().filter(|name| !came.contains(&rooms::fold(name))).map(|name| Attendee {
        name: name.clone(),
        id: None,
        state: Presence::Missing,
        joined_ms: None,
        left_ms: None,
        present_s: 0,
    }));
    people.sort_by_cached_key(|person| (person.state, rooms::fold(&person.name), person.id.clone()));
    people
}

/// Somebody as they were in the span; `None` when they were gone before it.
fn attendee(id: &str, time: Time, span: &Span<'_>) -> Option<Attendee> {
    let connected = span.connected.contains(id);
    let stays: Vec<(i64, Option<i64>)> = time
        .stays
        .into_iter()
        .map(|(came, went)| (came, went.or_else(|| (!connected).then_some(came))))
        .filter(|(came, went)| *came >= span.from_ms || went.is_none_or(|went| went > span.from_ms))
        .collect();
    let (joined_ms, _) = *stays.first()?;
    let (_, left_ms) = *stays.last()?;
    let present_ms: i64 = stays
        .iter()
        .map(|(came, went)| went.unwrap_or(span.now_ms) - (*came).max(span.from_ms))
        .map(|stay| stay.max(0))
        .sum();
    Some(Attendee {
        name: time.name,
        id: Some(id.to_owned()),
        state: if left_ms.is_none() { Presence::Here } else { Presence::Left },
        joined_ms: Some(joined_ms),
        left_ms,
        present_s: present_ms / 1_000,
    })
}

/// The table: name, id, state, first joined, last left, seconds present. It begins with the mark of UTF-8, without which
/// Excel shows names in other letters than English ones as rubbish.
///
/// Spec: RFC 4180. Times are UTC, RFC 3339.
pub(crate) fn csv(people: &[Attendee]) -> String {
    let mut sheet = String::from("\u{feff}name,id,state,first joined,last left,seconds present\r\n");
    for person in people {
        let state = match person.state {
            Presence::Here => "here",
            Presence::Left => "left",
            Presence::Missing => "missing",
        };
        let [joined, left] =
            [person.joined_ms, person.left_ms].map(|at| at.map_or_else(String::new, rfc3339));
        let (name, id) = (field(&person.name), person.id.as_deref().unwrap_or_default());
        let _ = write!(sheet, "{name},{id},{state},{joined},{left},{}\r\n", person.present_s);
    }
    sheet
}

/// A text as a field. What a spreadsheet would take for a formula is kept a text.
fn field(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = text.replace('"', "\"\"");
    if formula { format!("\"'{text}\"") } else { format!("\"{text}\"") }
}

/// `2026-03-01T09:30:00Z`, by the civil calendar's arithmetic.
fn rfc3339(unix_ms: i64) -> String {
    let seconds = unix_ms.div_euclid(1_000);
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Days are counted from 1 March of year 0, so that leap days end their year; 719 468 days lie before 1970.
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use rooms::Name;
    use rooms::frame::Person;

    use super::*;

    fn line(at_ms: i64, id: &str, name: &str, act: Act) -> Entry {
        let by = Person { id: id.to_owned(), name: Name::guest(name).unwrap(), roles: Vec::new() };
        let seq = at_ms.unsigned_abs();
        Entry { seq, at_ms, body: EntryBody::Deed(Deed { id: String::new(), by: Some(by), act }) }
    }

    #[test]
    fn time_present_is_added_up_and_goes_on_for_those_who_are_here() {
        let roll = [
            line(0, "a", "Ada", Act::Here),
            line(60_000, "a", "Ada", Act::Gone),
            line(90_000, "a", "Ada", Act::Here),
            line(100_000, "b", "Ben \"B\"", Act::Here),
            line(130_000, "b", "Ben \"B\"", Act::Gone),
        ];
        let roster = ["ada".to_owned(), "Cleo".to_owned()];
        let connected = HashSet::from(["a".to_owned()]);
        let sheet =
            csv(&people(&roll, &roster, &Span { from_ms: 0, now_ms: 120_000, connected: &connected }));
        let lines: Vec<&str> = sheet.split("\r\n").collect();
        assert!(lines[0].starts_with("\u{feff}name,id,"), "{}", lines[0]);
        assert_eq!(lines[1], "\"Ada\",a,here,1970-01-01T00:00:00Z,,90");
        assert_eq!(lines[2], "\"Ben \"\"B\"\"\",b,left,1970-01-01T00:01:40Z,1970-01-01T00:02:10Z,30");
        assert_eq!(lines[3..], ["\"Cleo\",,missing,,,0", ""], "whoever came is not missing");
    }

    #[test]
    fn who_came_before_the_lesson_and_stayed_is_here_from_its_beginning() {
        let roll = [
            line(10_000, "a", "Ada", Act::Here),
            line(20_000, "b", "Ben", Act::Here),
            line(30_000, "b", "Ben", Act::Gone),
            line(110_000, "a", "Ada", Act::Gone),
        ];
        let span = Span { from_ms: 100_000, now_ms: 120_000, connected: &HashSet::new() };
        let found = people(&roll, &["Ben".to_owned()], &span);
        let told: Vec<_> =
            found.iter().map(|person| (person.name.as_str(), person.state, person.present_s)).collect();
        assert_eq!(told, [("Ada", Presence::Left, 10), ("Ben", Presence::Missing, 0)]);
    }

    #[test]
    fn who_is_not_connected_is_not_here_whatever_the_roll_says() {
        let roll = [line(0, "a", "Ada", Act::Here), line(5_000, "b", "Ben", Act::Here)];
        let connected = HashSet::from(["b".to_owned()]);
        let found = people(&roll, &[], &Span { from_ms: 0, now_ms: 9_000, connected: &connected });
        let told: Vec<_> = found.iter().map(|person| (person.name.as_str(), person.state)).collect();
        assert_eq!(told, [("Ben", Presence::Here), ("Ada", Presence::Left)]);
    }

    #[test]
    fn a_name_is_no_formula() {
        assert_eq!(field("=1+1"), "\"'=1+1\"");
    }

    #[test]
    fn times_are_civil() {
        assert_eq!(rfc3339(1_709_210_096_000), "2024-02-29T12:34:56Z");
        assert_eq!(rfc3339(1_735_689_599_000), "2024-12-31T23:59:59Z");
    }
}

//! Who was in class, as a table for a spreadsheet.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use rooms::{Act, Deed, Entry, EntryBody};

/// One person's time in class.
#[derive(Debug)]
struct Row {
    name: String,
    first_ms: i64,
    last_ms: i64,
    present_ms: i64,
    /// Since when they are here, while they are.
    here_since_ms: Option<i64>,
}

/// The table of a roll (lines of [`Act::Here`] and [`Act::Gone`], oldest first) with `now_ms` as the end for those who
/// are still here: name, id, state, first joined, last left, seconds present. Whoever is on the `roster` and under whose
/// name, compared folded, nobody came is missing.
///
/// Spec: RFC 4180. Times are UTC, RFC 3339.
pub(crate) fn csv(roll: &[Entry], roster: &[String], now_ms: i64) -> String {
    let mut rows: BTreeMap<&str, Row> = BTreeMap::new();
    for entry in roll {
        let EntryBody::Deed(Deed { by: Some(by), act, .. }) = &entry.body else { continue };
        let row = rows.entry(&by.id).or_insert_with(|| Row {
            name: by.name.to_string(),
            first_ms: entry.at_ms,
            last_ms: entry.at_ms,
            present_ms: 0,
            here_since_ms: None,
        });
        row.last_ms = entry.at_ms;
        match act {
            // A second coming without a going between: the origin was restarted, and nobody knows how long they stayed.
            Act::Here => row.here_since_ms = Some(entry.at_ms),
            _ => row.present_ms += row.here_since_ms.take().map_or(0, |since| entry.at_ms - since),
        }
    }
    let came: BTreeSet<String> = rows.values().map(|row| rooms::fold(&row.name)).collect();
    let mut sheet = String::from("name,id,state,first joined,last left,seconds present\r\n");
    for (id, row) in rows {
        let here = row.here_since_ms.map_or(0, |since| now_ms - since);
        let (state, left) = match row.here_since_ms {
            Some(_) => ("here", String::new()),
            None => ("left", rfc3339(row.last_ms)),
        };
        let (name, first, seconds) =
            (field(&row.name), rfc3339(row.first_ms), (row.present_ms + here) / 1_000);
        let _ = write!(sheet, "{name},{id},{state},{first},{left},{seconds}\r\n");
    }
    for name in roster.iter().filter(|name| !came.contains(&rooms::fold(name))) {
        let _ = write!(sheet, "{},,missing,,,0\r\n", field(name));
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
        let sheet = csv(&roll, &roster, 120_000);
        let lines: Vec<&str> = sheet.split("\r\n").collect();
        assert_eq!(lines[1], "\"Ada\",a,here,1970-01-01T00:00:00Z,,90");
        assert_eq!(lines[2], "\"Ben \"\"B\"\"\",b,left,1970-01-01T00:01:40Z,1970-01-01T00:02:10Z,30");
        assert_eq!(lines[3..], ["\"Cleo\",,missing,,,0", ""], "whoever came is not missing");
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

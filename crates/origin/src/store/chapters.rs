//! Moments of a class, as its room's log has them.

use std::ops::Range;

use rusqlite::params;
use serde::Deserialize;

use super::{Store, StoreError};

/// Something that a replay leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    /// When it was, Unix time in milliseconds.
    pub(crate) at_ms: i64,
    pub(crate) what: Marked,
}

/// What it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Marked {
    /// A poll opened, with this question.
    Poll(String),
    /// Somebody raised a hand. Whose it was is not for everybody who sees the replay.
    Hand,
}

/// What was done, of the lines whose kind is `deed` or `quiet`: their text is JSON.
#[derive(Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
enum Act {
    OpenPoll {
        poll: Question,
    },
    Raise,
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Question {
    question: String,
}

impl Store {
    /// At most `limit` moments of a room in a stretch of time, Unix milliseconds, in order.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn marks(
        &self,
        room: i64,
        sent_ms: Range<i64>,
        limit: usize,
    ) -> Result<Vec<Mark>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.read(move |connection| {
            let sql = "select at_ms, text from log
                where room = ?1 and at_ms >= ?2 and at_ms < ?3 and kind in ('deed', 'quiet')
                  and (text like '{\"act\":\"open_poll\"%' or text like '{\"act\":\"raise\"%')
                order by seq limit ?4";
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map(params![room, sent_ms.start, sent_ms.end, limit], |row| {
                Ok((row.get(0)?, row.get::<_, String>(1)?))
            })?;
            let rows = rows.collect::<Result<Vec<(i64, String)>, _>>()?;
            Ok(rows.into_iter().filter_map(|(at_ms, text)| mark(at_ms, &text)).collect())
        })
        .await
    }
}

/// A line that cannot be read marks nothing.
fn mark(at_ms: i64, text: &str) -> Option<Mark> {
    let what = match serde_json::from_str(text).ok()? {
        Act::OpenPoll { poll } => Marked::Poll(poll.question),
        Act::Raise => Marked::Hand,
        Act::Other => return None,
    };
    Some(Mark { at_ms, what })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polls_and_hands_are_marked_and_nothing_else_is() {
        let poll = r#"{"act":"open_poll","poll":{"question":"Which?","options":["a","b"],"multiple":false}}"#;
        let marked = |text: &str| mark(7, text).map(|mark| mark.what);
        assert_eq!(marked(poll), Some(Marked::Poll("Which?".to_owned())));
        assert_eq!(marked(r#"{"act":"raise"}"#), Some(Marked::Hand));
        for other in [r#"{"act":"vote","poll":3,"choices":[0]}"#, r#"{"act":"open_poll"}"#, "live", ""] {
            assert_eq!(marked(other), None, "{other}");
        }
    }
}

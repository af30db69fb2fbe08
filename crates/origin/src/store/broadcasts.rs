//! What was counted of broadcasts that are over.

use ::rooms::{Act, Audience, Deed, EntryBody};

use super::log::{SELECT, select};
use super::{Store, StoreError};

/// A broadcast that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Broadcast {
    /// Its place in the room's log.
    pub(crate) seq: u64,
    /// Unix time in milliseconds.
    pub(crate) ended_at_ms: i64,
    pub(crate) audience: Audience,
}

impl Store {
    /// The last `limit` broadcasts of a room that ended at `from_ms` or later, the latest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn broadcasts(
        &self,
        room: i64,
        from_ms: i64,
        limit: usize,
    ) -> Result<Vec<Broadcast>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.read(move |connection| {
            let sql = format!(
                "{SELECT} where room = ?1 and kind = 'deed' and text >= '{{\"act\":\"broadcast\"'
                 and text < '{{\"act\":\"broadcast#' and at_ms >= ?3 order by seq desc limit ?2"
            );
            let lines = select(connection, &sql, &[&room, &limit, &from_ms])?;
            let broadcast = |entry: ::rooms::Entry| match entry.body {
                EntryBody::Deed(Deed { act: Act::Broadcast(audience), .. }) => {
                    Some(Broadcast { seq: entry.seq, ended_at_ms: entry.at_ms, audience })
                }
                _ => None,
            };
            Ok(lines.into_iter().filter_map(broadcast).collect())
        })
        .await
    }
}

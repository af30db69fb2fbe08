//! How the server did over the last week.

use rusqlite::{Row, params};

use super::{Store, StoreError};
use crate::health::Sample;

impl Store {
    /// Keeps what some minutes came to, and forgets what is from before `oldest_ms`, Unix time.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn keep_health(&self, sample: Sample, oldest_ms: i64) -> Result<(), StoreError> {
        self.write(move |connection| {
            // A clock that was set back comes by the same moment again.
            connection.execute(
                "insert or replace into health (at_ms, cpu_percent, memory_bytes, disk_used_bytes, disk_bytes,
                        viewers, publishers, rooms_live, ingest_bps, sent_bps, received_bps)
                 values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
                params![
                    sample.at_ms,
                    sample.cpu_percent,
                    stored(sample.memory_bytes),
                    stored(sample.disk_used_bytes),
                    stored(sample.disk_bytes),
                    sample.viewers,
                    sample.publishers,
                    sample.rooms_live,
                    stored(sample.ingest_bps),
                    stored(sample.sent_bps),
                    stored(sample.received_bps)
                ],
            )?;
            connection.execute("delete from health where at_ms < ?1", [oldest_ms])?;
            Ok(())
        })
        .await
    }

    /// What was kept since `from_ms`, Unix time, the oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn health(&self, from_ms: i64) -> Result<Vec<Sample>, StoreError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "select at_ms, cpu_percent, memory_bytes, disk_used_bytes, disk_bytes, viewers, publishers,
                        rooms_live, ingest_bps, sent_bps, received_bps from health where at_ms >= ?1 order by at_ms",
            )?;
            let rows = statement.query_map([from_ms], sample)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }
}

fn sample(row: &Row<'_>) -> Result<Sample, rusqlite::Error> {
    Ok(Sample {
        at_ms: row.get(0)?,
        cpu_percent: row.get(1)?,
        memory_bytes: told(row, 2)?,
        disk_used_bytes: told(row, 3)?,
        disk_bytes: told(row, 4)?,
        viewers: row.get(5)?,
        publishers: row.get(6)?,
        rooms_live: row.get(7)?,
        ingest_bps: told(row, 8)?,
        sent_bps: told(row, 9)?,
        received_bps: told(row, 10)?,
    })
}

/// SQLite's whole numbers have a sign.
fn stored(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn told(row: &Row<'_>, column: usize) -> Result<u64, rusqlite::Error> {
    Ok(row.get::<_, i64>(column)?.unsigned_abs())
}

//! The spans of time that can be looked at, and what several samples come to.

use serde::Deserialize;
use utoipa::ToSchema;

use super::{SAMPLE_INTERVAL, Sample};

/// How far back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Span {
    /// A sample every ten seconds.
    #[default]
    Hour,
    /// One in five minutes.
    Day,
    /// One in half an hour.
    Week,
}

impl Span {
    /// Between two samples, milliseconds.
    pub(crate) fn interval_ms(self) -> i64 {
        match self {
            Span::Hour => i64::try_from(SAMPLE_INTERVAL.as_millis()).unwrap_or(i64::MAX),
            Span::Day => KEPT_EVERY_MS,
            Span::Week => 30 * MINUTE_MS,
        }
    }

    /// All of it, milliseconds.
    pub(crate) fn length_ms(self) -> i64 {
        match self {
            Span::Hour => 60 * MINUTE_MS,
            Span::Day => 24 * 60 * MINUTE_MS,
            Span::Week => 7 * 24 * 60 * MINUTE_MS,
        }
    }
}

/// One sample for each `interval_ms` of Unix time in which there is one, the oldest first.
pub(crate) fn in_spans(samples: &[Sample], interval_ms: i64) -> Vec<Sample> {
    // The end of a span belongs to it.
    let spans = samples.chunk_by(|one, next| (one.at_ms - 1) / interval_ms == (next.at_ms - 1) / interval_ms);
    spans.filter_map(together).collect()
}

/// What several samples come to: the mean of what is used, the most of what is served, so that a short broadcast is
/// seen. `None` for none.
pub(crate) fn together(samples: &[Sample]) -> Option<Sample> {
    let last = samples.last()?;
    let count = samples.len() as u64;
    let mean = |value: fn(&Sample) -> u64| samples.iter().map(value).sum::<u64>() / count;
    let most = |value: fn(&Sample) -> u32| samples.iter().map(value).max().unwrap_or(0);
    let cpu: f64 = samples.iter().map(|sample| sample.cpu_percent).sum();
    Some(Sample {
        at_ms: last.at_ms,
        cpu_percent: (cpu / count as f64 * 10.0).round() / 10.0,
        memory_bytes: mean(|sample| sample.memory_bytes),
        disk_used_bytes: last.disk_used_bytes,
        disk_bytes: last.disk_bytes,
        viewers: most(|sample| sample.viewers),
        publishers: most(|sample| sample.publishers),
        rooms_live: most(|sample| sample.rooms_live),
        ingest_bps: mean(|sample| sample.ingest_bps),
        sent_bps: mean(|sample| sample.sent_bps),
        received_bps: mean(|sample| sample.received_bps),
    })
}

const MINUTE_MS: i64 = 60_000;
/// Between two samples that are kept for a week: 2 016 of them.
pub(crate) const KEPT_EVERY_MS: i64 = 5 * MINUTE_MS;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_show_the_mean_of_what_is_used_and_the_most_of_what_is_served() {
        let at = |at_ms, viewers, memory_bytes, cpu_percent| Sample {
            at_ms,
            viewers,
            memory_bytes,
            cpu_percent,
            ..Sample::default()
        };
        let samples =
            [at(10, 1, 100, 10.0), at(90, 5, 300, 20.0), at(100, 0, 200, 30.0), at(110, 2, 50, 1.0)];
        let spans = in_spans(&samples, 100);
        assert_eq!(spans, [at(100, 5, 200, 20.0), at(110, 2, 50, 1.0)]);
        assert_eq!(in_spans(&[], 100), []);
    }
}

//! How the server does: what it uses and what it serves, for its administrators. The last hour is in memory, what five
//! minutes came to is stored for a week.

mod machine;
mod span;

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;

use crate::clock::unix_ms;
use crate::state::Shared;
use crate::store::StoreError;
pub(crate) use machine::Usage;
pub(crate) use span::Span;
use span::{KEPT_EVERY_MS, in_spans, together};

/// The last hour: at most [`SAMPLES_MAX`] samples, the oldest goes.
#[derive(Debug, Default)]
pub(crate) struct Health(Mutex<VecDeque<Sample>>);

/// How the server did at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, ToSchema)]
pub(crate) struct Sample {
    /// Unix time in milliseconds.
    pub(crate) at_ms: i64,
    /// Of one core, since the sample before: 100 is a whole core.
    pub(crate) cpu_percent: f64,
    /// Of this program, in memory.
    pub(crate) memory_bytes: u64,
    /// Of the disk that holds the data folder.
    pub(crate) disk_used_bytes: u64,
    pub(crate) disk_bytes: u64,
    pub(crate) viewers: u32,
    pub(crate) publishers: u32,
    pub(crate) rooms_live: u32,
    /// Media that publishers send, without the protocols around it.
    pub(crate) ingest_bps: u64,
    /// Through the machine's network interfaces, other programs' traffic in it and loopback not.
    pub(crate) sent_bps: u64,
    pub(crate) received_bps: u64,
}

impl Health {
    /// The samples there are, the oldest first.
    pub(crate) fn samples(&self) -> Vec<Sample> {
        self.0.lock().expect(UNBROKEN).iter().copied().collect()
    }

    fn keep(&self, sample: Sample) {
        let mut samples = self.0.lock().expect(UNBROKEN);
        if samples.len() == SAMPLES_MAX {
            samples.pop_front();
        }
        samples.push_back(sample);
    }
}

/// How the server did over a span of time, the oldest first.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn over(shared: &Shared, span: Span, now_ms: i64) -> Result<Vec<Sample>, StoreError> {
    if span == Span::Hour {
        return Ok(shared.health.samples());
    }
    let kept = shared.store.health(now_ms - span.length_ms()).await?;
    Ok(in_spans(&kept, span.interval_ms()))
}

/// Samples until `stop`.
pub(crate) async fn serve(shared: Arc<Shared>, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(SAMPLE_INTERVAL);
    let mut before: Option<(Instant, Usage)> = None;
    let mut since_kept = Vec::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let Some(usage) = usage(shared.config.data.clone()).await else { continue };
        let now = Instant::now();
        let since = before.replace((now, usage));
        let (span, last) = since.map_or((Duration::ZERO, usage), |(at, usage)| (now - at, usage));
        let sample = sample(&shared, usage, last, span);
        shared.health.keep(sample);
        keep_spans(&shared, &mut since_kept, sample).await;
    }
}

/// Stores what the last minutes came to once the next span begins. What an origin has of one when it stops is lost.
async fn keep_spans(shared: &Shared, since_kept: &mut Vec<Sample>, sample: Sample) {
    let span = |sample: &Sample| sample.at_ms / KEPT_EVERY_MS;
    let ended = since_kept.last().is_some_and(|last| span(last) != span(&sample));
    if ended && let Some(kept) = together(since_kept) {
        since_kept.clear();
        // All ends of spans are of one grid, whenever the samples came.
        let kept = Sample { at_ms: (span(&kept) + 1) * KEPT_EVERY_MS, ..kept };
        let oldest_ms = sample.at_ms - Span::Week.length_ms();
        if let Err(error) = shared.store.keep_health(kept, oldest_ms).await {
            tracing::warn!(%error, "the server's figures are not kept");
        }
    }
    since_kept.push(sample);
}

/// What the program uses now; `None` where the system does not tell.
pub(crate) async fn usage(folder: PathBuf) -> Option<Usage> {
    let read = tokio::task::spawn_blocking(move || Usage::read(&folder)).await;
    match read {
        Ok(Ok(usage)) => Some(usage),
        Ok(Err(error)) => {
            tracing::debug!(%error, "the machine's figures cannot be read");
            None
        }
        Err(_) => None,
    }
}

/// The figures of now, with what grew since `last` over `span`.
pub(crate) fn sample(shared: &Shared, now: Usage, last: Usage, span: Duration) -> Sample {
    let seconds = span.as_secs_f64();
    let rate = |now: u64, last: u64| match seconds > 0.0 {
        true => now.saturating_sub(last) as f64 / seconds,
        false => 0.0,
    };
    let load = shared.streams.load();
    Sample {
        at_ms: unix_ms(),
        cpu_percent: (rate(now.cpu_ms, last.cpu_ms)).round() / 10.0,
        memory_bytes: now.memory_bytes,
        disk_used_bytes: now.disk_used_bytes,
        disk_bytes: now.disk_bytes,
        viewers: shared.people.viewers(),
        publishers: load.publishers,
        rooms_live: load.rooms_live,
        ingest_bps: load.ingest_bps,
        sent_bps: (rate(now.sent_bytes, last.sent_bytes) * 8.0) as u64,
        received_bps: (rate(now.received_bytes, last.received_bytes) * 8.0) as u64,
    }
}

const UNBROKEN: &str = "nothing panics while it holds the samples";
/// Between two samples: often enough to see a broadcast begin.
pub(crate) const SAMPLE_INTERVAL: Duration = Duration::from_secs(10);
/// An hour of samples.
const SAMPLES_MAX: usize = 360;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    #[tokio::test]
    async fn what_was_is_kept_for_a_week_over_restarts() {
        let folder = std::env::temp_dir().join(format!("rostrum-health-{}", crate::secret::random()));
        std::fs::create_dir(&folder).unwrap();
        let path = folder.join("rostrum.db");
        let day_ms = 86_400_000;
        let at = |day: i64, viewers| Sample { at_ms: day * day_ms, viewers, ..Sample::default() };
        let store = Store::open(&path).unwrap();
        for (day, viewers) in [(100, 1), (101, 2), (108, 3)] {
            store.keep_health(at(day, viewers), at(day, 0).at_ms - Span::Week.length_ms()).await.unwrap();
        }
        drop(store);
        let store = Store::open(&path).unwrap();
        assert_eq!(store.health(0).await.unwrap(), [at(101, 2), at(108, 3)], "older than a week goes");
        assert_eq!(store.health(105 * day_ms).await.unwrap(), [at(108, 3)]);
        drop(store);
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn an_hour_is_kept_and_the_oldest_goes() {
        let health = Health::default();
        for at_ms in 0..400 {
            health.keep(Sample { at_ms, ..Sample::default() });
        }
        let samples = health.samples();
        assert_eq!((samples.len(), samples[0].at_ms, samples[359].at_ms), (360, 40, 399));
    }
}

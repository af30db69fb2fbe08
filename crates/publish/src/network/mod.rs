//! Tells when the network may have come back: what the system reports of it, several reports of one change as one.

#[cfg(not(target_os = "linux"))]
mod elsewhere;
#[cfg(target_os = "linux")]
mod linux;

use std::io;
use std::time::Duration;

use tokio::time::Instant;

#[cfg(not(target_os = "linux"))]
use elsewhere::Reports;
#[cfg(target_os = "linux")]
use linux::Reports;

/// What the system reports of its network. A cable that is plugged in is a link, then addresses, then routes, each with a
/// report of its own.
pub struct NetworkWatch(Reports);

impl NetworkWatch {
    /// Begins to listen, inside a tokio runtime.
    ///
    /// # Errors
    /// Where the system does not let this program listen.
    pub fn start() -> io::Result<NetworkWatch> {
        Reports::open().map(NetworkWatch)
    }

    /// Waits until a link, an address or a route has come, and no other has for [`QUIET`]. Cancel safe but for what was
    /// reported meanwhile.
    ///
    /// # Errors
    /// When the system reports no more.
    pub async fn returned(&mut self) -> io::Result<()> {
        settled(&mut self.0).await
    }
}

/// Where reports come from.
trait Reporting {
    /// Waits for the next one. Cancel safe.
    fn next(&mut self) -> impl Future<Output = io::Result<()>> + Send;
}

/// Waits for the first report and those that belong to it.
async fn settled(reports: &mut impl Reporting) -> io::Result<()> {
    reports.next().await?;
    let latest = Instant::now() + QUIET_MAX;
    loop {
        let quiet = (Instant::now() + QUIET).min(latest);
        match tokio::time::timeout_at(quiet, reports.next()).await {
            Ok(another) => another?,
            Err(_) => return Ok(()),
        }
    }
}

/// The reports of one change follow each other within some milliseconds. An address that a server gives out comes later and
/// is a change of its own.
const QUIET: Duration = Duration::from_millis(200);

/// A network that does not come to rest is tried all the same.
const QUIET_MAX: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    /// Reports at known moments, then none for ever.
    struct Due(VecDeque<Instant>);

    impl Due {
        /// Each so many milliseconds after the one before.
        fn after(gaps_ms: impl IntoIterator<Item = u64>) -> Due {
            let mut at = Instant::now();
            let due = gaps_ms.into_iter().map(|gap| {
                at += Duration::from_millis(gap);
                at
            });
            Due(due.collect())
        }
    }

    impl Reporting for Due {
        async fn next(&mut self) -> io::Result<()> {
            let Some(&next) = self.0.front() else { return std::future::pending().await };
            tokio::time::sleep_until(next).await;
            self.0.pop_front();
            Ok(())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn several_reports_of_one_change_are_one() {
        let begun = Instant::now();
        let mut reports = Due::after([5_000, 10, 150, 40]);
        settled(&mut reports).await.expect("it reports");
        assert_eq!(begun.elapsed(), Duration::from_millis(5_200) + QUIET);
        let another = tokio::time::timeout(Duration::from_secs(60), settled(&mut reports));
        assert!(another.await.is_err(), "one change was told twice");
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_come_to_rest_is_told_after_a_second() {
        let begun = Instant::now();
        settled(&mut Due::after((0..100).map(|_| 100))).await.expect("it reports");
        assert_eq!(begun.elapsed(), Duration::from_millis(100) + QUIET_MAX);
    }
}

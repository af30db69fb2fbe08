//! Waiting for what a test wants to see, with a limit and never for a fixed time.

use std::time::{Duration, Instant};

/// Between two looks at something that cannot tell by itself that it changed: a web page, a child, a file.
const LOOK: Duration = Duration::from_millis(40);

/// Looks until there is something to see.
///
/// # Panics
/// After `limit`, saying `what` was waited for.
pub async fn until<T>(what: &str, limit: Duration, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(begun.elapsed() < limit, "waited {limit:?} in vain for {what}");
        look_again().await;
    }
}

/// Lets the moment between two looks pass.
pub async fn look_again() {
    tokio::time::sleep(LOOK).await;
}

/// Seconds as a [`Duration`], for limits.
pub const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

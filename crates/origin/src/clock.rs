//! The only place of this crate that reads the wall clock; tasks wait on `tokio::time`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// Milliseconds since the Unix epoch, this machine's clock; 0 when it stands before 1970.
pub(crate) fn unix_ms() -> i64 {
    #[expect(clippy::disallowed_methods, reason = "the one reading of the wall clock in this crate")]
    let now = SystemTime::now();
    now.duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// A monotonic clock that starts at zero, for rules that are told the time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    started: Instant,
}

impl Clock {
    /// A clock at zero.
    pub(crate) fn start() -> Clock {
        Clock { started: Instant::now() }
    }

    /// What `rooms` is told as the present.
    pub(crate) fn now(self) -> rooms::Time {
        rooms::Time { monotonic: self.started.elapsed(), unix_ms: unix_ms() }
    }

    /// The instant at which this clock shows `monotonic`.
    pub(crate) fn instant(self, monotonic: Duration) -> Instant {
        self.started + monotonic
    }
}

//! Stamps of the time of day, which devices use, on the session's clock.
#![allow(clippy::disallowed_methods, reason = "devices stamp pictures with the time of day")]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use media::{Span, Timestamp};

use crate::Clock;

/// The session's time of a stamp since the Unix epoch; now when there is none or it cannot be true.
pub(crate) fn session_time(clock: Clock, stamp: Option<Duration>) -> Timestamp {
    let now = clock.now();
    let age = stamp.and_then(|since| SystemTime::now().duration_since(UNIX_EPOCH + since).ok());
    // Somebody may set the time of day while we capture; no picture is a second old.
    age.filter(|&age| age < AGE_MAX).map_or(now, |age| now - Span::from(age))
}

const AGE_MAX: Duration = Duration::from_secs(1);

//! The session's clock, and waiting that can be ended.
#![allow(clippy::disallowed_methods, reason = "this driver module is where the session's clock is read")]

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use media::{Span, Timestamp};

/// Monotonic time since a session began.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// A clock that reads zero now.
    #[must_use]
    pub fn start() -> Clock {
        Clock { start: Instant::now() }
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.at(Instant::now())
    }

    /// The time at `instant`.
    #[must_use]
    pub fn at(&self, instant: Instant) -> Timestamp {
        match instant.checked_duration_since(self.start) {
            Some(since) => Timestamp::ZERO + Span::from(since),
            None => Timestamp::ZERO - Span::from(self.start - instant),
        }
    }

    /// The instant at which this clock reads `time`; the start for times before it.
    #[must_use]
    pub fn instant(&self, time: Timestamp) -> Instant {
        self.start + Duration::from(time - Timestamp::ZERO)
    }
}

/// Asks threads to stop, and wakes those that wait. Clones ask the same threads.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<(Mutex<bool>, Condvar)>);

impl Stop {
    /// Nobody has been asked yet.
    #[must_use]
    pub fn new() -> Stop {
        Stop::default()
    }

    /// Asks; every wait returns at once, now and later.
    pub fn stop(&self) {
        let (stopped, wake) = &*self.0;
        *stopped.lock().unwrap_or_else(PoisonError::into_inner) = true;
        wake.notify_all();
    }

    /// Whether somebody asked.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `deadline`, or until stopped; tells whether it was stopped.
    #[must_use]
    pub fn wait_until(&self, deadline: Instant) -> bool {
        let (stopped, wake) = &*self.0;
        let mut guard = stopped.lock().unwrap_or_else(PoisonError::into_inner);
        while !*guard {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            guard = wake.wait_timeout(guard, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_and_times_are_the_same_thing() {
        let clock = Clock::start();
        let time = Timestamp::from_millis(1_500);
        assert!((clock.at(clock.instant(time)) - time).abs() < Span::from_millis(1));
    }

    #[test]
    fn a_stop_ends_a_wait_that_has_begun() {
        let stop = Stop::new();
        let waiter = stop.clone();
        let thread = std::thread::spawn(move || waiter.wait_until(Instant::now() + Duration::from_secs(60)));
        stop.stop();
        assert!(thread.join().expect("the waiter does not panic"));
    }

    #[test]
    fn a_wait_ends_at_its_deadline() {
        assert!(!Stop::new().wait_until(Instant::now()));
    }
}

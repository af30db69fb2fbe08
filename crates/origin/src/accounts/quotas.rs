//! How often an address may do what costs much.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::Clock as _;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::attempts::network;

/// Rates of one address.
#[derive(Debug)]
pub(crate) struct Quotas {
    register: DefaultKeyedRateLimiter<IpAddr>,
    secrets: DefaultKeyedRateLimiter<IpAddr>,
    letters: DefaultKeyedRateLimiter<IpAddr>,
}

impl Quotas {
    pub(crate) fn new() -> Quotas {
        let quota =
            |every, burst| Quota::with_period(every).expect("the period is not zero").allow_burst(burst);
        Quotas {
            register: RateLimiter::keyed(quota(REGISTER_EVERY, REGISTER_BURST)),
            secrets: RateLimiter::keyed(quota(SECRET_EVERY, SECRET_BURST)),
            letters: RateLimiter::keyed(quota(LETTER_EVERY, LETTER_BURST)),
        }
    }

    /// Counts a registration, or the use of an invitation's code; the error is how long to wait.
    pub(crate) fn register(&self, address: IpAddr) -> Result<(), Duration> {
        take(&self.register, address)
    }

    /// Counts the making of a token, invitation or stream key; the error is how long to wait.
    pub(crate) fn make_secret(&self, address: IpAddr) -> Result<(), Duration> {
        take(&self.secrets, address)
    }

    /// Counts a letter that somebody asks for; the error is how long to wait.
    pub(crate) fn letter(&self, address: IpAddr) -> Result<(), Duration> {
        take(&self.letters, address)
    }
}

fn take(limiter: &DefaultKeyedRateLimiter<IpAddr>, address: IpAddr) -> Result<(), Duration> {
    if limiter.len() > ADDRESSES_MAX {
        limiter.retain_recent();
    }
    let taken = limiter.check_key(&network(address));
    taken.map_err(|until| until.wait_time_from(limiter.clock().now()))
}

/// Registrations of one address: a class that registers together, then one each so often.
const REGISTER_BURST: NonZeroU32 = NonZeroU32::new(40).expect("40 is not 0");
const REGISTER_EVERY: Duration = Duration::from_secs(15);
/// Secrets made from one address: an admin who prepares a school year, and tests that make many rooms.
const SECRET_BURST: NonZeroU32 = NonZeroU32::new(200).expect("200 is not 0");
const SECRET_EVERY: Duration = Duration::from_secs(2);
/// Letters asked for from one address: a class that forgot its passwords.
const LETTER_BURST: NonZeroU32 = NonZeroU32::new(20).expect("20 is not 0");
const LETTER_EVERY: Duration = Duration::from_secs(60);
/// Addresses remembered before those that are quiet again are let go.
const ADDRESSES_MAX: usize = 50_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_registers_too_often_waits_and_others_do_not() {
        let quotas = Quotas::new();
        let (one, other) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        for _ in 0..REGISTER_BURST.get() {
            quotas.register(one).unwrap();
        }
        let wait = quotas.register(one).unwrap_err();
        assert!(wait > Duration::ZERO && wait <= REGISTER_EVERY, "{wait:?}");
        quotas.register(other).unwrap();
    }
}

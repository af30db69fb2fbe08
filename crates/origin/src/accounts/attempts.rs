//! How often somebody may fail to sign in.
//!
//! The first failures are free; after those, each next try has to wait twice as long as the one before.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use tokio::time::Instant;

use crate::secret::Digest;

/// Failures by account and by address.
#[derive(Debug)]
pub(crate) struct Attempts {
    /// By whose password it is, also of accounts that do not exist: the answers must not tell them apart. Digests, since
    /// strangers choose the names that they try, and how long those are.
    accounts: Mutex<Failures<Digest>>,
    addresses: Mutex<Failures<IpAddr>>,
}

/// A try that may go on. It counts as failed until [`Attempts::succeeded`], so that many at once are no more tries
/// than many one after another.
#[derive(Debug)]
pub(crate) struct Attempt {
    account: Digest,
    address: IpAddr,
    /// Tries that are left before waiting begins, when this one fails.
    pub(crate) tries_left: u32,
}

impl Attempts {
    pub(crate) fn new() -> Attempts {
        Attempts {
            accounts: Mutex::new(Failures::new(ACCOUNT_FREE)),
            addresses: Mutex::new(Failures::new(ADDRESS_FREE)),
        }
    }

    /// Counts a try at a password; or says how long to wait before the next. `whose` names it, in one way only.
    pub(crate) fn begin(&self, whose: &str, address: IpAddr) -> Result<Attempt, Duration> {
        let (account, address) = (Digest::of(whose), network(address));
        let now = Instant::now();
        let mut accounts = lock(&self.accounts);
        let mut addresses = lock(&self.addresses);
        let wait = accounts.wait(&account, now).max(addresses.wait(&address, now));
        if !wait.is_zero() {
            return Err(wait);
        }
        let tries_left = accounts.count(account, now).min(addresses.count(address, now));
        Ok(Attempt { account, address, tries_left })
    }

    /// It was the right password: the account's failures are forgotten, the address's remain, since one right
    /// password of its own would else let an address guess at others for ever.
    pub(crate) fn succeeded(&self, attempt: &Attempt) {
        lock(&self.accounts).forget(&attempt.account);
        lock(&self.addresses).take_back(&attempt.address);
    }

    /// Nobody looked at the password: it was no try.
    pub(crate) fn take_back(&self, attempt: &Attempt) {
        lock(&self.accounts).take_back(&attempt.account);
        lock(&self.addresses).take_back(&attempt.address);
    }
}

fn lock<T>(failures: &Mutex<T>) -> MutexGuard<'_, T> {
    failures.lock().expect("nothing panics while it holds the failures")
}

/// What counts as one address: of IPv6, everybody has at least 64 bits to choose from.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() >> 64 << 64).into()),
        address => address,
    }
}

/// At most [`KEYS_MAX`]; when there is no room, the one with the fewest failures goes.
#[derive(Debug)]
struct Failures<K> {
    free: u32,
    by_key: HashMap<K, Failed>,
}

#[derive(Clone, Copy, Debug)]
struct Failed {
    count: u32,
    last: Instant,
}

impl<K: Hash + Eq + Clone> Failures<K> {
    fn new(free: u32) -> Failures<K> {
        Failures { free, by_key: HashMap::new() }
    }

    fn wait(&self, key: &K, now: Instant) -> Duration {
        let Some(failed) = self.by_key.get(key).filter(|failed| !self.is_over(failed, now)) else {
            return Duration::ZERO;
        };
        (failed.last + self.delay(failed.count)).saturating_duration_since(now)
    }

    /// Counts a failure; answers how many are free after it.
    fn count(&mut self, key: K, now: Instant) -> u32 {
        self.make_room(&key, now);
        let before = self.by_key.get(&key).copied().filter(|failed| !self.is_over(failed, now));
        let count = before.map_or(0, |failed| failed.count).saturating_add(1);
        self.by_key.insert(key, Failed { count, last: now });
        self.free.saturating_sub(count)
    }

    fn take_back(&mut self, key: &K) {
        if let Some(failed) = self.by_key.get_mut(key) {
            failed.count -= 1;
            if failed.count == 0 {
                self.by_key.remove(key);
            }
        }
    }

    fn forget(&mut self, key: &K) {
        self.by_key.remove(key);
    }

    /// How long to wait after so many failures.
    fn delay(&self, count: u32) -> Duration {
        match count.checked_sub(self.free) {
            None => Duration::ZERO,
            Some(beyond) => {
                let doubled = 1_u32.checked_shl(beyond).unwrap_or(u32::MAX);
                FIRST_DELAY.saturating_mul(doubled).min(DELAY_MAX)
            }
        }
    }

    fn is_over(&self, failed: &Failed, now: Instant) -> bool {
        now.saturating_duration_since(failed.last) >= self.delay(failed.count) + WINDOW
    }

    fn make_room(&mut self, key: &K, now: Instant) {
        if self.by_key.len() < KEYS_MAX || self.by_key.contains_key(key) {
            return;
        }
        let over: Vec<K> = self
            .by_key
            .iter()
            .filter(|(_, failed)| self.is_over(failed, now))
            .map(|(key, _)| key.clone())
            .collect();
        for key in over {
            self.by_key.remove(&key);
        }
        if self.by_key.len() >= KEYS_MAX
            && let Some(least) =
                self.by_key.iter().min_by_key(|(_, failed)| failed.count).map(|(key, _)| key.clone())
        {
            self.by_key.remove(&least);
        }
    }
}

/// Failures of an account without a wait: a person who tries the passwords they have.
const ACCOUNT_FREE: u32 = 5;
/// Failures of an address without a wait: a school's, with many people behind it.
const ADDRESS_FREE: u32 = 20;
/// Failures are forgotten when none came for so long, besides the wait.
const WINDOW: Duration = Duration::from_secs(15 * 60);
/// The first wait; each next is twice as long.
const FIRST_DELAY: Duration = Duration::from_secs(1);
/// The longest wait: 96 tries a day find no password of eight characters, and its owner can still get in.
const DELAY_MAX: Duration = Duration::from_secs(15 * 60);
/// Accounts, and addresses, that failures are remembered of: some megabytes.
const KEYS_MAX: usize = 50_000;

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    fn elsewhere(number: u8) -> IpAddr {
        IpAddr::from([198, 51, 100, number])
    }

    #[tokio::test(start_paused = true)]
    async fn after_five_failures_of_an_account_the_waits_double() {
        let attempts = Attempts::new();
        let left: Vec<u32> = (0..5).map(|_| attempts.begin("mara", HOME).unwrap().tries_left).collect();
        assert_eq!(left, [4, 3, 2, 1, 0]);
        let mut wait = Duration::from_secs(1);
        for number in 0..12 {
            // Another address does not help.
            assert_eq!(attempts.begin("mara", elsewhere(number)).unwrap_err(), wait);
            tokio::time::advance(wait).await;
            attempts.begin("mara", elsewhere(number)).unwrap();
            wait = (wait * 2).min(DELAY_MAX);
        }
        assert_eq!(wait, DELAY_MAX);
        assert!(attempts.begin("aino", HOME).is_ok(), "others go on");
    }

    #[tokio::test(start_paused = true)]
    async fn what_nobody_looked_at_was_no_try() {
        let attempts = Attempts::new();
        for _ in 0..30 {
            let attempt = attempts.begin("mara", HOME).unwrap();
            assert_eq!(attempt.tries_left, 4);
            attempts.take_back(&attempt);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn after_twenty_failures_of_an_address_it_waits_for_every_account() {
        let attempts = Attempts::new();
        for number in 0..20 {
            attempts.begin(&format!("name{number}"), HOME).unwrap();
        }
        assert_eq!(attempts.begin("mara", HOME).unwrap_err(), Duration::from_secs(1));
        assert!(attempts.begin("mara", elsewhere(1)).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn the_right_password_forgets_the_failures_of_the_account() {
        let attempts = Attempts::new();
        for _ in 0..4 {
            attempts.begin("mara", HOME).unwrap();
        }
        let right = attempts.begin("mara", HOME).unwrap();
        attempts.succeeded(&right);
        assert_eq!(attempts.begin("mara", HOME).unwrap().tries_left, 4);
    }

    #[tokio::test(start_paused = true)]
    async fn failures_are_forgotten_after_a_while() {
        let attempts = Attempts::new();
        for _ in 0..5 {
            attempts.begin("mara", HOME).unwrap();
        }
        tokio::time::advance(FIRST_DELAY + WINDOW).await;
        assert_eq!(attempts.begin("mara", HOME).unwrap().tries_left, 4);
    }

    #[tokio::test(start_paused = true)]
    async fn memory_is_bounded_and_who_failed_most_is_remembered() {
        let mut failures = Failures::new(5);
        let now = Instant::now();
        for _ in 0..6 {
            failures.count(0_usize, now);
        }
        for key in 1..KEYS_MAX + 10 {
            failures.count(key, now);
        }
        assert_eq!(failures.by_key.len(), KEYS_MAX);
        assert_eq!(failures.wait(&0, now), Duration::from_secs(2));
    }

    #[test]
    fn half_of_an_address_of_ipv6_is_its_owners_choice() {
        let network = |text: &str| network(text.parse().unwrap());
        assert_eq!(network("2001:db8::1"), network("2001:db8::ffff:1:2"));
        assert_ne!(network("2001:db8::1"), network("2001:db8:0:1::1"));
        assert_eq!(network("::ffff:192.0.2.1"), HOME);
    }
}

//! Wrong stream keys, counted by address: whoever tries many has to wait longer and longer.
//!
//! A key has 128 random bits, which nobody guesses; what this keeps away is the noise of trying, in whichever protocol.
//! The same wrong key counts once however often it is shown, so that one encoder which still has an old key and tries
//! for ever keeps nobody else out of a school behind one address.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use thiserror::Error;
use tokio::time::Instant;

use crate::accounts::{network, whole_seconds};
use crate::secret::Digest;

/// Who showed which wrong keys lately: at most [`NETWORKS_MAX`] networks, of which one more drops the one that was
/// quiet the longest.
#[derive(Debug, Default)]
pub(crate) struct WrongKeys(Mutex<HashMap<IpAddr, Tries>>);

/// Too many wrong keys came from there: no key is looked at until then, a right one neither.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("too many wrong stream keys from this address: try again in {} s", whole_seconds(self.0))]
pub(crate) struct Locked(pub(crate) Duration);

#[derive(Debug)]
struct Tries {
    /// The last wrong keys, each once, the oldest first; at most [`WRONG_KEYS_MAX`].
    keys: VecDeque<Digest>,
    /// The last delay that was given; zero before the first.
    delay: Duration,
    /// No key is looked at before; when it is past, how long it has been quiet.
    until: Instant,
}

impl WrongKeys {
    /// Whether a key from `address` may be looked at.
    ///
    /// # Errors
    /// [`Locked`] while it has to wait.
    pub(crate) fn check(&self, address: IpAddr) -> Result<(), Locked> {
        let now = Instant::now();
        match self.lock().get(&network(address)) {
            Some(tries) if tries.until > now => Err(Locked(tries.until - now)),
            _ => Ok(()),
        }
    }

    /// A wrong key was shown.
    pub(crate) fn note(&self, address: IpAddr, key: Digest) {
        let now = Instant::now();
        let mut networks = self.lock();
        make_room(&mut networks, now);
        let fresh = || Tries { keys: VecDeque::new(), delay: Duration::ZERO, until: now };
        let tries = networks.entry(network(address)).or_insert_with(fresh);
        if tries.is_forgotten(now) {
            *tries = fresh();
        }
        tries.note(key, now);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, Tries>> {
        self.0.lock().expect("nothing panics while it counts")
    }
}

impl Tries {
    fn note(&mut self, key: Digest, now: Instant) {
        if self.keys.contains(&key) {
            return;
        }
        if self.keys.len() == WRONG_KEYS_MAX {
            self.keys.pop_front();
            self.delay = (self.delay * 2).clamp(DELAY_FIRST, DELAY_MAX);
        }
        self.keys.push_back(key);
        self.until = now + self.delay;
    }

    fn is_forgotten(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.until) >= MEMORY
    }
}

/// Forgets who was quiet for long enough, and if need be who was quiet the longest.
fn make_room(networks: &mut HashMap<IpAddr, Tries>, now: Instant) {
    if networks.len() < NETWORKS_MAX {
        return;
    }
    networks.retain(|_, tries| !tries.is_forgotten(now));
    if networks.len() >= NETWORKS_MAX
        && let Some(quietest) = networks.iter().min_by_key(|(_, tries)| tries.until).map(|(at, _)| *at)
    {
        networks.remove(&quietest);
    }
}

/// Wrong keys of one network that cost nothing: a class whose key was changed an hour before.
const WRONG_KEYS_MAX: usize = 20;
/// After the first one more; each further one doubles it.
const DELAY_FIRST: Duration = Duration::from_secs(1);
const DELAY_MAX: Duration = Duration::from_secs(15 * 60);
/// Quiet for so long, a network begins anew.
const MEMORY: Duration = Duration::from_secs(15 * 60);
/// Networks that are remembered: about 4 MB of digests.
const NETWORKS_MAX: usize = 4_096;

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    fn key(number: usize) -> Digest {
        Digest::of(&number.to_string())
    }

    fn shown(count: usize) -> WrongKeys {
        let wrong_keys = WrongKeys::default();
        (0..count).for_each(|number| wrong_keys.note(HOME, key(number)));
        wrong_keys
    }

    #[tokio::test(start_paused = true)]
    async fn twenty_wrong_keys_cost_nothing_and_each_further_one_twice_the_time() {
        let wrong_keys = shown(20);
        assert_eq!(wrong_keys.check(HOME), Ok(()));
        for (number, seconds) in (20..32).zip([1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]) {
            wrong_keys.note(HOME, key(number));
            assert_eq!(wrong_keys.check(HOME), Err(Locked(Duration::from_secs(seconds))));
            tokio::time::advance(Duration::from_secs(seconds)).await;
            assert_eq!(wrong_keys.check(HOME), Ok(()));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_quiet_quarter_of_an_hour_begins_anew() {
        let wrong_keys = shown(20);
        tokio::time::advance(MEMORY).await;
        (20..40).for_each(|number| wrong_keys.note(HOME, key(number)));
        assert_eq!(wrong_keys.check(HOME), Ok(()));
        wrong_keys.note(HOME, key(40));
        assert!(wrong_keys.check(HOME).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn the_same_old_key_shown_for_ever_locks_nobody_out() {
        let wrong_keys = WrongKeys::default();
        (0..1_000).for_each(|_| wrong_keys.note(HOME, key(1)));
        assert_eq!(wrong_keys.check(HOME), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn other_networks_are_not_locked_and_an_ipv6_network_is_one() {
        let wrong_keys = shown(21);
        assert!(wrong_keys.check("::ffff:192.0.2.1".parse().unwrap()).is_err());
        assert_eq!(wrong_keys.check("192.0.2.2".parse().unwrap()), Ok(()));
        for host in 0..21 {
            wrong_keys.note(format!("2001:db8::{host:x}").parse().unwrap(), key(host));
        }
        assert!(wrong_keys.check("2001:db8::ffff".parse().unwrap()).is_err());
        assert_eq!(wrong_keys.check("2001:db8:0:1::1".parse().unwrap()), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_addresses_takes_bounded_memory_and_frees_nobody_who_is_locked() {
        let wrong_keys = shown(25);
        for number in 0..NETWORKS_MAX as u32 * 2 {
            wrong_keys.note(IpAddr::from((0x0a00_0000 + number).to_be_bytes()), key(1));
        }
        assert_eq!(wrong_keys.lock().len(), NETWORKS_MAX);
        assert!(wrong_keys.check(HOME).is_err());
    }
}

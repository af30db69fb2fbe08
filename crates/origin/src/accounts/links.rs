//! Codes in links that sign somebody in once.

use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use tokio::time::Instant;

use crate::secret::{self, Digest};

/// Links that were given out and not used, newest last.
#[derive(Debug, Default)]
pub(crate) struct Links {
    /// Whoever has it makes the first administrator; good until there is one.
    set_up: Mutex<Option<Digest>>,
    /// At most [`SIGN_INS_MAX`]; one more drops the oldest.
    sign_in: Mutex<Vec<SignIn>>,
}

#[derive(Debug)]
struct SignIn {
    digest: Digest,
    account: i64,
    until: Instant,
}

impl Links {
    /// How long a link that signs in is good: from a click in the app to the page in the browser.
    pub(crate) const SIGN_IN_LIFETIME: Duration = Duration::from_secs(60);

    /// A code for the set-up; the one before is no longer good.
    pub(crate) fn open_set_up(&self) -> String {
        let code = secret::random();
        *self.set_up() = Some(Digest::of(&code));
        code
    }

    /// Whether this is the set-up's code.
    pub(crate) fn is_set_up(&self, code: &str) -> bool {
        *self.set_up() == Some(Digest::of(code))
    }

    /// There is an administrator.
    pub(crate) fn close_set_up(&self) {
        *self.set_up() = None;
    }

    /// A code that signs this account in, once.
    pub(crate) fn open_sign_in(&self, account: i64) -> String {
        let code = secret::random();
        let mut links = self.valid_sign_ins();
        if links.len() == SIGN_INS_MAX {
            links.remove(0);
        }
        let until = Instant::now() + Links::SIGN_IN_LIFETIME;
        links.push(SignIn { digest: Digest::of(&code), account, until });
        code
    }

    /// Whom a code signs in; it is used up by that.
    pub(crate) fn redeem_sign_in(&self, code: &str) -> Option<i64> {
        let digest = Digest::of(code);
        let mut links = self.valid_sign_ins();
        let at = links.iter().position(|link| link.digest == digest)?;
        Some(links.remove(at).account)
    }

    fn set_up(&self) -> MutexGuard<'_, Option<Digest>> {
        self.set_up.lock().expect("nothing panics while it holds the link")
    }

    fn valid_sign_ins(&self) -> MutexGuard<'_, Vec<SignIn>> {
        let mut links = self.sign_in.lock().expect("nothing panics while it holds the links");
        let now = Instant::now();
        links.retain(|link| link.until > now);
        links
    }
}

/// Links at a time: each is used within seconds.
const SIGN_INS_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_link_signs_in_once_and_soon() {
        let links = Links::default();
        let code = links.open_sign_in(7);
        assert_eq!(links.redeem_sign_in("another"), None);
        assert_eq!(links.redeem_sign_in(&code), Some(7));
        assert_eq!(links.redeem_sign_in(&code), None);
        let late = links.open_sign_in(7);
        tokio::time::advance(Links::SIGN_IN_LIFETIME).await;
        assert_eq!(links.redeem_sign_in(&late), None);
    }

    #[test]
    fn the_last_set_up_link_is_the_good_one_until_the_set_up_is_done() {
        let links = Links::default();
        let (first, second) = (links.open_set_up(), links.open_set_up());
        assert!(!links.is_set_up(&first) && links.is_set_up(&second));
        links.close_set_up();
        assert!(!links.is_set_up(&second));
    }
}

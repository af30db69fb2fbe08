//! Passwords, hashed off the async threads.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// Places for hashing; each takes 19 MiB and a core for some ten milliseconds.
#[derive(Clone, Debug)]
pub(crate) struct Hashing(Arc<Semaphore>);

/// A password that cannot be used.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(crate) enum PasswordError {
    #[error("the password has fewer than {CHARS_MIN} characters")]
    TooShort,
    #[error("the password has more than {BYTES_MAX} bytes")]
    TooLong,
    #[error("too many people sign in just now: try again in a moment")]
    Busy,
    #[error("the password could not be hashed")]
    Hash,
}

impl Hashing {
    pub(crate) fn new() -> Hashing {
        Hashing(Arc::new(Semaphore::new(AT_A_TIME)))
    }

    /// argon2id of a new password, in PHC form.
    ///
    /// # Errors
    /// [`PasswordError`].
    pub(crate) async fn hash(&self, password: String) -> Result<String, PasswordError> {
        check(&password)?;
        let place = self.place().await?;
        off_the_async_threads(place, move || hash(&password)).await?
    }

    /// Whether `password` is the one that `stored` (argon2id in PHC form) was made of. Without a stored one it
    /// takes as long and is wrong, so that the time tells nobody which accounts there are.
    ///
    /// # Errors
    /// [`PasswordError::Busy`] or [`PasswordError::Hash`].
    pub(crate) async fn verify(
        &self,
        password: String,
        stored: Option<String>,
    ) -> Result<bool, PasswordError> {
        // No account has such a password, and it would cost time to hash.
        if password.len() > BYTES_MAX {
            return Ok(false);
        }
        let place = self.place().await?;
        off_the_async_threads(place, move || {
            let known = stored.is_some();
            let stored = match stored {
                Some(stored) => stored,
                None => stand_in()?,
            };
            let stored = PasswordHash::new(&stored).map_err(|_| PasswordError::Hash)?;
            Ok(Argon2::default().verify_password(password.as_bytes(), &stored).is_ok() && known)
        })
        .await?
    }

    async fn place(&self) -> Result<OwnedSemaphorePermit, PasswordError> {
        let place = timeout(WAIT_MAX, Arc::clone(&self.0).acquire_owned()).await;
        place.map_err(|_| PasswordError::Busy)?.map_err(|_| PasswordError::Busy)
    }
}

/// Whether a password may be somebody's.
fn check(password: &str) -> Result<(), PasswordError> {
    if password.chars().count() < CHARS_MIN {
        return Err(PasswordError::TooShort);
    }
    if password.len() > BYTES_MAX {
        return Err(PasswordError::TooLong);
    }
    Ok(())
}

fn hash(password: &str) -> Result<String, PasswordError> {
    let hash = Argon2::default().hash_password(password.as_bytes()).map_err(|_| PasswordError::Hash)?;
    Ok(hash.to_string())
}

/// What passwords of unknown accounts are compared with.
fn stand_in() -> Result<String, PasswordError> {
    static STAND_IN: OnceLock<Result<String, PasswordError>> = OnceLock::new();
    STAND_IN.get_or_init(|| hash("of nobody")).clone()
}

/// The place is given back when the work is done, also when nobody waits for it any more.
async fn off_the_async_threads<T: Send + 'static>(
    place: OwnedSemaphorePermit,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, PasswordError> {
    let work = move || {
        let done = work();
        drop(place);
        done
    };
    tokio::task::spawn_blocking(work).await.map_err(|_| PasswordError::Hash)
}

/// NIST SP 800-63B §3.1.1.2 asks for eight at least.
const CHARS_MIN: usize = 8;
/// Longer ones are no safer and cost hashing time.
const BYTES_MAX: usize = 1_024;
/// Hashes at a time: the rest of the machine goes on with media.
const AT_A_TIME: usize = 2;
/// To get a place; somebody who waits longer is better told so.
const WAIT_MAX: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_same_password_is_right() {
        let hashing = Hashing::new();
        let stored = hashing.hash("correct horse".to_owned()).await.unwrap();
        assert!(stored.starts_with("$argon2id$"));
        let verify = |password: &str, stored| hashing.verify(password.to_owned(), stored);
        assert_eq!(verify("correct horse", Some(stored.clone())).await, Ok(true));
        for wrong in ["", "correct", "correct horse ", "Correct horse", &"x".repeat(5_000)] {
            assert_eq!(verify(wrong, Some(stored.clone())).await, Ok(false), "{wrong}");
        }
        assert_eq!(verify("of nobody", None).await, Ok(false));
    }

    #[tokio::test]
    async fn a_password_has_a_length() {
        let hashing = Hashing::new();
        assert_eq!(hashing.hash("1234567".to_owned()).await, Err(PasswordError::TooShort));
        assert_eq!(hashing.hash("x".repeat(1_025)).await, Err(PasswordError::TooLong));
        assert!(hashing.hash("密码密码密码密码".to_owned()).await.is_ok());
    }
}

//! Which picture encoder runs, for the status.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// An encoder that failed in the middle of a broadcast.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplacedEncoder {
    /// Its name, e.g. `h264_vaapi`.
    pub name: String,
    /// What it failed at, in words.
    pub reason: String,
}

/// Which one runs, and which one it replaced last.
#[derive(Debug)]
pub(crate) struct EncoderState(Mutex<(Option<String>, Option<ReplacedEncoder>)>);

impl EncoderState {
    /// Of the encoder called `name`; `None` when only sound is sent.
    pub(crate) fn new(name: Option<&str>) -> EncoderState {
        EncoderState(Mutex::new((name.map(str::to_owned), None)))
    }

    /// From now on `name` runs.
    pub(crate) fn replace(&self, name: &str, replaced: ReplacedEncoder) {
        *self.lock() = (Some(name.to_owned()), Some(replaced));
    }

    /// Which one runs, and which one it replaced last.
    pub(crate) fn get(&self) -> (Option<String>, Option<ReplacedEncoder>) {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, (Option<String>, Option<ReplacedEncoder>)> {
        // Both values are replaced at once, so they are sound whatever happened to another thread.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! What bit rate the picture encoder is asked for while it runs.

use std::sync::atomic::{AtomicU32, Ordering};

/// A bit rate on its way to the encoder's thread; the latest word counts.
#[derive(Debug, Default)]
pub(crate) struct BitrateRequest(AtomicU32);

impl BitrateRequest {
    /// Asks for `bps` video bits per second from the next picture on.
    pub(crate) fn ask(&self, bps: u32) {
        self.0.store(bps, Ordering::Relaxed);
    }

    /// What was asked for since the last time; `None` when nothing was.
    pub(crate) fn take(&self) -> Option<u32> {
        Some(self.0.swap(NOTHING, Ordering::Relaxed)).filter(|&bps| bps != NOTHING)
    }
}

/// No encoder takes a bit rate of 0.
const NOTHING: u32 = 0;

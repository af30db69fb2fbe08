//! How a publisher asks the encoder for a keyframe.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Asks whoever encodes for a keyframe soon. Clones ask the same encoder; many requests before one keyframe
/// are one.
#[derive(Clone, Debug, Default)]
pub struct KeyframeRequest(Arc<AtomicBool>);

impl KeyframeRequest {
    /// Nobody has asked yet.
    #[must_use]
    pub fn new() -> KeyframeRequest {
        KeyframeRequest::default()
    }

    /// Asks.
    pub fn ask(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether somebody asked since the last call.
    #[must_use]
    pub fn take(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }
}

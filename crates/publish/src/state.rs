//! What a publisher is doing.

use std::time::Instant;

use crate::Cause;

/// The state of one destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// The first connection is being made.
    Connecting,
    /// Media is accepted since then.
    Live {
        /// When the remote side accepted the stream.
        since: Instant,
    },
    /// The connection was lost or refused for a reason that may pass.
    Retrying {
        /// 1 for the first try after the loss.
        attempt: u32,
        /// When the next try begins; in the past while it is being made.
        at: Instant,
        /// What happened.
        cause: Cause,
    },
    /// Given up: trying again would not help (a wrong key, an unsupported stream).
    Failed {
        /// Why.
        cause: Cause,
    },
    /// Said goodbye.
    Ended,
}

impl State {
    /// Whether nothing follows.
    #[must_use]
    pub fn is_final(&self) -> bool {
        matches!(self, State::Failed { .. } | State::Ended)
    }
}

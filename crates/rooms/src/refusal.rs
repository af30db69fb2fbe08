//! Why something was not done.

use std::time::Duration;

use crate::frame::{ErrorCode, Out};

/// A refusal before it is addressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: ErrorCode,
    pub(crate) message: String,
    pub(crate) retry_after: Option<Duration>,
}

impl Refusal {
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> Refusal {
        Refusal { code, message: message.into(), retry_after: None }
    }

    /// Values that a frame cannot have.
    pub(crate) fn bad(message: impl Into<String>) -> Refusal {
        Refusal::new(ErrorCode::BadFrame, message)
    }

    pub(crate) fn missing(message: impl Into<String>) -> Refusal {
        Refusal::new(ErrorCode::Missing, message)
    }

    pub(crate) fn later(code: ErrorCode, message: impl Into<String>, wait: Duration) -> Refusal {
        Refusal { code, message: message.into(), retry_after: Some(wait) }
    }

    /// As its frame.
    pub(crate) fn frame(self, id: Option<String>) -> Out {
        let milliseconds = |wait: Duration| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        let retry_after_ms = self.retry_after.map(milliseconds);
        Out::Error { id, code: self.code, message: self.message, retry_after_ms }
    }
}

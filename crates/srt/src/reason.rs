//! Why a caller was refused.

use std::fmt;

use crate::ffi;

/// Why a caller was refused: libsrt's own codes below 1000, an application's from there.
///
/// Reference: libsrt, `docs/features/access-control.md` and `access_control.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Reason(i32);

impl Reason {
    /// Too many callers wait to be accepted.
    pub const BACKLOG: Reason = Reason(5);
    /// The passphrase is wrong.
    pub const BAD_SECRET: Reason = Reason(10);
    /// A passphrase on one side only.
    pub const UNSECURE: Reason = Reason(11);
    /// Nobody answered.
    pub const TIMEOUT: Reason = Reason(16);
    /// The stream id cannot be read.
    pub const BAD_REQUEST: Reason = Reason(1_400);
    /// Who calls is not known.
    pub const UNAUTHORIZED: Reason = Reason(1_401);
    /// There are too many callers.
    pub const OVERLOAD: Reason = Reason(1_402);
    /// It is known, and not allowed.
    pub const FORBIDDEN: Reason = Reason(1_403);
    /// There is no such stream.
    pub const NOT_FOUND: Reason = Reason(1_404);
    /// Publishing where only watching is offered, or the reverse.
    pub const BAD_MODE: Reason = Reason(1_405);
    /// Somebody else is in the way.
    pub const CONFLICT: Reason = Reason(1_409);
    /// The listener is at fault.
    pub const INTERNAL: Reason = Reason(1_500);
    /// The listener stops.
    pub const DOWN: Reason = Reason(1_503);

    /// The reason of this number.
    #[must_use]
    pub const fn from_code(code: i32) -> Reason {
        Reason(code)
    }

    /// Its number.
    #[must_use]
    pub const fn code(self) -> i32 {
        self.0
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match *self {
            Reason::BAD_REQUEST => "the stream id cannot be read",
            Reason::UNAUTHORIZED => "unknown stream key",
            Reason::OVERLOAD => "too many connections",
            Reason::FORBIDDEN => "not allowed",
            Reason::NOT_FOUND => "no such stream",
            Reason::BAD_MODE => "only the other direction is offered",
            Reason::CONFLICT => "another publisher is in the way",
            Reason::INTERNAL => "the server failed",
            Reason::DOWN => "the server stops",
            Reason::BAD_SECRET => "wrong passphrase",
            Reason::UNSECURE => "a passphrase on one side only",
            Reason(code) if code < 1_000 => return write!(f, "{} ({code})", ffi::reject_words(code)),
            Reason(code) => return write!(f, "refused with code {code}"),
        };
        write!(f, "{words} ({})", self.0)
    }
}

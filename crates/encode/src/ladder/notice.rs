//! What became of renditions, in words.

use std::fmt;

use crate::ladder::Height;

/// Something that a publisher and the admins should know.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// A rung was given up, so that the others keep their time.
    Dropped {
        /// Which.
        rung: Height,
    },
    /// A rung takes more of the processor than all may have, and was given up.
    TooDear {
        /// Which.
        rung: Height,
    },
    /// A rung that was given up is made again.
    Returned {
        /// Which.
        rung: Height,
    },
    /// The processor has no room for a rung, which was not begun.
    NoRoom {
        /// Which.
        rung: Height,
    },
    /// Pictures were left out up to the next IDR picture.
    Behind,
    /// The ladder cannot go on.
    Failed {
        /// Why, in words.
        reason: String,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Notice::Dropped { rung } => write!(f, "{rung} was dropped: the CPU cannot keep up"),
            Notice::TooDear { rung } => write!(f, "{rung} was dropped: renditions took more CPU than is set"),
            Notice::Returned { rung } => write!(f, "{rung} is back: the CPU has room for it again"),
            Notice::NoRoom { rung } => write!(f, "{rung} is not offered: the CPU has no room for it"),
            Notice::Behind => write!(f, "renditions left out pictures: the CPU cannot keep up"),
            Notice::Failed { reason } => write!(f, "renditions stopped: {reason}"),
        }
    }
}

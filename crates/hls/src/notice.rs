//! Plain facts for whoever publishes.

use std::fmt;

use media::Span;

/// Something the publisher should know, each told once per broadcast session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// IDR pictures are so far apart that segments cannot begin with one.
    LongGop {
        /// How far apart.
        interval: Span,
        /// They are farther apart than that: the next one has not come yet.
        more: bool,
        /// What to set instead.
        wanted: Span,
    },
    /// The timestamps jumped; viewers see a discontinuity.
    TimestampJump {
        /// How far, forward or back.
        by: Span,
    },
    /// Sound goes on while no picture came for this long.
    VideoSilent {
        /// Since the last picture.
        since: Span,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Notice::LongGop { interval, more: true, wanted } => {
                let (interval, wanted) = (tenths(*interval), tenths(*wanted));
                write!(f, "keyframes more than {interval} s apart: set {wanted} s or less")
            }
            Notice::LongGop { interval, wanted, .. } if interval <= wanted => {
                write!(f, "keyframes come unevenly: set one every {} s or less", tenths(*wanted))
            }
            Notice::LongGop { interval, wanted, .. } => {
                write!(f, "keyframes every {} s: set {} s or less", tenths(*interval), tenths(*wanted))
            }
            Notice::TimestampJump { by } => {
                write!(f, "timestamps jumped by {:.1} s: viewers see a cut", by.as_secs_f64())
            }
            Notice::VideoSilent { since } => {
                write!(f, "no picture for {:.0} s while sound goes on", since.as_secs_f64())
            }
        }
    }
}

/// Seconds with one decimal, or none where it would be 0.
fn tenths(span: Span) -> f64 {
    (span.as_secs_f64() * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_gop_is_told_in_words() {
        for (interval, more, words) in [
            (10_000, false, "keyframes every 10 s: set 2 s or less"),
            (10_000, true, "keyframes more than 10 s apart: set 2 s or less"),
            (2_520, false, "keyframes every 2.5 s: set 2 s or less"),
            (2_000, false, "keyframes come unevenly: set one every 2 s or less"),
        ] {
            let notice =
                Notice::LongGop { interval: Span::from_millis(interval), more, wanted: Span::from_secs(2) };
            assert_eq!(notice.to_string(), words);
        }
    }
}

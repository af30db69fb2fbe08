//! Whether this computer encodes as much as it is to. It never reads a clock.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use broadcast::Status;
use serde::Serialize;
use specta::Type;

use crate::app::{App, Error};
use crate::request::Request;
use crate::studio::Studio;

/// The computer is too slow for what is set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct TooSlow {
    /// Of the frames of the last seconds, those that came too late to be encoded. Percent.
    pub late_percent: u32,
    /// What [`App::ease_picture`] makes of the picture; `None` when nothing is smaller.
    pub easier: Option<Easier>,
}

/// A picture that costs less.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Easier {
    /// E.g. `960 × 540`.
    pub size: String,
    /// Frames a second.
    pub fps: u32,
}

/// The frames of the last seconds.
#[derive(Debug, Default)]
pub(crate) struct KeepingUp {
    /// When, and how many were encoded and lost until then. The oldest first, as old as [`SPAN`].
    counts: VecDeque<(Instant, u64, u64)>,
    begun: Option<Instant>,
    late_percent: Option<u32>,
}

impl KeepingUp {
    /// Takes the counts of the broadcast at `now`, which only rise.
    pub(crate) fn look(&mut self, now: Instant, encoded: u64, lost: u64) {
        let begun = *self.begun.get_or_insert(now);
        // Encoder and sources start one after the other; what is lost then says nothing.
        if now.saturating_duration_since(begun) < SETTLING {
            return;
        }
        self.counts.push_back((now, encoded, lost));
        let over = |&(at, ..): &(Instant, u64, u64)| now.saturating_duration_since(at) > SPAN;
        while self.counts.front().is_some_and(over) {
            self.counts.pop_front();
        }
        let Some(&(first, encoded_before, lost_before)) = self.counts.front() else { return };
        if now.saturating_duration_since(first) < SPAN_MIN {
            return;
        }
        let (encoded, lost) = (encoded.saturating_sub(encoded_before), lost.saturating_sub(lost_before));
        let percent = (lost * 100).checked_div(encoded + lost).unwrap_or(0);
        let least = if self.late_percent.is_some() { FINE_PERCENT } else { LATE_PERCENT };
        self.late_percent = (percent >= least).then(|| u32::try_from(percent).unwrap_or(100));
    }

    /// Percent of frames that come too late, once it is worth telling.
    pub(crate) fn late_percent(&self) -> Option<u32> {
        self.late_percent
    }
}

impl Studio {
    /// Whether the computer is too slow for the picture that is sent, in the engine's words.
    pub(crate) fn too_slow(&self, status: &Status) -> Option<TooSlow> {
        let late_percent = self.keeping_up.late_percent()?;
        let easier = status.easier.map(|easier| Easier {
            size: format!("{} × {}", easier.size.width, easier.size.height),
            fps: easier.fps,
        });
        Some(TooSlow { late_percent, easier })
    }

    /// Makes the picture smaller, and looks anew whether that is enough.
    pub(crate) fn ease_picture(&mut self) {
        if let Some(broadcast) = &self.broadcast {
            broadcast.ease();
            self.keeping_up = KeepingUp::default();
        }
    }
}

impl App {
    /// Makes the picture of the running broadcast smaller, or its frames fewer, for a computer that is too slow for it. It
    /// stays so until the broadcast ends; the settings stay as they are.
    ///
    /// # Errors
    /// See [`App::go_live`].
    pub fn ease_picture(&self) -> Result<(), Error> {
        self.ask(Request::EasePicture)
    }
}

/// The beginning of a broadcast, or another size, that says nothing.
const SETTLING: Duration = Duration::from_secs(4);
/// A moment in which something else ran is no reason to say anything.
const SPAN: Duration = Duration::from_secs(10);
/// From here on what was seen says enough.
const SPAN_MIN: Duration = Duration::from_secs(5);
/// People see it when one frame in thirty is missing.
const LATE_PERCENT: u64 = 3;
/// Below this nobody does.
const FINE_PERCENT: u64 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    /// So many seconds at 30 frames a second, of which so many are lost; what is told at the end of each.
    fn told(pace: &mut KeepingUp, start: Instant, from_s: u64, seconds: u64, lost: u64) -> Vec<Option<u32>> {
        let before = pace.counts.back().map_or((0, 0), |&(_, encoded, lost)| (encoded, lost));
        (1..=seconds)
            .map(|second| {
                let now = start + Duration::from_secs(from_s + second);
                pace.look(now, before.0 + second * (30 - lost), before.1 + second * lost);
                pace.late_percent()
            })
            .collect()
    }

    #[expect(clippy::disallowed_methods, reason = "any moment will do")]
    fn start() -> Instant {
        Instant::now()
    }

    #[test]
    fn what_is_lost_for_some_seconds_is_told_and_one_bad_second_is_not() {
        let (mut pace, start) = (KeepingUp::default(), start());
        assert!(told(&mut pace, start, 0, 20, 0).iter().all(Option::is_none));
        let bad = told(&mut pace, start, 20, 10, 3);
        assert_eq!(bad[0], None, "{bad:?}");
        assert_eq!(bad[9], Some(10), "{bad:?}");
    }

    #[test]
    fn it_is_told_no_more_when_hardly_anything_is_lost() {
        let (mut pace, start) = (KeepingUp::default(), start());
        told(&mut pace, start, 0, 20, 6);
        assert_eq!(pace.late_percent(), Some(20));
        assert_eq!(told(&mut pace, start, 20, 12, 0).last(), Some(&None));
    }

    #[test]
    fn the_first_seconds_say_nothing() {
        let (mut pace, start) = (KeepingUp::default(), start());
        assert!(told(&mut pace, start, 0, 4, 30).iter().all(Option::is_none));
    }
}

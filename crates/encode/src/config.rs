//! How to encode pictures.

use std::ops::RangeInclusive;

use media::{Size, Span, Timescale};

use crate::{Choice, Error};

/// How to encode pictures.
#[derive(Clone, Debug)]
pub struct Config {
    /// Size of what is sent; both sides even.
    pub size: Size,
    /// Frames per second, 1 to 120.
    pub fps: u32,
    /// Bits per second, held by a buffer of one second.
    pub bitrate_bps: u32,
    /// Longest distance between keyframes; there are none at scene changes.
    pub keyframe_interval: Span,
    /// Which encoder.
    pub choice: Choice,
}

impl Config {
    /// Whether all settings are in range.
    ///
    /// # Errors
    /// For the first that is not.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let size = self.size;
        let side = |side: u32| side.is_multiple_of(2) && (2..=SIDE_MAX).contains(&side);
        if !side(size.width) || !side(size.height) {
            return Err(Error::Size { size, max: SIDE_MAX });
        }
        range("frames per second", self.fps.into(), 1, FPS_MAX)?;
        check_bitrate(self.bitrate_bps)?;
        let interval = self.keyframe_interval.as_millis();
        range("keyframe interval in milliseconds", interval, 100, KEYINT_MAX_MILLIS)
    }

    /// Frames from one keyframe to the next.
    pub(crate) fn interval_ticks(&self) -> i64 {
        let rate = Timescale::new(self.fps).unwrap_or(Timescale::MILLISECONDS);
        self.keyframe_interval.ticks(rate).clamp(1, i64::from(i32::MAX))
    }
}

/// Whether a bit rate is in range.
///
/// # Errors
/// When it is not.
pub(crate) fn check_bitrate(bps: u32) -> Result<(), Error> {
    range("bits per second", bps.into(), (*BITRATES_BPS.start()).into(), (*BITRATES_BPS.end()).into())
}

fn range(what: &'static str, value: i64, from: i64, to: i64) -> Result<(), Error> {
    if (from..=to).contains(&value) { Ok(()) } else { Err(Error::Range { what, value, from, to }) }
}

/// Level 6.2, the highest, stops at 139 264 macroblocks; a side of 8 192 is 8K.
const SIDE_MAX: u32 = 8_192;

const FPS_MAX: i64 = 120;

/// Bits per second that encoders are opened with: below not even a still picture is readable, and no service takes more.
pub const BITRATES_BPS: RangeInclusive<u32> = 50_000..=100_000_000;

/// HLS cuts segments at keyframes: longer ones than 20 s help nobody.
const KEYINT_MAX_MILLIS: i64 = 20_000;

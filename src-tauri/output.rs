//! What viewers get: size, frame rate, bit rate, encoder. A person sets it; what a file says is put right before use.

use std::time::Duration;

use broadcast::{Config, Destination, EncoderChoice, Size};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use specta::Type;

use crate::app::{App, Error};
use crate::request::Request;
use crate::studio::Studio;

/// How the picture is encoded, and whether it is recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// Pixels, even.
    pub width: u32,
    /// Pixels, even.
    pub height: u32,
    /// Frames per second.
    pub fps: u32,
    /// Video, 1 000 bits per second.
    pub bitrate_kbps: u32,
    /// The least that a weak network lowers it to before the picture becomes smaller, 1 000 bits per second. As much as
    /// `bitrate_kbps`: nothing is lowered, and what the network does not carry is dropped.
    pub floor_kbps: u32,
    /// Longest distance between keyframes, seconds; 0 is what the destinations ask for.
    pub keyframe_seconds: u32,
    /// FFmpeg's name of the encoder; `None` takes the best.
    pub encoder: Option<String>,
    /// Whether every broadcast is recorded on this computer.
    pub record: bool,
    /// How much of the last is kept to be saved on request, seconds; 0 is nothing.
    pub replay_seconds: u32,
    /// How much later viewers get everything, seconds.
    pub delay_seconds: u32,
}

impl Default for Output {
    /// 720p: what two cores encode in software while a browser plays it, and what most uplinks carry.
    fn default() -> Output {
        Output {
            width: 1280,
            height: 720,
            fps: 30,
            bitrate_kbps: 2_500,
            floor_kbps: 500,
            keyframe_seconds: 0,
            encoder: None,
            record: false,
            replay_seconds: 0,
            delay_seconds: 0,
        }
    }
}

impl Output {
    /// The nearest that works.
    #[must_use]
    pub fn checked(self) -> Output {
        let bitrate_kbps = self.bitrate_kbps.clamp(KBPS.0, KBPS.1);
        Output {
            width: self.width.clamp(SIDE.0, SIDE.1) / 2 * 2,
            height: self.height.clamp(SIDE.0, SIDE.1) / 2 * 2,
            fps: self.fps.clamp(1, FPS_MAX),
            bitrate_kbps,
            floor_kbps: self.floor_kbps.clamp(KBPS.0, bitrate_kbps),
            keyframe_seconds: self.keyframe_seconds.min(KEYFRAME_SECONDS_MAX),
            replay_seconds: match self.replay_seconds {
                0 => 0,
                seconds => seconds.clamp(REPLAY_SECONDS.0, REPLAY_SECONDS.1),
            },
            delay_seconds: self.delay_seconds.min(DELAY_SECONDS_MAX),
            ..self
        }
    }

    /// The picture's size.
    #[must_use]
    pub fn size(&self) -> Size {
        Size { width: self.width, height: self.height }
    }

    /// For the engine.
    #[must_use]
    pub fn config(&self, destinations: Vec<Destination>) -> Config {
        let encoder = self.encoder.clone().map_or_else(EncoderChoice::default, EncoderChoice::Named);
        Config {
            bitrate_bps: self.bitrate_kbps * 1_000,
            bitrate_floor_bps: self.floor_kbps * 1_000,
            keyframe_interval: (self.keyframe_seconds > 0)
                .then(|| broadcast::Span::from_secs(self.keyframe_seconds.into())),
            encoder,
            destinations,
            delay: Duration::from_secs(self.delay_seconds.into()),
            replay: (self.replay_seconds > 0).then(|| Duration::from_secs(self.replay_seconds.into())),
            ..Config::default()
        }
    }
}

/// What a file says of it, which may leave out some.
pub(crate) fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Output, D::Error> {
    let said = serde_json::Map::deserialize(from)?;
    let mut whole = serde_json::to_value(Output::default()).map_err(D::Error::custom)?;
    for (key, value) in said {
        whole[key] = value;
    }
    let output = Output::deserialize(whole).map_err(D::Error::custom)?;
    Ok(output.checked())
}

/// The least and the most video, 1 000 bits per second: what encoders take, and what no home uplink carries.
const KBPS: (u32, u32) = (100, 50_000);
impl Studio {
    /// The bit rate changes at once; size and frame rate wait for the end of a broadcast, and so are not taken before it.
    pub(crate) fn set_output(&mut self, mut output: Output) {
        let before = self.settings.output.clone();
        if self.is_running() {
            (output.width, output.height, output.fps) = (before.width, before.height, before.fps);
        }
        if let Some(broadcast) = &self.broadcast
            && output.bitrate_kbps != before.bitrate_kbps
        {
            broadcast.set_bitrate(output.bitrate_kbps * 1_000);
        }
        let reopen = (output.size(), output.fps) != (before.size(), before.fps);
        self.set(|settings| settings.output = output);
        if reopen {
            self.open_sources();
        }
    }
}

impl App {
    /// Begins broadcasts with a countdown, or at once.
    ///
    /// # Errors
    /// See [`App::go_live`].
    pub fn set_countdown(&self, on: bool) -> Result<(), Error> {
        self.ask(Request::SetCountdown(on))
    }
}

/// The shortest and the longest side, pixels.
const SIDE: (u32, u32) = (160, 3_840);
/// As the engine's limit.
const FPS_MAX: u32 = 120;
/// Viewers join at keyframes: a longer wait is no use to anybody.
const KEYFRAME_SECONDS_MAX: u32 = 10;
/// As the engine's limits.
const REPLAY_SECONDS: (u32, u32) = (5, 300);
/// As the engine's limit.
const DELAY_SECONDS_MAX: u32 = 30;

#[cfg(test)]
mod tests {
    use super::Output;

    #[test]
    fn the_defaults_need_no_putting_right() {
        assert_eq!(Output::default().checked(), Output::default());
    }

    #[test]
    fn what_is_held_of_a_broadcast_is_nothing_or_what_the_engine_can_hold() {
        let held = |replay_seconds, delay_seconds| {
            let output = Output { replay_seconds, delay_seconds, ..Output::default() }.checked();
            (output.replay_seconds, output.delay_seconds)
        };
        assert_eq!([held(0, 0), held(1, 31), held(301, 30)], [(0, 0), (5, 30), (300, 30)]);
        let config = Output { replay_seconds: 15, ..Output::default() }.config(Vec::new());
        assert_eq!((config.replay, config.delay.as_secs()), (Some(std::time::Duration::from_secs(15)), 0));
        assert_eq!(Output::default().config(Vec::new()).replay, None);
    }

    #[test]
    fn whatever_a_file_says_becomes_something_that_works() {
        let text =
            r#"{"width":1281,"fps":0,"bitrateKbps":4000000000,"floorKbps":60000,"keyframeSeconds":99}"#;
        let output = super::read(&mut serde_json::Deserializer::from_str(text)).unwrap();
        assert_eq!((output.width, output.height, output.fps), (1280, 720, 1));
        assert_eq!((output.bitrate_kbps, output.floor_kbps, output.keyframe_seconds), (50_000, 50_000, 10));
    }
}

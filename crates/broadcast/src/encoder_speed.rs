//! Whether this computer encodes fast enough for what is set.

use encode::Speed;
use media::Size;

use crate::{Config, Error};

/// Encodes pictures that move, `size` large and `fps` of them a second, as `config` has them and as fast as it goes. Takes
/// up to some seconds, so not on an async thread.
///
/// # Errors
/// When no encoder opens, or the one that did fails.
pub fn encoder_speed(config: &Config, size: Size, fps: u32) -> Result<Speed, Error> {
    let encoding = encode::Config {
        size,
        fps,
        bitrate_bps: config.bitrate_bps,
        keyframe_interval: config.keyframes(),
        choice: config.encoder.clone(),
    };
    Ok(encode::speed(&encoding, fps * SECONDS)?)
}

/// What is measured, in pictures of so many seconds: a hardware encoder has started up by then.
const SECONDS: u32 = 2;

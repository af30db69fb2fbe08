//! How fast this machine encodes, measured with pictures that move.

use std::time::{Duration, Instant};

use bytes::Bytes;
use media::{Colour, PixelFormat, Plane, Size, Timestamp, VideoFrame};

use crate::{Config, Error, Video};

/// What an encoder did with pictures as fast as it took them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Speed {
    /// The encoder's name.
    pub name: &'static str,
    /// What it runs on, in words.
    pub runs_on: &'static str,
    /// How many pictures it took.
    pub frames: u32,
    /// How long that took.
    pub took: Duration,
}

impl Speed {
    /// Pictures in a second.
    #[must_use]
    pub fn fps(&self) -> f64 {
        f64::from(self.frames) / self.took.as_secs_f64().max(1e-6)
    }
}

/// Encodes up to `frames` pictures as `config` says, for four seconds at most, and throws them away. Blocks.
///
/// The pictures are a fine texture that moves by some rows each time, as a page that is scrolled: more work than a
/// talking head, less than a game.
///
/// # Errors
/// As [`Video::open`] and [`Video::encode`].
#[expect(clippy::disallowed_methods, reason = "time is what is measured")]
pub fn speed(config: &Config, frames: u32) -> Result<Speed, Error> {
    let mut video = Video::open(config)?;
    let texture = Texture::new(config.size, frames);
    let start = Instant::now();
    let mut done = 0;
    while done < frames && start.elapsed() < LIMIT {
        video.encode(Some(&texture.picture(done)), done.into(), false)?;
        done += 1;
    }
    let (name, runs_on) = (video.name(), video.runs_on());
    video.finish()?;
    Ok(Speed { name, runs_on, frames: done, took: start.elapsed() })
}

/// A strip that the pictures are cut from, so that making one costs nothing.
struct Texture {
    size: Size,
    luma: Bytes,
    chroma: Bytes,
}

impl Texture {
    fn new(size: Size, frames: u32) -> Texture {
        let (width, height) = (size.width as usize, size.height as usize);
        let rows = height + ROWS_A_PICTURE * frames as usize;
        let mut state = SEED;
        let luma = (0..width * rows).map(|at| {
            // Marsaglia's xorshift: the same texture everywhere.
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            let lines = (at % width / 24 + at / width / 16) % 2 * 96;
            (64 + lines + (state % 24) as usize) as u8
        });
        Texture { size, luma: luma.collect(), chroma: Bytes::from(vec![GREY; width / 2 * (height / 2)]) }
    }

    fn picture(&self, number: u32) -> VideoFrame {
        let (width, height) = (self.size.width as usize, self.size.height as usize);
        let from = width * ROWS_A_PICTURE * number as usize;
        let chroma = || Plane { data: self.chroma.clone(), stride: width / 2 };
        VideoFrame {
            pts: Timestamp::ZERO,
            size: self.size,
            format: PixelFormat::I420,
            planes: vec![
                Plane { data: self.luma.slice(from..from + width * height), stride: width },
                chroma(),
                chroma(),
            ],
            colour: Colour::Bt709Limited,
        }
    }
}

/// Nobody waits longer for an answer that is then "too slow" anyway.
const LIMIT: Duration = Duration::from_secs(4);
/// How far the texture moves from picture to picture; even, as chroma has half the rows.
const ROWS_A_PICTURE: usize = 4;
const GREY: u8 = 128;
const SEED: u32 = 0x9E37_79B9;

#[cfg(test)]
mod tests {
    use media::{Size, Span};

    use super::speed;
    use crate::{Choice, Config};

    #[test]
    fn the_speed_of_an_encoder_comes_with_its_name_and_counts_every_picture() {
        let config = Config {
            size: Size { width: 320, height: 180 },
            fps: 30,
            bitrate_bps: 500_000,
            keyframe_interval: Span::from_secs(1),
            choice: Choice::Named("libx264".to_owned()),
        };
        let found = speed(&config, 10).expect("libx264 encodes");
        assert_eq!((found.name, found.runs_on, found.frames), ("libx264", "the processor", 10));
        assert!(found.fps() > 0.0 && found.fps().is_finite());
    }
}

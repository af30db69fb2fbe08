//! `cargo xtask soak`: live playback for as long as nobody would sit and watch.

use anyhow::Result;

use crate::setup;
use crate::step::{execute, step};
use crate::workspace::{END_TO_END, Workspace, cargo};

/// What `cargo xtask soak --help` prints.
pub const HELP: &str = "\
cargo xtask soak [--minutes 30]

  1. set-up: the packages to build and to test with, the npm packages of ui/ (each only if missing)
  2. a release build of rostrum-origin
  3. an origin, FFmpeg as the publisher and the watch page in Chromium, for so many minutes (1 to 1440)

Prints how soon the first picture was there (median of five browsers), a line each minute, and at the end: stalls, drift, latency p50 and p95, and the origin's memory and its slope.
Fails when the player stalled for a picture's time or longer or had an error, drifted by more than 0.1 s, the origin's memory grew, or the
first picture took longer than 1.5 s (as much more as the machine was loaded before).";

/// How long it takes unless it is told otherwise.
pub const MINUTES: u32 = 30;

/// The longest soak: a day.
const MINUTES_MAX: u32 = 24 * 60;

/// Reads a number of minutes.
pub fn minutes(text: &str) -> Option<u32> {
    text.parse().ok().filter(|minutes| (1..=MINUTES_MAX).contains(minutes))
}

/// Sets up, builds, and plays for so many minutes.
///
/// # Errors
/// When set-up or the build fails, or what was seen is not what must be.
pub fn soak(minutes: u32) -> Result<()> {
    let workspace = Workspace::read()?;
    setup::to_test(&workspace)?;
    step("pages", crate::pages::build)?;
    step("release build of the origin", || {
        execute(cargo().args(["build", "--release", "--package", "origin"]))
    })?;
    step("soak", || {
        let mut command = cargo();
        command.args(["test", "--workspace", "--test", END_TO_END, "--"]);
        command.args([
            "--ignored",
            "--exact",
            "--nocapture",
            "soak::a_browser_plays_for_as_long_as_it_is_told",
        ]);
        command.env("ROSTRUM_ORIGIN_BIN", workspace.target.join("release/rostrum-origin"));
        command.env("ROSTRUM_SOAK_MINUTES", minutes.to_string());
        execute(&mut command)
    })
}

#[cfg(test)]
mod tests {
    use super::minutes;

    #[test]
    fn minutes_are_from_one_to_a_day() {
        assert_eq!(minutes("30"), Some(30));
        for wrong in ["0", "1441", "-1", "x", ""] {
            assert_eq!(minutes(wrong), None, "{wrong}");
        }
    }
}

//! `cargo xtask bench`: what origin and broadcaster cost, as ratios to a peer in the same run.

mod app;
mod broadcaster;
mod chat;
mod clip;
mod cost;
mod ladder;
mod peer;
mod publishing;
mod servers;
mod serving;
mod waking;

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::step::{command_line, execute, step};
use crate::workspace::{Workspace, cargo};
use crate::{apt, setup};

/// What `cargo xtask bench --help` prints.
pub const HELP: &str = "\
cargo xtask bench [publishing] [serving] [waking] [cycles] [ladder] [chat] [broadcaster] [app]

  1. set-up, with nginx, its RTMP module and nchan as the peers; release builds of the origin, of rostrum-cast and of a load generator
  2. publishing  CPU seconds per stream-minute of 1, 10 and 50 publishers of 2.5 Mbit/s 720p with HLS on, beside nginx-rtmp
     serving     CPU seconds per gigabit served to 2000 players of plain HLS beside nginx with static files, and to
                 players of Low-Latency HLS
     waking      from the frame that completes a part to the answer of 1, 200 and 10000 blocked reloads, and its CPU
     cycles      memory while 3000 publishers come and go, looked at after each 250; fails when it grows by more than 4 kB each
     ladder      CPU seconds per stream-minute and memory of one 720p stream with the smaller renditions
     chat        a room with 2000 readers and 20 lines a second, and with 10000 and 1: how late lines come, what is lost, CPU a
                 delivery and bytes a socket, beside nchan
     broadcaster CPU a frame and missing frames of rostrum-cast from a display to RTMP, beside FFmpeg with the same settings,
                 and beside OBS Studio
     app         the desktop app: until its window and its preview are there, memory, how long its page answers nothing while 50
                 lines a second come, and from its start to a picture in a browser

Without a choice all eight are measured, in about half an hour. Seconds are the server's own CPU time, which the
load of other programs moves little; ratios are what counts. The machine should be quiet: its load is printed first.";

const MEASUREMENTS: [&str; 8] =
    ["publishing", "serving", "waking", "cycles", "ladder", "chat", "broadcaster", "app"];

/// Whether all of these are measurements.
pub fn knows(chosen: &[String]) -> bool {
    chosen.iter().all(|choice| MEASUREMENTS.contains(&choice.as_str()))
}

/// What every measurement uses.
struct Bench {
    /// The release builds.
    programs: PathBuf,
    /// For what is made on the way; emptied at the start.
    folder: PathBuf,
    /// What is published.
    clip: PathBuf,
}

/// Measures what is chosen, or all.
///
/// # Errors
/// When set-up, a build or a program fails.
pub fn bench(chosen: &[String]) -> Result<()> {
    let workspace = Workspace::read()?;
    let is_chosen = |name: &str| chosen.is_empty() || chosen.iter().any(|choice| choice == name);
    if is_chosen("app") {
        app::measure(&workspace)?;
    }
    if !MEASUREMENTS.iter().any(|name| *name != "app" && is_chosen(name)) {
        return Ok(());
    }
    setup::to_build()?;
    step("packages of the peers", || apt::ensure(apt::TO_BENCH))?;
    build()?;
    let folder = workspace.target.join("bench");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let clip = step("clip", || clip::make(&folder))?;
    let bench = Bench { programs: workspace.target.join("release"), folder, clip };
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("\nload of this machine before: {}", load.trim());
    for (name, measure) in [
        ("publishing", publishing::measure as fn(&Bench) -> Result<()>),
        ("serving", serving::measure),
        ("waking", waking::measure),
        ("cycles", waking::cycles),
        ("ladder", ladder::measure),
        ("chat", chat::measure),
        ("broadcaster", broadcaster::measure),
    ] {
        if is_chosen(name) {
            step(name, || measure(&bench))?;
        }
    }
    Ok(())
}

fn build() -> Result<()> {
    step("release builds", || {
        execute(cargo().args(["build", "--release", "--package", "origin", "--package", "broadcast"]))?;
        execute(cargo().args(["build", "--release", "--package", "testkit", "--features", "load"]))
    })
}

impl Bench {
    /// Runs the load generator to its end; the figures it printed.
    fn load(&self, arguments: &[&str]) -> Result<Value> {
        let mut command = Command::new(self.programs.join("rostrum-load"));
        let output = command.args(arguments).output().context("cannot start rostrum-load")?;
        if !output.status.success() {
            bail!("`{}`: {}", command_line(&command), String::from_utf8_lossy(&output.stderr).trim());
        }
        serde_json::from_slice(&output.stdout).context("rostrum-load prints JSON")
    }

    /// The clip's path as an argument.
    fn clip(&self) -> Result<&str> {
        self.clip.to_str().context("the target folder's path is not UTF-8")
    }
}

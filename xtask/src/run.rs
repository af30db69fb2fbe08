//! `cargo xtask run`: from a fresh clone to a running program.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::build::{self, Profile};
use crate::program::{Interrupt, Program, wait};
use crate::setup;
use crate::step::{command_line, step};
use crate::workspace::Workspace;

/// What `cargo xtask run --help` prints.
pub const HELP: &str = "\
cargo xtask run [--release]

  1. set-up: the system packages, and the npm packages of ui/ (each only if missing)
  2. the pages of ui/, if they changed
  3. a debug build of the programs; with --release a release build
  4. with a display: the desktop app
     without one (neither DISPLAY nor WAYLAND_DISPLAY): an origin on its default ports, in target/demo, and a
     test broadcast to it; prints the watch URL. Ctrl-C ends both.";

/// The room of the test broadcast.
const ROOM: &str = "demo";

/// Sets up, builds and starts the desktop app, or a demonstration where there is no display.
///
/// # Errors
/// When set-up, the build or a program fails.
pub fn run(profile: Profile) -> Result<()> {
    let workspace = Workspace::read()?;
    setup::to_build()?;
    let programs = build::programs(&workspace, profile)?;
    let interrupt = Interrupt::listen()?;
    if ["DISPLAY", "WAYLAND_DISPLAY"]
        .iter()
        .any(|name| std::env::var_os(name).is_some_and(|it| !it.is_empty()))
    {
        app(&programs, profile, &interrupt)
    } else {
        demonstration(&workspace, &programs, &interrupt)
    }
}

fn app(programs: &Path, profile: Profile, interrupt: &Interrupt) -> Result<()> {
    println!("\nStarting the {} build of Rostrum; Ctrl-C ends it.", profile.folder());
    let mut app = Program::start("rostrum", &mut Command::new(programs.join("rostrum")))?;
    match wait(&mut [&mut app], interrupt) {
        Some((name, status)) if !status.success() => bail!("{name} ended with {status}"),
        _ => Ok(()),
    }
}

fn demonstration(workspace: &Workspace, programs: &Path, interrupt: &Interrupt) -> Result<()> {
    println!("\nThere is no display here, so this starts an origin and a test broadcast instead of the app.");
    let data = workspace.target.join("demo");
    let origin_program = programs.join("rostrum-origin");
    let mut command = Command::new(&origin_program);
    command.arg("serve").arg("--data").arg(&data).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut origin = step("origin", || {
        let mut origin = Program::start("rostrum-origin", &mut command)?;
        wait_until_ready(&mut origin)?;
        Ok(origin)
    })?;
    let room = room(&origin_program, &data)?;
    let field =
        |name: &str| room[name].as_str().with_context(|| format!("the origin told no {name} of the room"));
    let mut command = Command::new(programs.join("rostrum-cast"));
    command.args(["--video", "test", "--audio", "tone", "--to"]);
    command.arg(format!("{}/{}", field("rtmp")?, field("stream_key")?)).stdin(Stdio::null());
    let mut cast = Program::start("rostrum-cast", &mut command)?;
    println!("\nLive. Watch it at {}\nCtrl-C ends the broadcast and the origin.", field("watch")?);
    let first = wait(&mut [&mut origin, &mut cast], interrupt);
    cast.end();
    origin.end();
    match first {
        Some((name, status)) => bail!("{name} ended with {status}"),
        None => Ok(()),
    }
}

/// Passes on what the origin prints until it says that it is ready; the addresses are among it.
fn wait_until_ready(origin: &mut Program) -> Result<()> {
    let stdout = origin.stdout().context("the origin's output is not piped")?;
    for line in BufReader::new(stdout).lines() {
        let line = line.context("cannot read what the origin prints")?;
        println!("{line}");
        if line == "ready" {
            return Ok(());
        }
    }
    bail!("the origin ended before it was ready; what it printed above says why")
}

/// The room of the test broadcast with a stream key that is known here: a new room, or a new key of the old one.
fn room(origin: &Path, data: &Path) -> Result<Value> {
    let rooms = told(Command::new(origin).args(["room", "list", "--json", "--data"]).arg(data))?;
    let rooms = rooms.get("rooms").unwrap_or(&rooms);
    let known = rooms.as_array().is_some_and(|rooms| rooms.iter().any(|room| room["room"] == ROOM));
    let action = if known { "key" } else { "create" };
    told(Command::new(origin).args(["room", action, ROOM, "--json", "--data"]).arg(data))
}

fn told(command: &mut Command) -> Result<Value> {
    let line = command_line(command);
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start `{line}`"))?;
    if !output.status.success() {
        bail!("`{line}` ended with {}", output.status);
    }
    serde_json::from_slice(&output.stdout).with_context(|| format!("`{line}` printed no JSON"))
}

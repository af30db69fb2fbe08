//! `cargo xtask build`, and the builds of the three programs that the other tasks need.

use std::path::PathBuf;

use anyhow::Result;

use crate::program::PROGRAMS;
use crate::setup;
use crate::step::{execute, step};
use crate::workspace::{Workspace, cargo};

/// What `cargo xtask build --help` prints.
pub const HELP: &str = "\
cargo xtask build

  1. set-up: the system packages, and the npm packages of ui/ (each only if missing)
  2. the pages of ui/, if they changed
  3. release builds of rostrum, rostrum-origin and rostrum-cast, into target/release

A first release build takes about a quarter of an hour on two cores.";

/// How a build is optimised.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Quick to build.
    Debug,
    /// Quick to run; what is meant for other people.
    Release,
}

impl Profile {
    /// The folder below `target/` that cargo builds into.
    pub fn folder(self) -> &'static str {
        match self {
            Profile::Debug => "debug",
            Profile::Release => "release",
        }
    }
}

/// Sets up and builds the three programs for release.
///
/// # Errors
/// When set-up or a build fails.
pub fn release() -> Result<()> {
    let workspace = Workspace::read()?;
    setup::to_build()?;
    let folder = programs(&workspace, Profile::Release)?;
    println!();
    for program in PROGRAMS {
        println!("{}", folder.join(program).display());
    }
    Ok(())
}

/// Builds the three programs; returns the folder that they are in.
///
/// # Errors
/// When the build fails.
pub fn programs(workspace: &Workspace, profile: Profile) -> Result<PathBuf> {
    step(&format!("{} build of the programs", profile.folder()), || {
        let mut command = cargo();
        command.arg("build");
        // All three in one command, so that they share one build of every dependency.
        command.args(["--package", "rostrum", "--package", "origin", "--package", "broadcast"]);
        if profile == Profile::Release {
            command.arg("--release");
        }
        execute(&mut command)
    })?;
    Ok(workspace.target.join(profile.folder()))
}

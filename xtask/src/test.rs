//! `cargo xtask test`: all that must hold before anybody may say that it works.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Result, ensure};

use crate::build::Profile;
use crate::program::PROGRAMS;
use crate::second_try::run_tests;
use crate::setup::{self, Tools};
use crate::step::{execute, step};
use crate::workspace::{END_TO_END, Workspace, cargo, root};
use crate::{camera, pages};

/// What `cargo xtask test --help` prints.
pub const HELP: &str = "\
cargo xtask test [--long]

Stops at the first step that fails, says its name and exits 1. The steps:

   1. set-up: the packages to build and to test with, the npm packages of ui/, tauri-driver,
                     schemathesis (each only if missing)
   2. rustfmt        every Rust file is formatted
   3. ui             the types of the API, biome, svelte-check, vitest, and the build of the pages
   4. clippy         the whole workspace without a warning
   5. build          the programs and all tests
   6. tests          of every crate
   7. doc tests      the examples in the documentation
   8. camera-test    cameras and a sound card on real devices, see `cargo xtask camera-test --help`
   9. end-to-end     the programs with real browsers, players and publishers, and the desktop app in a window
  10. long           only with --long: what takes minutes, such as SRT through a bad network on more seeds

The real recordings that the end-to-end tests publish are looked for in ROSTRUM_MEDIA, else in ../shared/media.
With CI=true they must be there; else the tests that need them say that they were skipped.

At most five tests of a step that fail are run once more, one after another, and camera-test as a whole, since they play
media in real time and a machine may be held up; the step fails when one of them fails again, and says who needed the
second try.";

/// How much is tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// What runs before every commit.
    Usual,
    /// The long matrices too, except the soak, which has a task of its own.
    Long,
}

/// Sets up, then runs every check and test.
///
/// # Errors
/// The first step that failed.
pub fn test(length: Length) -> Result<()> {
    let begun = Instant::now();
    let workspace = Workspace::read()?;
    let media = media()?;
    let tools = setup::to_test(&workspace)?;
    step("rustfmt", || execute(cargo().args(["fmt", "--all", "--check"])))?;
    step("ui: the API's types", || pages::describe_api(&workspace))?;
    step("ui: biome", || pages::script("lint"))?;
    step("ui: svelte-check", || pages::script("check"))?;
    step("ui: vitest", || pages::script("test"))?;
    step("ui: build", pages::build)?;
    rust(&workspace, &media, &tools)?;
    if length == Length::Long {
        step("long", || {
            let mut command = end_to_end(&workspace, &media, &tools);
            for test in &workspace.integration_tests {
                command.args(["--test", test]);
            }
            execute(command.args(["--", "--ignored", "--skip", "soak::"]))
        })?;
    }
    println!("\nAll steps passed in {:.0} s.", begun.elapsed().as_secs_f64());
    Ok(())
}

/// The steps by cargo. All select the whole workspace and filter its targets: cargo unites the features of what it
/// selects, so another selection would compile the dependencies once more with other features.
fn rust(workspace: &Workspace, media: &Path, tools: &Tools) -> Result<()> {
    step("clippy", || {
        execute(cargo().args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
    })?;
    step("the origin without FFmpeg", || {
        execute(cargo().args(["check", "-p", "origin", "--no-default-features"]))
    })?;
    step("the broadcaster without PipeWire", || {
        execute(cargo().args(["check", "-p", "broadcast", "--no-default-features"]))
    })?;
    step("build", || execute(cargo().args(["build", "--workspace", "--all-targets"])))?;
    step("tests", || {
        run_tests(|| {
            let mut command = cargo();
            command.args(["test", "--workspace", "--lib", "--bins"]);
            for test in &workspace.integration_tests {
                command.args(["--test", test]);
            }
            command
        })
    })?;
    step("doc tests", || execute(cargo().args(["test", "--workspace", "--doc"])))?;
    camera::run(workspace)?;
    step(END_TO_END, || run_tests(|| end_to_end(workspace, media, tools)))
}

/// The end-to-end tests, with the programs that were built.
fn end_to_end(workspace: &Workspace, media: &Path, tools: &Tools) -> Command {
    let mut command = cargo();
    command.args(["test", "--workspace", "--test", END_TO_END]);
    for program in PROGRAMS {
        let variable = match program {
            "rostrum" => "ROSTRUM_BIN".to_owned(),
            other => format!("{}_BIN", other.to_uppercase().replace('-', "_")),
        };
        command.env(variable, workspace.target.join(Profile::Debug.folder()).join(program));
    }
    command.env("ROSTRUM_MEDIA", media).env("TAURI_DRIVER", &tools.tauri_driver);
    command.env("SCHEMATHESIS", &tools.schemathesis);
    // These tests wait for real time more than for the processor, so more run at once than there are cores.
    command.env("RUST_TEST_THREADS", "4");
    command.env("ROSTRUM_SCREENSHOTS", workspace.target.join("screenshots"));
    command
}

/// The folder of real recordings.
fn media() -> Result<PathBuf> {
    let folder =
        std::env::var_os("ROSTRUM_MEDIA").map_or_else(|| root().join("../shared/media"), PathBuf::from);
    // The tests start elsewhere, and some of their programs take no path with `..` in it.
    let folder = folder.canonicalize().unwrap_or(folder);
    let needed = std::env::var_os("CI").is_some_and(|value| value == "true");
    ensure!(
        !needed || folder.is_dir(),
        "CI=true needs the real recordings, and {} is no folder: set ROSTRUM_MEDIA",
        folder.display()
    );
    Ok(folder)
}

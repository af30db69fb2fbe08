//! `cargo xtask`: what a person does with this repository, in one command each.
//!
//! Nothing here needs a system library, so that it builds on a machine where nothing was installed yet.

// A task talks to the person in front of the terminal; there is no log.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod apt;
mod bench;
mod build;
mod camera;
mod initramfs;
mod package;
mod pages;
mod program;
mod run;
mod schemathesis;
mod second_try;
mod setup;
mod soak;
mod step;
mod test;
mod toolchain;
mod webdriver;
mod workspace;

use std::process::ExitCode;

const USAGE: &str = "\
Tasks of Rostrum. Each installs what is missing first, and says so.

  cargo xtask run     start the desktop app; without a display, an origin and a test broadcast
  cargo xtask test    every check and test, those in browsers and of the desktop app included
  cargo xtask build   release builds of the three programs, into target/release
  cargo xtask bench   what origin and broadcaster cost, measured beside nginx, FFmpeg and OBS in one run
  cargo xtask soak    half an hour of live playback in a browser: stalls, drift, latency, memory
  cargo xtask package a .deb of the three programs, and with --try its installation on a bare Debian
  cargo xtask camera-test  cameras and sound cards on real devices, in a small machine; `test` does it too
  cargo xtask api     the types of the web's client, made of the API's description; `test` does it too

`cargo xtask TASK --help` says what a task does, step by step.";

/// The exit code of a wrong command line; 1 is a task that failed.
const WRONG_USE: u8 = 2;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (task, rest) = match arguments.split_first() {
        Some((task, rest)) => (task.as_str(), rest),
        None => return wrong_use("no task given"),
    };
    let help = rest.iter().any(|argument| argument == "--help" || argument == "-h");
    let outcome = match (task, rest) {
        ("--help" | "-h" | "help", _) => return say(USAGE),
        ("run", _) if help => return say(run::HELP),
        ("test", _) if help => return say(test::HELP),
        ("build", _) if help => return say(build::HELP),
        ("bench", _) if help => return say(bench::HELP),
        ("soak", _) if help => return say(soak::HELP),
        ("package", _) if help => return say(package::HELP),
        ("camera-test", _) if help => return say(camera::HELP),
        ("run", []) => run::run(build::Profile::Debug),
        ("run", [only]) if only == "--release" => run::run(build::Profile::Release),
        ("test", []) => test::test(test::Length::Usual),
        ("test", [only]) if only == "--long" => test::test(test::Length::Long),
        ("build", []) => build::release(),
        ("api", []) => api(),
        ("camera-test", []) => camera::camera_test(),
        ("bench", chosen) if bench::knows(chosen) => bench::bench(chosen),
        ("package", []) => package::package(false),
        ("package", [only]) if only == "--try" => package::package(true),
        ("soak", []) => soak::soak(soak::MINUTES),
        ("soak", [flag, minutes]) if flag == "--minutes" => match soak::minutes(minutes) {
            Some(minutes) => soak::soak(minutes),
            None => return wrong_use(&format!("--minutes takes 1 to 1440, not {minutes}")),
        },
        ("run" | "test" | "build" | "bench" | "soak" | "package" | "api" | "camera-test", _) => {
            return wrong_use(&format!("{task} does not take {}", rest.join(" ")));
        }
        _ => return wrong_use(&format!("there is no task {task}")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nxtask {task}: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn api() -> anyhow::Result<()> {
    setup::to_build()?;
    pages::describe_api(&workspace::Workspace::read()?)
}

fn say(text: &str) -> ExitCode {
    println!("{text}");
    ExitCode::SUCCESS
}

fn wrong_use(reason: &str) -> ExitCode {
    eprintln!("xtask: {reason}\n\n{USAGE}");
    ExitCode::from(WRONG_USE)
}

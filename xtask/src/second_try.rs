//! Running tests so that one which failed beside others is tried once more by itself.
//!
//! The tests play media in real time, with browsers and encoders beside each other. On a machine that other programs hold up
//! for seconds, one of hundreds fails now and then though nothing is wrong; what fails twice is a defect. Who needed the
//! second try is printed, since one who needs it often wants mending.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::step::command_line;

/// What one run of `cargo test` printed.
#[derive(Debug, Default, PartialEq, Eq)]
struct Printed {
    failed: BTreeSet<String>,
    /// Test programs that began.
    begun: usize,
    /// Test programs that said how they ended: one that crashes does not.
    ended: usize,
}

impl Printed {
    fn line(&mut self, line: &str) {
        if let Some(test) = line.strip_prefix("test ")
            && let Some(name) = test.strip_suffix(" ... FAILED")
        {
            self.failed.insert(name.to_owned());
        } else if line.starts_with("running ") && (line.ends_with(" tests") || line.ends_with(" test")) {
            self.begun += 1;
        } else if line.starts_with("test result: ") {
            self.ended += 1;
        }
    }
}

/// Runs tests by `cargo test` with this terminal's output; those that fail once more, one after another.
///
/// # Errors
/// When it cannot be started, does not compile, a test program crashes or more than [`FAILED_MAX`] tests fail; and when a
/// test fails again.
pub fn run_tests(make: impl Fn() -> Command) -> Result<()> {
    let mut command = make();
    command.arg("--no-fail-fast");
    let line = command_line(&command);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start `{line}`"))?;
    let mut printed = Printed::default();
    let output = child.stdout.take().context("the output is piped")?;
    for text in BufReader::new(output).split(b'\n') {
        let text = text.with_context(|| format!("the output of `{line}`"))?;
        let text = String::from_utf8_lossy(&text);
        println!("{text}");
        printed.line(&text);
    }
    let status = child.wait().with_context(|| format!("waiting for `{line}`"))?;
    if status.success() {
        return Ok(());
    }
    let Printed { failed, begun, ended } = printed;
    if failed.is_empty() || begun != ended || failed.len() > FAILED_MAX {
        bail!("`{line}` ended with {status}");
    }
    let names: Vec<&str> = failed.iter().map(String::as_str).collect();
    println!("\nonce more, by themselves: {}", names.join(", "));
    let mut again = make();
    again.args(["--no-fail-fast", "--", "--exact", "--test-threads=1"]).args(&names);
    let line = command_line(&again);
    let status = again.stdin(Stdio::null()).status().with_context(|| format!("cannot start `{line}`"))?;
    if !status.success() {
        bail!("`{line}` ended with {status}: these tests failed twice");
    }
    println!("\nneeded a second try: {}", names.join(", "));
    Ok(())
}

/// Tests that get a second try: more are no accident.
const FAILED_MAX: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_failed_tests_and_crashed_programs_are_read_from_what_cargo_prints() {
        let mut printed = Printed::default();
        let text = "running 2 tests\ntest one::holds ... ok\ntest two::breaks ... FAILED\n\ntest result: FAILED. 1 passed;\n\
                    running 1 test\n";
        text.lines().for_each(|line| printed.line(line));
        assert_eq!(printed.failed, BTreeSet::from(["two::breaks".to_owned()]));
        assert_eq!((printed.begun, printed.ended), (2, 1), "the second program crashed");
    }
}

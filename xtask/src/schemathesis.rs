//! schemathesis, which asks a running origin whatever the description of its API allows. It is a tool from PyPI, not of
//! Debian, so it has an environment of its own below the target folder.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::step::{execute, output_of};

/// The version the tests were written against.
const VERSION: &str = "4.32.5";

/// Installs schemathesis into `target/tools/schemathesis` unless it is there, and returns the path of its program.
///
/// # Errors
/// When Python or pip cannot install it.
pub fn ensure(target: &Path) -> Result<PathBuf> {
    let folder = target.join("tools/schemathesis");
    let program = folder.join("bin/st");
    let told = output_of(&program.to_string_lossy(), &["--version"]);
    if told.is_some_and(|told| told.trim().ends_with(VERSION)) {
        println!("schemathesis {VERSION}: installed");
        return Ok(program);
    }
    execute(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
    let wanted = format!("schemathesis=={VERSION}");
    execute(Command::new(folder.join("bin/pip")).args([
        "install",
        "--quiet",
        "--disable-pip-version-check",
        &wanted,
    ]))?;
    Ok(program)
}

//! tauri-driver, by which the tests drive the desktop app's window. It is a tool from crates.io, not of Debian.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::step::{execute, output_of};
use crate::workspace::cargo;

/// The version the tests were written against.
const VERSION: &str = "2.1.0";

/// Installs tauri-driver into `target/tools` unless it is there, and returns its path.
///
/// # Errors
/// When cargo cannot install it.
pub fn ensure(target: &Path) -> Result<PathBuf> {
    let tools = target.join("tools");
    let driver = tools.join("bin/tauri-driver");
    // The program does not tell its version, but cargo notes what it installed.
    let listed = output_of("cargo", &["install", "--list", "--root", &tools.to_string_lossy()]);
    if driver.is_file() && listed.is_some_and(|list| list.contains(&format!("tauri-driver v{VERSION}:"))) {
        println!("tauri-driver {VERSION}: installed");
        return Ok(driver);
    }
    execute(
        cargo().args(["install", "--locked", "--version", VERSION, "--root"]).arg(&tools).arg("tauri-driver"),
    )?;
    Ok(driver)
}

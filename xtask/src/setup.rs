//! Set-up: from a machine with Rust and Node to one that can build, run or test. Each part is skipped when it is done.

use std::path::PathBuf;

use anyhow::Result;

use crate::step::step;
use crate::workspace::Workspace;
use crate::{apt, pages, toolchain, webdriver};

/// Everything that building and running the programs needs, the pages of `ui/` included.
///
/// # Errors
/// When something is missing and cannot be installed; the message says what.
pub fn to_build() -> Result<()> {
    step("set-up", || {
        toolchain::check()?;
        apt::ensure(apt::TO_BUILD)?;
        pages::install()
    })?;
    step("pages", pages::build)
}

/// Everything that the tests need besides; returns the path of tauri-driver.
///
/// # Errors
/// When something is missing and cannot be installed; the message says what.
pub fn to_test(workspace: &Workspace) -> Result<PathBuf> {
    step("set-up", || {
        toolchain::check()?;
        toolchain::check_components()?;
        // One call for both lists: apt-get's own start is most of the time when little is missing.
        apt::ensure(&[apt::TO_BUILD, apt::TO_TEST].concat())?;
        pages::install()?;
        webdriver::ensure(&workspace.target)
    })
}

//! Set-up: from a machine with Rust and Node to one that can build, run or test. Each part is skipped when it is done.

use std::path::PathBuf;

use anyhow::Result;

use crate::step::step;
use crate::workspace::Workspace;
use crate::{apt, pages, schemathesis, toolchain, webdriver};

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

/// The programs of the tests that no package of the system brings.
#[derive(Debug)]
pub struct Tools {
    /// By which the tests drive the desktop app.
    pub tauri_driver: PathBuf,
    /// What asks the API.
    pub schemathesis: PathBuf,
}

/// Everything that the tests need besides; returns where the tools are.
///
/// # Errors
/// When something is missing and cannot be installed; the message says what.
pub fn to_test(workspace: &Workspace) -> Result<Tools> {
    step("set-up", || {
        toolchain::check()?;
        toolchain::check_components()?;
        // One call for both lists: apt-get's own start is most of the time when little is missing.
        apt::ensure(&[apt::TO_BUILD, apt::TO_TEST].concat())?;
        pages::install()?;
        let tauri_driver = webdriver::ensure(&workspace.target)?;
        Ok(Tools { tauri_driver, schemathesis: schemathesis::ensure(&workspace.target)? })
    })
}

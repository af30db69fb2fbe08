//! Where things are: the root of the repository, the target folder, the tests that exist.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// The root of the repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is a folder of the workspace")
}

/// `cargo`, the one that runs this task, in the root of the repository.
///
/// What it told this task about its own package stays here: build scripts such as ring's watch these variables, and
/// would compile anew whenever `cargo build` and a task take turns.
pub fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    let told = |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
    for name in std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()) {
        if told(&name) {
            command.env_remove(name);
        }
    }
    command
}

/// What `cargo metadata` says about the workspace.
pub struct Workspace {
    /// Cargo's target folder, which `CARGO_TARGET_DIR` may have moved.
    pub target: PathBuf,
    /// The names of all integration tests but the end-to-end ones and those of cameras and sound cards.
    pub integration_tests: Vec<String>,
}

/// The name of the integration test that drives whole programs.
pub const END_TO_END: &str = "end-to-end";

/// The name of the integration tests that need a camera, which only the machine of `cargo xtask camera-test` has.
pub const CAMERA: &str = "camera";

/// The name of the integration test that needs a sound card without a sound server, which that machine has too.
pub const SOUND_CARD: &str = "sound_card";

impl Workspace {
    /// Reads the workspace.
    ///
    /// # Errors
    /// When cargo cannot read a manifest.
    pub fn read() -> Result<Workspace> {
        let output = cargo()
            .args(["metadata", "--format-version=1", "--no-deps"])
            .output()
            .context("cannot start cargo")?;
        if !output.status.success() {
            bail!("cargo metadata failed:\n{}", String::from_utf8_lossy(&output.stderr));
        }
        let metadata: Value = serde_json::from_slice(&output.stdout).context("cargo metadata is not JSON")?;
        let target =
            metadata["target_directory"].as_str().context("cargo metadata names no target folder")?;
        let targets = metadata["packages"]
            .as_array()
            .context("cargo metadata lists no packages")?
            .iter()
            .filter_map(|package| package["targets"].as_array())
            .flatten();
        let mut integration_tests: Vec<String> = targets
            .filter(|target| target["kind"][0] == "test")
            .filter_map(|target| target["name"].as_str())
            .filter(|name| ![END_TO_END, CAMERA, SOUND_CARD].contains(name))
            .map(str::to_owned)
            .collect();
        integration_tests.sort();
        integration_tests.dedup();
        Ok(Workspace { target: target.into(), integration_tests })
    }
}

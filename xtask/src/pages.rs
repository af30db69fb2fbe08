//! The pages of `ui/`: their packages, their build, their checks. Each is skipped when nothing it reads has changed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use anyhow::{Context, Result, ensure};

use crate::step::execute;
use crate::workspace::{Workspace, cargo, root};

/// What the build of the pages leaves; the programs embed both.
const BUILT: [&str; 2] = ["dist/studio/index.html", "dist/web/index.html"];
/// Folders of `ui/` that are made, not written.
const MADE: [&str; 2] = ["node_modules", "dist"];

/// Installs the packages of `ui/`, exactly those of its lock file, unless they are what is installed.
///
/// # Errors
/// When npm fails.
pub fn install() -> Result<()> {
    let lock = fs::read(ui().join("package-lock.json")).context("ui/package-lock.json is missing")?;
    // npm ci empties node_modules first, so a stamp inside it cannot outlive the packages.
    let stamp = ui().join("node_modules/.installed-from");
    if fs::read(&stamp).is_ok_and(|installed| installed == lock) {
        println!("packages of ui/: installed");
        return Ok(());
    }
    execute(npm().args(["ci", "--no-audit", "--no-fund"]))?;
    fs::write(stamp, lock).context("cannot note what npm installed")
}

/// Builds both entries of `ui/` unless they are newer than all that they are made of.
///
/// # Errors
/// When the build fails, or does not leave both pages.
pub fn build() -> Result<()> {
    let stamp = ui().join("dist/.built");
    let built = fs::metadata(&stamp).and_then(|stamp| stamp.modified());
    let complete = BUILT.iter().all(|page| ui().join(page).is_file());
    if let (true, Ok(built)) = (complete, built)
        && newest(&ui())? <= built
    {
        println!("pages of ui/: built");
        return Ok(());
    }
    script("build")?;
    for page in BUILT {
        ensure!(ui().join(page).is_file(), "`npm run build` left no ui/{page}");
    }
    fs::write(stamp, "").context("cannot note that the pages are built")
}

/// Makes the types of the web's client of the API's description, unless they are made of the present one. Only checks
/// need them: they are no part of the pages.
///
/// # Errors
/// When the description cannot be built, or its types not be made.
pub fn describe_api(workspace: &Workspace) -> Result<()> {
    // The whole workspace, so that its dependencies are built with the features that everything else has.
    execute(cargo().args(["build", "--workspace", "--example", "openapi"]))?;
    let program = workspace.target.join("debug/examples/openapi");
    let output = Command::new(&program).output();
    let description = output.with_context(|| format!("cannot start {}", program.display()))?.stdout;
    let path = workspace.target.join("openapi.json");
    let types = ui().join("lib/api/schema.ts");
    if types.is_file() && fs::read(&path).is_ok_and(|known| known == description) {
        println!("types of the API: made");
        return Ok(());
    }
    let _ = fs::remove_file(&types);
    fs::write(&path, description).with_context(|| format!("cannot write {}", path.display()))?;
    execute(npm().args(["run", "--silent", "api", "--"]).arg(&path))
}

/// Runs a script of `ui/package.json`.
///
/// # Errors
/// When it fails.
pub fn script(name: &str) -> Result<()> {
    execute(npm().args(["run", "--silent", name]))
}

fn ui() -> PathBuf {
    root().join("ui")
}

fn npm() -> Command {
    let mut command = Command::new("npm");
    command.current_dir(ui());
    command
}

/// When anything written below `folder` last changed; folders count, since removing a file changes only those.
fn newest(folder: &Path) -> Result<SystemTime> {
    let mut newest = SystemTime::UNIX_EPOCH;
    let entries = fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    for entry in entries {
        let entry = entry?;
        if MADE.iter().any(|made| entry.file_name() == *made) {
            continue;
        }
        let metadata = entry.metadata()?;
        newest = newest.max(metadata.modified()?);
        if metadata.is_dir() {
            newest = newest.max(self::newest(&entry.path())?);
        }
    }
    Ok(newest)
}

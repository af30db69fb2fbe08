//! `cargo xtask package`: the Debian package of the three programs, and its trial on a system that has nothing else.

mod needed;
mod trial;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::{Map, Value, json};

use crate::build::{Profile, programs};
use crate::program::PROGRAMS;
use crate::setup;
use crate::step::{execute, output_of, step};
use crate::workspace::{Workspace, root};

/// What `cargo xtask package --help` prints.
pub const HELP: &str = "\
cargo xtask package [--try]

  1. set-up: the system packages, and the npm packages of ui/ (each only if missing)
  2. the pages of ui/, and release builds of the three programs
  3. a .deb of the three programs with desktop file, icons, AppStream metadata, manual pages and the systemd unit of
     rostrum-origin, into target/release/bundle/deb
  4. whether every library that the programs load is in a package that the .deb depends on

  --try  then installs it on a Debian 12 that debootstrap makes in target/package, and runs the desktop test with the
         program that is installed there: it starts, goes live, and a browser watches. Needs root.";

/// What the package holds besides the app itself and its icons, by where it is installed: files of the repository.
const FILES: [(&str, &str); 4] = [
    ("/lib/systemd/system/rostrum-origin.service", "crates/origin/linux/rostrum-origin.service"),
    (
        "/usr/share/metainfo/org.rostrum.desktop.metainfo.xml",
        "src-tauri/linux/org.rostrum.desktop.metainfo.xml",
    ),
    ("/usr/share/doc/rostrum/rostrum.example.toml", "rostrum.example.toml"),
    ("/usr/share/doc/rostrum/copyright", "LICENSE"),
];

/// The version of Tauri's tool; the library's, whose settings it reads.
const TAURI: &str = "2.12.5";

/// Makes the package; with `trial` installs and uses it as well.
///
/// # Errors
/// When a step fails, or the package lacks something.
pub fn package(trial: bool) -> Result<()> {
    let workspace = Workspace::read()?;
    if trial {
        setup::to_test(&workspace)?;
        crate::apt::ensure(trial::NEEDS)?;
    } else {
        setup::to_build()?;
    }
    let built = programs(&workspace, Profile::Release)?;
    let manual = step("manual pages", || manual_pages(&workspace.target, &built))?;
    let package = step("package", || bundle(&workspace, &built, &manual))?;
    step("libraries", || needed::check(&built, &package))?;
    if trial {
        trial::install_and_use(&workspace, &package)?;
    }
    println!("\n{}", package.display());
    Ok(())
}

/// Lets the command-line programs write their pages, and packs them as Debian wants them.
fn manual_pages(target: &Path, built: &Path) -> Result<Vec<PathBuf>> {
    let folder = target.join("package/man");
    if folder.exists() {
        fs::remove_dir_all(&folder).context("cannot empty the folder of manual pages")?;
    }
    fs::create_dir_all(&folder).context("cannot make the folder of manual pages")?;
    for program in PROGRAMS.iter().filter(|program| **program != "rostrum") {
        execute(Command::new(built.join(program)).arg("man").arg(&folder))?;
    }
    let mut pages = files_of(&folder)?;
    execute(Command::new("gzip").args(["--best", "--no-name"]).args(&pages))?;
    pages = files_of(&folder)?;
    ensure!(!pages.is_empty(), "the programs wrote no manual pages into {}", folder.display());
    Ok(pages)
}

/// Tauri's tool, installed below the target folder unless it is there. It is no package of ui/: the pages need none of its
/// programs for a dozen systems.
fn tauri(workspace: &Workspace) -> Result<PathBuf> {
    let folder = workspace.target.join("tools/tauri").join(TAURI);
    let tool = folder.join("node_modules/.bin/tauri");
    if !tool.exists() {
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-save", "--no-audit", "--no-fund", "--prefix"]).arg(&folder);
        execute(npm.arg(format!("@tauri-apps/cli@{TAURI}")))?;
    }
    Ok(tool)
}

fn files_of(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let paths: std::io::Result<Vec<PathBuf>> = entries.map(|entry| Ok(entry?.path())).collect();
    paths.with_context(|| format!("cannot list {}", folder.display()))
}

/// Lets Tauri's tool pack what is built; returns the package.
fn bundle(workspace: &Workspace, built: &Path, manual: &[PathBuf]) -> Result<PathBuf> {
    let folder = built.join("bundle/deb");
    if folder.exists() {
        fs::remove_dir_all(&folder).context("cannot remove the last package")?;
    }
    let mut files = Map::new();
    for (place, file) in FILES {
        files.insert(place.to_owned(), json!(root().join(file)));
    }
    for program in PROGRAMS.iter().filter(|program| **program != "rostrum") {
        files.insert(format!("/usr/bin/{program}"), json!(built.join(program)));
    }
    for page in manual {
        let name = page.file_name().context("a page has a name")?.to_string_lossy();
        files.insert(format!("/usr/share/man/man1/{name}"), json!(page));
    }
    let settings = json!({ "bundle": { "linux": { "deb": { "files": Value::Object(files) } } } });
    let mut tauri = Command::new(tauri(workspace)?);
    tauri.current_dir(root()).env("CARGO_TARGET_DIR", &workspace.target);
    tauri.args(["bundle", "--bundles", "deb", "--config", &settings.to_string()]);
    execute(&mut tauri)?;
    let package = fs::read_dir(&folder)
        .with_context(|| format!("there is no {}", folder.display()))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "deb"))
        .with_context(|| format!("there is no package in {}", folder.display()))?;
    holds_everything(&package, files_wanted(manual))?;
    Ok(package)
}

/// Where everything of the package is installed, the app's own files as well.
fn files_wanted(manual: &[PathBuf]) -> Vec<String> {
    let programs = PROGRAMS.iter().map(|program| format!("/usr/bin/{program}"));
    let own =
        ["/usr/share/applications/Rostrum.desktop", "/usr/share/icons/hicolor/128x128/apps/rostrum.png"];
    let manual = manual
        .iter()
        .filter_map(|page| Some(format!("/usr/share/man/man1/{}", page.file_name()?.to_string_lossy())));
    let others = FILES.iter().map(|(place, _)| *place).chain(own).map(str::to_owned);
    programs.chain(others).chain(manual).collect()
}

fn holds_everything(package: &Path, wanted: Vec<String>) -> Result<()> {
    let listed = output_of("dpkg-deb", &["--contents", &package.to_string_lossy()])
        .with_context(|| format!("dpkg-deb cannot read {}", package.display()))?;
    let held: Vec<&str> = listed.lines().filter_map(|line| line.split_whitespace().nth(5)).collect();
    for place in wanted {
        let there = held.iter().any(|held| held.trim_start_matches(['.', '/']) == &place[1..]);
        ensure!(there, "{} holds no {place}", package.display());
    }
    println!("{}: {} files and folders", package.display(), held.len());
    Ok(())
}

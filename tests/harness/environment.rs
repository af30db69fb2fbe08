//! Where the programs, the recordings and the screenshots are.

use std::path::{Path, PathBuf};

/// The root of the repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is a folder of the repository")
}

/// A program of the workspace: the path in `variable`, else beside this test in the target folder.
///
/// # Panics
/// When it is not there, with the command that builds it.
pub fn program(variable: &str, name: &str) -> PathBuf {
    let path = std::env::var_os(variable).map_or_else(|| debug_folder().join(name), PathBuf::from);
    assert!(path.is_file(), "{} is missing: `cargo build --workspace`, or set {variable}", path.display());
    path
}

/// tauri-driver, which `cargo xtask test` installs.
///
/// # Panics
/// When it is not there.
pub fn tauri_driver() -> PathBuf {
    let installed = || debug_folder().parent().expect("target/").join("tools/bin/tauri-driver");
    let path = std::env::var_os("TAURI_DRIVER").map_or_else(installed, PathBuf::from);
    assert!(path.is_file(), "{} is missing: `cargo xtask test` installs it", path.display());
    path
}

/// schemathesis, which `cargo xtask test` installs.
///
/// # Panics
/// When it is not there.
pub fn schemathesis() -> PathBuf {
    let installed = || debug_folder().parent().expect("target/").join("tools/schemathesis/bin/st");
    let path = std::env::var_os("SCHEMATHESIS").map_or_else(installed, PathBuf::from);
    assert!(path.is_file(), "{} is missing: `cargo xtask test` installs it", path.display());
    path
}

/// A real recording; `None`, said aloud, where there are none. With `CI=true` a missing recording fails the test.
pub fn clip(name: &str) -> Option<PathBuf> {
    let folder =
        std::env::var_os("ROSTRUM_MEDIA").map_or_else(|| root().join("../shared/media"), PathBuf::from);
    let path = folder.join(name);
    if path.is_file() {
        // A browser takes no file whose path has `..` in it.
        return Some(path.canonicalize().expect("the path of a file that is there"));
    }
    let required = std::env::var_os("CI").is_some_and(|value| value == "true");
    assert!(!required, "CI=true needs {}", path.display());
    println!("SKIPPED: {} is missing; set ROSTRUM_MEDIA", path.display());
    None
}

/// Keeps a screenshot of this run, a PNG file.
pub fn keep_screenshot(name: &str, png: &[u8]) {
    let beside = || debug_folder().parent().expect("target/").join("screenshots");
    let folder = std::env::var_os("ROSTRUM_SCREENSHOTS").map_or_else(beside, PathBuf::from);
    std::fs::create_dir_all(&folder).expect("the target folder can be written");
    std::fs::write(folder.join(name), png).expect("the target folder can be written");
}

/// The folder that cargo builds the programs into: this test is in `deps` below it.
fn debug_folder() -> PathBuf {
    let test = std::env::current_exe().expect("the system knows this program's path");
    test.ancestors().nth(2).expect("the test is in target/debug/deps").to_owned()
}

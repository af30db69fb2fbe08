//! The shape of the workspace: who may depend on whom, what the cores may not touch, and how long a file may be.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::harness::environment::root;

/// Which packages of the workspace each may depend on. Their tests may use `testkit` besides.
const MAY_DEPEND_ON: &[(&str, &[&str])] = &[
    ("media", &[]),
    ("container", &["media"]),
    ("hls", &["container", "media"]),
    ("rooms", &[]),
    ("capture", &["media"]),
    ("encode", &["media"]),
    ("srt", &[]),
    ("publish", &["media", "container", "srt"]),
    ("broadcast", &["capture", "encode", "publish", "container", "media"]),
    ("origin", &["hls", "rooms", "container", "srt", "media", "encode"]),
    ("rostrum", &["broadcast", "origin"]),
    ("testkit", &["media", "container"]),
    ("xtask", &[]),
    ("end-to-end", &["broadcast", "origin", "testkit"]),
];

/// Libraries that only the packages named may use.
const RESERVED: &[(&str, &[&str])] = &[
    ("ffmpeg-next", &["capture", "encode"]),
    ("tauri", &["rostrum"]),
    ("rusqlite", &["origin"]),
    ("cpal", &["capture"]),
    ("nokhwa", &["capture"]),
    ("v4l", &["capture"]),
    // The tests look at the app's window as a window manager does.
    ("x11rb", &["capture", "end-to-end"]),
    ("mp4-atom", &["container"]),
    // The load generator is a publisher too.
    ("rml_rtmp", &["publish", "testkit"]),
    ("srt-tokio", &["srt"]),
];

/// The packages without a clock, socket, file, thread or randomness.
const CORES: [&str; 4] = ["media", "container", "hls", "rooms"];
/// Files of drivers that think like a core.
const CORE_FILES: [&str; 5] = [
    "crates/publish/src/send_queue.rs",
    "crates/publish/src/reconnect.rs",
    "crates/publish/src/adaptive.rs",
    "crates/broadcast/src/ladder.rs",
    "crates/capture/src/av_sync.rs",
];
/// Libraries that bring what a core must not have.
const NOT_IN_A_CORE: [&str; 7] = ["tokio", "mio", "socket2", "rand", "getrandom", "chrono", "time"];
/// Words of a source that do the same. Types of time are welcome, since time is an input; reading it is not.
const NOT_IN_A_SOURCE: [&str; 9] = [
    "std::net",
    "std::fs",
    "std::thread",
    "std::process",
    "std::env::",
    "tokio::",
    "Instant::now",
    "SystemTime::now",
    "rand::",
];

/// Lines of a source file, its tests not counted.
const FILE_LINES_MAX: usize = 500;

#[test]
fn packages_depend_only_on_those_below_them() {
    let packages = Packages::read();
    let ours: BTreeSet<&str> = packages.members.keys().map(String::as_str).collect();
    let mut wrong = Vec::new();
    for (name, dependencies) in &packages.members {
        let allowed = MAY_DEPEND_ON.iter().find(|(package, _)| package == name);
        let Some((_, allowed)) = allowed else {
            wrong.push(format!("{name} is new: say in ARCHITECTURE.md and here what it may depend on"));
            continue;
        };
        for (dependency, kind) in dependencies {
            let in_tests = kind == "dev" && dependency == "testkit" && name != "media";
            if ours.contains(dependency.as_str()) && !allowed.contains(&dependency.as_str()) && !in_tests {
                wrong.push(format!("{name} may not depend on {dependency} ({kind})"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_library_is_used_only_where_it_belongs() {
    let packages = Packages::read();
    let mut wrong = Vec::new();
    for (library, users) in RESERVED {
        for (name, dependencies) in &packages.members {
            if !users.contains(&name.as_str()) && dependencies.iter().any(|(it, _)| it == library) {
                wrong.push(format!("{name} may not use {library}: it belongs to {}", users.join(" and ")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn cores_bring_no_runtime_socket_clock_or_randomness() {
    let packages = Packages::read();
    let mut wrong = Vec::new();
    for core in CORES {
        for (library, path) in packages.closure(core) {
            if NOT_IN_A_CORE.contains(&library.as_str()) {
                wrong.push(format!("{core} brings {library}: {}", path.join(" → ")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn cores_read_no_clock_socket_or_file() {
    let folders = CORES.iter().flat_map(|core| sources(&root().join("crates").join(core).join("src")));
    let files = CORE_FILES.iter().map(|file| root().join(file)).filter(|file| file.is_file());
    let mut wrong = Vec::new();
    for file in folders.chain(files) {
        let code = code_without_tests(&std::fs::read_to_string(&file).expect("a source is text"));
        for word in NOT_IN_A_SOURCE {
            if uses(&code, word) {
                wrong.push(format!("{} uses {word}", shown(&file)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn clippy_forbids_clocks_in_every_core() {
    let mut wrong = Vec::new();
    for core in CORES {
        let file = root().join("crates").join(core).join("clippy.toml");
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        for clock in ["std::time::Instant::now", "std::time::SystemTime::now"] {
            if !text.contains(clock) {
                wrong.push(format!("{} does not forbid {clock}", shown(&file)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_source_file_is_longer_than_500_lines() {
    let folders =
        ["src-tauri", "xtask/src", "ui/lib", "ui/studio", "ui/web"].map(|folder| root().join(folder));
    let crates = std::fs::read_dir(root().join("crates")).expect("crates/ is there");
    let crates = crates.map(|entry| entry.expect("crates/ can be listed").path().join("src"));
    let mut wrong = Vec::new();
    for file in folders.into_iter().chain(crates).flat_map(|folder| sources(&folder)) {
        let text = std::fs::read_to_string(&file).expect("a source is text");
        let lines = without_tests(&text).lines().count();
        if lines > FILE_LINES_MAX {
            wrong.push(format!("{}: {lines} lines, split it by what it is about", shown(&file)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What cargo says about the packages of the workspace and of the libraries below them.
struct Packages {
    /// Each package of the workspace with its own dependencies, by name and kind (`normal`, `dev`, `build`).
    members: BTreeMap<String, Vec<(String, String)>>,
    /// The libraries that each package uses when it is not tested, by id.
    normal: BTreeMap<String, Vec<String>>,
    names: BTreeMap<String, String>,
}

impl Packages {
    fn read() -> Packages {
        // Only this system's libraries are there without the network.
        let compiler = Command::new("rustc").arg("-vV").output().expect("rustc starts");
        let compiler = String::from_utf8(compiler.stdout).expect("rustc prints text");
        let host =
            compiler.lines().find_map(|line| line.strip_prefix("host: ")).expect("rustc tells its host");
        let output = Command::new(env!("CARGO"))
            .args(["metadata", "--format-version=1", "--offline", "--filter-platform", host])
            .current_dir(root())
            .output()
            .expect("cargo starts");
        assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
        let told: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON");
        let text = |value: &Value| value.as_str().expect("cargo metadata: a text").to_owned();
        let list = |value: &Value| value.as_array().expect("cargo metadata: a list").clone();
        let workspace: BTreeSet<String> = list(&told["workspace_members"]).iter().map(text).collect();
        let mut packages =
            Packages { members: BTreeMap::new(), normal: BTreeMap::new(), names: BTreeMap::new() };
        for package in list(&told["packages"]) {
            packages.names.insert(text(&package["id"]), text(&package["name"]));
            if workspace.contains(&text(&package["id"])) {
                let kind = |dependency: &Value| dependency["kind"].as_str().unwrap_or("normal").to_owned();
                let dependencies = list(&package["dependencies"]);
                let dependencies = dependencies.iter().map(|it| (text(&it["name"]), kind(it))).collect();
                packages.members.insert(text(&package["name"]), dependencies);
            }
        }
        for node in list(&told["resolve"]["nodes"]) {
            let normal = list(&node["deps"]).into_iter().filter(|dependency| {
                list(&dependency["dep_kinds"])
                    .iter()
                    .any(|kind| kind["kind"].is_null() && kind["target"].is_null())
            });
            let normal = normal.map(|dependency| text(&dependency["pkg"])).collect();
            packages.normal.insert(text(&node["id"]), normal);
        }
        packages
    }

    /// Everything that a package uses, directly or not, each with the way that leads to it.
    fn closure(&self, name: &str) -> BTreeMap<String, Vec<String>> {
        let id =
            self.names.iter().find(|(id, it)| *it == name && id.contains("path+file")).expect("a member").0;
        let mut found = BTreeMap::new();
        let mut open = vec![(id.clone(), vec![name.to_owned()])];
        while let Some((id, path)) = open.pop() {
            for dependency in self.normal.get(&id).into_iter().flatten() {
                let name = self.names[dependency].clone();
                let Entry::Vacant(place) = found.entry(name.clone()) else { continue };
                let path: Vec<String> = path.iter().cloned().chain([name]).collect();
                place.insert(path.clone());
                open.push((dependency.clone(), path));
            }
        }
        found
    }
}

/// The source files of a folder and of those below it; tests in files of their own are left out.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.expect("a folder can be listed").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("").to_owned();
        let is_test = name == "tests" || name == "tests.rs" || name.ends_with(".test.ts");
        // `schema.ts` is made of the API's description, `bindings.ts` of the app's commands.
        let is_made = name == "schema.ts" || name == "bindings.ts";
        if is_test || name == "node_modules" || is_made {
            continue;
        }
        if path.is_dir() {
            files.extend(sources(&path));
        } else if [".rs", ".ts", ".svelte", ".css"].iter().any(|end| name.ends_with(end)) {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// A source up to its `mod tests`, which stands last.
fn without_tests(text: &str) -> &str {
    let tests = text
        .match_indices("#[cfg(test)]")
        .find(|(at, attribute)| text[at + attribute.len()..].trim_start().starts_with("mod "));
    tests.map_or(text, |(at, _)| &text[..at])
}

/// The code of a source without its tests, comments and white space.
fn code_without_tests(text: &str) -> String {
    let code = without_tests(text).lines().map(|line| line.split("//").next().unwrap_or(""));
    code.flat_map(str::chars).filter(|character| !character.is_whitespace()).collect()
}

/// Whether code without white space names `path`, also as part of `std::{fs, net}`.
fn uses(code: &str, path: &str) -> bool {
    let whole = |at: usize| {
        let before = code[..at].chars().next_back();
        !before.is_some_and(|before| before.is_alphanumeric() || before == '_')
    };
    if code.match_indices(path).any(|(at, _)| whole(at)) {
        return true;
    }
    let Some(module) = path.strip_prefix("std::") else { return false };
    code.match_indices("std::{").any(|(at, start)| {
        let group = &code[at + start.len()..];
        let names = group[..group.find(';').unwrap_or(group.len())].split([',', '{', '}']);
        names.into_iter().any(|name| name == module || name.starts_with(&format!("{module}::")))
    })
}

fn shown(file: &Path) -> String {
    file.strip_prefix(root()).unwrap_or(file).display().to_string()
}

#[test]
fn the_scan_sees_a_forbidden_word_however_it_is_imported() {
    let code = |text: &str| code_without_tests(text);
    assert!(uses(&code("use std::{fs, io};"), "std::fs"));
    assert!(uses(&code("let f = std::fs::read(p);"), "std::fs"));
    assert!(uses(&code("let now = Instant::now();"), "Instant::now"));
    assert!(!uses(&code("// std::fs is not for us"), "std::fs"));
    assert!(!uses(&code("fn x() {}\n#[cfg(test)]\nmod tests { use std::fs; }"), "std::fs"));
    assert!(!uses(&code("let operand::x = 1;"), "rand::"));
}

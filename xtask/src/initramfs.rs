//! The first file system of the camera tests' machine: busybox, the modules of the kernel, and a script.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// What the machine does: it loads the modules, mounts this system's root read-only, and runs the script that
/// `rostrum.script` names on the kernel's command line.
pub const SCRIPT: &str = r#"#!/bin/busybox sh
busybox=/bin/busybox
$busybox mount -t proc proc /proc
$busybox mount -t sysfs sysfs /sys
$busybox mount -t devtmpfs dev /dev
for module in /modules/*.ko; do
    options=
    case $module in *-vivid.ko) options="n_devs=2 node_types=0x1,0x101 num_inputs=1,1 input_types=0,0" ;; esac
    $busybox insmod "$module" $options || echo "insmod $module failed"
done
$busybox ifconfig lo 127.0.0.1 up
$busybox mount -t 9p -o trans=virtio,version=9p2000.L,ro,msize=524288,cache=loose host /host
for folder in proc sys dev; do $busybox mount --bind /$folder /host/$folder; done
$busybox mount -t tmpfs run /host/run
script=$($busybox sed -n 's/.*rostrum.script=\([^ ]*\).*/\1/p' /proc/cmdline)
if $busybox chroot /host /usr/bin/env -i PATH=/usr/bin:/bin HOME=/run TMPDIR=/run /bin/sh "$script"; then
    echo "camera-test: passed"
else
    echo "camera-test: FAILED"
fi
$busybox poweroff -f
"#;

/// The script's last line when all is well.
pub const PASSED: &str = "camera-test: passed";

/// The script's last line when a command failed.
pub const FAILED: &str = "camera-test: FAILED";

/// What is loaded; what these need comes before them.
const MODULES: [&str; 5] = ["virtio_pci", "9pnet_virtio", "9p", "vivid", "snd_aloop"];

/// Builds the archive of the unpacked packages of a kernel and of busybox-static.
///
/// # Errors
/// When a file is missing.
pub fn build(unpacked: &Path) -> Result<Vec<u8>> {
    let mut archive = Archive::default();
    for folder in ["bin", "modules", "host", "proc", "sys", "dev"] {
        archive.add(folder, FOLDER, &[]);
    }
    archive.add("init", PROGRAM, SCRIPT.as_bytes());
    archive.add("bin/busybox", PROGRAM, &read(&unpacked.join("bin/busybox"))?);
    let mut there = BTreeMap::new();
    modules_below(&unpacked.join("lib/modules"), &mut there)?;
    let mut loaded = Vec::new();
    for module in MODULES {
        load(module, &there, &mut loaded)?;
    }
    for (position, (name, content)) in loaded.iter().enumerate() {
        archive.add(&format!("modules/{position:02}-{name}.ko"), FILE, content);
    }
    Ok(archive.finish())
}

/// Adds a module after those it needs. One that is no file is part of the kernel itself.
fn load(name: &str, there: &BTreeMap<String, PathBuf>, loaded: &mut Vec<(String, Vec<u8>)>) -> Result<()> {
    let Some(path) = there.get(name).filter(|_| loaded.iter().all(|(other, _)| other != name)) else {
        return Ok(());
    };
    let content = read(path)?;
    for needed in needs(&content) {
        load(&needed, there, loaded)?;
    }
    loaded.push((name.to_owned(), content));
    Ok(())
}

/// What a module says it needs, in the strings of its section `.modinfo`.
fn needs(module: &[u8]) -> Vec<String> {
    let said = module.split(|&byte| byte == 0).find_map(|text| text.strip_prefix(b"depends="));
    let said = String::from_utf8_lossy(said.unwrap_or_default()).into_owned();
    said.split(',').filter(|name| !name.is_empty()).map(plain).collect()
}

/// Files are named with either sign, modules with the lower one.
fn plain(name: &str) -> String {
    name.replace('-', "_")
}

fn modules_below(folder: &Path, there: &mut BTreeMap<String, PathBuf>) -> Result<()> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    for entry in entries.flatten() {
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            modules_below(&path, there)?;
        } else if path.extension().is_some_and(|extension| extension == "ko") {
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            there.insert(plain(&name), path.clone());
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

/// An archive in cpio's "newc" format, as the kernel reads it (its Documentation/driver-api/early-userspace).
#[derive(Default)]
struct Archive {
    bytes: Vec<u8>,
    files: usize,
}

impl Archive {
    fn add(&mut self, name: &str, mode: usize, content: &[u8]) {
        self.files += 1;
        let length = name.len() + 1;
        // Number, mode, owner, group, links, time, size, four device numbers, length of the name, check sum.
        let fields = [self.files, mode, 0, 0, 1, 0, content.len(), 0, 0, 0, 0, length, 0];
        self.bytes.extend_from_slice(b"070701");
        for field in fields {
            self.bytes.extend_from_slice(format!("{field:08x}").as_bytes());
        }
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend_from_slice(content);
        self.pad();
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }

    fn finish(mut self) -> Vec<u8> {
        self.add("TRAILER!!!", 0, &[]);
        self.bytes
    }
}

const FOLDER: usize = 0o040_755;
const PROGRAM: usize = 0o100_755;
const FILE: usize = 0o100_644;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_comes_after_those_it_needs_and_once() {
        let folder = std::env::temp_dir().join(format!("rostrum-modules-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder for temporary files");
        let write = |name: &str, needs: &str| {
            let content = format!("\0depends={needs}\0name={name}\0");
            std::fs::write(folder.join(format!("{name}.ko")), content).expect("ours to write");
        };
        write("camera", "video-core,built-in");
        write("video-core", "media");
        write("media", "");
        let mut there = BTreeMap::new();
        modules_below(&folder, &mut there).expect("it is there");
        let mut loaded = Vec::new();
        for module in ["media", "camera"] {
            load(module, &there, &mut loaded).expect("all can be read");
        }
        let names: Vec<&str> = loaded.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["media", "video_core", "camera"]);
        std::fs::remove_dir_all(&folder).expect("ours to remove");
    }

    #[test]
    fn entries_begin_at_multiples_of_four() {
        let mut archive = Archive::default();
        archive.add("a", FILE, b"12345");
        let bytes = archive.finish();
        let trailer = bytes.windows(6).rposition(|window| window == b"070701").expect("a trailer");
        assert_eq!(trailer % 4, 0);
        assert!(bytes.len().is_multiple_of(4));
    }
}

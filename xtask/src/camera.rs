//! `cargo xtask camera-test`: the code of cameras and sound cards on real devices, on machines that have none.
//!
//! Debian's kernel brings `vivid` and `snd-aloop`, drivers whose cameras and sound card are made of software. It runs in qemu, which needs no rights
//! and no hardware support; this system's root is mounted there read-only, so that the tests run as they were built.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::setup;
use crate::step::{command_line, execute, output_of, step};
use crate::workspace::{CAMERA, SOUND_CARD, Workspace, cargo};
use crate::{apt, initramfs};

/// What `cargo xtask camera-test --help` prints.
pub const HELP: &str = "\
cargo xtask camera-test

  1. set-up: the packages to build and to test with (each only if missing); Debian's kernel is fetched and unpacked
     below the target folder, not installed
  2. builds the camera tests of the crates capture and broadcast, the sound card's, and rostrum-cast
  3. boots the kernel in qemu with two cameras of its driver `vivid` and a sound card of `snd-aloop`, and runs the tests
     there: the list of cameras and formats, pictures in each format, a camera that falls silent, and one that is
     unplugged during a broadcast; a card that is heard without a sound server, and one that is pulled out

Takes about a minute once it is built. `cargo xtask test` does it too.";

/// Sets up, builds and runs the camera tests.
///
/// # Errors
/// When the set-up, the build or a test fails.
pub fn camera_test() -> Result<()> {
    let workspace = Workspace::read()?;
    setup::to_test(&workspace)?;
    run(&workspace)
}

/// The steps after the set-up.
///
/// # Errors
/// When the build or a test fails.
pub fn run(workspace: &Workspace) -> Result<()> {
    if !cfg!(target_arch = "x86_64") {
        println!("camera-test: skipped, its kernel is one for x86-64");
        return Ok(());
    }
    let machine = step("camera-test: kernel", || Machine::ensure(&workspace.target))?;
    let script = step("camera-test: build", || machine.write_script())?;
    step("camera-test", || {
        // As other tests in real time: what a machine that is held up does to them is no defect, what fails twice is.
        machine.boot(&script).or_else(|error| {
            println!("\nonce more, since {error:#}");
            machine.boot(&script)?;
            println!("\nneeded a second try: camera-test");
            Ok(())
        })
    })
}

/// A kernel and its first file system, in a folder of their own.
struct Machine {
    folder: PathBuf,
}

impl Machine {
    /// Fetches what is missing.
    fn ensure(target: &Path) -> Result<Machine> {
        let machine = Machine { folder: target.join("tools/camera-machine") };
        let package = kernel_package()?;
        // Written last, so that an interrupted set-up begins anew.
        let done = machine.folder.join("complete");
        let wanted = format!("{package}\n{}", initramfs::SCRIPT);
        if std::fs::read_to_string(&done).is_ok_and(|made_of| made_of == wanted) {
            println!("{package}: unpacked");
            return Ok(machine);
        }
        let unpacked = machine.folder.join("unpacked");
        if unpacked.exists() {
            std::fs::remove_dir_all(&unpacked)?;
        }
        std::fs::create_dir_all(&unpacked)?;
        let download = |package: &str| {
            let mut download = Command::new("apt-get");
            execute(download.args(["download", "-q", package, "busybox-static"]).current_dir(&unpacked))
        };
        // The archive keeps only its newest packages, which an old list does not name.
        download(&package).or_else(|_| {
            apt::update()?;
            download(&kernel_package()?)
        })?;
        for deb in files(&unpacked, |name| name.ends_with(".deb"))? {
            execute(Command::new("dpkg-deb").arg("-x").arg(&deb).arg(&unpacked))?;
        }
        let kernel = files(&unpacked.join("boot"), |name| name.starts_with("vmlinuz"))?;
        let kernel = kernel.first().context("the package holds no kernel")?;
        std::fs::copy(kernel, machine.kernel())?;
        std::fs::write(machine.initramfs(), initramfs::build(&unpacked)?)?;
        std::fs::remove_dir_all(&unpacked)?;
        std::fs::write(&done, wanted)?;
        Ok(machine)
    }

    fn kernel(&self) -> PathBuf {
        self.folder.join("vmlinuz")
    }

    fn initramfs(&self) -> PathBuf {
        self.folder.join("initramfs")
    }

    /// Builds the tests and writes what is to be run in the machine.
    fn write_script(&self) -> Result<PathBuf> {
        let mut script = "set -e\n".to_owned();
        for (program, arguments) in programs()? {
            script += &format!("'{}' {arguments}\n", program.display());
        }
        let path = self.folder.join("script");
        std::fs::write(&path, script)?;
        Ok(path)
    }

    /// Boots, runs `script` there and waits for its outcome.
    fn boot(&self, script: &Path) -> Result<()> {
        let mut command = Command::new("qemu-system-x86_64");
        command
            .args("-accel tcg -smp 2 -m 1024 -nographic -no-reboot -nodefaults -serial stdio".split(' '))
            .arg("-kernel")
            .arg(self.kernel())
            .arg("-initrd")
            .arg(self.initramfs())
            .arg("-append")
            .arg(format!("console=ttyS0 quiet panic=-1 rostrum.script={}", script.display()))
            .args(["-fsdev", "local,id=root,path=/,security_model=none,readonly=on,multidevs=remap"])
            .args(["-device", "virtio-9p-pci,fsdev=root,mount_tag=host"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        println!("$ {}", command_line(&command));
        let mut qemu = command.spawn().context("cannot start qemu-system-x86_64")?;
        let output = qemu.stdout.take().context("qemu has an output")?;
        let (sender, lines) = mpsc::sync_channel(LINES);
        let reader = std::thread::spawn(move || {
            for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
                if sender.send(String::from_utf8_lossy(&line).trim_end().to_owned()).is_err() {
                    return;
                }
            }
        });
        let passed = watch(&lines);
        // It has powered itself off, or is of no further use.
        let _ = qemu.kill();
        qemu.wait()?;
        drop(lines);
        reader.join().ok().context("the reader of qemu's output panicked")?;
        passed
    }
}

/// Prints what the machine says until it tells its outcome.
fn watch(lines: &mpsc::Receiver<String>) -> Result<()> {
    let deadline = Instant::now() + LIMIT;
    loop {
        match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(line) if line == initramfs::PASSED => return Ok(()),
            Ok(line) if line == initramfs::FAILED => bail!("a test failed there, see above"),
            Ok(line) => println!("  | {line}"),
            Err(mpsc::RecvTimeoutError::Timeout) => bail!("the machine said no outcome in {LIMIT:?}"),
            Err(mpsc::RecvTimeoutError::Disconnected) => bail!("the machine ended without an outcome"),
        }
    }
}

/// Builds the tests that need a camera, and rostrum-cast with them; returns the paths of all and what they are told.
fn programs() -> Result<Vec<(PathBuf, &'static str)>> {
    let mut command = cargo();
    command.args(["test", "--workspace", "--test", CAMERA, "--test", SOUND_CARD]);
    command.args(["--no-run", "--message-format=json"]);
    let output = command.stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "`{}` ended with {}", command_line(&command), output.status);
    let messages = String::from_utf8_lossy(&output.stdout);
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut programs = Vec::new();
    for message in messages {
        let Some(program) = message["executable"].as_str() else { continue };
        match message["target"]["name"].as_str() {
            Some(CAMERA | SOUND_CARD) => {
                programs.push((program.into(), "--ignored --nocapture --test-threads 1"))
            }
            Some("rostrum-cast") => programs.push((program.into(), "devices")),
            _ => {}
        }
    }
    ensure!(programs.len() >= PROGRAMS_MIN, "cargo built only {programs:?}");
    Ok(programs)
}

/// The package that the newest kernel of this Debian is in.
fn kernel_package() -> Result<String> {
    let known = || {
        let told = output_of("apt-cache", &["depends", "--important", "linux-image-amd64"])?;
        told.lines().find_map(|line| line.trim().strip_prefix("Depends: ").map(str::to_owned))
    };
    if known().is_none() {
        apt::update()?;
    }
    known().context("apt-cache knows no package linux-image-amd64")
}

fn files(folder: &Path, wanted: impl Fn(&str) -> bool) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let paths = entries.flatten().filter(|entry| entry.file_name().to_str().is_some_and(&wanted));
    Ok(paths.map(|entry| entry.path()).collect())
}

/// From the start to the outcome: a minute on a quiet machine, several on a loaded one.
const LIMIT: Duration = Duration::from_secs(480);

/// The tests of capture (cameras, the sound card) and of broadcast, and rostrum-cast.
const PROGRAMS_MIN: usize = 4;

/// Lines between qemu and the terminal; full: qemu waits.
const LINES: usize = 64;

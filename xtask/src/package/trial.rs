//! The package on a Debian 12 that has nothing else: installed, started, live.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::step::{execute, step};
use crate::workspace::{END_TO_END, Workspace, cargo};

/// What the trial needs besides what the tests do.
pub const NEEDS: &[&str] = &["debootstrap"];

/// Folders of this system that the other one shares: devices, processes, and the display's and the sound server's
/// sockets, which the test makes in /tmp.
const SHARED: [&str; 4] = ["/proc", "/sys", "/dev", "/tmp"];

/// What a person's desktop brings and a bare Debian lacks: fonts, and what tells a program its language and themes.
const DESKTOP: [&str; 2] = ["fonts-dejavu-core", "dbus"];

/// Makes the system, installs `package` with what it depends on, and runs the desktop test with what was installed.
///
/// # Errors
/// When a step fails.
pub fn install_and_use(workspace: &Workspace, package: &Path) -> Result<()> {
    let system = workspace.target.join("package/debian12");
    if !system.join("etc/debian_version").exists() {
        step("a bare Debian 12", || {
            execute(Command::new("debootstrap").args(["--variant=minbase", "bookworm"]).arg(&system))
        })?;
    }
    step("installing the package", || install(&system, package))?;
    let program = wrapper(&workspace.target, &system)?;
    let shared = Shared::mount(&system)?;
    let used = step("the installed app goes live", || {
        let mut command = cargo();
        command.args([
            "test",
            "--package",
            END_TO_END,
            "--test",
            END_TO_END,
            "--",
            "--nocapture",
            "desktop::",
        ]);
        command.env("ROSTRUM_BIN", &program);
        execute(&mut command)
    });
    drop(shared);
    used
}

fn install(system: &Path, package: &Path) -> Result<()> {
    // The same sources, proxies and keys as here: a bare system has none of a company's own.
    for folder in ["etc/apt", "etc/ssl"] {
        let from = Path::new("/").join(folder);
        execute(Command::new("cp").arg("-aT").arg(&from).arg(system.join(folder)))?;
    }
    fs::copy("/etc/resolv.conf", system.join("etc/resolv.conf")).context("cannot copy /etc/resolv.conf")?;
    fs::copy(package, system.join("rostrum.deb")).context("cannot copy the package")?;
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("chroot");
        command.arg(system).args(["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]).args(arguments);
        execute(&mut command)
    };
    apt(&["update"])?;
    let mut install = vec!["install", "-y", "--reinstall", "--no-install-recommends", "/rostrum.deb"];
    install.extend(DESKTOP);
    apt(&install)?;
    for (program, argument) in [("rostrum-origin", "--version"), ("rostrum-cast", "--version")] {
        execute(Command::new("chroot").arg(system).args([program, argument]))?;
    }
    Ok(())
}

/// A program here that runs the one there.
fn wrapper(target: &Path, system: &Path) -> Result<PathBuf> {
    let path = target.join("package/rostrum");
    let script = format!("#!/bin/sh\nexec chroot '{}' rostrum \"$@\"\n", system.display());
    fs::write(&path, script).with_context(|| format!("cannot write {}", path.display()))?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).context("cannot make it a program")?;
    Ok(path)
}

/// Folders that are shared until this is dropped.
struct Shared(Vec<PathBuf>);

impl Shared {
    fn mount(system: &Path) -> Result<Shared> {
        let mut shared = Shared(Vec::new());
        for folder in SHARED {
            let place = system.join(&folder[1..]);
            execute(Command::new("mount").args(["--rbind", folder]).arg(&place))?;
            shared.0.push(place);
        }
        Ok(shared)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        for place in self.0.drain(..).rev() {
            // Lazily: a program that ends slowly does not keep the folder.
            let _ = Command::new("umount").args(["--recursive", "--lazy"]).arg(place).status();
        }
    }
}

//! The system packages of Debian and Ubuntu: which are needed, which are missing, and how they are installed.

use std::collections::HashSet;
use std::process::Command;

use anyhow::{Result, bail};

use crate::step::{command_line, execute, output_of};

/// What compiling and running the three programs needs.
///
/// Rust and Node are not here: both are older in Debian 12 than what is needed, see [`crate::toolchain`].
pub const TO_BUILD: &[&str] = &[
    "build-essential",
    "pkg-config",
    // bindgen reads FFmpeg's headers with it.
    "libclang-dev",
    // FFmpeg, for capture and encode.
    "libavcodec-dev",
    "libavdevice-dev",
    "libavfilter-dev",
    "libavformat-dev",
    "libavutil-dev",
    "libswresample-dev",
    "libswscale-dev",
    // SRT, for the origin; this flavour is the one that FFmpeg loads, and the two cannot be installed together.
    "libsrt-gnutls-dev",
    // cpal's ALSA host, and the plug-in by which ALSA programs reach PulseAudio.
    "libasound2-dev",
    "libasound2-plugins",
    // The screen of a Wayland session.
    "libpipewire-0.3-dev",
    // The window; dbus is how a second start finds the first, libayatana-appindicator3 is the tray.
    "libwebkit2gtk-4.1-dev",
    "libayatana-appindicator3-dev",
    "dbus",
    "fonts-inter",
];

/// What the tests need besides: browsers, a display, sound, and the peers' programs.
pub const TO_TEST: &[&str] = &[
    "chromium",
    "chromium-driver",
    "webkit2gtk-driver",
    "xvfb",
    "pulseaudio",
    "pulseaudio-utils",
    "ffmpeg",
    // Players and publishers that people have.
    "srt-tools",
    "obs-studio",
    "mpv",
    "vlc-bin",
    "vlc-plugin-base",
    "gstreamer1.0-tools",
    "gstreamer1.0-libav",
    "gstreamer1.0-plugins-good",
    "gstreamer1.0-plugins-bad",
    "curl",
    // Checks the signatures of webhooks as another program would.
    "openssl",
    // schemathesis comes from PyPI into an environment of its own.
    "python3-venv",
    // The mail server that takes letters.
    "python3-aiosmtpd",
    // What shares the screen of a Wayland desktop, and what draws one.
    "pipewire",
    "pipewire-bin",
    "wireplumber",
    "xdg-desktop-portal",
    "gstreamer1.0-pipewire",
    "gstreamer1.0-plugins-base",
    "fonts-dejavu-core",
    "fonts-noto-cjk",
    "fonts-noto-color-emoji",
    // The keychain of a desktop.
    "gnome-keyring",
    // The window manager that keeps a panel above other windows.
    "openbox",
    // The machine of the camera tests.
    "qemu-system-x86",
];

/// What the measurements need besides: the peers, and FFmpeg's program as the publisher.
pub const TO_BENCH: &[&str] =
    &["ffmpeg", "nginx", "libnginx-mod-rtmp", "libnginx-mod-nchan", "xvfb", "obs-studio"];

/// Installs those of `packages` that are missing; asks nothing, and does nothing when all are there.
///
/// # Errors
/// When packages are missing and cannot be installed, with the list of them.
pub fn ensure(packages: &[&str]) -> Result<()> {
    let missing = missing(packages);
    if missing.is_empty() {
        println!("{} system packages: all installed", packages.len());
        return Ok(());
    }
    if output_of("apt-get", &["--version"]).is_none() {
        bail!(
            "this system has no apt-get, so install these yourself (names as in Debian 12): {}",
            missing.join(" ")
        );
    }
    let mut install = vec!["install", "-y", "--no-install-recommends"];
    install.extend(&missing);
    update()?;
    apt_get(&install)
}

/// Asks the archive what it has now.
///
/// # Errors
/// When the archive does not answer, or this user may not.
pub fn update() -> Result<()> {
    apt_get(&["update"])
}

fn apt_get(arguments: &[&str]) -> Result<()> {
    let mut command = as_root("apt-get")?;
    command.args(arguments);
    println!("$ {}", command_line(&command));
    execute(&mut command)
}

fn missing<'a>(packages: &[&'a str]) -> Vec<&'a str> {
    // dpkg-query fails as a whole when one name is unknown to it, and still prints the others.
    let output = Command::new("dpkg-query")
        .args(["-W", "-f=${db:Status-Status} ${Package}\n"])
        .args(packages)
        .output()
        .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
        .unwrap_or_default();
    let installed: HashSet<&str> =
        output.lines().filter_map(|line| line.strip_prefix("installed ")).collect();
    packages.iter().copied().filter(|package| !installed.contains(package)).collect()
}

/// `program` with the rights to install: as it is for root, else through sudo.
fn as_root(program: &str) -> Result<Command> {
    let mut command = if output_of("id", &["-u"]).as_deref() == Some("0") {
        Command::new("env")
    } else if output_of("sudo", &["--version"]).is_some() {
        let mut sudo = Command::new("sudo");
        sudo.arg("env");
        sudo
    } else {
        bail!("installing packages needs root, and there is no sudo");
    };
    command.args(["DEBIAN_FRONTEND=noninteractive", program]);
    Ok(command)
}

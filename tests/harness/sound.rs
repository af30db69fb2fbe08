//! A sound server of a test's own, whose monitor is the microphone.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::process::Process;
use super::wait::{seconds, until};

/// A private PulseAudio with one null sink.
pub struct SoundServer {
    /// What `PULSE_SERVER` is to be.
    pub address: String,
    _daemon: Process,
    _folder: TempDir,
}

const SINK: &str = "fakemic";

impl SoundServer {
    /// Starts the server, with the sink's monitor as the default source.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start() -> SoundServer {
        let folder = TempDir::new().expect("a temporary folder");
        let socket = folder.path().join("native");
        let mut command = Command::new("pulseaudio");
        command.args("-n --daemonize=no --exit-idle-time=-1 --use-pid-file=no --disallow-exit".split(' '));
        command
            .arg("-L")
            .arg(format!("module-native-protocol-unix auth-anonymous=1 socket={}", socket.display()));
        command.arg("-L").arg(format!("module-null-sink sink_name={SINK} rate=48000 channels=2"));
        // Its own files go where they are removed, and no cookie of the person's is read.
        command.env("XDG_RUNTIME_DIR", folder.path()).env("HOME", folder.path());
        let daemon = Process::start("pulseaudio", &mut command);
        let address = format!("unix:{}", socket.display());
        until("the sound server", seconds(45), async || {
            let mut command = Command::new("pactl");
            command.args(["set-default-source", &format!("{SINK}.monitor")]).env("PULSE_SERVER", &address);
            let told = command.output().expect("pactl starts");
            told.status.success().then_some(())
        })
        .await;
        SoundServer { address, _daemon: daemon, _folder: folder }
    }

    /// Plays a sound file into the sink.
    pub fn play(&self, file: &Path) -> Process {
        let mut command = Command::new("paplay");
        command.args(["-d", SINK]).arg(file).env("PULSE_SERVER", &self.address);
        Process::start("paplay", &mut command)
    }
}

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

    /// Adds another sink; its monitor is a microphone called `Monitor of NAME`. Returns what [`SoundServer::unplug`] takes.
    ///
    /// # Panics
    /// When the server refuses.
    pub fn plug_in(&self, name: &str) -> u32 {
        let described = format!("sink_properties=device.description={name}");
        let sink = format!("sink_name={name}");
        let loaded =
            self.control(&["load-module", "module-null-sink", &sink, "rate=48000", "channels=2", &described]);
        loaded.trim().parse().expect("pactl tells the module's number")
    }

    /// Takes a sink away.
    ///
    /// # Panics
    /// When it is not there.
    pub fn unplug(&self, module: u32) {
        self.control(&["unload-module", &module.to_string()]);
    }

    fn control(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("pactl");
        let told = command.args(arguments).env("PULSE_SERVER", &self.address).output().expect("pactl starts");
        assert!(told.status.success(), "pactl {arguments:?}: {}", String::from_utf8_lossy(&told.stderr));
        String::from_utf8_lossy(&told.stdout).into_owned()
    }

    /// Plays a sound file into the sink.
    pub fn play(&self, file: &Path) -> Process {
        self.play_into(SINK, file)
    }

    /// Plays a sound file into a sink.
    pub fn play_into(&self, sink: &str, file: &Path) -> Process {
        let mut command = Command::new("paplay");
        command.args(["-d", sink]).arg(file).env("PULSE_SERVER", &self.address);
        Process::start("paplay", &mut command)
    }
}

//! Microphones and system sound of a private PulseAudio server: real speech, another default device, a device that is
//! unplugged, a server that stands still and one that is started again.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::f32::consts::TAU;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, OnceLock};
use std::time::Duration;

use capture::{AudioInput, AudioSource, AudioStep, Clock, SAMPLE_RATE, Stop, devices};
use media::Span;

/// A condition has this long on a loaded machine.
const LIMIT: Span = Span::from_secs(45);

/// The private server; one test at a time uses it.
struct Server {
    folder: PathBuf,
    daemon: Option<Child>,
}

impl Server {
    fn here() -> MutexGuard<'static, Server> {
        static SERVER: OnceLock<Mutex<Server>> = OnceLock::new();
        let server = SERVER.get_or_init(|| {
            let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("pulse-{}", std::process::id()));
            // SAFETY: every test of this program begins with this call, which others wait for; none reads the
            // environment before.
            unsafe { std::env::set_var("PULSE_SERVER", format!("unix:{}", folder.join("native").display())) };
            Mutex::new(Server { folder, daemon: None })
        });
        let mut server = server.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        server.restart();
        server
    }

    /// Starts the server, anew if it runs, with two outputs, whose monitors are the microphones.
    fn restart(&mut self) {
        self.kill();
        std::fs::create_dir_all(&self.folder).unwrap();
        let socket = self.folder.join("native");
        let daemon = Command::new("pulseaudio")
            .args("-n --daemonize=no --exit-idle-time=-1 --use-pid-file=no --disallow-exit".split(' '))
            .args([
                "-L",
                &format!("module-native-protocol-unix auth-anonymous=1 socket={}", socket.display()),
            ])
            .args(["-L", "module-null-sink sink_name=first rate=48000 channels=2"])
            .args(["-L", "module-null-sink sink_name=second rate=48000 channels=2"])
            .env("XDG_RUNTIME_DIR", &self.folder)
            .env("HOME", &self.folder)
            .stderr(Stdio::null())
            .spawn()
            .expect("pulseaudio is installed");
        self.daemon = Some(daemon);
        let clock = Clock::start();
        while !Command::new("pactl")
            .args(["set-default-sink", "first"])
            .stderr(Stdio::null())
            .status()
            .unwrap()
            .success()
        {
            assert!(clock.now() - media::Timestamp::ZERO < LIMIT, "the sound server does not start");
            assert!(!Stop::new().wait_until(clock.instant(clock.now() + Span::from_millis(50))));
        }
        pactl(&["set-default-source", "first.monitor"]);
    }

    fn kill(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            daemon.kill().unwrap();
            daemon.wait().unwrap();
        }
    }

    fn signal(&self, signal: &str) {
        let id = self.daemon.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }

    /// A tone that lasts longer than any test.
    fn tone(&self, hertz: u32) -> PathBuf {
        let path = self.folder.join(format!("{hertz}.wav"));
        let tone = format!("sine=frequency={hertz}:sample_rate=16000:duration=400");
        let made = Command::new("ffmpeg")
            .args(["-v", "error", "-y", "-f", "lavfi", "-i", &tone])
            .arg(&path)
            .status();
        assert!(made.unwrap().success());
        path
    }
}

/// Ends the server with the last test, since nobody drops what is static: the guard of each test does.
struct Use(MutexGuard<'static, Server>);

impl Drop for Use {
    fn drop(&mut self) {
        self.0.kill();
        std::fs::remove_dir_all(&self.0.folder).unwrap();
    }
}

fn server() -> Use {
    Use(Server::here())
}

fn pactl(arguments: &[&str]) -> String {
    let output = Command::new("pactl").args(arguments).output().unwrap();
    assert!(output.status.success(), "pactl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Plays a file into an output until dropped.
struct Playing(Child);

impl Playing {
    fn start(file: &Path, output: &str) -> Playing {
        let player = Command::new("paplay").args(["-d", output]).arg(file).stderr(Stdio::null()).spawn();
        Playing(player.expect("pulseaudio-utils is installed"))
    }
}

impl Drop for Playing {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A source, and its sound's left channel as it arrives.
struct Listener {
    source: AudioSource,
    clock: Clock,
    heard: Vec<f32>,
}

impl Listener {
    fn open(input: &AudioInput) -> Listener {
        let clock = Clock::start();
        let source = AudioSource::open(input, clock, clock.now()).unwrap().unwrap();
        Listener { source, clock, heard: Vec::new() }
    }

    /// One step, which never takes long whatever the server does.
    fn step(&mut self) -> bool {
        let before = self.clock.now();
        let step = self.source.next(&Stop::new()).unwrap();
        let waited = self.clock.now() - before;
        assert!(waited < Span::from_secs(10), "a step took {waited:?}");
        match step {
            AudioStep::Block(block) => {
                self.heard.extend(block.samples.iter().step_by(2));
                true
            }
            _ => false,
        }
    }

    fn until(&mut self, what: &str, mut reached: impl FnMut(&mut Listener) -> bool) {
        let begun = self.clock.now();
        while !reached(self) {
            let newest = &self.heard[self.heard.len().saturating_sub(SAMPLE_RATE as usize / 2)..];
            let tones = [500, 700, 900, 1_500].map(|hertz| (hertz, purity(newest, hertz)));
            assert!(
                self.clock.now() - begun < LIMIT,
                "not in time: {what}; {} samples, of the newest {tones:?} are pure",
                self.heard.len()
            );
            self.step();
        }
    }

    /// Waits until the last half second is this tone and nothing else.
    fn hears(&mut self, hertz: u32) {
        self.until(&format!("a tone of {hertz} Hz"), |listener| {
            let newest = &listener.heard[listener.heard.len().saturating_sub(SAMPLE_RATE as usize / 2)..];
            newest.len() == SAMPLE_RATE as usize / 2 && purity(newest, hertz) > 0.8
        });
    }
}

/// How much of a sound's energy one frequency has, 0 to 1.
fn purity(samples: &[f32], hertz: u32) -> f32 {
    let angle = |at: usize| TAU * (at as u32 * hertz % SAMPLE_RATE) as f32 / SAMPLE_RATE as f32;
    let (mut cosine, mut sine, mut energy) = (0.0, 0.0, f32::MIN_POSITIVE);
    for (at, &sample) in samples.iter().enumerate() {
        cosine += sample * angle(at).cos();
        sine += sample * angle(at).sin();
        energy += sample * sample;
    }
    2.0 * (cosine * cosine + sine * sine) / samples.len() as f32 / energy
}

fn microphone(id: &str) -> AudioInput {
    AudioInput::Microphone(Some(id.to_owned()))
}

/// How much alike two stretches of the same length are, -1 to 1.
fn correlation(one: &[f32], other: &[f32]) -> f32 {
    let product =
        |one: &[f32], other: &[f32]| one.iter().zip(other).map(|(one, other)| one * other).sum::<f32>();
    product(one, other) / (product(one, one) * product(other, other)).sqrt().max(1e-6)
}

/// The highest correlation of a stretch of speech with what was heard: the place is found at 1/16 of the rate, then to
/// the sample.
fn likeness(speech: &[f32], heard: &[f32]) -> f32 {
    let slow =
        |samples: &[f32]| -> Vec<f32> { samples.chunks_exact(16).map(|chunk| chunk.iter().sum()).collect() };
    let slow_speech = slow(speech);
    let likenesses: Vec<f32> =
        slow(heard).windows(slow_speech.len()).map(|stretch| correlation(&slow_speech, stretch)).collect();
    let place = (0..likenesses.len()).max_by(|&one, &other| likenesses[one].total_cmp(&likenesses[other]));
    let place = 16 * place.unwrap();
    (place.saturating_sub(16)..=place + 16)
        .filter_map(|from| heard.get(from..from + speech.len()))
        .map(|stretch| correlation(speech, stretch))
        .fold(0.0, f32::max)
}

#[test]
fn speech_is_heard_as_it_was_spoken() {
    let folder = std::env::var_os("ROSTRUM_MEDIA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/media"), PathBuf::from);
    let file = folder.join("jfk_speech.flac");
    if !file.is_file() {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "CI needs {}", file.display());
        return;
    }
    let server = server();
    let wave = server.0.folder.join("speech.wav");
    let decode = |arguments: &[&str]| {
        let mut command = Command::new("ffmpeg");
        let output = command.args(["-v", "error", "-y", "-i"]).arg(&file).args(arguments).output().unwrap();
        assert!(output.status.success());
        output.stdout
    };
    // Over and over: what a busy machine loses of one sentence, the next has.
    let again = |times: &str| {
        let mut command = Command::new("ffmpeg");
        command.args(["-v", "error", "-y", "-stream_loop", times, "-i"]).arg(&file).arg(&wave).status()
    };
    assert!(again("9").unwrap().success());
    let bytes = decode(&["-ac", "1", "-ar", "48000", "-f", "f32le", "-"]);
    let spoken: Vec<f32> =
        bytes.chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap())).collect();
    let mut listener = Listener::open(&AudioInput::Microphone(None));
    let _playing = Playing::start(&wave, "first");
    // A second of the first sentence, sought in five seconds at a time: a listener that compares meanwhile falls behind
    // and loses sound.
    let second = SAMPLE_RATE as usize;
    let stretch = &spoken[second..2 * second];
    listener.until("the sentence", |listener| {
        if listener.heard.len() < 5 * second {
            return false;
        }
        let heard = std::mem::take(&mut listener.heard);
        likeness(stretch, &heard) > 0.99
    });
}

#[test]
fn another_default_microphone_is_followed_and_a_chosen_one_is_kept() {
    let server = server();
    let _tones =
        [Playing::start(&server.0.tone(500), "first"), Playing::start(&server.0.tone(1_500), "second")];
    let mut default = Listener::open(&AudioInput::Microphone(None));
    let mut chosen = Listener::open(&microphone("first.monitor"));
    default.hears(500);
    pactl(&["set-default-source", "second.monitor"]);
    default.hears(1_500);
    chosen.heard.clear();
    chosen.hears(500);
}

#[test]
fn system_sound_follows_the_default_output_and_leaves_the_defaults_alone() {
    let server = server();
    let first = Playing::start(&server.0.tone(500), "first");
    let defaults = || pactl(&["get-default-sink"]) + &pactl(&["get-default-source"]);
    let before = defaults();
    let mut system = Listener::open(&AudioInput::System);
    system.hears(500);
    assert_eq!(defaults(), before);
    pactl(&["set-default-sink", "second"]);
    // PulseAudio moves what plays to the new default, where both tones would be heard.
    drop(first);
    let _second = Playing::start(&server.0.tone(1_500), "second");
    system.hears(1_500);
}

#[test]
fn an_unplugged_microphone_is_silent_and_heard_again_when_it_is_back() {
    let server = server();
    let tone = server.0.tone(700);
    let plug = || pactl(&["load-module", "module-null-sink", "sink_name=usb", "rate=48000", "channels=2"]);
    let module = plug();
    let playing = Playing::start(&tone, "usb");
    assert!(
        devices().microphones.iter().any(|device| device.id.ends_with("usb.monitor") && device.is_monitor)
    );
    let mut listener = Listener::open(&microphone("usb.monitor"));
    listener.hears(700);
    pactl(&["unload-module", module.trim()]);
    drop(playing);
    let mut quiet_from = listener.clock.now();
    listener.until("two seconds without sound", |listener| {
        if listener.step() {
            quiet_from = listener.clock.now();
        }
        listener.clock.now() - quiet_from > Span::from_secs(2)
    });
    plug();
    let _playing = Playing::start(&tone, "usb");
    listener.heard.clear();
    listener.hears(700);
}

#[test]
fn a_server_that_stands_still_or_is_started_again_holds_up_nobody() {
    let mut server = server();
    let tone = server.0.tone(900);
    let playing = Playing::start(&tone, "first");
    let mut listener = Listener::open(&AudioInput::Microphone(None));
    listener.hears(900);
    server.0.signal("-STOP");
    let stood = listener.clock.now();
    listener.until("five seconds of standing still", |listener| {
        listener.clock.now() - stood > Span::from_secs(5)
    });
    server.0.signal("-CONT");
    listener.heard.clear();
    listener.hears(900);
    drop(playing);
    server.0.restart();
    let _playing = Playing::start(&tone, "first");
    listener.heard.clear();
    listener.hears(900);
    let clock = listener.clock;
    let before = clock.now();
    server.0.signal("-STOP");
    drop(listener);
    assert!(clock.now() - before < Span::from(Duration::from_secs(10)), "closing waits for the server");
    server.0.signal("-CONT");
}

//! What capturing a display, encoding and sending it costs, beside FFmpeg with the same settings, and beside OBS Studio.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::Bench;
use super::cost::{cpu_seconds, cpu_seconds_of};
use super::servers::free_port;
use crate::program::Program;

/// Measures 720p in turns, so that what else the machine does meets both; then 1080p, and OBS.
pub fn measure(bench: &Bench) -> Result<()> {
    println!("display → x264 veryfast, zerolatency, 2.5 Mbit/s at 720p, 5 at 1080p, 30 fps → RTMP");
    println!("{:<24} {:>6} {:>16} {:>9} {:>9}", "", "", "CPU ms a frame", "frames", "missing");
    let small = Display::start(&HD)?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(show("rostrum-cast", &HD, rostrum(bench, &small, "tone")?));
        theirs.push(show("ffmpeg", &HD, ffmpeg(&small)?));
    }
    println!("ratio of the medians at 720p: {:.2}", median(ours) / median(theirs));
    // With sound a frame waits for the packet of sound that goes before it.
    println!("pace without sound: jitter p95 {:.1} ms", rostrum(bench, &small, "none")?.jitter_ms);
    let obs = obs(bench, &small)?;
    show("OBS Studio", &HD, obs.seen);
    println!("  OBS renders with {}", obs.renderer);
    drop(small);
    let large = Display::start(&FULL_HD)?;
    let ours = show("rostrum-cast", &FULL_HD, rostrum(bench, &large, "tone")?);
    let theirs = show("ffmpeg", &FULL_HD, ffmpeg(&large)?);
    println!("ratio at 1080p: {:.2}", ours / theirs);
    Ok(())
}

/// Of a display that is sent in its own size.
struct Picture {
    name: &'static str,
    width: u32,
    height: u32,
    /// Video, constant.
    kbit_per_s: u32,
}

const HD: Picture = Picture { name: "720p", width: 1280, height: 720, kbit_per_s: 2_500 };
const FULL_HD: Picture = Picture { name: "1080p", width: 1920, height: 1080, kbit_per_s: 5_000 };
const FPS: u32 = 30;

/// What was seen of a broadcaster while [`MEASURED`] passed.
struct Seen {
    cpu_seconds: f64,
    /// That arrived.
    frames: u64,
    /// That should have arrived, by the clock.
    wanted: f64,
    /// How far the distance of two frames that arrived is from a multiple of a frame's time, ms; 95 of 100 are nearer.
    jitter_ms: f64,
    /// CPU seconds of the threads that encode the picture, where they have a name.
    encoding_seconds: f64,
}

/// Prints what was seen; CPU milliseconds a frame.
fn show(name: &str, picture: &Picture, seen: Seen) -> f64 {
    let each = seen.cpu_seconds * 1_000.0 / seen.frames.max(1) as f64;
    let missing = (seen.wanted - seen.frames as f64).max(0.0);
    println!("{name:<24} {:>6} {each:>16.2} {:>9} {missing:>9.0}", picture.name, seen.frames);
    if seen.encoding_seconds > 0.0 {
        let besides = (seen.cpu_seconds - seen.encoding_seconds) / MEASURED.as_secs_f64() * 100.0;
        println!("  besides the encoder: {besides:.1} % of a core");
    }
    each
}

fn rostrum(bench: &Bench, display: &Display, sound: &str) -> Result<Seen> {
    let receiver = Receiver::start()?;
    let picture = display.picture;
    let mut command = Command::new(bench.programs.join("rostrum-cast"));
    command.args(["--video", "screen", "--audio", sound, "--encoder", "libx264", "--keyint", "2s"]);
    command.args(["--size", &format!("{}x{}", picture.width, picture.height), "--fps", &FPS.to_string()]);
    // As much at the least as at the most: FFmpeg does not follow the network either.
    let rate = format!("{}k", picture.kbit_per_s);
    command.args(["--bitrate", &rate, "--bitrate-floor", &rate]);
    command.args(["--to", &receiver.url()]).env("DISPLAY", &display.name);
    receiver.watch("rostrum-cast", &mut command)
}

fn ffmpeg(display: &Display) -> Result<Seen> {
    let receiver = Receiver::start()?;
    let picture = display.picture;
    let (fps, rate) = (FPS.to_string(), format!("{}k", picture.kbit_per_s));
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-v", "error", "-f", "x11grab", "-framerate", &fps]);
    command.args(["-video_size", &format!("{}x{}", picture.width, picture.height), "-i", &display.name]);
    command.args(["-re", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"]);
    command.args(["-c:v", "libx264", "-preset", "veryfast", "-tune", "zerolatency", "-pix_fmt", "yuv420p"]);
    command.args(["-g", &(FPS * 2).to_string(), "-sc_threshold", "0", "-x264-params", "nal-hrd=cbr"]);
    command.args(["-b:v", &rate, "-minrate", &rate, "-maxrate", &rate, "-bufsize", &rate]);
    command.args(["-c:a", "aac", "-b:a", "160k", "-ac", "2", "-f", "flv", &receiver.url()]);
    receiver.watch("ffmpeg", &mut command)
}

/// What was seen of OBS.
struct SeenObs {
    seen: Seen,
    /// What OBS's log says it draws with.
    renderer: String,
}

fn obs(bench: &Bench, display: &Display) -> Result<SeenObs> {
    let receiver = Receiver::start()?;
    let home = bench.folder.join("obs");
    configure_obs(&home, display.picture, &receiver)?;
    let mut command = Command::new("obs");
    command.args(["--multi", "--disable-updater", "--startstreaming"]);
    command.args(["--profile", OBS_NAME, "--collection", OBS_NAME]);
    command.env("DISPLAY", &display.name).env("QT_QPA_PLATFORM", "xcb").env("LIBGL_ALWAYS_SOFTWARE", "1");
    for (variable, below) in [("HOME", ""), ("XDG_CONFIG_HOME", ".config"), ("XDG_RUNTIME_DIR", "run")] {
        command.env(variable, home.join(below));
    }
    let seen = receiver.watch("obs", &mut command)?;
    Ok(SeenObs { seen, renderer: renderer(&home).unwrap_or_else(|| "what its log does not say".to_owned()) })
}

/// The line `OpenGL loaded successfully, version …` of OBS's log.
fn renderer(home: &Path) -> Option<String> {
    let logs = fs::read_dir(home.join(".config/obs-studio/logs")).ok()?;
    let text = logs.flatten().find_map(|log| fs::read_to_string(log.path()).ok())?;
    let adapter = text.lines().find_map(|line| Some(line.split_once("Adapter: ")?.1.to_owned()));
    let version =
        text.lines().find_map(|line| Some(line.split_once("OpenGL loaded successfully, ")?.1.to_owned()));
    adapter.or(version)
}

/// Writes what OBS would after its wizard: one scene that shows the display.
fn configure_obs(home: &Path, picture: &Picture, receiver: &Receiver) -> Result<()> {
    let settings = home.join(".config/obs-studio");
    let profile = settings.join("basic/profiles").join(OBS_NAME);
    let scenes = settings.join("basic/scenes");
    for folder in [&profile, &scenes, &home.join("run")] {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let Picture { width, height, kbit_per_s, .. } = picture;
    let chosen = format!(
        "[General]\nFirstRun=true\nLastVersion=486539266\nEnableAutoUpdates=false\n[Basic]\nProfile={OBS_NAME}\n\
         ProfileDir={OBS_NAME}\nSceneCollection={OBS_NAME}\nSceneCollectionFile={OBS_NAME}\n"
    );
    let output = format!(
        "[General]\nName={OBS_NAME}\n[Video]\nBaseCX={width}\nBaseCY={height}\nOutputCX={width}\nOutputCY={height}\n\
         FPSType=1\nFPSInt={FPS}\n[Output]\nMode=Simple\n[SimpleOutput]\nVBitrate={kbit_per_s}\nABitrate=160\n\
         StreamEncoder=x264\nUseAdvanced=true\nPreset=veryfast\nx264Settings=keyint={} tune=zerolatency\n",
        FPS * 2
    );
    let service = serde_json::json!({
        "type": "rtmp_custom",
        "settings": {"server": receiver.server(), "key": STREAM, "use_auth": false},
    });
    let scene = serde_json::json!({
        "name": OBS_NAME, "current_scene": "Scene", "current_program_scene": "Scene",
        "scene_order": [{"name": "Scene"}],
        "sources": [
            {"id": "xshm_input", "versioned_id": "xshm_input_v2", "name": "Display", "settings": {"screen": 0}},
            {"id": "scene", "name": "Scene", "settings": {"id_counter": 1, "items": [
                {"name": "Display", "id": 1, "visible": true, "pos": {"x": 0.0, "y": 0.0},
                    "scale": {"x": 1.0, "y": 1.0}, "align": 5, "bounds_type": 0},
            ]}},
        ],
    });
    for (file, text) in [
        (settings.join("global.ini"), chosen),
        (profile.join("basic.ini"), output),
        (profile.join("service.json"), service.to_string()),
        (scenes.join(format!("{OBS_NAME}.json")), scene.to_string()),
    ] {
        fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(())
}

/// Xvfb, on which a part of the picture moves.
struct Display {
    name: String,
    picture: &'static Picture,
    // Ended in this order.
    _moving: Program,
    _server: Program,
}

impl Display {
    fn start(picture: &'static Picture) -> Result<Display> {
        let mut command = Command::new("Xvfb");
        let screen = format!("{}x{}x24", picture.width, picture.height);
        command.args(["-displayfd", "1", "-screen", "0", &screen, "-nolisten", "tcp"]);
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut server = Program::start("Xvfb", &mut command)?;
        let mut line = String::new();
        BufReader::new(server.stdout().context("standard output is piped")?).read_line(&mut line)?;
        let name = format!(":{}", line.trim());
        let mut command = Command::new("ffplay");
        command.args(["-loglevel", "quiet", "-noborder", "-left", "100", "-top", "100"]);
        command.args(["-f", "lavfi", "-i", &format!("testsrc2=size=640x360:rate={FPS}")]);
        command.env("DISPLAY", &name).env("SDL_AUDIODRIVER", "dummy");
        let moving = Program::start("ffplay", command.stdin(Stdio::null()).stdout(Stdio::null()))?;
        Ok(Display { name, picture, _moving: moving, _server: server })
    }
}

/// FFmpeg as the server: tells when each frame arrives, the same for all.
struct Receiver {
    program: Program,
    port: u16,
    /// In ms, of the receiver's clock.
    arrivals: Arc<Mutex<Vec<i64>>>,
}

impl Receiver {
    fn start() -> Result<Receiver> {
        let port = free_port()?;
        let mut command = Command::new("ffmpeg");
        command.args(["-nostdin", "-v", "quiet", "-listen", "1", "-use_wallclock_as_timestamps", "1"]);
        command.args(["-i", &format!("rtmp://127.0.0.1:{port}/live/{STREAM}")]);
        command.args(["-map", "0:v", "-c", "copy", "-flush_packets", "1", "-f", "framecrc", "-"]);
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut program = Program::start("ffmpeg (server)", &mut command)?;
        let output = program.stdout().context("standard output is piped")?;
        let arrivals = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&arrivals);
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                // "stream, dts, pts, duration, size, checksum" of each frame; other lines begin with "#".
                let dts: Option<i64> = line.split(',').nth(1).and_then(|dts| dts.trim().parse().ok());
                heard.lock().expect("nothing panics while it holds the list").extend(dts);
            }
        });
        Ok(Receiver { program, port, arrivals })
    }

    fn server(&self) -> String {
        format!("rtmp://127.0.0.1:{}/live", self.port)
    }

    fn url(&self) -> String {
        format!("{}/{STREAM}", self.server())
    }

    /// Starts a broadcaster, waits until it runs evenly, and measures it.
    fn watch(mut self, name: &str, command: &mut Command) -> Result<Seen> {
        let count = || self.arrivals.lock().expect("nothing panics while it holds the list").len();
        // The server listens a moment after it was started, and its one connection is not tried out here.
        sleep(LISTENING);
        let mut program = Program::start(name, command.stdout(Stdio::null()).stderr(Stdio::null()))?;
        let begun = Instant::now();
        while count() < FPS as usize * SETTLING_S {
            if let Some(status) = program.ended().or_else(|| self.program.ended()) {
                bail!("{name} or its server ended early with {status}");
            }
            if begun.elapsed() > START_LIMIT {
                bail!("{name}: {} frames in {} s", count(), START_LIMIT.as_secs());
            }
            sleep(LOOK);
        }
        let used = || anyhow::Ok((cpu_seconds(program.pid())?, cpu_seconds_of(program.pid(), ENCODING)?));
        let (begun, before, (all, encoding)) = (Instant::now(), count(), used()?);
        sleep(MEASURED);
        let (length, after, (all_after, encoding_after)) = (begun.elapsed(), count(), used()?);
        program.end();
        let arrivals = self.arrivals.lock().expect("nothing panics while it holds the list");
        Ok(Seen {
            cpu_seconds: all_after - all,
            frames: (after - before) as u64,
            wanted: length.as_secs_f64() * f64::from(FPS),
            jitter_ms: jitter_ms(&arrivals[before..after]),
            encoding_seconds: encoding_after - encoding,
        })
    }
}

/// What 95 of 100 distances of `arrivals` are nearer than to a multiple of a frame's time.
fn jitter_ms(arrivals: &[i64]) -> f64 {
    let frame_ms = 1_000.0 / f64::from(FPS);
    let off = |pair: &[i64]| {
        let frames = (pair[1] - pair[0]) as f64 / frame_ms;
        (frames - frames.round()).abs() * frame_ms
    };
    let mut off: Vec<f64> = arrivals.windows(2).map(off).collect();
    off.sort_by(f64::total_cmp);
    off.get(off.len() * 95 / 100).copied().unwrap_or(f64::NAN)
}

/// The lower of two middle ones.
fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[(figures.len() - 1) / 2]
}

const ROUNDS: usize = 3;
const MEASURED: Duration = Duration::from_secs(20);
/// Until the encoder's buffer is in its usual state, seconds of frames.
const SETTLING_S: usize = 4;
const LISTENING: Duration = Duration::from_secs(1);
const START_LIMIT: Duration = Duration::from_secs(90);
const LOOK: Duration = Duration::from_millis(100);
/// What rostrum-cast calls the threads that encode its picture.
const ENCODING: &str = "picture-encoder";
/// The stream's name at the server.
const STREAM: &str = "bench";
/// Of OBS's profile and scene collection.
const OBS_NAME: &str = "Bench";

//! The origin under measurement, its rooms, and publishers for it and for its peer.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::Bench;
use crate::program::Program;

/// A running origin with rooms.
pub struct Origin {
    /// Its process.
    pub program: Program,
    /// `http://HOST:PORT`.
    pub http: String,
    /// `rtmp://HOST:PORT/live/`, a room's key behind it.
    pub publish: String,
    /// Slug and stream key of each room.
    pub rooms: Vec<(String, String)>,
    data: PathBuf,
}

impl Origin {
    /// Starts an origin with so many rooms, on ports that the system chooses.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(bench: &Bench, rooms: usize) -> Result<Origin> {
        // Its peers make no renditions either.
        Origin::start_with(bench, rooms, "[transcode]\nenabled = false\n")
    }

    /// Starts one with these settings.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start_with(bench: &Bench, rooms: usize, settings_text: &str) -> Result<Origin> {
        let data = bench.folder.join("origin");
        let _ = fs::remove_dir_all(&data);
        let program = bench.programs.join("rostrum-origin");
        let rooms = (1..=rooms).map(|number| create(&program, &data, &format!("room-{number}")));
        let rooms: Vec<_> = rooms.collect::<Result<_>>()?;
        let settings = bench.folder.join("origin.toml");
        fs::write(&settings, settings_text)
            .with_context(|| format!("cannot write {}", settings.display()))?;
        let mut command = Command::new(&program);
        let free = "127.0.0.1:0";
        command.arg("serve").arg("--config").arg(&settings);
        command.args(["--http", free, "--rtmp", free, "--srt", free, "--data"]).arg(&data);
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut program = Program::start("rostrum-origin", &mut command)?;
        let output = program.stdout().context("standard output is piped")?;
        let (mut http, mut rtmp) = (None, None);
        for line in BufReader::new(output).lines() {
            let line = line?;
            match line.split_once(' ') {
                Some(("http", address)) => http = Some(address.to_owned()),
                Some(("rtmp", address)) => rtmp = Some(address.to_owned()),
                _ if line == "ready" => break,
                _ => {}
            }
        }
        Ok(Origin {
            program,
            http: format!("http://{}", http.context("the origin tells no HTTP address")?),
            publish: format!("rtmp://{}/live/", rtmp.context("the origin tells no RTMP address")?),
            rooms,
            data,
        })
    }

    /// The multivariant playlist of the first room.
    pub fn playlist(&self) -> String {
        format!("{}/live/{}/index.m3u8", self.http, self.rooms[0].0)
    }

    /// Where the first room is published.
    pub fn publish_url(&self) -> String {
        format!("{}{}", self.publish, self.rooms[0].1)
    }

    /// Where each room is published.
    pub fn publish_urls(&self) -> Vec<String> {
        self.rooms.iter().map(|(_, key)| format!("{}{key}", self.publish)).collect()
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.data);
    }
}

fn create(program: &Path, data: &Path, slug: &str) -> Result<(String, String)> {
    let output = Command::new(program)
        .args(["room", "create", slug, "--json", "--data"])
        .arg(data)
        .output()
        .with_context(|| format!("cannot start {}", program.display()))?;
    if !output.status.success() {
        bail!("room create {slug}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let room: Value = serde_json::from_slice(&output.stdout).context("room create prints JSON")?;
    let key = room["stream_key"].as_str().context("room create tells the stream key")?;
    Ok((slug.to_owned(), key.to_owned()))
}

/// Publishes the clip in real time, again and again, to each address; ten a process.
///
/// # Errors
/// When FFmpeg does not start.
pub fn publish(bench: &Bench, addresses: &[String]) -> Result<Vec<Program>> {
    let start = |addresses: &[String]| {
        let mut command = Command::new("ffmpeg");
        command.args(["-nostdin", "-v", "error", "-re", "-stream_loop", "-1", "-i"]).arg(&bench.clip);
        for address in addresses {
            command.args(["-map", "0", "-c", "copy", "-f", "flv", address]);
        }
        Program::start("ffmpeg", command.stdout(Stdio::null()).stderr(Stdio::null()))
    };
    addresses.chunks(PER_PROCESS).map(start).collect()
}

/// Waits until a playlist can be read: by its status line, so that no HTTP library is needed.
///
/// # Errors
/// When it cannot within [`LIVE_LIMIT`].
pub fn until_live(url: &str) -> Result<()> {
    let begun = Instant::now();
    while begun.elapsed() < LIVE_LIMIT {
        let path = Command::new("ffprobe").args(["-v", "quiet", url]).status();
        if path.is_ok_and(|status| status.success()) {
            return Ok(());
        }
        sleep(LOOK);
    }
    bail!("{url} is not live after {} s", LIVE_LIMIT.as_secs())
}

/// A TCP port of the loopback that is free just now.
///
/// # Errors
/// When there is none.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Waits until somebody listens.
///
/// # Errors
/// When nobody does within [`LIVE_LIMIT`].
pub fn until_open(port: u16) -> Result<()> {
    let begun = Instant::now();
    while begun.elapsed() < LIVE_LIMIT {
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return Ok(());
        }
        sleep(LOOK);
    }
    bail!("nobody listens on port {port}")
}

/// Outputs of one FFmpeg process.
const PER_PROCESS: usize = 10;

/// Longer than any server takes to its first playlist.
const LIVE_LIMIT: Duration = Duration::from_secs(30);

const LOOK: Duration = Duration::from_millis(100);

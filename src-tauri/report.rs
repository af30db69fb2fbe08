//! A report for people who are asked for help: what the program knows about this computer and what it logged, without
//! anything that opens something.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Local};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use tar::{Builder, Header};

use crate::app::{App, Document, Error};
use crate::seal::Seal;
use crate::settings::{self, Settings};
use crate::view::View;
use crate::{destination, log, owner};

impl App {
    /// Saves a report where the person finds it, and tells the file.
    ///
    /// # Errors
    /// [`Error::Document`] when it cannot be written.
    pub async fn save_report(&self) -> Result<String, Error> {
        let (folder, view) = (self.folder.clone(), self.view().borrow().clone());
        let known = self.secrets.borrow().clone();
        let saved = tokio::task::spawn_blocking(move || save(&folder, &view, known, Local::now()));
        let saved = saved.await.map_err(|_| Error::Closing)?;
        let folder = self::folder(&self.folder);
        saved.map(|file| file.display().to_string()).map_err(|source| Error::Document {
            what: Document::Report,
            folder,
            source,
        })
    }
}

/// Where files go that a person asks for: the person's downloads, else `reports` in the data folder.
pub(crate) fn folder(data: &Path) -> PathBuf {
    dirs::download_dir().unwrap_or_else(|| data.join("reports"))
}

fn save(data: &Path, view: &View, known: Vec<String>, at: DateTime<Local>) -> io::Result<PathBuf> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let folder = folder(data);
    std::fs::create_dir_all(&folder)?;
    let file = folder.join(format!("Rostrum report {}.tar.gz", at.format("%Y-%m-%d %H.%M.%S")));
    let open = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&file)?;
    let devices = serde_json::to_value(devices()).unwrap_or_default();
    write(open, &parts(data, view, &devices), &Secrets::of(data, known), at.timestamp())?;
    Ok(file)
}

/// One file of the report.
struct Part {
    name: String,
    text: String,
}

fn parts(data: &Path, view: &View, devices: &Value) -> Vec<Part> {
    let part = |name: &str, text: String| Part { name: name.to_owned(), text };
    let pretty = |value: &Value| serde_json::to_string_pretty(value).unwrap_or_default();
    let mut parts = vec![
        part("read me.txt", READ_ME.to_owned()),
        part("computer.json", pretty(&computer())),
        part("devices.json", pretty(devices)),
        part("settings.json", pretty(&settings_of(data))),
        part("state.json", pretty(&state(view))),
    ];
    for file in log::files(data) {
        if let (Some(name), Ok(text)) = (file.file_name(), std::fs::read(&file)) {
            let name = format!("logs/{}", name.to_string_lossy());
            parts.push(Part { name, text: String::from_utf8_lossy(&text).into_owned() });
        }
    }
    parts
}

fn computer() -> Value {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let line = |text: String, key: &str| text.lines().find(|line| line.starts_with(key)).map(str::to_owned);
    let set = |name: &str| std::env::var(name).ok();
    json!({
        "rostrum": env!("CARGO_PKG_VERSION"),
        "system": line(read("/etc/os-release"), "PRETTY_NAME="),
        "kernel": read("/proc/sys/kernel/osrelease").trim(),
        "processor": line(read("/proc/cpuinfo"), "model name"),
        "cores": std::thread::available_parallelism().map_or(0, usize::from),
        "memory": line(read("/proc/meminfo"), "MemTotal"),
        "session": set("XDG_SESSION_TYPE"),
        "desktop": set("XDG_CURRENT_DESKTOP"),
        "language": set("LANG"),
    })
}

/// Names and formats; a microphone's name is no secret, and most faults are about one.
fn devices() -> Value {
    let found = broadcast::devices();
    let encoders = broadcast::encoders().into_iter().map(
        |encoder| json!({ "name": encoder.name, "runs_on": encoder.runs_on, "refused": encoder.reason }),
    );
    json!({
        "cameras": found.cameras.iter().map(|camera| camera.name.clone()).collect::<Vec<_>>(),
        "microphones": found.microphones.iter().map(|microphone| microphone.name.clone()).collect::<Vec<_>>(),
        "screens": found.screens.iter().map(|screen| screen.size.map(|size| format!("{size:?}"))).collect::<Vec<_>>(),
        "windows": found.windows.len(),
        "encoders": encoders.collect::<Vec<_>>(),
    })
}

/// The settings without the person's name, which the path of a folder may have too.
fn settings_of(data: &Path) -> Value {
    let text = std::fs::read(data.join(settings::FILE)).unwrap_or_default();
    let settings: Settings = serde_json::from_slice(&text).unwrap_or_default();
    serde_json::to_value(Settings { name: None, recordings: None, ..settings }).unwrap_or_default()
}

/// What is on screen, with services instead of addresses.
fn state(view: &View) -> Value {
    let destinations = view.live.destinations.iter().map(|destination| {
        json!({ "service": destination.service, "on": destination.on, "state": destination.state })
    });
    json!({
        "phase": view.live.phase,
        "blocked": view.live.blocked,
        "statistics": view.live.stats,
        "destinations": destinations.collect::<Vec<_>>(),
        "video": view.video,
        "sound": view.sound,
        "trouble": view.trouble,
        "recording": view.recording.is_some(),
        "notices": view.notices,
    })
}

/// What must be in no report: it stands in files of the data folder, or came out of the keychain.
#[derive(Default)]
struct Secrets(Vec<String>);

impl Secrets {
    /// What is kept in `data` now, and what is `known` besides.
    fn of(data: &Path, known: Vec<String>) -> Secrets {
        let owner = owner::load(data, &Seal::of_this_user());
        // What the app has in its hands is known already; this is for what stands there as it is.
        let saved = std::fs::read(data.join(destination::FILE)).unwrap_or_default();
        let saved: Vec<destination::Saved> = serde_json::from_slice(&saved).unwrap_or_default();
        let own = owner.iter().flat_map(|owner| [owner.stream_key().to_owned(), owner.token().to_owned()]);
        let theirs = saved.into_iter().flat_map(|saved| [saved.key, saved.passphrase]);
        Secrets::new(own.chain(theirs).chain(known))
    }

    fn new(all: impl Iterator<Item = String>) -> Secrets {
        let mut all: Vec<String> = all.filter(|secret| !secret.is_empty()).collect();
        // One that is a part of another would leave the rest of that one in sight.
        all.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Secrets(all)
    }

    /// `text` without them.
    fn taken_out(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), TAKEN_OUT))
    }
}

fn write(to: impl Write, parts: &[Part], secrets: &Secrets, at_s: i64) -> io::Result<()> {
    let mut archive = Builder::new(GzEncoder::new(to, Compression::default()));
    for Part { name, text } in parts {
        let text = secrets.taken_out(text);
        let mut header = Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(at_s.unsigned_abs());
        archive.append_data(&mut header, format!("rostrum-report/{name}"), text.as_bytes())?;
    }
    archive.into_inner()?.finish()?.flush()
}

/// No key has it, so nothing that is left forms one with it.
const TAKEN_OUT: &str = "•••";
const READ_ME: &str = "A report of Rostrum, made on request and sent nowhere by itself.

computer.json   system, processor, memory
devices.json    names of cameras and microphones, encoders and why some cannot be used
settings.json   what is set, without your name
state.json      what was on screen; destinations by service, and what their servers said
logs/           what was logged, with room names and network addresses of viewers

Stream keys, passphrases and passwords are in none of it.
";

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use proptest::prelude::*;

    use super::{Part, Secrets, write};

    fn read_back(archive: &[u8]) -> String {
        let mut files = tar::Archive::new(flate2::read::GzDecoder::new(archive));
        let mut all = String::new();
        for file in files.entries().unwrap() {
            file.unwrap().read_to_string(&mut all).unwrap();
        }
        all
    }

    proptest! {
        /// Whatever the keys are, and wherever somebody let them slip into a text.
        #[test]
        fn no_key_of_the_store_is_in_a_report(
            keys in prop::collection::vec("[!-~]{4,40}", 1..6),
            around in prop::collection::vec("[ -~\n]{0,60}", 1..8),
        ) {
            let text = around.join(&keys.join(""));
            let secrets = Secrets::new(keys.iter().cloned());
            let mut archive = Vec::new();
            let parts = [Part { name: "logs/rostrum.log".to_owned(), text }];
            write(&mut archive, &parts, &secrets, 0).unwrap();
            let report = read_back(&archive);
            for key in keys {
                prop_assert!(!report.contains(&key), "{key} is in {report}");
            }
        }
    }

    #[test]
    fn what_is_no_secret_stays() {
        let parts = [Part { name: "a.txt".to_owned(), text: "live on Twitch with k3y".to_owned() }];
        let mut archive = Vec::new();
        write(&mut archive, &parts, &Secrets::new(["k3y".to_owned(), String::new()].into_iter()), 0).unwrap();
        assert_eq!(read_back(&archive), "live on Twitch with •••");
    }
}

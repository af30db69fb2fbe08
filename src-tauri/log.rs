//! The log: to stderr, to a file in the data folder that never grows without bound, and its last lines for the window.
//!
//! Keys are not logged anywhere (DESIGN §8 rule 2), so what is kept here may be shown.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, fmt};

use crate::origin_view::{LogLevel, LogLine};

/// What was logged last.
#[derive(Clone, Debug, Default)]
pub struct Log(Arc<Mutex<VecDeque<LogLine>>>);

/// Begins to log; `folder` is the data folder.
pub fn start(folder: Option<&Path>) -> Log {
    let log = Log::default();
    let filter = || EnvFilter::try_from_env("ROSTRUM_LOG").unwrap_or_else(|_| EnvFilter::new(LOG_FILTER));
    let file = folder.and_then(|folder| Rotating::open(folder.join(FOLDER)).ok());
    let to_file =
        file.map(|file| fmt::layer().with_ansi(false).with_writer(Mutex::new(file)).with_filter(filter()));
    let lines = fmt::layer().without_time().with_level(false).with_ansi(false).with_writer(log.clone());
    tracing_subscriber::registry()
        .with(fmt::layer().with_writer(io::stderr).with_filter(filter()))
        .with(to_file)
        .with(lines.with_filter(EnvFilter::new(LOG_FILTER)))
        .init();
    log
}

/// The files of the log in the data folder, the newest first, whether they are there or not.
#[must_use]
pub fn files(folder: &Path) -> Vec<PathBuf> {
    (0..FILES).map(|number| numbered(&folder.join(FOLDER), number)).collect()
}

impl Log {
    /// The last lines, the oldest first.
    #[must_use]
    pub fn lines(&self) -> Vec<LogLine> {
        self.guard().iter().cloned().collect()
    }

    fn guard(&self) -> MutexGuard<'_, VecDeque<LogLine>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line { log: self, level: LogLevel::Info }
    }

    fn make_writer_for(&'a self, event: &Metadata<'_>) -> Line<'a> {
        let level = match *event.level() {
            Level::ERROR => LogLevel::Error,
            Level::WARN => LogLevel::Warn,
            _ => LogLevel::Info,
        };
        Line { log: self, level }
    }
}

/// Takes one event as text.
pub struct Line<'a> {
    log: &'a Log,
    level: LogLevel,
}

impl Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text: String = String::from_utf8_lossy(bytes).trim().chars().take(LINE_CHARS_MAX).collect();
        let mut lines = self.log.guard();
        if lines.len() == LINES_MAX {
            lines.pop_front();
        }
        lines.push_back(LogLine { at_s: crate::hosting::unix_s(), level: self.level, text });
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A file that gives its place to a new one when it is full; the oldest goes.
struct Rotating {
    folder: PathBuf,
    file: File,
    bytes: u64,
}

impl Rotating {
    fn open(folder: PathBuf) -> io::Result<Rotating> {
        std::fs::create_dir_all(&folder)?;
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(numbered(&folder, 0))?;
        let bytes = file.metadata()?.len();
        Ok(Rotating { folder, file, bytes })
    }

    fn rotate(&mut self) -> io::Result<()> {
        for number in (1..FILES).rev() {
            let (from, to) = (numbered(&self.folder, number - 1), numbered(&self.folder, number));
            match std::fs::rename(from, to) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        *self = Rotating::open(self.folder.clone())?;
        Ok(())
    }
}

impl Write for Rotating {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes > 0 && self.bytes + bytes.len() as u64 > FILE_BYTES_MAX {
            self.rotate()?;
        }
        let written = self.file.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn numbered(folder: &Path, number: u32) -> PathBuf {
    folder.join(if number == 0 { "rostrum.log".to_owned() } else { format!("rostrum.{number}.log") })
}

/// In the data folder.
pub(crate) const FOLDER: &str = "logs";
/// As much as a week of broadcasts, in all 4 MB.
const FILES: u32 = 4;
const FILE_BYTES_MAX: u64 = 1_000_000;
/// As many as somebody reads in a window. Full: the oldest goes.
const LINES_MAX: usize = 200;
/// The client of D-Bus warns of a portal's objects that have no properties.
const LOG_FILTER: &str = "info,zbus=error";
/// An encoder's reason may be a page long.
const LINE_CHARS_MAX: usize = 400;

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::{FILE_BYTES_MAX, Line, Log, Rotating, files};
    use crate::origin_view::LogLevel;

    #[test]
    fn a_full_file_gives_way_and_the_oldest_goes() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = Rotating::open(folder.path().join("logs")).unwrap();
        let block = vec![b'x'; FILE_BYTES_MAX as usize / 2 + 1];
        for number in 0..8_u8 {
            log.write_all(&[number]).unwrap();
            log.write_all(&block).unwrap();
        }
        let first = |file: &std::path::PathBuf| std::fs::read(file).unwrap()[0];
        let kept: Vec<u8> = files(folder.path()).iter().map(first).collect();
        assert_eq!(kept.len(), 4);
        assert!(files(folder.path()).iter().all(|file| file.metadata().unwrap().len() <= FILE_BYTES_MAX));
        assert_eq!(std::fs::read_dir(folder.path().join("logs")).unwrap().count(), 4);
    }

    #[test]
    fn the_last_lines_are_kept_and_no_more() {
        let log = Log::default();
        for number in 0..300 {
            let mut line = Line { log: &log, level: LogLevel::Warn };
            // In one piece, as events come.
            line.write_all(format!("line {number}\n").as_bytes()).unwrap();
        }
        let lines = log.lines();
        let texts = (lines[0].text.as_str(), lines.last().unwrap().text.as_str());
        assert_eq!((lines.len(), texts), (200, ("line 100", "line 299")));
    }
}

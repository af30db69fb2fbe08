//! Files as people have them are read as FFmpeg reads them, and whatever else is in a file does no harm.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod clips;
mod hostile;
mod refusal;

use std::path::PathBuf;

use bytes::Bytes;
use container::stored::{Error, Reader};
use media::{MediaEvent, StreamChecker};
use testkit::{ffmpeg, media_file};

/// What came of a file.
struct Read {
    events: Vec<MediaEvent>,
    reader: Reader,
    /// Bytes that were asked for.
    bytes: u64,
}

/// Every event of `file`, held to the invariants.
fn read(file: &Bytes) -> Result<Read, Error> {
    let (mut reader, mut checker) = (Reader::new(file.len() as u64), StreamChecker::new());
    let (mut events, mut bytes) = (Vec::new(), 0);
    while let Some(wanted) = reader.wanted() {
        let at = usize::try_from(wanted.at).unwrap();
        assert!(at + wanted.bytes <= file.len(), "{wanted:?} of {} bytes", file.len());
        bytes += wanted.bytes as u64;
        reader.take(file.slice(at..at + wanted.bytes))?;
        while let Some(event) = reader.poll() {
            checker.check(&event).expect("the invariants of media");
            events.push(event);
        }
    }
    Ok(Read { events, reader, bytes })
}

fn clip(name: &str) -> Option<Bytes> {
    media_file(name).map(|path| std::fs::read(path).unwrap().into())
}

/// A clip as FFmpeg writes it anew with `arguments`, nothing coded again. The extension tells the format.
fn remuxed(name: &str, extension: &str, arguments: &[&str]) -> Option<(Folder, PathBuf)> {
    let from = media_file(name)?;
    let folder = Folder::new();
    let to = folder.0.join(format!("file.{extension}"));
    let begin =
        ["-y", "-v", "error", "-i", from.to_str().unwrap(), "-map", "0:v:0?", "-map", "0:a:0?", "-c", "copy"];
    let made = ffmpeg::run(&[&begin[..], arguments, &[to.to_str().unwrap()]].concat())?;
    assert!(made.status.success(), "{name}: {}", String::from_utf8_lossy(&made.stderr));
    Some((folder, to))
}

/// A folder that goes away with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        static NUMBER: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("rostrum-stored-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

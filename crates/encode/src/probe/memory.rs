//! What was found out about encoders, in a file of the user's.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// What was found out about one encoder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    /// What it was found with ([`super::identity::of`]).
    pub(super) driver: String,
    /// Why it is not to be used; `None` when it works.
    pub(super) reason: Option<String>,
    /// Unix time, seconds.
    pub(super) tried_at: u64,
}

/// By the encoder's name.
pub(super) type Verdicts = BTreeMap<String, Verdict>;

/// The file. One that is missing, damaged or of another version remembers nothing.
#[derive(Clone, Debug)]
pub(super) struct Memory(PathBuf);

impl Memory {
    /// `encoders.json` in the folder for what can be found out anew; `None` where the user has none.
    pub(super) fn of_this_user() -> Option<Memory> {
        let of = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let caches = of("XDG_CACHE_HOME").or_else(|| Some(of("HOME")?.join(".cache")))?;
        Some(Memory(caches.join("rostrum").join("encoders.json")))
    }

    /// Everything that is remembered.
    pub(super) fn read(&self) -> Verdicts {
        let mut text = String::new();
        let read = fs::File::open(&self.0).and_then(|file| file.take(BYTES_MAX).read_to_string(&mut text));
        match read {
            Ok(_) => parse(&text).unwrap_or_default(),
            Err(_) => Verdicts::new(),
        }
    }

    /// Remembers these too. What cannot be written is found out anew another time.
    pub(super) fn add(&self, verdicts: Vec<(&'static str, Verdict)>) {
        let mut all = self.read();
        all.extend(verdicts.into_iter().map(|(name, verdict)| (name.to_owned(), verdict)));
        if let Err(error) = write(&self.0, &text(&all)) {
            tracing::debug!(%error, file = %self.0.display(), "what was found out about encoders is not kept");
        }
    }
}

fn parse(text: &str) -> Option<Verdicts> {
    let file: Value = serde_json::from_str(text).ok()?;
    if file["version"] != VERSION {
        return None;
    }
    let verdicts = file["encoders"].as_object()?.iter().map(|(name, verdict)| {
        let reason = match &verdict["reason"] {
            Value::Null => None,
            reason => Some(reason.as_str()?.to_owned()),
        };
        let driver = verdict["driver"].as_str()?.to_owned();
        Some((name.clone(), Verdict { driver, reason, tried_at: verdict["tried_at"].as_u64()? }))
    });
    verdicts.collect()
}

fn text(verdicts: &Verdicts) -> String {
    let encoders = verdicts.iter().map(|(name, verdict)| {
        let Verdict { driver, reason, tried_at } = verdict;
        (name.clone(), json!({ "driver": driver, "reason": reason, "tried_at": tried_at }))
    });
    json!({ "version": VERSION, "encoders": encoders.collect::<serde_json::Map<_, _>>() }).to_string()
}

/// Puts the file there whole or not at all.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// Another version of the file is another file.
const VERSION: u64 = 1;

/// Two dozen encoders of some hundred bytes each.
const BYTES_MAX: u64 = 256 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(reason: Option<&str>) -> Verdict {
        Verdict { driver: "driver 1".to_owned(), reason: reason.map(str::to_owned), tried_at: 1_700_000_000 }
    }

    #[test]
    fn what_was_found_is_there_the_next_time_and_added_to() {
        let folder = tempfile::tempdir().expect("a folder");
        let memory = Memory(folder.path().join("new").join("encoders.json"));
        assert_eq!(memory.read(), Verdicts::new());
        memory.add(vec![("libx264", verdict(None))]);
        memory.add(vec![("h264_vaapi", verdict(Some("its pictures come out green")))]);
        let read = memory.read();
        assert_eq!(read.len(), 2);
        assert_eq!(read["libx264"], verdict(None));
        assert_eq!(read["h264_vaapi"], verdict(Some("its pictures come out green")));
        let left = fs::read_dir(folder.path().join("new")).expect("a folder").count();
        assert_eq!(left, 1, "no half-written file is left");
    }

    #[test]
    fn a_damaged_file_remembers_nothing_and_is_written_anew() {
        let folder = tempfile::tempdir().expect("a folder");
        let memory = Memory(folder.path().join("encoders.json"));
        memory.add(vec![("libx264", verdict(None))]);
        let whole = fs::read_to_string(&memory.0).expect("it was written");
        let other = whole.replace("\"version\":1", "\"version\":2");
        for damaged in
            [&whole[..whole.len() / 2], "", "[1]", "{\"version\":1,\"encoders\":{\"a\":3}}", &other]
        {
            fs::write(&memory.0, damaged).expect("a file");
            assert_eq!(memory.read(), Verdicts::new(), "{damaged}");
            memory.add(vec![("libx264", verdict(None))]);
            assert_eq!(memory.read().len(), 1);
        }
    }
}

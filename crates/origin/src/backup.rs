//! One file with everything that a data folder holds, made while an origin runs on it or not.
//!
//! It is a tar archive of a data folder: unpacked, an origin starts on it. The database is copied first and as it was at
//! one moment; what is recorded after that moment is in the archive and not in the database.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use tar::{Builder, EntryType, Header};
use thiserror::Error;

use crate::data_folder::{DATABASE, is_of_a_process};
use crate::recordings;
use crate::store::{self, StoreError};

/// How much of a data folder a backup has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contents {
    /// All that an origin keeps.
    Everything,
    /// The same but recordings, which may take more room than all the rest: an origin that starts on it offers none.
    WithoutRecordings,
}

/// Why there is no backup.
#[derive(Debug, Error)]
#[expect(missing_docs, reason = "each message says it")]
pub enum BackupError {
    #[error("{} holds no database: --data names the folder of an origin", .0.display())]
    NoDatabase(PathBuf),
    #[error("{} lies in the data folder, so it would become a part of itself: choose a place outside", .0.display())]
    Inside(PathBuf),
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl BackupError {
    /// What it comes from, as the system calls it.
    #[must_use]
    pub fn kind(&self) -> io::ErrorKind {
        match self {
            BackupError::NoDatabase(_) => io::ErrorKind::NotFound,
            BackupError::Inside(_) => io::ErrorKind::InvalidInput,
            BackupError::Io { source, .. } => source.kind(),
            BackupError::Store(error) => error.kind(),
        }
    }
}

/// Writes what the data folder `data` holds to `file`, readable by this user only, and answers its size in bytes. An older
/// `file` is replaced when the new one is whole. Takes as long as copying it does.
///
/// # Errors
/// [`BackupError`]; nothing is left behind then.
pub fn write(data: &Path, file: &Path, contents: Contents) -> Result<u64, BackupError> {
    let database = data.join(DATABASE);
    if !database.is_file() {
        return Err(BackupError::NoDatabase(data.to_owned()));
    }
    let place = match file.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let resolved = |path: &Path| path.canonicalize().map_err(at(path));
    if resolved(place)?.starts_with(resolved(data)?) {
        return Err(BackupError::Inside(file.to_owned()));
    }
    let part = Part(beside(file, "part"));
    let copy = Part(beside(file, "database"));
    store::copy(&database, &copy.0)?;
    if contents == Contents::WithoutRecordings {
        store::without_recordings(&copy.0)?;
    }
    let archive = File::options().write(true).create_new(true).mode(0o600).open(&part.0);
    let mut archive = Builder::new(archive.map_err(at(&part.0))?);
    append(&mut archive, &copy.0, Path::new(DATABASE))?;
    append_folder(&mut archive, data, Path::new(""), contents)?;
    let done = archive.into_inner().and_then(|archive| archive.sync_all()).map_err(at(&part.0));
    done?;
    let size = std::fs::metadata(&part.0).map_err(at(&part.0))?.len();
    std::fs::rename(&part.0, file).map_err(at(file))?;
    Ok(size)
}

/// A file that is there while a backup is made. What a backup that was killed left is removed.
struct Part(PathBuf);

impl Drop for Part {
    fn drop(&mut self) {
        // It is not there, or has its own name by now: then nothing is left to do.
        let _ = std::fs::remove_file(&self.0);
    }
}

fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(format!(".{}.{ending}", std::process::id()));
    PathBuf::from(name)
}

/// Appends what stands in `data` at `below`, besides what belongs to the process that runs there.
fn append_folder(
    archive: &mut Builder<File>,
    data: &Path,
    below: &Path,
    contents: Contents,
) -> Result<(), BackupError> {
    let folder = data.join(below);
    let entries = std::fs::read_dir(&folder).map_err(at(&folder))?;
    for entry in entries {
        let entry = entry.map_err(at(&folder))?;
        let name = below.join(entry.file_name());
        let kind = entry.file_type().map_err(at(&entry.path()))?;
        let left_out = contents == Contents::WithoutRecordings && name == Path::new(recordings::FOLDER);
        if left_out || is_of_a_process(&name) {
            continue;
        }
        if kind.is_dir() {
            append_folder(archive, data, &name, contents)?;
        } else if kind.is_file() {
            append(archive, &entry.path(), &name)?;
        }
    }
    Ok(())
}

/// Appends one file as long as it is now: what is recorded just now grows on. One that is gone by now is left out.
fn append(archive: &mut Builder<File>, path: &Path, name: &Path) -> Result<(), BackupError> {
    let file = match OpenOptions::new().read(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(BackupError::Io { path: path.to_owned(), source }),
    };
    let metadata = file.metadata().map_err(at(path))?;
    let size = metadata.len();
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Regular);
    header.set_size(size);
    header.set_mode(metadata.mode() & 0o777);
    header.set_mtime(metadata.mtime().try_into().unwrap_or(0));
    // One that was cut off meanwhile is filled up, since its size stands before it.
    let mut whole = file.take(size).chain(io::repeat(0)).take(size);
    archive.append_data(&mut header, name, &mut whole).map_err(at(path))
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> BackupError + '_ {
    move |source| BackupError::Io { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use rooms::Slug;

    use super::*;
    use crate::data_folder::Folder;
    use crate::store::{NewAccount, NewRoom, Role, Store, WallSpan};

    fn folder() -> PathBuf {
        std::env::temp_dir().join(format!("rostrum-backup-{}", crate::secret::random()))
    }

    fn account(name: &str) -> NewAccount {
        let name = rooms::Name::account(name).unwrap();
        NewAccount { name, password: None, role: Role::Admin, local: false }
    }

    #[tokio::test]
    async fn what_a_running_origin_holds_is_there_after_it_is_unpacked() {
        let (data, place) = (Folder::lock(&folder()).unwrap(), folder());
        let store = Store::open(&data.database()).unwrap();
        store.create_account(account("mara"), 1).await.unwrap();
        std::fs::create_dir(data.path().join("recordings")).unwrap();
        std::fs::write(data.path().join("recordings/a-1.mp4"), b"media").unwrap();
        std::fs::write(data.path().join("srt-passphrase"), b"correct horse").unwrap();
        std::fs::create_dir(&place).unwrap();
        let file = place.join("rostrum.tar");
        std::fs::write(&file, b"yesterday's").unwrap();
        let size = write(data.path(), &file, Contents::Everything).unwrap();
        let metadata = std::fs::metadata(&file).unwrap();
        assert_eq!((metadata.len(), metadata.permissions().mode() & 0o777), (size, 0o600));
        assert_eq!(std::fs::read_dir(&place).unwrap().count(), 1, "nothing else is left");
        store.create_account(account("late"), 2).await.unwrap();

        let restored = folder();
        tar::Archive::new(File::open(&file).unwrap()).unpack(&restored).unwrap();
        let restored = Folder::lock(&restored).unwrap();
        let names = std::fs::read_dir(restored.path()).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
        names.sort();
        assert_eq!(names, ["lock", "recordings", "rostrum.db", "srt-passphrase"]);
        assert_eq!(std::fs::read(restored.path().join("recordings/a-1.mp4")).unwrap(), b"media");
        let mode = std::fs::metadata(restored.database()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let store = Store::open(&restored.database()).unwrap();
        assert!(store.account("mara").await.unwrap().is_some());
        assert!(store.account("late").await.unwrap().is_none(), "made after the backup");
    }

    #[tokio::test]
    async fn a_backup_without_recordings_names_none_that_it_has_not() {
        let (data, place) = (Folder::lock(&folder()).unwrap(), folder());
        let store = Store::open(&data.database()).unwrap();
        store.create_account(account("mara"), 1).await.unwrap();
        let demo: Slug = "demo".parse().unwrap();
        let room = NewRoom { slug: demo.clone(), title: "Demo".to_owned(), owner: None, record: true };
        store.create_room(room, "key".to_owned(), 1).await.unwrap();
        store.begin_recording("a".repeat(32), demo, Vec::new(), 1).await.unwrap();
        store.add_span("a".repeat(32), WallSpan { media_ms: 0, unix_ms: 1 }).await.unwrap();
        for folder in ["recordings", "uploads"] {
            std::fs::create_dir(data.path().join(folder)).unwrap();
            std::fs::write(data.path().join(folder).join("a-1.mp4"), b"media").unwrap();
        }
        std::fs::create_dir(&place).unwrap();
        let file = place.join("rostrum.tar");
        write(data.path(), &file, Contents::WithoutRecordings).unwrap();
        assert_eq!(std::fs::read_dir(&place).unwrap().count(), 1, "nothing else is left");

        let restored = folder();
        tar::Archive::new(File::open(&file).unwrap()).unpack(&restored).unwrap();
        let restored = Folder::lock(&restored).unwrap();
        assert!(!restored.path().join("recordings").exists());
        assert!(restored.path().join("uploads/a-1.mp4").exists());
        let again = Store::open(&restored.database()).unwrap();
        assert!(again.account("mara").await.unwrap().is_some());
        assert_eq!(again.rooms().await.unwrap().len(), 1);
        let id = "a".repeat(32);
        assert!(again.recording(id.clone()).await.unwrap().is_none());
        assert!(store.recording(id).await.unwrap().is_some(), "the origin itself keeps it");
    }

    #[test]
    fn a_backup_that_cannot_be_written_says_what_it_comes_from() {
        let data = Folder::lock(&folder()).unwrap();
        drop(Store::open(&data.database()).unwrap());
        let nowhere = folder().join("rostrum.tar");
        let wrong = write(data.path(), &nowhere, Contents::WithoutRecordings).unwrap_err();
        assert_eq!(wrong.kind(), io::ErrorKind::NotFound, "{wrong}");
    }

    #[test]
    fn a_backup_needs_a_database_and_a_place_outside() {
        let data = Folder::lock(&folder()).unwrap();
        assert!(matches!(
            write(data.path(), &folder(), Contents::Everything),
            Err(BackupError::NoDatabase(_))
        ));
        drop(Store::open(&data.database()).unwrap());
        let inside = data.path().join("backup.tar");
        assert!(matches!(write(data.path(), &inside, Contents::Everything), Err(BackupError::Inside(_))));
        assert!(!inside.exists());
    }
}

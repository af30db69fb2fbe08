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
use crate::store::{self, StoreError};

/// Why there is no backup.
#[derive(Debug, Error)]
pub(crate) enum BackupError {
    #[error("{} holds no database: --data names the folder of an origin", .0.display())]
    NoDatabase(PathBuf),
    #[error("{} lies in the data folder, so it would become a part of itself: choose a place outside", .0.display())]
    Inside(PathBuf),
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Writes everything of the data folder `data` to `file`, readable by this user only, and answers its size in bytes. An
/// older `file` is replaced when the new one is whole.
///
/// # Errors
/// [`BackupError`]; nothing is left behind then.
pub(crate) fn write(data: &Path, file: &Path) -> Result<u64, BackupError> {
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
    let archive = File::options().write(true).create_new(true).mode(0o600).open(&part.0);
    let mut archive = Builder::new(archive.map_err(at(&part.0))?);
    append(&mut archive, &copy.0, Path::new(DATABASE))?;
    append_folder(&mut archive, data, Path::new(""))?;
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
fn append_folder(archive: &mut Builder<File>, data: &Path, below: &Path) -> Result<(), BackupError> {
    let folder = data.join(below);
    let entries = std::fs::read_dir(&folder).map_err(at(&folder))?;
    for entry in entries {
        let entry = entry.map_err(at(&folder))?;
        let name = below.join(entry.file_name());
        let kind = entry.file_type().map_err(at(&entry.path()))?;
        if is_of_a_process(&name) {
            continue;
        }
        if kind.is_dir() {
            append_folder(archive, data, &name)?;
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

    use super::*;
    use crate::data_folder::Folder;
    use crate::store::{NewAccount, Role, Store};

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
        let size = write(data.path(), &file).unwrap();
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

    #[test]
    fn a_backup_needs_a_database_and_a_place_outside() {
        let data = Folder::lock(&folder()).unwrap();
        assert!(matches!(write(data.path(), &folder()), Err(BackupError::NoDatabase(_))));
        drop(Store::open(&data.database()).unwrap());
        let inside = data.path().join("backup.tar");
        assert!(matches!(write(data.path(), &inside), Err(BackupError::Inside(_))));
        assert!(!inside.exists());
    }
}

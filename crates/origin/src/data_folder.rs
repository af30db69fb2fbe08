//! The data folder: one origin at a time, and how the other commands find it.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A data folder that this process has locked; dropping it unlocks it and removes `run.json`.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    // The lock is the kernel's: it ends with the process, however that ends.
    lock: File,
}

/// What a running origin tells the other commands on this machine.
#[derive(Clone, Serialize, Deserialize)]
pub struct RunFile {
    /// Its process.
    pub pid: u32,
    /// Where HTTP is bound.
    pub http: SocketAddr,
    /// Where RTMP is bound.
    pub rtmp: SocketAddr,
    /// Where HTTP over TLS is bound, if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub https: Option<SocketAddr>,
    /// Where RTMP over TLS is bound, if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rtmps: Option<SocketAddr>,
    /// Where SRT is bound.
    pub srt: SocketAddr,
    /// A bearer token with an admin's rights, new at every start.
    pub token: String,
}

/// Why a data folder cannot be used.
#[derive(Debug, Error)]
pub enum FolderError {
    /// Another process has it.
    #[error(
        "the data folder {} is in use by another origin{}: stop that one, or choose another folder with --data",
        path.display(), pid.map(|pid| format!(" (process {pid})")).unwrap_or_default()
    )]
    Locked {
        /// The folder.
        path: PathBuf,
        /// The other process, when it left its `run.json`.
        pid: Option<u32>,
    },
    /// The passphrase in it cannot be used.
    #[error("{}: {source}; put one on the first line, or remove the file to publish without", path.display())]
    Passphrase {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: srt::PassphraseError,
    },
    /// It cannot be made, read or written.
    #[error("data folder {}: {source}", path.display())]
    Io {
        /// The folder or the file in it.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl Folder {
    /// Makes the folder when it is missing, and locks it.
    ///
    /// # Errors
    /// [`FolderError::Locked`] when another process holds it, [`FolderError::Io`] otherwise.
    pub fn lock(path: &Path) -> Result<Folder, FolderError> {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(io(path))?;
        let lock_path = path.join(LOCK_FILE);
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&lock_path)
            .map_err(io(&lock_path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Folder { path: path.to_owned(), lock }),
            Err(std::fs::TryLockError::WouldBlock) => {
                Err(FolderError::Locked { path: path.to_owned(), pid: read_run(path).map(|run| run.pid) })
            }
            Err(std::fs::TryLockError::Error(source)) => Err(FolderError::Io { path: lock_path, source }),
        }
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The database in it.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.path.join(DATABASE)
    }

    /// Where the origin's own certificate is kept.
    #[must_use]
    pub fn tls(&self) -> PathBuf {
        self.path.join("tls")
    }

    /// The passphrase that SRT publishers have to know: the first line of `srt-passphrase`. None when there is no
    /// such file. The file is made readable by this user only.
    ///
    /// # Errors
    /// [`FolderError::Io`], [`FolderError::Passphrase`].
    pub fn srt_passphrase(&self) -> Result<Option<srt::Passphrase>, FolderError> {
        let path = self.path.join(PASSPHRASE_FILE);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(FolderError::Io { path, source }),
        };
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).map_err(io(&path))?;
        let passphrase = srt::Passphrase::new(text.lines().next().unwrap_or_default().trim());
        passphrase.map(Some).map_err(|source| FolderError::Passphrase { path, source })
    }

    /// Writes `run.json`, readable by this user only. It appears whole or not at all.
    ///
    /// # Errors
    /// [`FolderError::Io`].
    pub fn write_run(&self, run: &RunFile) -> Result<(), FolderError> {
        let part = self.path.join(NEW_RUN_FILE);
        let write = || -> std::io::Result<()> {
            if part.exists() {
                std::fs::remove_file(&part)?;
            }
            let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&part)?;
            file.write_all(&serde_json::to_vec(run)?)?;
            std::fs::rename(&part, self.path.join(RUN_FILE))
        };
        write().map_err(io(&part))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A missing file is what is wanted; any other failure leaves a file whose process is gone,
        // which readers take for what it is because nobody holds the lock.
        let _ = std::fs::remove_file(self.path.join(RUN_FILE));
        // A child that this process has begun, and that has not become another program yet, holds the file open too: closing
        // it here would leave it locked for that moment. Where unlocking fails, closing is what is left.
        let _ = self.lock.unlock();
    }
}

/// What the origin that runs on `folder` left for others; `None` when there is none.
#[must_use]
pub fn read_run(folder: &Path) -> Option<RunFile> {
    let text = std::fs::read_to_string(folder.join(RUN_FILE)).ok()?;
    serde_json::from_str(&text).ok()
}

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> FolderError + '_ {
    move |source| FolderError::Io { path: path.to_owned(), source }
}

/// Whether what stands there, told from the data folder, is of the process that runs, and not of what it keeps.
pub(crate) fn is_of_a_process(name: &Path) -> bool {
    let database = |ending: &str| format!("{DATABASE}{ending}");
    let names = [RUN_FILE, NEW_RUN_FILE, LOCK_FILE, "logs"].map(str::to_owned);
    let databases = ["", "-wal", "-shm"].map(database);
    names.iter().chain(&databases).any(|known| name == Path::new(known))
}

/// The database's file.
pub(crate) const DATABASE: &str = "rostrum.db";
const RUN_FILE: &str = "run.json";
const NEW_RUN_FILE: &str = ".run.json.new";
const LOCK_FILE: &str = "lock";
const PASSPHRASE_FILE: &str = "srt-passphrase";

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("rostrum-folder-{name}-{}", std::process::id()))
    }

    #[test]
    fn a_folder_has_one_owner_at_a_time() {
        let path = folder("one");
        let held = Folder::lock(&path).unwrap();
        assert!(matches!(Folder::lock(&path), Err(FolderError::Locked { .. })));
        drop(held);
        Folder::lock(&path).unwrap();
    }

    #[test]
    fn a_folder_is_free_as_soon_as_it_is_dropped_also_while_a_child_has_its_file_open() {
        let path = folder("child");
        let held = Folder::lock(&path).unwrap();
        // What a child has between its beginning and its program.
        let inherited = held.lock.try_clone().unwrap();
        drop(held);
        Folder::lock(&path).unwrap();
        drop(inherited);
    }

    #[test]
    fn the_passphrase_is_the_first_line_of_its_file_which_is_made_private() {
        let held = Folder::lock(&folder("passphrase")).unwrap();
        assert_eq!(held.srt_passphrase().unwrap(), None);
        let path = held.path().join(PASSPHRASE_FILE);
        std::fs::write(&path, "correct horse\n").unwrap();
        assert_eq!(held.srt_passphrase().unwrap(), Some(srt::Passphrase::new("correct horse").unwrap()));
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::write(&path, "short").unwrap();
        let words = held.srt_passphrase().unwrap_err().to_string();
        assert!(words.contains("10 to 79 bytes") && !words.contains("short"), "{words}");
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn the_run_file_is_private_and_goes_with_its_owner() {
        let path = folder("run");
        let held = Folder::lock(&path).unwrap();
        let address = "127.0.0.1:1".parse().unwrap();
        let (https, rtmps, token) = (None, None, "t".to_owned());
        let run = RunFile { pid: 7, http: address, rtmp: address, srt: address, https, rtmps, token };
        held.write_run(&run).unwrap();
        let mode = std::fs::metadata(path.join(RUN_FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(read_run(&path).unwrap().pid, 7);
        drop(held);
        assert!(read_run(&path).is_none());
    }
}

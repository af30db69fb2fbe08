//! A backup of the origin's data for a person who has no shell: rooms, users and settings, without replays.

use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Local};
use origin::backup::{BackupError, Contents, write};

use crate::app::{App, Document, Error};
use crate::{hosting, report};

impl App {
    /// Saves what the origin keeps, whether it runs or not, where the person finds it, and tells the file.
    ///
    /// # Errors
    /// [`Error::NothingToSave`] when the origin never ran; [`Error::Document`] when the file cannot be written.
    pub async fn save_backup(&self) -> Result<String, Error> {
        let (data, folder) = (hosting::data(&self.folder), report::folder(&self.folder));
        let saved = tokio::task::spawn_blocking(move || save(&data, &folder, Local::now()));
        let file = saved.await.map_err(|_| Error::Closing)??;
        Ok(file.display().to_string())
    }
}

fn save(data: &Path, folder: &Path, at: DateTime<Local>) -> Result<PathBuf, Error> {
    let file = folder.join(format!("Rostrum backup {}.tar", at.format("%Y-%m-%d %H.%M.%S")));
    let written = std::fs::create_dir_all(folder)
        .map_err(|source| BackupError::Io { path: folder.to_owned(), source })
        .and_then(|()| write(data, &file, Contents::WithoutRecordings));
    match written {
        Ok(_) => Ok(file),
        Err(BackupError::NoDatabase(_)) => Err(Error::NothingToSave),
        Err(error) => {
            let source = io::Error::new(error.kind(), error.to_string());
            Err(Error::Document { what: Document::Backup, folder: folder.to_owned(), source })
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::os::unix::fs::PermissionsExt as _;

    use chrono::Local;

    use super::save;
    use crate::app::{Document, Error};

    /// The data folder of an origin that ran.
    fn ran(data: &std::path::Path) {
        drop(origin::store::Store::open(&data.join("rostrum.db")).unwrap());
    }

    #[test]
    fn a_backup_is_a_file_of_its_own_that_this_user_alone_may_read() {
        let (data, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        ran(data.path());
        let file = save(data.path(), &place.path().join("reports"), Local::now()).unwrap();
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let mut archive = tar::Archive::new(std::fs::File::open(&file).unwrap());
        let names = archive.entries().unwrap().map(|entry| entry.unwrap().path().unwrap().into_owned());
        assert_eq!(names.collect::<Vec<_>>(), [std::path::Path::new("rostrum.db")]);
    }

    #[test]
    fn an_origin_that_never_ran_has_nothing_to_save() {
        let (data, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        assert!(matches!(save(data.path(), place.path(), Local::now()), Err(Error::NothingToSave)));
    }

    #[test]
    fn a_folder_that_cannot_be_there_is_told() {
        let (data, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        ran(data.path());
        std::fs::write(place.path().join("file"), "").unwrap();
        let nowhere = place.path().join("file/reports");
        match save(data.path(), &nowhere, Local::now()) {
            Err(Error::Document { what: Document::Backup, folder, source }) => {
                assert_eq!((folder, source.kind()), (nowhere, ErrorKind::NotADirectory));
            }
            other => panic!("{other:?}"),
        }
    }
}

//! What a desktop gives once the person has chosen a screen, so that it need not ask at the next start.

use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// A file that holds the desktop's word for the choice. It serves once: each start gives a new one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScreenPermission(PathBuf);

impl ScreenPermission {
    /// Kept in `file`, which need not be there yet.
    #[must_use]
    pub fn in_file(file: PathBuf) -> ScreenPermission {
        ScreenPermission(file)
    }

    /// Lets the desktop ask again.
    ///
    /// # Errors
    /// When there is one, and it cannot be removed.
    pub fn forget(&self) -> io::Result<()> {
        match fs::remove_file(&self.0) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// The one of the last start; `None` where the person is to be asked.
    pub(crate) fn read(&self) -> Option<String> {
        let mut token = String::new();
        let file = fs::File::open(&self.0).ok()?;
        // One that is longer is none of ours; the desktop then asks.
        file.take(BYTES_MAX + 1).read_to_string(&mut token).ok()?;
        let sound = !token.is_empty() && token.len() as u64 <= BYTES_MAX;
        sound.then_some(token)
    }

    /// Keeps the one of this start, for this user alone: it opens the screen without a question.
    pub(crate) fn keep(&self, token: Option<&str>) -> io::Result<()> {
        let Some(token) = token.filter(|token| !token.is_empty() && token.len() as u64 <= BYTES_MAX) else {
            return self.forget();
        };
        if let Some(folder) = self.0.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        // Renamed into its place: a start that is cut short leaves the old one.
        let new = self.beside();
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        file.set_permissions(Permissions::from_mode(0o600))?;
        file.write_all(token.as_bytes())?;
        fs::rename(&new, &self.0)
    }

    fn beside(&self) -> PathBuf {
        let mut name = self.0.file_name().unwrap_or_default().to_owned();
        name.push(".new");
        self.0.with_file_name(name)
    }
}

impl AsRef<Path> for ScreenPermission {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

/// Desktops give an UUID.
const BYTES_MAX: u64 = 4_096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_is_kept_for_this_user_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let permission = ScreenPermission::in_file(folder.path().join("state/screen"));
        assert_eq!(permission.read(), None);
        for token in ["first", "second"] {
            permission.keep(Some(token)).expect("it can be written");
            assert_eq!(permission.read().as_deref(), Some(token));
        }
        let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
        assert_eq!(mode(permission.as_ref()), 0o600);
        assert_eq!(mode(&folder.path().join("state")), 0o700);
    }

    #[test]
    fn one_that_was_used_up_or_forgotten_is_gone() {
        let folder = tempfile::tempdir().expect("a folder");
        let permission = ScreenPermission::in_file(folder.path().join("screen"));
        permission.keep(Some("once")).expect("it can be written");
        permission.keep(None).expect("it can be removed");
        assert_eq!(permission.read(), None);
        permission.forget().expect("nothing is there to remove");
    }

    #[test]
    fn what_no_desktop_gives_is_not_handed_in() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("screen");
        let permission = ScreenPermission::in_file(file.clone());
        for content in [vec![b'a'; 5_000], vec![0xff, 0xfe], Vec::new()] {
            fs::write(&file, content).expect("it can be written");
            assert_eq!(permission.read(), None);
        }
    }
}

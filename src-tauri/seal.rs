//! What is secret in a file of the data folder: encrypted, with a key that is in another folder. A copy of the data folder alone
//! gives nothing away; whoever can read everything that this user can read has both.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use tracing::warn;

/// Encrypts and decrypts with the key of this user.
#[derive(Clone)]
pub(crate) struct Seal {
    /// Where the key is; `None` where this system names no folder for it.
    path: Option<PathBuf>,
}

impl Seal {
    /// With the key in the folder that the system has for a program's own state; never in the data folder, which is what people
    /// copy, synchronise and hand over.
    pub(crate) fn of_this_user() -> Seal {
        Seal { path: dirs::state_dir().map(|folder| folder.join("rostrum").join(FILE)) }
    }

    /// With the key in another file.
    #[cfg(test)]
    pub(crate) fn at(path: PathBuf) -> Seal {
        Seal { path: Some(path) }
    }

    /// Where the key is, for people; empty where there is no place for it.
    pub(crate) fn place(&self) -> String {
        self.path.as_ref().map(|path| path.display().to_string()).unwrap_or_default()
    }

    /// Whether there is a key, or one could be made.
    pub(crate) fn works(&self) -> bool {
        self.key_or_new().is_some()
    }

    /// `text` encrypted, for `what` alone. It was decrypted again with the key as the disk has it, so whatever else has `text` may
    /// forget it. `None` where no key can be kept.
    pub(crate) fn close(&self, what: &str, text: &[u8]) -> Option<String> {
        let key = self.key_or_new()?;
        let nonce: [u8; NONCE_BYTES] = rand::random();
        let payload = Payload { msg: text, aad: what.as_bytes() };
        let closed = XChaCha20Poly1305::new(&key.into()).encrypt(&XNonce::from(nonce), payload).ok()?;
        let closed = BASE64.encode([nonce.as_slice(), &closed].concat());
        (self.open(what, &closed)? == text).then_some(closed)
    }

    /// What [`Seal::close`] made `closed` of; `None` when the key is another one or gone, when it was made for something else, or
    /// when it is damaged.
    pub(crate) fn open(&self, what: &str, closed: &str) -> Option<Vec<u8>> {
        let closed = BASE64.decode(closed).ok()?;
        let (nonce, closed) = closed.split_at_checked(NONCE_BYTES)?;
        let nonce: [u8; NONCE_BYTES] = nonce.try_into().ok()?;
        let payload = Payload { msg: closed, aad: what.as_bytes() };
        XChaCha20Poly1305::new(&self.key()?.into()).decrypt(&XNonce::from(nonce), payload).ok()
    }

    fn key(&self) -> Option<[u8; KEY_BYTES]> {
        let text = std::fs::read_to_string(self.path.as_ref()?).ok()?;
        BASE64.decode(text.trim()).ok()?.try_into().ok()
    }

    fn key_or_new(&self) -> Option<[u8; KEY_BYTES]> {
        if let Some(key) = self.key() {
            return Some(key);
        }
        let path = self.path.as_ref()?;
        if let Err(error) = make(path) {
            warn!(%error, path = %path.display(), "no key to encrypt with can be kept");
        }
        self.key()
    }
}

/// Puts a new key at `path`, unless another start of the program has done so in the meantime. One that cannot be used is put aside.
fn make(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    if path.exists() {
        std::fs::rename(path, path.with_extension("unusable"))?;
    }
    let new = path.with_extension(format!("new-{}", std::process::id()));
    let _ = std::fs::remove_file(&new);
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
    file.write_all(BASE64.encode(rand::random::<[u8; KEY_BYTES]>()).as_bytes())?;
    file.sync_all()?;
    // A link, unlike a new name, never replaces a key that is there by now.
    let linked = std::fs::hard_link(&new, path);
    std::fs::remove_file(&new)?;
    match linked {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    // What is encrypted with it must not be on the disk before it is.
    std::fs::File::open(folder)?.sync_all()
}

/// In the folder for a program's own state.
const FILE: &str = "sealing-key";
/// XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03): a key, and a nonce so long that random ones never meet.
const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;

#[cfg(test)]
mod tests {
    use super::Seal;

    fn seal() -> (tempfile::TempDir, Seal) {
        let folder = tempfile::tempdir().unwrap();
        let seal = Seal::at(folder.path().join("state/rostrum/sealing-key"));
        (folder, seal)
    }

    #[test]
    fn what_is_closed_is_opened_again_by_a_later_start_and_for_the_same_thing_only() {
        let (_folder, seal) = seal();
        let closed = seal.close("destination 1", b"secret").unwrap();
        assert!(!closed.contains("secret"));
        let later = Seal { path: seal.path.clone() };
        assert_eq!(later.open("destination 1", &closed).unwrap(), b"secret");
        assert_eq!(later.open("destination 2", &closed), None, "moved to another destination");
        assert_ne!(seal.close("destination 1", b"secret").unwrap(), closed, "the same twice looks different");
    }

    #[test]
    fn what_was_changed_or_cut_is_not_opened() {
        let (_folder, seal) = seal();
        let closed = seal.close("a", b"secret").unwrap();
        for at in 0..closed.len() {
            assert_eq!(seal.open("a", &closed[..at]), None);
            let other = if closed.as_bytes()[at] == b'A' { "B" } else { "A" };
            let changed = format!("{}{other}{}", &closed[..at], &closed[at + 1..]);
            assert_eq!(seal.open("a", &changed), None, "at {at}");
        }
        assert_eq!(seal.open("a", "直播"), None);
    }

    #[test]
    fn the_key_is_for_this_user_alone_and_made_once() {
        use std::os::unix::fs::PermissionsExt as _;
        let (_folder, seal) = seal();
        assert!(seal.works());
        let path = seal.path.clone().unwrap();
        let key = std::fs::read(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        super::make(&path.with_file_name("other")).unwrap();
        assert!(seal.works());
        assert_eq!(std::fs::read(&path).unwrap(), key);
        let left = std::fs::read_dir(path.parent().unwrap()).unwrap().count();
        assert_eq!(left, 2, "nothing is left beside the two keys");
    }

    #[test]
    fn without_the_key_nothing_is_opened_and_a_new_one_is_made_for_what_comes() {
        let (_folder, seal) = seal();
        let closed = seal.close("a", b"secret").unwrap();
        let path = seal.path.clone().unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(seal.open("a", &closed), None);
        let next = seal.close("a", b"other").unwrap();
        assert_eq!((seal.open("a", &closed), seal.open("a", &next)), (None, Some(b"other".to_vec())));
        std::fs::write(&path, "no key").unwrap();
        assert_eq!(seal.open("a", &next), None);
        assert!(seal.close("a", b"third").is_some());
        assert_eq!(std::fs::read(path.with_extension("unusable")).unwrap(), b"no key", "put aside");
    }

    #[test]
    fn where_no_key_can_be_kept_nothing_is_encrypted() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), "").unwrap();
        let seal = Seal::at(folder.path().join("file/sealing-key"));
        assert!(!seal.works());
        assert_eq!(seal.close("a", b"secret"), None);
        assert_eq!(Seal { path: None }.close("a", b"secret"), None);
    }
}

//! A certificate for this machine's own name, which a program believes that is told to.

use std::path::{Path, PathBuf};

/// Two PEM files.
pub struct Certificate {
    /// What a server shows, and who trusts it is told.
    pub certificate: PathBuf,
    /// What only the server knows.
    pub key: PathBuf,
}

impl Certificate {
    /// Makes one for `localhost` in a folder.
    ///
    /// # Panics
    /// When the folder cannot be written.
    pub fn make(folder: &Path) -> Certificate {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a valid name");
        let files =
            Certificate { certificate: folder.join("localhost.pem"), key: folder.join("localhost.key") };
        std::fs::write(&files.certificate, made.cert.pem()).expect("the folder can be written");
        std::fs::write(&files.key, made.signing_key.serialize_pem()).expect("the folder can be written");
        files
    }
}

//! Which servers' certificates are believed.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use thiserror::Error;

/// The certificate authorities that RTMPS believes: the system's, and one file's beside them. Clones share them.
#[derive(Clone, Default)]
pub struct Trust(Arc<Inner>);

#[derive(Default)]
struct Inner {
    more: Vec<CertificateDer<'static>>,
    /// Made when it is first needed: reading the system's takes some milliseconds.
    config: OnceLock<Arc<ClientConfig>>,
}

/// A file of certificates that cannot be used.
#[derive(Debug, Error)]
#[error("certificates of {}: {reason}", file.display())]
pub struct TrustError {
    /// The file.
    pub file: PathBuf,
    /// What is wrong with it.
    pub reason: String,
}

impl Trust {
    /// The system's authorities, and those of `file` (PEM): what a server of one's own has signed its certificate with,
    /// or that certificate itself.
    ///
    /// # Errors
    /// When it cannot be read, or holds no certificate.
    pub fn with_file(file: &Path) -> Result<Trust, TrustError> {
        let wrong = |reason: String| TrustError { file: file.to_owned(), reason };
        let size = std::fs::metadata(file).map_err(|error| wrong(error.to_string()))?.len();
        if size > FILE_BYTES_MAX {
            return Err(wrong(format!("{size} bytes, at most {FILE_BYTES_MAX} are read")));
        }
        let pem = std::fs::read(file).map_err(|error| wrong(error.to_string()))?;
        let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
        let more = found.map_err(|error| wrong(error.to_string()))?;
        if more.is_empty() {
            return Err(wrong("it holds no certificate in PEM".to_owned()));
        }
        let mut roots = RootCertStore::empty();
        for certificate in &more {
            roots.add(certificate.clone()).map_err(|error| wrong(error.to_string()))?;
        }
        Ok(Trust(Arc::new(Inner { more, config: OnceLock::new() })))
    }

    /// What a connection is made with. May read the system's files.
    pub(crate) fn config(&self) -> io::Result<Arc<ClientConfig>> {
        if let Some(config) = self.0.config.get() {
            return Ok(Arc::clone(config));
        }
        let mut roots = RootCertStore::empty();
        let found = rustls_native_certs::load_native_certs();
        for error in &found.errors {
            tracing::warn!(%error, "some of the system's certificates cannot be read");
        }
        roots.add_parsable_certificates(found.certs);
        roots.add_parsable_certificates(self.0.more.iter().cloned());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Arc::clone(self.0.config.get_or_init(|| Arc::new(config))))
    }
}

/// More than any system's own collection.
const FILE_BYTES_MAX: u64 = 4 << 20;

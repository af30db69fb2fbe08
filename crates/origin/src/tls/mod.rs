//! TLS for HTTPS and RTMPS: one certificate for both, taken anew when its files change.
//!
//! Versions 1.2 and 1.3 only, which is all that rustls has.

mod own;

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};
use std::time::{Duration, SystemTime};

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, version};
use sha2::{Digest as _, Sha256};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use crate::config::TlsSettings;

/// The certificate in use and the files that it comes from.
#[derive(Debug)]
pub(crate) struct Tls {
    files: Files,
    /// Whether the origin made them.
    own: bool,
    current: Arc<Current>,
    provider: Arc<CryptoProvider>,
}

/// Where certificate and key stand, as PEM.
#[derive(Clone, Debug)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

#[derive(Debug)]
struct Current(RwLock<Arc<CertifiedKey>>);

/// A certificate that an origin made for itself, so that nobody else vouches for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnCertificate {
    /// SHA-256 of it: bytes in hexadecimal with colons between, as browsers show it.
    pub fingerprint: String,
    /// When it ends; another is made two months before.
    pub until: SystemTime,
}

/// What makes a changed file known: when it was written, and its length.
type Stamp = [Option<(SystemTime, u64)>; 2];

/// A certificate or key that cannot be used.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file cannot be read or written.
    #[error("TLS file {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file is not PEM with a certificate or key in it.
    #[error("TLS file {}: {source}; expected {expected} in PEM", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// "a certificate chain" or "a private key".
        expected: &'static str,
        /// What is wrong.
        source: rustls::pki_types::pem::Error,
    },
    /// The two do not belong together, or the key is of an unknown kind.
    #[error("TLS files {} and {}: {source}", certificate.display(), key.display())]
    Pair {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What is wrong.
        source: rustls::Error,
    },
    /// The origin's own certificate could not be made.
    #[error("the origin's own certificate: {0}")]
    Own(#[from] rcgen::Error),
}

impl Tls {
    /// Loads the files of the settings; without any, the origin's own from `folder`, made when it is missing or
    /// old. `addresses` are named in it besides the machine's.
    ///
    /// # Errors
    /// [`TlsError`], naming the file.
    pub(crate) fn load(
        settings: &TlsSettings,
        folder: &Path,
        addresses: &[SocketAddr],
    ) -> Result<Tls, TlsError> {
        let (files, own) = match (&settings.certificate, &settings.key) {
            (Some(certificate), Some(key)) => {
                (Files { certificate: certificate.clone(), key: key.clone() }, false)
            }
            _ => (own::ensure(folder, addresses)?, true),
        };
        let provider = Arc::new(ring::default_provider());
        let current = Arc::new(Current(RwLock::new(Arc::new(files.read(&provider)?))));
        Ok(Tls { files, own, current, provider })
    }

    /// Whether the files of the settings, if there are any, can be used.
    ///
    /// # Errors
    /// [`TlsError`], naming the file.
    pub(crate) fn check(settings: &TlsSettings) -> Result<(), TlsError> {
        let (Some(certificate), Some(key)) = (&settings.certificate, &settings.key) else { return Ok(()) };
        let files = Files { certificate: certificate.clone(), key: key.clone() };
        files.read(&ring::default_provider()).map(drop)
    }

    /// The certificate in use, if the origin made it.
    pub(crate) fn own_certificate(&self) -> Option<OwnCertificate> {
        let made = std::fs::metadata(&self.files.certificate).and_then(|file| file.modified()).ok();
        let key = Arc::clone(&self.current.0.read().expect("nothing panics while it holds the certificate"));
        let certificate = key.cert.first()?;
        let digest = Sha256::digest(certificate.as_ref());
        let fingerprint: Vec<String> = digest.iter().map(|byte| format!("{byte:02X}")).collect();
        let until = made.filter(|_| self.own)? + own::VALID;
        Some(OwnCertificate { fingerprint: fingerprint.join(":"), until })
    }

    /// An acceptor that offers `protocols` by ALPN and always shows the certificate in use.
    pub(crate) fn acceptor(&self, protocols: &[&[u8]]) -> Acceptor {
        let builder = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&[&version::TLS13, &version::TLS12])
            .expect("ring has suites for both versions");
        let resolver = Arc::clone(&self.current);
        let mut config = builder.with_no_client_auth().with_cert_resolver(resolver);
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        Acceptor(TlsAcceptor::from(Arc::new(config)))
    }

    /// Takes changed files until `stop`. Files that cannot be used are warned of, and what was good stays.
    pub(crate) async fn follow(self, stop: CancellationToken) {
        let mut seen = self.files.stamp();
        let mut ticks = tokio::time::interval(LOOK_INTERVAL);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = ticks.tick() => {}
            }
            let stamp = self.files.stamp();
            if stamp == seen {
                continue;
            }
            seen = stamp;
            match self.files.read(&self.provider) {
                Ok(key) => {
                    *self.current.0.write().expect("nothing panics while it holds the certificate") =
                        Arc::new(key);
                    tracing::info!(certificate = %self.files.certificate.display(), "certificate taken anew");
                }
                Err(error) => tracing::warn!(%error, "the certificate in use stays"),
            }
        }
    }
}

impl Files {
    fn read(&self, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
        let Files { certificate, key } = self;
        let read = |path: &Path| {
            std::fs::read(path).map_err(|source| TlsError::File { path: path.to_owned(), source })
        };
        let unreadable =
            |path: &Path, expected, source| TlsError::Pem { path: path.to_owned(), expected, source };
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read(certificate)?).collect();
        let chain = chain.map_err(|source| unreadable(certificate, "a certificate chain", source))?;
        if chain.is_empty() {
            let source = rustls::pki_types::pem::Error::NoItemsFound;
            return Err(unreadable(certificate, "a certificate chain", source));
        }
        let private = PrivateKeyDer::from_pem_slice(&read(key)?)
            .map_err(|source| unreadable(key, "a private key", source))?;
        CertifiedKey::from_der(chain, private, provider).map_err(|source| TlsError::Pair {
            certificate: certificate.clone(),
            key: key.clone(),
            source,
        })
    }

    fn stamp(&self) -> Stamp {
        [&self.certificate, &self.key].map(|path| {
            let metadata = std::fs::metadata(path).ok()?;
            Some((metadata.modified().ok()?, metadata.len()))
        })
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().expect("nothing panics while it holds the certificate")))
    }
}

/// Takes connections into TLS.
#[derive(Clone)]
pub(crate) struct Acceptor(TlsAcceptor);

impl Acceptor {
    /// The handshake, within [`HANDSHAKE_MAX`].
    ///
    /// # Errors
    /// What the library says, or `TimedOut`.
    pub(crate) async fn accept<S>(&self, socket: S) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let handshake = timeout(HANDSHAKE_MAX, self.0.accept(socket)).await;
        handshake.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut)))
    }
}

/// From the connection to the end of the handshake.
const HANDSHAKE_MAX: Duration = Duration::from_secs(5);
/// How late a changed file may be noticed. Looking is two `stat` calls, cheaper than being told by the system.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    struct Place(PathBuf);

    impl Place {
        fn new() -> Place {
            let folder = std::env::temp_dir().join(format!("rostrum-tls-{}", crate::secret::random()));
            std::fs::create_dir(&folder).unwrap();
            Place(folder)
        }

        fn settings(&self) -> TlsSettings {
            TlsSettings { certificate: Some(self.0.join("c.pem")), key: Some(self.0.join("k.pem")) }
        }

        /// Writes a certificate that is nobody else's, and answers it.
        fn write(&self) -> Vec<u8> {
            let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
            std::fs::write(self.0.join("c.pem"), made.cert.pem()).unwrap();
            std::fs::write(self.0.join("k.pem"), made.signing_key.serialize_pem()).unwrap();
            made.cert.der().to_vec()
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            std::fs::remove_dir_all(&self.0).unwrap();
        }
    }

    fn shown(current: &Current) -> Vec<u8> {
        current.0.read().unwrap().cert[0].to_vec()
    }

    #[tokio::test(start_paused = true)]
    async fn changed_files_are_taken_and_broken_ones_are_not() {
        let place = Place::new();
        let first = place.write();
        let tls = Tls::load(&place.settings(), &place.0, &[]).unwrap();
        let current = Arc::clone(&tls.current);
        assert_eq!(shown(&current), first);
        let stop = CancellationToken::new();
        let following = tokio::spawn(tls.follow(stop.clone()));
        // Paused time runs on as soon as every task waits, so that after it the files were looked at.
        tokio::time::sleep(LOOK_INTERVAL * 2).await;
        std::fs::write(place.0.join("c.pem"), "not a certificate").unwrap();
        tokio::time::sleep(LOOK_INTERVAL * 2).await;
        assert_eq!(shown(&current), first);
        let second = place.write();
        tokio::time::sleep(LOOK_INTERVAL * 2).await;
        assert_eq!(shown(&current), second);
        std::fs::remove_file(place.0.join("k.pem")).unwrap();
        tokio::time::sleep(LOOK_INTERVAL * 2).await;
        assert_eq!(shown(&current), second);
        stop.cancel();
        following.await.unwrap();
    }

    #[test]
    fn files_that_cannot_be_used_are_named() {
        let place = Place::new();
        let error = Tls::load(&place.settings(), &place.0, &[]).unwrap_err().to_string();
        assert!(error.contains("c.pem"), "{error}");
        place.write();
        let other = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        std::fs::write(place.0.join("k.pem"), other.signing_key.serialize_pem()).unwrap();
        let error = Tls::load(&place.settings(), &place.0, &[]).unwrap_err().to_string();
        assert!(error.contains("c.pem") && error.contains("k.pem"), "{error}");
        std::fs::write(place.0.join("k.pem"), "nothing").unwrap();
        let error = Tls::load(&place.settings(), &place.0, &[]).unwrap_err().to_string();
        assert!(error.contains("k.pem") && error.contains("a private key"), "{error}");
    }

    #[test]
    fn the_own_certificate_is_kept_and_its_key_is_private() {
        let place = Place::new();
        let folder = place.0.join("tls");
        let load = || shown(&Tls::load(&TlsSettings::default(), &folder, &[]).unwrap().current);
        let first = load();
        assert_eq!(load(), first);
        let mode = std::fs::metadata(folder.join("key.pem")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

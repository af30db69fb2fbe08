//! The origin's own certificate, for networks without a name that anybody certifies.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::Write as _;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::{Duration, SystemTime};

use rcgen::{CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair};

use super::{Files, TlsError};
use crate::clock::unix_ms;

/// The files in `folder`, made when there are none or they are old. A certificate that people have accepted
/// once stays, also when the machine's addresses change.
pub(super) fn ensure(folder: &Path, addresses: &[SocketAddr]) -> Result<Files, TlsError> {
    let files = Files { certificate: folder.join("certificate.pem"), key: folder.join("key.pem") };
    let age = std::fs::metadata(&files.certificate).and_then(|metadata| metadata.modified());
    let young = age.is_ok_and(|made| made.elapsed().unwrap_or_default() < KEPT_MAX);
    if young && files.key.exists() {
        return Ok(files);
    }
    let file_error = |path: &Path| {
        let path = path.to_owned();
        move |source| TlsError::File { path, source }
    };
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(file_error(folder))?;
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(names(addresses))?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "Rostrum origin");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    // A day back, for clients whose clocks are behind.
    let now = SystemTime::UNIX_EPOCH + Duration::from_millis(unix_ms().unsigned_abs());
    params.not_before = (now - Duration::from_secs(86_400)).into();
    params.not_after = (now + VALID).into();
    let certificate = params.self_signed(&key)?;
    // The key first: a certificate without its key would be taken for complete.
    write(&files.key, &key.serialize_pem(), 0o600).map_err(file_error(&files.key))?;
    write(&files.certificate, &certificate.pem(), 0o644).map_err(file_error(&files.certificate))?;
    tracing::info!(certificate = %files.certificate.display(), "own certificate made");
    Ok(files)
}

/// Writes a file that appears whole or not at all.
fn write(path: &Path, text: &str, mode: u32) -> std::io::Result<()> {
    let part = path.with_extension("new");
    if part.exists() {
        std::fs::remove_file(&part)?;
    }
    let mut file: File = OpenOptions::new().create_new(true).write(true).mode(mode).open(&part)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&part, path)
}

/// What browsers may call this machine.
fn names(addresses: &[SocketAddr]) -> Vec<String> {
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = host.trim().to_ascii_lowercase();
    let plain = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'));
    if plain && !host.is_empty() {
        names.push(host.clone());
        if !host.contains('.') {
            // What a network without a name server calls it.
            names.push(format!("{host}.local"));
        }
    }
    let bound = addresses.iter().map(SocketAddr::ip).filter(|ip| !ip.is_unspecified());
    for ip in bound.chain(outward()) {
        names.push(ip.to_string());
    }
    names.sort();
    names.dedup();
    names
}

/// The addresses this machine would send from. Connecting a UDP socket sends nothing; it only asks for the route.
/// The targets are documentation addresses (RFC 5737, RFC 3849).
fn outward() -> impl Iterator<Item = IpAddr> {
    let routes = [("0.0.0.0:0", "192.0.2.1:9"), ("[::]:0", "[2001:db8::1]:9")];
    routes.into_iter().filter_map(|(from, to)| {
        let socket = UdpSocket::bind(from).ok()?;
        socket.connect(to).ok()?;
        Some(socket.local_addr().ok()?.ip())
    })
}

/// Apple's systems refuse server certificates that are valid for longer than 825 days.
pub(super) const VALID: Duration = Duration::from_secs(800 * 86_400);
/// Made anew two months before it ends.
const KEPT_MAX: Duration = Duration::from_secs(740 * 86_400);

//! A real SMTP server of another make, aiosmtpd, which puts what it takes into a folder.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;

use origin::MailSettings;
use tempfile::TempDir;
use tokio::net::TcpStream;

use super::certificate::Certificate;
use super::process::Process;
use super::wait::{seconds, until};

/// How the server encrypts.
pub enum MailTls<'a> {
    /// It does not.
    None,
    /// From the first byte (RFC 8314), with this certificate.
    Whole(&'a Certificate),
    /// After STARTTLS (RFC 3207), and takes no letter before, with this certificate.
    Started(&'a Certificate),
}

/// The running server; dropping it ends it.
pub struct MailServer {
    server: String,
    folder: TempDir,
    _process: Process,
}

impl MailServer {
    /// Starts a server on loopback.
    ///
    /// # Panics
    /// When it does not take connections in time.
    pub async fn start() -> MailServer {
        MailServer::start_with(MailTls::None).await
    }

    /// The same with encryption.
    ///
    /// # Panics
    /// When it does not take connections in time.
    pub async fn start_with(tls: MailTls<'_>) -> MailServer {
        let folder = TempDir::new().expect("a temporary folder");
        // It cannot be told to take a port that the system chooses.
        let free = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
        let port = free.local_addr().expect("it is bound").port();
        drop(free);
        // Debian's Python has Debian's packages.
        let mut command = Command::new("/usr/bin/python3");
        command.args(["-m", "aiosmtpd", "--nosetuid", "--listen", &format!("127.0.0.1:{port}")]);
        let server = match tls {
            MailTls::None => format!("smtp://127.0.0.1:{port}"),
            MailTls::Whole(Certificate { certificate, key }) => {
                command.arg("--smtpscert").arg(certificate).arg("--smtpskey").arg(key);
                format!("smtps://localhost:{port}")
            }
            MailTls::Started(Certificate { certificate, key }) => {
                command.arg("--tlscert").arg(certificate).arg("--tlskey").arg(key);
                // Written so it is no name of this machine for the settings, by which letters would go in the clear.
                format!("smtp://LOCALHOST:{port}")
            }
        };
        command.args(["--class", "aiosmtpd.handlers.Mailbox"]).arg(folder.path().join("letters"));
        let process = Process::start("aiosmtpd", &mut command);
        until("the mail server", seconds(45), async || TcpStream::connect(("127.0.0.1", port)).await.ok())
            .await;
        MailServer { server, folder, _process: process }
    }

    /// What an origin is told to send letters by it.
    pub fn settings(&self) -> MailSettings {
        MailSettings {
            server: Some(self.server.clone()),
            from: Some("Rostrum <rostrum@example.org>".to_owned()),
            site: Some("https://live.example.org".to_owned()),
            ..MailSettings::default()
        }
    }

    /// The same as a settings file.
    pub fn settings_file(&self) -> String {
        let MailSettings { server, from, site, .. } = self.settings();
        let (server, from, site) = (server.expect("above"), from.expect("above"), site.expect("above"));
        format!("[mail]\nserver = {server:?}\nfrom = {from:?}\nsite = {site:?}\n")
    }

    /// Waits for a letter to `to` whose link leads to `page`, and takes it out; the link's code.
    pub async fn code(&self, to: &str, page: &str) -> String {
        let begin = format!("https://live.example.org/{page}#");
        let (letter, code) = until(&format!("a letter with a link to {page}"), seconds(60), async || {
            self.letters().into_iter().find_map(|file| {
                let text = std::fs::read_to_string(&file).ok()?;
                let code = text.lines().find_map(|line| line.trim().strip_prefix(&*begin))?.to_owned();
                text.contains(&format!("\nTo: {to}")).then_some((file, code))
            })
        })
        .await;
        std::fs::remove_file(letter).expect("the letter is taken out");
        code
    }

    /// The letters that were not taken out.
    pub fn letters(&self) -> Vec<PathBuf> {
        let new = std::fs::read_dir(self.folder.path().join("letters/new"));
        new.into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())).collect()
    }
}

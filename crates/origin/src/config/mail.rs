//! How letters leave.

use std::net::IpAddr;
use std::path::PathBuf;

use lettre::message::Mailbox;
use serde::{Deserialize, Serialize};

use super::ConfigError;

/// The server that takes letters, and what stands in them. Letters are sent for a forgotten password alone; without a
/// server there are none, and administrators give new passwords.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MailSettings {
    /// `smtps://HOST[:PORT]` (TLS from the start, port 465) or `smtp://HOST[:PORT]` (STARTTLS, which is insisted on unless
    /// the host is a loopback address; port 587).
    pub server: Option<String>,
    /// Who signs in there; nobody when it is missing.
    pub user: Option<String>,
    /// A file with the password, read for each letter; white space around it does not count.
    pub password_file: Option<PathBuf>,
    /// Whom the letters are from, such as `Rostrum <rostrum@example.org>`.
    pub from: Option<String>,
    /// Where people reach this origin, such as `https://live.example.org`: links in letters begin with it, since what
    /// a request calls the origin is a stranger's word.
    pub site: Option<String>,
}

/// A server that takes letters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MailServer {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) security: MailSecurity,
}

/// How letters are kept from others on their way to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MailSecurity {
    /// TLS from the first byte, RFC 8314 §3.3.
    Tls,
    /// STARTTLS, without which nothing is sent, RFC 3207.
    StartTls,
    /// None: the server is on this machine.
    Loopback,
}

impl MailSettings {
    /// Whether what goes together is there, and can be read.
    ///
    /// # Errors
    /// [`ConfigError::Alone`] or [`ConfigError::Text`].
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let there = [
            ("mail.server", self.server.is_some()),
            ("mail.from", self.from.is_some()),
            ("mail.site", self.site.is_some()),
        ];
        let given = there.iter().find(|(_, there)| *there);
        let missing = there.iter().find(|(_, there)| !*there);
        if let (Some((given, _)), Some((missing, _))) = (given, missing) {
            return Err(ConfigError::Alone {
                given,
                missing,
                instead: "for an origin that sends no letters",
            });
        }
        if self.user.is_some() != self.password_file.is_some() {
            let (user, password) = ("mail.user", "mail.password_file");
            let (given, missing) = if self.user.is_some() { (user, password) } else { (password, user) };
            return Err(ConfigError::Alone { given, missing, instead: "for a server without sign-in" });
        }
        let wrong =
            |key, expected, found: &str| Err(ConfigError::Text { key, expected, found: found.to_owned() });
        if let Some(found) = &self.server
            && self.server().is_none()
        {
            return wrong("mail.server", "smtps://HOST[:PORT] or smtp://HOST[:PORT]", found);
        }
        if let Some(found) = &self.from
            && self.from().is_none()
        {
            return wrong("mail.from", "an address such as Rostrum <rostrum@example.org>", found);
        }
        if let Some(found) = &self.site
            && !(found.starts_with("https://") || found.starts_with("http://"))
        {
            return wrong("mail.site", "an address such as https://live.example.org", found);
        }
        Ok(())
    }

    /// The server as it is connected to.
    pub(crate) fn server(&self) -> Option<MailServer> {
        let (scheme, rest) = self.server.as_deref()?.split_once("://")?;
        let rest = rest.trim_end_matches('/');
        // What stands in brackets is an IPv6 address, with colons of its own.
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port.parse().ok()?)),
            _ => (rest, None),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let address = host.parse::<IpAddr>().ok();
        if host.is_empty() || host.contains(['/', '@', '?']) || (host.contains(':') && address.is_none()) {
            return None;
        }
        let local = host == "localhost" || address.is_some_and(|address| address.is_loopback());
        let (security, standard) = match scheme {
            "smtps" => (MailSecurity::Tls, 465),
            "smtp" if local => (MailSecurity::Loopback, 25),
            "smtp" => (MailSecurity::StartTls, 587),
            _ => return None,
        };
        Some(MailServer { host: host.to_owned(), port: port.unwrap_or(standard), security })
    }

    /// Whom letters are from.
    pub(crate) fn from(&self) -> Option<Mailbox> {
        self.from.as_deref()?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(server: &str) -> MailSettings {
        MailSettings {
            server: Some(server.to_owned()),
            from: Some("Rostrum <rostrum@example.org>".to_owned()),
            site: Some("https://live.example.org".to_owned()),
            ..MailSettings::default()
        }
    }

    #[test]
    fn a_server_far_away_is_reached_by_tls_alone() {
        let reached = |server: &str| {
            let server = settings(server).server()?;
            Some((server.host, server.port, server.security))
        };
        let host = || "mail.example.org".to_owned();
        assert_eq!(reached("smtps://mail.example.org"), Some((host(), 465, MailSecurity::Tls)));
        assert_eq!(reached("smtp://mail.example.org/"), Some((host(), 587, MailSecurity::StartTls)));
        assert_eq!(reached("smtp://mail.example.org:25"), Some((host(), 25, MailSecurity::StartTls)));
        assert_eq!(reached("smtp://[::1]:2525"), Some(("::1".to_owned(), 2_525, MailSecurity::Loopback)));
        assert_eq!(reached("smtp://127.0.0.1"), Some(("127.0.0.1".to_owned(), 25, MailSecurity::Loopback)));
        for none in
            ["mail.example.org", "http://mail.example.org", "smtp://", "smtp://a:b", "smtp://me:word@host"]
        {
            assert_eq!(reached(none), None, "{none}");
            assert!(settings(none).check().is_err(), "{none}");
        }
    }

    #[test]
    fn a_server_needs_a_sender_and_a_site_and_a_user_a_password() {
        settings("smtp://localhost").check().unwrap();
        MailSettings::default().check().unwrap();
        let error = MailSettings { site: None, ..settings("smtp://localhost") }.check().unwrap_err();
        assert!(error.to_string().starts_with("mail.server is set without mail.site"), "{error}");
        let error =
            MailSettings { user: Some("me".to_owned()), ..settings("smtp://localhost") }.check().unwrap_err();
        assert!(error.to_string().starts_with("mail.user is set without mail.password_file"), "{error}");
        let from = Some("nobody".to_owned());
        let error = MailSettings { from, ..settings("smtp://localhost") }.check().unwrap_err();
        assert!(error.to_string().contains("mail.from is \"nobody\""), "{error}");
    }
}

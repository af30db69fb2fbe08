//! Letters: what they say, and how they leave. The only file that knows lettre.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::authentication::Credentials;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use serde::Deserialize;
use thiserror::Error;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;

use crate::config::{MailSecurity, MailSettings};
use crate::secret;

/// Where letters are handed in.
#[derive(Debug)]
pub(crate) struct Post {
    settings: Arc<MailSettings>,
    sender: mpsc::Sender<Letter>,
    /// Taken by [`Post::serve`].
    waiting: Mutex<Option<mpsc::Receiver<Letter>>>,
}

/// A letter on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Letter {
    pub(crate) to: String,
    pub(crate) subject: &'static str,
    pub(crate) text: String,
}

/// The language of a letter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
pub(crate) enum Language {
    #[default]
    #[serde(rename = "en")]
    English,
    #[serde(rename = "zh-CN")]
    Chinese,
}

/// What a letter's link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Occasion {
    /// Somebody says that the address is theirs.
    Confirm,
    /// Somebody forgot their password.
    Reset,
}

/// Why a letter did not leave.
#[derive(Debug, Error)]
enum PostError {
    #[error("{0}")]
    Address(#[from] lettre::address::AddressError),
    #[error("{0}")]
    Message(#[from] lettre::error::Error),
    #[error("mail.password_file: {0}")]
    Password(std::io::Error),
    #[error("{0}")]
    Server(#[from] lettre::transport::smtp::Error),
}

impl Post {
    /// `None` where the settings name no server.
    pub(crate) fn new(settings: &MailSettings) -> Option<Post> {
        settings.server.as_ref()?;
        let (sender, waiting) = mpsc::channel(WAITING_MAX);
        Some(Post { settings: Arc::new(settings.clone()), sender, waiting: Mutex::new(Some(waiting)) })
    }

    /// Hands a letter in; `false` when too many wait.
    pub(crate) fn hand_in(&self, letter: Letter) -> bool {
        self.sender.try_send(letter).is_ok()
    }

    /// The letter for an occasion. `code` goes behind the `#` of the link, so that no log of a proxy holds it.
    pub(crate) fn letter(
        &self,
        occasion: Occasion,
        language: Language,
        to: String,
        name: &str,
        code: &str,
    ) -> Letter {
        let site = self.settings.site.as_deref().unwrap_or_default().trim_end_matches('/');
        let (subject, before, page, after) = match (occasion, language) {
            (Occasion::Confirm, Language::English) => (
                "Is this your address?",
                format!(
                    "The account {name} on {site} wants letters at this address. Confirm that it is yours:"
                ),
                "confirm",
                "The link is good for a day. If it was not you, do nothing.",
            ),
            (Occasion::Confirm, Language::Chinese) => (
                "这是你的邮箱吗？",
                format!("{site} 上的账号 {name} 想用这个邮箱接收邮件。请确认这是你的邮箱："),
                "confirm",
                "链接一天内有效。如果不是你本人操作，无需理会。",
            ),
            (Occasion::Reset, Language::English) => (
                "A new password",
                format!("Somebody forgot the password of the account {name} on {site}. Choose a new one:"),
                "reset",
                "The link is good for an hour, once. If it was not you, do nothing; your password stays.",
            ),
            (Occasion::Reset, Language::Chinese) => (
                "设置新密码",
                format!("有人忘记了 {site} 上账号 {name} 的密码。请设置新密码："),
                "reset",
                "链接一小时内有效，只能使用一次。如果不是你本人操作，无需理会，密码不会改变。",
            ),
        };
        Letter { to, subject, text: format!("{before}\n\n{site}/{page}#{code}\n\n{after}\n") }
    }

    /// Sends letters until the origin stops, some at a time; what does not leave is tried again.
    pub(crate) async fn serve(&self, stop: CancellationToken) {
        let Some(mut waiting) = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).take() else {
            return;
        };
        let mut under_way = JoinSet::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                Some(_) = under_way.join_next() => {}
                Some(letter) = waiting.recv(), if under_way.len() < UNDER_WAY_MAX => {
                    under_way.spawn(deliver(Arc::clone(&self.settings), letter));
                }
            }
        }
    }
}

/// Whether this is the address of a letter-box.
pub(crate) fn is_address(text: &str) -> bool {
    text.len() <= ADDRESS_BYTES_MAX && text.parse::<lettre::Address>().is_ok()
}

async fn deliver(settings: Arc<MailSettings>, letter: Letter) {
    for again_after in TRIES {
        match send(&settings, &letter).await {
            Ok(()) => return tracing::info!(subject = letter.subject, "letter sent"),
            Err(error) => {
                let lasting = match &error {
                    PostError::Server(error) => error.is_permanent(),
                    PostError::Password(_) => false,
                    PostError::Address(_) | PostError::Message(_) => true,
                };
                let again_after = again_after.filter(|_| !lasting);
                tracing::warn!(%error, gave_up = again_after.is_none(), "a letter did not leave");
                let Some(again_after) = again_after else { return };
                tokio::time::sleep(again_after).await;
            }
        }
    }
}

async fn send(settings: &MailSettings, letter: &Letter) -> Result<(), PostError> {
    let server = settings.server().expect("the settings were checked");
    let from = settings.from().expect("the settings were checked");
    let id = format!("<{}@{}>", secret::random(), from.email.domain());
    let message = Message::builder()
        .message_id(Some(id))
        .from(from)
        .to(Mailbox::new(None, letter.to.parse()?))
        .subject(letter.subject)
        .header(AutoSubmitted)
        .header(ContentType::TEXT_PLAIN)
        .body(letter.text.clone())?;
    let host = &*server.host;
    let transport = match server.security {
        MailSecurity::Tls => AsyncSmtpTransport::<Tokio1Executor>::relay(host)?,
        MailSecurity::StartTls => AsyncSmtpTransport::<Tokio1Executor>::starttls_relay(host)?,
        MailSecurity::Loopback => AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host),
    };
    let mut transport = transport.port(server.port).timeout(Some(TRY_MAX));
    if let (Some(user), Some(file)) = (&settings.user, &settings.password_file) {
        let password = tokio::fs::read_to_string(file).await.map_err(PostError::Password)?;
        transport = transport.credentials(Credentials::new(user.clone(), password.trim().to_owned()));
    }
    transport.build().send(message).await?;
    Ok(())
}

/// Says that no person wrote it, so that no holiday answers, RFC 3834 §5.
#[derive(Clone, Copy)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<AutoSubmitted, Box<dyn std::error::Error + Send + Sync>> {
        Ok(AutoSubmitted)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(AutoSubmitted::name(), "auto-generated".to_owned())
    }
}

/// From one try to the next: a server that does not know us yet asks to come again after minutes. Then it is given up.
const TRIES: [Option<Duration>; 4] =
    [Some(Duration::from_secs(30)), Some(Duration::from_secs(300)), Some(Duration::from_secs(900)), None];
/// For each step of a try.
const TRY_MAX: Duration = Duration::from_secs(20);
/// Letters that wait for a place; a stranger who asks for more fills no memory.
const WAITING_MAX: usize = 64;
/// Letters that are tried at a time.
const UNDER_WAY_MAX: usize = 16;
/// RFC 5321 §4.5.3.1.3, without the brackets.
const ADDRESS_BYTES_MAX: usize = 254;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_two_parts_and_fits_into_a_letter() {
        for good in ["ella@example.org", "ella.o'brien+live@sub.example.org"] {
            assert!(is_address(good), "{good}");
        }
        let long = format!("{}@example.org", "e".repeat(300));
        for bad in
            ["", "ella", "ella@", "@example.org", "a b@example.org", "a@b\r\nBcc: c@example.org", &long]
        {
            assert!(!is_address(bad), "{bad}");
        }
    }

    #[test]
    fn a_letter_leads_to_the_site_of_the_settings() {
        let settings = MailSettings {
            server: Some("smtp://localhost".to_owned()),
            from: Some("rostrum@example.org".to_owned()),
            site: Some("https://live.example.org/".to_owned()),
            ..MailSettings::default()
        };
        let post = Post::new(&settings).unwrap();
        for language in [Language::English, Language::Chinese] {
            let to = "ella@example.org".to_owned();
            let letter = post.letter(Occasion::Reset, language, to, "ella", "c0de");
            assert!(letter.text.contains("\n\nhttps://live.example.org/reset#c0de\n\n"), "{}", letter.text);
        }
        assert!(Post::new(&MailSettings::default()).is_none());
    }
}

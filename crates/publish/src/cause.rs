//! Why a connection was not made or did not last.

use std::fmt;
use std::io;

/// What ended a connection, or an attempt at one: a kind that a program has its own words for in any language, and what the
/// server or the system said about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// What happened.
    pub kind: CauseKind,
    /// In the other side's own words, which nobody translates; may be empty.
    pub said: String,
}

/// What happened to a connection, or to an attempt at one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CauseKind {
    /// The server does not take the stream key.
    KeyRefused,
    /// The server hung up on hearing the stream key.
    KeyUnanswered,
    /// The server does not take RTMP's application.
    AppRefused,
    /// The server does not take SRT's stream id.
    StreamIdRefused,
    /// The passphrase is another than the server's.
    PassphraseWrong,
    /// Only one side has a passphrase, or they are not the same.
    PassphraseUnequal,
    /// The server had the stream and took it off the air; its key may have been withdrawn.
    TakenOff,
    /// The server ended the stream on purpose: another publisher has the room, or its key changed. Coming back would take the
    /// room from that one.
    Dismissed,
    /// The server's name is not found.
    NameUnknown,
    /// The server's computer says that nothing listens there.
    NothingListens,
    /// No way leads to the server.
    Unreachable,
    /// The server did not answer in time.
    NoAnswer,
    /// Nobody answers SRT at the port that was said.
    NoSrt,
    /// The network carried nothing for too long.
    Stuck,
    /// The network is back, and the connection from before carries nothing.
    LeftBehind,
    /// The connection broke off.
    Broken,
    /// The server closed the connection.
    Closed,
    /// The server closed the connection before it had heard of the stream.
    ClosedEarly,
    /// The server shuts down.
    ShutsDown,
    /// The server is there and cannot take the stream now.
    Unavailable,
    /// The server does not speak the protocol as it should.
    NotUnderstood,
    /// The server does not speak TLS.
    NotTls,
    /// The server's certificate is not one to trust.
    Untrusted,
    /// What is to be sent does not fit the protocol.
    Unsupported,
    /// Anything else of the network.
    Network,
}

impl CauseKind {
    /// Without anything said about it.
    pub(crate) fn alone(self) -> Cause {
        self.said("")
    }

    /// With the other side's words: printable, and not a page of them.
    pub(crate) fn said(self, said: &(impl fmt::Display + ?Sized)) -> Cause {
        let said: String =
            said.to_string().chars().filter(|c| !c.is_control()).take(SAID_CHARS_MAX).collect();
        Cause { kind: self, said: said.trim().to_owned() }
    }
}

impl fmt::Display for CauseKind {
    /// For logs and the command line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CauseKind::KeyRefused => "the server refuses the stream key",
            CauseKind::KeyUnanswered => {
                "the server closed the connection when it was told the stream key; the key may be wrong"
            }
            CauseKind::AppRefused => "the server refuses the application",
            CauseKind::StreamIdRefused => "the server refuses the stream id",
            CauseKind::PassphraseWrong => "the server refuses the passphrase: it is another",
            CauseKind::PassphraseUnequal => {
                "the server refuses the connection: only one side has a passphrase, or they are not the same"
            }
            CauseKind::TakenOff | CauseKind::Dismissed => "the server ended the broadcast",
            CauseKind::NameUnknown => "the server's name is not found",
            CauseKind::NothingListens => "nothing listens at the server's address",
            CauseKind::Unreachable => "no way leads to the server",
            CauseKind::NoAnswer => "the server did not answer in time",
            CauseKind::NoSrt => "nobody answers SRT at this address and UDP port",
            CauseKind::Stuck => "the network carried nothing for too long",
            CauseKind::LeftBehind => "the network is back, and the connection from before carries nothing",
            CauseKind::Broken => "the connection broke off",
            CauseKind::Closed => "the server closed the connection",
            CauseKind::ClosedEarly => "the server closed the connection before it was told the stream key",
            CauseKind::ShutsDown => "the server shuts down",
            CauseKind::Unavailable => "the server cannot take the stream now",
            CauseKind::NotUnderstood => "the server's answer cannot be understood",
            CauseKind::NotTls => "the server does not speak TLS: try rtmp:// instead of rtmps://",
            CauseKind::Untrusted => "the server's certificate is not trusted",
            CauseKind::Unsupported => "the stream cannot be sent over this protocol",
            CauseKind::Network => "the network failed",
        })
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.said.as_str() {
            "" => self.kind.fmt(f),
            said => write!(f, "{}: {said}", self.kind),
        }
    }
}

impl From<io::Error> for Cause {
    fn from(error: io::Error) -> Cause {
        use io::ErrorKind as From;
        match error.kind() {
            From::ConnectionRefused => CauseKind::NothingListens.alone(),
            From::HostUnreachable | From::NetworkUnreachable | From::NetworkDown => {
                CauseKind::Unreachable.alone()
            }
            From::TimedOut => CauseKind::NoAnswer.alone(),
            From::ConnectionReset
            | From::ConnectionAborted
            | From::BrokenPipe
            | From::NotConnected
            | From::UnexpectedEof => CauseKind::Broken.alone(),
            _ => CauseKind::Network.said(&error),
        }
    }
}

/// Of a server's explanation, so much is shown.
const SAID_CHARS_MAX: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_servers_words_stand_behind_what_happened() {
        assert_eq!(
            CauseKind::KeyRefused.said("No\u{7} such key. ").to_string(),
            "the server refuses the stream key: No such key."
        );
        assert_eq!(CauseKind::KeyRefused.said(" \r\n").to_string(), "the server refuses the stream key");
        assert_eq!(CauseKind::KeyRefused.said(&"x".repeat(10_000)).said.len(), SAID_CHARS_MAX);
    }

    #[test]
    fn what_the_system_says_of_a_connection_is_told_apart() {
        for (system, kind) in [
            (io::ErrorKind::ConnectionRefused, CauseKind::NothingListens),
            (io::ErrorKind::NetworkUnreachable, CauseKind::Unreachable),
            (io::ErrorKind::TimedOut, CauseKind::NoAnswer),
            (io::ErrorKind::ConnectionReset, CauseKind::Broken),
            (io::ErrorKind::PermissionDenied, CauseKind::Network),
        ] {
            assert_eq!(Cause::from(io::Error::from(system)).kind, kind, "{system:?}");
        }
    }
}

//! Why a connection was not made or did not last.

use thiserror::Error;

/// What ended a connection, or an attempt at one; the text is for people.
#[derive(Debug, Error)]
pub(crate) enum Error {
    /// The server said no, in its own words. Asking again will not help.
    #[error("{0}")]
    Refused(String),
    /// The server took our stream and then ended it on purpose, in its own words: another publisher has the
    /// room, or its key changed. Coming back would take the room from that one.
    #[error("{0}")]
    Dismissed(String),
    /// The network or the server broke it off.
    #[error("{0}")]
    Network(#[from] std::io::Error),
    /// The server closed the connection.
    #[error("the server closed the connection{0}")]
    Closed(&'static str),
    /// The server is there and cannot take the stream now.
    #[error("{0}")]
    Unavailable(String),
    /// The server does not speak the protocol as it should.
    #[error("the server's answer cannot be understood: {0}")]
    Protocol(String),
    /// The server's certificate is not one to trust.
    #[error("the server's certificate is not trusted: {0}")]
    Untrusted(String),
    /// What is to be sent does not fit the protocol.
    #[error("the stream cannot be sent over {protocol}: {reason}")]
    Unsupported {
        /// Its name.
        protocol: &'static str,
        /// In words.
        reason: String,
    },
}

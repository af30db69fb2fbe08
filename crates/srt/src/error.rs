//! What can go wrong.

use std::net::SocketAddr;

use thiserror::Error;

use crate::connection::MESSAGE_BYTES_MAX;
use crate::ffi::{self, Code};
use crate::reason::Reason;

/// Why something could not be done with a socket.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The library did not start.
    #[error("libsrt did not start: {0}")]
    Start(String),
    /// Another socket has the address.
    #[error("SRT address {0} is in use")]
    AddressInUse(SocketAddr),
    /// An address cannot be listened on.
    #[error("SRT address {address}: {words}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What libsrt says.
        words: String,
    },
    /// The listener refused, or nobody answered.
    #[error("refused: {0}")]
    Refused(Reason),
    /// The peer closed, or was not heard of for too long.
    #[error("the connection is closed")]
    Closed,
    /// More than one message holds.
    #[error("a message of {bytes} bytes, at most {MESSAGE_BYTES_MAX}")]
    MessageTooLong {
        /// Its length.
        bytes: usize,
    },
    /// A stream id that SRT cannot carry.
    #[error("a stream id of {bytes} bytes, at most {max}", max = ffi::STREAM_ID_BYTES_MAX)]
    StreamIdTooLong {
        /// Its length.
        bytes: usize,
    },
    /// Anything else that libsrt says.
    #[error("{what}: {words}")]
    Library {
        /// What was tried.
        what: &'static str,
        /// What libsrt says.
        words: String,
    },
}

impl Error {
    pub(crate) fn library(what: &'static str) -> impl FnOnce(Code) -> Error {
        move |code| match code.srt {
            ffi::CONNECTION_LOST | ffi::NO_CONNECTION | ffi::NO_SUCH_SOCKET => Error::Closed,
            _ => Error::Library { what, words: ffi::error_words(code) },
        }
    }

    pub(crate) fn bind(address: SocketAddr) -> impl Fn(Code) -> Error {
        move |code| {
            let taken = code.system == libc::EADDRINUSE
                || matches!(code.srt, ffi::LISTENED_TO | ffi::BINDING_CONFLICT);
            if taken {
                return Error::AddressInUse(address);
            }
            Error::Bind { address, words: ffi::error_words(code) }
        }
    }
}

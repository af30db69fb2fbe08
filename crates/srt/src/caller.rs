//! The end that calls.

use std::net::SocketAddr;
use std::time::Duration;

use crate::connection::Connection;
use crate::error::Error;
use crate::ffi::{self, Flag};
use crate::passphrase::{KeyLength, Passphrase};
use crate::reason::Reason;
use crate::socket::Socket;

/// How to call a listener.
#[derive(Clone, Debug)]
pub struct Call {
    /// The listener's address.
    pub to: SocketAddr,
    /// What the listener is told before it accepts; at most 512 bytes.
    pub stream_id: String,
    /// The least latency in both directions; the listener may ask for more.
    pub latency: Duration,
    /// Encrypts when it is there.
    pub passphrase: Option<Passphrase>,
    /// The key's length, of no meaning without a passphrase.
    pub key_length: KeyLength,
    /// How long the listener may take to answer.
    pub timeout: Duration,
}

impl Call {
    /// A call without encryption, with libsrt's own latency of 120 ms and timeout of 3 s.
    #[must_use]
    pub fn new(to: SocketAddr, stream_id: impl Into<String>) -> Call {
        Call {
            to,
            stream_id: stream_id.into(),
            latency: Duration::from_millis(120),
            passphrase: None,
            key_length: KeyLength::default(),
            timeout: Duration::from_secs(3),
        }
    }
}

/// Calls a listener.
///
/// # Errors
/// [`Error::Refused`] with the listener's reason, or [`Reason::TIMEOUT`] when nobody answers;
/// [`Error::Closed`] when it let the caller in and closed at once.
pub async fn connect(call: Call) -> Result<Connection, Error> {
    let socket = prepare(&call)?;
    ffi::connect(socket.raw, call.to).map_err(|code| refused_or(code, &socket))?;
    // libsrt ends the attempt itself; the sum of both is for a wake-up that never comes.
    let answered = async {
        while is_connecting(&socket) {
            let writable = socket.readiness.writable.notified();
            let _ = tokio::time::timeout(LOOK_AGAIN, writable).await;
        }
    };
    if tokio::time::timeout(call.timeout + ANSWER_GRACE, answered).await.is_err() {
        return Err(Error::Refused(Reason::TIMEOUT));
    }
    if ffi::state(socket.raw) == ffi::STATE_CONNECTED {
        return Ok(Connection { socket, peer: call.to });
    }
    match ffi::reject_reason(socket.raw) {
        // Admitted, and closed before it was looked at.
        0 => Err(Error::Closed),
        code => Err(Error::Refused(Reason::from_code(code))),
    }
}

fn prepare(call: &Call) -> Result<Socket, Error> {
    let bytes = call.stream_id.len();
    if bytes > ffi::STREAM_ID_BYTES_MAX {
        return Err(Error::StreamIdTooLong { bytes });
    }
    let socket = Socket::new()?;
    socket.set_latency(Flag::ReceiveLatency, call.latency)?;
    socket.set_latency(Flag::PeerLatency, call.latency)?;
    ffi::set_text(socket.raw, Flag::StreamId, &call.stream_id).map_err(Error::library("the stream id"))?;
    let timeout_ms = i32::try_from(call.timeout.as_millis()).unwrap_or(i32::MAX);
    ffi::set_number(socket.raw, Flag::ConnectTimeout, timeout_ms).map_err(Error::library("the timeout"))?;
    if let Some(passphrase) = &call.passphrase {
        let bytes = call.key_length.bytes();
        ffi::set_number(socket.raw, Flag::KeyLength, bytes).map_err(Error::library("the key's length"))?;
        ffi::set_text(socket.raw, Flag::Passphrase, passphrase.secret())
            .map_err(Error::library("the passphrase"))?;
    }
    Ok(socket)
}

fn is_connecting(socket: &Socket) -> bool {
    // From opened through connecting; what follows is an answer.
    ffi::state(socket.raw) < ffi::STATE_CONNECTED
}

fn refused_or(code: ffi::Code, socket: &Socket) -> Error {
    if code.srt == ffi::CONNECTION_REFUSED {
        return Error::Refused(Reason::from_code(ffi::reject_reason(socket.raw)));
    }
    Error::library("calling")(code)
}

const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// Beyond its timeout, for libsrt to say so.
const ANSWER_GRACE: Duration = Duration::from_secs(1);

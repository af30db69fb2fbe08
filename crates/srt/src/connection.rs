//! A connection to one peer.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::BytesMut;

use crate::error::Error;
use crate::ffi::{self, Flag};
use crate::socket::Socket;
use crate::statistics::Statistics;

/// Bytes of one message at most: what fits a packet of 1 500 bytes. MPEG-TS uses 1 316, seven of its packets.
pub const MESSAGE_BYTES_MAX: usize = 1_456;

/// A connection in live mode: messages both ways, each delivered whole, in order, at the pace it was sent,
/// the negotiated latency later, or not at all. Dropping it closes it at once.
#[derive(Debug)]
pub struct Connection {
    pub(crate) socket: Socket,
    pub(crate) peer: SocketAddr,
}

impl Connection {
    /// The other end.
    #[must_use]
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// The stream id that the caller brought; empty without one.
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub fn stream_id(&self) -> Result<String, Error> {
        ffi::stream_id(self.socket.raw).map_err(Error::library("the stream id"))
    }

    /// Whether what arrives was encrypted, and could be read.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        ffi::number(self.socket.raw, Flag::ReceiveKeyState) == Ok(ffi::KEY_SECURED)
    }

    /// Appends the messages that have arrived to `buffer`, waiting for the first of them, and answers how many
    /// bytes they have. It stops where the buffer's room ends, and makes room for one message where there is
    /// none. May be dropped while it waits.
    ///
    /// # Errors
    /// [`Error::Closed`] when the peer is gone and everything is read.
    pub async fn read(&self, buffer: &mut BytesMut) -> Result<usize, Error> {
        if buffer.capacity() - buffer.len() < MESSAGE_BYTES_MAX {
            buffer.reserve(MESSAGE_BYTES_MAX);
        }
        let before = buffer.len();
        loop {
            let stopped = self.drain_into(buffer);
            match stopped {
                _ if buffer.len() > before => return Ok(buffer.len() - before),
                Err(code) if code.srt != ffi::AGAIN_RECEIVE => {
                    return Err(Error::library("receiving")(code));
                }
                // Its sender has said that nothing follows.
                Ok(()) => return Err(Error::Closed),
                Err(_) => self.wait_readable().await,
            }
        }
    }

    /// Reads until the buffer is full, nothing is left, or nothing will come any more (`Ok`).
    fn drain_into(&self, buffer: &mut BytesMut) -> Result<(), ffi::Code> {
        while buffer.capacity() - buffer.len() >= MESSAGE_BYTES_MAX {
            if ffi::receive(self.socket.raw, buffer)? == 0 {
                break;
            }
        }
        Ok(())
    }

    /// libsrt may take a message for read that its own thread makes readable at that moment; the wake-up is
    /// lost then, and only the next message brings another. So the wait has an end.
    async fn wait_readable(&self) {
        let _ = tokio::time::timeout(LOOK_AGAIN, self.socket.readiness.readable.notified()).await;
    }

    /// Sends one message, waiting while libsrt's buffer of about 12 MB is full.
    ///
    /// # Errors
    /// [`Error::MessageTooLong`]; [`Error::Closed`] when the peer is gone.
    pub async fn send(&self, message: &[u8]) -> Result<(), Error> {
        if message.len() > MESSAGE_BYTES_MAX {
            return Err(Error::MessageTooLong { bytes: message.len() });
        }
        loop {
            match ffi::send(self.socket.raw, message) {
                Ok(()) => return Ok(()),
                Err(code) if code.srt == ffi::AGAIN_SEND => {
                    let writable = self.socket.readiness.writable.notified();
                    let _ = tokio::time::timeout(LOOK_AGAIN, writable).await;
                }
                Err(code) => return Err(Error::library("sending")(code)),
            }
        }
    }

    /// The connection's figures.
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub fn statistics(&self) -> Result<Statistics, Error> {
        let raw = ffi::statistics(self.socket.raw).map_err(Error::library("the statistics"))?;
        Ok(Statistics::read(&raw))
    }

    /// Closes after the peer had the time to read everything.
    ///
    /// A peer lets go of what it keeps back for the latency when it hears of the end, so this waits until all
    /// is acknowledged, at most 5 s, and then for the latency.
    pub async fn finish(self) {
        let acknowledged = async {
            while ffi::unacknowledged(self.socket.raw).is_ok_and(|blocks| blocks > 0) {
                tokio::time::sleep(ACKNOWLEDGED_LOOK).await;
            }
        };
        let _ = tokio::time::timeout(ACKNOWLEDGED_MAX, acknowledged).await;
        if let Ok(statistics) = self.statistics() {
            tokio::time::sleep(statistics.sent.latency + statistics.round_trip).await;
        }
    }
}

/// A wake-up that was lost delays a message by at most this.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// How often it is looked whether all is acknowledged: about an acknowledgement's interval.
const ACKNOWLEDGED_LOOK: Duration = Duration::from_millis(10);
/// A peer that acknowledges nothing for so long is gone.
const ACKNOWLEDGED_MAX: Duration = Duration::from_secs(5);

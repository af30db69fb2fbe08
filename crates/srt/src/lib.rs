//! SRT both ways: a safe, async wrapper over libsrt.
//!
//! A [`Listener`] answers each caller before it is accepted: it sees the stream id and the address, and lets
//! the caller in, asks it for a passphrase, or refuses it with a [`Reason`] that the caller is told. A
//! [`Connection`] carries messages of at most [`MESSAGE_BYTES_MAX`] bytes in live mode, which is what
//! FFmpeg, OBS and srt-live-transmit speak. [`connect`] is the other end.
//!
//! One thread waits for all sockets of the program and wakes the tasks; libsrt brings one more for each
//! port, and one for each connection that receives. The library is started with the first socket and ended
//! with the last, after which its ports are free again.
//!
//! Reference: the SRT protocol, draft-sharabayko-srt-01; libsrt 1.5.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may panic"))]

mod caller;
mod connection;
mod error;
mod ffi;
mod library;
mod listener;
mod passphrase;
mod reason;
mod socket;
mod statistics;

pub use caller::{Call, connect};
pub use connection::{Connection, MESSAGE_BYTES_MAX};
pub use error::Error;
pub use listener::{Admission, Listener, ListenerOptions, Request};
pub use passphrase::{KeyLength, Passphrase, PassphraseError};
pub use reason::Reason;
pub use statistics::{Direction, Statistics};

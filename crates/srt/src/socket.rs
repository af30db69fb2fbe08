//! One socket, closed when it is dropped.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use crate::error::Error;
use crate::ffi::{self, Flag, Raw};
use crate::library::{Library, Readiness};

#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) raw: Raw,
    pub(crate) readiness: Arc<Readiness>,
    library: Arc<Library>,
}

impl Socket {
    /// A new one, in live mode, that never blocks.
    pub(crate) fn new() -> Result<Socket, Error> {
        let library = Library::get()?;
        let raw = ffi::create_socket().map_err(Error::library("making a socket"))?;
        let socket = Socket::adopt(raw, library)?;
        let fail = |what| Error::library(what);
        ffi::set_switch(raw, Flag::SendSynchronous, false).map_err(fail("sending without waiting"))?;
        ffi::set_switch(raw, Flag::ReceiveSynchronous, false).map_err(fail("reading without waiting"))?;
        ffi::set_number(raw, Flag::PayloadSize, 0).map_err(fail("the size of messages"))?;
        ffi::set_number(raw, Flag::VersionMin, VERSION_MIN).map_err(fail("the least version"))?;
        Ok(socket)
    }

    /// One that libsrt made.
    pub(crate) fn adopt(raw: Raw, library: Arc<Library>) -> Result<Socket, Error> {
        match library.watch(raw) {
            Ok(readiness) => Ok(Socket { raw, readiness, library }),
            Err(error) => {
                ffi::close(raw);
                Err(error)
            }
        }
    }

    /// It only listens, on `port`.
    pub(crate) fn rest_with(&self, port: UdpSocket) {
        self.library.rest_with(self.raw, port);
    }

    pub(crate) fn library(&self) -> Arc<Library> {
        Arc::clone(&self.library)
    }

    /// Sets the latency for what is received, and the least one for what is sent.
    pub(crate) fn set_latency(&self, flag: Flag, latency: Duration) -> Result<(), Error> {
        let ms = i32::try_from(latency.as_millis()).unwrap_or(i32::MAX).min(LATENCY_MS_MAX);
        ffi::set_number(self.raw, flag, ms).map_err(Error::library("the latency"))
    }

    pub(crate) fn local_address(&self) -> Result<SocketAddr, Error> {
        let address = ffi::local_address(self.raw).map_err(Error::library("the local address"))?;
        address.ok_or(Error::Library { what: "the local address", words: "neither IPv4 nor IPv6".to_owned() })
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.library.forget(self.raw);
        ffi::close(self.raw);
    }
}

/// 1.3.0 brought the handshake that carries a stream id.
const VERSION_MIN: i32 = 0x01_03_00;
/// The handshake has 16 bits for it.
const LATENCY_MS_MAX: i32 = 65_535;

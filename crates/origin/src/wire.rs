//! The sending side of a TCP socket, which others than its owner may write to.
//!
//! A room tells two thousand members the same line. Handed to their tasks, each costs a wake-up and a look at everything
//! that a connection waits for, more than the write itself. So the room writes whole frames by itself where nothing
//! else is on its way; whatever stands in the way of that is the task's, in the order in which it came.

use std::io::{self, IoSlice};
use std::sync::{Mutex, MutexGuard};
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;

#[derive(Debug)]
pub(crate) struct Wire {
    tcp: OwnedWriteHalf,
    state: Mutex<State>,
}

/// What stands on the wire.
#[derive(Debug, Default)]
struct State {
    /// Whether anybody but the owner may write.
    open: bool,
    /// Whether the owner has written a part of what it wants to write.
    torn: bool,
    /// Of what somebody else wrote, what the system had no room for; it goes before anything else.
    rest: Bytes,
}

/// What became of bytes that were given to a wire beside its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beside {
    /// The system has all of them.
    Written,
    /// The system has some of them. The rest follows when the owner writes or flushes, which it is to do.
    Begun,
    /// Nothing was written: the owner is to write them.
    Refused,
}

impl Wire {
    pub(crate) fn new(tcp: OwnedWriteHalf) -> Wire {
        Wire { tcp, state: Mutex::default() }
    }

    pub(crate) fn into_inner(self) -> OwnedWriteHalf {
        self.tcp
    }

    /// Lets others write, or stops them. Everything that they write is whole for whoever reads: the owner opens
    /// the wire only where all of its own writes may have others' between them.
    pub(crate) fn open(&self, open: bool) {
        self.state().open = open;
    }

    /// Writes for somebody who is not the owner: at once, or not at all.
    pub(crate) fn write_beside(&self, bytes: &Bytes) -> Beside {
        let mut state = self.state();
        if !state.open || state.torn || !state.rest.is_empty() {
            return Beside::Refused;
        }
        let tcp = self.tcp.as_ref();
        match tcp.try_io(Interest::WRITABLE, || send(tcp, &[IoSlice::new(bytes)])) {
            Ok(count) if count == bytes.len() => Beside::Written,
            Ok(count) => {
                state.rest = bytes.slice(count..);
                Beside::Begun
            }
            // A full socket takes it later, and what is wrong with a broken one is found by its owner.
            Err(_) => Beside::Refused,
        }
    }

    /// Writes for the owner what `send` sends of `total` bytes, behind what others have begun.
    pub(crate) fn poll_write(
        &self,
        cx: &mut Context<'_>,
        total: usize,
        mut send: impl FnMut(&TcpStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        let mut state = self.state();
        ready!(self.poll_rest(cx, &mut state))?;
        let sent = ready!(self.poll_try(cx, &mut send))?;
        state.torn = sent < total;
        Poll::Ready(Ok(sent))
    }

    /// Writes what others have begun.
    pub(crate) fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_rest(cx, &mut self.state())
    }

    /// Says that nothing follows.
    pub(crate) fn shutdown(&self) -> io::Result<()> {
        self.open(false);
        socket2::SockRef::from(self.tcp.as_ref()).shutdown(std::net::Shutdown::Write)
    }

    fn poll_rest(&self, cx: &mut Context<'_>, state: &mut State) -> Poll<io::Result<()>> {
        while !state.rest.is_empty() {
            let rest = &state.rest;
            let count = ready!(self.poll_try(cx, &mut |tcp| send(tcp, &[IoSlice::new(rest)])))?;
            state.rest.advance(count);
        }
        Poll::Ready(Ok(()))
    }

    /// Does it once there is room.
    fn poll_try(
        &self,
        cx: &mut Context<'_>,
        send: &mut impl FnMut(&TcpStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        let tcp = self.tcp.as_ref();
        loop {
            ready!(tcp.poll_write_ready(cx))?;
            match tcp.try_io(Interest::WRITABLE, || send(tcp)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                sent => return Poll::Ready(sent),
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it holds a wire")
    }
}

/// Sends as much as the system has room for.
pub(crate) fn send(tcp: &TcpStream, slices: &[IoSlice<'_>]) -> io::Result<usize> {
    socket2::SockRef::from(tcp).send_vectored_with_flags(slices, libc::MSG_NOSIGNAL)
}

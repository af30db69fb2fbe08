//! The way of live media over plain HTTP/1.1.
//!
//! A player asks for live media and for nothing else, several times a second. What a general server does for each
//! request (a timer, a task's worth of state, the machinery of bodies that come in pieces) costs more than finding and
//! sending the answer. So a connection begins here: plain requests for live media are answered in place, and with the
//! first that is anything else the connection, and what was read of it, goes to the general server for good. It goes
//! to the general server's runtime too: lanes have threads of their own, see [`crate::threads`].
//!
//! Spec: RFC 9112 §2, §9.3 (persistence), §9.3.2 (pipelining: one after the other, in order).

mod head;

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, HttpBody as _};
use axum::http::Response;
use bytes::{Buf as _, Bytes, BytesMut};
use tokio::io::AsyncWriteExt as _;
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_util::io::poll_read_buf;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use self::head::{Read, Request};
use super::{HEADER_BYTES_MAX, HEADERS_MAX, front};
use crate::memory_file::Socket;
use crate::state::Shared;

/// One connection, for as long as it is asked for live media alone.
pub(super) struct Lane {
    socket: Socket,
    shared: Arc<Shared>,
    peer: SocketAddr,
    received: BytesMut,
    shutdown: Pin<Box<WaitForCancellationFutureOwned>>,
    idle: Pin<Box<Sleep>>,
    /// When the connection has been idle for too long; the timer follows.
    idle_until: Instant,
}

/// How it ended.
pub(super) enum End {
    /// The connection is over.
    Closed,
    /// Something else is asked for, with what was read of it.
    Other { read: Bytes, socket: std::net::TcpStream },
}

/// What became of waiting for the next request.
enum Next {
    Request(Request),
    Other,
    Closed,
}

impl Lane {
    pub(super) fn new(
        socket: Socket,
        shared: Arc<Shared>,
        peer: SocketAddr,
        shutdown: CancellationToken,
    ) -> Lane {
        let idle_until = Instant::now() + HEADERS_MAX;
        Lane {
            socket,
            shared,
            peer,
            received: BytesMut::new(),
            shutdown: Box::pin(shutdown.cancelled_owned()),
            idle: Box::pin(sleep_until(idle_until)),
            idle_until,
        }
    }

    /// Answers until the connection ends or asks for something else.
    pub(super) async fn run(mut self) -> io::Result<End> {
        loop {
            let request = match self.next().await? {
                Next::Request(request) => request,
                Next::Closed => return Ok(End::Closed),
                Next::Other => return self.other(),
            };
            let uri = request.target.split_once('?');
            let (path, query) =
                uri.map_or((request.target.as_str(), None), |(path, query)| (path, Some(query)));
            let Some(names) = front::live_file(path) else { return self.other() };
            self.received.advance(request.length);
            let shared = Arc::clone(&self.shared);
            let answer = front::live(&shared, self.peer, names, query, &request.headers);
            let Some(response) = self.unless_left(answer).await? else { return Ok(End::Closed) };
            if !self.send(response).await? {
                return Ok(End::Closed);
            }
            self.idle_until = Instant::now() + HEADERS_MAX;
        }
    }

    fn other(self) -> io::Result<End> {
        Ok(End::Other { read: self.received.freeze(), socket: self.socket.into_std()? })
    }

    /// The next request, as soon as all of its head has come.
    async fn next(&mut self) -> io::Result<Next> {
        loop {
            match head::read(&self.received) {
                Read::Request(request) => return Ok(Next::Request(request)),
                Read::Other => return Ok(Next::Other),
                Read::Partial if self.received.len() >= HEADER_BYTES_MAX => return Ok(Next::Other),
                Read::Partial => {}
            }
            let more = poll_fn(|cx| {
                if self.shutdown.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(Ok(0));
                }
                if let Poll::Ready(read) = self.poll_receive(cx) {
                    return Poll::Ready(read);
                }
                self.poll_idle(cx).map(|()| Ok(0))
            });
            if more.await? == 0 {
                return Ok(Next::Closed);
            }
        }
    }

    /// Waits for an answer, unless the peer goes first: `None`.
    async fn unless_left<T>(&mut self, answer: impl Future<Output = T>) -> io::Result<Option<T>> {
        let mut answer = pin!(answer);
        poll_fn(|cx| {
            if let Poll::Ready(answer) = answer.as_mut().poll(cx) {
                return Poll::Ready(Ok(Some(answer)));
            }
            // What it asks next waits; beyond some of that it is not read on, and then not seen to go.
            while self.received.len() < HEADER_BYTES_MAX {
                match self.poll_receive(cx) {
                    Poll::Pending => break,
                    Poll::Ready(Ok(0)) => return Poll::Ready(Ok(None)),
                    Poll::Ready(Ok(_)) => {}
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                }
            }
            Poll::Pending
        })
        .await
    }

    /// Sends an answer; `false` when nothing can follow it.
    async fn send(&mut self, response: Response<Body>) -> io::Result<bool> {
        let (parts, body) = response.into_parts();
        let pieces = pieces(body).await?;
        let length = pieces.iter().map(Bytes::len).sum();
        let mut before = Vec::with_capacity(HEAD_BYTES);
        head::write(&mut before, &Response::from_parts(parts, ()), length);
        let mut slices: Vec<IoSlice<'_>> = Vec::with_capacity(1 + pieces.len());
        slices.push(IoSlice::new(&before));
        slices.extend(pieces.iter().map(|piece| IoSlice::new(piece)));
        let mut rest = &mut slices[..];
        while !rest.is_empty() {
            let count = self.socket.write_vectored(rest).await?;
            if count == 0 {
                return Ok(false);
            }
            IoSlice::advance_slices(&mut rest, count);
        }
        Ok(true)
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.received.capacity() == self.received.len() {
            self.received.reserve(READ_BYTES);
        }
        poll_read_buf(Pin::new(&mut self.socket), cx, &mut self.received)
    }

    fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            std::task::ready!(self.idle.as_mut().poll(cx));
            if self.idle_until <= Instant::now() {
                return Poll::Ready(());
            }
            self.idle.as_mut().reset(self.idle_until);
        }
    }
}

/// All pieces of a body, none of which is waited for: live media answers with what it has.
async fn pieces(mut body: Body) -> io::Result<Vec<Bytes>> {
    let mut pieces = Vec::with_capacity(2);
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        if let Ok(piece) = frame.map_err(io::Error::other)?.into_data() {
            pieces.push(piece);
        }
    }
    pieces.retain(|piece| !piece.is_empty());
    Ok(pieces)
}

/// Of one read: a request of a browser fits.
const READ_BYTES: usize = 2 << 10;
/// Of most answers' heads.
const HEAD_BYTES: usize = 512;

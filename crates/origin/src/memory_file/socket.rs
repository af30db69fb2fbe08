//! A TCP socket that sends files by reference.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustix::fs::sendfile;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;

use super::Files;
use crate::wire::{Wire, send};

/// Takes bytes as any socket does. Those that lie in one of `files` are not copied.
#[derive(Debug)]
pub(crate) struct Socket {
    receive: OwnedReadHalf,
    wire: Arc<Wire>,
    files: Arc<Files>,
}

impl Socket {
    pub(crate) fn new(tcp: TcpStream, files: Arc<Files>) -> Socket {
        let (receive, tcp) = tcp.into_split();
        Socket { receive, wire: Arc::new(Wire::new(tcp)), files }
    }

    /// The system's socket, which another runtime may take over. Nobody else writes to it yet.
    pub(crate) fn into_std(self) -> io::Result<std::net::TcpStream> {
        let shared = || io::Error::other("somebody else writes to this socket");
        let wire = Arc::into_inner(self.wire).ok_or_else(shared)?;
        self.receive.reunite(wire.into_inner()).map_err(io::Error::other)?.into_std()
    }

    /// Where this socket sends, for those who write beside its owner.
    pub(crate) fn wire(&self) -> &Arc<Wire> {
        &self.wire
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().receive).poll_read(cx, into)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let total = slices.iter().map(|slice| slice.len()).sum();
        let found = slices.iter().enumerate().filter(|(_, slice)| slice.len() >= FILE_BYTES_MIN);
        let found = found.map(|(at, slice)| (at, self.files.find(slice)));
        match found.filter_map(|(at, place)| Some((at, place?))).next() {
            None => self.wire.poll_write(cx, total, |tcp| send(tcp, slices)),
            Some((0, place)) => self.wire.poll_write(cx, total, |tcp| {
                let mut offset = place.offset;
                Ok(sendfile(tcp, place.file(), Some(&mut offset), slices[0].len())?)
            }),
            // The system keeps back what stands before a file until the file follows.
            Some((at, _)) => self.wire.poll_write(cx, total, |tcp| {
                let flags = libc::MSG_MORE | libc::MSG_NOSIGNAL;
                socket2::SockRef::from(tcp).send_vectored_with_flags(&slices[..at], flags)
            }),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.wire.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.wire.shutdown())
    }
}

/// Below, looking for the file costs more than the copy.
const FILE_BYTES_MIN: usize = 16 << 10;

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn files_and_what_stands_around_them_arrive_in_order() {
        let files = Arc::<Files>::default();
        let media: Vec<u8> = (0..3_000_000_u32).map(|number| (number % 251) as u8).collect();
        let media = files.make(&[Bytes::from(media)]).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (far, _) = listener.accept().await.unwrap();
        let mut far = Socket::new(far, Arc::clone(&files));
        let sent = media.clone();
        let sending = tokio::spawn(async move {
            let mut all = [IoSlice::new(b"head"), IoSlice::new(&sent), IoSlice::new(b"tail")];
            let mut rest = &mut all[..];
            while !rest.is_empty() {
                let count = far.write_vectored(rest).await.unwrap();
                assert_ne!(count, 0);
                IoSlice::advance_slices(&mut rest, count);
            }
            far.shutdown().await.unwrap();
        });
        let mut heard = Vec::new();
        near.read_to_end(&mut heard).await.unwrap();
        sending.await.unwrap();
        assert_eq!(heard, [b"head", &media[..], b"tail"].concat());
    }
}

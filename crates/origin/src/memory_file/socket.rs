//! A TCP socket that sends files by reference.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rustix::fs::sendfile;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

use super::{Files, Place};

/// Takes bytes as any socket does. Those that lie in one of `files` are not copied.
#[derive(Debug)]
pub(crate) struct Socket {
    tcp: TcpStream,
    files: Arc<Files>,
}

impl Socket {
    pub(crate) fn new(tcp: TcpStream, files: Arc<Files>) -> Socket {
        Socket { tcp, files }
    }

    /// Sends `length` bytes from `place` on, or as many as the peer has room for.
    fn poll_send(&self, cx: &mut Context<'_>, place: &Place, length: usize) -> Poll<io::Result<usize>> {
        self.poll_try(cx, || {
            let mut offset = place.offset;
            Ok(sendfile(&self.tcp, place.file(), Some(&mut offset), length)?)
        })
    }

    /// Sends what stands before a file, which the system keeps back until the file follows.
    fn poll_send_before(&self, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        self.poll_try(cx, || {
            socket2::SockRef::from(&self.tcp)
                .send_vectored_with_flags(slices, libc::MSG_MORE | libc::MSG_NOSIGNAL)
        })
    }

    /// Does it once there is room.
    fn poll_try(
        &self,
        cx: &mut Context<'_>,
        mut send: impl FnMut() -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.tcp.poll_write_ready(cx))?;
            match self.tcp.try_io(Interest::WRITABLE, &mut send) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                sent => return Poll::Ready(sent),
            }
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tcp).poll_read(cx, into)
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
        let socket = self.get_mut();
        let found = slices.iter().enumerate().filter(|(_, slice)| slice.len() >= FILE_BYTES_MIN);
        let found = found.map(|(at, slice)| (at, socket.files.find(slice)));
        match found.filter_map(|(at, place)| Some((at, place?))).next() {
            None => Pin::new(&mut socket.tcp).poll_write_vectored(cx, slices),
            Some((0, place)) => socket.poll_send(cx, &place, slices[0].len()),
            Some((at, _)) => socket.poll_send_before(cx, &slices[..at]),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tcp).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tcp).poll_shutdown(cx)
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

//! HTTP/1.1 as far as a load generator needs it: one connection kept alive, answers with `Content-Length`.

use std::io;
use std::os::fd::AsRawFd as _;

use anyhow::{Context as _, Result, bail, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, Interest};
use tokio::net::TcpStream;

/// One connection to one server.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    host: String,
    /// What was read beyond the answer before.
    ahead: Vec<u8>,
}

/// `http://HOST:PORT/PATH` in its two parts.
pub(super) fn split(url: &str) -> Result<(&str, &str)> {
    let rest = url.strip_prefix("http://").with_context(|| format!("{url} does not begin with http://"))?;
    let slash = rest.find('/').with_context(|| format!("{url} has no path"))?;
    Ok(rest.split_at(slash))
}

/// `uri` as a path, from the playlist at `base`.
pub(super) fn resolve(base: &str, uri: &str) -> String {
    if uri.starts_with('/') {
        return uri.to_owned();
    }
    let folder = base.split('?').next().unwrap_or(base);
    let folder = &folder[..=folder.rfind('/').unwrap_or(0)];
    format!("{folder}{uri}")
}

impl Connection {
    /// Connects to `HOST:PORT`.
    pub(super) async fn open(host: &str) -> Result<Connection> {
        let stream = TcpStream::connect(host).await.with_context(|| format!("cannot connect to {host}"))?;
        stream.set_nodelay(true)?;
        Ok(Connection { stream, host: host.to_owned(), ahead: Vec::new() })
    }

    /// Connects again when the server has closed the connection. For one whose answers were all read.
    pub(super) async fn reopen_if_closed(&mut self) -> Result<()> {
        let mut next = [0];
        // An open connection has nothing to read: neither its end, nor a word that nobody asked for, as that it took too long.
        let open =
            self.stream.try_read(&mut next).is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock);
        if !open {
            *self = Connection::open(&self.host).await?;
        }
        Ok(())
    }

    /// The connection's own end; `None` when the system does not tell.
    #[cfg(test)]
    pub(super) fn local_address(&self) -> Option<std::net::SocketAddr> {
        self.stream.local_addr().ok()
    }

    /// The body of an answer, as text.
    pub(super) async fn text(&mut self, path: &str) -> Result<String> {
        self.ask(path).await?;
        self.rest(path).await
    }

    /// The body of the answer to what was asked last, as text.
    pub(super) async fn rest(&mut self, path: &str) -> Result<String> {
        let length = self.head(path).await?;
        let mut body = std::mem::take(&mut self.ahead);
        while body.len() < length {
            ensure!(self.stream.read_buf(&mut body).await? > 0, "{path}: the body is cut short");
        }
        self.ahead = body.split_off(length);
        String::from_utf8(body).with_context(|| format!("{path} is not text"))
    }

    /// Receives a body and throws it away; its length.
    pub(super) async fn discard(&mut self, path: &str) -> Result<u64> {
        self.ask(path).await?;
        let length = self.head(path).await?;
        let mut left = length - self.ahead.len().min(length);
        self.ahead.drain(..(length - left));
        while left > 0 {
            let received = self.stream.async_io(Interest::READABLE, || self.throw_away(left)).await?;
            ensure!(received > 0, "{path}: the body is cut short");
            left -= received;
        }
        Ok(length as u64)
    }

    /// Sends a request; [`Connection::head`] reads the answer's beginning.
    pub(super) async fn ask(&mut self, path: &str) -> Result<()> {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.host);
        self.stream.write_all(request.as_bytes()).await.with_context(|| path.to_owned())
    }

    /// Waits for the answer's first byte.
    pub(super) async fn answered(&self) -> Result<()> {
        Ok(self.stream.readable().await?)
    }

    /// Reads the head of an answer that must be a success; the length of its body.
    async fn head(&mut self, path: &str) -> Result<usize> {
        let end = loop {
            if let Some(at) = self.ahead.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            let read = self.stream.read_buf(&mut self.ahead).await?;
            ensure!(read > 0, "{path}: the connection closed before an answer");
        };
        let head = String::from_utf8_lossy(&self.ahead[..end]).to_ascii_lowercase();
        let status = head.split(' ').nth(1).unwrap_or_default();
        if status != "200" {
            bail!("{path}: status {status}");
        }
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
        let length = length.with_context(|| format!("{path}: the answer has no Content-Length"))?.trim();
        let length = length.parse().with_context(|| format!("{path}: Content-Length {length}"))?;
        self.ahead.drain(..end);
        Ok(length)
    }

    /// Receives without copying: the kernel drops what `MSG_TRUNC` takes from a TCP socket.
    fn throw_away(&self, most: usize) -> io::Result<usize> {
        let socket = self.stream.as_raw_fd();
        // SAFETY: the socket is open as long as `self` is, and with MSG_TRUNC no byte is written.
        let received =
            unsafe { libc::recv(socket, std::ptr::null_mut(), most, libc::MSG_TRUNC | libc::MSG_DONTWAIT) };
        usize::try_from(received).map_err(|_| io::Error::last_os_error())
    }
}

//! One request to somebody else's server: the name is resolved once, what it leads to is looked at, and exactly that is
//! connected to, so that no second answer of a name server leads elsewhere. Redirects are not followed.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, Uri, header};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::public::is_public;

/// Where a webhook leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// A name, or an address without brackets.
    host: String,
    port: u16,
    tls: bool,
    /// Host and port as the URL has them.
    authority: String,
    path: String,
}

/// Why a webhook cannot be told.
#[derive(Debug, Error)]
pub(crate) enum TargetError {
    /// It is no address that a webhook can have.
    #[error("expected an http or https URL with a host and no user name")]
    Url,
    /// It leads to this machine or its network.
    #[error("{address} is of this machine or its network, which is not allowed for this webhook")]
    Private {
        /// What the name led to.
        address: IpAddr,
    },
    /// Its name leads nowhere.
    #[error("{host} has no address")]
    Unknown {
        /// The name.
        host: String,
    },
    /// Nobody answers there, or not as HTTP wants it.
    #[error("{doing}: {source}")]
    Io {
        /// What failed.
        doing: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// It does not answer as HTTP wants it.
    #[error("the answer is no HTTP: {0}")]
    Http(#[from] hyper::Error),
}

impl Target {
    /// Reads a webhook's URL.
    ///
    /// # Errors
    /// [`TargetError::Url`].
    pub(crate) fn parse(url: &str) -> Result<Target, TargetError> {
        let uri: Uri = url.parse().map_err(|_| TargetError::Url)?;
        let tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(TargetError::Url),
        };
        let authority = uri.authority().ok_or(TargetError::Url)?;
        if authority.as_str().contains('@') || authority.host().is_empty() {
            return Err(TargetError::Url);
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = authority.port_u16().unwrap_or(if tls { 443 } else { 80 });
        let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        Ok(Target { host, port, tls, authority: authority.as_str().to_owned(), path })
    }

    /// Whether its host is an address of this machine or its network. A name may still lead to one.
    pub(crate) fn is_plainly_private(&self) -> bool {
        self.host.parse().is_ok_and(|address| !is_public(address))
    }

    /// Sends `body` as JSON and waits for the answer's status; its body is not read.
    ///
    /// # Errors
    /// [`TargetError`].
    pub(super) async fn post(
        &self,
        tls: &Arc<ClientConfig>,
        allow_private: bool,
        headers: [(&'static str, String); 3],
        body: String,
    ) -> Result<u16, TargetError> {
        let address = self.resolve(allow_private).await?;
        let socket = TcpStream::connect(address).await.map_err(failed("connecting"))?;
        let mut request = Request::post(&self.path)
            .header(header::HOST, &self.authority)
            .header(header::USER_AGENT, "Rostrum")
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::CONNECTION, "close");
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.body(Body::from(body)).map_err(|_| TargetError::Url)?;
        if !self.tls {
            return exchange(socket, request).await;
        }
        let name = ServerName::try_from(self.host.clone()).map_err(|_| TargetError::Url)?;
        let connector = TlsConnector::from(Arc::clone(tls));
        let socket = connector.connect(name, socket).await.map_err(failed("TLS"))?;
        exchange(socket, request).await
    }

    /// An address of the host. One that is not allowed spoils them all: such a name is not an honest one.
    async fn resolve(&self, allow_private: bool) -> Result<SocketAddr, TargetError> {
        let found = tokio::net::lookup_host((self.host.as_str(), self.port)).await;
        let found: Vec<SocketAddr> = found.map_err(failed("looking the name up"))?.collect();
        if !allow_private && let Some(private) = found.iter().find(|address| !is_public(address.ip())) {
            return Err(TargetError::Private { address: private.ip() });
        }
        found.first().copied().ok_or_else(|| TargetError::Unknown { host: self.host.clone() })
    }
}

async fn exchange(
    socket: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Body>,
) -> Result<u16, TargetError> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(socket)).await?;
    let answer = async move {
        let response = sender.send_request(request).await?;
        Ok(response.status().as_u16())
    };
    tokio::pin!(answer);
    // Both in this task, so that nothing of it outlives the try.
    tokio::select! {
        biased;
        status = &mut answer => return status,
        ended = connection => ended?,
    }
    // The peer may end the connection with its answer.
    answer.await
}

fn failed(doing: &'static str) -> impl FnOnce(std::io::Error) -> TargetError {
    move |source| TargetError::Io { doing, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhook_is_told_over_http_or_https() {
        let target = Target::parse("https://hooks.example/rostrum?a=b").unwrap();
        assert_eq!((target.host.as_str(), target.port, target.tls), ("hooks.example", 443, true));
        assert_eq!(target.path, "/rostrum?a=b");
        let target = Target::parse("http://[::1]:9000").unwrap();
        assert_eq!((target.host.as_str(), target.port, target.path.as_str()), ("::1", 9_000, "/"));
        for wrong in
            ["", "ftp://a.example/", "/path", "https://", "http://user:pass@a.example/", "file:///etc"]
        {
            assert!(Target::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[tokio::test]
    async fn names_and_addresses_of_this_machine_are_refused_unless_they_are_allowed() {
        for url in
            ["http://127.0.0.1:1/", "http://[::1]:1/", "http://localhost:1/", "http://[::ffff:127.0.0.1]:1/"]
        {
            let target = Target::parse(url).unwrap();
            assert_eq!(target.is_plainly_private(), !url.contains("localhost"), "{url}");
            assert!(matches!(target.resolve(false).await, Err(TargetError::Private { .. })), "{url}");
            assert!(target.resolve(true).await.is_ok(), "{url}");
        }
        assert!(!Target::parse("http://93.184.216.34/").unwrap().is_plainly_private());
    }
}

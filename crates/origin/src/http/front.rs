//! What answers the requests of a connection.
//!
//! Live media is asked for several times a second by every viewer: its plain requests are answered here, where finding
//! the way through a router would cost as much as the answer. Everything else goes to the router, which answers
//! the same requests too. Over plain HTTP/1.1 most of them do not even come here, see [`super::lane`].

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Method, Request, Response, Version, header};
use axum::response::IntoResponse as _;
use hyper::body::Incoming;
use hyper::service::Service;
use tower::ServiceExt as _;

use super::playback::{self, Asked};
use super::problem::Problem;
use super::{client_address, player};
use crate::state::Shared;
use crate::wire::Wire;

/// The service of one connection.
#[derive(Clone)]
pub(super) struct Front {
    pub(super) router: Router,
    pub(super) shared: Arc<Shared>,
    pub(super) peer: SocketAddr,
    /// Where it sends, unless something between encrypts.
    pub(super) wire: Option<Arc<Wire>>,
}

impl Service<Request<Incoming>> for Front {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        if request.method() == Method::GET && live_file(request.uri().path()).is_some() {
            let (shared, peer) = (Arc::clone(&self.shared), self.peer);
            return Box::pin(async move {
                let (uri, headers) = (request.uri(), request.headers());
                let names = live_file(uri.path()).unwrap_or_default();
                Ok(live(&shared, peer, names, uri.query(), headers).await)
            });
        }
        // RFC 9112 §3.2. HTTP/2 has `:authority` instead.
        if request.version() == Version::HTTP_11 && !request.headers().contains_key(header::HOST) {
            let problem = Problem::bad_request("the header host is missing");
            return Box::pin(std::future::ready(Ok(problem.into_response())));
        }
        request.extensions_mut().insert(ConnectInfo(self.peer));
        if let Some(wire) = &self.wire {
            request.extensions_mut().insert(Arc::clone(wire));
        }
        Box::pin(self.router.clone().oneshot(request))
    }
}

/// What a request for a file of live media is answered with; `names` as [`live_file`] found them.
pub(super) async fn live(
    shared: &Shared,
    peer: SocketAddr,
    names: [&str; 3],
    query: Option<&str>,
    headers: &HeaderMap,
) -> Response<Body> {
    let [slug, rendition, file] = names;
    let player = player::shown(headers, None, || client_address::of_peer(peer.ip(), headers, shared));
    playback::live(shared, Asked { slug, rendition, file, query, player }, headers).await
}

/// Room, rendition and file of `/live/{room}/{rendition}/{file}`; `None` for another path, or one with escapes.
pub(super) fn live_file(path: &str) -> Option<[&str; 3]> {
    let (room, rest) = path.strip_prefix("/live/")?.split_once('/')?;
    let (rendition, file) = rest.split_once('/')?;
    let plain = |name: &str| !name.is_empty() && !name.contains(['/', '%', '#']);
    [room, rendition, file].into_iter().all(plain).then_some([room, rendition, file])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_paths_of_live_media_are_answered_here() {
        let found = |path: &'static str| live_file(path).map(|names| names.join(" "));
        assert_eq!(found("/live/demo/main-1/index.m3u8").as_deref(), Some("demo main-1 index.m3u8"));
        for other in [
            "/live/demo/index.m3u8",
            "/live/demo/main/",
            "/live/demo//seg-1.m4s",
            "/live/demo/s/token/index.m3u8",
            "/live/de%6do/main/seg-1.m4s",
            "/replay/demo/main/seg-1.m4s",
        ] {
            assert_eq!(found(other), None, "{other}");
        }
    }
}

//! What answers the requests of a connection.
//!
//! Live media is asked for several times a second by every viewer: its plain requests are answered here, where finding
//! the way through a router would cost as much as the answer. Everything else goes to the router, which answers
//! the same requests too.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Method, Request, Response, Uri};
use hyper::body::Incoming;
use hyper::service::Service;
use tower::ServiceExt as _;

use super::playback::{self, Asked};
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
        if request.method() == Method::GET && live_file(request.uri()).is_some() {
            return Box::pin(live(Arc::clone(&self.shared), self.peer, request));
        }
        request.extensions_mut().insert(ConnectInfo(self.peer));
        if let Some(wire) = &self.wire {
            request.extensions_mut().insert(Arc::clone(wire));
        }
        Box::pin(self.router.clone().oneshot(request))
    }
}

async fn live(
    shared: Arc<Shared>,
    peer: SocketAddr,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let (uri, headers) = (request.uri(), request.headers());
    let [slug, rendition, file] = live_file(uri).unwrap_or_default();
    let player = player::shown(headers, None, || client_address::of_peer(peer.ip(), headers, &shared));
    let asked = Asked { slug, rendition, file, query: uri.query(), player };
    Ok(playback::live(&shared, asked, headers).await)
}

/// Room, rendition and file of `/live/{room}/{rendition}/{file}`; `None` for another path, or one with escapes.
fn live_file(uri: &Uri) -> Option<[&str; 3]> {
    let (room, rest) = uri.path().strip_prefix("/live/")?.split_once('/')?;
    let (rendition, file) = rest.split_once('/')?;
    let plain = |name: &str| !name.is_empty() && !name.contains(['/', '%']);
    [room, rendition, file].into_iter().all(plain).then_some([room, rendition, file])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_paths_of_live_media_are_answered_here() {
        let found = |path: &'static str| live_file(&Uri::from_static(path)).map(|names| names.join(" "));
        assert_eq!(
            found("/live/demo/main-1/index.m3u8?_HLS_msn=4").as_deref(),
            Some("demo main-1 index.m3u8")
        );
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

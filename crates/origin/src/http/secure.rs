//! What a request over TLS has besides one in the open.

use axum::Router;
use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderValue, header};
use axum::middleware::{Next, from_fn};
use axum::response::Response;

/// Whether the request came over TLS: "https", else "http".
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scheme(pub(crate) &'static str);

impl Scheme {
    /// Of a request.
    pub(super) fn of(extensions: &Extensions) -> Scheme {
        extensions.get().copied().unwrap_or(Scheme("http"))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Scheme {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Scheme, Self::Rejection> {
        Ok(Scheme::of(&parts.extensions))
    }
}

/// The same service for connections over TLS.
pub(super) fn secured(router: Router) -> Router {
    router.layer(from_fn(mark))
}

/// Marks requests, gives those of HTTP/2 the `Host` that the rest of the program reads, and lets no cookie go
/// over an open connection later.
pub(super) async fn mark(mut request: Request, next: Next) -> Response {
    request.extensions_mut().insert(Scheme("https"));
    let authority = request.uri().authority().map(|authority| HeaderValue::from_str(authority.as_str()));
    if let Some(Ok(authority)) = authority
        && !request.headers().contains_key(header::HOST)
    {
        request.headers_mut().insert(header::HOST, authority);
    }
    let mut response = next.run(request).await;
    if let header::Entry::Occupied(mut cookies) = response.headers_mut().entry(header::SET_COOKIE) {
        for cookie in cookies.iter_mut() {
            let mut text = cookie.as_bytes().to_vec();
            text.extend_from_slice(b"; Secure");
            *cookie = HeaderValue::from_bytes(&text).expect("a cookie and a plain word");
        }
    }
    response
}

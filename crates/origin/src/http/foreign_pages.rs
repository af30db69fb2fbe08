//! What keeps other sites' pages from using the cookies of whoever looks at them.

use std::task::{Context, Poll, ready};

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use futures_util::future::Either;
use tower::{Layer, Service};
use tower_http::csrf::{Csrf, CsrfLayer, ProtectionError};

use super::access::bearer;
use super::problem::Problem;

/// Refuses what a page of another site asks to be changed, unless it shows a bearer token: no browser sends that along
/// by itself, as it does cookies.
#[derive(Clone, Copy, Debug)]
pub(super) struct ForeignPages;

/// See [`ForeignPages`].
#[derive(Clone, Debug)]
pub(super) struct Checked<S> {
    plain: S,
    checked: Csrf<S, Refuse>,
}

type Refuse = fn(ProtectionError) -> Response;

impl<S: Clone> Layer<S> for ForeignPages {
    type Service = Checked<S>;

    fn layer(&self, inner: S) -> Checked<S> {
        let refuse: Refuse = |_| Problem::forbidden("a page of another site asks").into_response();
        let checked = CsrfLayer::new().with_rejection_response(refuse).layer(inner.clone());
        Checked { plain: inner, checked }
    }
}

impl<S: Service<Request, Response = Response>> Service<Request> for Checked<S> {
    type Response = Response;
    type Error = S::Error;
    type Future = Either<S::Future, <Csrf<S, Refuse> as Service<Request>>::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        ready!(self.plain.poll_ready(context))?;
        self.checked.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        match bearer(request.headers()) {
            Some(_) => Either::Left(self.plain.call(request)),
            None => Either::Right(self.checked.call(request)),
        }
    }
}

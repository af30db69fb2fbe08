//! Who asks, and what they may reach.

use std::sync::Arc;

use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::problem::Problem;
use super::routes::OPEN;
use crate::secret::Digest;
use crate::state::Shared;
use crate::store::{Account, RoomRecord, StoreError};

/// Somebody who brought a token.
#[derive(Clone, Debug)]
pub(crate) enum Identity {
    /// An account's token.
    Account(Account),
    /// The token in `run.json`: whoever can read it owns the data folder.
    Operator,
}

impl Identity {
    /// Whether it may do everything.
    pub(crate) fn is_admin(&self) -> bool {
        match self {
            Identity::Account(account) => account.admin,
            Identity::Operator => true,
        }
    }

    /// Whether the room's settings, key and ingest are this one's to see and change.
    pub(crate) fn may_manage(&self, room: &RoomRecord) -> bool {
        self.is_admin() || self.owns(room)
    }

    /// Whether the room is this account's own.
    pub(crate) fn owns(&self, room: &RoomRecord) -> bool {
        match self {
            Identity::Account(account) => room.owner.as_deref() == Some(account.name.as_str()),
            Identity::Operator => false,
        }
    }
}

/// Lets a request through when its route is listed open, or when it brings a valid token. Whatever is
/// not listed is closed, also a route that somebody adds and forgets to think about.
pub(crate) async fn guard(State(shared): State<Arc<Shared>>, mut request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let open = path.is_none_or(|path| is_open(request.method(), &path));
    match identify(&shared, request.headers()).await {
        Ok(Some(identity)) => {
            request.extensions_mut().insert(identity);
        }
        Ok(None) if open => {}
        Ok(None) => {
            return Problem::new(StatusCode::UNAUTHORIZED, "a valid bearer token is needed").into_response();
        }
        Err(error) => return Problem::from(error).into_response(),
    }
    next.run(request).await
}

fn is_open(method: &Method, path: &str) -> bool {
    let method = if method == Method::HEAD { &Method::GET } else { method };
    OPEN.iter().any(|(open_method, open_path)| method.as_str() == *open_method && path == *open_path)
}

async fn identify(shared: &Shared, headers: &HeaderMap) -> Result<Option<Identity>, StoreError> {
    let Some(token) = bearer(headers) else { return Ok(None) };
    let digest = Digest::of(token);
    if digest == shared.run_token {
        return Ok(Some(Identity::Operator));
    }
    Ok(shared.store.account_of_token(digest).await?.map(Identity::Account))
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// Who asks, when they said it.
#[derive(Clone, Debug)]
pub(crate) struct Caller(pub(crate) Option<Identity>);

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Caller, Self::Rejection> {
        Ok(Caller(parts.extensions.get::<Identity>().cloned()))
    }
}

/// Who asks, where only known ones may.
#[derive(Clone, Debug)]
pub(crate) struct Known(pub(crate) Identity);

impl<S: Send + Sync> FromRequestParts<S> for Known {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Known, Problem> {
        let identity = parts.extensions.get::<Identity>().cloned();
        identity
            .map(Known)
            .ok_or_else(|| Problem::new(StatusCode::UNAUTHORIZED, "a valid bearer token is needed"))
    }
}

//! Who asks, and what they may reach.

use std::sync::Arc;

use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::problem::Problem;
use super::routes::{KEYED, OPEN};
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
    if path.as_ref().is_some_and(|path| is_listed(&KEYED, request.method(), path)) {
        return match key_holder(&shared, request.method(), request.headers()).await {
            Ok(Some(holder)) => {
                request.extensions_mut().insert(holder);
                next.run(request).await
            }
            Ok(None) => {
                Problem::new(StatusCode::UNAUTHORIZED, "the room's stream key is needed").into_response()
            }
            Err(error) => Problem::from(error).into_response(),
        };
    }
    let open = path.is_none_or(|path| is_listed(&OPEN, request.method(), &path));
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

fn is_listed(list: &[(&str, &str)], method: &Method, path: &str) -> bool {
    let method = if method == Method::HEAD { &Method::GET } else { method };
    list.iter().any(|(listed_method, listed_path)| method.as_str() == *listed_method && path == *listed_path)
}

/// Who brings a room's stream key, or for a WebSocket the ticket that was given for one: a browser cannot send
/// the key along with it. Tickets are for reading requests alone, so that none is ever exchanged for another.
async fn key_holder(
    shared: &Shared,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Option<KeyHolder>, StoreError> {
    let key = match bearer(headers) {
        Some(key) => Some(Digest::of(key)),
        None if method == Method::GET => {
            cookie(headers, TICKET_COOKIE).and_then(|ticket| shared.tickets.redeem(ticket))
        }
        None => None,
    };
    let Some(key) = key else { return Ok(None) };
    Ok(shared.store.room_of_key(key).await?.map(|room| KeyHolder { room, key }))
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

/// Whether the request comes from a page of this origin, or from no page at all. Cookies go along with
/// a WebSocket whoever opens it, so this is what keeps other sites' pages out.
pub(super) fn same_origin(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let Some(host) = headers.get(header::HOST).and_then(|host| host.to_str().ok()) else { return false };
    let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
    origin.is_some_and(|(_, authority)| authority.eq_ignore_ascii_case(host))
}

/// The value of the first cookie of this name.
pub(super) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(found, _)| *found == name).map(|(_, value)| value)
}

/// Whoever brought the stream key of a room, on the routes that ask for one.
#[derive(Clone, Debug)]
pub(crate) struct KeyHolder {
    /// The room that the key is of.
    pub(crate) room: RoomRecord,
    pub(crate) key: Digest,
}

impl<S: Send + Sync> FromRequestParts<S> for KeyHolder {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<KeyHolder, Problem> {
        let holder = parts.extensions.get::<KeyHolder>().cloned();
        holder.ok_or_else(|| Problem::new(StatusCode::UNAUTHORIZED, "the room's stream key is needed"))
    }
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

/// The cookie that holds a ticket.
pub(super) const TICKET_COOKIE: &str = "rostrum_ingest";

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(header::HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect()
    }

    #[test]
    fn pages_of_other_sites_are_kept_out() {
        let with = |origin: &str| headers(&[(header::HOST, "live.example:8080"), (header::ORIGIN, origin)]);
        assert!(same_origin(&with("http://live.example:8080")));
        assert!(same_origin(&headers(&[(header::HOST, "live.example")])));
        for other in ["http://evil.example", "null", "http://live.example", "http://live.example:8080.evil"] {
            assert!(!same_origin(&with(other)), "{other}");
        }
    }
}

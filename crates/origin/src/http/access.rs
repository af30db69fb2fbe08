//! Who asks, from where, and what they may reach.
//!
//! A route is closed unless it is listed open. Who asks is found out once, and only where a handler or a closed route
//! wants to know: media and pages never read the database for it.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{FromRequestParts, MatchedPath, OptionalFromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::client_address;
pub(super) use super::cookies::cookie;
use super::cookies::session_cookie;
pub(crate) use super::identity::{Credential, Identity};
use super::problem::Problem;
use super::routes::{BY_ADDRESS, KEYED, OPEN};
use super::secure::Scheme;
use crate::clock::unix_ms;
use crate::secret::Digest;
use crate::state::Shared;
use crate::store::{Account, RoomRecord, Scope};

/// Who asks, and how they showed it.
#[derive(Clone, Debug)]
struct Found {
    identity: Identity,
    credential: Credential,
}

/// Lets a request through when its route is listed open, or when it is known who asks. Whatever is not listed is
/// closed, also a route that somebody adds and forgets to think about.
pub(crate) async fn guard(State(shared): State<Arc<Shared>>, mut request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    if path.as_ref().is_some_and(|path| is_listed(&KEYED, request.method(), path)) {
        let key = shown_key(&shared, request.method(), request.headers());
        // Who publishes from a page where they are signed in. A bearer token is a stream key there, and nothing else.
        if key.is_none() && path.as_deref() == Some(INGEST) && bearer(request.headers()).is_none() {
            let found = find(&shared, request.method(), request.headers(), request.extensions()).await;
            match found {
                Ok(Some(found)) => {
                    request.extensions_mut().insert(found);
                    return next.run(request).await;
                }
                Ok(None) => {}
                Err(problem) => return problem.into_response(),
            }
        }
        let address = client_address::of(request.extensions(), request.headers(), &shared);
        return match key_holder(&shared, key, address).await {
            Ok(holder) => {
                request.extensions_mut().insert(holder);
                next.run(request).await
            }
            Err(problem) => problem.into_response(),
        };
    }
    let passes = |path: String| {
        is_listed(&OPEN, request.method(), &path) || is_listed(&BY_ADDRESS, request.method(), &path)
    };
    if path.is_none_or(passes) {
        return next.run(request).await;
    }
    match find(&shared, request.method(), request.headers(), request.extensions()).await {
        Ok(Some(found)) => {
            request.extensions_mut().insert(found);
            next.run(request).await
        }
        Ok(None) => Problem::unknown_caller().into_response(),
        Err(problem) => problem.into_response(),
    }
}

fn is_listed(list: &[(&str, &str)], method: &Method, path: &str) -> bool {
    let method = if method == Method::HEAD { &Method::GET } else { method };
    list.iter().any(|(listed_method, listed_path)| method.as_str() == *listed_method && path == *listed_path)
}

/// The room's stream key that a request brings, or for a WebSocket the ticket that was given for one: a browser
/// cannot send the key along with it. Tickets are for reading requests alone, so that none is ever exchanged for
/// another.
fn shown_key(shared: &Shared, method: &Method, headers: &HeaderMap) -> Option<Digest> {
    match bearer(headers) {
        Some(key) => Some(Digest::of(key)),
        None if method == Method::GET => {
            cookie(headers, TICKET_COOKIE).and_then(|ticket| shared.tickets.redeem(ticket))
        }
        None => None,
    }
}

/// Whose key it is. Whoever shows many wrong ones has to wait.
async fn key_holder(shared: &Shared, key: Option<Digest>, address: IpAddr) -> Result<KeyHolder, Problem> {
    let key = key.ok_or_else(key_needed)?;
    shared.wrong_keys.check(address).map_err(|locked| Problem::wait(locked.to_string(), locked.0))?;
    match shared.store.room_of_key(key).await? {
        Some(room) => Ok(KeyHolder { room, key }),
        None => {
            shared.wrong_keys.note(address, key);
            Err(key_needed())
        }
    }
}

pub(super) fn key_needed() -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "the room's stream key is needed")
}

/// Who asks, for a layer that comes before the handlers.
pub(super) async fn who(
    shared: &Shared,
    method: &Method,
    headers: &HeaderMap,
    extensions: &Extensions,
) -> Result<Option<Identity>, Problem> {
    if let Some(found) = extensions.get::<Found>() {
        return Ok(Some(found.identity.clone()));
    }
    Ok(find(shared, method, headers, extensions).await?.map(|found| found.identity))
}

/// Who asks. A token goes before a cookie; one that is not known is nobody's.
async fn find(
    shared: &Shared,
    method: &Method,
    headers: &HeaderMap,
    extensions: &Extensions,
) -> Result<Option<Found>, Problem> {
    if let Some(token) = bearer(headers) {
        let digest = Digest::of(token);
        if digest == shared.run_token {
            return Ok(Some(Found { identity: Identity::Operator, credential: Credential::RunToken }));
        }
        let Some((account, token)) = shared.store.token(digest, unix_ms()).await? else { return Ok(None) };
        let path = extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
        let scope = scope_of(method, path);
        if !token.scopes.contains(&scope) {
            let detail = format!("this token lacks the scope \"{}\"", scope.as_str());
            return Err(Problem::forbidden(detail).with_code("scope_missing"));
        }
        let credential = Credential::Token(token);
        return Ok(Some(Found { identity: Identity::Account(account), credential }));
    }
    let Some(secret) = cookie(headers, &session_cookie(Scheme::of(extensions))) else { return Ok(None) };
    let session = shared.store.session(Digest::of(secret), unix_ms()).await?;
    Ok(session.map(|(account, session)| Found {
        identity: Identity::Account(account),
        credential: Credential::Session(session),
    }))
}

/// What a token must be for, to ask this.
fn scope_of(method: &Method, path: &str) -> Scope {
    let below =
        |root: &str| path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    if below("/api/v1/account") || below("/api/v1/session") {
        Scope::Account
    } else if ADMINISTERED.into_iter().any(below) {
        Scope::Admin
    } else if path == "/api/v1/rooms/{room}/chat" {
        Scope::Chat
    } else if method.is_safe() {
        Scope::RoomsRead
    } else {
        Scope::RoomsWrite
    }
}

pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
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
        holder.ok_or_else(key_needed)
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for KeyHolder {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<KeyHolder>, Problem> {
        Ok(parts.extensions.get::<KeyHolder>().cloned())
    }
}

/// Who asks, when it is known.
#[derive(Clone, Debug)]
pub(crate) struct Caller(pub(crate) Option<Identity>);

impl FromRequestParts<Arc<Shared>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Caller, Problem> {
        Ok(Caller(found(parts, shared).await?.map(|found| found.identity)))
    }
}

/// Who asks, when it is known, and how they showed it.
#[derive(Clone, Debug)]
pub(crate) struct Shown(pub(crate) Option<(Identity, Credential)>);

impl FromRequestParts<Arc<Shared>> for Shown {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Shown, Problem> {
        Ok(Shown(found(parts, shared).await?.map(|found| (found.identity, found.credential))))
    }
}

/// Who asks, where only known ones may.
#[derive(Clone, Debug)]
pub(crate) struct Known(pub(crate) Identity);

impl FromRequestParts<Arc<Shared>> for Known {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Known, Problem> {
        let found = found(parts, shared).await?;
        found.map(|found| Known(found.identity)).ok_or_else(Problem::unknown_caller)
    }
}

/// Who asks, where only administrators may.
#[derive(Clone, Debug)]
pub(crate) struct Admin(pub(crate) Identity);

impl FromRequestParts<Arc<Shared>> for Admin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Admin, Problem> {
        let Known(identity) = Known::from_request_parts(parts, shared).await?;
        if !identity.is_admin() {
            return Err(Problem::forbidden("only an administrator may do this"));
        }
        Ok(Admin(identity))
    }
}

/// The account that asks, and how it showed that.
#[derive(Clone, Debug)]
pub(crate) struct SignedIn {
    pub(crate) account: Account,
    pub(crate) credential: Credential,
}

impl FromRequestParts<Arc<Shared>> for SignedIn {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<SignedIn, Problem> {
        match found(parts, shared).await? {
            Some(Found { identity: Identity::Account(account), credential }) => {
                Ok(SignedIn { account, credential })
            }
            Some(_) => Err(Problem::forbidden("this needs an account, and the operator's token is of none")),
            None => Err(Problem::unknown_caller()),
        }
    }
}

impl OptionalFromRequestParts<Arc<Shared>> for SignedIn {
    type Rejection = Problem;

    async fn from_request_parts(
        parts: &mut Parts,
        shared: &Arc<Shared>,
    ) -> Result<Option<SignedIn>, Problem> {
        Ok(match found(parts, shared).await? {
            Some(Found { identity: Identity::Account(account), credential }) => {
                Some(SignedIn { account, credential })
            }
            _ => None,
        })
    }
}

async fn found(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Option<Found>, Problem> {
    if let Some(found) = parts.extensions.get::<Found>() {
        return Ok(Some(found.clone()));
    }
    find(shared, &parts.method, &parts.headers, &parts.extensions).await
}

/// What only administrators change, and what is below it.
const ADMINISTERED: [&str; 7] = [
    "/api/v1/accounts",
    "/api/v1/invitations",
    "/api/v1/settings",
    "/api/v1/gifts",
    "/api/v1/webhooks",
    "/api/v1/health",
    "/metrics",
];
/// Where browsers publish, which cannot show a key.
const INGEST: &str = "/api/v1/ingest";
/// The cookie that holds a ticket.
pub(super) const TICKET_COOKIE: &str = "rostrum_ingest";

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(header::HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect()
    }

    #[test]
    fn a_token_is_for_what_its_scopes_say() {
        let check =
            |method: Method, path: &str, scope| assert_eq!(scope_of(&method, path), scope, "{method} {path}");
        check(Method::GET, "/api/v1/rooms/{room}", Scope::RoomsRead);
        check(Method::POST, "/api/v1/rooms", Scope::RoomsWrite);
        check(Method::GET, "/api/v1/rooms/{room}/chat", Scope::Chat);
        check(Method::PATCH, "/api/v1/account", Scope::Account);
        check(Method::GET, "/api/v1/account/tokens", Scope::Account);
        check(Method::GET, "/api/v1/accounts", Scope::Admin);
        check(Method::PATCH, "/api/v1/accounts/{id}", Scope::Admin);
        check(Method::GET, "/metrics", Scope::Admin);
        check(Method::PUT, "/api/v1/gifts/{gift}", Scope::Admin);
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

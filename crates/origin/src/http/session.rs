//! Signing in and out, and the set-up of a new origin.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::access::{Credential, SignedIn, cookie};
use super::accounts::AccountView;
use super::client_address::ClientAddress;
use super::cookies::{clear_session, session_cookie, set_session};
use super::object::Object;
use super::problem::Problem;
use super::rooms::fresh;
use super::secure::Scheme;
use crate::accounts::{self, AccountError, Links};
use crate::clock::unix_ms;
use crate::config::Registration;
use crate::secret::Digest;
use crate::state::Shared;
use crate::store::{Account, Scope};

/// A name with a password, or the code of a link.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignIn {
    name: Option<String>,
    password: Option<String>,
    code: Option<String>,
    /// Whether the browser stays signed in when it is closed.
    #[serde(default)]
    keep: bool,
}

/// Who is signed in, and what somebody who is not may do about it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionAnswer {
    /// `null` for a guest.
    #[schema(required)]
    account: Option<AccountView>,
    registration: Registration,
    /// Whether a forgotten password can be chosen anew by a letter.
    letters: bool,
}

/// A link that signs its account in, once.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SignInLink)]
pub(crate) struct LinkAnswer {
    link: String,
    expires_in_s: u64,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetUp {
    code: String,
    name: String,
    password: String,
}

/// Whether the origin waits to be set up.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SetUpAnswer {
    needed: bool,
}

/// Sign in.
///
/// With a name and a password, or with the code of a link.
#[utoipa::path(
    post,
    path = "/api/v1/session",
    tag = "session",
    request_body = SignIn,
    responses(
        (
            status = 200,
            description = "The session is in the cookie.",
            body = SessionAnswer,
            headers(("Set-Cookie" = String, description = "The session.")),
        ),
        (status = 400, description = "Expected either name and password, or code."),
        (status = 401, description = "`wrong_password`: `tries_left` says how many more."),
        (status = 403, description = "`link_wrong`: the code is used or too old; `account_locked`."),
        (status = 429, description = "`too_many_tries`: wait for `retry_after_ms`."),
        (status = 503, description = "`busy`: too many passwords are being checked."),
    ),
)]
pub(crate) async fn sign_in(
    State(shared): State<Arc<Shared>>,
    ClientAddress(address): ClientAddress,
    scheme: Scheme,
    headers: HeaderMap,
    body: Result<Object<SignIn>, Problem>,
) -> Result<Response, Problem> {
    let Object(asked) = body?;
    let account = match asked {
        SignIn { name: Some(name), password: Some(password), code: None, .. } => {
            shared.accounts.check_password(&shared.store, &name, password, address).await?
        }
        SignIn { name: None, password: None, code: Some(code), .. } => {
            let account = shared.accounts.links.redeem_sign_in(&code).ok_or(AccountError::LinkWrong)?;
            shared.store.account_by_id(account).await?.ok_or(AccountError::LinkWrong)?
        }
        _ => return Err(Problem::bad_request("expected either name and password, or code")),
    };
    let (id, entrance) = (account.id, Entrance { shared: &shared, scheme, headers: &headers });
    let answer = entrance.let_in(StatusCode::OK, account, asked.keep).await?;
    tracing::info!(account = id, "signed in");
    Ok(answer)
}

/// Who is signed in.
///
/// For guests too, whom it tells that they are guests.
#[utoipa::path(
    get,
    path = "/api/v1/session",
    tag = "session",
    responses(
        (status = 200, description = "Who asks, and who may register.", body = SessionAnswer),
    ),
)]
pub(crate) async fn show(
    State(shared): State<Arc<Shared>>,
    signed_in: Option<SignedIn>,
    scheme: Scheme,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let registration = shared.accounts.registration(&shared.store).await?;
    let account = signed_in.as_ref().map(|signed_in| AccountView::of(&signed_in.account));
    let mut response =
        fresh(SessionAnswer { account, registration, letters: shared.accounts.post().is_ok() })
            .into_response();
    // The cookie's end moves on with the session's.
    if let Some(SignedIn { credential: Credential::Session(session), .. }) = signed_in
        && session.lasting
        && let Some(secret) = cookie(&headers, &session_cookie(scheme))
        && secret.bytes().all(|byte| byte.is_ascii_hexdigit())
    {
        response.headers_mut().append(header::SET_COOKIE, set_session(scheme, secret, true));
    }
    Ok(response)
}

/// Sign this browser out.
///
/// Also one that was not signed in.
#[utoipa::path(
    delete,
    path = "/api/v1/session",
    tag = "session",
    responses(
        (status = 204, description = "It holds no session any more."),
    ),
)]
pub(crate) async fn sign_out(
    State(shared): State<Arc<Shared>>,
    scheme: Scheme,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if let Some(secret) = cookie(&headers, &session_cookie(scheme))
        && let Some((account, session)) = shared.store.session(Digest::of(secret), unix_ms()).await?
    {
        shared.end_sessions(account.id, Some(session.id)).await?;
    }
    Ok(signed_out(scheme))
}

/// Make a link that signs its account in, once.
///
/// For the app, whose *Admin page* opens a browser that is signed in.
#[utoipa::path(
    post,
    path = "/api/v1/session/link",
    tag = "session",
    responses(
        (status = 201, description = "Good for a short while.", body = LinkAnswer),
        (status = 403, description = "The token is no account's, or `scope_missing`: it is not for all uses."),
    ),
)]
pub(crate) async fn link(
    State(shared): State<Arc<Shared>>,
    SignedIn { account, credential }: SignedIn,
    scheme: Scheme,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Problem> {
    // A browser that is signed in may do all, so a token for less must not open one.
    if let Credential::Token(token) = &credential
        && let Some(lacking) = Scope::ALL.iter().find(|scope| !token.scopes.contains(scope))
    {
        let detail =
            format!("a link gives all that the account may, and this token lacks \"{}\"", lacking.as_str());
        return Err(Problem::forbidden(detail).with_code("scope_missing"));
    }
    let code = shared.accounts.links.open_sign_in(account.id);
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.map_or_else(|| shared.addresses.http.to_string(), str::to_owned);
    let expires_in_s = Links::SIGN_IN_LIFETIME.as_secs();
    // Behind the `#`, so that no log of a proxy holds it.
    let link = format!("{}://{host}/signin#{code}", scheme.0);
    Ok((StatusCode::CREATED, fresh(LinkAnswer { link, expires_in_s })))
}

/// Whether the origin waits to be set up.
#[utoipa::path(
    get,
    path = "/api/v1/setup",
    tag = "server",
    responses(
        (status = 200, description = "Until there is an administrator.", body = SetUpAnswer),
    ),
)]
pub(crate) async fn set_up_needed(State(shared): State<Arc<Shared>>) -> Result<impl IntoResponse, Problem> {
    Ok(fresh(SetUpAnswer { needed: !shared.store.has_admin().await? }))
}

/// Make the first administrator.
///
/// For whoever read the link on the server's screen.
#[utoipa::path(
    post,
    path = "/api/v1/setup",
    tag = "server",
    request_body = SetUp,
    responses(
        (
            status = 201,
            description = "The administrator is signed in.",
            body = SessionAnswer,
            headers(("Set-Cookie" = String, description = "The session.")),
        ),
        (status = 400, description = "`name_refused`, `password_too_short`, `password_too_long`"),
        (
            status = 403,
            description = "`link_wrong`: the code is not the one that is shown, or there is an administrator.",
        ),
        (status = 409, description = "`name_taken`"),
        (status = 503, description = "`busy`: too many passwords are being checked."),
    ),
)]
pub(crate) async fn set_up(
    State(shared): State<Arc<Shared>>,
    scheme: Scheme,
    headers: HeaderMap,
    body: Result<Object<SetUp>, Problem>,
) -> Result<Response, Problem> {
    let Object(SetUp { code, name, password }) = body?;
    let account = shared.accounts.set_up(&shared.store, &code, &name, password).await?;
    shared.people.describe_again(&shared.store).await?;
    tracing::info!(account = account.id, "first administrator made");
    let entrance = Entrance { shared: &shared, scheme, headers: &headers };
    entrance.let_in(StatusCode::CREATED, account, false).await
}

/// Where somebody comes in.
pub(super) struct Entrance<'a> {
    pub(super) shared: &'a Shared,
    pub(super) scheme: Scheme,
    pub(super) headers: &'a HeaderMap,
}

impl Entrance<'_> {
    /// Signs an account in on the browser that asks.
    pub(super) async fn let_in(
        self,
        status: StatusCode,
        account: Account,
        lasting: bool,
    ) -> Result<Response, Problem> {
        let Entrance { shared, scheme, headers } = self;
        if account.locked_at_ms.is_some() {
            return Err(AccountError::Locked.into());
        }
        let agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
        let secret = accounts::open_session(&shared.store, account.id, lasting, agent).await?;
        let registration = shared.accounts.registration(&shared.store).await?;
        let letters = shared.accounts.post().is_ok();
        let answer = SessionAnswer { account: Some(AccountView::of(&account)), registration, letters };
        let mut response = (status, fresh(answer)).into_response();
        response.headers_mut().append(header::SET_COOKIE, set_session(scheme, &secret, lasting));
        Ok(response)
    }
}

/// Nothing more to say, and no session any more.
pub(super) fn signed_out(scheme: Scheme) -> Response {
    let no_store = HeaderValue::from_static("no-store");
    let headers = [(header::SET_COOKIE, clear_session(scheme)), (header::CACHE_CONTROL, no_store)];
    (StatusCode::NO_CONTENT, headers).into_response()
}

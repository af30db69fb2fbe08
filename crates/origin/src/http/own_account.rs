//! One's own account, and where it is signed in.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::access::{Credential, SignedIn};
use super::accounts::{AccountView, AccountWithRooms, number, with_rooms};
use super::client_address::ClientAddress;
use super::description::SessionPath;
use super::object::Object;
use super::problem::Problem;
use super::rooms::fresh;
use super::secure::Scheme;
use super::session::signed_out;
use crate::accounts::{AccountError, account_name};
use crate::clock::unix_ms;
use crate::state::Shared;
use crate::store::Session;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeOwn {
    name: Option<String>,
    /// The new password; it ends all other sessions.
    password: Option<String>,
    /// The present password; needed for a new one.
    current_password: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeleteOwn {
    /// The present password.
    password: String,
}

/// One's own account.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OwnAnswer {
    #[serde(flatten)]
    account: AccountWithRooms,
    /// Whether there is a password to ask for.
    has_password: bool,
    /// Where letters to it go; `null` while no address was confirmed.
    #[schema(required)]
    email: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionView {
    id: i64,
    created_at_ms: i64,
    used_at_ms: i64,
    /// Whether the browser keeps it when it is closed.
    lasting: bool,
    /// The browser as it names itself.
    agent: String,
    /// Whether it is the one that asks.
    current: bool,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionsAnswer {
    sessions: Vec<SessionView>,
}

/// One's own account.
#[utoipa::path(
    get,
    path = "/api/v1/account",
    tag = "account",
    responses(
        (status = 200, description = "With its rooms.", body = OwnAnswer),
        (status = 403, description = "The token is no account's."),
    ),
)]
pub(crate) async fn show(
    State(shared): State<Arc<Shared>>,
    SignedIn { account, .. }: SignedIn,
) -> Result<impl IntoResponse, Problem> {
    let found = shared.store.credentials_by_id(account.id).await?;
    let has_password = found.is_some_and(|found| found.password.is_some());
    let email = shared.store.email(account.id).await?;
    Ok(fresh(OwnAnswer { account: with_rooms(&shared, account).await?, has_password, email }))
}

/// Change one's own account.
///
/// A new password ends all other sessions.
#[utoipa::path(
    patch,
    path = "/api/v1/account",
    tag = "account",
    request_body = ChangeOwn,
    responses(
        (status = 200, description = "As it is now.", body = AccountView),
        (status = 400, description = "`name_refused`, `password_too_short`, `password_too_long`"),
        (status = 401, description = "`wrong_password`: the present one."),
        (status = 403, description = "The token is no account's."),
        (status = 409, description = "`name_taken`"),
        (status = 429, description = "`too_many_tries`: wait for `retry_after_ms`."),
        (status = 503, description = "`busy`: too many passwords are being checked."),
    ),
)]
pub(crate) async fn change(
    State(shared): State<Arc<Shared>>,
    SignedIn { account, credential }: SignedIn,
    ClientAddress(address): ClientAddress,
    body: Result<Object<ChangeOwn>, Problem>,
) -> Result<impl IntoResponse, Problem> {
    let Object(ChangeOwn { name, password, current_password }) = body?;
    // Checked before anything changes, so that a refused request changes nothing.
    let name = name.map(|name| account_name(&name)).transpose()?;
    let password = match password {
        Some(password) => {
            let current = current_password.unwrap_or_default();
            shared.accounts.check_password(&shared.store, &account.name, current, address).await?;
            Some(shared.accounts.hashing.hash(password).await.map_err(AccountError::from)?)
        }
        None => None,
    };
    let mut changed = account;
    if let Some(name) = name {
        changed = shared.store.rename_account(changed.id, name).await?;
        shared.people.describe_again(&shared.store).await?;
        // Its pages connect again by themselves, and write under the new name.
        shared.callers.hang_up_chats(changed.id);
    }
    if let Some(password) = password {
        let kept = match credential {
            Credential::Session(Session { id, .. }) => Some(id),
            Credential::Token(_) | Credential::RunToken => None,
        };
        shared.store.set_password(changed.id, password, kept).await?;
        // Pages of the session that is kept connect again by themselves.
        shared.callers.hang_up_session(changed.id, None);
    }
    tracing::info!(account = changed.id, "account changed");
    Ok(fresh(AccountView::of(&changed)))
}

/// Delete one's own account.
///
/// Its messages stay as a deleted person's.
#[utoipa::path(
    delete,
    path = "/api/v1/account",
    tag = "account",
    request_body = DeleteOwn,
    responses(
        (status = 204, description = "It is gone, and so is the session."),
        (status = 401, description = "`wrong_password`"),
        (status = 403, description = "The account belongs to the app, or the token is no account's."),
        (status = 409, description = "`last_admin`: somebody must keep the origin."),
        (status = 429, description = "`too_many_tries`: wait for `retry_after_ms`."),
        (status = 503, description = "`busy`: too many passwords are being checked."),
    ),
)]
pub(crate) async fn remove(
    State(shared): State<Arc<Shared>>,
    SignedIn { account, .. }: SignedIn,
    ClientAddress(address): ClientAddress,
    scheme: Scheme,
    body: Result<Object<DeleteOwn>, Problem>,
) -> Result<Response, Problem> {
    let Object(DeleteOwn { password }) = body?;
    if account.local {
        return Err(Problem::forbidden("this account belongs to the app: remove it there"));
    }
    shared.accounts.check_password(&shared.store, &account.name, password, address).await?;
    shared.delete_account(account.id).await?;
    Ok(signed_out(scheme))
}

/// Where one is signed in.
#[utoipa::path(
    get,
    path = "/api/v1/account/sessions",
    tag = "account",
    responses(
        (status = 200, description = "All sessions.", body = SessionsAnswer),
        (status = 403, description = "The token is no account's."),
    ),
)]
pub(crate) async fn sessions(
    State(shared): State<Arc<Shared>>,
    SignedIn { account, credential }: SignedIn,
) -> Result<impl IntoResponse, Problem> {
    let current = match credential {
        Credential::Session(session) => Some(session.id),
        Credential::Token(_) | Credential::RunToken => None,
    };
    let sessions = shared.store.sessions(account.id, unix_ms()).await?;
    let view = |Session { id, created_at_ms, used_at_ms, lasting, agent }| SessionView {
        id,
        created_at_ms,
        used_at_ms,
        lasting,
        agent,
        current: current == Some(id),
    };
    Ok(fresh(SessionsAnswer { sessions: sessions.into_iter().map(view).collect() }))
}

/// Sign out everywhere, here too.
#[utoipa::path(
    delete,
    path = "/api/v1/account/sessions",
    tag = "account",
    responses(
        (status = 204, description = "No session is left."),
        (status = 403, description = "The token is no account's."),
    ),
)]
pub(crate) async fn end_sessions(
    State(shared): State<Arc<Shared>>,
    SignedIn { account, .. }: SignedIn,
    scheme: Scheme,
) -> Result<Response, Problem> {
    shared.end_sessions(account.id, None).await?;
    tracing::info!(account = account.id, "signed out everywhere");
    Ok(signed_out(scheme))
}

/// Sign out somewhere else.
#[utoipa::path(
    delete,
    path = "/api/v1/account/sessions/{id}",
    tag = "account",
    params(SessionPath),
    responses(
        (status = 204, description = "That session is over."),
        (status = 403, description = "The token is no account's."),
    ),
)]
pub(crate) async fn end_session(
    State(shared): State<Arc<Shared>>,
    SignedIn { account, .. }: SignedIn,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    match shared.end_sessions(account.id, Some(number(&id)?)).await? {
        0 => Err(Problem::not_found("there is no such session")),
        _ => Ok(StatusCode::NO_CONTENT),
    }
}

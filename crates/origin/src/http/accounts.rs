//! Accounts: registering, one's own, and everybody's for administrators.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use super::access::{Admin, Caller, Credential, SignedIn};
use super::client_address::ClientAddress;
use super::problem::Problem;
use super::rooms::{fresh, unreadable};
use super::secure::Scheme;
use super::session::{Entrance, signed_out};
use crate::accounts::{AccountError, Newcomer, account_name};
use crate::clock::unix_ms;
use crate::config::Registration;
use crate::state::Shared;
use crate::store::{Account, AccountFilter, Role, Session};

/// An account as it sees itself, and as administrators see it.
#[derive(Debug, Serialize)]
pub(crate) struct AccountView {
    id: i64,
    name: String,
    role: Role,
    /// Whether it belongs to the app this origin runs in, and signs in only through that.
    local: bool,
    created_at_ms: i64,
    /// When it was last used; to within a few minutes.
    seen_at_ms: Option<i64>,
}

impl AccountView {
    pub(super) fn of(account: &Account) -> AccountView {
        AccountView {
            id: account.id,
            name: account.name.clone(),
            role: account.role,
            local: account.local,
            created_at_ms: account.created_at_ms,
            seen_at_ms: account.seen_at_ms,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateAccount {
    name: String,
    password: String,
    /// The code of an invitation, where one is needed.
    invitation: Option<String>,
    /// What the account may do; administrators alone may say it, and make a viewer when they do not.
    role: Option<Role>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeOwn {
    name: Option<String>,
    /// The new password; it ends all other sessions.
    password: Option<String>,
    /// The present password; needed for a new one.
    current_password: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeleteOwn {
    /// The present password.
    password: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeAccount {
    name: Option<String>,
    role: Option<Role>,
    /// A new password; it ends all sessions of the account.
    password: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct AccountsPage {
    /// Part of the name.
    search: Option<String>,
    role: Option<Role>,
    /// With a higher number only: the last one of the page before.
    after: Option<i64>,
    limit: Option<usize>,
}

#[derive(Debug, Serialize)]
pub(crate) struct AccountsAnswer {
    accounts: Vec<AccountWithRooms>,
    /// How many there are that the search finds.
    total: i64,
}

#[derive(Debug, Serialize)]
pub(crate) struct AccountWithRooms {
    #[serde(flatten)]
    account: AccountView,
    /// The rooms it owns.
    rooms: Vec<rooms::Slug>,
}

/// One's own account.
#[derive(Debug, Serialize)]
pub(crate) struct OwnAnswer {
    #[serde(flatten)]
    account: AccountWithRooms,
    /// Whether there is a password to ask for.
    has_password: bool,
}

#[derive(Debug, Serialize)]
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

#[derive(Debug, Serialize)]
pub(crate) struct SessionsAnswer {
    sessions: Vec<SessionView>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServerSettings {
    registration: Registration,
}

/// `POST /api/v1/accounts`: registers a guest and signs them in; for administrators, makes somebody else's account.
pub(crate) async fn create(
    State(shared): State<Arc<Shared>>,
    Caller(caller): Caller,
    ClientAddress(address): ClientAddress,
    scheme: Scheme,
    headers: HeaderMap,
    body: Result<Json<CreateAccount>, JsonRejection>,
) -> Result<Response, Problem> {
    let Json(CreateAccount { name, password, invitation, role }) = body.map_err(unreadable)?;
    if caller.is_some_and(|caller| caller.is_admin()) {
        let account = shared.create_account(&name, password, role.unwrap_or(Role::Viewer)).await?;
        tracing::info!(account = account.id, role = account.role.as_str(), "account made");
        return Ok((StatusCode::CREATED, fresh(AccountView::of(&account))).into_response());
    }
    if role.is_some() {
        return Err(Problem::forbidden("only an administrator may give an account a role"));
    }
    let newcomer = Newcomer { name, password, invitation, address };
    let account = shared.accounts.register(&shared.store, newcomer).await?;
    tracing::info!(account = account.id, "account registered");
    let entrance = Entrance { shared: &shared, scheme, headers: &headers };
    entrance.let_in(StatusCode::CREATED, account, false).await
}

/// `GET /api/v1/account`.
pub(crate) async fn show_own(
    State(shared): State<Arc<Shared>>,
    SignedIn { account, .. }: SignedIn,
) -> Result<impl IntoResponse, Problem> {
    let found = shared.store.credentials_by_id(account.id).await?;
    let has_password = found.is_some_and(|found| found.password.is_some());
    Ok(fresh(OwnAnswer { account: with_rooms(&shared, account).await?, has_password }))
}

/// `PATCH /api/v1/account`.
pub(crate) async fn change_own(
    State(shared): State<Arc<Shared>>,
    SignedIn { account, credential }: SignedIn,
    ClientAddress(address): ClientAddress,
    body: Result<Json<ChangeOwn>, JsonRejection>,
) -> Result<impl IntoResponse, Problem> {
    let Json(ChangeOwn { name, password, current_password }) = body.map_err(unreadable)?;
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
    }
    if let Some(password) = password {
        let kept = match credential {
            Credential::Session(Session { id, .. }) => Some(id),
            Credential::Token(_) | Credential::RunToken => None,
        };
        shared.store.set_password(changed.id, password, kept).await?;
    }
    tracing::info!(account = changed.id, "account changed");
    Ok(fresh(AccountView::of(&changed)))
}

/// `DELETE /api/v1/account`.
pub(crate) async fn delete_own(
    State(shared): State<Arc<Shared>>,
    SignedIn { account, .. }: SignedIn,
    ClientAddress(address): ClientAddress,
    scheme: Scheme,
    body: Result<Json<DeleteOwn>, JsonRejection>,
) -> Result<Response, Problem> {
    let Json(DeleteOwn { password }) = body.map_err(unreadable)?;
    if account.local {
        return Err(Problem::forbidden("this account belongs to the app: remove it there"));
    }
    shared.accounts.check_password(&shared.store, &account.name, password, address).await?;
    shared.delete_account(account.id).await?;
    Ok(signed_out(scheme))
}

/// `GET /api/v1/account/sessions`.
pub(crate) async fn own_sessions(
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

/// `DELETE /api/v1/account/sessions`: signs out everywhere, here too.
pub(crate) async fn end_own_sessions(
    State(shared): State<Arc<Shared>>,
    SignedIn { account, .. }: SignedIn,
    scheme: Scheme,
) -> Result<Response, Problem> {
    shared.store.end_sessions(account.id, None).await?;
    tracing::info!(account = account.id, "signed out everywhere");
    Ok(signed_out(scheme))
}

/// `DELETE /api/v1/account/sessions/{id}`.
pub(crate) async fn end_own_session(
    State(shared): State<Arc<Shared>>,
    SignedIn { account, .. }: SignedIn,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    match shared.store.end_sessions(account.id, Some(number(&id)?)).await? {
        0 => Err(Problem::not_found("there is no such session")),
        _ => Ok(StatusCode::NO_CONTENT),
    }
}

/// `GET /api/v1/accounts`.
pub(crate) async fn list(
    State(shared): State<Arc<Shared>>,
    Admin(_): Admin,
    Query(page): Query<AccountsPage>,
) -> Result<impl IntoResponse, Problem> {
    let AccountsPage { search, role, after, limit } = page;
    let limit = limit.unwrap_or(ACCOUNTS_MAX).min(ACCOUNTS_MAX);
    let filter = AccountFilter { search, role, after: after.unwrap_or(0), limit };
    let (found, total) = shared.store.accounts(filter).await?;
    let mut accounts = Vec::with_capacity(found.len());
    for account in found {
        accounts.push(with_rooms(&shared, account).await?);
    }
    Ok(fresh(AccountsAnswer { accounts, total }))
}

/// `PATCH /api/v1/accounts/{id}`.
pub(crate) async fn change(
    State(shared): State<Arc<Shared>>,
    Admin(_): Admin,
    Path(id): Path<String>,
    body: Result<Json<ChangeAccount>, JsonRejection>,
) -> Result<impl IntoResponse, Problem> {
    let mut account = find(&shared, &id).await?;
    let Json(ChangeAccount { name, role, password }) = body.map_err(unreadable)?;
    let name = name.map(|name| account_name(&name)).transpose()?;
    let password = match password {
        Some(_) if account.local => {
            return Err(Problem::forbidden("this account signs in only through its app"));
        }
        Some(password) => Some(shared.accounts.hashing.hash(password).await.map_err(AccountError::from)?),
        None => None,
    };
    if let Some(role) = role {
        account = shared.store.set_role(account.id, role).await?;
    }
    if let Some(name) = name {
        account = shared.store.rename_account(account.id, name).await?;
    }
    if let Some(password) = password {
        shared.store.set_password(account.id, password, None).await?;
    }
    shared.people.describe_again(&shared.store).await?;
    tracing::info!(account = account.id, role = account.role.as_str(), "account changed by an administrator");
    Ok(fresh(with_rooms(&shared, account).await?))
}

/// `DELETE /api/v1/accounts/{id}`.
pub(crate) async fn remove(
    State(shared): State<Arc<Shared>>,
    Admin(_): Admin,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let account = find(&shared, &id).await?;
    if account.local {
        return Err(Problem::forbidden("this account belongs to the app: remove it there"));
    }
    shared.delete_account(account.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /api/v1/accounts/{id}/sessions`.
pub(crate) async fn end_sessions(
    State(shared): State<Arc<Shared>>,
    Admin(_): Admin,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let account = find(&shared, &id).await?;
    shared.store.end_sessions(account.id, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /api/v1/settings`.
pub(crate) async fn settings(
    State(shared): State<Arc<Shared>>,
    Admin(_): Admin,
) -> Result<impl IntoResponse, Problem> {
    Ok(fresh(ServerSettings { registration: shared.accounts.registration(&shared.store).await? }))
}

/// `PATCH /api/v1/settings`.
pub(crate) async fn change_settings(
    State(shared): State<Arc<Shared>>,
    Admin(_): Admin,
    body: Result<Json<ServerSettings>, JsonRejection>,
) -> Result<impl IntoResponse, Problem> {
    let Json(settings) = body.map_err(unreadable)?;
    shared.store.set_registration(settings.registration).await?;
    tracing::info!(registration = settings.registration.as_str(), "settings changed");
    Ok(fresh(settings))
}

async fn find(shared: &Shared, id: &str) -> Result<Account, Problem> {
    let missing = || Problem::not_found("there is no such account");
    shared.store.account_by_id(number(id)?).await?.ok_or_else(missing)
}

async fn with_rooms(shared: &Shared, account: Account) -> Result<AccountWithRooms, Problem> {
    let rooms = shared.store.rooms_of(account.id).await?;
    Ok(AccountWithRooms { account: AccountView::of(&account), rooms })
}

/// The number that a path names; what is none names nothing.
pub(super) fn number(text: &str) -> Result<i64, Problem> {
    text.parse::<i64>().map_err(|_| Problem::not_found("there is nothing at this address"))
}

/// Accounts in one answer.
const ACCOUNTS_MAX: usize = 100;

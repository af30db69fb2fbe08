//! Accounts: registering, one's own, and everybody's for administrators.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::access::{Admin, Caller};
use super::client_address::ClientAddress;
use super::description::AccountPath;
use super::object::Object;
use super::problem::Problem;
use super::rooms::fresh;
use super::secure::Scheme;
use super::session::{Entrance, SessionAnswer};
use crate::accounts::{AccountError, Newcomer, account_name};
use crate::clock::unix_ms;
use crate::state::Shared;
use crate::store::{Account, AccountChange, AccountFilter, Role};

/// An account as it sees itself, and as administrators see it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AccountView {
    id: i64,
    name: String,
    role: Role,
    /// Whether it belongs to the app this origin runs in, and signs in only through that.
    local: bool,
    created_at_ms: i64,
    /// When it was last used; to within a few minutes.
    #[schema(required)]
    seen_at_ms: Option<i64>,
    /// Since when it cannot be used; `null` while it can.
    #[schema(required)]
    locked_at_ms: Option<i64>,
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
            locked_at_ms: account.locked_at_ms,
        }
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateAccount {
    name: String,
    password: String,
    /// The code of an invitation, where one is needed.
    invitation: Option<String>,
    /// What the account may do; administrators alone may say it, and make a viewer when they do not.
    role: Option<Role>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeAccount {
    name: Option<String>,
    role: Option<Role>,
    /// A new password; it ends all sessions of the account.
    password: Option<String>,
    /// A locked account cannot be used: its sessions and tokens end, and nobody signs in with it. Rooms of it stay.
    locked: Option<bool>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AccountsPage {
    /// Part of the name.
    search: Option<String>,
    /// Of this role only.
    role: Option<Role>,
    /// With a higher number only: the last one of the page before.
    after: Option<i64>,
    /// At most so many.
    limit: Option<usize>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AccountsAnswer {
    accounts: Vec<AccountWithRooms>,
    /// How many there are that the search finds.
    total: i64,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AccountWithRooms {
    #[serde(flatten)]
    account: AccountView,
    /// The rooms it owns.
    rooms: Vec<rooms::Slug>,
}

/// An account that was made.
#[derive(ToSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "read by the description's derive alone")]
enum NewAccountAnswer {
    /// By an administrator.
    Made(AccountView),
    /// By a guest, who is signed in with it.
    Registered(SessionAnswer),
}

/// Register, or make somebody else's account.
///
/// A guest is signed in with it; an administrator is told of it.
#[utoipa::path(
    post,
    path = "/api/v1/accounts",
    tag = "accounts",
    request_body = CreateAccount,
    responses(
        (
            status = 201,
            description = "The account; with a session for the guest whose it is.",
            body = NewAccountAnswer,
            headers(("Set-Cookie" = String, description = "The session of a guest who registered.")),
        ),
        (status = 400, description = "`name_refused`, `password_too_short`, `password_too_long`"),
        (
            status = 403,
            description = "`registration_closed`, `invitation_needed`, `invitation_wrong`; only administrators give a role.",
        ),
        (status = 409, description = "`name_taken`"),
        (status = 429, description = "`too_many_requests`: too many registrations from this address."),
        (status = 503, description = "`busy`: too many passwords are being checked."),
    ),
)]
pub(crate) async fn create(
    State(shared): State<Arc<Shared>>,
    Caller(caller): Caller,
    ClientAddress(address): ClientAddress,
    scheme: Scheme,
    headers: HeaderMap,
    body: Result<Object<CreateAccount>, Problem>,
) -> Result<Response, Problem> {
    let Object(CreateAccount { name, password, invitation, role }) = body?;
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

/// All accounts, by their number.
#[utoipa::path(
    get,
    path = "/api/v1/accounts",
    tag = "accounts",
    params(AccountsPage),
    responses(
        (status = 200, description = "At most a hundred that the search finds.", body = AccountsAnswer),
        (status = 403, description = "Only administrators may."),
    ),
)]
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

/// Change somebody's account.
///
/// A new password ends all its sessions.
#[utoipa::path(
    patch,
    path = "/api/v1/accounts/{id}",
    tag = "accounts",
    params(AccountPath),
    request_body = ChangeAccount,
    responses(
        (status = 200, description = "As it is now.", body = AccountWithRooms),
        (status = 400, description = "`name_refused`, `password_too_short`, `password_too_long`"),
        (
            status = 403,
            description = "Only administrators may, and an account of the app has no password and is not locked.",
        ),
        (status = 409, description = "`name_taken`; `last_admin`: somebody must keep the origin."),
        (status = 503, description = "`busy`: too many passwords are being checked."),
    ),
)]
pub(crate) async fn change(
    State(shared): State<Arc<Shared>>,
    Admin(admin): Admin,
    Path(id): Path<String>,
    body: Result<Object<ChangeAccount>, Problem>,
) -> Result<impl IntoResponse, Problem> {
    let account = find(&shared, &id).await?;
    let Object(ChangeAccount { name, role, password, locked }) = body?;
    let name = name.map(|name| account_name(&name)).transpose()?;
    if locked == Some(true) && account.local {
        return Err(Problem::forbidden("this account belongs to the app, and is not locked"));
    }
    let password = match password {
        Some(_) if account.local => {
            return Err(Problem::forbidden("this account signs in only through its app"));
        }
        Some(password) => Some(shared.accounts.hashing.hash(password).await.map_err(AccountError::from)?),
        None => None,
    };
    let (renamed, signed_out) = (name.is_some(), password.is_some());
    let other_rights = role.is_some() || locked.is_some();
    let locked_at_ms = locked.map(|locked| locked.then(unix_ms));
    let change = AccountChange { name, role, locked_at_ms, password };
    let account = shared.store.change_account(account.id, change).await?;
    if renamed {
        shared.callers.hang_up_chats(account.id);
    }
    if other_rights {
        shared.callers.hang_up(account.id);
    } else if signed_out {
        shared.callers.hang_up_session(account.id, None);
    }
    if let Some(locked) = locked {
        tracing::info!(account = account.id, locked, by = admin.account_id(), "account locked or unlocked");
    }
    shared.people.describe_again(&shared.store).await?;
    tracing::info!(account = account.id, role = account.role.as_str(), "account changed by an administrator");
    Ok(fresh(with_rooms(&shared, account).await?))
}

/// Delete somebody's account.
#[utoipa::path(
    delete,
    path = "/api/v1/accounts/{id}",
    tag = "accounts",
    params(AccountPath),
    responses(
        (status = 204, description = "It is gone."),
        (status = 403, description = "Only administrators may, and an account of the app is removed there."),
        (status = 409, description = "`last_admin`: somebody must keep the origin."),
    ),
)]
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

/// Sign somebody out everywhere.
#[utoipa::path(
    delete,
    path = "/api/v1/accounts/{id}/sessions",
    tag = "accounts",
    params(AccountPath),
    responses(
        (status = 204, description = "No session of theirs is left."),
        (status = 403, description = "Only administrators may."),
    ),
)]
pub(crate) async fn end_sessions(
    State(shared): State<Arc<Shared>>,
    Admin(_): Admin,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let account = find(&shared, &id).await?;
    shared.end_sessions(account.id, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn find(shared: &Shared, id: &str) -> Result<Account, Problem> {
    let missing = || Problem::not_found("there is no such account");
    shared.store.account_by_id(number(id)?).await?.ok_or_else(missing)
}

pub(super) async fn with_rooms(shared: &Shared, account: Account) -> Result<AccountWithRooms, Problem> {
    let rooms = shared.store.rooms_of(account.id).await?;
    Ok(AccountWithRooms { account: AccountView::of(&account), rooms })
}

/// The number that a path names; what is none names nothing.
pub(super) fn number(text: &str) -> Result<i64, Problem> {
    text.parse::<i64>().map_err(|_| Problem::not_found("there is nothing at this address"))
}

/// Accounts in one answer.
const ACCOUNTS_MAX: usize = 100;

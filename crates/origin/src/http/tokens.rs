//! API tokens of one's own account.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::access::{Credential, SignedIn};
use super::accounts::number;
use super::client_address::ClientAddress;
use super::description::TokenPath;
use super::object::Object;
use super::problem::Problem;
use super::rooms::fresh;
use crate::clock::unix_ms;
use crate::secret::{self, Digest};
use crate::state::Shared;
use crate::store::{NewToken, Scope, Token};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateToken {
    /// Who holds it, for people.
    label: String,
    scopes: Vec<Scope>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TokenView {
    id: i64,
    label: String,
    scopes: Vec<Scope>,
    created_at_ms: i64,
    /// When it was last used, to within a few minutes; `null` for never.
    #[schema(required)]
    used_at_ms: Option<i64>,
}

/// A token that was just made: the only answer that holds it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NewTokenAnswer {
    #[serde(flatten)]
    view: TokenView,
    token: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TokensAnswer {
    tokens: Vec<TokenView>,
}

impl From<Token> for TokenView {
    fn from(Token { id, label, scopes, created_at_ms, used_at_ms }: Token) -> TokenView {
        TokenView { id, label, scopes, created_at_ms, used_at_ms }
    }
}

/// One's API tokens.
#[utoipa::path(
    get,
    path = "/api/v1/account/tokens",
    tag = "account",
    responses(
        (status = 200, description = "Not what they are, only what they are for.", body = TokensAnswer),
        (status = 403, description = "The token is no account's."),
    ),
)]
pub(crate) async fn list(
    State(shared): State<Arc<Shared>>,
    SignedIn { account, .. }: SignedIn,
) -> Result<impl IntoResponse, Problem> {
    let tokens = shared.store.tokens(account.id).await?;
    Ok(fresh(TokensAnswer { tokens: tokens.into_iter().map(TokenView::from).collect() }))
}

/// Make an API token.
#[utoipa::path(
    post,
    path = "/api/v1/account/tokens",
    tag = "account",
    request_body = CreateToken,
    responses(
        (status = 201, description = "The only answer that holds it.", body = NewTokenAnswer),
        (status = 400, description = "The label is empty, or there is no scope."),
        (status = 403, description = "`scope_missing`: a token gives no more than it has."),
        (status = 409, description = "`too_many`: the account has as many as may be."),
        (status = 429, description = "`too_many_requests`: too many secrets were made from this address."),
    ),
)]
pub(crate) async fn create(
    State(shared): State<Arc<Shared>>,
    SignedIn { account, credential }: SignedIn,
    ClientAddress(address): ClientAddress,
    body: Result<Object<CreateToken>, Problem>,
) -> Result<impl IntoResponse, Problem> {
    let Object(CreateToken { label, mut scopes }) = body?;
    let label = self::label(&label).ok_or_else(|| Problem::bad_request("the label is empty"))?;
    scopes.sort_by_key(|scope| scope.as_str());
    scopes.dedup();
    if scopes.is_empty() {
        return Err(Problem::bad_request("a token needs at least one scope"));
    }
    // Else a token for little could make itself one for much.
    if let Credential::Token(own) = &credential
        && let Some(more) = scopes.iter().find(|scope| !own.scopes.contains(scope))
    {
        let detail = format!("a token cannot give \"{}\", which it lacks", more.as_str());
        return Err(Problem::forbidden(detail).with_code("scope_missing"));
    }
    shared.accounts.quotas.make_secret(address).map_err(Problem::too_many)?;
    let token = secret::random();
    let new = NewToken { digest: Digest::of(&token), account: account.id, label, scopes };
    let view = shared.store.create_token(new, unix_ms()).await?.into();
    tracing::info!(account = account.id, "token made");
    Ok((StatusCode::CREATED, fresh(NewTokenAnswer { view, token })))
}

/// Revoke an API token.
#[utoipa::path(
    delete,
    path = "/api/v1/account/tokens/{id}",
    tag = "account",
    params(TokenPath),
    responses(
        (status = 204, description = "It opens nothing any more."),
        (status = 403, description = "The token is no account's."),
    ),
)]
pub(crate) async fn revoke(
    State(shared): State<Arc<Shared>>,
    SignedIn { account, .. }: SignedIn,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let id = number(&id)?;
    if shared.store.revoke_token(account.id, id).await? {
        shared.callers.hang_up_token(account.id, id);
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(Problem::not_found("there is no such token"))
}

/// What a person called something: trimmed, without controls, not too long; `None` when nothing is left.
pub(super) fn label(raw: &str) -> Option<String> {
    let label: String = raw.chars().filter(|character| !character.is_control()).collect();
    let label: String = label.trim().chars().take(LABEL_CHARS_MAX).collect();
    (!label.is_empty()).then_some(label)
}

/// Code points of a label.
const LABEL_CHARS_MAX: usize = 60;

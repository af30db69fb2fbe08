//! The address of one's account, and what becomes of a forgotten password.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::access::SignedIn;
use super::client_address::ClientAddress;
use super::object::Object;
use super::problem::Problem;
use crate::accounts::Language;
use crate::state::Shared;

/// An address for one's account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OfferEmail {
    email: String,
    /// The present password: whoever has the address has the account.
    current_password: String,
    /// Of the letter.
    #[serde(default)]
    language: Language,
}

/// The code of a letter that asks whether an address is right.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConfirmEmail {
    code: String,
}

/// Who forgot their password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ForgotPassword {
    /// An account's name, or its address.
    name: String,
    /// Of the letter.
    #[serde(default)]
    language: Language,
}

/// The code of a letter, and another password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResetPassword {
    code: String,
    password: String,
}

/// Give one's account an address.
///
/// A letter goes to it, and when its link was followed the address is the account's.
#[utoipa::path(
    put,
    path = "/api/v1/account/email",
    tag = "account",
    request_body = OfferEmail,
    responses(
        (status = 202, description = "A letter is on its way."),
        (status = 400, description = "`email_refused`: it is no address."),
        (status = 401, description = "`wrong_password`"),
        (status = 403, description = "The token is no account's."),
        (status = 409, description = "`no_letters`: this origin sends none."),
        (
            status = 429,
            description = "`too_many_tries`, `too_many_requests`: wait for `retry_after_ms`.",
        ),
        (status = 503, description = "`busy`: too many passwords are being checked, or letters wait."),
    ),
)]
pub(crate) async fn offer_email(
    State(shared): State<Arc<Shared>>,
    SignedIn { account, .. }: SignedIn,
    ClientAddress(address): ClientAddress,
    body: Result<Object<OfferEmail>, Problem>,
) -> Result<StatusCode, Problem> {
    let Object(OfferEmail { email, current_password, language }) = body?;
    shared.accounts.post()?;
    shared.accounts.check_password(&shared.store, &account.name, current_password, address).await?;
    shared.accounts.offer_email(&shared.store, &account, email.trim().to_owned(), language).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Take the address of one's account away.
///
/// Links that were sent to it open nothing any more.
#[utoipa::path(
    delete,
    path = "/api/v1/account/email",
    tag = "account",
    responses(
        (status = 204, description = "There is none."),
        (status = 403, description = "The token is no account's."),
    ),
)]
pub(crate) async fn remove_email(
    State(shared): State<Arc<Shared>>,
    SignedIn { account, .. }: SignedIn,
) -> Result<StatusCode, Problem> {
    shared.store.remove_email(account.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Confirm the address of an account.
///
/// For whoever got the letter, signed in or not.
#[utoipa::path(
    post,
    path = "/api/v1/email-confirmation",
    tag = "account",
    request_body = ConfirmEmail,
    responses(
        (status = 204, description = "It is the account's now."),
        (status = 403, description = "`link_wrong`: the code is used or too old."),
    ),
)]
pub(crate) async fn confirm_email(
    State(shared): State<Arc<Shared>>,
    body: Result<Object<ConfirmEmail>, Problem>,
) -> Result<StatusCode, Problem> {
    let Object(ConfirmEmail { code }) = body?;
    let account = shared.accounts.confirm_email(&shared.store, &code).await?;
    tracing::info!(account, "address confirmed");
    Ok(StatusCode::NO_CONTENT)
}

/// Ask for a letter with a link to another password.
///
/// The answer is the same whether there is such an account, with an address, or not.
#[utoipa::path(
    post,
    path = "/api/v1/password-reset",
    tag = "session",
    request_body = ForgotPassword,
    responses(
        (status = 202, description = "Where there is such an account with an address, a letter is on its way."),
        (status = 409, description = "`no_letters`: this origin sends none."),
        (status = 429, description = "`too_many_requests`: wait for `retry_after_ms`."),
    ),
)]
pub(crate) async fn forgot(
    State(shared): State<Arc<Shared>>,
    ClientAddress(address): ClientAddress,
    body: Result<Object<ForgotPassword>, Problem>,
) -> Result<StatusCode, Problem> {
    let Object(ForgotPassword { name, language }) = body?;
    shared.accounts.forgot_password(&shared.store, &name, language, address).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Choose another password.
///
/// For whoever got the letter. It ends all sessions of the account.
#[utoipa::path(
    put,
    path = "/api/v1/password-reset",
    tag = "session",
    request_body = ResetPassword,
    responses(
        (status = 204, description = "It is the account's now."),
        (status = 400, description = "`password_too_short`, `password_too_long`"),
        (status = 403, description = "`link_wrong`: the code is used or too old."),
        (status = 503, description = "`busy`: too many passwords are being checked."),
    ),
)]
pub(crate) async fn reset(
    State(shared): State<Arc<Shared>>,
    body: Result<Object<ResetPassword>, Problem>,
) -> Result<StatusCode, Problem> {
    let Object(ResetPassword { code, password }) = body?;
    let account = shared.accounts.reset_password(&shared.store, &code, password).await?;
    shared.callers.hang_up_session(account, None);
    tracing::info!(account, "password chosen anew by a letter");
    Ok(StatusCode::NO_CONTENT)
}

//! Invitations, for administrators; and whether one is good, for whoever has it.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::access::Admin;
use super::accounts::number;
use super::client_address::ClientAddress;
use super::description::InvitationPath;
use super::object::Object;
use super::problem::Problem;
use super::rooms::fresh;
use super::secure::Scheme;
use super::tokens::label;
use crate::accounts::AccountError;
use crate::clock::unix_ms;
use crate::secret::{self, Digest};
use crate::state::Shared;
use crate::store::{Invitation, NewInvitation, Role};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateInvitation {
    /// Who it is for, for people.
    #[serde(default)]
    label: String,
    /// Of the account that is made with it: viewer or broadcaster.
    role: Option<Role>,
    /// How long it is good; a week when it is not said, 90 days at most.
    days: Option<u32>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CheckInvitation {
    code: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InvitationView {
    id: i64,
    label: String,
    role: Role,
    #[schema(required)]
    made_by: Option<String>,
    created_at_ms: i64,
    expires_at_ms: i64,
    #[schema(required)]
    used_by: Option<String>,
    /// `null` while it is good.
    #[schema(required)]
    used_at_ms: Option<i64>,
}

/// An invitation that was just made: the only answer that holds its link.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NewInvitationAnswer {
    #[serde(flatten)]
    view: InvitationView,
    code: String,
    link: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InvitationsAnswer {
    invitations: Vec<InvitationView>,
}

/// A good invitation.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GoodInvitation {
    role: Role,
}

impl From<Invitation> for InvitationView {
    fn from(invitation: Invitation) -> InvitationView {
        let Invitation { id, label, role, made_by, created_at_ms, expires_at_ms, used_by, used_at_ms } =
            invitation;
        InvitationView { id, label, role, made_by, created_at_ms, expires_at_ms, used_by, used_at_ms }
    }
}

/// All invitations.
#[utoipa::path(
    get,
    path = "/api/v1/invitations",
    tag = "invitations",
    responses(
        (status = 200, description = "Used ones too.", body = InvitationsAnswer),
        (status = 403, description = "Only administrators may."),
    ),
)]
pub(crate) async fn list(
    State(shared): State<Arc<Shared>>,
    Admin(_): Admin,
) -> Result<impl IntoResponse, Problem> {
    let invitations = shared.store.invitations().await?;
    Ok(fresh(InvitationsAnswer { invitations: invitations.into_iter().map(InvitationView::from).collect() }))
}

/// Invite somebody.
#[utoipa::path(
    post,
    path = "/api/v1/invitations",
    tag = "invitations",
    request_body = CreateInvitation,
    responses(
        (status = 201, description = "The only answer that holds its link.", body = NewInvitationAnswer),
        (status = 400, description = "It would make an administrator, or be good for too long."),
        (status = 403, description = "Only administrators may."),
        (status = 409, description = "`too_many`: as many are kept as may be."),
        (status = 429, description = "`too_many_requests`: too many secrets were made from this address."),
    ),
)]
pub(crate) async fn create(
    State(shared): State<Arc<Shared>>,
    Admin(admin): Admin,
    ClientAddress(address): ClientAddress,
    scheme: Scheme,
    headers: HeaderMap,
    body: Result<Object<CreateInvitation>, Problem>,
) -> Result<impl IntoResponse, Problem> {
    let Object(CreateInvitation { label: raw, role, days }) = body?;
    let role = role.unwrap_or(Role::Viewer);
    if role == Role::Admin {
        return Err(Problem::bad_request("an invitation is for a viewer or a broadcaster"));
    }
    let days = days.unwrap_or(DAYS);
    if !(1..=DAYS_MAX).contains(&days) {
        return Err(Problem::bad_request(format!("days is {days}: expected 1 to {DAYS_MAX}")));
    }
    shared.accounts.quotas.make_secret(address).map_err(Problem::too_many)?;
    let (code, now_ms) = (secret::random(), unix_ms());
    let new = NewInvitation {
        digest: Digest::of(&code),
        label: label(&raw).unwrap_or_default(),
        role,
        made_by: admin.account_id(),
        expires_at_ms: now_ms + i64::from(days) * DAY_MS,
    };
    let view = shared.store.create_invitation(new, now_ms).await?.into();
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.map_or_else(|| shared.addresses.http.to_string(), str::to_owned);
    // Behind the `#`, so that no log of a proxy holds it.
    let link = format!("{}://{host}/register#{code}", scheme.0);
    Ok((StatusCode::CREATED, fresh(NewInvitationAnswer { view, code, link })))
}

/// Withdraw an invitation.
#[utoipa::path(
    delete,
    path = "/api/v1/invitations/{id}",
    tag = "invitations",
    params(InvitationPath),
    responses(
        (status = 204, description = "Its link leads nowhere."),
        (status = 403, description = "Only administrators may."),
    ),
)]
pub(crate) async fn withdraw(
    State(shared): State<Arc<Shared>>,
    Admin(_): Admin,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    if shared.store.withdraw_invitation(number(&id)?).await? {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(Problem::not_found("there is no such invitation"))
}

/// Whether an invitation is good.
///
/// Without using it up. The code is not in the address, so that no log has it.
#[utoipa::path(
    post,
    path = "/api/v1/invitation",
    tag = "invitations",
    request_body = CheckInvitation,
    responses(
        (status = 200, description = "It is good.", body = GoodInvitation),
        (status = 403, description = "`invitation_wrong`: it is used, withdrawn or too old."),
        (status = 429, description = "`too_many_requests`: too many secrets were made from this address."),
    ),
)]
pub(crate) async fn check(
    State(shared): State<Arc<Shared>>,
    ClientAddress(address): ClientAddress,
    body: Result<Object<CheckInvitation>, Problem>,
) -> Result<impl IntoResponse, Problem> {
    let Object(CheckInvitation { code }) = body?;
    shared.accounts.quotas.make_secret(address).map_err(Problem::too_many)?;
    let role = shared.store.invitation_role(Digest::of(&code), unix_ms()).await?;
    Ok(fresh(GoodInvitation { role: role.ok_or(AccountError::InvitationWrong)? }))
}

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
/// How long an invitation is good when nobody says it.
const DAYS: u32 = 7;
/// The longest that one is good.
const DAYS_MAX: u32 = 90;

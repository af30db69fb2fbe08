//! The server's settings that are changed at run time.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::access::Admin;
use super::problem::Problem;
use super::rooms::{fresh, unreadable};
use crate::config::Registration;
use crate::state::Shared;

#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServerSettings {
    registration: Registration,
}

/// The server's settings.
#[utoipa::path(
    get,
    path = "/api/v1/settings",
    tag = "server",
    responses(
        (status = 200, description = "Those that are changed at run time.", body = ServerSettings),
        (status = 403, description = "Only administrators may."),
    ),
)]
pub(crate) async fn show(
    State(shared): State<Arc<Shared>>,
    Admin(_): Admin,
) -> Result<impl IntoResponse, Problem> {
    Ok(fresh(ServerSettings { registration: shared.accounts.registration(&shared.store).await? }))
}

/// Change the server's settings.
#[utoipa::path(
    patch,
    path = "/api/v1/settings",
    tag = "server",
    request_body = ServerSettings,
    responses(
        (status = 200, description = "As they are now.", body = ServerSettings),
        (status = 403, description = "Only administrators may."),
    ),
)]
pub(crate) async fn change(
    State(shared): State<Arc<Shared>>,
    Admin(_): Admin,
    body: Result<Json<ServerSettings>, JsonRejection>,
) -> Result<impl IntoResponse, Problem> {
    let Json(settings) = body.map_err(unreadable)?;
    shared.store.set_registration(settings.registration).await?;
    tracing::info!(registration = settings.registration.as_str(), "settings changed");
    Ok(fresh(settings))
}

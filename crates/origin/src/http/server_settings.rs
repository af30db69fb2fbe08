//! The server's settings that are changed at run time.

use std::sync::Arc;

use axum::extract::State;
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::access::Admin;
use super::object::Object;
use super::problem::Problem;
use super::room_settings::given;
use super::rooms::fresh;
use crate::archive::ARCHIVE_DAYS_MAX;
use crate::config::Registration;
use crate::state::Shared;

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ServerSettings {
    registration: Registration,
    /// A room that nobody used for so many days is archived; `null` for never.
    #[schema(required)]
    archive_after_days: Option<u32>,
}

/// What is to change; what is missing stays, and `null` takes away.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeServerSettings {
    registration: Option<Registration>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 3650)]
    archive_after_days: Option<Option<u32>>,
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
    Ok(fresh(read(&shared).await?))
}

/// Change the server's settings.
#[utoipa::path(
    patch,
    path = "/api/v1/settings",
    tag = "server",
    request_body = ChangeServerSettings,
    responses(
        (status = 200, description = "As they are now.", body = ServerSettings),
        (status = 400, description = "Days out of range."),
        (status = 403, description = "Only administrators may."),
    ),
)]
pub(crate) async fn change(
    State(shared): State<Arc<Shared>>,
    Admin(_): Admin,
    body: Result<Object<ChangeServerSettings>, Problem>,
) -> Result<impl IntoResponse, Problem> {
    let Object(asked) = body?;
    if asked.archive_after_days.flatten().is_some_and(|days| !(1..=ARCHIVE_DAYS_MAX).contains(&days)) {
        let detail = format!("archive_after_days: expected 1 to {ARCHIVE_DAYS_MAX}, or null for never");
        return Err(Problem::bad_request(detail));
    }
    if let Some(registration) = asked.registration {
        shared.store.set_registration(registration).await?;
    }
    if let Some(days) = asked.archive_after_days {
        shared.store.set_archive_after_days(days).await?;
    }
    let settings = read(&shared).await?;
    tracing::info!(?settings, "settings changed");
    Ok(fresh(settings))
}

async fn read(shared: &Shared) -> Result<ServerSettings, Problem> {
    let registration = shared.accounts.registration(&shared.store).await?;
    Ok(ServerSettings { registration, archive_after_days: shared.store.archive_after_days().await? })
}

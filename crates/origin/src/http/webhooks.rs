//! Webhooks: who is told of what happens. Administrators only.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::access::Admin;
use super::accounts::number;
use super::description::WebhookPath;
use super::object::Object;
use super::problem::Problem;
use super::rooms::fresh;
use crate::clock::unix_ms;
use crate::secret;
use crate::state::Shared;
use crate::store::{Event, NewWebhook, Told, Webhook};
use crate::webhooks::Target;

/// A webhook to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateWebhook {
    /// http or https.
    url: String,
    /// At least one.
    events: Vec<Event>,
    /// Whether it may lead to this machine or its network.
    #[serde(default)]
    allow_private: bool,
}

/// A webhook; its secret is in no answer but that which made it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WebhookView {
    id: i64,
    url: String,
    events: Vec<Event>,
    allow_private: bool,
    created_at_ms: i64,
    /// Deliveries that are not settled.
    waiting: i64,
    /// Events that were not queued, because too many waited.
    dropped: i64,
}

/// A webhook that was just made: the only answer that holds its secret.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NewWebhookAnswer {
    id: i64,
    url: String,
    events: Vec<Event>,
    allow_private: bool,
    /// Signs what is sent.
    secret: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WebhooksAnswer {
    webhooks: Vec<WebhookView>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeliveriesAnswer {
    /// The latest first; at most 100.
    deliveries: Vec<DeliveryView>,
}

/// What a webhook was told, or is still to be told.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeliveryView {
    id: i64,
    #[schema(value_type = Event)]
    event: String,
    created_at_ms: i64,
    tries: u32,
    /// When it is tried next; `null` once it was taken or given up.
    #[schema(required)]
    next_at_ms: Option<i64>,
    #[schema(required)]
    tried_at_ms: Option<i64>,
    /// The last answer's HTTP status.
    #[schema(required)]
    status: Option<u16>,
    /// Why the last try failed.
    #[schema(required)]
    problem: Option<String>,
}

impl From<Webhook> for WebhookView {
    fn from(hook: Webhook) -> WebhookView {
        let Webhook { id, url, events, allow_private, created_at_ms, waiting, dropped } = hook;
        WebhookView { id, url, events, allow_private, created_at_ms, waiting, dropped }
    }
}

impl From<Told> for DeliveryView {
    fn from(told: Told) -> DeliveryView {
        let Told { id, event, created_at_ms, tries, next_at_ms, tried_at_ms, status, problem } = told;
        DeliveryView { id, event, created_at_ms, tries, next_at_ms, tried_at_ms, status, problem }
    }
}

/// The webhooks.
#[utoipa::path(
    get,
    path = "/api/v1/webhooks",
    tag = "webhooks",
    responses(
        (status = 200, description = "Without their secrets.", body = WebhooksAnswer),
    ),
)]
pub(crate) async fn list(
    State(shared): State<Arc<Shared>>,
    Admin(_): Admin,
) -> Result<impl IntoResponse, Problem> {
    let webhooks = shared.store.webhooks().await?.into_iter().map(WebhookView::from).collect();
    Ok(fresh(WebhooksAnswer { webhooks }))
}

/// Make a webhook.
#[utoipa::path(
    post,
    path = "/api/v1/webhooks",
    tag = "webhooks",
    request_body = CreateWebhook,
    responses(
        (status = 201, description = "The only answer that holds its secret.", body = NewWebhookAnswer),
        (status = 400, description = "The URL is none, there is no event, or `private_address`: it leads to this machine or its network."),
        (status = 409, description = "`too_many`: there are as many as may be."),
    ),
)]
pub(crate) async fn create(
    State(shared): State<Arc<Shared>>,
    Admin(_): Admin,
    body: Result<Object<CreateWebhook>, Problem>,
) -> Result<impl IntoResponse, Problem> {
    let Object(CreateWebhook { url, mut events, allow_private }) = body?;
    if url.len() > URL_BYTES_MAX {
        return Err(Problem::bad_request(format!("a webhook's URL has at most {URL_BYTES_MAX} bytes")));
    }
    let target = Target::parse(&url).map_err(|error| Problem::bad_request(error.to_string()))?;
    if !allow_private && target.is_plainly_private() {
        let detail = "this leads to this machine or its network: allow that if it is meant";
        return Err(Problem::bad_request(detail).with_code("private_address"));
    }
    events.sort_unstable();
    events.dedup();
    if events.is_empty() {
        return Err(Problem::bad_request("a webhook is told of at least one kind of event"));
    }
    let secret = secret::random();
    let new = NewWebhook { url: url.clone(), secret: secret.clone(), events: events.clone(), allow_private };
    let id = shared.store.create_webhook(new, unix_ms()).await?;
    tracing::info!(webhook = id, "webhook made");
    Ok((StatusCode::CREATED, fresh(NewWebhookAnswer { id, url, events, allow_private, secret })))
}

/// Remove a webhook.
#[utoipa::path(
    delete,
    path = "/api/v1/webhooks/{id}",
    tag = "webhooks",
    params(WebhookPath),
    responses(
        (status = 204, description = "It is told nothing more."),
        (status = 404, description = "There is no such webhook."),
    ),
)]
pub(crate) async fn remove(
    State(shared): State<Arc<Shared>>,
    Admin(_): Admin,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    if shared.store.remove_webhook(number(&id)?).await? {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(Problem::not_found("there is no such webhook"))
}

/// What a webhook was told, or is still to be told.
#[utoipa::path(
    get,
    path = "/api/v1/webhooks/{id}/deliveries",
    tag = "webhooks",
    params(WebhookPath),
    responses(
        (status = 200, description = "The latest first.", body = DeliveriesAnswer),
        (status = 404, description = "There is no such webhook."),
    ),
)]
pub(crate) async fn deliveries(
    State(shared): State<Arc<Shared>>,
    Admin(_): Admin,
    Path(id): Path<String>,
) -> Result<impl IntoResponse, Problem> {
    let id = number(&id)?;
    if !shared.store.webhooks().await?.iter().any(|webhook| webhook.id == id) {
        return Err(Problem::not_found("there is no such webhook"));
    }
    let deliveries = shared.store.deliveries(id).await?.into_iter().map(DeliveryView::from).collect();
    Ok(fresh(DeliveriesAnswer { deliveries }))
}

/// Bytes of a webhook's URL.
const URL_BYTES_MAX: usize = 2_000;

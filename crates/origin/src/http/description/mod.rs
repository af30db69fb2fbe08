//! The API's description (OpenAPI), made of what stands beside the handlers.
//!
//! A handler says what is its own: parameters, bodies, answers, and the refusals that only it gives. What the layers
//! before it give to every request of a kind is added in [`completion`], who may ask from the list of open routes,
//! and examples from `examples.json`, by the names of the schemas.

mod completion;
#[cfg(test)]
pub(super) mod conformance;
mod parameters;
mod refusals;

use std::sync::LazyLock;

use axum::http::header;
use axum::response::IntoResponse;
use rooms::frame::{FloorView, In, Out};
use serde_json::Value;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use super::problem::Problem;
use super::routes;
pub(super) use parameters::{
    AccountPath, GiftPath, IdempotencyKey, InvitationPath, MemberPath, MessagePath, PollPath, RecordingPath,
    RoomPath, SessionPath, TokenPath, TusResumable, UploadPath, WebhookPath,
};
pub(super) use refusals::{RoomRefusals, TusRefusals};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Rostrum",
        description = "Rooms, chat, recordings and accounts of one origin. Media is not described here: a room's \
                       `playlist` is Low-Latency HLS, `/live/{room}.flv` is FLV over HTTP or WebSocket, and \
                       `/replay/{id}/` holds recordings. Times are Unix time in milliseconds. What is refused is \
                       answered with a problem document (RFC 9457)."
    ),
    tags(
        (name = "rooms", description = "Rooms and who may come in."),
        (name = "chat", description = "What is said in a room, and polls."),
        (name = "moderation", description = "Keeping order in a room."),
        (name = "recordings", description = "Broadcasts to watch again."),
        (name = "uploads", description = "Video files that go live by themselves."),
        (name = "publishing", description = "Publishing from a browser."),
        (name = "session", description = "Signing in and out."),
        (name = "account", description = "One's own account."),
        (name = "accounts", description = "Registering, and everybody's accounts for administrators."),
        (name = "invitations", description = "Invitations to register."),
        (name = "gifts", description = "Gifts, and the points that they cost."),
        (name = "webhooks", description = "Who is told of what happens."),
        (name = "server", description = "The origin itself."),
        (name = "health", description = "For whoever watches over the process.")
    ),
    components(schemas(Problem, In, Out, FloorView))
)]
struct Frame;

/// The whole description.
pub(super) fn document() -> Value {
    let frame = OpenApiRouter::with_openapi(Frame::openapi());
    let router = routes::described().into_iter().fold(frame, OpenApiRouter::routes);
    let mut document = serde_json::to_value(router.into_openapi()).expect("a description is JSON");
    completion::complete(&mut document);
    document
}

/// The API's description (OpenAPI 3.1) as JSON, for those that make clients of it.
#[must_use]
pub fn api_description() -> String {
    document().to_string()
}

/// The API's description.
#[utoipa::path(
    get,
    path = "/api/v1/openapi.json",
    tag = "server",
    responses((status = 200, description = "OpenAPI 3.1.", body = Object, example = json!({"openapi": "3.1.0"})))
)]
pub(super) async fn show() -> impl IntoResponse {
    static TEXT: LazyLock<String> = LazyLock::new(api_description);
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-cache")];
    (headers, TEXT.as_str())
}

#[cfg(test)]
mod tests;

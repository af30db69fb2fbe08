//! What the addresses and headers of the API name.
//!
//! The handlers read these as they are written and answer 404 for what they cannot be, so that nothing odd goes
//! further; the fields here are only for the description.
#![allow(dead_code, reason = "read by the description's derive alone")]

use utoipa::IntoParams;

/// A room.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(in crate::http) struct RoomPath {
    /// The room's name in URLs.
    #[param(pattern = "^[a-z0-9-]{1,64}$", min_length = 1, max_length = 64, example = "chess")]
    room: String,
}

/// What makes a repeat of a request harmless.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub(in crate::http) struct IdempotencyKey {
    /// The request's own id of 1 to 64 bytes: a repeat with the same one is answered like the first.
    #[param(rename = "Idempotency-Key", example = "f3a1c0")]
    idempotency_key: Option<String>,
}

/// The version of the upload protocol (tus) that is spoken.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub(in crate::http) struct TusResumable {
    /// The protocol's version.
    #[param(rename = "Tus-Resumable", example = "1.0.0")]
    tus_resumable: String,
}

/// A recording.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(in crate::http) struct RecordingPath {
    /// The recording's id.
    #[param(
        pattern = "^[0-9a-f]{32}$",
        min_length = 32,
        max_length = 32,
        example = "5d41402abc4b2a76b9719d911017c592"
    )]
    id: String,
}

/// An uploaded file.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(in crate::http) struct UploadPath {
    /// The file's id.
    #[param(
        pattern = "^[0-9a-f]{32}$",
        min_length = 32,
        max_length = 32,
        example = "5d41402abc4b2a76b9719d911017c592"
    )]
    id: String,
}

/// A poll.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(in crate::http) struct PollPath {
    /// The poll's number: its place in the room's log.
    #[param(minimum = 1, example = 40)]
    poll: u64,
}

/// A message.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(in crate::http) struct MessagePath {
    /// The message's number: its place in the room's log.
    #[param(minimum = 1, example = 41)]
    message: u64,
}

/// A member of a room.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(in crate::http) struct MemberPath {
    /// Whose: `a` and the account's number, or a guest's id.
    #[param(min_length = 1, example = "a3")]
    member: String,
}

/// An account.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(in crate::http) struct AccountPath {
    /// The account's number.
    #[param(minimum = 1, example = 2)]
    id: i64,
}

/// A session of one's own.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(in crate::http) struct SessionPath {
    /// The session's number.
    #[param(minimum = 1, example = 7)]
    id: i64,
}

/// A token of one's own.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(in crate::http) struct TokenPath {
    /// The token's number.
    #[param(minimum = 1, example = 5)]
    id: i64,
}

/// A gift of the catalogue.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(in crate::http) struct GiftPath {
    /// The gift's id.
    #[param(pattern = "^[a-z0-9-]{1,64}$", min_length = 1, max_length = 64, example = "star")]
    gift: String,
}

/// A webhook.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(in crate::http) struct WebhookPath {
    /// The webhook's number.
    #[param(minimum = 1, example = 1)]
    id: i64,
}

/// An invitation.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(in crate::http) struct InvitationPath {
    /// The invitation's number.
    #[param(minimum = 1, example = 3)]
    id: i64,
}

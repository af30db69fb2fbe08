//! Refusals that several operations share.
#![allow(dead_code, reason = "read by the description's derive alone")]

use utoipa::IntoResponses;

/// Of what is done in a room: those of its rules.
#[derive(IntoResponses)]
pub(in crate::http) enum RoomRefusals {
    /// A value is out of its limits.
    #[response(status = 400)]
    Value,
    /// Only the room's moderators may.
    #[response(status = 403)]
    Moderators,
    /// As many are kept as may be, or it is over already.
    #[response(status = 409)]
    Full,
    /// Too much in a short time.
    #[response(status = 429)]
    Fast,
    /// The room's chat is full or closed.
    #[response(status = 503)]
    Closed,
}

/// Of what is sent by the upload protocol (tus).
#[derive(IntoResponses)]
pub(in crate::http) enum TusRefusals {
    /// Another version of the protocol; `Tus-Version` in the answer says which is spoken.
    #[response(status = 412)]
    Version,
}

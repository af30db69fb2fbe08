//! Refusals that several operations share.
#![allow(dead_code, reason = "read by the description's derive alone")]

use utoipa::IntoResponses;

/// Of what is done in a room: those of its rules.
#[derive(IntoResponses)]
pub(in crate::http) enum RoomRefusals {
    /// A value is out of its limits; `empty`, `too_long`: so is the text.
    #[response(status = 400)]
    Value,
    /// Only the room's moderators may, or the rules of the chat do not let the asker: `banned`, `timed_out`, `locked`,
    /// `emotes_only`, `sign_in_needed`, `followers_only`, or `rejected` by a moderator before.
    #[response(status = 403)]
    Moderators,
    /// `full`: as many are kept as may be; `closed`, `already_voted`: it is over; `not_enough` points.
    #[response(status = 409)]
    Full,
    /// `rate_limited`, `slow_mode`: too much in a short time; wait for `retry_after_ms`.
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

//! What becomes of an uploaded file, and what is known of it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where a file stands between its announcement and its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = UploadState)]
pub(crate) enum State {
    /// Its bytes come, or are waited for.
    Receiving,
    /// It is whole, and read through once.
    Checking,
    /// It can go live.
    Ready,
    /// It goes live at its hour.
    Scheduled,
    /// It is on air.
    Live,
    /// It was on air, and can go live again.
    Done,
    /// It cannot be played.
    Refused,
}

/// Why a file is not live any more, or did not go live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[allow(clippy::enum_variant_names, reason = "a broadcast that somebody ended is called that everywhere")]
#[schema(as = UploadEnded)]
pub(crate) enum Ended {
    /// It was played to its end.
    Finished,
    /// The owner or an admin ended the broadcast.
    Ended,
    /// Another publisher took over.
    TakenOver,
    /// The origin stopped meanwhile.
    OriginStopped,
    /// Its hour had passed for too long when the origin was back.
    Missed,
    /// It could not be read or not be broadcast.
    Failed,
}

/// What was found in a file when it was read through.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub(crate) struct FileFacts {
    /// As people call it: `MP4`.
    pub(crate) format: String,
    /// Milliseconds of media.
    pub(crate) duration_ms: u64,
    #[schema(required)]
    pub(crate) video: Option<VideoFacts>,
    #[schema(required)]
    pub(crate) audio: Option<AudioFacts>,
    /// What its owner should know before it goes live, in words.
    pub(crate) notices: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = FileVideo)]
pub(crate) struct VideoFacts {
    pub(crate) codec: String,
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Frames per second, counted.
    pub(crate) fps: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = FileAudio)]
pub(crate) struct AudioFacts {
    pub(crate) codec: String,
    pub(crate) sample_rate: u32,
    pub(crate) channels: u8,
}

impl State {
    /// As it stands in the database.
    pub(crate) fn code(self) -> &'static str {
        STATES.iter().find(|(state, _)| *state == self).map_or("", |(_, code)| code)
    }

    /// The state that stands there.
    pub(crate) fn of(code: &str) -> Option<State> {
        STATES.iter().find(|(_, known)| *known == code).map(|(state, _)| *state)
    }
}

impl Ended {
    /// As it stands in the database.
    pub(crate) fn code(self) -> &'static str {
        ENDS.iter().find(|(ended, _)| *ended == self).map_or("", |(_, code)| code)
    }

    /// The reason that stands there.
    pub(crate) fn of(code: &str) -> Option<Ended> {
        ENDS.iter().find(|(_, known)| *known == code).map(|(ended, _)| *ended)
    }
}

impl FileFacts {
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("words and numbers")
    }

    pub(crate) fn of_json(json: &str) -> Option<FileFacts> {
        serde_json::from_str(json).ok()
    }
}

const STATES: [(State, &str); 7] = [
    (State::Receiving, "receiving"),
    (State::Checking, "checking"),
    (State::Ready, "ready"),
    (State::Scheduled, "scheduled"),
    (State::Live, "live"),
    (State::Done, "done"),
    (State::Refused, "refused"),
];

const ENDS: [(Ended, &str); 6] = [
    (Ended::Finished, "finished"),
    (Ended::Ended, "ended"),
    (Ended::TakenOver, "taken_over"),
    (Ended::OriginStopped, "origin_stopped"),
    (Ended::Missed, "missed"),
    (Ended::Failed, "failed"),
];

//! One JSON object for each status.

use std::time::{Duration, Instant};

use broadcast::{DestinationState, DestinationStatus, RecordingState, RecordingStatus, Status};
use serde_json::{Value, json};

/// The status as one object. `last` marks the one after the end.
pub fn object(status: &Status, now: Instant, last: bool) -> Value {
    let destinations: Vec<Value> =
        status.destinations.iter().map(|destination| destination_object(destination, now)).collect();
    let replaced = status.replaced_encoder.as_ref();
    json!({
        "seconds": (status.duration.as_secs_f64() * 1e3).round() / 1e3,
        "encoder": status.encoder,
        "replaced_encoder": replaced.map(|encoder| json!({ "name": encoder.name, "reason": encoder.reason })),
        "picture": {
            "width": status.picture.size.width,
            "height": status.picture.size.height,
            "fps": status.picture.fps,
            "bitrate_bps": status.picture.bitrate_bps,
        },
        "fps": (status.fps * 1e2).round() / 1e2,
        "bitrate_bps": status.bitrate_bps,
        "frames": status.frames,
        "dropped_frames": status.dropped_frames,
        "repeated_frames": status.repeated_frames,
        "silent_samples": status.silent_samples,
        "destinations": destinations,
        "recording": status.recording.as_ref().map(recording_object),
        "replay": status.replay.as_ref().map(recording_object),
        "failure": status.failure,
        "final": last,
    })
}

fn destination_object(destination: &DestinationStatus, now: Instant) -> Value {
    let mut object = json!({
        "name": destination.name,
        "state": state_name(&destination.state),
        "sent_bytes": destination.sent_bytes,
        "sent_frames": destination.sent_frames,
        "dropped_frames": destination.dropped_frames,
        "queued_ms": destination.queued.as_millis() as u64,
        "sent_bps": destination.sent_bps,
    });
    if let Some(link) = &destination.link {
        object["rtt_ms"] = json!((link.round_trip.as_secs_f64() * 1e4).round() / 1e1);
        object["retransmitted_packets"] = json!(link.retransmitted);
        object["in_flight_packets"] = json!(link.in_flight);
        if link.latency > Duration::ZERO {
            object["latency_ms"] = json!(link.latency.as_millis() as u64);
            object["lost_packets"] = json!(link.lost);
            object["dropped_packets"] = json!(link.dropped);
        }
    }
    match &destination.state {
        DestinationState::Retrying { attempt, at, reason } => {
            object["attempt"] = json!(attempt);
            object["retry_in_ms"] = json!(at.saturating_duration_since(now).as_millis() as u64);
            object["reason"] = json!(reason);
        }
        DestinationState::Failed { reason } => object["reason"] = json!(reason),
        DestinationState::Connecting | DestinationState::Live { .. } | DestinationState::Ended => {}
    }
    object
}

fn recording_object(recording: &RecordingStatus) -> Value {
    let (state, reason) = match &recording.state {
        RecordingState::Recording => ("recording", None),
        RecordingState::Finished => ("finished", None),
        RecordingState::Failed { reason } => ("failed", Some(reason)),
    };
    let file = recording.file.display().to_string();
    json!({ "file": file, "bytes": recording.bytes, "state": state, "reason": reason })
}

fn state_name(state: &DestinationState) -> &'static str {
    match state {
        DestinationState::Connecting => "connecting",
        DestinationState::Live { .. } => "live",
        DestinationState::Retrying { .. } => "retrying",
        DestinationState::Failed { .. } => "failed",
        DestinationState::Ended => "ended",
    }
}

//! One JSON object for each status.

use std::time::{Duration, Instant};

use broadcast::{
    DestinationEncode, DestinationState, DestinationStatus, Levels, RecordingState, RecordingStatus, Shape,
    SoundLevels, Status,
};
use serde_json::{Value, json};

/// The status as one object. `last` marks the one after the end.
pub fn object(status: &Status, levels: &SoundLevels, now: Instant, last: bool) -> Value {
    let destinations: Vec<Value> =
        status.destinations.iter().map(|destination| destination_object(destination, now)).collect();
    let replaced = status.replaced_encoder.as_ref();
    json!({
        "seconds": (status.duration.as_secs_f64() * 1e3).round() / 1e3,
        "encoder": status.encoder,
        "replaced_encoder": replaced.map(|encoder| json!({ "name": encoder.name, "reason": encoder.reason })),
        "picture": picture_object(&status.picture),
        "fps": (status.fps * 1e2).round() / 1e2,
        "bitrate_bps": status.bitrate_bps,
        "frames": status.frames,
        "dropped_frames": status.dropped_frames,
        "repeated_frames": status.repeated_frames,
        "silent_samples": status.silent_samples,
        "sound": sound_object(levels),
        "destinations": destinations,
        "recording": status.recording.as_ref().map(recording_object),
        "replay": status.replay.as_ref().map(recording_object),
        "failure": status.failure,
        "final": last,
    })
}

/// dBFS and LUFS to a tenth; the loudness is `null` where there was only silence.
fn sound_object(SoundLevels { sounds, mix, loudness }: &SoundLevels) -> Value {
    let tenth = |value: f32| (f64::from(value) * 10.0).round() / 10.0;
    let level = |levels: &Levels| json!({ "rms_db": tenth(levels.rms_db), "peak_db": tenth(levels.peak_db) });
    let mut object = level(mix);
    object["momentary_lufs"] = json!(loudness.momentary_lufs.map(tenth));
    object["short_term_lufs"] = json!(loudness.short_term_lufs.map(tenth));
    object["integrated_lufs"] = json!(loudness.integrated_lufs.map(tenth));
    object["sources"] = sounds.iter().map(level).collect();
    object
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
        "encode": encode_object(&destination.encode),
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
        DestinationState::Retrying { attempt, at, cause } => {
            object["attempt"] = json!(attempt);
            object["retry_in_ms"] = json!(at.saturating_duration_since(now).as_millis() as u64);
            object["reason"] = json!(cause.to_string());
        }
        DestinationState::Failed { cause } => object["reason"] = json!(cause.to_string()),
        DestinationState::Connecting | DestinationState::Live { .. } | DestinationState::Ended => {}
    }
    object
}

fn picture_object(picture: &Shape) -> Value {
    json!({
        "width": picture.size.width,
        "height": picture.size.height,
        "fps": picture.fps,
        "bitrate_bps": picture.bitrate_bps,
    })
}

/// `shared`, `too_much` (the shared one, of which pictures are left out) or `own`.
fn encode_object(encode: &DestinationEncode) -> Value {
    match encode {
        DestinationEncode::Shared => json!({ "kind": "shared" }),
        DestinationEncode::TooMuch { no_room } => {
            json!({ "kind": "too_much", "no_room": no_room.map(|reason| reason.to_string()) })
        }
        DestinationEncode::Own { picture, encoder, while_weak } => json!({
            "kind": "own",
            "picture": picture_object(picture),
            "encoder": encoder,
            "while_weak": while_weak,
        }),
    }
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

#[cfg(test)]
mod tests {
    use broadcast::Loudness;

    use super::*;

    #[test]
    fn levels_are_told_to_a_tenth_and_silence_has_no_loudness() {
        let of = |db| Levels { rms_db: db, peak_db: db + 3.04 };
        let loudness = Loudness { momentary_lufs: Some(-23.04), ..Loudness::default() };
        let object = sound_object(&SoundLevels { sounds: vec![of(-30.06)], mix: of(-20.0), loudness });
        let expected = json!({
            "rms_db": -20.0, "peak_db": -17.0,
            "momentary_lufs": -23.0, "short_term_lufs": null, "integrated_lufs": null,
            "sources": [{ "rms_db": -30.1, "peak_db": -27.0 }],
        });
        assert_eq!(object, expected);
    }
}

//! Encoders are tried by `rostrum-cast` in processes of their own, with stand-ins that crash, hang, or lie.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// `rostrum-cast` with a memory of its own.
fn cast(memory: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rostrum-cast"));
    command.env("XDG_CACHE_HOME", memory).args(arguments);
    command.output().expect("rostrum-cast was built")
}

/// What `rostrum-cast encoders` says of each, in its order.
fn encoders(memory: &Path) -> Vec<Value> {
    let output = cast(memory, &["encoders", "--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let list: Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    list["encoders"].as_array().expect("a list").clone()
}

fn of<'a>(encoders: &'a [Value], name: &str) -> &'a Value {
    encoders.iter().find(|encoder| encoder["name"] == name).expect("it is in the list")
}

/// Tries to broadcast with an encoder; what it says on standard error. Nobody listens at the destination.
fn broadcast(memory: &Path, encoder: &str) -> String {
    let arguments = ["--video", "test", "--audio", "none", "--size", "320x180", "--duration", "100ms"];
    let to = ["--to", "rtmp://127.0.0.1:1/live/key", "--encoder", encoder];
    let output = cast(memory, &[&arguments[..], &to].concat());
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn every_encoder_is_tried_and_every_refusal_is_told_in_words() {
    let memory = tempfile::tempdir().unwrap();
    let list = encoders(memory.path());
    for name in [
        "libx264",
        "libx265",
        "libsvtav1",
        "stand_in_fails_later",
        "stand_in_hangs_later",
        "stand_in_headless",
    ] {
        let encoder = of(&list, name);
        assert_eq!(encoder["usable"], true, "{encoder}");
        assert_eq!(encoder["reason"], Value::Null, "{encoder}");
    }
    for (name, words) in [
        ("stand_in_crashes", "it crashed"),
        ("stand_in_hangs", "it hangs"),
        ("stand_in_green", "green"),
        ("stand_in_without_keyframes", "no keyframe when it is asked for one"),
        ("h264_mf", "built without it"),
    ] {
        let encoder = of(&list, name);
        assert_eq!(encoder["usable"], false, "{encoder}");
        assert!(encoder["reason"].as_str().is_some_and(|reason| reason.contains(words)), "{encoder}");
    }
}

#[test]
fn an_encoder_that_failed_on_air_is_remembered() {
    let memory = tempfile::tempdir().unwrap();
    let arguments = ["--video", "test", "--audio", "none", "--size", "320x180", "--fps", "60"];
    let encoder =
        ["--encoder", "stand_in_fails_later", "--duration", "5s", "--to", "rtmp://127.0.0.1:1/live/key"];
    cast(memory.path(), &[&arguments[..], &encoder].concat());
    let file = memory.path().join("rostrum").join("encoders.json");
    let kept: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    let reason = kept["encoders"]["stand_in_fails_later"]["reason"].as_str().unwrap_or_default();
    assert!(reason.starts_with("it failed in the middle of a broadcast: "), "{kept}");
}

#[test]
fn what_was_found_is_remembered_for_a_driver_and_no_longer() {
    let memory = tempfile::tempdir().unwrap();
    let refused = "its pictures come out green";
    assert!(broadcast(memory.path(), "stand_in_green").contains(refused));
    // As if it had worked with this driver: it is believed, and opened without another trial.
    let file = memory.path().join("rostrum").join("encoders.json");
    let written = std::fs::read_to_string(&file).unwrap();
    let works = written.replace(&format!("\"{refused}\""), "null");
    assert_ne!(works, written);
    std::fs::write(&file, &works).unwrap();
    assert!(broadcast(memory.path(), "stand_in_green").contains("never reached"));
    // With another driver, and with a damaged file, it is tried anew.
    for changed in [works.replace("FFmpeg ", "FFmpeg 0."), works[..works.len() / 2].to_owned()] {
        std::fs::write(&file, changed).unwrap();
        assert!(broadcast(memory.path(), "stand_in_green").contains(refused));
        assert_eq!(std::fs::read_to_string(&file).unwrap().matches(refused).count(), 1);
    }
}

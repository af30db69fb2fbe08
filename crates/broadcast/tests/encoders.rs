//! Encoders are tried by `rostrum-cast` in processes of their own, with stand-ins that crash, hang, or lie.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests, one of which waits for a process")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

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

/// The trial that `cast` waits for; none yet, or none any more.
fn trial_of(cast: &Child) -> Option<PathBuf> {
    let processes = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok).map(|entry| entry.path());
    processes.into_iter().find(|folder| state_of(folder).is_some_and(|(_, parent)| parent == cast.id()))
}

/// What a process does (`Z`: it has ended), and who is its parent; `None` when nothing is left of it.
fn state_of(process: &Path) -> Option<(char, u32)> {
    // They stand after the name, which is in brackets and may hold anything.
    let stat = std::fs::read_to_string(process.join("stat")).ok()?;
    let mut after = stat.rsplit_once(") ")?.1.split(' ');
    Some((after.next()?.chars().next()?, after.next()?.parse().ok()?))
}

fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(begun.elapsed() < Duration::from_secs(45), "waited in vain for {what}");
        std::thread::yield_now();
    }
}

#[test]
fn who_interrupts_while_encoders_are_tried_ends_it_quietly() {
    let memory = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_rostrum-cast"));
    command.env("XDG_CACHE_HOME", memory.path()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.args(["--video", "test", "--audio", "none", "--size", "320x180"]);
    command.args(["--to", "rtmp://127.0.0.1:1/live/key", "--encoder", "stand_in_hangs"]);
    // As a terminal does: Ctrl-C is told to the whole group.
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let cast = command.spawn().unwrap();
    let started = until("a trial", || trial_of(&cast));
    let argument = |line: String| line.contains("stand_in_hangs").then_some(());
    until("the trial's own program", || {
        std::fs::read_to_string(started.join("cmdline")).ok().and_then(argument)
    });
    let group = format!("-{}", cast.id());
    assert!(Command::new("kill").args(["-s", "INT", "--", &group]).status().unwrap().success());
    let output = cast.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(!said.contains("rostrum-cast:") && !said.contains("stand_in"), "{said}");
    // Whose parent is gone, may be left as a zombie where nobody inherits it.
    until("the trial's end", || state_of(&started).is_none_or(|(state, _)| state == 'Z').then_some(()));
    // Nobody is to believe tomorrow that the encoder crashed.
    assert!(!memory.path().join("rostrum").join("encoders.json").exists());
}

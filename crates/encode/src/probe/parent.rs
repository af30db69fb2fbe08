//! The side of the program that wants to know.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Duration;

use super::ARGUMENT;

/// Has `program` try the encoder called `name`; an error says in words why it is not to be used.
pub(super) fn try_out(program: &Path, name: &str, limit: Duration) -> Result<(), String> {
    let mut command = Command::new(program);
    command.arg(ARGUMENT).arg(name).arg(std::process::id().to_string());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // What a terminal tells this program (Ctrl-C) is not meant for a trial: it would count as a crash of the encoder.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut child = command.spawn().map_err(|error| format!("it could not be tried: {error}"))?;
    match listen(&mut child, limit) {
        Heard::Nothing => {
            // One that hangs inside its driver may not even die; nobody waits for it.
            if let Err(error) = child.kill() {
                tracing::warn!(encoder = name, %error, "a trial does not end");
            }
            reap(child);
            Err(format!(
                "it hangs: a test of {} pictures was not over after {limit:?}",
                super::child::PICTURES
            ))
        }
        Heard::All { said, complaints } => {
            let status = child.wait().map_err(|error| format!("it could not be tried: {error}"))?;
            judge(&said, &complaints, status)
        }
    }
}

enum Heard {
    All { said: String, complaints: String },
    Nothing,
}

/// What a child writes, and on which stream.
enum Line {
    Said(String),
    Complained(String),
    End,
}

/// Reads both streams to their ends, which come when the child ends, whatever ended it. Stops when nothing comes for
/// longer than `limit`.
fn listen(child: &mut Child, limit: Duration) -> Heard {
    let (sender, receiver) = sync_channel(LINES);
    let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
        return Heard::Nothing;
    };
    let said = spawn("encoder-trial-said", stdout, sender.clone(), Line::Said);
    let complained = spawn("encoder-trial-complained", stderr, sender, Line::Complained);
    if !said || !complained {
        return Heard::Nothing;
    }
    let (mut said, mut complaints, mut open) = (String::new(), String::new(), 2);
    while open > 0 {
        match receiver.recv_timeout(limit) {
            Ok(Line::Said(line)) if !line.is_empty() => said = line,
            Ok(Line::Complained(line)) if complaints.is_empty() => complaints = line,
            Ok(Line::End) => open -= 1,
            Ok(_) => {}
            Err(_) => return Heard::Nothing,
        }
    }
    Heard::All { said, complaints }
}

/// Hands on what a stream brings, line by line, on a thread that ends with the stream.
fn spawn(
    name: &str,
    stream: impl Read + Send + 'static,
    sender: SyncSender<Line>,
    line: impl Fn(String) -> Line + Send + 'static,
) -> bool {
    let thread = std::thread::Builder::new().name(name.to_owned());
    let read = move || {
        let mut stream = BufReader::new(stream.take(BYTES_MAX));
        let mut bytes = Vec::new();
        while stream.read_until(b'\n', &mut bytes).is_ok_and(|count| count > 0) {
            let text = String::from_utf8_lossy(&bytes).trim().to_owned();
            bytes.clear();
            if sender.send(line(text)).is_err() {
                return;
            }
        }
        // Whoever stopped listening needs no end.
        let _ = sender.send(Line::End);
    };
    thread.spawn(read).is_ok()
}

fn judge(said: &str, complaints: &str, status: ExitStatus) -> Result<(), String> {
    let verdict: Option<serde_json::Value> = serde_json::from_str(said).ok();
    if signal(status) == Some(libc::SIGALRM) {
        let limit = super::WHOLE_LIMIT.as_secs();
        return Err(format!(
            "it is far too slow: {} pictures took more than {limit} s",
            super::child::PICTURES
        ));
    }
    let Some(verdict) = verdict.filter(|_| status.success()) else {
        return Err(format!("it crashed while it encoded a test picture ({status})"));
    };
    match (verdict["usable"].as_bool(), verdict["reason"].as_str()) {
        (Some(true), _) => Ok(()),
        (_, Some(reason)) => Err(match without_address(complaints) {
            Some(complaint) => format!("{reason} ({complaint})"),
            None => reason.to_owned(),
        }),
        _ => Err("its trial gave no verdict".to_owned()),
    }
}

/// The signal that ended it.
fn signal(status: ExitStatus) -> Option<i32> {
    #[cfg(unix)]
    return std::os::unix::process::ExitStatusExt::signal(&status);
    #[cfg(not(unix))]
    return None;
}

/// What FFmpeg or the driver said first, without FFmpeg's `[name @ address]`.
fn without_address(line: &str) -> Option<String> {
    let line = match line.strip_prefix('[').and_then(|rest| rest.split_once("] ")) {
        Some((_, words)) => words,
        None => line,
    };
    let words: String = line.trim_end_matches('.').chars().take(COMPLAINT_CHARS).collect();
    Some(words).filter(|words| !words.is_empty())
}

/// Waits for a child that was killed, where nobody is held up when that takes for ever.
fn reap(mut child: Child) {
    let thread = std::thread::Builder::new().name("encoder-trial-end".to_owned());
    if let Err(error) = thread.spawn(move || child.wait()) {
        tracing::warn!(%error, "a trial that was ended is not waited for");
    }
}

/// More than a child says, though drivers may be talkative. One that says more is cut off, and counts as crashed.
const BYTES_MAX: u64 = 1 << 20;

/// Lines on their way; the reader waits when it is full.
const LINES: usize = 16;

/// Enough for one line of a list.
const COMPLAINT_CHARS: usize = 160;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complaint_loses_its_address() {
        let said = "[h264_nvenc @ 0x55d0] Cannot load libcuda.so.1.";
        assert_eq!(without_address(said).as_deref(), Some("Cannot load libcuda.so.1"));
        assert_eq!(without_address("libva error").as_deref(), Some("libva error"));
        assert_eq!(without_address(""), None);
    }

    #[test]
    fn a_program_that_cannot_be_started_is_told() {
        let error = try_out(Path::new("/nothing/here"), "libx264", Duration::from_secs(1));
        assert!(error.expect_err("there is no such program").contains("could not be tried"));
    }

    #[test]
    fn a_program_that_says_nothing_has_crashed() {
        let error = try_out(Path::new("/bin/false"), "libx264", Duration::from_secs(30));
        assert!(error.expect_err("it says nothing").contains("crashed"));
    }
}

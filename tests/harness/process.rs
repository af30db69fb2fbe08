//! Other programs as children: their output kept, and all that they started ended with them.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::wait::until;

/// At most this many lines of a child's output are kept; the oldest go first. It is for messages of failed tests.
const LINES_KEPT_MAX: usize = 4000;

/// A child in a process group of its own; dropping it kills the group.
pub struct Process {
    name: String,
    child: Child,
    lines: Arc<Mutex<VecDeque<Line>>>,
}

/// One line that a child printed.
#[derive(Clone, Debug)]
pub struct Line {
    /// Whether it came on standard error, not on standard output.
    pub is_error: bool,
    /// The line without its end.
    pub text: String,
}

impl Process {
    /// Starts a child without standard input.
    ///
    /// # Panics
    /// When the system cannot start it.
    pub fn start(name: &str, command: &mut Command) -> Process {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let mut child = command.spawn().unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
        let lines = Arc::new(Mutex::new(VecDeque::new()));
        keep(name, child.stdout.take().expect("piped above"), false, lines.clone());
        keep(name, child.stderr.take().expect("piped above"), true, lines.clone());
        Process { name: name.to_owned(), child, lines }
    }

    /// Waits for a line of output that `find` makes something of.
    ///
    /// # Panics
    /// After `limit`, or when the child ended without it, with all that it printed.
    pub async fn line<T>(&mut self, limit: Duration, mut find: impl FnMut(&Line) -> Option<T>) -> T {
        let what = format!("a line of {}", self.name);
        until(&what, limit, async || {
            let ended = self.ended();
            let found = self.lines.lock().expect("no reader panics").iter().find_map(&mut find);
            assert!(found.is_some() || ended.is_none(), "{} ended early:\n{}", self.name, self.output());
            found
        })
        .await
    }

    /// All that the child printed so far.
    pub fn output(&self) -> String {
        let lines = self.lines.lock().expect("no reader panics");
        lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>().join("\n")
    }

    /// What the child printed on one of its two outputs so far.
    pub fn printed(&self, is_error: bool) -> Vec<String> {
        let lines = self.lines.lock().expect("no reader panics");
        lines.iter().filter(|line| line.is_error == is_error).map(|line| line.text.clone()).collect()
    }

    /// How the child ended, if it did.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("the child was not waited for elsewhere")
    }

    /// Waits for the child to end.
    ///
    /// # Panics
    /// After `limit`, with all that it printed.
    pub async fn wait(&mut self, limit: Duration) -> ExitStatus {
        let name = self.name.clone();
        let ended = tokio::time::timeout(limit, until(&name, limit * 2, async || self.ended())).await;
        ended.unwrap_or_else(|_| panic!("{name} did not end within {limit:?}:\n{}", self.output()))
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal, by name, to the child and all that it started.
    pub fn signal(&self, signal: &str) {
        // The standard library only kills, and only the child itself.
        let group = format!("-{}", self.child.id());
        let _ = Command::new("kill").args(["-s", signal, "--", &group]).stderr(Stdio::null()).status();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal("KILL");
        let _ = self.child.wait();
        if std::thread::panicking() {
            println!("---- {} printed ----\n{}", self.name, self.output());
        }
    }
}

fn keep(name: &str, from: impl Read + Send + 'static, is_error: bool, lines: Arc<Mutex<VecDeque<Line>>>) {
    // It ends with the child's output; nothing needs to join it.
    let reader = std::thread::Builder::new().name(format!("{name} output")).spawn(move || {
        let mut from = BufReader::new(from);
        let mut line = Vec::new();
        while from.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            line.clear();
            let mut lines = lines.lock().expect("no reader panics");
            if lines.len() == LINES_KEPT_MAX {
                lines.pop_front();
            }
            lines.push_back(Line { is_error, text });
        }
    });
    reader.expect("the system starts a thread");
}

/// The memory of a process and all that it started, 1 000 000 bytes: what several share counts once (PSS).
pub fn resident_tree_mb(id: u32) -> f64 {
    let shared = std::fs::read_to_string(format!("/proc/{id}/smaps_rollup")).unwrap_or_default();
    let own =
        shared.lines().find_map(|line| line.strip_prefix("Pss:")?.trim().strip_suffix(" kB")?.parse().ok());
    let children = std::fs::read_dir(format!("/proc/{id}/task")).into_iter().flatten().filter_map(Result::ok);
    let children = children.filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok());
    let children: Vec<u32> = children
        .flat_map(|ids| ids.split_whitespace().filter_map(|id| id.parse().ok()).collect::<Vec<_>>())
        .collect();
    own.unwrap_or(0.0) * 1_024.0 / 1_000_000.0 + children.into_iter().map(resident_tree_mb).sum::<f64>()
}

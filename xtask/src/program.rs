//! The programs of the workspace as children: started, watched, and ended together.

use std::process::{Child, Command, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::step::command_line;

/// The names of the three programs.
pub const PROGRAMS: [&str; 3] = ["rostrum", "rostrum-origin", "rostrum-cast"];

/// How long a program may take to end by itself before it is killed; its own teardown takes at most 2 s.
const TEARDOWN: Duration = Duration::from_secs(5);
/// How often a child is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// Set once the person, or the system, asks the task to end.
#[derive(Clone)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Takes Ctrl-C and a polite kill over from the system's default, which would leave the children running.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn listen() -> Result<Interrupt> {
        let flag = Arc::new(AtomicBool::new(false));
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
            signal_hook::flag::register(signal, flag.clone()).context("cannot listen for Ctrl-C")?;
        }
        Ok(Interrupt(flag))
    }

    /// Whether the task was asked to end.
    pub fn asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A child that is ended when this is dropped.
pub struct Program {
    name: String,
    child: Child,
}

impl Program {
    /// Starts a child.
    ///
    /// # Errors
    /// When the system cannot start it.
    pub fn start(name: &str, command: &mut Command) -> Result<Program> {
        let line = command_line(command);
        let child = command.spawn().with_context(|| format!("cannot start `{line}`"))?;
        Ok(Program { name: name.to_owned(), child })
    }

    /// The child's process number.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The child's standard output, when it was asked to be piped.
    pub fn stdout(&mut self) -> Option<std::process::ChildStdout> {
        self.child.stdout.take()
    }

    /// How the child ended, if it did.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Asks the child to end, and kills it if it does not.
    pub fn end(mut self) {
        self.finish();
    }

    fn finish(&mut self) {
        if self.ended().is_some() {
            return;
        }
        // The standard library can only kill outright; `kill` is in every Unix, and asks first.
        let _ = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
        let asked = Instant::now();
        while self.ended().is_none() && asked.elapsed() < TEARDOWN {
            std::thread::sleep(LOOK);
        }
        if self.ended().is_none() {
            println!("{} did not end within {} s and was killed", self.name, TEARDOWN.as_secs());
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.finish();
    }
}

/// Waits until a child ends or the task is asked to; says which child, and how it ended.
pub fn wait(programs: &mut [&mut Program], interrupt: &Interrupt) -> Option<(String, ExitStatus)> {
    while !interrupt.asked() {
        for program in programs.iter_mut() {
            if let Some(status) = program.ended() {
                return Some((program.name.clone(), status));
            }
        }
        std::thread::sleep(LOOK);
    }
    None
}

//! Whether an encoder works on this machine, found out where it can hurt nobody.
//!
//! Drivers crash, hang, and open encoders that give green pictures. So an encoder is tried in a process of its own: the
//! program starts itself again ([`child_main`]), the child encodes a known picture, decodes what came out and compares,
//! and says one line. What was found is remembered for the versions of program, FFmpeg and driver it was found with.
#![allow(clippy::disallowed_methods, reason = "this driver module dates what it remembers")]

mod child;
mod identity;
mod memory;
mod parent;
pub(crate) mod picture;

use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::list::Known;
use memory::{Memory, Verdict};

/// How long an encoder may take for one picture of its trial before it counts as hanging. A good one needs some hundredths
/// of a second; the rest is for a machine that is busy, and for graphics that wake up.
pub const LIMIT: Duration = Duration::from_secs(10);

/// How long a whole trial may take.
const WHOLE_LIMIT: Duration = Duration::from_secs(60);

/// To be called first in `main`, before there are threads.
///
/// Where the process was started to try an encoder this does so and ends the process. Otherwise it returns, and from then on
/// encoders are tried by starting this program again. In a program that does not call it nothing is tried, and only the
/// encoders that run on the processor are used.
pub fn child_main() {
    if std::env::var_os(SVT_LOG).is_none() {
        // SAFETY: `main` has just begun and has started no thread that could read the environment meanwhile.
        unsafe { std::env::set_var(SVT_LOG, ERRORS) };
    }
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().as_deref() == Some(OsStr::new(ARGUMENT)) {
        let name = arguments.next().unwrap_or_default();
        let parent = arguments.next().and_then(|parent| parent.to_str()?.parse().ok());
        child::run(&name.to_string_lossy(), parent);
    }
    if let Ok(program) = std::env::current_exe() {
        // A second call finds the same program.
        let _ = PROGRAM.set(program);
    }
}

/// Knows which encoders work, or finds out.
#[derive(Debug)]
pub(crate) struct Prober {
    program: Option<PathBuf>,
    memory: Option<Memory>,
    forgetful: bool,
}

impl Prober {
    /// One that starts this program again, if its `main` provides for that.
    pub(crate) fn of_this_program() -> Prober {
        Prober { program: PROGRAM.get().cloned(), memory: Memory::of_this_user(), forgetful: false }
    }

    /// One that tries everything anew.
    pub(crate) fn forgetful(self) -> Prober {
        Prober { forgetful: true, ..self }
    }

    /// Whether `known` works; if not, why in words.
    pub(crate) fn verdict(&self, known: &'static Known) -> Result<(), String> {
        self.verdicts(&[known]).pop().unwrap_or(Ok(()))
    }

    /// As [`Prober::verdict`] for several, of which some are tried at the same time.
    pub(crate) fn verdicts(&self, known: &[&'static Known]) -> Vec<Result<(), String>> {
        let now = now();
        let remembered = self.memory.as_ref().map(Memory::read).unwrap_or_default();
        let verdicts: Vec<_> = known.iter().map(|known| self.at_once(known, &remembered, now)).collect();
        let unknown: Vec<_> = known
            .iter()
            .zip(&verdicts)
            .filter(|(_, verdict)| verdict.is_none())
            .map(|(known, _)| *known)
            .collect();
        let mut tried = self.try_all(&unknown);
        if let (Some(memory), false) = (&self.memory, tried.is_empty()) {
            let verdicts = unknown.iter().zip(&tried).map(|(known, verdict)| {
                let (driver, reason) = (identity::of(known.family), verdict.clone().err());
                (known.name, Verdict { driver, reason, tried_at: now })
            });
            memory.add(verdicts.collect());
        }
        let mut tried = tried.drain(..);
        verdicts.into_iter().map(|verdict| verdict.or_else(|| tried.next()).unwrap_or(Ok(()))).collect()
    }

    /// An encoder that worked in its trial failed on air: a driver that does so once is not taken again for as long as
    /// a refusal is believed. A program that tries none remembers none either.
    pub(crate) fn remember_failure(&self, known: &'static Known, failure: &crate::Error) {
        let (Some(memory), Some(_)) = (&self.memory, &self.program) else { return };
        let reason = Some(format!("it failed in the middle of a broadcast: {failure}"));
        memory
            .add(vec![(known.name, Verdict { driver: identity::of(known.family), reason, tried_at: now() })]);
    }

    /// Tries all of them, [`AT_ONCE`] at a time.
    fn try_all(&self, known: &[&'static Known]) -> Vec<Result<(), String>> {
        let next = AtomicUsize::new(0);
        let verdicts: Vec<OnceLock<Result<(), String>>> = known.iter().map(|_| OnceLock::new()).collect();
        std::thread::scope(|scope| {
            for _ in 0..AT_ONCE.min(known.len()) {
                scope.spawn(|| {
                    while let Some(index) =
                        Some(next.fetch_add(1, Ordering::Relaxed)).filter(|&at| at < known.len())
                    {
                        // Every index is handed out once.
                        let _ = verdicts[index].set(self.tried(known[index]));
                    }
                });
            }
        });
        let missing = || Err("its trial gave no verdict".to_owned());
        verdicts.into_iter().map(|verdict| verdict.into_inner().unwrap_or_else(missing)).collect()
    }

    /// What can be said without trying it now.
    fn at_once(
        &self,
        known: &'static Known,
        remembered: &memory::Verdicts,
        now: u64,
    ) -> Option<Result<(), String>> {
        if let Some(reason) = known.obvious_refusal() {
            return Some(Err(reason));
        }
        if self.program.is_none() {
            let alone = "it was not tried: this program cannot start itself again to try it";
            return Some(if known.family.is_software() { Ok(()) } else { Err(alone.to_owned()) });
        }
        let verdict = remembered.get(known.name).filter(|_| !self.forgetful)?;
        // A refusal may have had a passing cause, such as graphics that were busy. The processor's encoders are what is
        // left when nothing else works: they are never refused from memory.
        let stale = verdict.reason.is_some()
            && (known.family.is_software() || now.saturating_sub(verdict.tried_at) > REFUSAL_SECONDS);
        (!stale && verdict.driver == identity::of(known.family)).then(|| match &verdict.reason {
            None => Ok(()),
            Some(reason) => Err(reason.clone()),
        })
    }

    fn tried(&self, known: &'static Known) -> Result<(), String> {
        let program = self.program.as_deref().unwrap_or_else(|| std::path::Path::new(""));
        let verdict = parent::try_out(program, known.name, known.limit());
        if let Err(reason) = &verdict {
            tracing::debug!(encoder = known.name, reason, "encoder refused");
        }
        verdict
    }
}

/// Unix time in seconds.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// How much SVT-AV1 says on standard error, where FFmpeg cannot stop it; by default two dozen lines each time.
const SVT_LOG: &str = "SVT_LOG";

/// Only what went wrong.
const ERRORS: &str = "1";

/// The program to start again; one for the process, as its `main` is.
static PROGRAM: OnceLock<PathBuf> = OnceLock::new();

/// The hidden argument that makes a program try the encoder named after it.
const ARGUMENT: &str = "--try-encoder";

/// Trials at one time: one that hangs holds up no other, and a small machine is not so busy that good ones are late.
const AT_ONCE: usize = 3;

/// A day: how long a refusal is believed.
const REFUSAL_SECONDS: u64 = 24 * 60 * 60;

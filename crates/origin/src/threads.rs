//! Threads of the media path: of publishers, and of players of plain live media.
//!
//! What a packet or a request needs here takes microseconds. A runtime of several threads adds a wake-up of a thread
//! that is free to each, and where two processors send the same media at a time, they wait for each other in the
//! kernel: that was a fifth to two fifths of what players cost. So a few threads have it to themselves, and a
//! connection stays where it is.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;

use tokio::runtime::{Builder, Handle};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Threads with a runtime each. They end when this is dropped, and with them what still runs on them.
#[derive(Debug)]
pub(crate) struct Threads {
    runtimes: Vec<Handle>,
    next: AtomicUsize,
    /// Before the threads, which wait for it.
    _end: DropGuard,
    _threads: Vec<Joined>,
}

impl Threads {
    /// Starts them, with their names.
    ///
    /// # Errors
    /// When the system gives none.
    pub(crate) fn start(name: &str) -> io::Result<Threads> {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Threads::of(name, (processors / PROCESSORS_EACH).clamp(1, THREADS_MAX))
    }

    fn of(name: &str, count: usize) -> io::Result<Threads> {
        let end = CancellationToken::new();
        let (mut runtimes, mut threads) = (Vec::new(), Vec::new());
        let guard = end.clone().drop_guard();
        for number in 0..count {
            let runtime = Builder::new_current_thread().enable_all().build()?;
            runtimes.push(runtime.handle().clone());
            let (name, end) = (format!("{name}-{number}"), end.clone());
            let thread = std::thread::Builder::new().name(name);
            let thread = thread.spawn(move || {
                runtime.block_on(end.cancelled_owned());
                // A picture that is being made is not waited for.
                runtime.shutdown_background();
            });
            threads.push(Joined(Some(thread?)));
        }
        Ok(Threads { runtimes, next: AtomicUsize::new(0), _end: guard, _threads: threads })
    }

    /// The one whose turn it is.
    pub(crate) fn next(&self) -> &Handle {
        &self.runtimes[self.next.fetch_add(1, Ordering::Relaxed) % self.runtimes.len()]
    }
}

/// A thread that is waited for when this is dropped.
#[derive(Debug)]
struct Joined(Option<JoinHandle<()>>);

impl Drop for Joined {
    fn drop(&mut self) {
        if let Some(thread) = self.0.take() {
            // A panic in a task does not reach it.
            let _ = thread.join();
        }
    }
}

/// One serves tens of gigabits per second, or hundreds of publishers.
const PROCESSORS_EACH: usize = 4;
const THREADS_MAX: usize = 8;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::mpsc;
    use std::thread::{self, ThreadId};

    use super::*;

    fn thread_of(runtime: &Handle) -> ThreadId {
        let (tell, told) = mpsc::channel();
        runtime.spawn(async move { tell.send(thread::current().id()).unwrap() });
        told.recv().unwrap()
    }

    #[test]
    fn each_turn_is_another_thread_until_all_had_theirs() {
        let threads = Threads::of("test", 3).unwrap();
        let first: Vec<ThreadId> = (0..3).map(|_| thread_of(threads.next())).collect();
        assert_eq!(first.iter().collect::<HashSet<_>>().len(), 3);
        let again: Vec<ThreadId> = (0..3).map(|_| thread_of(threads.next())).collect();
        assert_eq!(again, first);
    }

    #[test]
    fn what_still_runs_ends_with_them() {
        let threads = Threads::of("test", 3).unwrap();
        let (held, gone) = mpsc::channel::<()>();
        let (tell, told) = mpsc::channel();
        threads.next().spawn(async move {
            tell.send(()).unwrap();
            std::future::pending::<()>().await;
            drop(held);
        });
        told.recv().unwrap();
        drop(threads);
        assert_eq!(gone.recv(), Err(mpsc::RecvError));
    }
}

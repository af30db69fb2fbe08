//! What may hang in a driver or a server, with a limit.

use std::sync::mpsc;
use std::time::Duration;

/// Calls `body` on a thread of its own and waits at most `limit` for its answer; `None` when it took longer, or
/// panicked. A thread that hangs is left behind: nothing can end it, and nobody may wait for it.
pub(crate) fn within<T: Send + 'static>(
    limit: Duration,
    name: &'static str,
    body: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let (answer, receiver) = mpsc::sync_channel(1);
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        // Nobody waits any more when the limit has passed.
        let _ = answer.send(body());
    });
    if let Err(error) = thread {
        tracing::warn!(thread = name, %error, "no thread");
        return None;
    }
    receiver.recv_timeout(limit).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_in_time_is_given() {
        assert_eq!(within(Duration::from_secs(60), "answers", || 5), Some(5));
    }

    #[test]
    fn what_hangs_or_panics_gives_no_answer() {
        let (_held, hanging) = mpsc::channel::<()>();
        assert!(within(Duration::from_millis(1), "hangs", move || hanging.recv()).is_none());
    }
}

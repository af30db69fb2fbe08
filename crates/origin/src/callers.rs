//! Open connections that somebody's account opened, so that they end when the account may no longer, or may something else.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio_util::sync::CancellationToken;

/// What opened a connection, by its number in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opened {
    /// A browser's cookie.
    Session(i64),
    /// An API token.
    Token(i64),
}

/// What a connection is open for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A room's chat, where its account goes by the name that it came with.
    Chat,
    Publishing,
}

/// The open connections of all accounts. Bounded by the rooms' limits of connections.
#[derive(Debug, Default)]
pub(crate) struct Callers(Arc<Mutex<Lines>>);

#[derive(Debug, Default)]
struct Lines {
    next: u64,
    by_account: HashMap<i64, Vec<Line>>,
}

#[derive(Debug)]
struct Line {
    number: u64,
    opened: Option<Opened>,
    purpose: Purpose,
    hung_up: CancellationToken,
}

/// One open connection; dropping it takes it off the list.
#[derive(Debug)]
pub(crate) struct Call {
    account: i64,
    number: u64,
    hung_up: CancellationToken,
    lines: Arc<Mutex<Lines>>,
}

impl Callers {
    /// Notes a connection of an account, opened with a session or with a token.
    pub(crate) fn note(&self, account: i64, opened: Option<Opened>, purpose: Purpose) -> Call {
        let hung_up = CancellationToken::new();
        let mut lines = lock(&self.0);
        lines.next += 1;
        let number = lines.next;
        let line = Line { number, opened, purpose, hung_up: hung_up.clone() };
        lines.by_account.entry(account).or_default().push(line);
        Call { account, number, hung_up, lines: Arc::clone(&self.0) }
    }

    /// Ends all connections of an account: its rights are others now.
    pub(crate) fn hang_up(&self, account: i64) {
        self.hang_up_where(account, |_| true);
    }

    /// Ends the chats of an account: its name is another now, and it comes back under that. Who publishes goes on.
    pub(crate) fn hang_up_chats(&self, account: i64) {
        self.hang_up_where(account, |line| line.purpose == Purpose::Chat);
    }

    /// Ends the connections that one session opened; without one, those of every session of the account.
    pub(crate) fn hang_up_session(&self, account: i64, session: Option<i64>) {
        self.hang_up_where(account, |line| match session {
            Some(session) => line.opened == Some(Opened::Session(session)),
            None => matches!(line.opened, Some(Opened::Session(_))),
        });
    }

    /// Ends the connections that a token opened.
    pub(crate) fn hang_up_token(&self, account: i64, token: i64) {
        self.hang_up_where(account, |line| line.opened == Some(Opened::Token(token)));
    }

    fn hang_up_where(&self, account: i64, ends: impl Fn(&Line) -> bool) {
        for line in lock(&self.0).by_account.get(&account).into_iter().flatten() {
            if ends(line) {
                line.hung_up.cancel();
            }
        }
    }
}

impl Call {
    /// Whose it is.
    pub(crate) fn account(&self) -> i64 {
        self.account
    }

    /// Done when the connection has to end.
    pub(crate) async fn hung_up(&self) {
        self.hung_up.cancelled().await;
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let mut lines = lock(&self.lines);
        if let Some(open) = lines.by_account.get_mut(&self.account) {
            open.retain(|line| line.number != self.number);
            if open.is_empty() {
                lines.by_account.remove(&self.account);
            }
        }
    }
}

fn lock(lines: &Mutex<Lines>) -> MutexGuard<'_, Lines> {
    lines.lock().expect("nothing panics while it holds the list")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(call: &Call) -> bool {
        call.hung_up.is_cancelled()
    }

    #[test]
    fn a_session_ends_its_own_connections_and_an_account_all() {
        let callers = Callers::default();
        let note = |account, opened| callers.note(account, opened, Purpose::Chat);
        let session = |account, session| note(account, Some(Opened::Session(session)));
        let (first, second, other) = (session(1, 10), session(1, 11), session(2, 12));
        let (program, token) = (note(1, None), note(1, Some(Opened::Token(10))));
        callers.hang_up_session(1, Some(10));
        assert_eq!([&first, &second, &program, &other].map(ended), [true, false, false, false]);
        callers.hang_up_session(1, None);
        assert_eq!([&second, &program, &other].map(ended), [true, false, false]);
        assert!(!ended(&token));
        callers.hang_up_token(1, 10);
        assert_eq!([&program, &token].map(ended), [false, true]);
        callers.hang_up(1);
        assert_eq!([&program, &other].map(ended), [true, false]);
        drop((first, second, program, token, other));
        assert!(lock(&callers.0).by_account.is_empty());
    }

    #[test]
    fn another_name_ends_chats_and_no_broadcast() {
        let callers = Callers::default();
        let (chat, publisher) =
            (callers.note(1, None, Purpose::Chat), callers.note(1, None, Purpose::Publishing));
        callers.hang_up_chats(1);
        assert_eq!([&chat, &publisher].map(ended), [true, false]);
    }
}

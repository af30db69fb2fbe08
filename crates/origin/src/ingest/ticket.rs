//! What a browser shows in place of a stream key where it can send no header: a WebSocket.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use tokio::time::Instant;

use crate::secret::{self, Digest};

/// Tickets that were given out and not used: each is good once, for [`Tickets::LIFETIME`].
///
/// At most [`TICKETS_MAX`]; one more drops the oldest, whose browser then asks for another.
#[derive(Debug, Default)]
pub(crate) struct Tickets(Mutex<VecDeque<Ticket>>);

#[derive(Debug)]
struct Ticket {
    digest: Digest,
    /// The stream key that it was given for.
    key: Digest,
    until: Instant,
}

impl Tickets {
    /// From the answer with the ticket to the WebSocket that follows at once.
    pub(crate) const LIFETIME: Duration = Duration::from_secs(30);

    /// A ticket for whoever showed `key`.
    pub(crate) fn issue(&self, key: Digest) -> String {
        let ticket = secret::random();
        let mut tickets = self.valid();
        if tickets.len() == TICKETS_MAX {
            tickets.pop_front();
        }
        let until = Instant::now() + Tickets::LIFETIME;
        tickets.push_back(Ticket { digest: Digest::of(&ticket), key, until });
        ticket
    }

    /// The key that a ticket stands for; it is used up by that.
    pub(crate) fn redeem(&self, ticket: &str) -> Option<Digest> {
        let digest = Digest::of(ticket);
        let mut tickets = self.valid();
        let at = tickets.iter().position(|ticket| ticket.digest == digest)?;
        tickets.remove(at).map(|ticket| ticket.key)
    }

    fn valid(&self) -> MutexGuard<'_, VecDeque<Ticket>> {
        let mut tickets = self.0.lock().expect("nothing panics while it holds the tickets");
        let now = Instant::now();
        tickets.retain(|ticket| ticket.until > now);
        tickets
    }
}

/// Tickets at a time: each is held for a fraction of a second.
const TICKETS_MAX: usize = 1_024;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_ticket_is_good_once_and_for_a_short_while() {
        let (tickets, key) = (Tickets::default(), Digest::of("key"));
        let ticket = tickets.issue(key);
        assert_eq!(tickets.redeem("another"), None);
        assert_eq!(tickets.redeem(&ticket), Some(key));
        assert_eq!(tickets.redeem(&ticket), None);
        let late = tickets.issue(key);
        tokio::time::advance(Tickets::LIFETIME).await;
        assert_eq!(tickets.redeem(&late), None);
    }

    #[tokio::test]
    async fn too_many_tickets_drop_the_oldest() {
        let tickets = Tickets::default();
        let given: Vec<String> = (0..=TICKETS_MAX).map(|_| tickets.issue(Digest::of("key"))).collect();
        assert_eq!(tickets.redeem(&given[0]), None);
        assert!(tickets.redeem(&given[1]).is_some());
    }
}

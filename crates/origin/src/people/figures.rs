//! The figures of a broadcast that runs: noted now and then, so that a killed origin knows them when it starts again, and
//! written down at a stop.

use std::time::Duration;

use futures_util::StreamExt as _;
use rooms::{Command, Effect};
use tokio::time::Instant;

use super::room_task::{Seats, Task};
use crate::store::StoreError;

/// What was noted of the broadcast that runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Noted {
    peak: u32,
    at: Instant,
}

impl Task {
    /// Notes who watched so far, when nothing is noted yet, the peak is another, or the note is old.
    pub(super) fn note_figures(&self, seats: &mut Seats) {
        let now = self.clock.now();
        let Some(audience) = seats.room.audience(now) else { return };
        let known = |noted: Noted| noted.peak == audience.peak && noted.at.elapsed() < NOTE_EVERY;
        if seats.noting.is_some() || seats.noted.is_some_and(known) {
            return;
        }
        seats.noted = Some(Noted { peak: audience.peak, at: Instant::now() });
        let (store, room) = (self.store.clone(), self.record.id);
        let note = async move { store.note_on_air(room, audience, now.unix_ms).await };
        seats.noting = Some(Box::pin(note));
    }

    pub(super) fn figures_noted(&self, seats: &mut Seats, noted: Result<(), StoreError>) {
        seats.noting = None;
        if let Err(error) = noted {
            tracing::warn!(room = %self.record.slug, %error, "who watches was not noted");
        }
    }

    /// The origin stops: a broadcast that runs is over, and what is on its way to the store arrives there.
    pub(super) async fn stop(&self, seats: &mut Seats) {
        seats.forget_figures();
        seats.room.handle_input(self.clock.now(), Command::Stop);
        while let Some(effect) = seats.room.poll_output() {
            // Nobody is told any more: whoever was here comes back to the next start, and is told then.
            if let Effect::Persist(entry) = effect {
                self.append(seats, entry);
            }
        }
        while let Some((seq, stored)) = seats.commits.next().await {
            if let Err(error) = stored {
                tracing::warn!(room = %self.record.slug, seq, %error, "a line was not stored at the stop");
            }
        }
    }
}

impl Seats {
    /// The broadcast ends. A note that is not on its way yet must not come after its end.
    pub(super) fn forget_figures(&mut self) {
        (self.noting, self.noted) = (None, None);
    }
}

/// How old what is noted may become: a killed origin knows the average up to here, and the peak up to a second.
const NOTE_EVERY: Duration = Duration::from_secs(60);

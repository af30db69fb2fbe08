//! What every protocol's publishers share once their key is known: the lease, how long they may be silent,
//! and the ways in which they have to go.

use std::time::Duration;

use media::MediaEvent;
use thiserror::Error;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::facts::{Protocol, SrtFacts, WarningKind};
use crate::secret::Digest;
use crate::state::Shared;
use crate::store::RoomRecord;
use crate::streams::{Dismissal, Lease, Refusal};

/// A publisher that was let in.
#[derive(Debug)]
pub(super) struct Intake {
    lease: Lease,
    deadline: Instant,
}

/// Why a publisher that was let in has to go.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(crate) enum Stop {
    #[error("{}", dismissal_words(*.0))]
    Dismissed(Dismissal),
    #[error("no media in time")]
    Silent,
    #[error("the origin stops")]
    Shutdown,
}

impl Intake {
    /// Lets in whoever brought the room's key, or may publish without one. One that publishes already is dismissed,
    /// and waited for, unless the room refuses a second one.
    pub(super) async fn open(
        shared: &Shared,
        room: &RoomRecord,
        key: impl Into<Option<Digest>>,
        protocol: Protocol,
    ) -> Result<Intake, Refusal> {
        let key = key.into();
        shared.people.open(room, shared);
        let lease = shared.streams.open(&room.slug).admit(shared.doors.get(&room.slug), key).await?;
        lease.note_protocol(protocol);
        Ok(Intake { lease, deadline: Instant::now() + FIRST_MEDIA_MAX })
    }

    /// Packages one event.
    ///
    /// # Errors
    /// What the packager says of it.
    pub(super) fn push(&mut self, event: MediaEvent) -> Result<(), hls::Error> {
        self.lease.push(event)
    }

    /// Media has come: the next is waited for from now.
    pub(super) fn heard(&mut self) {
        self.lease.hear();
        self.deadline = Instant::now() + IDLE_MAX;
    }

    /// Notes how many pictures were lost to viewers so far.
    pub(super) fn set_dropped(&self, frames: u64) {
        self.lease.set_dropped(frames);
    }

    /// Tells the publisher and the admins something in words, see [`Lease::warn`].
    pub(super) fn warn(&self, kind: WarningKind, text: String) {
        self.lease.warn(Some(kind), text);
    }

    /// Tells them how the connection does.
    pub(super) fn note_srt(&self, facts: SrtFacts) {
        self.lease.note_srt(facts);
    }

    /// Waits for `work`, unless the publisher has to go first.
    pub(super) async fn attend<T>(
        &self,
        shutdown: &CancellationToken,
        work: impl Future<Output = T>,
    ) -> Result<T, Stop> {
        tokio::select! {
            biased;
            dismissal = self.lease.dismissed() => Err(Stop::Dismissed(dismissal)),
            () = shutdown.cancelled() => Err(Stop::Shutdown),
            done = timeout_at(self.deadline, work) => done.map_err(|_| Stop::Silent),
        }
    }

    /// The publisher said that it has finished: viewers are told at once.
    pub(super) fn finish(self) {
        self.lease.finish();
    }
}

fn dismissal_words(dismissal: Dismissal) -> &'static str {
    match dismissal {
        Dismissal::TakenOver => "a newer publisher took over",
        Dismissal::KeyChanged => "the stream key was changed",
        Dismissal::Ended => "the broadcast was ended",
    }
}

/// From the connection to the stream key, and from there to the first media.
pub(super) const FIRST_MEDIA_MAX: Duration = Duration::from_secs(20);
/// Between two pieces of media; longer is a dead connection or a stopped encoder.
const IDLE_MAX: Duration = Duration::from_secs(10);

//! What every protocol's publishers share once their key is known: the lease, how long they may be silent,
//! and the ways in which they have to go.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use media::MediaEvent;
use thiserror::Error;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::facts::{Protocol, SrtFacts, WarningKind};
use crate::secret::Digest;
use crate::state::Shared;
use crate::store::RoomRecord;
use crate::streams::{Dismissal, Lease, Refusal};

/// A publisher that was let in.
pub(super) struct Intake {
    lease: Lease,
    deadline: Instant,
    /// Done when the publisher has to go. It waits all the time: a publisher sends some 75 packets a second, and taking
    /// a place among those who wait, and leaving it, for each of them would cost as much as reading it.
    leaving: Pin<Box<dyn Future<Output = Stop> + Send>>,
    /// Done at the deadline of some time ago.
    silence: Pin<Box<Sleep>>,
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
        let deadline = Instant::now() + FIRST_MEDIA_MAX;
        let (dismissed, shutdown) = (lease.dismissed(), shared.shutdown.clone());
        let leaving = Box::pin(async move {
            tokio::select! {
                biased;
                dismissal = dismissed => Stop::Dismissed(dismissal),
                () = shutdown.cancelled() => Stop::Shutdown,
            }
        });
        Ok(Intake { lease, deadline, leaving, silence: Box::pin(sleep_until(deadline)) })
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

    /// Waits for `work`, unless the publisher has to go first; then it is not asked again.
    pub(super) async fn attend<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Stop> {
        let mut work = pin!(work);
        poll_fn(|cx| {
            if let Poll::Ready(stop) = self.leaving.as_mut().poll(cx) {
                return Poll::Ready(Err(stop));
            }
            if let Poll::Ready(done) = work.as_mut().poll(cx) {
                return Poll::Ready(Ok(done));
            }
            self.poll_silence(cx).map(|()| Err(Stop::Silent))
        })
        .await
    }

    /// Done when the publisher was silent for too long.
    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            ready!(self.silence.as_mut().poll(cx));
            if self.deadline <= Instant::now() {
                return Poll::Ready(());
            }
            self.silence.as_mut().reset(self.deadline);
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

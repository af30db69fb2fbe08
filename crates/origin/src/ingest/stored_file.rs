//! A stored file as a publisher: read ahead by a second, paced by the origin's clock, let in by the same door as
//! everybody else.

use std::sync::Arc;
use std::time::Duration;

use container::stored;
use media::{MediaEvent, Packet, Span, Timestamp, Track};
use thiserror::Error;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use super::intake::{Intake, Stop};
use crate::facts::{Protocol, WarningKind};
use crate::state::Shared;
use crate::store::{RoomRecord, StoreError};
use crate::streams::{Dismissal, Refusal};
use crate::uploads::{Batch, Ended, Position, Source, SourceError, turned_words};

/// What is played, and who follows it.
#[derive(Debug)]
pub(crate) struct Playing {
    pub(crate) source: Source,
    /// Whether it begins anew at its end.
    pub(crate) repeat: bool,
    pub(crate) position: Arc<Position>,
}

/// How a file's broadcast ended.
#[derive(Debug, Error)]
pub(crate) enum End {
    #[error("the file was played to its end")]
    Finished,
    #[error("{0}")]
    NotAdmitted(#[from] Refusal),
    #[error("{0}")]
    Stopped(#[from] Stop),
    #[error("{0}")]
    Source(#[from] SourceError),
    #[error("the media cannot be packaged: {0}")]
    Media(#[from] hls::Error),
    #[error("the room is gone")]
    NoRoom,
    #[error("{0}")]
    Store(StoreError),
}

impl End {
    /// The same for the file's owner.
    pub(crate) fn ended(&self) -> Ended {
        match self {
            End::Finished => Ended::Finished,
            End::NotAdmitted(Refusal::TakenOver) | End::Stopped(Stop::Dismissed(Dismissal::TakenOver)) => {
                Ended::TakenOver
            }
            End::Stopped(Stop::Dismissed(_)) => Ended::Ended,
            End::Stopped(Stop::Shutdown) => Ended::OriginStopped,
            _ => Ended::Failed,
        }
    }
}

/// Publishes a file to its end.
pub(crate) async fn publish(shared: &Shared, room: &RoomRecord, playing: Playing) -> End {
    let mut intake = match Intake::open(shared, room, None, Protocol::File).await {
        Ok(intake) => intake,
        Err(refusal) => return refusal.into(),
    };
    tracing::info!(room = %room.slug, "file on air");
    let end = play(&mut intake, playing).await.unwrap_or_else(|end| end);
    if matches!(end, End::Finished) {
        intake.finish();
    }
    end
}

async fn play(intake: &mut Intake, playing: Playing) -> Result<End, End> {
    let Playing { source, repeat, position } = playing;
    let mut pace = Pace::default();
    let mut reading = read_on(source);
    loop {
        let (source, batch) = intake.attend(reading).await?.map_err(|_| Stop::Shutdown)?;
        let Batch { events, last } = batch?;
        note(intake, &source);
        let next = match (last, repeat) {
            (false, _) => Some(read_on(source)),
            (true, true) => Some(read_on(source.again().map_err(SourceError::Disk)?)),
            (true, false) => None,
        };
        for event in events {
            let Some(event) = pace.take(event) else { continue };
            if let MediaEvent::Packet(packet) = &event {
                wait(intake, pace.due(packet.dts)).await?;
                position.set(pace.position_ms(packet.dts));
            }
            intake.push(event)?;
        }
        match next {
            Some(next) => {
                if last {
                    pace.begin_anew();
                }
                reading = next;
            }
            None => {
                wait(intake, pace.due(pace.ends)).await?;
                return Ok(End::Finished);
            }
        }
    }
}

/// Reads the next second while this one is played.
fn read_on(mut source: Source) -> JoinHandle<(Source, Result<Batch, SourceError>)> {
    tokio::task::spawn_blocking(move || {
        let batch = source.batch();
        (source, batch)
    })
}

/// Waits until a moment, which is no silence: the file says when its media is due.
async fn wait(intake: &mut Intake, until: Instant) -> Result<(), Stop> {
    loop {
        let next = until.min(Instant::now() + AWAKE_INTERVAL);
        if next > Instant::now() {
            intake.attend(sleep_until(next)).await?;
        }
        intake.heard();
        if next == until {
            return Ok(());
        }
    }
}

/// Tells the owner what there is to know of the file, as of any publisher.
fn note(intake: &Intake, source: &Source) {
    intake.set_dropped(source.dropped_pictures());
    if let Some(words) = turned_words(source.turned()) {
        intake.warn(WarningKind::Turned, words);
    }
    for warning in source.warnings() {
        let kind = match &warning {
            stored::Warning::Mp4(warning) => WarningKind::Fmp4(std::mem::discriminant(warning)),
            stored::Warning::Mpegts(warning) => WarningKind::Mpegts(std::mem::discriminant(warning)),
            stored::Warning::Flv(warning) => WarningKind::Flv(std::mem::discriminant(warning)),
        };
        intake.warn(kind, warning.to_string());
    }
}

/// When each packet is due. A file that begins anew goes on where it ended.
#[derive(Debug, Default)]
struct Pace {
    /// A moment, and the time of the media that was due then.
    anchor: Option<(Instant, Timestamp)>,
    tracks: Option<Arc<[Track]>>,
    /// Where the file's own times begin.
    begins: Option<Timestamp>,
    /// Where the media so far ends.
    ends: Timestamp,
    /// Added to the file's times since it began anew.
    shift: Span,
    /// The last picture, for how long the next one lasts.
    last_picture: Option<Timestamp>,
}

impl Pace {
    /// Puts an event on the clock that goes on; `None` for tracks that are known.
    fn take(&mut self, event: MediaEvent) -> Option<MediaEvent> {
        match event {
            MediaEvent::Tracks(tracks) if self.tracks.as_ref() == Some(&tracks) => None,
            MediaEvent::Tracks(tracks) => {
                self.tracks = Some(Arc::clone(&tracks));
                Some(MediaEvent::Tracks(tracks))
            }
            MediaEvent::Packet(packet) => {
                self.begins.get_or_insert(packet.dts);
                let (dts, pts) = (packet.dts + self.shift, packet.pts + self.shift);
                let packet = Packet { dts, pts, ..packet };
                self.ends = self.ends.max(dts + self.lasts(&packet));
                Some(MediaEvent::Packet(packet))
            }
            MediaEvent::End(_) => None,
        }
    }

    /// When media of this time is due. A gap that would make the room fall silent is not waited for.
    fn due(&mut self, at: Timestamp) -> Instant {
        let (moment, time) = *self.anchor.get_or_insert_with(|| (Instant::now(), at));
        let due = moment + Duration::from(at - time);
        if due <= Instant::now() + GAP_MAX {
            return due;
        }
        let now = Instant::now();
        self.anchor = Some((now, at));
        now
    }

    /// The file's own time, from its beginning.
    fn position_ms(&self, at: Timestamp) -> i64 {
        self.begins.map_or(0, |begins| (at - self.shift - begins).as_millis())
    }

    fn begin_anew(&mut self) {
        let Some(begins) = self.begins else { return };
        self.shift = self.ends.max(begins + self.shift + ROUND_MIN) - begins;
        self.last_picture = None;
    }

    fn lasts(&mut self, packet: &Packet) -> Span {
        let tracks = self.tracks.as_deref().unwrap_or_default();
        let track = tracks.iter().find(|track| track.id == packet.track);
        match track.and_then(|track| track.codec.sound_duration(&packet.data)) {
            Some(sound) => sound,
            None => {
                let last = self.last_picture.replace(packet.dts);
                last.map_or(Span::ZERO, |last| packet.dts - last).min(PICTURE_MAX)
            }
        }
    }
}

/// While nothing is due, the intake hears so often that the file is still there.
const AWAKE_INTERVAL: Duration = Duration::from_secs(2);
/// As long as any other publisher may be silent: viewers would take the room for broken.
const GAP_MAX: Duration = Duration::from_secs(10);
/// A file that begins anew lasts so long at least, whatever its times say.
const ROUND_MIN: Span = Span::from_millis(100);
/// How long the last picture is shown, at most.
const PICTURE_MAX: Span = Span::from_secs(1);

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use media::TrackId;

    use super::*;

    fn packet(ms: i64) -> MediaEvent {
        let (at, data) = (Timestamp::from_millis(ms), Bytes::from_static(b"x"));
        MediaEvent::Packet(Packet { track: TrackId(0), dts: at, pts: at, random_access: true, data })
    }

    fn dts(event: Option<MediaEvent>) -> Timestamp {
        match event {
            Some(MediaEvent::Packet(packet)) => packet.dts,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn media_is_due_as_long_after_the_first_as_its_times_say() {
        let (mut pace, begun) = (Pace::default(), Instant::now());
        for ms in [5_000, 5_040, 9_000, 14_000] {
            let at = dts(pace.take(packet(ms)));
            let due = pace.due(at);
            tokio::time::sleep_until(due).await;
            assert_eq!(begun.elapsed().as_millis() as i64, ms - 5_000);
            assert_eq!(pace.position_ms(at), ms - 5_000);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_gap_of_half_an_hour_is_not_waited_for() {
        let mut pace = Pace::default();
        for ms in [0, 1_800_000, 1_800_040] {
            let at = dts(pace.take(packet(ms)));
            tokio::time::sleep_until(pace.due(at)).await;
        }
        let at = dts(pace.take(packet(1_800_080)));
        assert_eq!(pace.due(at) - Instant::now(), Duration::from_millis(40));
    }

    #[test]
    fn a_file_that_begins_anew_goes_on_where_it_ended() {
        let mut pace = Pace::default();
        let round = [7_000, 7_040, 7_080];
        let first: Vec<Timestamp> = round.iter().map(|ms| dts(pace.take(packet(*ms)))).collect();
        pace.begin_anew();
        let second: Vec<Timestamp> = round.iter().map(|ms| dts(pace.take(packet(*ms)))).collect();
        assert_eq!(second[0] - first[2], Span::from_millis(40));
        assert_eq!(second[2] - second[0], Span::from_millis(80));
        assert_eq!(pace.position_ms(second[1]), 40);
    }
}

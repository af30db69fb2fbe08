//! HE-AAC that does not say so: found by a look at its first access units, and announced to everything that follows.
//!
//! Over SRT nothing can announce it, and over RTMP few do; browsers leave the upper band of such sound away.

use std::sync::{Arc, Mutex, PoisonError};

use encode::UpperBand;
use media::{Aac, Codec, MediaEvent, Packet, Span, Timestamp, Track, TrackId};

/// The sound of one publisher's stream that may have an upper band.
#[derive(Debug, Default)]
pub(super) struct Announced {
    looking: Option<Looking>,
    /// What was looked at, and what is announced for it.
    known: Option<(Candidate, bool)>,
}

/// A track that may have an upper band.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Candidate {
    track: TrackId,
    plain: Aac,
    with_sbr: Aac,
}

/// The stream's beginning, until it is known what its sound is.
#[derive(Debug)]
struct Looking {
    candidate: Candidate,
    /// Locked by nobody: the lock only lets it be referred to from several threads.
    decoder: Mutex<UpperBand>,
    held: Vec<MediaEvent>,
    begun: Option<Timestamp>,
    units: u32,
}

/// Every access unit of HE-AAC has its band; the first of a stream may be a remainder.
const UNITS_MAX: u32 = 3;
/// Sound that begins later than the picture by more than this is not waited for.
const HELD_MAX: Span = Span::from_millis(500);

impl Announced {
    /// What takes the place of an event; `None` where it goes on as it is.
    pub(super) fn take(&mut self, event: &MediaEvent) -> Option<Vec<MediaEvent>> {
        match event {
            MediaEvent::Tracks(tracks) => self.tracks(tracks),
            MediaEvent::Packet(packet) => {
                let looking = self.looking.as_mut()?;
                looking.held.push(event.clone());
                let found = looking.look(packet);
                Some(found.map_or_else(Vec::new, |found| self.decide(found)))
            }
            MediaEvent::End(_) => {
                let mut events = self.looking.take()?.held;
                events.push(event.clone());
                Some(events)
            }
        }
    }

    fn tracks(&mut self, tracks: &Arc<[Track]>) -> Option<Vec<MediaEvent>> {
        let event = MediaEvent::Tracks(Arc::clone(tracks));
        let before = self.looking.take().map(|looking| looking.held);
        let with = |mut events: Vec<MediaEvent>, event| {
            events.push(event);
            events
        };
        let Some(candidate) = tracks.iter().find_map(Candidate::of) else {
            return before.map(|before| with(before, event));
        };
        match &self.known {
            Some((known, true)) if *known == candidate => {
                Some(with(before.unwrap_or_default(), known.announce(&event)))
            }
            Some((known, false)) if *known == candidate => before.map(|before| with(before, event)),
            _ => match UpperBand::open(&candidate.plain) {
                Ok(decoder) => {
                    let decoder = Mutex::new(decoder);
                    let looking = Looking { candidate, decoder, held: vec![event], begun: None, units: 0 };
                    self.looking = Some(looking);
                    Some(before.unwrap_or_default())
                }
                Err(error) => {
                    tracing::warn!(%error, "sound cannot be looked at for its upper band");
                    before.map(|before| with(before, event))
                }
            },
        }
    }

    fn decide(&mut self, has_band: bool) -> Vec<MediaEvent> {
        let Some(Looking { candidate, held, .. }) = self.looking.take() else { return Vec::new() };
        let events = if has_band {
            tracing::info!(
                core = candidate.plain.sample_rate,
                "the sound is HE-AAC, which was not announced"
            );
            held.iter().map(|event| candidate.announce(event)).collect()
        } else {
            held
        };
        self.known = Some((candidate, has_band));
        events
    }
}

impl Looking {
    /// Whether there is an upper band, once that is known.
    fn look(&mut self, packet: &Packet) -> Option<bool> {
        let begun = *self.begun.get_or_insert(packet.dts);
        if packet.track == self.candidate.track {
            self.units += 1;
            let decoder = self.decoder.get_mut().unwrap_or_else(PoisonError::into_inner);
            if decoder.in_unit(&packet.data) == Some(true) {
                return Some(true);
            }
        }
        let enough =
            self.units >= UNITS_MAX || packet.dts - begun > HELD_MAX || begun - packet.dts > HELD_MAX;
        enough.then_some(false)
    }
}

impl Candidate {
    fn of(track: &Track) -> Option<Candidate> {
        let Codec::Aac(aac) = &track.codec else { return None };
        Some(Candidate { track: track.id, plain: aac.clone(), with_sbr: aac.with_sbr()? })
    }

    /// The tracks of an event with the band announced; other events as they are.
    fn announce(&self, event: &MediaEvent) -> MediaEvent {
        let MediaEvent::Tracks(tracks) = event else { return event.clone() };
        let replaced = tracks.iter().map(|track| match &track.codec {
            Codec::Aac(aac) if track.id == self.track && *aac == self.plain => {
                Track { codec: Codec::Aac(self.with_sbr.clone()), ..track.clone() }
            }
            _ => track.clone(),
        });
        MediaEvent::Tracks(replaced.collect())
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use media::Timescale;

    use super::*;

    /// Access units of the fixture, as a publisher over SRT sends them.
    fn units(adts: &'static [u8]) -> Vec<Bytes> {
        let mut units = Vec::new();
        let mut rest = adts;
        while rest.len() > 7 {
            let length =
                usize::from(rest[3] & 3) << 11 | usize::from(rest[4]) << 3 | usize::from(rest[5]) >> 5;
            units.push(Bytes::from_static(&rest[7..length]));
            rest = &rest[length..];
        }
        units
    }

    fn tracks(asc: &'static [u8]) -> MediaEvent {
        let aac = Aac::from_asc(Bytes::from_static(asc)).expect("a configuration");
        let timescale = Timescale::new(24_000).expect("a rate");
        MediaEvent::Tracks([Track { id: TrackId(2), codec: Codec::Aac(aac), timescale }].into())
    }

    fn packet(at: usize, data: &Bytes) -> MediaEvent {
        let time = Timestamp::from_ticks(at as i64 * 1_024, Timescale::new(24_000).expect("a rate"));
        MediaEvent::Packet(Packet {
            track: TrackId(2),
            pts: time,
            dts: time,
            random_access: true,
            data: data.clone(),
        })
    }

    /// What came of the events: the configurations that were announced, and how many packets.
    fn outcome(events: &[MediaEvent]) -> (Vec<Vec<u8>>, usize) {
        let mut announced = Announced::default();
        let out =
            events.iter().flat_map(|event| announced.take(event).unwrap_or_else(|| vec![event.clone()]));
        let (mut configurations, mut packets) = (Vec::new(), 0);
        for event in out {
            match event {
                MediaEvent::Tracks(tracks) => {
                    configurations.extend(tracks.iter().map(|track| match &track.codec {
                        Codec::Aac(aac) => aac.asc.to_vec(),
                        _ => Vec::new(),
                    }))
                }
                MediaEvent::Packet(_) => packets += 1,
                MediaEvent::End(_) => {}
            }
        }
        (configurations, packets)
    }

    const PLAIN: &[u8] = &[0x13, 0x10];

    #[test]
    fn an_upper_band_is_announced_and_nothing_is_lost() {
        let units = units(include_bytes!("../../../../tests/testdata/he_aac.adts"));
        let mut events = vec![tracks(PLAIN)];
        events.extend(units.iter().enumerate().map(|(at, unit)| packet(at, unit)));
        // The header comes again, as encoders send it.
        events.insert(20, tracks(PLAIN));
        let announced = vec![vec![0x2b, 0x11, 0x88, 0x00]; 2];
        assert_eq!(outcome(&events), (announced, units.len()));
    }

    #[test]
    fn sound_without_one_or_that_cannot_be_read_goes_on_as_it_is() {
        let rubbish = Bytes::from_static(&[0x20; 30]);
        let mut events = vec![tracks(PLAIN)];
        events.extend((0..10).map(|at| packet(at, &rubbish)));
        assert_eq!(outcome(&events), (vec![PLAIN.to_vec()], 10));
        let fast: &[u8] = &[0x11, 0x90];
        assert_eq!(outcome(&[tracks(fast), packet(0, &rubbish)]), (vec![fast.to_vec()], 1));
    }

    #[test]
    fn a_stream_that_ends_before_it_is_known_is_passed_on() {
        let mut announced = Announced::default();
        assert_eq!(announced.take(&tracks(PLAIN)).map(|events| events.len()), Some(0));
        let end = MediaEvent::End(media::EndReason::Finished);
        assert_eq!(announced.take(&end).map(|events| events.len()), Some(2));
    }
}

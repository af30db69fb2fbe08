//! A movie that is not fragmented, as media events.
//!
//! Spec: ISO/IEC 14496-12 §8.

use bytes::Bytes;
use media::{MediaEvent, TrackKind};

use super::movie::Movie;
use super::movie_fragment::SampleEntry;
use super::read_error::{BoxName, ReadError};
use super::reader::Atom;
use super::sample_table::SampleTable;
use super::sequence::{Counters, Sample, Sequence};

/// Samples by decoding time, wherever they stand in the file.
#[derive(Debug)]
pub(crate) struct StoredMovie {
    tables: [Option<Track>; 2],
    sequence: Sequence,
    /// By how many degrees players turn the picture clockwise.
    pub(crate) turned: u16,
}

#[derive(Debug)]
struct Track {
    table: SampleTable,
    next: Option<SampleEntry>,
}

/// What a `moov` says of the samples.
#[derive(Debug)]
pub(crate) enum Moov {
    /// They stand in fragments.
    Fragmented {
        /// As in [`StoredMovie`].
        turned: u16,
    },
    /// They stand in its tables.
    Stored(Box<StoredMovie>),
}

impl Moov {
    /// Reads `moov` without its header; the body begins at `body_at` in a file of `file_bytes`.
    pub(crate) fn read(body: &Bytes, at: u64, body_at: u64, file_bytes: u64) -> Result<Moov, ReadError> {
        let moov = Atom::new(BoxName(*b"moov"), at, body_at, body);
        let mut tables = [None, None];
        let fragmented = moov.find(0, b"mvex")?.is_some();
        let movie = Movie::read_with_tables(&moov, |track, trak| {
            let kind = if track.coding.is_sound() { TrackKind::Audio } else { TrackKind::Video };
            if !fragmented {
                let table = SampleTable::read(kind, track, trak, body, file_bytes)?;
                tables[usize::from(kind == TrackKind::Audio)] = Some(table);
            }
            Ok(())
        })?;
        let turned = movie.video.as_ref().map_or(0, |video| video.turned);
        if fragmented {
            return Ok(Moov::Fragmented { turned });
        }
        if tables.iter().flatten().all(|table| table.count() == 0) {
            return Err(moov.wrong("its tracks have no samples"));
        }
        let mut sequence = Sequence::default();
        let (video, audio) = movie.codings();
        sequence.begin(video, audio);
        let [video, audio] = tables;
        let tables = [begun(video)?, begun(audio)?];
        Ok(Moov::Stored(Box::new(StoredMovie { tables, sequence, turned })))
    }
}

fn begun(table: Option<SampleTable>) -> Result<Option<Track>, ReadError> {
    let Some(mut table) = table else { return Ok(None) };
    let next = table.next()?;
    Ok(Some(Track { table, next }))
}

impl StoredMovie {
    /// Where the next sample stands: its first byte and how many there are. `None` after the last.
    pub(crate) fn wanted(&self) -> Option<(u64, usize)> {
        self.earliest().map(|(_, sample)| (sample.offset, sample.bytes))
    }

    /// Takes the bytes of the sample that is wanted.
    pub(crate) fn take(&mut self, data: Bytes) -> Result<(), ReadError> {
        let Some((index, SampleEntry { kind, dts, composition_offset, .. })) = self.earliest() else {
            return Ok(());
        };
        if let Some(track) = &mut self.tables[index] {
            track.next = track.table.next()?;
        }
        self.sequence.take(Sample { kind, dts, composition_offset, data });
        Ok(())
    }

    /// The next event, or `None` until more is taken.
    pub(crate) fn poll(&mut self) -> Option<MediaEvent> {
        self.sequence.poll()
    }

    /// What was left out so far.
    pub(crate) fn counters(&self) -> &Counters {
        &self.sequence.counters
    }

    fn earliest(&self) -> Option<(usize, SampleEntry)> {
        let next = |index: usize| self.tables[index].as_ref().and_then(|track| track.next);
        let both = [0, 1].into_iter().filter_map(|index| next(index).map(|sample| (index, sample)));
        both.min_by_key(|(_, sample)| sample.dts)
    }
}

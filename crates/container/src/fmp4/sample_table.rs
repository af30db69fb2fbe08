//! Where the samples of a track stand whose movie is not fragmented: the tables of `stbl`.
//!
//! The tables stay as they came; nothing is made of them that grows with the number of samples.
//!
//! Spec: ISO/IEC 14496-12 §8.6.1, §8.7.

use bytes::Bytes;
use media::{Span, Timescale, Timestamp, TrackKind};

use super::movie::MovieTrack;
use super::movie_fragment::{SAMPLE_BYTES_MAX, SampleEntry};
use super::read_error::{BoxName, ReadError};
use super::reader::Atom;

/// The samples of one track, one after the other.
#[derive(Clone, Debug)]
pub(super) struct SampleTable {
    kind: TrackKind,
    timescale: Timescale,
    shift: Span,
    sizes: Sizes,
    /// `stts`: how many samples, and how long each lasts.
    durations: Runs,
    /// `ctts`: how many samples, and how much later each is shown.
    offsets: Runs,
    chunks: Chunks,
    /// Samples that were given out.
    given: u64,
    /// Bytes of these.
    given_bytes: u64,
    /// Decoding time of the next one, in ticks.
    ticks: i64,
    file_bytes: u64,
    /// Where `stbl` begins, for what is wrong with it.
    at: u64,
}

/// `stsz`.
#[derive(Clone, Debug)]
struct Sizes {
    /// Of every sample, unless 0.
    each: u32,
    count: u64,
    entries: Bytes,
}

/// A table of a count and a value for so many samples.
#[derive(Clone, Debug)]
struct Runs {
    entries: Bytes,
    next: usize,
    left: u32,
    value: u32,
}

/// `stsc` with `stco` or `co64`.
#[derive(Clone, Debug)]
struct Chunks {
    /// First chunk, samples in each, sample description.
    runs: Bytes,
    run: usize,
    offsets: Bytes,
    wide: bool,
    /// Chunks that were entered.
    entered: usize,
    left: u32,
    /// Where the next sample of the chunk stands.
    at: u64,
}

impl SampleTable {
    /// Reads the tables in `trak`. `moov` holds its bytes, which are shared and not copied.
    pub(super) fn read(
        kind: TrackKind,
        track: &MovieTrack,
        trak: &Atom<'_>,
        moov: &Bytes,
        file_bytes: u64,
    ) -> Result<SampleTable, ReadError> {
        let stbl = trak.require(0, b"mdia")?.require(0, b"minf")?.require(0, b"stbl")?;
        let shared = |atom: &Atom<'_>| moov.slice_ref(atom.body);
        let runs = |atom: Option<Atom<'_>>| match atom {
            Some(atom) => Ok::<_, ReadError>(Runs::new(entries(&atom, &shared(&atom), 4, RUN_BYTES)?)),
            None => Ok(Runs::new(Bytes::new())),
        };
        let stsz = stbl.require(0, b"stsz")?;
        let stsc = stbl.require(0, b"stsc")?;
        let (offsets, wide) = match stbl.find(0, b"stco")? {
            Some(stco) => (entries(&stco, &shared(&stco), 4, 4)?, false),
            None => {
                let co64 = stbl.require(0, b"co64")?;
                (entries(&co64, &shared(&co64), 4, 8)?, true)
            }
        };
        let runs_of_chunks = entries(&stsc, &shared(&stsc), 4, CHUNK_RUN_BYTES)?;
        Ok(SampleTable {
            kind,
            timescale: track.timescale,
            shift: track.shift,
            sizes: Sizes::read(&stsz, &shared(&stsz))?,
            durations: runs(Some(stbl.require(0, b"stts")?))?,
            offsets: runs(stbl.find(0, b"ctts")?)?,
            chunks: Chunks { runs: runs_of_chunks, run: 0, offsets, wide, entered: 0, left: 0, at: 0 },
            given: 0,
            given_bytes: 0,
            ticks: 0,
            file_bytes,
            at: stbl.at,
        })
    }

    /// How many samples the track says it has.
    pub(super) fn count(&self) -> u64 {
        self.sizes.count
    }

    /// The next sample that holds anything; `None` after the last.
    pub(super) fn next(&mut self) -> Result<Option<SampleEntry>, ReadError> {
        while self.given < self.sizes.count {
            let sample = self.sample()?;
            if sample.bytes > 0 {
                return Ok(Some(sample));
            }
        }
        Ok(None)
    }

    fn sample(&mut self) -> Result<SampleEntry, ReadError> {
        let bytes = self.sizes.of(self.given);
        if bytes > SAMPLE_BYTES_MAX {
            return Err(self.wrong("a sample of more than 8 MiB"));
        }
        let offset = match self.chunks.next(bytes) {
            Ok(offset) => offset,
            Err(problem) => return Err(self.wrong(problem)),
        };
        if offset.checked_add(bytes.into()).is_none_or(|end| end > self.file_bytes) {
            return Err(self.wrong("a sample that stands outside of the file: the file was cut short"));
        }
        self.given_bytes += u64::from(bytes);
        if self.given_bytes > self.file_bytes {
            return Err(self.wrong("samples that are together larger than the file"));
        }
        let duration = self.durations.next().unwrap_or(0);
        // A version 0 says unsigned; negative offsets in it are so common that all readers take them so.
        let composition = i64::from(self.offsets.next().unwrap_or(0) as i32);
        let sample = SampleEntry {
            kind: self.kind,
            offset,
            bytes: bytes as usize,
            dts: Timestamp::from_ticks(self.ticks, self.timescale) + self.shift,
            composition_offset: Span::from_ticks(composition, self.timescale),
        };
        self.given += 1;
        self.ticks = self.ticks.saturating_add(duration.into());
        Ok(sample)
    }

    fn wrong(&self, problem: &'static str) -> ReadError {
        ReadError::Box { name: BoxName(*b"stbl"), at: self.at, problem }
    }
}

impl Sizes {
    fn read(stsz: &Atom<'_>, body: &Bytes) -> Result<Sizes, ReadError> {
        let mut fields = stsz.fields();
        fields.version_and_flags()?;
        let (each, count) = (fields.u32()?, fields.u32()?);
        if u64::from(count) > SAMPLES_MAX {
            return Err(stsz.too_many(count.into(), "samples", SAMPLES_MAX));
        }
        let entries = if each == 0 { entries(stsz, body, 8, 4)? } else { Bytes::new() };
        Ok(Sizes { each, count: count.into(), entries })
    }

    fn of(&self, sample: u64) -> u32 {
        if self.each != 0 {
            return self.each;
        }
        usize::try_from(sample).ok().and_then(|sample| u32_at(&self.entries, sample * 4)).unwrap_or(0)
    }
}

impl Runs {
    fn new(entries: Bytes) -> Runs {
        Runs { entries, next: 0, left: 0, value: 0 }
    }

    /// The value of the next sample; behind the table its last value goes on. `None` when it is empty.
    fn next(&mut self) -> Option<u32> {
        while self.left == 0 {
            let (Some(count), Some(value)) =
                (u32_at(&self.entries, self.next), u32_at(&self.entries, self.next + 4))
            else {
                return (!self.entries.is_empty()).then_some(self.value);
            };
            (self.left, self.value) = (count, value);
            self.next += RUN_BYTES;
        }
        self.left -= 1;
        Some(self.value)
    }
}

impl Chunks {
    /// Where the next sample stands, of `bytes`.
    fn next(&mut self, bytes: u32) -> Result<u64, &'static str> {
        while self.left == 0 {
            self.enter()?;
        }
        self.left -= 1;
        let at = self.at;
        self.at = at.saturating_add(bytes.into());
        Ok(at)
    }

    fn enter(&mut self) -> Result<(), &'static str> {
        let offset = if self.wide {
            let high = u32_at(&self.offsets, self.entered * 8).map(u64::from);
            let low = u32_at(&self.offsets, self.entered * 8 + 4).map(u64::from);
            high.zip(low).map(|(high, low)| high << 32 | low)
        } else {
            u32_at(&self.offsets, self.entered * 4).map(u64::from)
        };
        self.at = offset.ok_or("fewer chunks than its samples need")?;
        self.entered += 1;
        // Runs are in the order of their first chunk, counted from 1.
        let begins = |run: usize| u32_at(&self.runs, run * CHUNK_RUN_BYTES);
        if begins(0).is_none_or(|first| first != 1) {
            return Err("a first run of chunks that does not begin with chunk 1");
        }
        if begins(self.run + 1).is_some_and(|first| first as usize <= self.entered) {
            self.run += 1;
        }
        let field = |index: usize| u32_at(&self.runs, self.run * CHUNK_RUN_BYTES + index * 4).unwrap_or(0);
        if field(2) != 1 {
            return Err("another sample description than the first: the parameters change within the file");
        }
        self.left = field(1);
        Ok(())
    }
}

/// The entries of a table whose count stands behind `skip` bytes: as many as it counts, of `bytes` each.
fn entries(table: &Atom<'_>, body: &Bytes, skip: usize, bytes: usize) -> Result<Bytes, ReadError> {
    let count = u32_at(body, skip).ok_or_else(|| table.wrong("it ends within its fields"))? as usize;
    let start = skip + 4;
    let end = count.checked_mul(bytes).and_then(|len| len.checked_add(start));
    let end = end.filter(|end| *end <= body.len());
    let end = end.ok_or_else(|| table.wrong("it counts more entries than it has bytes for"))?;
    Ok(body.slice(start..end))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let field = bytes.get(at..)?.first_chunk::<4>()?;
    Some(u32::from_be_bytes(*field))
}

/// Bytes of an entry of `stts` and `ctts`, and of one of `stsc`.
const RUN_BYTES: usize = 8;
const CHUNK_RUN_BYTES: usize = 12;

/// Samples of one track: three days of sound in packets of 20 ms. A table of sizes that are all the same has no bytes
/// that would bound their number.
const SAMPLES_MAX: u64 = 1 << 24;

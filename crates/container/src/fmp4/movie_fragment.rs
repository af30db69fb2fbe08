//! A `moof`: where its samples stand and when they are decoded.
//!
//! Spec: ISO/IEC 14496-12 §8.8.4 to §8.8.12.

use media::{Span, Timestamp, TrackKind};

use super::movie::{Movie, MovieTrack};
use super::read_error::ReadError;
use super::reader::{Atom, Fields};

/// One sample as its `trun` tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SampleEntry {
    pub(super) kind: TrackKind,
    /// Of its first byte in the stream.
    pub(super) offset: u64,
    pub(super) bytes: usize,
    pub(super) dts: Timestamp,
    pub(super) composition_offset: Span,
}

/// Reads fragments of one movie, and keeps the time of fragments that do not say their own.
#[derive(Clone, Debug)]
pub(super) struct FragmentReader {
    movie: Movie,
    /// Decoding time that follows the last sample, in ticks, by kind of track.
    next_video: u64,
    next_audio: u64,
}

/// What `tfhd` says, or `trex` in its place.
#[derive(Clone, Copy, Debug)]
struct Defaults {
    duration: u32,
    bytes: u32,
}

/// Where the next run stands and when it begins.
#[derive(Clone, Copy, Debug)]
struct Cursor {
    base: u64,
    data: u64,
    ticks: u64,
}

impl FragmentReader {
    pub(super) fn new(movie: Movie) -> FragmentReader {
        FragmentReader { movie, next_video: 0, next_audio: 0 }
    }

    /// The samples in `moof`, of the tracks that are read, in the order of their runs.
    pub(super) fn read(&mut self, moof: &Atom<'_>) -> Result<Vec<SampleEntry>, ReadError> {
        let mut samples = Vec::new();
        let mut data_end = moof.at;
        for (index, traf) in moof.children(0).enumerate() {
            let traf = traf?;
            if index as u64 >= BOXES_MAX {
                return Err(moof.too_many(index as u64 + 1, "boxes", BOXES_MAX));
            }
            if traf.is(b"traf") {
                data_end = self.track_fragment(moof.at, data_end, &traf, &mut samples)?;
            }
        }
        Ok(samples)
    }

    /// Reads one `traf`; answers where its data ends.
    fn track_fragment(
        &mut self,
        moof_at: u64,
        data_end: u64,
        traf: &Atom<'_>,
        samples: &mut Vec<SampleEntry>,
    ) -> Result<u64, ReadError> {
        let tfhd = traf.require(0, b"tfhd")?;
        let mut fields = tfhd.fields();
        let (_, flags) = fields.version_and_flags()?;
        let id = fields.u32()?;
        let first_traf = data_end == moof_at;
        let base = if flags & BASE_DATA_OFFSET != 0 {
            fields.u64()?
        } else if flags & DEFAULT_BASE_IS_MOOF != 0 || first_traf {
            moof_at
        } else {
            data_end
        };
        let Some((kind, track)) = self.track(id) else {
            return skipped_data_end(base, traf, &mut fields, flags);
        };
        let track = track.clone();
        if fields.optional(flags, SAMPLE_DESCRIPTION)?.is_some_and(|index| index != 1) {
            return Err(tfhd.wrong("another sample description than the first"));
        }
        let duration = fields.optional(flags, DEFAULT_DURATION)?.unwrap_or(track.default_duration);
        let bytes = fields.optional(flags, DEFAULT_SIZE)?.unwrap_or(track.default_size);
        let defaults = Defaults { duration, bytes };
        let mut cursor = Cursor { base, data: base, ticks: self.begins_at(kind, traf)? };
        for child in traf.children(0) {
            let child = child?;
            if child.is(b"trun") {
                read_run(&child, &track, kind, defaults, &mut cursor, samples)?;
            }
        }
        *self.next(kind) = cursor.ticks;
        Ok(cursor.data)
    }

    fn track(&self, id: u32) -> Option<(TrackKind, &MovieTrack)> {
        let of = |track: &Option<MovieTrack>| track.as_ref().is_some_and(|track| track.id == id);
        if of(&self.movie.video) {
            return Some((TrackKind::Video, self.movie.video.as_ref()?));
        }
        if of(&self.movie.audio) { Some((TrackKind::Audio, self.movie.audio.as_ref()?)) } else { None }
    }

    fn begins_at(&mut self, kind: TrackKind, traf: &Atom<'_>) -> Result<u64, ReadError> {
        let Some(tfdt) = traf.find(0, b"tfdt")? else { return Ok(*self.next(kind)) };
        let mut fields = tfdt.fields();
        let (version, _) = fields.version_and_flags()?;
        fields.wide(version)
    }

    fn next(&mut self, kind: TrackKind) -> &mut u64 {
        match kind {
            TrackKind::Video => &mut self.next_video,
            TrackKind::Audio => &mut self.next_audio,
        }
    }
}

/// Where the data of a track ends that is not read: the next `traf` may begin there.
fn skipped_data_end(base: u64, traf: &Atom<'_>, tfhd: &mut Fields<'_>, flags: u32) -> Result<u64, ReadError> {
    tfhd.optional(flags, SAMPLE_DESCRIPTION)?;
    tfhd.optional(flags, DEFAULT_DURATION)?;
    let default_bytes = tfhd.optional(flags, DEFAULT_SIZE)?.unwrap_or(0);
    let mut end = base;
    for child in traf.children(0) {
        let child = child?;
        if child.is(b"trun") {
            let (mut run, mut fields) = Run::read(&child)?;
            end = run.begins_at(&child, base, end)?;
            while let Some(sample) = run.next(&mut fields)? {
                end = end.saturating_add(sample.bytes.unwrap_or(default_bytes).into());
            }
        }
    }
    Ok(end)
}

fn read_run(
    trun: &Atom<'_>,
    track: &MovieTrack,
    kind: TrackKind,
    defaults: Defaults,
    cursor: &mut Cursor,
    samples: &mut Vec<SampleEntry>,
) -> Result<(), ReadError> {
    let (mut run, mut fields) = Run::read(trun)?;
    let in_fragment = samples.len() as u64 + u64::from(run.left);
    if in_fragment > SAMPLES_MAX {
        return Err(trun.too_many(in_fragment, "samples in the fragment", SAMPLES_MAX));
    }
    cursor.data = run.begins_at(trun, cursor.base, cursor.data)?;
    while let Some(sample) = run.next(&mut fields)? {
        let bytes = sample.bytes.unwrap_or(defaults.bytes);
        if bytes > SAMPLE_BYTES_MAX {
            return Err(trun.too_many(bytes.into(), "bytes in one sample", SAMPLE_BYTES_MAX.into()));
        }
        let too_late = || trun.wrong("a decoding time above 63 bits");
        let ticks = i64::try_from(cursor.ticks).map_err(|_| too_late())?;
        samples.push(SampleEntry {
            kind,
            offset: cursor.data,
            bytes: bytes as usize,
            dts: Timestamp::from_ticks(ticks, track.timescale) + track.shift,
            composition_offset: Span::from_ticks(sample.composition_ticks, track.timescale),
        });
        cursor.data = cursor.data.checked_add(bytes.into()).ok_or_else(|| trun.wrong(OFFSET_TOO_LARGE))?;
        let duration = sample.duration.unwrap_or(defaults.duration);
        cursor.ticks = cursor.ticks.checked_add(duration.into()).ok_or_else(too_late)?;
    }
    Ok(())
}

/// A `trun` while it is read.
#[derive(Debug)]
struct Run {
    version: u8,
    flags: u32,
    left: u32,
    data_offset: Option<i32>,
}

/// What a run says of one sample; `None` where the default counts.
#[derive(Debug)]
struct RunSample {
    duration: Option<u32>,
    bytes: Option<u32>,
    composition_ticks: i64,
}

impl Run {
    /// Everything before the samples; the fields then stand at the first.
    fn read<'a>(trun: &Atom<'a>) -> Result<(Run, Fields<'a>), ReadError> {
        let mut fields = trun.fields();
        let (version, flags) = fields.version_and_flags()?;
        let count = fields.u32()?;
        let data_offset = fields.optional(flags, DATA_OFFSET)?.map(|offset| offset as i32);
        fields.optional(flags, FIRST_SAMPLE_FLAGS)?;
        let of_each = flags & (SAMPLE_DURATION | SAMPLE_SIZE | SAMPLE_FLAGS | SAMPLE_COMPOSITION);
        let needed = u64::from(count) * 4 * u64::from(of_each.count_ones());
        if needed > fields.left() as u64 {
            return Err(trun.wrong("it counts more samples than it has bytes for"));
        }
        if u64::from(count) > SAMPLES_MAX {
            return Err(trun.too_many(count.into(), "samples", SAMPLES_MAX));
        }
        Ok((Run { version, flags, left: count, data_offset }, fields))
    }

    /// Where its data stands: after that of the run before, unless it says otherwise.
    fn begins_at(&self, trun: &Atom<'_>, base: u64, data_end: u64) -> Result<u64, ReadError> {
        match self.data_offset {
            Some(offset) => {
                base.checked_add_signed(offset.into()).ok_or_else(|| trun.wrong(OFFSET_TOO_LARGE))
            }
            None => Ok(data_end),
        }
    }

    fn next(&mut self, fields: &mut Fields<'_>) -> Result<Option<RunSample>, ReadError> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        let duration = fields.optional(self.flags, SAMPLE_DURATION)?;
        let bytes = fields.optional(self.flags, SAMPLE_SIZE)?;
        fields.optional(self.flags, SAMPLE_FLAGS)?;
        let composition = fields.optional(self.flags, SAMPLE_COMPOSITION)?.unwrap_or(0);
        // Version 0 says unsigned; negative offsets in it are so common that all readers take them so.
        let composition_ticks = match self.version {
            0 if composition <= UNSIGNED_COMPOSITION_MAX => i64::from(composition),
            _ => i64::from(composition as i32),
        };
        Ok(Some(RunSample { duration, bytes, composition_ticks }))
    }
}

const OFFSET_TOO_LARGE: &str = "an offset outside the stream";

/// Flags of `tfhd` (§8.8.7).
const BASE_DATA_OFFSET: u32 = 0x01;
const SAMPLE_DESCRIPTION: u32 = 0x02;
const DEFAULT_DURATION: u32 = 0x08;
const DEFAULT_SIZE: u32 = 0x10;
const DEFAULT_BASE_IS_MOOF: u32 = 0x02_0000;

/// Flags of `trun` (§8.8.8).
const DATA_OFFSET: u32 = 0x01;
const FIRST_SAMPLE_FLAGS: u32 = 0x04;
const SAMPLE_DURATION: u32 = 0x0100;
const SAMPLE_SIZE: u32 = 0x0200;
const SAMPLE_FLAGS: u32 = 0x0400;
const SAMPLE_COMPOSITION: u32 = 0x0800;

/// Above stands the sign of a version that has none.
const UNSIGNED_COMPOSITION_MAX: u32 = i32::MAX as u32;

/// Samples of one fragment: a minute of 120 frames a second and of sound in packets of 10 ms.
const SAMPLES_MAX: u64 = 16_384;

/// Bytes of one sample: as one RTMP message may have.
pub(super) const SAMPLE_BYTES_MAX: u32 = 8 << 20;

/// Boxes in one `moof`: one for itself and one for each track.
const BOXES_MAX: u64 = 64;

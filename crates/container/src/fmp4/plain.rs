//! A file of fragments turned into a plain MP4 without copying it: its tables go to the end, and one header at the
//! beginning makes everything between them media data.
//!
//! Spec: ISO/IEC 14496-12 §8.1.1 (`mdat`), §8.6, §8.7.

use std::collections::BTreeMap;

use bytes::{BufMut as _, Bytes, BytesMut};

use super::file::{
    BoxHeader, COMPOSITION, DATA_OFFSET, DURATION, FIRST_SAMPLE_FLAGS, NON_SYNC, SAMPLE_FLAGS, SIZE,
    children, find, u32_at,
};

/// Remembers where the samples of a file stand, fragment by fragment.
///
/// It holds 9 bytes and a little for each sample: an hour of 30 frames and 47 packets of sound a second takes 3 MB.
#[derive(Debug, Default)]
pub struct PlainIndex {
    tracks: BTreeMap<u32, Table>,
}

/// The samples of one track.
#[derive(Debug, Default)]
struct Table {
    /// How many in a row last so many ticks.
    durations: Vec<(u32, u32)>,
    /// How many in a row have this composition offset.
    compositions: Vec<(u32, u32)>,
    sizes: Vec<u32>,
    /// Numbers, from 1, of the samples that decoding can start with; all, where there are as many as samples.
    sync: Vec<u32>,
    /// Where each run of samples begins, and how many it has.
    chunks: Vec<(u64, u32)>,
    ticks: u64,
    /// Of the first sample.
    begins: Option<u64>,
}

impl PlainIndex {
    /// An index before the first fragment.
    #[must_use]
    pub fn new() -> PlainIndex {
        PlainIndex::default()
    }

    /// Takes a fragment as this crate writes it, which begins at byte `at` of the file. `None` for anything else, after
    /// which the index is of no use.
    pub fn push(&mut self, at: u64, fragment: &[u8]) -> Option<()> {
        let moof = find(fragment, b"moof")?;
        for (_, traf) in children(moof).filter(|(kind, _)| kind == b"traf") {
            let track = u32_at(find(traf, b"tfhd")?, 4)?;
            let begins = begins(find(traf, b"tfdt")?)?;
            let table = self.tracks.entry(track).or_default();
            table.begin(begins);
            children(traf)
                .filter(|(kind, _)| kind == b"trun")
                .try_for_each(|(_, trun)| table.run(at, trun))?;
        }
        Some(())
    }

    /// The `moov` for the end of the file that began with `init`, and the header to write over the first 16 bytes of its
    /// `moov`, at the place that comes with it, when everything else is on the disk. `end` is where the fragments end.
    ///
    /// `None` when nothing was recorded or `init` cannot be read.
    #[must_use]
    pub fn finish(&self, init: &[u8], end: u64) -> Option<(Bytes, u64, [u8; 16])> {
        let before: usize = children(init)
            .take_while(|(kind, _)| kind != b"moov")
            .map(|(_, body)| body.len() + BoxHeader::BYTES)
            .sum();
        let moov = find(init, b"moov")?;
        let movie_scale = timescale(find(moov, b"mvhd")?)?;
        let mut longest = 0;
        let mut tracks = Vec::new();
        for (_, trak) in children(moov).filter(|(kind, _)| kind == b"trak") {
            let tkhd = find(trak, b"tkhd")?;
            let id = u32_at(tkhd, if *tkhd.first()? == 0 { 12 } else { 20 })?;
            let Some(table) = self.tracks.get(&id).filter(|table| !table.sizes.is_empty()) else { continue };
            let media_scale = timescale(find(find(trak, b"mdia")?, b"mdhd")?)?;
            let scaled = |ticks: u64| ticks * u64::from(movie_scale) / u64::from(media_scale.max(1));
            let (delay, length) = (scaled(table.begins.unwrap_or(0)), scaled(table.ticks));
            longest = longest.max(delay + length);
            tracks.push(track_box(trak, table, delay, length)?);
        }
        if tracks.is_empty() {
            return None;
        }
        let header = with_duration(find(moov, b"mvhd")?, 16, longest)?;
        let mut body = boxed(*b"mvhd", &header);
        tracks.iter().for_each(|track| body.extend_from_slice(track));
        let mut mdat = [0; 16];
        // A length of 1 says that 64 bits of it follow.
        mdat[3] = 1;
        mdat[4..8].copy_from_slice(b"mdat");
        mdat[8..].copy_from_slice(&end.checked_sub(before as u64)?.to_be_bytes());
        Some((boxed(*b"moov", &body).freeze(), before as u64, mdat))
    }
}

impl Table {
    /// A run begins at this time: a gap before it is time that the last sample lasts longer.
    fn begin(&mut self, begins: u64) {
        let first = *self.begins.get_or_insert(begins);
        let gap = begins.saturating_sub(first + self.ticks);
        if gap == 0 {
            return;
        }
        let Some((count, duration)) = self.durations.pop() else { return };
        if count > 1 {
            self.durations.push((count - 1, duration));
        }
        self.durations.push((1, duration.saturating_add(u32::try_from(gap).unwrap_or(u32::MAX))));
        self.ticks += gap;
    }

    fn run(&mut self, moof_at: u64, trun: &[u8]) -> Option<()> {
        let flags = u32_at(trun, 0)?;
        let has = |flag: u32| flags & flag != 0;
        let count = u32_at(trun, 4)?;
        if !has(DATA_OFFSET) || !has(DURATION) || !has(SIZE) {
            return None;
        }
        self.chunks.push((moof_at + u64::from(u32_at(trun, 8)?), count));
        let mut at = 12;
        let first_flags = has(FIRST_SAMPLE_FLAGS).then(|| u32_at(trun, at)).flatten();
        at += 4 * usize::from(has(FIRST_SAMPLE_FLAGS));
        for number in 0..count {
            let mut field = |wanted: u32| -> Option<u32> {
                if !has(wanted) {
                    return Some(0);
                }
                at += 4;
                u32_at(trun, at - 4)
            };
            let (duration, size, own_flags) = (field(DURATION)?, field(SIZE)?, field(SAMPLE_FLAGS)?);
            let composition = field(COMPOSITION)?;
            self.sizes.push(size);
            self.ticks += u64::from(duration);
            count_on(&mut self.durations, duration);
            count_on(&mut self.compositions, composition);
            let flags = first_flags.filter(|_| number == 0).unwrap_or(own_flags);
            if flags & NON_SYNC == 0 {
                self.sync.push(self.sizes.len() as u32);
            }
        }
        Some(())
    }

    /// `stts`, `ctts`, `stss`, `stsc`, `stsz` and `co64` behind the sample description.
    fn boxes(&self, stsd: &[u8]) -> BytesMut {
        let mut body = boxed(*b"stsd", stsd);
        body.extend_from_slice(&pairs(*b"stts", 0, &self.durations));
        if self.compositions.iter().any(|&(_, offset)| offset != 0) {
            // Version 1: signed.
            body.extend_from_slice(&pairs(*b"ctts", 1, &self.compositions));
        }
        if self.sync.len() < self.sizes.len() {
            let mut entries = BytesMut::new();
            self.sync.iter().for_each(|&number| entries.put_u32(number));
            body.extend_from_slice(&table(*b"stss", 0, self.sync.len(), &entries));
        }
        let (mut entries, mut kinds, mut last) = (BytesMut::new(), 0, 0);
        for (number, &(_, count)) in self.chunks.iter().enumerate().filter(|(_, (_, count))| *count > 0) {
            if count != last {
                (last, kinds) = (count, kinds + 1);
                [number as u32 + 1, count, 1].into_iter().for_each(|value| entries.put_u32(value));
            }
        }
        body.extend_from_slice(&table(*b"stsc", 0, kinds, &entries));
        let mut sizes = BytesMut::new();
        sizes.put_u64(0); // version, flags, sample_size: each has its own
        sizes.put_u32(self.sizes.len() as u32);
        self.sizes.iter().for_each(|&size| sizes.put_u32(size));
        body.extend_from_slice(&boxed(*b"stsz", &sizes));
        let mut places = BytesMut::new();
        self.chunks.iter().for_each(|&(at, _)| places.put_u64(at));
        body.extend_from_slice(&table(*b"co64", 0, self.chunks.len(), &places));
        body
    }
}

/// The track with its tables and durations: `delay` and `length` in the movie's ticks.
fn track_box(trak: &[u8], samples: &Table, delay: u64, length: u64) -> Option<BytesMut> {
    let mut body = boxed(*b"tkhd", &with_duration(find(trak, b"tkhd")?, 20, delay + length)?);
    if delay > 0 {
        // An empty edit, then everything from the beginning.
        let mut edits = BytesMut::new();
        edits.put_u64(delay);
        edits.put_i64(-1);
        edits.put_u32(1 << 16);
        edits.put_u64(length);
        edits.put_i64(0);
        edits.put_u32(1 << 16);
        body.extend_from_slice(&boxed(*b"edts", &table(*b"elst", 1, 2, &edits)));
    }
    let mdia = find(trak, b"mdia")?;
    let mut media = BytesMut::new();
    for (kind, child) in children(mdia) {
        let written = match &kind {
            b"mdhd" => boxed(kind, &with_duration(child, 16, samples.ticks)?),
            b"minf" => {
                let mut inner = BytesMut::new();
                for (kind, child) in children(child) {
                    let written = match &kind {
                        b"stbl" => boxed(kind, &samples.boxes(find(child, b"stsd")?)),
                        _ => boxed(kind, child),
                    };
                    inner.extend_from_slice(&written);
                }
                boxed(kind, &inner)
            }
            _ => boxed(kind, child),
        };
        media.extend_from_slice(&written);
    }
    body.extend_from_slice(&boxed(*b"mdia", &media));
    Some(boxed(*b"trak", &body))
}

/// A header of version 0 as version 1, whose times have 64 bits: `at` is where its duration stands.
fn with_duration(header: &[u8], at: usize, duration: u64) -> Option<BytesMut> {
    if *header.first()? != 0 {
        // Creation and modification are 4 bytes longer each.
        let mut same = BytesMut::from(header);
        same.get_mut(at + 8..at + 16)?.copy_from_slice(&duration.to_be_bytes());
        return Some(same);
    }
    let mut wide = BytesMut::with_capacity(header.len() + 12);
    wide.put_u8(1);
    wide.put_slice(header.get(1..4)?);
    wide.put_u64(u64::from(u32_at(header, 4)?));
    wide.put_u64(u64::from(u32_at(header, 8)?));
    wide.put_slice(header.get(12..at)?);
    wide.put_u64(duration);
    wide.put_slice(header.get(at + 4..)?);
    Some(wide)
}

/// Ticks per second of `mvhd` or `mdhd`.
fn timescale(header: &[u8]) -> Option<u32> {
    u32_at(header, if *header.first()? == 0 { 12 } else { 20 })
}

/// Of a `tfdt`.
fn begins(tfdt: &[u8]) -> Option<u64> {
    match tfdt.first()? {
        0 => u32_at(tfdt, 4).map(u64::from),
        _ => Some(u64::from(u32_at(tfdt, 4)?) << 32 | u64::from(u32_at(tfdt, 8)?)),
    }
}

fn count_on(runs: &mut Vec<(u32, u32)>, value: u32) {
    match runs.last_mut() {
        Some((count, last)) if *last == value => *count += 1,
        _ => runs.push((1, value)),
    }
}

fn pairs(kind: [u8; 4], version: u8, runs: &[(u32, u32)]) -> BytesMut {
    let mut entries = BytesMut::new();
    for &(count, value) in runs {
        entries.put_u32(count);
        entries.put_u32(value);
    }
    table(kind, version, runs.len(), &entries)
}

/// A full box of counted entries.
fn table(kind: [u8; 4], version: u8, count: usize, entries: &[u8]) -> BytesMut {
    let mut body = BytesMut::with_capacity(8 + entries.len());
    body.put_slice(&[version, 0, 0, 0]);
    body.put_u32(count as u32);
    body.put_slice(entries);
    boxed(kind, &body)
}

fn boxed(kind: [u8; 4], body: &[u8]) -> BytesMut {
    let mut written = BytesMut::with_capacity(BoxHeader::BYTES + body.len());
    written.put_u32((BoxHeader::BYTES + body.len()) as u32);
    written.put_slice(&kind);
    written.put_slice(body);
    written
}

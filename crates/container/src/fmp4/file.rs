//! Files of fragments: where their duration stands, what a fragment holds, and the index at their end.
//!
//! Every box is hand-walked with its length checked: files are read again after a crash, and may end anywhere.
//!
//! Spec: ISO/IEC 14496-12 §4.2, §8.8.2, §8.8.10.

use bytes::Bytes;

/// A track of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileTrack {
    /// `track_ID`.
    pub id: u32,
    /// Ticks per second, not 0.
    pub timescale: u32,
    /// Whether it carries pictures.
    pub video: bool,
}

/// What one track has in a fragment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunSummary {
    /// `track_ID`.
    pub track: u32,
    /// Decoding time of the first sample, in ticks.
    pub begins: u64,
    /// Of all samples together, in ticks.
    pub duration: u64,
    /// Decoding can start with the first sample.
    pub sync: bool,
}

/// A box's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BoxHeader {
    /// Its four characters.
    pub kind: [u8; 4],
    /// All of it, header included, in bytes.
    pub len: u64,
}

impl BoxHeader {
    /// Bytes of a header as this crate writes it.
    pub const BYTES: usize = 8;

    /// Reads a header; `None` for lengths that are not written here: 64-bit ones, those "to the end", and ones that
    /// do not hold their own header.
    #[must_use]
    pub fn read(bytes: [u8; BoxHeader::BYTES]) -> Option<BoxHeader> {
        let [a, b, c, d, kind @ ..] = bytes;
        let len = u64::from(u32::from_be_bytes([a, b, c, d]));
        (len >= BoxHeader::BYTES as u64).then_some(BoxHeader { kind, len })
    }
}

/// The tracks of a `moov` box, given with its header; `None` when it cannot be read.
#[must_use]
pub fn read_tracks(moov: &[u8]) -> Option<Vec<FileTrack>> {
    let tracks = children(moov.get(BoxHeader::BYTES..)?).filter(|(kind, _)| kind == b"trak");
    tracks.map(|(_, trak)| read_track(trak)).collect()
}

fn read_track(trak: &[u8]) -> Option<FileTrack> {
    let tkhd = find(trak, b"tkhd")?;
    let id = u32_at(tkhd, if *tkhd.first()? == 1 { 20 } else { 12 })?;
    let mdia = find(trak, b"mdia")?;
    let mdhd = find(mdia, b"mdhd")?;
    let timescale = u32_at(mdhd, if *mdhd.first()? == 1 { 20 } else { 12 })?;
    let video = find(mdia, b"hdlr")?.get(8..12)? == b"vide";
    (timescale != 0).then_some(FileTrack { id, timescale, video })
}

/// The runs of a `moof` box, given with its header; `None` when it cannot be read.
#[must_use]
pub fn read_runs(moof: &[u8]) -> Option<Vec<RunSummary>> {
    let tracks = children(moof.get(BoxHeader::BYTES..)?).filter(|(kind, _)| kind == b"traf");
    tracks.map(|(_, traf)| read_run(traf)).collect()
}

fn read_run(traf: &[u8]) -> Option<RunSummary> {
    let track = u32_at(find(traf, b"tfhd")?, 4)?;
    let tfdt = find(traf, b"tfdt")?;
    let begins = match tfdt.first()? {
        0 => u64::from(u32_at(tfdt, 4)?),
        _ => u64::from(u32_at(tfdt, 4)?) << 32 | u64::from(u32_at(tfdt, 8)?),
    };
    let trun = find(traf, b"trun")?;
    let flags = u32_at(trun, 0)?;
    let has = |flag: u32| flags & flag != 0;
    let count = u32_at(trun, 4)? as usize;
    let mut at = 8 + 4 * (usize::from(has(DATA_OFFSET)) + usize::from(has(FIRST_SAMPLE_FLAGS)));
    let first_flags = has(FIRST_SAMPLE_FLAGS).then(|| u32_at(trun, at - 4)).flatten();
    let fields = [DURATION, SIZE, SAMPLE_FLAGS, COMPOSITION];
    let entry_bytes = 4 * fields.iter().filter(|field| has(**field)).count();
    // Each sample says its duration here; a file that does otherwise was not written by this crate.
    if !has(DURATION) || trun.len() < at.checked_add(count.checked_mul(entry_bytes)?)? {
        return None;
    }
    let flags_at = at + 4 * (1 + usize::from(has(SIZE)));
    let flags = first_flags.or_else(|| has(SAMPLE_FLAGS).then(|| u32_at(trun, flags_at)).flatten())?;
    let mut duration = 0;
    for _ in 0..count {
        duration += u64::from(u32_at(trun, at)?);
        at += entry_bytes;
    }
    Some(RunSummary { track, begins, duration, sync: flags & NON_SYNC == 0 })
}

/// An initialisation segment with 20 bytes in its `mvex` where the duration is written when it is known.
pub(super) fn with_room_for_duration(init: &[u8]) -> Bytes {
    let mut file = init.to_vec();
    let Some((moov, mvex)) = place_of_mvex(init) else { return file.into() };
    for at in [moov, mvex] {
        let len = u32_at(init, at).unwrap_or(0) + ROOM_BYTES as u32;
        file[at..at + 4].copy_from_slice(&len.to_be_bytes());
    }
    let mut room = [0; ROOM_BYTES];
    room[..4].copy_from_slice(&(ROOM_BYTES as u32).to_be_bytes());
    room[4..8].copy_from_slice(b"free");
    let at = mvex + BoxHeader::BYTES;
    file.splice(at..at, room);
    file.into()
}

/// What to write where, for a file that begins with `init` to say how long it is; `None` when there is no room for it.
///
/// `duration_ms` is in the movie's timescale, which is milliseconds here.
#[must_use]
pub fn duration_box(init: &[u8], duration_ms: u64) -> Option<(u64, [u8; 20])> {
    let (_, mvex) = place_of_mvex(init)?;
    let at = mvex + BoxHeader::BYTES;
    let there = init.get(at..at + ROOM_BYTES)?;
    let known = &there[4..8] == b"free" || &there[4..8] == b"mehd";
    if !known || u32_at(there, 0)? != ROOM_BYTES as u32 {
        return None;
    }
    let mut mehd = [0; ROOM_BYTES];
    mehd[..4].copy_from_slice(&(ROOM_BYTES as u32).to_be_bytes());
    mehd[4..8].copy_from_slice(b"mehd");
    // Version 1: the duration has 64 bits.
    mehd[8] = 1;
    mehd[12..].copy_from_slice(&duration_ms.to_be_bytes());
    Some((at as u64, mehd))
}

/// The index at the end of a file: where decoding of `track` can start. `points` are decoding times in ticks and the
/// places of their `moof`, in bytes from the file's beginning.
#[must_use]
pub fn index(track: u32, points: &[(u64, u64)]) -> Bytes {
    let tfra_len = 24 + points.len() * 19;
    let len = (BoxHeader::BYTES + tfra_len + 16) as u32;
    let mut index = Vec::with_capacity(len as usize);
    index.extend_from_slice(&len.to_be_bytes());
    index.extend_from_slice(b"mfra");
    index.extend_from_slice(&(tfra_len as u32).to_be_bytes());
    // Version 1; numbers of traf, trun and sample have a byte each, and are 1.
    index.extend_from_slice(b"tfra\x01\0\0\0");
    index.extend_from_slice(&track.to_be_bytes());
    index.extend_from_slice(&0_u32.to_be_bytes());
    index.extend_from_slice(&(points.len() as u32).to_be_bytes());
    for (time, offset) in points {
        index.extend_from_slice(&time.to_be_bytes());
        index.extend_from_slice(&offset.to_be_bytes());
        index.extend_from_slice(&[1, 1, 1]);
    }
    index.extend_from_slice(&16_u32.to_be_bytes());
    index.extend_from_slice(b"mfro\0\0\0\0");
    index.extend_from_slice(&len.to_be_bytes());
    index.into()
}

fn place_of_mvex(init: &[u8]) -> Option<(usize, usize)> {
    let moov = place(init, 0, init.len(), b"moov")?;
    let end = moov.checked_add(u32_at(init, moov)? as usize)?;
    Some((moov, place(init, moov + BoxHeader::BYTES, end, b"mvex")?))
}

/// Where a box of this kind begins among the boxes from `at` to `end`.
fn place(bytes: &[u8], mut at: usize, end: usize, wanted: &[u8; 4]) -> Option<usize> {
    while at + BoxHeader::BYTES <= end.min(bytes.len()) {
        let header = BoxHeader::read(bytes.get(at..at + BoxHeader::BYTES)?.try_into().ok()?)?;
        if header.kind == *wanted {
            return Some(at);
        }
        at = at.checked_add(usize::try_from(header.len).ok()?)?;
    }
    None
}

/// The boxes in `bytes`, their bodies without headers; ends at the first that is not whole.
pub(super) fn children(bytes: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let header = BoxHeader::read(*rest.first_chunk()?)?;
        let whole = rest.get(..usize::try_from(header.len).ok()?)?;
        rest = &rest[whole.len()..];
        Some((header.kind, &whole[BoxHeader::BYTES..]))
    })
}

pub(super) fn find<'a>(bytes: &'a [u8], wanted: &[u8; 4]) -> Option<&'a [u8]> {
    children(bytes).find(|(kind, _)| kind == wanted).map(|(_, body)| body)
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

const ROOM_BYTES: usize = 20;
pub(super) const DATA_OFFSET: u32 = 0x1;
pub(super) const FIRST_SAMPLE_FLAGS: u32 = 0x4;
pub(super) const DURATION: u32 = 0x100;
pub(super) const SIZE: u32 = 0x200;
pub(super) const SAMPLE_FLAGS: u32 = 0x400;
pub(super) const COMPOSITION: u32 = 0x800;
/// `sample_is_non_sync_sample`.
pub(super) const NON_SYNC: u32 = 0x1_0000;

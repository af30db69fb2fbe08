//! A second reader of movie fragments, written apart from the one that writes them.

/// One sample as a fragment tells it; times in ticks of its track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadSample {
    /// `track_ID`.
    pub track: u32,
    /// Decoding time.
    pub dts: u64,
    /// Presentation minus decoding time.
    pub composition_offset: i32,
    /// Ticks to the next sample.
    pub duration: u32,
    /// `sample_is_non_sync_sample` is 0.
    pub sync: bool,
    /// The access unit.
    pub data: Vec<u8>,
}

/// The samples of one `moof` and `mdat`, each `trun` with durations, sizes, flags and offsets of its own; none
/// where the duration is empty.
///
/// # Panics
/// When it is built otherwise.
#[must_use]
pub fn read_fragment(bytes: &[u8]) -> Vec<ReadSample> {
    let (kind, moof_len) = header(bytes);
    assert_eq!(kind, *b"moof");
    let (kind, mdat_len) = header(&bytes[moof_len..]);
    assert_eq!((kind, moof_len + mdat_len), (*b"mdat", bytes.len()), "one moof, one mdat, nothing else");
    let tracks = boxes(&bytes[8..moof_len]).filter(|(kind, _)| kind == b"traf");
    tracks.flat_map(|(_, traf)| read_track(traf, bytes)).collect()
}

fn read_track(traf: &[u8], file: &[u8]) -> Vec<ReadSample> {
    let only = |wanted: &[u8; 4]| boxes(traf).find(|(kind, _)| kind == wanted).expect("a required box").1;
    let tfhd = only(b"tfhd");
    if u32_at(tfhd, 0) == 0x03_0008 {
        // The duration is empty and told here: the sample before goes on.
        assert!(boxes(traf).all(|(kind, _)| kind != *b"trun"), "an empty duration has no samples");
        return Vec::new();
    }
    assert_eq!(u32_at(tfhd, 0), 0x02_0000, "default-base-is-moof and nothing else");
    let track = u32_at(tfhd, 4);
    let tfdt = only(b"tfdt");
    let mut dts = match tfdt[0] {
        0 => u64::from(u32_at(tfdt, 4)),
        _ => u64::from(u32_at(tfdt, 4)) << 32 | u64::from(u32_at(tfdt, 8)),
    };
    let trun = only(b"trun");
    let flags = u32_at(trun, 0);
    // Version 1 with data offset, durations, sizes and offsets; flags of each sample or of the only one.
    assert!([0x0100_0f01, 0x0100_0b05].contains(&flags), "trun {flags:x}");
    let first_flags = flags & 4 != 0;
    let (entries_at, entry_len) = if first_flags { (16, 12) } else { (12, 16) };
    let mut data_at = u32_at(trun, 8) as usize;
    let samples = (0..u32_at(trun, 4) as usize).map(|index| {
        let entry = entries_at + index * entry_len;
        let duration = u32_at(trun, entry);
        let size = u32_at(trun, entry + 4) as usize;
        let sample_flags = u32_at(trun, if first_flags { 12 } else { entry + 8 });
        let sample = ReadSample {
            track,
            dts,
            composition_offset: u32_at(trun, entry + entry_len - 4) as i32,
            duration,
            sync: sample_flags & 0x1_0000 == 0,
            data: file[data_at..data_at + size].to_vec(),
        };
        dts += u64::from(duration);
        data_at += size;
        sample
    });
    samples.collect()
}

/// The boxes of `bytes`, each with its kind and its content.
pub(crate) fn boxes(mut bytes: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let (kind, length) = header(bytes);
        let body = &bytes[8..length];
        bytes = &bytes[length..];
        Some((kind, body))
    })
}

fn header(bytes: &[u8]) -> ([u8; 4], usize) {
    let kind = bytes[4..8].try_into().expect("four bytes");
    (kind, u32_at(bytes, 0) as usize)
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

//! Reads MP4 files, as far as tests need real media of every codec.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use media::{
    Aac, Av1, Codec, H264, Hevc, MediaEvent, Opus, Packet, Timescale, Timestamp, Track, TrackId, nal, obu,
};

use crate::fragment::{boxes, u32_at};

/// The first video and the first audio track of a file that is not fragmented: tracks, then packets by
/// decoding time. Edit lists are not applied. There is no end.
///
/// # Panics
/// When the file cannot be read, or holds other codecs than H.264, HEVC, AV1, AAC and Opus.
#[must_use]
pub fn read_mp4(path: &Path) -> Vec<MediaEvent> {
    let file = Bytes::from(std::fs::read(path).expect("the file is there"));
    let (_, moov) = boxes(&file).find(|(kind, _)| kind == b"moov").expect("a whole MP4 file");
    let mut tracks: Vec<(Track, Vec<Packet>)> = Vec::new();
    for (_, trak) in boxes(moov).filter(|(kind, _)| kind == b"trak") {
        let mdia = child(trak, b"mdia");
        let handler = &child(mdia, b"hdlr")[8..12];
        let known = tracks.iter().any(|(track, _)| track.is_video() == (handler == b"vide"));
        if (handler == b"vide" || handler == b"soun") && !known {
            tracks.push(read_track(mdia, &file));
        }
    }
    let mut packets: Vec<Packet> = tracks.iter().flat_map(|(_, packets)| packets.clone()).collect();
    packets.sort_by_key(|packet| packet.dts);
    let tracks: Arc<[Track]> = tracks.into_iter().map(|(track, _)| track).collect();
    std::iter::once(MediaEvent::Tracks(tracks)).chain(packets.into_iter().map(MediaEvent::Packet)).collect()
}

fn read_track(mdia: &[u8], file: &Bytes) -> (Track, Vec<Packet>) {
    let mdhd = child(mdia, b"mdhd");
    let scale = u32_at(mdhd, if mdhd[0] == 1 { 20 } else { 12 });
    let scale = Timescale::new(scale).expect("a timescale");
    let stbl = child(child(mdia, b"minf"), b"stbl");
    let (codec, length_size) = read_codec(child(stbl, b"stsd"));
    let id = TrackId(u8::from(codec.sound().is_some()));
    let timescale = codec
        .sound()
        .map_or(Timescale::MPEG, |sound| Timescale::new(sound.sample_rate).expect("a sample rate"));
    let times = read_times(stbl);
    let samples = read_samples(stbl, file);
    assert_eq!(times.len(), samples.len(), "as many times as samples");
    let packets = times.into_iter().zip(samples).map(|((dts, pts), sample)| {
        let (data, random_access) = packet_data(&codec, length_size, &sample);
        let (dts, pts) = (Timestamp::from_ticks(dts, scale), Timestamp::from_ticks(pts, scale));
        Packet { track: id, dts, pts, random_access, data }
    });
    let packets = packets.collect();
    (Track { id, codec, timescale }, packets)
}

/// The sample's bytes as packets hold them, and whether decoding can start there.
fn packet_data(codec: &Codec, length_size: usize, sample: &Bytes) -> (Bytes, bool) {
    let units = || nal::length_prefixed_units(sample, length_size).map(|unit| unit.expect("a whole unit"));
    match codec {
        Codec::H264(_) => (nal::to_length_prefixed(units()), nal::is_idr_picture(units())),
        Codec::Hevc(_) => (nal::hevc::to_length_prefixed(units()), nal::hevc::is_random_access(units())),
        Codec::Av1(_) => {
            let units = || obu::units(sample).map(|unit| unit.expect("a whole unit"));
            (obu::to_temporal_unit(units()), obu::is_random_access(units()))
        }
        _ => (sample.clone(), true),
    }
}

/// The codec, and the bytes of its NAL lengths.
fn read_codec(stsd: &[u8]) -> (Codec, usize) {
    let (kind, entry) = boxes(&stsd[8..]).next().expect("a sample entry");
    let within = |skip: usize, wanted: &[u8; 4]| Bytes::copy_from_slice(child(&entry[skip..], wanted));
    // QuickTime's second version of a sound description has four more fields.
    let audio_bytes = if entry[9] == 1 { AUDIO_BYTES + 16 } else { AUDIO_BYTES };
    let read = match &kind {
        b"avc1" | b"avc3" => H264::from_avcc(within(VISUAL_BYTES, b"avcC")).map(Codec::H264),
        b"hvc1" | b"hev1" => Hevc::from_hvcc(within(VISUAL_BYTES, b"hvcC")).map(Codec::Hevc),
        b"av01" => Av1::from_av1c(&within(VISUAL_BYTES, b"av1C")).map(Codec::Av1),
        b"mp4a" => {
            // QuickTime hides it in `wave`.
            let boxed = &entry[audio_bytes..];
            let inside = boxes(boxed).find(|(kind, _)| kind == b"wave").map_or(boxed, |(_, wave)| wave);
            Aac::from_asc(decoder_specific(&Bytes::copy_from_slice(child(inside, b"esds")))).map(Codec::Aac)
        }
        b"Opus" => Opus::from_dops(within(audio_bytes, b"dOps")).map(Codec::Opus),
        other => panic!("sample entry {}", other.escape_ascii()),
    };
    let length_size = match &kind {
        b"avc1" | b"avc3" => H264::nal_length_size(&within(VISUAL_BYTES, b"avcC")).expect("a whole record"),
        b"hvc1" | b"hev1" => Hevc::nal_length_size(&within(VISUAL_BYTES, b"hvcC")).expect("a whole record"),
        _ => 4,
    };
    (read.expect("a sound configuration"), length_size)
}

/// The `AudioSpecificConfig` of an `esds`: the content of the descriptor with tag 5.
fn decoder_specific(esds: &Bytes) -> Bytes {
    let mut at = 4;
    loop {
        let tag = esds[at];
        at += 1;
        let mut size = 0;
        loop {
            let byte = esds[at];
            at += 1;
            size = size << 7 | usize::from(byte & 0x7f);
            if byte & 0x80 == 0 {
                break;
            }
        }
        match tag {
            3 => at += 3,  // ES_ID and flags
            4 => at += 13, // objectTypeIndication to avgBitrate
            5 => return esds.slice(at..at + size),
            _ => at += size,
        }
    }
}

/// Decoding and presentation time of every sample, in ticks.
fn read_times(stbl: &[u8]) -> Vec<(i64, i64)> {
    let stts = child(stbl, b"stts");
    let mut times = Vec::new();
    let mut dts = 0;
    for entry in table(stts, 8, 8) {
        for _ in 0..u32_at(entry, 0) {
            times.push((dts, dts));
            dts += i64::from(u32_at(entry, 4));
        }
    }
    if let Some((_, ctts)) = boxes(stbl).find(|(kind, _)| kind == b"ctts") {
        let offsets = table(ctts, 8, 8).flat_map(|entry| {
            let offset = i64::from(u32_at(entry, 4) as i32);
            std::iter::repeat_n(offset, u32_at(entry, 0) as usize)
        });
        for ((dts, pts), offset) in times.iter_mut().zip(offsets) {
            *pts = *dts + offset;
        }
    }
    times
}

fn read_samples(stbl: &[u8], file: &Bytes) -> Vec<Bytes> {
    let stsz = child(stbl, b"stsz");
    let (fixed, count) = (u32_at(stsz, 4) as usize, u32_at(stsz, 8) as usize);
    let sizes: Vec<usize> = match fixed {
        0 => table(stsz, 12, 4).map(|entry| u32_at(entry, 0) as usize).collect(),
        fixed => vec![fixed; count],
    };
    let chunks: Vec<usize> = match boxes(stbl).find(|(kind, _)| kind == b"stco") {
        Some((_, stco)) => table(stco, 8, 4).map(|entry| u32_at(entry, 0) as usize).collect(),
        None => table(child(stbl, b"co64"), 8, 8).map(|entry| u32_at(entry, 4) as usize).collect(),
    };
    let runs: Vec<(usize, usize)> = table(child(stbl, b"stsc"), 8, 12)
        .map(|entry| (u32_at(entry, 0) as usize, u32_at(entry, 4) as usize))
        .collect();
    let mut samples = Vec::new();
    let mut sizes = sizes.into_iter();
    for (index, mut at) in chunks.into_iter().enumerate() {
        let run = runs.iter().rev().find(|(first, _)| *first <= index + 1).expect("every chunk has a run");
        for size in sizes.by_ref().take(run.1) {
            samples.push(file.slice(at..at + size));
            at += size;
        }
    }
    samples
}

/// The entries of a table whose count stands right before them.
fn table(content: &[u8], start: usize, entry_bytes: usize) -> impl Iterator<Item = &[u8]> {
    let count = u32_at(content, start - 4) as usize;
    content[start..].chunks_exact(entry_bytes).take(count)
}

fn child<'a>(parent: &'a [u8], wanted: &[u8; 4]) -> &'a [u8] {
    let found = boxes(parent).find(|(kind, _)| kind == wanted);
    found.unwrap_or_else(|| panic!("no {}", wanted.escape_ascii())).1
}

/// Fields of a visual and of an audio sample entry before their boxes.
const VISUAL_BYTES: usize = 78;
const AUDIO_BYTES: usize = 28;

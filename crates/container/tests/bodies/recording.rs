//! Files of fragments: what is written is read again, whatever end they come to.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::Arc;

use bytes::Bytes;
use container::fmp4::{
    BoxHeader, Fragmenter, Piece, PlainIndex, duration_box, index, read_runs, read_tracks,
};
use media::{Aac, Codec, MediaEvent, Packet, Span, Timescale, Timestamp, Track, TrackId};
use proptest::prelude::*;
use testkit::Source;

fn sound(hz: u32) -> MediaEvent {
    let aac = Aac { asc: Bytes::from_static(&[0x11, 0x90]), sample_rate: hz, channels: 2 };
    let timescale = Timescale::new(hz).unwrap();
    MediaEvent::Tracks(Arc::new([Track { id: TrackId(1), codec: Codec::Aac(aac), timescale }]))
}

fn packet(number: i64, hz: u32) -> MediaEvent {
    let at = Timestamp::from_ticks(number * 1_024, Timescale::new(hz).unwrap());
    let data = Bytes::from_static(&[0x21; 16]);
    MediaEvent::Packet(Packet { track: TrackId(1), dts: at, pts: at, random_access: true, data })
}

/// The pieces of so many packets of sound, to the end.
fn pieces(hz: u32, from: i64, count: i64) -> Vec<Piece> {
    let mut fragmenter = Fragmenter::new();
    let mut pieces = fragmenter.push(&sound(hz)).unwrap();
    for number in from..from + count {
        pieces.extend(fragmenter.push(&packet(number, hz)).unwrap());
    }
    pieces.extend(fragmenter.flush().unwrap());
    pieces
}

fn moof(fragment: &Bytes) -> &[u8] {
    let header = BoxHeader::read(fragment[..8].try_into().unwrap()).unwrap();
    assert_eq!(header.kind, *b"moof");
    &fragment[..header.len as usize]
}

#[test]
fn fragments_follow_each_other_from_zero_and_none_is_longer_than_half_a_second_and_a_frame() {
    let pieces = pieces(48_000, 1_000, 200);
    let Some((Piece::Init(init), fragments)) = pieces.split_first() else { panic!("an init comes first") };
    let moov = &init[init.windows(4).position(|kind| kind == b"moov").unwrap() - 4..];
    let tracks = read_tracks(moov).unwrap();
    assert_eq!((tracks.len(), tracks[0].timescale, tracks[0].video), (1, 48_000, false));
    let mut at = 0;
    for piece in fragments {
        let Piece::Fragment(fragment) = piece else { panic!("one init") };
        let runs = read_runs(moof(fragment)).unwrap();
        assert_eq!((runs.len(), runs[0].begins, runs[0].sync), (1, at, true));
        assert!(runs[0].duration <= 24_000 + 1_024, "{}", runs[0].duration);
        at += runs[0].duration;
    }
    assert_eq!(at, 200 * 1_024);
}

#[test]
fn other_parameters_begin_another_file_and_the_same_go_on() {
    let mut fragmenter = Fragmenter::new();
    let mut inits = 0;
    let mut count = |pieces: Vec<Piece>| {
        inits += pieces.iter().filter(|piece| matches!(piece, Piece::Init(_))).count();
        inits
    };
    count(fragmenter.push(&sound(48_000)).unwrap());
    assert_eq!(count(fragmenter.push(&packet(0, 48_000)).unwrap()), 1);
    count(fragmenter.push(&sound(48_000)).unwrap());
    assert_eq!(count(fragmenter.push(&packet(1, 48_000)).unwrap()), 1);
    count(fragmenter.push(&sound(44_100)).unwrap());
    assert_eq!(count(fragmenter.push(&packet(2, 44_100)).unwrap()), 2);
}

#[test]
fn the_duration_is_written_where_room_was_left() {
    let Some(Piece::Init(init)) = pieces(48_000, 0, 2).into_iter().next() else { panic!("an init") };
    let (at, mehd) = duration_box(&init, 61_000).unwrap();
    let mut file = init.to_vec();
    file[at as usize..at as usize + mehd.len()].copy_from_slice(&mehd);
    assert_eq!(file.len(), init.len());
    assert!(file.windows(4).any(|kind| kind == b"mehd"));
    assert_eq!(duration_box(&file, 61_000), Some((at, mehd)), "it can be written again");
    assert_eq!(duration_box(b"something else", 1), None);
}

#[test]
fn the_index_says_its_own_length_at_its_end() {
    let index = index(1, &[(0, 900), (48_000, 5_000)]);
    let len = u32::try_from(index.len()).unwrap().to_be_bytes();
    assert_eq!((&index[..4], &index[index.len() - 4..]), (&len[..], &len[..]));
}

proptest! {
    #[test]
    fn whatever_stands_in_a_file_is_read_without_harm(at in 0_usize..2_000, byte: u8, cut in 0_usize..2_000) {
        for piece in pieces(48_000, 0, 30) {
            let (Piece::Init(bytes) | Piece::Fragment(bytes)) = piece;
            let mut bytes = bytes.to_vec();
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
            bytes.truncate(cut);
            let _ = (read_runs(&bytes), read_tracks(&bytes), duration_box(&bytes, 1));
        }
    }
}

/// What a recorder writes of these events, made plain at its end.
fn plain(events: &[MediaEvent]) -> Vec<u8> {
    let (mut fragmenter, mut index) = (Fragmenter::new(), PlainIndex::new());
    let (mut file, mut init) = (Vec::new(), Bytes::new());
    for event in events.iter().chain([&MediaEvent::End(media::EndReason::Finished)]) {
        for piece in fragmenter.push(event).unwrap() {
            match piece {
                Piece::Init(bytes) => {
                    file.extend_from_slice(&bytes);
                    init = bytes;
                }
                Piece::Fragment(bytes) => {
                    index.push(file.len() as u64, &bytes).expect("a fragment of our own");
                    file.extend_from_slice(&bytes);
                }
            }
        }
    }
    let (moov, at, header) = index.finish(&init, file.len() as u64).expect("samples");
    file.extend_from_slice(&moov);
    file[at as usize..][..16].copy_from_slice(&header);
    file
}

#[test]
fn a_recording_made_plain_holds_what_was_recorded() {
    for b_frames in [0, 2] {
        let sent = Source { b_frames, duration: Span::from_secs(5), ..Source::default() }.events();
        let file: Bytes = plain(&sent).into();
        let mut reader = container::stored::Reader::new(file.len() as u64);
        let mut read = Vec::new();
        while let Some(wanted) = reader.wanted() {
            let at = usize::try_from(wanted.at).unwrap();
            reader.take(file.slice(at..at + wanted.bytes)).unwrap();
            read.extend(std::iter::from_fn(|| reader.poll()));
        }
        let packets = |events: &[MediaEvent], id: u8| -> Vec<(Span, Span, bool, Bytes)> {
            let of = events.iter().filter_map(|event| match event {
                MediaEvent::Packet(packet) if packet.track.0 == id => Some(packet),
                _ => None,
            });
            let all: Vec<_> = of.collect();
            let first = all[0].dts;
            all.iter().map(|p| (p.dts - first, p.pts - first, p.random_access, p.data.clone())).collect()
        };
        for id in [0, 1] {
            let (read, sent) = (packets(&read, id), packets(&sent, id));
            assert_eq!(read.len(), sent.len());
            for (read, sent) in read.iter().zip(&sent) {
                assert!(
                    (read.0 - sent.0).abs() < Span::from_millis(1)
                        && (read.1 - sent.1).abs() < Span::from_millis(1)
                );
                assert_eq!((read.2, &read.3), (sent.2, &sent.3));
            }
        }
    }
}

#[test]
fn ffmpeg_finds_every_frame_in_the_tables_of_a_recording_made_plain() {
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("plain.mp4");
    let sent = Source { b_frames: 2, duration: Span::from_secs(5), ..Source::default() }.events();
    std::fs::write(&file, plain(&sent)).unwrap();
    let Some(video) = testkit::ffmpeg::packets(&file, "v:0") else { return };
    assert_eq!(video.len(), 150);
    for (number, packet) in video.iter().enumerate() {
        let expected = video[0].dts_s + number as f64 / 30.0;
        assert!((packet.dts_s - expected).abs() < 0.001, "{number}: {} instead of {expected}", packet.dts_s);
        assert_eq!(packet.key, number % 30 == 0, "{number}");
    }
    let audio = testkit::ffmpeg::packets(&file, "a:0").unwrap();
    let length = audio.last().unwrap().dts_s - audio[0].dts_s;
    assert!((length - 5.0).abs() < 0.05, "{length} s of sound");
}

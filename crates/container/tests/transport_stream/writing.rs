//! What is written is read again as it was, by us and by FFmpeg, and keeps the rules of the wire.

use std::collections::HashMap;
use std::path::Path;

use bytes::{Bytes, BytesMut};
use container::mpegts::{MuxError, Muxer};
use container::stored::Reader;
use media::{Codec, MediaEvent, Packet, Span};
use proptest::prelude::*;
use testkit::{Source, ffmpeg, media_file};

use crate::{demux, packets, tracks};

fn mux(events: &[MediaEvent]) -> Bytes {
    let (mut muxer, mut out) = (Muxer::new(), BytesMut::new());
    for event in events {
        muxer.push(event, &mut out).expect("codecs that are written");
        assert_eq!(out.len() % 188, 0);
    }
    out.freeze()
}

/// Times of both streams from the first packet of all, and the data.
fn from_first(read: &[Packet], first: &Packet) -> Vec<(Span, Span, bool, Bytes)> {
    let times = |packet: &Packet| (packet.dts - first.dts, packet.pts - first.dts);
    read.iter()
        .map(|packet| (times(packet).0, times(packet).1, packet.random_access, packet.data.clone()))
        .collect()
}

/// Written and read again, every access unit is the same, at the same time to a tick of 90 kHz.
fn check(sent: &[MediaEvent]) -> Bytes {
    let stream = mux(sent);
    check_wire(&stream);
    let (read, demuxer) = demux(&stream).unwrap();
    assert_eq!(demuxer.warnings(), []);
    let ids = |events: &[MediaEvent]| -> Vec<Codec> {
        tracks(events).into_iter().flatten().map(|track| track.codec).collect()
    };
    assert_eq!(ids(&read).len(), ids(sent).len());
    let video = |events: &[MediaEvent]| {
        tracks(events).iter().flatten().find(|track| track.is_video()).map(|track| track.codec.clone())
    };
    assert_eq!(video(&read), video(sent));
    for is_video in [true, false] {
        let of = |events: &[MediaEvent]| -> Vec<Packet> {
            let ids: Vec<_> = tracks(events)
                .into_iter()
                .flatten()
                .filter(|track| track.is_video() == is_video)
                .map(|t| t.id)
                .collect();
            let all = events.iter().filter_map(|event| match event {
                MediaEvent::Packet(packet) if ids.contains(&packet.track) => Some(packet.clone()),
                _ => None,
            });
            all.collect()
        };
        let (read, sent) = (of(&read), of(sent));
        let (Some(first_read), Some(first_sent)) = (read.first(), sent.first()) else { continue };
        let (read, sent) = (from_first(&read, first_read), from_first(&sent, first_sent));
        assert_eq!(read.len(), sent.len());
        let tick = Span::from_flicks(Span::from_secs(1).flicks() / 90_000);
        for (read, sent) in read.iter().zip(&sent) {
            assert!((read.0 - sent.0).abs() <= tick + tick && (read.1 - sent.1).abs() <= tick + tick);
            assert_eq!((read.2, &read.3), (sent.2, &sent.3));
        }
    }
    stream
}

/// Sync bytes, counters, tables and clock are where the standard wants them.
fn check_wire(stream: &[u8]) {
    let mut counters = HashMap::<u16, u8>::new();
    let mut clocks = Vec::new();
    for packet in stream.chunks(188) {
        let pid = u16::from_be_bytes([packet[1] & 0x1f, packet[2]]);
        assert_eq!(packet[0], 0x47);
        if packet[3] & 0x10 != 0 {
            let expected = counters.get(&pid).map_or(packet[3] & 0x0f, |last| (last + 1) & 0x0f);
            assert_eq!(packet[3] & 0x0f, expected, "PID {pid:#x}");
            counters.insert(pid, packet[3] & 0x0f);
        }
        if packet[3] & 0x20 != 0 && packet[4] > 0 && packet[5] & 0x10 != 0 {
            let base = packet[6..11].iter().fold(0_u64, |clock, &byte| clock << 8 | u64::from(byte)) >> 7;
            clocks.push(base);
        }
    }
    assert_eq!(u16::from_be_bytes([stream[1] & 0x1f, stream[2]]), 0, "the tables come first");
    // The clock wraps after 33 bits.
    let steps = clocks.windows(2).map(|pair| (pair[1].wrapping_sub(pair[0])) & ((1 << 33) - 1));
    steps.for_each(|step| assert!(step <= 9_000, "{step} ticks without a clock"));
}

fn clip(name: &str) -> Option<Vec<MediaEvent>> {
    let file: Bytes = std::fs::read(media_file(name)?).unwrap().into();
    let (mut reader, mut events) = (Reader::new(file.len() as u64), Vec::new());
    while let Some(wanted) = reader.wanted() {
        let at = usize::try_from(wanted.at).unwrap();
        reader.take(file.slice(at..at + wanted.bytes)).unwrap();
        events.extend(std::iter::from_fn(|| reader.poll()));
    }
    Some(events)
}

#[test]
fn a_stream_of_h264_and_aac_comes_back_as_it_was() {
    for b_frames in [0, 2] {
        check(&Source { b_frames, duration: Span::from_secs(5), ..Source::default() }.events());
    }
}

#[test]
fn sound_alone_carries_the_clock_and_slow_pictures_get_one_between_them() {
    check(&Source { frames: Vec::new(), ..Source::default() }.events());
    check(&Source { frames: vec![Span::from_secs(1)], gops: vec![2], ..Source::default() }.events());
}

#[test]
fn times_go_on_where_the_wire_wraps() {
    // From the first packet 33 bits of 90 kHz last 95 443.7 s: a stream that jumps ahead to just before.
    let mut sent = Source { duration: Span::from_secs(4), sample_rate: None, ..Source::default() }.events();
    for (index, event) in sent.iter_mut().enumerate() {
        let MediaEvent::Packet(packet) = event else { continue };
        if index > 30 {
            packet.dts += Span::from_secs(47_720);
            packet.pts += Span::from_secs(47_720);
        }
        if index > 60 {
            packet.dts += Span::from_secs(47_720);
            packet.pts += Span::from_secs(47_720);
        }
    }
    let (mut muxer, mut out) = (Muxer::new(), BytesMut::new());
    sent.iter().for_each(|event| muxer.push(event, &mut out).unwrap());
    let read = packets(&demux(&out).unwrap().0, true);
    let last = read.last().unwrap();
    let step = last.dts - read[read.len() - 2].dts;
    assert!((step.as_secs_f64() - 1.0 / 30.0).abs() < 0.001, "{step}");
}

#[test]
fn real_clips_are_read_by_ffmpeg_without_a_word() {
    for (name, video, audio) in [
        ("d_bbb_h264_426x238_23976.mp4", true, true),
        ("bbb_480p24_bframes_aac51.mp4", true, true),
        ("d_bbb_hevc_closed48_nob.mp4", true, false),
        ("d_bbb_vertical_720x1280_30_mono441_jfk.mp4", true, true),
        ("unsup_opus.mp4", false, true),
    ] {
        let Some(sent) = clip(name) else { return };
        let stream = check(&sent);
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("written-{name}.ts"));
        std::fs::write(&file, &stream).unwrap();
        let Some(said) = ffmpeg::warnings(&file) else { return };
        assert_eq!(said, "", "{name}");
        for (which, expected, is_there) in [("v:0", true, video), ("a:0", false, audio)] {
            let probed = ffmpeg::packets(&file, which).unwrap_or_default();
            let tracks = tracks(&sent);
            let ids: Vec<_> = tracks[0].iter().filter(|t| t.is_video() == expected).map(|t| t.id).collect();
            let count =
                sent.iter().filter(|event| matches!(event, MediaEvent::Packet(p) if ids.contains(&p.track)));
            if is_there {
                assert_eq!(probed.len(), count.count(), "{name} {which}");
            }
        }
    }
}

#[test]
fn what_cannot_be_carried_is_named() {
    let Some(sent) = clip("unsup_av1.mp4") else { return };
    let refused = Muxer::new().push(&sent[0], &mut BytesMut::new());
    assert_eq!(refused, Err(MuxError::UnsupportedCodec { codec: "AV1" }));
    let unannounced = Source::default().events().into_iter().nth(1).unwrap();
    assert_eq!(Muxer::new().push(&unannounced, &mut BytesMut::new()), Err(MuxError::UnknownTrack(0)));
}

#[test]
fn new_tracks_are_told_in_the_tables_before_what_follows() {
    let both = Source { duration: Span::from_secs(2), ..Source::default() };
    let alone = Source { sample_rate: None, start: media::Timestamp::from_millis(2_000), ..both.clone() };
    let stream = mux(&[both.events(), alone.events()].concat());
    let (read, _) = demux(&stream).unwrap();
    assert_eq!(tracks(&read).iter().map(Vec::len).collect::<Vec<_>>(), [2, 1]);
    assert_eq!(packets(&read, true).len(), 120);
}

proptest! {
    #[test]
    fn an_access_unit_of_any_length_fills_whole_packets(lengths in prop::collection::vec(1_usize..2_000, 1..20)) {
        let mut sent = Source { sample_rate: None, ..Source::default() }.events();
        sent.truncate(lengths.len() + 1);
        for (event, length) in sent.iter_mut().skip(1).zip(&lengths) {
            let MediaEvent::Packet(packet) = event else { continue };
            let kind = if packet.random_access { 0x65 } else { 0x41 };
            let unit = [&[kind], vec![0x80; *length].as_slice()].concat();
            packet.data = [&(unit.len() as u32).to_be_bytes()[..], &unit].concat().into();
        }
        let stream = mux(&sent);
        check_wire(&stream);
        let read = packets(&demux(&stream).unwrap().0, true);
        prop_assert_eq!(read.len(), lengths.len());
        for (read, sent) in read.iter().zip(sent.iter().skip(1)) {
            let MediaEvent::Packet(sent) = sent else { continue };
            prop_assert_eq!(&read.data, &sent.data);
        }
    }
}

//! What a publisher may send, and what becomes of it.

use bytes::Bytes;
use container::flv::{Demuxer, Error, TagKind, Warning};
use media::{Codec, EndReason, H264, MediaEvent, Packet, Span, StreamChecker, Timestamp};
use testkit::Source;

use crate::demux;

const SPS: &[u8] = &[
    0x67, 0x42, 0xc0, 0x0d, 0xd9, 0x01, 0x41, 0x9f, 0x9f, 0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10, 0x00,
    0x00, 0x03, 0x03, 0xc0, 0xf1, 0x42, 0xa4, 0x80,
];
/// Big Buck Bunny at 800×640.
const OTHER_SPS: &[u8] = &[
    0x67, 0x64, 0x00, 0x1f, 0xac, 0xd9, 0x00, 0xc8, 0x14, 0x6f, 0xfc, 0x01, 0x00, 0x00, 0xb4, 0x40, 0x00,
    0x00, 0x03, 0x00, 0x40, 0x00, 0x00, 0x0f, 0x23, 0xc6, 0x0c, 0x65, 0x80,
];
const PPS: &[u8] = &[0x68, 0xcb, 0x83, 0xcb, 0x20];
const IDR: &[u8] = &[0x65, 0x88, 1];
const SLICE: &[u8] = &[0x41, 0x9a, 2];

pub type Tag = (TagKind, u32, Bytes);

fn avcc() -> Bytes {
    H264::from_parameter_sets(&[Bytes::from_static(SPS)], &[Bytes::from_static(PPS)]).expect("real sets").avcc
}

fn video_header() -> Tag {
    (TagKind::Video, 0, [&[0x17, 0, 0, 0, 0], &avcc()[..]].concat().into())
}

fn audio_header() -> Tag {
    (TagKind::Audio, 0, Bytes::from_static(&[0xaf, 0, 0x11, 0x90]))
}

fn picture_with(timestamp_ms: u32, first: u8, length_size: usize, units: &[&[u8]]) -> Tag {
    let mut body = vec![first, 1, 0, 0, 0];
    for unit in units {
        body.extend_from_slice(&(unit.len() as u32).to_be_bytes()[4 - length_size..]);
        body.extend_from_slice(unit);
    }
    (TagKind::Video, timestamp_ms, body.into())
}

fn key(timestamp_ms: u32) -> Tag {
    picture_with(timestamp_ms, 0x17, 4, &[IDR])
}

fn inter(timestamp_ms: u32) -> Tag {
    picture_with(timestamp_ms, 0x27, 4, &[SLICE])
}

fn sound(timestamp_ms: u32) -> Tag {
    (TagKind::Audio, timestamp_ms, Bytes::from_static(&[0xaf, 1, 0x21, 0x10]))
}

/// `onMetaData` with these keys, all 7.
pub fn metadata(keys: &[&str]) -> Tag {
    let mut body = vec![2, 0, 10];
    body.extend_from_slice(b"onMetaData");
    body.extend_from_slice(&[8, 0, 0, 0, 1]);
    for key in keys {
        body.extend_from_slice(&[0, key.len() as u8]);
        body.extend_from_slice(key.as_bytes());
        body.extend_from_slice(&[0, 0x40, 0x1c, 0, 0, 0, 0, 0, 0]);
    }
    body.extend_from_slice(&[0, 0, 9]);
    (TagKind::Script, 0, body.into())
}

fn packets(events: &[MediaEvent]) -> Vec<&Packet> {
    events
        .iter()
        .filter_map(|event| if let MediaEvent::Packet(packet) = event { Some(packet) } else { None })
        .collect()
}

/// Tracks in each `Tracks` event.
fn track_counts(events: &[MediaEvent]) -> Vec<usize> {
    events
        .iter()
        .filter_map(|event| if let MediaEvent::Tracks(tracks) = event { Some(tracks.len()) } else { None })
        .collect()
}

fn millis(packets: &[&Packet]) -> Vec<i64> {
    packets.iter().map(|packet| (packet.dts - Timestamp::ZERO).as_millis()).collect()
}

#[test]
fn other_codecs_are_refused_by_name() {
    for (kind, body, codec) in [
        (TagKind::Video, &[0x12, 0][..], "Sorenson H.263"),
        (TagKind::Video, &[0x14, 0], "VP6"),
        (TagKind::Video, b"\x90vp09", "VP9"),
        (TagKind::Video, b"\x90vvc1", "VVC"),
        (TagKind::Video, b"\x90\x01xyz", "codec \\x01xyz"),
        (TagKind::Video, b"\x90Opus", "Opus as video"),
        (TagKind::Audio, &[0xbf, 0xff], "Speex"),
        (TagKind::Audio, &[0x6f, 0xff], "Nellymoser"),
        (TagKind::Audio, &[0x1f, 0xff], "ADPCM"),
        (TagKind::Audio, b"\x90ac-3", "AC-3"),
        (TagKind::Audio, b"\x90fLaC", "FLAC"),
        (TagKind::Audio, b"\x90hvc1", "HEVC as audio"),
    ] {
        let refused = Demuxer::new().push(kind, 0, Bytes::copy_from_slice(body));
        assert_eq!(refused, Err(Error::UnsupportedCodec { codec: codec.to_owned() }));
    }
    let words = Error::UnsupportedCodec { codec: "Speex".to_owned() }.to_string();
    let expected = "Speex over RTMP is not supported: send H.264, HEVC or AV1 video and AAC or Opus audio";
    assert_eq!(words, expected);
}

#[test]
fn a_sequence_header_that_cannot_be_read_is_refused() {
    let body = Bytes::from_static(&[0x17, 0, 0, 0, 0, 1, 2, 3]);
    let refused = Demuxer::new().push(TagKind::Video, 0, body);
    assert!(matches!(refused, Err(Error::BadSequenceHeader { kind: TagKind::Video, .. })));
}

#[test]
fn tracks_come_once_both_are_known() {
    let (events, _) = demux(&[video_header(), audio_header(), sound(0), key(10), sound(21), inter(43)]);
    assert_eq!(track_counts(&events), [2]);
    assert!(matches!(events[0], MediaEvent::Tracks(_)));
    assert_eq!(packets(&events).len(), 4, "the sound that waited is there too");
}

#[test]
fn metadata_that_names_one_track_saves_the_wait() {
    let (events, _) = demux(&[metadata(&["width", "videocodecid"]), video_header(), key(0)]);
    assert_eq!(track_counts(&events), [1]);
    assert_eq!(packets(&events).len(), 1);
}

#[test]
fn a_track_that_never_comes_is_waited_for_two_seconds_of_media() {
    let frames: Vec<Tag> =
        (0..100).map(|frame| if frame == 0 { key(0) } else { inter(frame * 40) }).collect();
    let tags = [vec![metadata(&["videocodecid", "audiocodecid"]), video_header()], frames].concat();
    let (before, _) = demux(&tags[..50]);
    assert_eq!(before, []);
    let (after, _) = demux(&tags);
    assert_eq!(track_counts(&after), [1]);
    assert_eq!(packets(&after).len(), 100, "the only IDR picture was kept meanwhile");
}

#[test]
fn sound_that_comes_late_joins_at_the_next_idr() {
    let mut tags =
        vec![metadata(&["videocodecid"]), video_header(), key(0), inter(40), audio_header(), sound(60)];
    tags.extend([inter(80), key(120), sound(130), inter(160)]);
    let (events, demuxer) = demux(&tags);
    assert_eq!(track_counts(&events), [1, 2]);
    assert_eq!(millis(&packets(&events)), [0, 40, 80, 120, 130, 160]);
    assert_eq!(demuxer.counters().early_audio, 1);
}

#[test]
fn pictures_before_an_idr_are_dropped_and_counted() {
    let (events, demuxer) =
        demux(&[metadata(&["videocodecid"]), inter(0), video_header(), inter(40), key(80)]);
    assert_eq!(millis(&packets(&events)), [80]);
    assert_eq!((demuxer.counters().without_parameters, demuxer.counters().before_idr), (1, 1));
}

#[test]
fn the_keyframe_flag_alone_makes_no_random_access() {
    let open_gop = picture_with(40, 0x17, 4, &[&[0x06, 6, 1, 0x80], &[0x41, 0x9a]]);
    let (events, demuxer) = demux(&[metadata(&["videocodecid"]), video_header(), key(0), open_gop]);
    let access: Vec<bool> = packets(&events).iter().map(|packet| packet.random_access).collect();
    assert_eq!(access, [true, false]);
    assert_eq!(demuxer.warnings(), [Warning::OpenGop { keyframes: 1 }]);
}

#[test]
fn in_band_parameter_sets_are_taken_out() {
    let repeated = picture_with(0, 0x17, 4, &[&[0x09, 0xf0], SPS, PPS, &[0x06, 5, 1], IDR]);
    let (events, _) = demux(&[metadata(&["videocodecid"]), video_header(), repeated]);
    assert_eq!(track_counts(&events), [1]);
    assert_eq!(&packets(&events)[0].data[..], [0, 0, 0, 3, 0x06, 5, 1, 0, 0, 0, 3, 0x65, 0x88, 1]);
}

#[test]
fn other_parameter_sets_in_band_mean_new_tracks_before_the_idr() {
    let other = picture_with(80, 0x17, 4, &[OTHER_SPS, PPS, IDR]);
    let (events, _) =
        demux(&[metadata(&["videocodecid"]), video_header(), key(0), inter(40), other, inter(120)]);
    let Some(MediaEvent::Tracks(tracks)) = events.get(3) else { panic!("{events:?}") };
    let Codec::H264(h264) = &tracks[0].codec else { panic!("{tracks:?}") };
    assert_eq!(h264.size, media::Size::new(800, 640));
    assert_eq!(millis(&packets(&events)), [0, 40, 80, 120]);
}

#[test]
fn nal_lengths_of_two_bytes_become_four() {
    let mut avcc = avcc().to_vec();
    avcc[4] = 0xfd;
    let header = (TagKind::Video, 0, [&[0x17, 0, 0, 0, 0], &avcc[..]].concat().into());
    let (events, _) = demux(&[metadata(&["videocodecid"]), header, picture_with(0, 0x17, 2, &[IDR])]);
    assert_eq!(&packets(&events)[0].data[..], [0, 0, 0, 3, 0x65, 0x88, 1]);
}

#[test]
fn composition_times_are_signed() {
    let mut early = inter(40).2.to_vec();
    early[2..5].copy_from_slice(&[0xff, 0xff, 0xf6]);
    let mut late = inter(80).2.to_vec();
    late[2..5].copy_from_slice(&[0, 0, 80]);
    let tags = [(TagKind::Video, 40, early.into()), (TagKind::Video, 80, late.into())];
    let (events, _) =
        demux(&[vec![metadata(&["videocodecid"]), video_header(), key(0)], tags.to_vec()].concat());
    let offsets: Vec<i64> =
        packets(&events).iter().map(|packet| packet.composition_offset().as_millis()).collect();
    assert_eq!(offsets, [0, -10, 80]);
}

#[test]
fn stamps_go_on_where_32_bits_end() {
    let base = u32::MAX - 49;
    let (events, _) =
        demux(&[metadata(&["videocodecid"]), video_header(), key(base), inter(base + 40), inter(30)]);
    let at = millis(&packets(&events));
    assert_eq!([at[1] - at[0], at[2] - at[1]], [40, 40]);
}

#[test]
fn a_clock_set_back_goes_on_from_the_next_idr() {
    let mut tags = vec![metadata(&["videocodecid"]), video_header(), key(60_000), inter(60_040)];
    tags.extend([inter(0), inter(40), key(80), inter(120)]);
    let (events, demuxer) = demux(&tags);
    assert_eq!(millis(&packets(&events)), [60_000, 60_040, 60_160, 60_200]);
    assert_eq!(demuxer.counters().clock_restarts, 1);
}

#[test]
fn repeated_stamps_are_nudged() {
    let (events, _) =
        demux(&[metadata(&["videocodecid"]), video_header(), key(0), inter(0), inter(0), inter(40)]);
    assert_eq!(millis(&packets(&events)), [0, 1, 2, 40]);
}

#[test]
fn a_cut_access_unit_is_left_out_and_counted() {
    let mut cut = inter(40).2.to_vec();
    cut.truncate(10);
    let tags =
        [metadata(&["videocodecid"]), video_header(), key(0), (TagKind::Video, 40, cut.into()), inter(80)];
    let (events, demuxer) = demux(&tags);
    assert_eq!(millis(&packets(&events)), [0, 80]);
    assert_eq!(demuxer.warnings(), [Warning::Malformed { bodies: 1 }]);
}

#[test]
fn a_gap_in_the_sound_stays_a_gap() {
    let mut tags = vec![metadata(&["audiocodecid"]), audio_header()];
    tags.extend([0, 21, 43, 64, 300, 321].map(sound));
    let (events, demuxer) = demux(&tags);
    let packets = packets(&events);
    let steps: Vec<Span> = packets.windows(2).map(|pair| pair[1].dts - pair[0].dts).collect();
    let frame = Span::from_flicks(Span::from_secs(1).flicks() * 1_024 / 48_000);
    assert_eq!(steps[..3], [frame; 3]);
    assert_eq!(steps[3], Span::from_millis(236));
    assert_eq!(steps[4], frame);
    assert_eq!(demuxer.counters().audio_gaps, 1);
}

#[test]
fn the_sample_clock_of_he_aac_is_the_core_s() {
    // Explicit SBR: core 24 kHz, so an access unit lasts 42.67 ms.
    let header = (TagKind::Audio, 0, Bytes::from_static(&[0xaf, 0, 0x2b, 0x11, 0x88, 0x00]));
    let (events, demuxer) =
        demux(&[metadata(&["audiocodecid"]), header, sound(0), sound(43), sound(85), sound(128)]);
    let packets = packets(&events);
    assert_eq!(packets[3].dts, Timestamp::from_millis(128));
    assert_eq!(demuxer.counters().audio_gaps, 0);
}

#[test]
fn what_is_muxed_ends_with_the_end_of_sequence() {
    let mut muxer = container::flv::Muxer::new();
    muxer.push(&MediaEvent::Tracks(Source::default().tracks())).expect("tracks");
    let tags = muxer.push(&MediaEvent::End(EndReason::Finished)).expect("an end");
    assert_eq!(tags.len(), 1);
    assert_eq!(&tags[0].body[..], [0x17, 2, 0, 0, 0]);
    let mut checker = StreamChecker::new();
    let (events, _) =
        demux(&[video_header(), audio_header(), key(0), (TagKind::Video, 0, tags[0].body.clone())]);
    assert_eq!(events.iter().try_for_each(|event| checker.check(event)), Ok(()));
}

//! What streamers' tools really send: clips and habits that are not by the book, or at its edge.

use bytes::Bytes;
use container::flv::{Muxer, TagKind, Warning};
use container::fmp4::codec_string;
use media::{Codec, MediaEvent, Packet, Rational, Size, Span, Timestamp, Track, TrackKind};
use testkit::{media_file, read_mp4};

use crate::demux;
use crate::demuxer::{Tag, metadata};

/// A clip as it comes out of the tags made of it, and as it went in.
struct Clip {
    sent: Vec<MediaEvent>,
    read: Vec<MediaEvent>,
}

impl Clip {
    fn of(name: &str) -> Option<Clip> {
        let sent = read_mp4(&media_file(name)?);
        let (read, demuxer) = demux(&tags(&sent));
        let counters = demuxer.counters();
        assert_eq!((counters.malformed, counters.misplaced, counters.audio_gaps), (0, 0, 0), "{name}");
        Some(Clip { sent, read })
    }

    fn track(&self, kind: TrackKind) -> &Track {
        tracks(&self.read).iter().find(|track| track.kind() == kind).expect("the track")
    }
}

fn tags(events: &[MediaEvent]) -> Vec<Tag> {
    let mut muxer = Muxer::new();
    let has = |video| tracks(events).iter().any(|track| track.is_video() == video);
    let announced = match (has(true), has(false)) {
        (true, true) => metadata(&["videocodecid", "audiocodecid"]),
        (true, false) => metadata(&["videocodecid"]),
        _ => metadata(&["audiocodecid"]),
    };
    let tags = events.iter().flat_map(|event| muxer.push(event).expect("codecs that are known"));
    std::iter::once(announced).chain(tags.map(|tag| (tag.kind, tag.timestamp_ms, tag.body))).collect()
}

fn tracks(events: &[MediaEvent]) -> &[Track] {
    let all = events.iter().find_map(|event| match event {
        MediaEvent::Tracks(tracks) => Some(tracks),
        _ => None,
    });
    all.expect("tracks")
}

fn packets(events: &[MediaEvent], kind: TrackKind) -> Vec<&Packet> {
    let wanted = tracks(events).iter().find(|track| track.kind() == kind).map(|track| track.id);
    let packets = events.iter().filter_map(|event| match event {
        MediaEvent::Packet(packet) if Some(packet.track) == wanted => Some(packet),
        _ => None,
    });
    packets.collect()
}

#[test]
fn b_pyramids_keep_the_order_of_their_pictures() {
    for name in ["bbb_800x640_bpyramid.mp4", "bbb_800x640_nonref_b.mp4", "d_bbb_h264_opengop48_b3.mp4"] {
        let Some(clip) = Clip::of(name) else { return };
        let order = |events: &[MediaEvent]| {
            let mut shown: Vec<(Timestamp, usize)> =
                packets(events, TrackKind::Video).iter().enumerate().map(|(n, p)| (p.pts, n)).collect();
            shown.sort_unstable();
            shown.into_iter().map(|(_, index)| index).collect::<Vec<_>>()
        };
        assert_eq!(order(&clip.read), order(&clip.sent), "{name}");
        let reordered = packets(&clip.read, TrackKind::Video).iter().any(|packet| packet.pts > packet.dts);
        assert!(reordered, "{name} has B-frames");
    }
}

#[test]
fn frame_rates_of_60_and_29_97_are_told_and_do_not_drift() {
    for (name, num, den) in
        [("d_bbb_720p60_gop120.mp4", 60, 1), ("cam_720x1080_portrait_mono441.mp4", 30_000, 1_001)]
    {
        let Some(clip) = Clip::of(name) else { return };
        let picture = clip.track(TrackKind::Video).codec.picture().expect("video");
        assert_eq!(picture.frame_rate, Some(Rational { num, den }), "{name}");
        let video = packets(&clip.read, TrackKind::Video);
        let second = Span::from_secs(1).flicks();
        for (index, packet) in video.iter().enumerate() {
            let exact = Span::from_flicks(second * i64::from(den) * index as i64 / i64::from(num));
            let off = (packet.dts - video[0].dts) - exact;
            assert!(off.abs() <= Span::from_millis(1), "{name}: picture {index} is off by {off:?}");
        }
    }
}

#[test]
fn mono_of_44_1_khz_has_no_gap_between_its_access_units() {
    let Some(clip) = Clip::of("d_jfk_mono44100_aac.m4a") else { return };
    let sound = clip.track(TrackKind::Audio).codec.sound().expect("sound");
    assert_eq!((sound.sample_rate, sound.channels), (44_100, 1));
    let frame = Span::from_flicks(Span::from_secs(1).flicks() * 1_024 / 44_100);
    for pair in packets(&clip.read, TrackKind::Audio).windows(2) {
        assert_eq!(pair[1].dts - pair[0].dts, frame);
    }
}

#[test]
fn the_rotation_of_a_phone_s_file_does_not_travel() {
    // It stands in the file's track header, for which neither FLV nor RTMP has a place: the picture is shown
    // as it is coded, lying on its side.
    let Some(clip) = Clip::of("iphone_hevc10_opengop_rot90.mp4") else { return };
    let picture = clip.track(TrackKind::Video).codec.picture().expect("video");
    assert_eq!(picture.size, Size::new(1_920, 1_080));
}

#[test]
fn he_aac_with_parametric_stereo_keeps_the_clock_of_its_core() {
    // Object type 29, core 24 kHz mono, output 48 kHz, then AAC LC.
    let header = (TagKind::Audio, 0, Bytes::from_static(&[0xaf, 0, 0xeb, 0x09, 0x88, 0x00]));
    let sound = |at| (TagKind::Audio, at, Bytes::from_static(&[0xaf, 1, 0x21, 0x10]));
    let stamps = [0, 43, 85, 128, 171];
    let tags: Vec<Tag> = [metadata(&["audiocodecid"]), header].into_iter().chain(stamps.map(sound)).collect();
    let (read, demuxer) = demux(&tags);
    let codec = &tracks(&read)[0].codec;
    assert_eq!(codec_string(codec), "mp4a.40.29");
    assert_eq!(codec.sound().map(|sound| (sound.sample_rate, sound.channels)), Some((24_000, 2)));
    let frame = Span::from_flicks(Span::from_secs(1).flicks() * 1_024 / 24_000);
    for pair in packets(&read, TrackKind::Audio).windows(2) {
        assert_eq!(pair[1].dts - pair[0].dts, frame);
    }
    assert_eq!(demuxer.counters().audio_gaps, 0);
}

/// The tags of a clip whose parameter sets stand in front of each IDR picture, with this header or none.
fn with_parameters_in_the_stream(name: &str, header: Option<&[u8]>) -> Option<Vec<Tag>> {
    let events = read_mp4(&media_file(name)?);
    let codec = &tracks(&events).iter().find(|track| track.is_video()).expect("video").codec;
    let sets: Vec<Bytes> = match codec {
        Codec::H264(h264) => {
            let (sps, pps) = h264.parameter_sets();
            [sps, pps].concat()
        }
        Codec::Hevc(hevc) => {
            let sets = hevc.parameter_sets();
            [sets.vps, sets.sps, sets.pps].concat()
        }
        other => panic!("{other:?}"),
    };
    let prefixed = |unit: &Bytes| [&(unit.len() as u32).to_be_bytes()[..], unit].concat();
    let sets: Vec<u8> = sets.iter().flat_map(prefixed).collect();
    let mut tags = tags(&events);
    // The second tag is the video's header.
    match header {
        Some(header) => tags[1].2 = Bytes::copy_from_slice(header),
        None => drop(tags.remove(1)),
    }
    for (kind, _, body) in &mut tags {
        let (head, key) = match (*kind, body[0]) {
            (TagKind::Video, 0x17) => (5, body[1] == 1),
            (TagKind::Video, 0x93) => (5, true),
            (TagKind::Video, 0x91) => (8, true),
            _ => continue,
        };
        if key {
            *body = [&body[..head], &sets, &body[head..]].concat().into();
        }
    }
    Some(tags)
}

#[test]
fn parameter_sets_that_the_header_lacks_are_taken_from_the_stream() {
    let empty_avcc: &[u8] = &[0x17, 0, 0, 0, 0, 1, 0x64, 0, 0x1f, 0xff, 0xe0, 0];
    let mut empty_hvcc = b"\x90hvc1".to_vec();
    empty_hvcc.extend_from_slice(&[1; 21]);
    empty_hvcc.extend_from_slice(&[0xff, 0]);
    for (name, empty) in
        [("bbb_800x640_bpyramid.mp4", empty_avcc), ("d_bbb_hevc_closed48_nob.mp4", &empty_hvcc[..])]
    {
        let Some(clip) = Clip::of(name) else { return };
        for header in [Some(empty), None] {
            let tags = with_parameters_in_the_stream(name, header).expect("the clip is there");
            let (read, demuxer) = demux(&tags);
            assert_eq!(read, clip.read, "{name} with {header:?}");
            assert_eq!(demuxer.warnings(), [], "{name}");
        }
    }
}

#[test]
fn video_without_any_parameter_sets_is_told_and_the_sound_goes_on() {
    let Some(path) = media_file("d_bbb_720p60_gop120.mp4") else { return };
    let mut tags = tags(&read_mp4(&path));
    tags.remove(1);
    let (read, demuxer) = demux(&tags);
    assert!(tracks(&read).iter().all(|track| !track.is_video()));
    assert!(packets(&read, TrackKind::Audio).len() > 500);
    let [Warning::NoParameters { packets }] = demuxer.warnings()[..] else {
        panic!("{:?}", demuxer.warnings())
    };
    assert_eq!(packets, 900, "every picture");
}

#[test]
fn start_codes_where_lengths_belong_are_read() {
    let Some(clip) = Clip::of("bbb_800x640_bpyramid.mp4") else { return };
    let mut tags = tags(&clip.sent);
    for (_, _, body) in tags.iter_mut().filter(|(kind, _, body)| *kind == TagKind::Video && body[1] == 1) {
        let units = media::nal::length_prefixed_units(&body[5..], 4).map(|unit| unit.expect("sound"));
        let annex_b: Vec<u8> = units.flat_map(|unit| [&[0, 0, 0, 1], unit].concat()).collect();
        *body = [&body[..5], &annex_b].concat().into();
    }
    let (read, demuxer) = demux(&tags);
    let count = |events| packets(events, TrackKind::Video).len();
    assert_eq!((count(&read), demuxer.counters().malformed), (count(&clip.read), 0));
}

#[test]
fn stamps_that_begin_below_zero_lose_nothing() {
    let Some(clip) = Clip::of("bbb_800x640_bpyramid.mp4") else { return };
    let mut tags = tags(&clip.sent);
    for (_, at, _) in &mut tags {
        *at = at.wrapping_sub(500);
    }
    let (read, _) = demux(&tags);
    let (read, expected) = (packets(&read, TrackKind::Video), packets(&clip.read, TrackKind::Video));
    let since = |packets: &[&Packet]| -> Vec<(Span, Span)> {
        packets.iter().map(|packet| (packet.dts - packets[0].dts, packet.composition_offset())).collect()
    };
    assert_eq!(since(&read), since(&expected));
}

#[test]
fn a_jump_ahead_stays_a_gap_and_an_absurd_one_is_another_clock() {
    let Some(clip) = Clip::of("bbb_800x640_bpyramid.mp4") else { return };
    for (by_ms, restarts) in [(10_000, 0), (2_000_000_000, 1)] {
        let mut tags = tags(&clip.sent);
        let from = tags.len() - 60;
        for (_, at, _) in &mut tags[from..] {
            *at += by_ms;
        }
        let (read, demuxer) = demux(&tags);
        assert_eq!(demuxer.counters().clock_restarts, restarts);
        let video = packets(&read, TrackKind::Video);
        let longest = video.windows(2).map(|pair| pair[1].dts - pair[0].dts).max().expect("pictures");
        let expected = if restarts == 0 { 10_033..=10_034 } else { 33..=1_100 };
        assert!(expected.contains(&longest.as_millis()), "{longest:?} after a jump of {by_ms} ms");
        // Behind another clock decoding starts anew: at the next keyframe, at most a GOP of 30 later.
        assert!(video.len() >= 120 - 30 * usize::from(restarts > 0), "{} pictures", video.len());
    }
}

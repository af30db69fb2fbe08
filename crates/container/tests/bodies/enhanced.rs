//! Enhanced RTMP: the newer codecs in real bytes, and the extensions of their headers.

use bytes::Bytes;
use container::flv::{FourCc, Muxer, TagKind, Value, Warning, metadata};
use media::{Codec, MediaEvent, Packet, Span, StreamChecker, Timestamp, Track, TrackKind};
use testkit::{media_file, read_mp4};

use crate::demux;
use crate::demuxer::{Tag, metadata as announcing};

fn tags(events: &[MediaEvent]) -> Vec<Tag> {
    let mut muxer = Muxer::new();
    let tags = events.iter().flat_map(|event| muxer.push(event).expect("codecs that are known"));
    tags.map(|tag| (tag.kind, tag.timestamp_ms, tag.body)).collect()
}

fn tracks(events: &[MediaEvent]) -> &[Track] {
    let tracks = events.iter().find_map(|event| match event {
        MediaEvent::Tracks(tracks) => Some(tracks),
        _ => None,
    });
    tracks.expect("tracks")
}

fn packets(events: &[MediaEvent], kind: TrackKind) -> Vec<Packet> {
    let wanted = tracks(events).iter().find(|track| track.kind() == kind).map(|track| track.id);
    let packets = events.iter().filter_map(|event| match event {
        MediaEvent::Packet(packet) if Some(packet.track) == wanted => Some(packet.clone()),
        _ => None,
    });
    packets.collect()
}

/// What a clip's packets are when they come out of the tags that were made of it.
fn round_trip(clip: &str) -> Option<(Vec<MediaEvent>, Vec<MediaEvent>)> {
    let sent = read_mp4(&media_file(clip)?);
    let video = tracks(&sent).iter().any(Track::is_video);
    let announced = announcing(if video { &["videocodecid", "audiocodecid"] } else { &["audiocodecid"] });
    let (read, demuxer) = demux(&[vec![announced], tags(&sent)].concat());
    let mut checker = StreamChecker::new();
    assert_eq!(read.iter().try_for_each(|event| checker.check(event)), Ok(()), "{clip}");
    assert_eq!((demuxer.counters().malformed, demuxer.counters().misplaced), (0, 0), "{clip}");
    Some((sent, read))
}

#[test]
fn real_clips_of_the_newer_codecs_come_out_as_they_went_in() {
    for (clip, names) in [
        ("d_bbb_hevc_closed48_nob.mp4", "HEVC AAC"),
        ("iphone_hevc10_opengop_rot90.mp4", "HEVC AAC"),
        ("unsup_av1.mp4", "AV1 AAC"),
        ("unsup_opus.mp4", "Opus"),
    ] {
        let Some((sent, read)) = round_trip(clip) else { return };
        let codecs: Vec<&str> = tracks(&read).iter().map(|track| track.codec.name()).collect();
        assert_eq!(codecs.join(" "), names);
        for (sent, read) in tracks(&sent).iter().zip(tracks(&read)) {
            assert_eq!(sent.codec, read.codec, "{clip}");
        }
        for kind in [TrackKind::Video, TrackKind::Audio] {
            let (sent, read) = (packets(&sent, kind), packets(&read, kind));
            assert_eq!(sent.len(), read.len(), "{clip} {kind:?}");
            let start = sent.first().map_or(Timestamp::ZERO, |first| first.dts);
            for (sent, read) in sent.iter().zip(&read) {
                assert_eq!((sent.random_access, &sent.data), (read.random_access, &read.data), "{clip}");
                let late = (read.dts - Timestamp::ZERO) - (sent.dts - start);
                assert!(late.abs() <= Span::from_millis(30), "{clip} {kind:?}: {late:?}");
            }
        }
    }
}

#[test]
fn an_open_gop_of_hevc_is_joined_at_idr_pictures_alone() {
    let Some((_, read)) = round_trip("d_bbb_hevc_opengop48_b3.mp4") else { return };
    let video = packets(&read, TrackKind::Video);
    let keys = video.iter().filter(|packet| packet.random_access).count();
    assert_eq!((video.len(), keys), (480, 1), "the others are CRA pictures with leading ones");
}

/// A video body of Enhanced RTMP: first byte, letters, data.
fn body(first: u8, letters: &str, data: &[u8]) -> Bytes {
    [&[first][..], letters.as_bytes(), data].concat().into()
}

/// The tags of the HEVC clip: sequence headers, then a key frame.
fn hevc_clip() -> Option<Vec<Tag>> {
    let events = read_mp4(&media_file("d_bbb_hevc_closed48_nob.mp4")?);
    Some(tags(&events).into_iter().take(40).collect())
}

#[test]
fn hevc_under_the_codec_id_of_old_is_the_same() {
    let Some(enhanced) = hevc_clip() else { return };
    let legacy = enhanced.iter().map(|(kind, at, body)| {
        if *kind != TagKind::Video {
            return (*kind, *at, body.clone());
        }
        let (packet_type, data) = match body[0] & 0x0f {
            0 => (0, [&[0, 0, 0][..], &body[5..]].concat()),
            3 => (1, [&[0, 0, 0][..], &body[5..]].concat()),
            _ => (1, body[5..].to_vec()),
        };
        (*kind, *at, [&[body[0] & 0x70 | 12, packet_type][..], &data].concat().into())
    });
    let legacy: Vec<Tag> = legacy.collect();
    assert_eq!(demux(&legacy).0, demux(&enhanced).0);
}

#[test]
fn h264_and_aac_may_come_enhanced_too() {
    let Some(clip) = media_file("d_bbb_720p60_gop120.mp4") else { return };
    let plain: Vec<Tag> = tags(&read_mp4(&clip)).into_iter().take(200).collect();
    let enhanced = plain.iter().map(|(kind, at, body)| {
        let body = match (kind, body[1]) {
            (TagKind::Video, 0) => self::body(0x90, "avc1", &body[5..]),
            (TagKind::Video, _) => self::body(0x81 | body[0] & 0x70, "avc1", &body[2..]),
            (_, packet_type) => self::body(0x90 | packet_type, "mp4a", &body[2..]),
        };
        (*kind, *at, body)
    });
    let enhanced: Vec<Tag> = enhanced.collect();
    assert_eq!(demux(&enhanced).0, demux(&plain).0);
}

#[test]
fn nanoseconds_of_a_modifier_are_added_to_the_time() {
    let Some(mut tags) = hevc_clip() else { return };
    let plain = demux(&tags).0;
    for (kind, _, body) in &mut tags {
        let (first, packet_type) = (body[0], body[0] & 0x0f);
        if *kind == TagKind::Video && packet_type != 0 {
            // ModEx: three bytes of data, 500 000 ns, type 0, then the packet type that it stood for.
            let nanos = [2, 0x07, 0xa1, 0x20, packet_type];
            *body = [&[first & 0xf0 | 7][..], &nanos, &body[1..]].concat().into();
        }
    }
    let shifted = demux(&tags).0;
    let (plain, shifted) = (packets(&plain, TrackKind::Video), packets(&shifted, TrackKind::Video));
    assert_eq!(plain.len(), shifted.len());
    for (plain, shifted) in plain.iter().zip(&shifted) {
        assert_eq!((shifted.dts - plain.dts).flicks(), 352_800, "half a millisecond");
        assert_eq!(shifted.composition_offset(), plain.composition_offset());
    }
}

#[test]
fn an_unknown_modifier_is_passed_over() {
    let Some(mut tags) = hevc_clip() else { return };
    let plain = demux(&tags).0;
    for (kind, _, body) in &mut tags {
        if *kind == TagKind::Video {
            let packet_type = body[0] & 0x0f;
            // 300 bytes need the long form of the size: 255, then 299 in two bytes.
            let data = [0x55; 300];
            let modifier = [&[255, 1, 43][..], &data, &[0x30 | packet_type]].concat();
            *body = [&[body[0] & 0xf0 | 7][..], &modifier, &body[1..]].concat().into();
        }
    }
    assert_eq!(demux(&tags).0, plain);
}

#[test]
fn of_several_tracks_the_first_is_taken_and_the_publisher_is_told() {
    let Some(plain) = hevc_clip() else { return };
    let expected = demux(&plain).0;
    let multitrack = |track: u8| {
        let wrapped = plain.iter().map(move |(kind, at, body)| {
            if *kind != TagKind::Video {
                return (*kind, *at, body.clone());
            }
            // One track: its layout and packet type, the letters, its id.
            let head = [body[0] & 0xf0 | 6, body[0] & 0x0f];
            (*kind, *at, [&head[..], &body[1..5], &[track], &body[5..]].concat().into())
        });
        wrapped.collect::<Vec<Tag>>()
    };
    let both: Vec<Tag> = multitrack(0).into_iter().zip(multitrack(1)).flat_map(|(a, b)| [a, b]).collect();
    let video_only: Vec<Tag> = both
        .into_iter()
        .enumerate()
        .filter(|(index, tag)| tag.0 == TagKind::Video || index % 2 == 0)
        .map(|(_, tag)| tag)
        .collect();
    let (read, demuxer) = demux(&video_only);
    assert_eq!(read, expected);
    assert_eq!(demuxer.warnings(), [Warning::FurtherTracks]);

    // Many tracks of many codecs in one body, the wanted one last.
    let many = plain.iter().map(|(kind, at, body)| {
        if *kind != TagKind::Video {
            return (*kind, *at, body.clone());
        }
        let size = |len: usize| (len as u32).to_be_bytes()[1..].to_vec();
        let foreign = [&b"vp09"[..], &[3], &size(2), &[1, 2]].concat();
        let own = [&body[1..5], &[0], &size(body.len() - 5), &body[5..]].concat();
        let head = [body[0] & 0xf0 | 6, 0x20 | body[0] & 0x0f];
        (*kind, *at, [&head[..], &foreign, &own].concat().into())
    });
    assert_eq!(demux(&many.collect::<Vec<Tag>>()).0, expected);
}

#[test]
fn colour_metadata_commands_and_ends_of_sequence_change_nothing() {
    let Some(mut tags) = hevc_clip() else { return };
    let expected = demux(&tags).0;
    for (at, foreign) in [
        (3, body(0x94, "hvc1", b"\x02\x00\x09colorInfo")),
        (5, Bytes::from_static(&[0xd0, 0])),
        (7, body(0x92, "hvc1", &[])),
    ] {
        let stamp = tags[at].1;
        tags.insert(at, (TagKind::Video, stamp, foreign));
    }
    let (read, demuxer) = demux(&tags);
    assert_eq!((read, demuxer.counters().malformed), (expected, 0));
}

#[test]
fn cut_headers_are_left_out_and_counted() {
    let Some(tags) = hevc_clip() else { return };
    let bodies: [&[u8]; 7] = [
        &[0x91],
        &[0x91, b'h', b'v'],
        b"\x91hvc1\x00",
        &[0x97, 5, 1],
        &[0x97, 255],
        &[0x96],
        b"\x96\x11hvc1\x00\x00\xff\xff",
    ];
    let cut = bodies.map(|body| (TagKind::Video, 0, Bytes::copy_from_slice(body)));
    let (_, demuxer) = demux(&[tags, cut.to_vec()].concat());
    assert_eq!(demuxer.counters().malformed, 7);
}

#[test]
fn av1_without_a_sequence_header_in_its_record_takes_it_from_the_key_frame() {
    let Some(clip) = media_file("unsup_av1.mp4") else { return };
    let plain = tags(&read_mp4(&clip));
    let expected = demux(&plain).0;
    let mut bare = plain.clone();
    let header = bare.iter_mut().find(|(kind, _, _)| *kind == TagKind::Video).expect("a header");
    header.2 = header.2.slice(..5 + 4);
    assert_eq!(demux(&bare).0, expected);

    // The other way round: the record has it, the key frame does not.
    let mut stripped = plain;
    let key = stripped.iter_mut().filter(|(kind, _, _)| *kind == TagKind::Video).nth(1).expect("a key frame");
    let units = media::obu::units(&key.2[5..]).map(|unit| unit.expect("sound"));
    let without = media::obu::to_temporal_unit(units.filter(|unit| unit.kind != media::obu::SEQUENCE_HEADER));
    assert!(without.len() + 5 < key.2.len(), "there was one");
    key.2 = body(key.2[0], "av01", &without);
    assert_eq!(demux(&stripped).0, expected);
}

#[test]
fn packets_of_opus_follow_each_other_by_their_own_length() {
    let Some((_, read)) = round_trip("unsup_opus.mp4") else { return };
    let Codec::Opus(opus) = &tracks(&read)[0].codec else { panic!("Opus") };
    assert_eq!((opus.channels, opus.pre_skip), (2, 312));
    let sound = packets(&read, TrackKind::Audio);
    for pair in sound.windows(2) {
        assert_eq!(Some(pair[1].dts - pair[0].dts), media::Opus::packet_duration(&pair[0].data));
    }
}

#[test]
fn metadata_names_the_newer_codecs_by_their_letters() {
    let Some(clip) = media_file("unsup_av1.mp4") else { return };
    let values = metadata(tracks(&read_mp4(&clip)));
    let code = Value::Number(f64::from(0x6176_3031));
    assert!(values.contains(&("videocodecid", code)), "{values:?}");
    assert_eq!(FourCc::Opus.number(), u32::from_be_bytes(*b"Opus"));
}

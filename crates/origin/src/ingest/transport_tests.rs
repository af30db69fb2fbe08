//! Whatever freedom a publisher takes with chunks and stamps, the same media comes out.

use bytes::Bytes;
use container::flv::{Demuxer, Muxer, Tag, TagKind};
use media::{MediaEvent, Packet, Span, StreamChecker};
use testkit::{RtmpPublisher, Source};

use super::session::{Event, Kind, Session};

/// Three seconds of H.264 with B-frames and AAC.
fn tags() -> Vec<Tag> {
    let source = Source { b_frames: 2, duration: Span::from_secs(3), ..Source::default() };
    let mut muxer = Muxer::new();
    source.events().iter().flat_map(|event| muxer.push(event).expect("H.264 and AAC")).collect()
}

/// What a session and a demuxer make of a publisher's bytes, which arrive in pieces of `read` bytes.
fn received(bytes: &[u8], read: usize) -> Vec<MediaEvent> {
    let (mut session, mut demuxer, mut checker) = (Session::default(), Demuxer::new(), StreamChecker::new());
    let mut events = Vec::new();
    for piece in bytes.chunks(read) {
        session.handle_input(piece).expect("RTMP");
        while let Some(event) = session.poll_event().expect("RTMP") {
            let (kind, timestamp_ms, body) = match event {
                Event::Publish { .. } => {
                    session.accept();
                    continue;
                }
                Event::Media { kind, timestamp_ms, body } => (kind, timestamp_ms, body),
                Event::Unpublish => continue,
            };
            let kind = match kind {
                Kind::Audio => TagKind::Audio,
                Kind::Video => TagKind::Video,
                Kind::Script => TagKind::Script,
            };
            demuxer.push(kind, timestamp_ms, body).expect("bodies that can be read");
            events.extend(std::iter::from_fn(|| demuxer.poll()));
        }
    }
    let counters = demuxer.counters();
    assert_eq!((counters.malformed, counters.misplaced, counters.clock_restarts), (0, 0, 0));
    assert_eq!(events.iter().try_for_each(|event| checker.check(event)), Ok(()));
    events
}

fn sent(publisher: &RtmpPublisher, tags: &[Tag]) -> Vec<u8> {
    [publisher.hello("live", "key"), publisher.tags(tags), publisher.goodbye("key")].concat()
}

/// Track, time since the first packet, composition offset, random access and data of every packet: publishers with
/// different clocks compare.
fn relative(events: &[MediaEvent]) -> Vec<(u8, Span, Span, bool, Bytes)> {
    let packets = events.iter().filter_map(|event| match event {
        MediaEvent::Packet(packet) => Some(packet),
        _ => None,
    });
    let packets: Vec<&Packet> = packets.collect();
    let start = packets.iter().map(|packet| packet.dts).min().expect("packets");
    let relative = packets.into_iter().map(|packet| {
        let (track, at, offset) = (packet.track.0, packet.dts - start, packet.composition_offset());
        (track, at, offset, packet.random_access, packet.data.clone())
    });
    let mut relative: Vec<_> = relative.collect();
    relative.sort_by_key(|packet| (packet.0, packet.1));
    relative
}

#[test]
fn chunks_of_any_size_interleaved_or_not_carry_the_same() {
    let tags = tags();
    let plain = RtmpPublisher::default();
    let expected = relative(&received(&sent(&plain, &tags), 65_536));
    assert_eq!(expected.len(), tags.len() - 2, "every body but the two headers is a packet");
    for chunk_size in [1, 2, 3, 127, 128, 129, 1_000, 4_096, 60_000, 65_536] {
        for interleaved in [false, true] {
            let publisher = RtmpPublisher { chunk_size, interleaved, ..plain.clone() };
            for read in [1_460, 7] {
                let got = relative(&received(&sent(&publisher, &tags), read));
                assert_eq!(
                    got, expected,
                    "chunks of {chunk_size}, interleaved {interleaved}, reads of {read}"
                );
            }
        }
    }
}

#[test]
fn stamps_that_need_the_extended_field_or_wrap_carry_the_same() {
    let tags = tags();
    let expected = relative(&received(&sent(&RtmpPublisher::default(), &tags), 4_096));
    // Extended from the middle on; extended throughout; over half of the range; over its end.
    for stamp_offset in [0x00ff_ffff - 1_500, 0x0123_4567, 0x7fff_ffff - 1_500, u32::MAX - 1_500] {
        for (chunk_size, interleaved) in [(4_096, false), (128, true), (5, true)] {
            let publisher = RtmpPublisher { chunk_size, interleaved, stamp_offset };
            let got = received(&sent(&publisher, &tags), 4_096);
            assert_eq!(relative(&got), expected, "from {stamp_offset} on, chunks of {chunk_size}");
        }
    }
}

/// An AMF0 string with its marker.
fn text(value: &str) -> Vec<u8> {
    [&[2][..], &(value.len() as u16).to_be_bytes(), value.as_bytes()].concat()
}

fn number(value: f64) -> Vec<u8> {
    [&[0][..], &value.to_be_bytes()].concat()
}

fn property(name: &str, value: &[u8]) -> Vec<u8> {
    [&text(name)[1..], value].concat()
}

/// An ECMA array that announces `count` properties.
fn array(count: u32, properties: &[u8]) -> Vec<u8> {
    [&[8][..], &count.to_be_bytes(), properties, &[0, 0, 9]].concat()
}

fn object(properties: &[u8]) -> Vec<u8> {
    [&[3][..], properties, &[0, 0, 9]].concat()
}

#[test]
fn any_metadata_or_none_leaves_the_media_as_it_is() {
    let tags = tags();
    let expected = relative(&received(&sent(&RtmpPublisher::default(), &tags), 4_096));
    let usual = [property("width", &number(320.0)), property("videocodecid", &number(7.0))].concat();
    let both = [usual, property("audiocodecid", &number(10.0))].concat();
    let nested = property("keyframes", &object(&property("times", &[10, 0, 0, 0, 1, 5])));
    let letters = property("videocodecid", &text("avc1"));
    let date = property("made", &[11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let named = |values: Vec<u8>| [text("onMetaData"), values].concat();
    let bodies = [
        // As encoders send it, counted wrongly, as an object, with values of every kind.
        [text("@setDataFrame"), named(array(3, &both))].concat(),
        named(array(1_000_000, &both)),
        named(object(&both)),
        named(array(4, &[nested, both.clone()].concat())),
        named(array(4, &[letters, both.clone()].concat())),
        named(array(4, &[date, both].concat())),
        // Empty, cut, another event, rubbish, and no byte at all.
        named(array(0, &[])),
        text("onMetaData"),
        [text("onCuePoint"), number(1.0)].concat(),
        vec![0xff; 40],
        Vec::new(),
    ];
    for (index, body) in bodies.into_iter().enumerate() {
        let metadata = Tag { kind: TagKind::Script, timestamp_ms: 0, body: body.into() };
        let with = [&[metadata][..], &tags].concat();
        let got = relative(&received(&sent(&RtmpPublisher::default(), &with), 4_096));
        assert_eq!(got, expected, "metadata {index}");
    }
}

#[test]
fn metadata_that_announces_a_track_too_many_loses_no_picture() {
    let source = Source { sample_rate: None, duration: Span::from_secs(3), ..Source::default() };
    let mut muxer = Muxer::new();
    let events = source.events();
    let video: Vec<Tag> = events.iter().flat_map(|event| muxer.push(event).expect("H.264")).collect();
    let both = [property("videocodecid", &number(7.0)), property("audiocodecid", &number(10.0))].concat();
    let body = [text("onMetaData"), object(&both)].concat();
    let metadata = Tag { kind: TagKind::Script, timestamp_ms: 0, body: body.into() };
    let with = [&[metadata][..], &video].concat();
    let got = relative(&received(&sent(&RtmpPublisher::default(), &with), 4_096));
    assert_eq!(got.len(), video.len() - 1, "every body but the header is a picture");
}

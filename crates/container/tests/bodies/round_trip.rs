//! What is muxed is read back.

use bytes::Bytes;
use container::flv::{Muxer, TagKind, Value, metadata};
use media::{MediaEvent, Span, StreamChecker, Timescale, Timestamp};
use proptest::prelude::*;
use testkit::Source;

use crate::demux;

fn tags(events: &[MediaEvent]) -> Vec<(TagKind, u32, Bytes)> {
    let mut muxer = Muxer::new();
    let tags = events.iter().flat_map(|event| muxer.push(event).expect("H.264 and AAC"));
    tags.map(|tag| (tag.kind, tag.timestamp_ms, tag.body)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn packets_survive_flv(frame_ms in prop::collection::vec(1_i64..200, 1..20), gop in 1_u32..60, b_frames in 0_u32..4,
                           sample_rate in prop::option::of(prop::sample::select(vec![48_000_u32, 44_100])),
                           start_ms in -5_000_i64..5_000_000_000) {
        let source = Source {
            frames: frame_ms.into_iter().map(Span::from_millis).collect(),
            gops: vec![gop],
            b_frames,
            sample_rate,
            start: Timestamp::from_millis(start_ms),
            ..Source::default()
        };
        let events = source.events();
        let (read, demuxer) = demux(&tags(&events));
        let mut checker = StreamChecker::new();
        for event in &read {
            prop_assert_eq!(checker.check(event), Ok(()));
        }
        prop_assert_eq!(demuxer.counters().audio_gaps, 0);
        prop_assert_eq!(demuxer.counters().misplaced, 0);
        // Without metadata the missing track is waited for; nothing is lost by it.
        for kind in [media::TrackKind::Video, media::TrackKind::Audio] {
            let (sent, got) = (Source::packets(&events, kind), Source::packets(&read, kind));
            prop_assert_eq!(sent.len(), got.len());
            for (sent, got) in sent.iter().zip(&got) {
                prop_assert_eq!(&sent.data, &got.data);
                prop_assert_eq!(sent.random_access, got.random_access);
                let at = got.dts - Timestamp::ZERO;
                let expected = sent.dts - source.start;
                if kind == media::TrackKind::Audio {
                    prop_assert_eq!(at, expected, "sound is back on its sample clock");
                } else {
                    prop_assert_eq!(at.as_millis(), expected.as_millis());
                    prop_assert_eq!(got.composition_offset(), sent.composition_offset());
                }
            }
        }
    }
}

#[test]
fn stamps_of_muxed_tags_count_from_the_first_packet() {
    let source = Source { start: Timestamp::from_ticks(90_000 * 7, Timescale::MPEG), ..Source::default() };
    assert_eq!(tags(&source.events())[2].1, 0);
}

#[test]
fn metadata_tells_size_rate_and_codecs() {
    let values = metadata(&Source::default().tracks());
    let number = |key: &str| match values.iter().find(|(name, _)| *name == key) {
        Some((_, Value::Number(number))) => *number,
        other => panic!("{key}: {other:?}"),
    };
    assert_eq!([number("width"), number("height"), number("framerate")], [320.0, 180.0, 30.0]);
    assert_eq!(
        [number("videocodecid"), number("audiocodecid"), number("audiosamplerate")],
        [7.0, 10.0, 48_000.0]
    );
}

//! Random streams: the rules hold after every event, and nothing is lost, doubled or moved.

use hls::Notice;
use media::{Span, Timescale, TrackKind};
use proptest::prelude::*;
use testkit::Source;
use testkit::playlist::Allowances;

use crate::reader::Reader;

/// Frames per 1001 s of the rates in use, and odd ones.
const RATES: [i64; 10] = [5_005, 10_010, 12_513, 15_015, 23_976, 24_000, 25_025, 29_970, 30_000, 60_000];

/// Frame durations that add up to whole milliseconds as RTMP stamps them.
fn stamped(per_1001_s: i64, frames: usize) -> Vec<Span> {
    let at = |n: usize| (n as i64 * 1_001_000 + per_1001_s / 2) / per_1001_s;
    (0..frames).map(|n| Span::from_millis(at(n + 1) - at(n))).collect()
}

fn constant_rate() -> impl Strategy<Value = Source> {
    let audio = prop::option::of(prop::sample::select(vec![48_000_u32, 44_100, 22_050, 8_000]));
    let gops = prop::collection::vec(1_u32..150, 1..4);
    (
        prop::sample::select(RATES.to_vec()),
        gops,
        0_u32..4,
        audio,
        prop::collection::vec(-400_i64..450, 1..6),
        3_i64..25,
        0_i64..5_000,
    )
        .prop_map(|(rate, gops, b_frames, sample_rate, delays_ms, seconds, start_ms)| Source {
            frames: stamped(rate, 3_000),
            gops,
            b_frames,
            sample_rate,
            audio_delays: delays_ms.into_iter().map(Span::from_millis).collect(),
            duration: Span::from_secs(seconds),
            start: media::Timestamp::from_millis(start_ms),
        })
}

fn variable_rate() -> impl Strategy<Value = Source> {
    let frames = prop::collection::vec(prop_oneof![20 => 8_i64..90, 1 => 90_i64..1_500], 1..60);
    (constant_rate(), frames).prop_map(|(source, frames)| Source {
        frames: frames.into_iter().map(Span::from_millis).collect(),
        ..source
    })
}

fn audio_only() -> impl Strategy<Value = Source> {
    (prop::sample::select(vec![48_000_u32, 44_100, 22_050, 16_000, 8_000]), 1_i64..40).prop_map(
        |(rate, seconds)| Source {
            frames: Vec::new(),
            sample_rate: Some(rate),
            duration: Span::from_secs(seconds),
            ..Source::default()
        },
    )
}

/// Every packet is in exactly one part, in order, at its time; sound has no gap.
fn check_media(source: &Source, reader: &Reader) -> Result<(), TestCaseError> {
    let events = source.events();
    let video = Source::packets(&events, TrackKind::Video);
    let samples = reader.samples(1);
    prop_assert_eq!(samples.len(), video.len());
    let origin = video.first().map_or(source.start, |first| first.dts);
    let shift = samples.first().map_or(0, |first| first.dts as i64);
    for (packet, sample) in video.iter().zip(&samples) {
        prop_assert_eq!(&packet.data[..], &sample.data[..]);
        prop_assert_eq!(packet.random_access, sample.sync);
        prop_assert_eq!((packet.dts - origin).ticks(Timescale::MPEG) + shift, sample.dts as i64);
        let offset = packet.composition_offset().ticks(Timescale::MPEG);
        prop_assert!((offset - i64::from(sample.composition_offset)).abs() <= 1);
    }
    for pair in samples.windows(2) {
        prop_assert_eq!(pair[0].dts + u64::from(pair[0].duration), pair[1].dts, "video without a hole");
    }
    let audio = Source::packets(&events, TrackKind::Audio);
    let samples = reader.samples(2);
    prop_assert_eq!(samples.len(), audio.len());
    for (packet, sample) in audio.iter().zip(&samples) {
        prop_assert_eq!(&packet.data[..], &sample.data[..]);
        prop_assert_eq!(sample.duration, 1_024);
    }
    for pair in samples.windows(2) {
        prop_assert_eq!(pair[0].dts + 1_024, pair[1].dts, "sound without a gap");
    }
    if let (Some(rate), Some(sample), Some(packet)) = (source.sample_rate, samples.first(), audio.first()) {
        let scale = Timescale::new(rate).expect("a sample rate");
        let lead_in = media::Span::from_ticks(shift, Timescale::MPEG);
        let expected = ((packet.dts - origin) + lead_in).ticks(scale);
        prop_assert!((sample.dts as i64 - expected).abs() <= 1, "sound beside its picture");
    }
    Ok(())
}

/// The longest time between two IDR pictures.
fn longest_gop(source: &Source) -> Span {
    let video = Source::packets(&source.events(), TrackKind::Video);
    let idrs: Vec<_> = video.iter().filter(|packet| packet.random_access).map(|packet| packet.dts).collect();
    idrs.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(Span::ZERO)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn constant_frame_rates_keep_every_rule(source in constant_rate()) {
        let reader = Reader::of(&source.events(), Allowances::default());
        check_media(&source, &reader)?;
        let playlist = reader.main.playlist.as_ref().expect("media was packaged");
        let long = reader.notices.iter().any(|notice| matches!(notice, Notice::LongGop { .. }));
        let expected = !playlist.independent || longest_gop(&source) > Span::from_secs(4);
        prop_assert!(!long || expected, "only a long GOP is told");
        if longest_gop(&source) > Span::from_millis(10_500) {
            prop_assert!(long);
        }
    }

    #[test]
    fn variable_frame_rates_keep_their_stamps(source in variable_rate()) {
        let reader = Reader::of(&source.events(), Allowances::default());
        check_media(&source, &reader)?;
    }

    #[test]
    fn sound_alone_is_packaged(source in audio_only()) {
        let events = source.events();
        let reader = Reader::of(&events, Allowances::default());
        let samples = reader.samples(2);
        prop_assert_eq!(samples.len(), events.len() - 1);
        for pair in samples.windows(2) {
            prop_assert_eq!(pair[0].dts + 1_024, pair[1].dts);
        }
    }
}

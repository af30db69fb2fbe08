//! Renditions made of the source's picture, which come later than it.

use std::collections::VecDeque;

use hls::{Config, Input, RungMedia};
use media::{Codec, MediaEvent, Packet, Rational, Span, Timestamp, Track, TrackKind};
use testkit::Source;
use testkit::playlist::Allowances;

use crate::reader::{Reader, UNIX_MS};

/// Packages `source` with a rendition that is `late` pictures behind it and has those that `made` lets through, by
/// their times in the source.
fn session(
    reader: &mut Reader,
    unix_ms: i64,
    source: &Source,
    late: usize,
    made: impl Fn(Timestamp) -> bool,
) {
    session_of(reader, unix_ms, source, late, (source.tracks()[0].clone(), made));
}

/// The same with a rendition of its own parameters.
fn session_of(
    reader: &mut Reader,
    unix_ms: i64,
    source: &Source,
    late: usize,
    (track, made): (Track, impl Fn(Timestamp) -> bool),
) {
    reader.input(Input::Start { unix_ms });
    let mut waiting: VecDeque<RungMedia> = VecDeque::new();
    for event in source.events() {
        reader.input(Input::Media(event.clone()));
        match event {
            MediaEvent::Tracks(_) => {
                reader.input(Input::Rung { rung: 0, media: RungMedia::Track(track.clone()) });
            }
            MediaEvent::Packet(packet) if packet.track == Source::VIDEO && made(packet.dts) => {
                let Some(mapping) = reader.packager.mapping() else { continue };
                let packet =
                    Packet { dts: packet.dts + mapping.shift, pts: packet.pts + mapping.shift, ..packet };
                waiting.push_back(RungMedia::Packet { epoch: mapping.epoch, packet });
            }
            _ => {}
        }
        if waiting.len() > late
            && let Some(media) = waiting.pop_front()
        {
            reader.input(Input::Rung { rung: 0, media });
        }
    }
    reader.session_ends();
}

fn reader() -> Reader {
    Reader::new(Config { window: Span::from_secs(30), ..Config::default() }, Allowances::default())
}

fn seconds(seconds: i64) -> Source {
    Source { duration: Span::from_secs(seconds), ..Source::default() }
}

/// Whether each part of the rendition has media, in order.
fn has_media(reader: &Reader) -> Vec<bool> {
    let playlist = reader.rung.playlist.as_ref().expect("a rendition");
    playlist.segments.values().map(|segment| !segment.gap).collect()
}

#[test]
fn a_rendition_has_the_segments_of_its_source_with_its_sound() {
    let mut reader = reader();
    let source = seconds(9);
    session(&mut reader, UNIX_MS, &source, 12, |_| true);
    let text = reader.multivariant();
    let variants: Vec<&str> = text.lines().filter(|line| line.contains("RESOLUTION=")).collect();
    assert_eq!(variants.len(), 2, "{text}");
    assert!(text.contains("\nr1/index.m3u8\n"), "{text}");
    let video = Source::packets(&source.events(), TrackKind::Video);
    let samples = reader.rung.samples(1);
    assert!(samples.len() >= video.len() - 13, "{} of {}", samples.len(), video.len());
    assert!(
        samples.iter().zip(&reader.samples(1)).all(|(rung, main)| rung.dts == main.dts),
        "on one timeline"
    );
    let sound = reader.rung.samples(2);
    assert!(sound.len() > 9 * 46 - 25, "{} of sound", sound.len());
    assert!(sound.windows(2).all(|pair| pair[0].dts + u64::from(pair[0].duration) == pair[1].dts));
    assert!(has_media(&reader).iter().all(|media| *media));
}

#[test]
fn what_was_left_out_is_a_gap_up_to_the_next_idr_picture() {
    let mut reader = reader();
    let out = Timestamp::from_millis(5_500)..Timestamp::from_millis(9_000);
    session(&mut reader, UNIX_MS, &seconds(14), 12, |at| !out.contains(&at));
    let playlist = reader.rung.playlist.as_ref().expect("a rendition");
    let gaps: Vec<u64> =
        playlist.segments.iter().filter(|(_, segment)| segment.gap).map(|(msn, _)| *msn).collect();
    assert_eq!(gaps, [3], "6 s to 8 s");
    let samples = reader.rung.samples(1);
    assert!(samples.windows(2).all(|pair| pair[0].dts + u64::from(pair[0].duration) <= pair[1].dts));
    let sound = reader.rung.samples(2);
    assert!(sound.windows(2).all(|pair| pair[0].dts + 1_024 <= pair[1].dts), "sound never overlaps");
}

#[test]
fn a_rendition_that_ended_is_no_longer_offered_and_its_playlist_goes_on_with_gaps() {
    let mut reader = reader();
    let end = Timestamp::from_millis(4_000);
    session(&mut reader, UNIX_MS, &seconds(5), 0, |_| true);
    reader.input(Input::Rung { rung: 0, media: RungMedia::Ended });
    session(&mut reader, UNIX_MS + 9_000, &seconds(14), 0, |at| at < end);
    reader.input(Input::Rung { rung: 0, media: RungMedia::Ended });
    session(&mut reader, UNIX_MS + 30_000, &seconds(4), 0, |_| false);
    let has_media = has_media(&reader);
    assert!(has_media[..5].iter().all(|media| *media), "{has_media:?}");
    assert!(has_media[6..].iter().all(|media| !*media), "{has_media:?}");
}

#[test]
fn a_rendition_that_comes_back_is_offered_again_and_its_playlist_goes_on() {
    let mut reader = reader();
    let away = Timestamp::from_millis(4_000)..Timestamp::from_millis(12_000);
    let source = seconds(20);
    reader.input(Input::Start { unix_ms: UNIX_MS });
    let mut offered = Vec::new();
    for event in source.events() {
        reader.input(Input::Media(event.clone()));
        let packet = match event {
            MediaEvent::Tracks(tracks) => {
                reader.input(Input::Rung { rung: 0, media: RungMedia::Track(tracks[0].clone()) });
                continue;
            }
            MediaEvent::Packet(packet) if packet.track == Source::VIDEO => packet,
            _ => continue,
        };
        if packet.dts == away.start {
            reader.input(Input::Rung { rung: 0, media: RungMedia::Ended });
        }
        if packet.dts == away.end {
            offered.push(reader.multivariant().contains("\nr1/"));
            let track = source.tracks()[0].clone();
            reader.input(Input::Rung { rung: 0, media: RungMedia::Track(track) });
        }
        if !away.contains(&packet.dts)
            && let Some(mapping) = reader.packager.mapping()
        {
            let (dts, pts) = (packet.dts + mapping.shift, packet.pts + mapping.shift);
            let packet = Packet { dts, pts, ..packet };
            let media = RungMedia::Packet { epoch: mapping.epoch, packet };
            reader.input(Input::Rung { rung: 0, media });
        }
    }
    offered.push(reader.multivariant().contains("\nr1/"));
    assert_eq!(offered, [false, true]);
    reader.session_ends();
    let playlist = reader.rung.playlist.as_ref().expect("a rendition");
    let gaps: Vec<bool> = playlist.segments.values().map(|segment| segment.gap).collect();
    assert_eq!(gaps, [false, false, true, true, true, true, false, false, false, false]);
    assert!(playlist.segments.values().all(|segment| segment.map == "init-0.mp4" && !segment.discontinuity));
    let sound = reader.rung.samples(2);
    assert!(sound.windows(2).all(|pair| pair[0].dts + 1_024 <= pair[1].dts), "sound never overlaps");
}

#[test]
fn a_rendition_claims_no_more_pictures_a_second_than_its_source_has() {
    let mut reader = reader();
    let source = seconds(5);
    let mut track = source.tracks()[0].clone();
    if let Codec::H264(h264) = &mut track.codec {
        h264.frame_rate = Rational::new(90, 1);
    }
    session_of(&mut reader, UNIX_MS, &source, 0, (track, |_| true));
    let text = reader.multivariant();
    let rates: Vec<&str> =
        text.lines().filter_map(|line| line.split("FRAME-RATE=").nth(1)?.split(',').next()).collect();
    assert_eq!(rates.len(), 2, "{text}");
    assert_eq!(rates[0], rates[1]);
}

#[test]
fn a_rendition_that_begins_later_has_the_numbers_of_its_source() {
    let mut reader = reader();
    let from = Timestamp::from_millis(5_000);
    session(&mut reader, UNIX_MS, &seconds(12), 5, |at| at >= from);
    let playlist = reader.rung.playlist.as_ref().expect("a rendition");
    assert_eq!(playlist.segments.keys().next(), Some(&2), "the segment in which its first picture lies");
}

#[test]
fn long_pictures_are_no_gap() {
    let frame = |milliseconds| Span::from_millis(milliseconds);
    let frames = vec![frame(40), frame(40), frame(900), frame(40), frame(980)];
    let source = Source { frames, gops: vec![5], ..seconds(12) };
    let mut reader = reader();
    session(&mut reader, UNIX_MS, &source, 3, |_| true);
    assert!(has_media(&reader).iter().all(|media| *media));
    let parts = reader.rung.playlist.as_ref().expect("a rendition").segments.values();
    let gaps = parts.rev().skip(1).flat_map(|segment| &segment.parts).filter(|part| part.gap).count();
    assert_eq!(gaps, 0);
}

#[test]
fn a_returning_publisher_continues_the_rendition() {
    let mut reader = reader();
    session(&mut reader, UNIX_MS, &seconds(6), 9, |_| true);
    let again = Source { start: Timestamp::from_millis(777_000), ..seconds(6) };
    session(&mut reader, UNIX_MS + 15_000, &again, 9, |_| true);
    assert!(has_media(&reader).iter().all(|media| *media));
    let playlist = reader.rung.playlist.as_ref().expect("a rendition");
    assert!(playlist.segments.values().all(|segment| segment.map == "init-0.mp4"));
}

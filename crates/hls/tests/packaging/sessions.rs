//! Publishers that come back, change or jump; long GOPs.

use hls::{AUDIO, Config, Error, Input, MAIN, Notice, Output, Packager};
use media::{EndReason, MediaEvent, Packet, Span, Timestamp, TrackId, TrackKind};
use testkit::Source;
use testkit::playlist::Allowances;

use crate::reader::{Reader, UNIX_MS};

fn reader() -> Reader {
    Reader::new(short_window(), Allowances::default())
}

/// A window that a short test can fill.
fn short_window() -> Config {
    Config { window: Span::from_secs(16), ..Config::default() }
}

#[test]
fn a_publisher_that_comes_back_continues_the_playlist() {
    let mut reader = reader();
    let first = Source { duration: Span::from_secs(6), ..Source::default() };
    reader.session(UNIX_MS, &first.events());
    let before = reader.main.playlist.clone().expect("a playlist");
    assert_eq!(before.hint, None, "nothing is promised while nobody publishes");
    let text = reader.text();
    let last = text.lines().next_back().expect("a line");
    assert!(last.starts_with("# "), "hls.js would take a last URI for the coming segment too: {last}");
    // The returning publisher's clock begins elsewhere.
    let second = Source { start: Timestamp::from_millis(777_000), ..first };
    reader.session(UNIX_MS + 15_000, &second.events());
    let after = reader.main.playlist.clone().expect("a playlist");
    let last_msn = *before.segments.keys().next_back().expect("segments");
    let returned = &after.segments[&(last_msn + 1)];
    assert!(returned.discontinuity);
    assert_eq!(returned.map, "init-0.mp4", "equal tracks need no other initialisation segment");
    assert_eq!(returned.date_time.as_deref(), Some("2026-11-20T23:15:45.042Z"));
    let video = reader.samples(1);
    assert_eq!(video.len(), 360);
    assert!(video.windows(2).all(|pair| pair[0].dts + u64::from(pair[0].duration) <= pair[1].dts));
    let audio = reader.samples(2);
    assert!(audio.windows(2).all(|pair| pair[0].dts + 1_024 <= pair[1].dts), "sound never overlaps");
}

#[test]
fn other_tracks_get_another_initialisation_segment() {
    let mut reader = reader();
    let with_sound = Source { duration: Span::from_secs(4), ..Source::default() };
    reader.session(UNIX_MS, &with_sound.events());
    reader.session(UNIX_MS + 9_000, &Source { sample_rate: None, ..with_sound.clone() }.events());
    reader.session(UNIX_MS + 18_000, &Source { sample_rate: Some(44_100), ..with_sound }.events());
    let playlist = reader.main.playlist.as_ref().expect("a playlist");
    let maps: Vec<&str> = playlist.segments.values().map(|segment| segment.map.as_str()).collect();
    assert!(maps.contains(&"init-1.mp4") && maps.contains(&"init-2.mp4"), "{maps:?}");
}

#[test]
fn tracks_that_change_within_a_session_are_a_discontinuity_on_one_clock() {
    let mut reader = reader();
    let first = Source { duration: Span::from_secs(4), ..Source::default() };
    let second = Source { sample_rate: Some(44_100), start: Timestamp::from_millis(4_000), ..first.clone() };
    let events: Vec<MediaEvent> = first.events().into_iter().chain(second.events()).collect();
    reader.session(UNIX_MS, &events);
    let playlist = reader.main.playlist.as_ref().expect("a playlist");
    let changed = playlist.segments.values().find(|segment| segment.discontinuity).expect("a discontinuity");
    assert_eq!(changed.map, "init-1.mp4");
    assert_eq!(reader.samples(1).len(), 240);
}

#[test]
fn equal_tracks_again_change_nothing() {
    let mut reader = reader();
    let source = Source::default();
    let mut events = source.events();
    let again = events[0].clone();
    let idr = events.iter().rposition(
        |event| matches!(event, MediaEvent::Packet(p) if p.track == Source::VIDEO && p.random_access),
    );
    events.insert(idr.expect("an IDR"), again);
    reader.session(UNIX_MS, &events);
    assert!(
        reader
            .main
            .playlist
            .as_ref()
            .expect("a playlist")
            .segments
            .values()
            .all(|segment| !segment.discontinuity)
    );
}

#[test]
fn a_jump_ahead_is_a_discontinuity_that_begins_with_an_idr() {
    let mut reader = reader();
    let first = Source { duration: Span::from_secs(5), ..Source::default() };
    let second = Source { start: Timestamp::from_millis(90_000), ..first.clone() };
    let mut events = first.events();
    events.extend(second.events().into_iter().skip(1));
    reader.session(UNIX_MS, &events);
    let jump = Notice::TimestampJump {
        by: Span::from_flicks(Span::from_secs(85).flicks() + Span::from_secs(1).flicks() / 30),
    };
    assert_eq!(reader.notices, [jump]);
    let playlist = reader.main.playlist.as_ref().expect("a playlist");
    assert_eq!(playlist.segments.values().filter(|segment| segment.discontinuity).count(), 1);
    assert_eq!(reader.samples(1).len(), 300, "no picture is lost");
}

#[test]
fn a_clock_set_back_is_continued() {
    let mut reader = reader();
    let first =
        Source { duration: Span::from_secs(5), start: Timestamp::from_millis(60_000), ..Source::default() };
    let mut events = first.events();
    events.extend(Source { start: Timestamp::ZERO, ..first }.events().into_iter().skip(1));
    reader.session(UNIX_MS, &events);
    assert!(matches!(reader.notices[..], [Notice::TimestampJump { .. }]));
    assert_eq!(reader.samples(1).len(), 300);
}

#[test]
fn discontinuities_that_leave_the_window_are_counted() {
    let mut reader = reader();
    for session in 0..12 {
        let source = Source { duration: Span::from_secs(4), ..Source::default() };
        // The reader holds every pair of playlists to the rule.
        reader.session(UNIX_MS + session * 10_000, &source.events());
    }
    assert!(reader.main.playlist.as_ref().expect("a playlist").discontinuity_sequence > 3);
}

#[test]
fn one_idr_in_twenty_seconds_stays_reachable_and_is_told() {
    let source = Source { gops: vec![600], duration: Span::from_secs(45), ..Source::default() };
    let mut reader = reader();
    reader.input(Input::Start { unix_ms: UNIX_MS });
    for event in source.events() {
        reader.input(Input::Media(event));
        let Some(playlist) = &reader.main.playlist else { continue };
        assert!(!playlist.independent);
        assert_eq!(playlist.target_duration, 10.0);
        let start = -playlist.start.expect("where to join is told");
        let total: f64 = playlist.segments.values().map(|segment| segment.length()).sum();
        // Parts of the segments still listed tell where IDR pictures stand; older ones begin a segment.
        assert!(start <= total + 1e-3, "the joining point {start} is listed, of {total}");
    }
    let told = reader.notices.iter().find(|notice| matches!(notice, Notice::LongGop { .. })).expect("told");
    assert_eq!(told.to_string(), "keyframes more than 10 s apart: set 2 s or less");
    assert_eq!(reader.notices.len(), 1);
}

#[test]
fn a_gop_that_grows_long_takes_the_promise_of_independence_back() {
    let source = Source { gops: vec![30, 30, 300], duration: Span::from_secs(20), ..Source::default() };
    let mut reader = reader();
    reader.session(UNIX_MS, &source.events());
    let playlist = reader.main.playlist.as_ref().expect("a playlist");
    assert!(!playlist.independent);
    assert_eq!(playlist.target_duration, 2.0);
    let told: Vec<String> = reader.notices.iter().map(Notice::to_string).collect();
    assert_eq!(told, ["keyframes every 10 s: set 2 s or less"]);
}

#[test]
fn a_first_gop_of_five_seconds_makes_the_target_duration() {
    let source = Source { gops: vec![150], duration: Span::from_secs(20), ..Source::default() };
    let reader = Reader::of(&source.events(), Allowances::default());
    let playlist = reader.main.playlist.as_ref().expect("a playlist");
    assert!(playlist.independent);
    assert_eq!(playlist.target_duration, 5.0);
}

#[test]
fn long_gops_are_told_whether_segments_follow_them_or_not() {
    for (gop_s, words) in [
        (2, None),
        (4, None),
        (5, Some("keyframes every 5 s: set 2 s or less")),
        (10, Some("keyframes every 10 s: set 2 s or less")),
        (30, Some("keyframes more than 10 s apart: set 2 s or less")),
    ] {
        let source = Source { gops: vec![gop_s * 30], duration: Span::from_secs(65), ..Source::default() };
        let reader = Reader::of(&source.events(), Allowances::default());
        let told: Vec<String> = reader.notices.iter().map(Notice::to_string).collect();
        assert_eq!(told, words.into_iter().collect::<Vec<_>>(), "a GOP of {gop_s} s");
        let playlist = reader.main.playlist.as_ref().expect("a playlist");
        assert_eq!(playlist.independent, gop_s <= 10, "a GOP of {gop_s} s");
        assert!(playlist.target_duration <= 10.0);
    }
}

#[test]
fn segments_that_left_the_playlist_can_be_fetched_a_while() {
    let source = Source { duration: Span::from_secs(60), ..Source::default() };
    let mut reader = reader();
    reader.session(UNIX_MS, &source.events());
    let window = reader.window.as_ref().expect("a window");
    let rendition = window.rendition(MAIN).expect("the rendition");
    let first = rendition.first_msn();
    assert!(first > 10);
    assert!(rendition.segment(first - 1).is_some() && rendition.part(first - 1, 0).is_some());
    assert!(rendition.segment(first - 7).is_some(), "for as long as the playlist lasts");
    assert!(rendition.segment(0).is_none(), "not for ever");
    assert!(rendition.contains(0, None), "what has been is not waited for");
}

#[test]
fn blocking_reload_knows_the_part_after_the_last_of_a_segment() {
    let mut reader = reader();
    reader.input(Input::Start { unix_ms: UNIX_MS });
    let mut checked = false;
    for event in Source::default().events() {
        reader.input(Input::Media(event));
        let Some(window) = &reader.window else { continue };
        let rendition = window.rendition(MAIN).expect("the rendition");
        let next = rendition.next();
        if next.part == 0 && next.msn > 0 {
            // Segments here have six parts of ten frames.
            assert!(!rendition.contains(next.msn - 1, Some(6)), "part 6 of it is part 0 of the next");
            assert!(rendition.part(next.msn, 0).is_none());
            checked = true;
        }
        if next.part == 1 && next.msn > 0 {
            assert!(rendition.contains(next.msn - 1, Some(6)));
        }
    }
    assert!(checked);
}

#[test]
fn sound_that_stops_does_not_stop_the_picture() {
    let source = Source { duration: Span::from_secs(20), ..Source::default() };
    let silent_from = Timestamp::from_millis(6_000);
    let events: Vec<MediaEvent> = source
        .events()
        .into_iter()
        .filter(|event| !matches!(event, MediaEvent::Packet(p) if p.track == Source::AUDIO && p.dts > silent_from))
        .collect();
    let reader = Reader::of(&events, Allowances::default());
    assert_eq!(reader.samples(1).len(), 600);
}

#[test]
fn a_picture_that_stops_is_told_and_costs_no_memory() {
    let source = Source { duration: Span::from_secs(120), ..Source::default() };
    let dark_from = Timestamp::from_millis(6_000);
    let events: Vec<MediaEvent> = source
        .events()
        .into_iter()
        .filter(
            |event| !matches!(event, MediaEvent::Packet(p) if p.track == Source::VIDEO && p.dts > dark_from),
        )
        .collect();
    let reader = Reader::of(&events, Allowances::default());
    assert!(matches!(reader.notices[..], [Notice::VideoSilent { .. }]));
}

#[test]
fn the_date_of_what_follows_a_pause_counts_the_pause() {
    // Pictures stop for 20 s while the sound goes on; both stop for 4 s; the size of the picture changes after 3 s.
    let source = Source { duration: Span::from_secs(30), ..Source::default() };
    let at = |seconds: i64| Timestamp::from_millis(seconds * 1_000);
    let picture_stops = |event: &MediaEvent| match event {
        MediaEvent::Packet(p) => p.track != Source::VIDEO || p.dts < at(4) || p.dts >= at(24),
        _ => true,
    };
    let all_stops =
        |event: &MediaEvent| !matches!(event, MediaEvent::Packet(p) if p.dts >= at(4) && p.dts < at(8));
    let changes: Vec<MediaEvent> = [(44_100, 0), (48_000, 7)]
        .into_iter()
        .flat_map(|(rate, start)| {
            let duration = Span::from_secs(4);
            Source { sample_rate: Some(rate), start: at(start), duration, ..Source::default() }.events()
        })
        .collect();
    for (events, seconds) in [
        (source.events().into_iter().filter(picture_stops).collect::<Vec<_>>(), 24),
        (source.events().into_iter().filter(all_stops).collect(), 8),
        (changes, 7),
    ] {
        let reader = Reader::of(&events, Allowances::default());
        let playlist = reader.main.playlist.as_ref().expect("a playlist");
        let after = playlist.segments.values().find(|segment| segment.discontinuity).expect("a pause");
        let expected = format!("2026-11-20T23:15:{}.042Z", 30 + seconds);
        assert_eq!(after.date_time.as_deref(), Some(expected.as_str()));
    }
}

#[test]
fn media_needs_a_start_and_known_tracks() {
    let mut packager = Packager::new(Config::default());
    let events = Source::default().events();
    let refused = packager.handle_input(Input::Media(events[0].clone()));
    assert!(matches!(refused, Err(Error::NotStarted)));
    packager.handle_input(Input::Start { unix_ms: UNIX_MS }).expect("a start");
    let refused = packager.handle_input(Input::Media(events[1].clone()));
    assert!(matches!(refused, Err(Error::UnknownTrack(_))));
    packager.handle_input(Input::Media(MediaEvent::End(EndReason::Lost))).expect("an end");
    let refused = packager.handle_input(Input::Media(events[0].clone()));
    assert!(matches!(refused, Err(Error::NotStarted)));
}

#[test]
fn stamps_that_repeat_are_left_out() {
    let source = Source { duration: Span::from_secs(4), ..Source::default() };
    let mut events = source.events();
    let repeated = events.last().expect("packets").clone();
    events.extend([repeated.clone(), repeated]);
    let reader = Reader::of(&events, Allowances::default());
    let packets: Vec<Packet> = Source::packets(&source.events(), TrackKind::Audio);
    assert_eq!(reader.samples(2).len(), packets.len());
}

#[test]
fn parts_and_segments_have_a_limit_in_bytes() {
    let source =
        Source { gops: vec![600], sample_rate: None, duration: Span::from_secs(6), ..Source::default() };
    let large = bytes::Bytes::from(vec![1; 1 << 20]);
    let events: Vec<MediaEvent> = source
        .events()
        .into_iter()
        .map(|event| match event {
            MediaEvent::Packet(packet) => MediaEvent::Packet(Packet { data: large.clone(), ..packet }),
            other => other,
        })
        .collect();
    let reader = Reader::of(&events, Allowances { huge_frames: true });
    assert_eq!(reader.samples(1).len(), 180);
    assert!(
        reader.main.parts.iter().all(|(_, data)| data.len() < 11 << 20),
        "8 MiB and the frame that passes it"
    );
    let segment = |parts: &Vec<bytes::Bytes>| parts.iter().map(bytes::Bytes::len).sum::<usize>();
    assert!(reader.main.segments.values().all(|parts| segment(parts) < 70 << 20));
}

#[test]
fn a_pause_of_the_picture_longer_than_a_segment_is_a_jump() {
    // The first GOP is one frame of 1 ms, so the playlist starts while the pause still waits for its sound.
    let at_ms = [(0, true), (1, true), (3_013, false), (3_050, true), (3_090, false)];
    let mut events = vec![MediaEvent::Tracks(Source::default().tracks())];
    events.extend(at_ms.map(|(at_ms, random_access)| {
        let at = Timestamp::from_millis(at_ms);
        let data = bytes::Bytes::from_static(&[0, 0, 0, 1, 0x65]);
        MediaEvent::Packet(Packet { track: Source::VIDEO, dts: at, pts: at, random_access, data })
    }));
    let reader = Reader::of(&events, Allowances::default());
    assert!(matches!(reader.notices[..], [Notice::TimestampJump { .. }]));
    assert_eq!(reader.samples(1).len(), 4, "the frame after the pause cannot begin anything");
}

#[test]
fn sound_that_begins_just_before_the_first_picture_is_kept() {
    let mut reader = reader();
    let source = Source { duration: Span::from_secs(4), ..Source::default() };
    let later = Span::from_millis(23);
    let events: Vec<MediaEvent> = source.events();
    let is_sound = |packet: &Packet| packet.track != TrackId(0);
    let moved = |event: MediaEvent| match event {
        MediaEvent::Packet(packet) if !is_sound(&packet) => {
            MediaEvent::Packet(Packet { dts: packet.dts + later, pts: packet.pts + later, ..packet })
        }
        other => other,
    };
    let mut events: Vec<MediaEvent> = events.into_iter().map(moved).collect();
    events.sort_by_key(|event| match event {
        MediaEvent::Tracks(_) => (0, Timestamp::ZERO),
        MediaEvent::Packet(packet) => (1, packet.dts),
        MediaEvent::End(_) => (2, Timestamp::ZERO),
    });
    let sent = events.iter().filter(|event| matches!(event, MediaEvent::Packet(it) if is_sound(it))).count();
    reader.session(UNIX_MS, &events);
    let (video, audio) = (reader.samples(1), reader.samples(2));
    assert_eq!(audio.len(), sent, "also the frame that an AAC encoder begins with");
    assert_eq!((video[0].dts, audio[0].dts), (2_070, 0), "picture and sound stay as far apart as they were");
}

#[test]
fn the_usual_window_of_six_megabits_keeps_less_than_200_megabytes() {
    let source = Source { duration: Span::from_secs(300), ..Source::default() };
    let picture = bytes::Bytes::from(vec![1; 6_000_000 / 8 / 30]);
    let mut packager = Packager::new(Config::default());
    packager.handle_input(Input::Start { unix_ms: UNIX_MS }).expect("a start");
    let mut kept = (0, 0.0);
    for event in source.events() {
        let event = match event {
            MediaEvent::Packet(packet) if packet.track == Source::VIDEO => {
                MediaEvent::Packet(Packet { data: picture.clone(), ..packet })
            }
            other => other,
        };
        packager.handle_input(Input::Media(event)).expect("sound input");
        while let Some(output) = packager.poll_output() {
            let Output::Window(window) = output else { continue };
            let rendition = |name| window.rendition(name).expect("both renditions");
            let bytes = rendition(MAIN).bytes() + rendition(AUDIO).bytes();
            kept = (bytes, rendition(MAIN).listed().as_secs_f64());
        }
    }
    let (bytes, listed_s) = kept;
    assert!((120.0..125.0).contains(&listed_s), "{listed_s} s are listed");
    // What is listed, and as much that left the playlist lately: 2 x 122 s x 6 Mbit/s.
    assert!((170_000_000..200_000_000).contains(&bytes), "{bytes} bytes are kept");
}

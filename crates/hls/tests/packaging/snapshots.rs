//! Whole playlists.

use hls::{Config, Input};
use media::Span;
use testkit::Source;
use testkit::playlist::Allowances;

use crate::reader::{Reader, UNIX_MS};

/// The reader after so much of the source, still live.
fn after(source: &Source, until: Span) -> Reader {
    after_with(Config::default(), source, until)
}

fn after_with(config: Config, source: &Source, until: Span) -> Reader {
    let mut reader = Reader::new(config, Allowances::default());
    reader.input(Input::Start { unix_ms: UNIX_MS });
    for event in (Source { duration: until, ..source.clone() }).events() {
        reader.input(Input::Media(event));
    }
    reader
}

#[test]
fn media_playlist_while_live() {
    let reader = after(&Source::default(), Span::from_millis(5_100));
    insta::assert_snapshot!(reader.text(), @r#"
    #EXTM3U
    #EXT-X-VERSION:9
    #EXT-X-INDEPENDENT-SEGMENTS
    #EXT-X-TARGETDURATION:2
    #EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=12.000,PART-HOLD-BACK=1.002,HOLD-BACK=6.000
    #EXT-X-PART-INF:PART-TARGET=0.334
    #EXT-X-MEDIA-SEQUENCE:0
    #EXT-X-MAP:URI="init-0.mp4"
    #EXT-X-PROGRAM-DATE-TIME:2026-11-20T23:15:30.042Z
    #EXT-X-PART:DURATION=0.33333,URI="part-0-0.m4s",INDEPENDENT=YES
    #EXT-X-PART:DURATION=0.33333,URI="part-0-1.m4s"
    #EXT-X-PART:DURATION=0.33333,URI="part-0-2.m4s"
    #EXT-X-PART:DURATION=0.33333,URI="part-0-3.m4s",INDEPENDENT=YES
    #EXT-X-PART:DURATION=0.33333,URI="part-0-4.m4s"
    #EXT-X-PART:DURATION=0.33333,URI="part-0-5.m4s"
    #EXTINF:2.00000,
    seg-0.m4s
    #EXT-X-PROGRAM-DATE-TIME:2026-11-20T23:15:32.042Z
    #EXT-X-PART:DURATION=0.33333,URI="part-1-0.m4s",INDEPENDENT=YES
    #EXT-X-PART:DURATION=0.33333,URI="part-1-1.m4s"
    #EXT-X-PART:DURATION=0.33333,URI="part-1-2.m4s"
    #EXT-X-PART:DURATION=0.33333,URI="part-1-3.m4s",INDEPENDENT=YES
    #EXT-X-PART:DURATION=0.33333,URI="part-1-4.m4s"
    #EXT-X-PART:DURATION=0.33333,URI="part-1-5.m4s"
    #EXTINF:2.00000,
    seg-1.m4s
    #EXT-X-PROGRAM-DATE-TIME:2026-11-20T23:15:34.042Z
    #EXT-X-PART:DURATION=0.33333,URI="part-2-0.m4s",INDEPENDENT=YES
    #EXT-X-PART:DURATION=0.33333,URI="part-2-1.m4s"
    #EXT-X-PART:DURATION=0.33333,URI="part-2-2.m4s"
    #EXT-X-RENDITION-REPORT:URI="../audio/index.m3u8",LAST-MSN=2,LAST-PART=2
    #EXT-X-PRELOAD-HINT:TYPE=PART,URI="part-2-3.m4s"
    "#);
}

#[test]
fn a_segment_with_its_first_part_alone_is_reported_as_the_end_of_the_one_before() {
    let source = Source::default();
    let report = |until_ms| {
        let reader = after(&source, Span::from_millis(until_ms));
        let text = reader.text().to_owned();
        let line = text.lines().find(|line| line.starts_with("#EXT-X-RENDITION-REPORT")).expect("a report");
        line.split_once(',').expect("attributes").1.to_owned()
    };
    assert_eq!(report(4_100), "LAST-MSN=1,LAST-PART=5");
    assert_eq!(report(4_450), "LAST-MSN=1,LAST-PART=6", "and not LAST-MSN=2,LAST-PART=0");
    assert_eq!(report(4_800), "LAST-MSN=2,LAST-PART=1");
}

#[test]
fn media_playlist_of_sound_alone() {
    let source = Source { frames: Vec::new(), sample_rate: Some(44_100), ..Source::default() };
    let reader = after(&source, Span::from_millis(2_900));
    insta::assert_snapshot!(reader.text(), @r#"
    #EXTM3U
    #EXT-X-VERSION:9
    #EXT-X-INDEPENDENT-SEGMENTS
    #EXT-X-TARGETDURATION:2
    #EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=12.000,PART-HOLD-BACK=1.002,HOLD-BACK=6.000
    #EXT-X-PART-INF:PART-TARGET=0.334
    #EXT-X-MEDIA-SEQUENCE:0
    #EXT-X-MAP:URI="init-0.mp4"
    #EXT-X-PROGRAM-DATE-TIME:2026-11-20T23:15:30.042Z
    #EXT-X-PART:DURATION=0.32508,URI="part-0-0.m4s",INDEPENDENT=YES
    #EXT-X-PART:DURATION=0.32508,URI="part-0-1.m4s",INDEPENDENT=YES
    #EXT-X-PART:DURATION=0.32508,URI="part-0-2.m4s",INDEPENDENT=YES
    #EXT-X-PART:DURATION=0.32508,URI="part-0-3.m4s",INDEPENDENT=YES
    #EXT-X-PART:DURATION=0.32508,URI="part-0-4.m4s",INDEPENDENT=YES
    #EXT-X-PART:DURATION=0.32508,URI="part-0-5.m4s",INDEPENDENT=YES
    #EXT-X-PART:DURATION=0.04644,URI="part-0-6.m4s",INDEPENDENT=YES
    #EXTINF:1.99692,
    seg-0.m4s
    #EXT-X-PROGRAM-DATE-TIME:2026-11-20T23:15:32.039Z
    #EXT-X-PART:DURATION=0.32508,URI="part-1-0.m4s",INDEPENDENT=YES
    #EXT-X-PART:DURATION=0.32508,URI="part-1-1.m4s",INDEPENDENT=YES
    #EXT-X-PRELOAD-HINT:TYPE=PART,URI="part-1-2.m4s"
    "#);
}

#[test]
fn media_playlist_after_a_return_with_other_tracks() {
    let source = Source { gops: vec![60], duration: Span::from_secs(2), ..Source::default() };
    let mut reader = Reader::new(Config::default(), Allowances::default());
    reader.session(UNIX_MS, &source.events());
    reader.session(UNIX_MS + 12_345, &Source { sample_rate: None, ..source }.events());
    insta::assert_snapshot!(reader.text(), @r#"
    #EXTM3U
    #EXT-X-VERSION:9
    #EXT-X-INDEPENDENT-SEGMENTS
    #EXT-X-TARGETDURATION:2
    #EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=12.000,PART-HOLD-BACK=1.002,HOLD-BACK=6.000
    #EXT-X-PART-INF:PART-TARGET=0.334
    #EXT-X-MEDIA-SEQUENCE:0
    #EXT-X-MAP:URI="init-0.mp4"
    #EXT-X-PROGRAM-DATE-TIME:2026-11-20T23:15:30.042Z
    #EXT-X-PART:DURATION=0.33333,URI="part-0-0.m4s",INDEPENDENT=YES
    #EXT-X-PART:DURATION=0.33333,URI="part-0-1.m4s"
    #EXT-X-PART:DURATION=0.33333,URI="part-0-2.m4s"
    #EXT-X-PART:DURATION=0.33333,URI="part-0-3.m4s"
    #EXT-X-PART:DURATION=0.33333,URI="part-0-4.m4s"
    #EXT-X-PART:DURATION=0.33333,URI="part-0-5.m4s"
    #EXTINF:2.00000,
    seg-0.m4s
    #EXT-X-DISCONTINUITY
    #EXT-X-MAP:URI="init-1.mp4"
    #EXT-X-PROGRAM-DATE-TIME:2026-11-20T23:15:42.387Z
    #EXT-X-PART:DURATION=0.33333,URI="part-1-0.m4s",INDEPENDENT=YES
    #EXT-X-PART:DURATION=0.33333,URI="part-1-1.m4s"
    #EXT-X-PART:DURATION=0.33333,URI="part-1-2.m4s"
    #EXT-X-PART:DURATION=0.33333,URI="part-1-3.m4s"
    #EXT-X-PART:DURATION=0.33333,URI="part-1-4.m4s"
    #EXT-X-PART:DURATION=0.33333,URI="part-1-5.m4s"
    #EXTINF:2.00000,
    seg-1.m4s
    #EXT-X-RENDITION-REPORT:URI="../audio/index.m3u8",LAST-MSN=1,LAST-PART=5
    # waiting for the publisher
    "#);
}

#[test]
fn media_playlist_with_a_long_gop() {
    let source = Source { gops: vec![500], sample_rate: None, ..Source::default() };
    let config = Config { part_target: Span::from_secs(2), ..Config::default() };
    let reader = after_with(config, &source, Span::from_millis(14_100));
    insta::assert_snapshot!(reader.text(), @r#"
    #EXTM3U
    #EXT-X-VERSION:9
    #EXT-X-TARGETDURATION:10
    #EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=60.000,PART-HOLD-BACK=6.003,HOLD-BACK=30.000
    #EXT-X-PART-INF:PART-TARGET=2.001
    #EXT-X-START:TIME-OFFSET=-14.00000,PRECISE=YES
    #EXT-X-MEDIA-SEQUENCE:0
    #EXT-X-MAP:URI="init-0.mp4"
    #EXT-X-PROGRAM-DATE-TIME:2026-11-20T23:15:30.042Z
    #EXT-X-PART:DURATION=2.00000,URI="part-0-0.m4s",INDEPENDENT=YES
    #EXT-X-PART:DURATION=2.00000,URI="part-0-1.m4s"
    #EXT-X-PART:DURATION=2.00000,URI="part-0-2.m4s"
    #EXT-X-PART:DURATION=2.00000,URI="part-0-3.m4s"
    #EXT-X-PART:DURATION=2.00000,URI="part-0-4.m4s"
    #EXTINF:10.00000,
    seg-0.m4s
    #EXT-X-PROGRAM-DATE-TIME:2026-11-20T23:15:40.042Z
    #EXT-X-PART:DURATION=2.00000,URI="part-1-0.m4s"
    #EXT-X-PART:DURATION=2.00000,URI="part-1-1.m4s"
    #EXT-X-PRELOAD-HINT:TYPE=PART,URI="part-1-2.m4s"
    "#);
}

#[test]
fn multivariant_playlist() {
    let reader = after(&Source::default(), Span::from_secs(9));
    let window = reader.window.as_ref().expect("a window");
    let text = std::str::from_utf8(window.multivariant().plain()).expect("UTF-8");
    insta::assert_snapshot!(text, @r#"
    #EXTM3U
    #EXT-X-VERSION:9
    #EXT-X-STREAM-INF:BANDWIDTH=39296,AVERAGE-BANDWIDTH=39260,CODECS="avc1.42c00d,mp4a.40.2",RESOLUTION=320x180,FRAME-RATE=30.000
    main/index.m3u8
    #EXT-X-STREAM-INF:BANDWIDTH=16210,AVERAGE-BANDWIDTH=16188,CODECS="mp4a.40.2"
    audio/index.m3u8
    "#);
}

#[test]
fn another_reader_understands_both_playlists() {
    let reader = after(&Source::default(), Span::from_secs(30));
    let window = reader.window.as_ref().expect("a window");
    let (_, multivariant) =
        m3u8_rs::parse_master_playlist(window.multivariant().plain()).expect("a multivariant playlist");
    let variant = &multivariant.variants[0];
    assert_eq!(
        (variant.uri.as_str(), variant.codecs.as_deref()),
        ("main/index.m3u8", Some("avc1.42c00d,mp4a.40.2"))
    );
    assert_eq!(variant.resolution.map(|size| (size.width, size.height)), Some((320, 180)));
    let text = reader.text();
    let (_, playlist) = m3u8_rs::parse_media_playlist(text.as_bytes()).expect("a media playlist");
    let own = reader.main.playlist.as_ref().expect("a playlist");
    assert_eq!(playlist.target_duration, 2);
    assert_eq!(playlist.version, multivariant.version);
    assert_eq!(Some(&playlist.media_sequence), own.segments.keys().next());
    assert_eq!(
        playlist.segments.len(),
        own.segments.values().filter(|segment| segment.duration.is_some()).count()
    );
    assert!(playlist.segments.iter().all(|segment| segment.program_date_time.is_some()));
}

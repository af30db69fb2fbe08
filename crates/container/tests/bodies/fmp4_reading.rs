//! Fragmented MP4 is read as it was written: by this crate, by FFmpeg in all its ways, and by anybody at all.

use std::path::PathBuf;

use container::fmp4::{BoxName, Counters, Demuxer, Fragment, ReadError, Run, Sample, init_segment};
use media::{MediaEvent, Packet, Span, StreamChecker, Timestamp, Track, TrackKind};
use proptest::prelude::*;
use testkit::{Source, ffmpeg, media_file};

/// Every event of `file` that comes in pieces of `cut` bytes, all of them as media demands.
fn read(file: &[u8], cut: usize) -> Result<(Vec<MediaEvent>, Counters), ReadError> {
    let (mut demuxer, mut checker, mut events) = (Demuxer::new(), StreamChecker::new(), Vec::new());
    for piece in file.chunks(cut) {
        demuxer.push(piece)?;
        while let Some(event) = demuxer.poll() {
            assert_eq!(checker.check(&event), Ok(()));
            events.push(event);
        }
    }
    Ok((events, *demuxer.counters()))
}

/// A fragmented file of `events`, each of its fragments about `fragment` long.
fn written(events: &[MediaEvent], fragment: Span) -> Vec<u8> {
    let Some(MediaEvent::Tracks(tracks)) = events.first() else { panic!("tracks come first") };
    let mut file = init_segment(tracks).expect("codecs of MP4").to_vec();
    let packets: Vec<&Packet> = events.iter().filter_map(packet).collect();
    let start = packets[0].dts;
    let number = |packet: &Packet| (packet.dts - start).flicks() / fragment.flicks();
    for (sequence, packets) in packets.chunk_by(|a, b| number(a) == number(b)).enumerate() {
        let runs: Vec<Run> = tracks.iter().filter_map(|track| run(track, packets)).collect();
        let fragment = Fragment { sequence: sequence as u32 + 1, runs: &runs };
        file.extend_from_slice(&fragment.write().expect("a fragment with samples"));
    }
    file
}

fn run(track: &Track, packets: &[&Packet]) -> Option<Run> {
    let own: Vec<&&Packet> = packets.iter().filter(|packet| packet.track == track.id).collect();
    let ticks = |at: Timestamp| at.ticks(track.timescale);
    let samples = own.iter().enumerate().map(|(index, packet)| Sample {
        duration: own.get(index + 1).map_or(1, |next| (ticks(next.dts) - ticks(packet.dts)) as u32),
        composition_offset: packet.composition_offset().ticks(track.timescale) as i32,
        sync: packet.random_access,
        data: packet.data.clone(),
    });
    let base_decode_time = Run::decode_time(own.first()?.dts, track.timescale);
    Some(Run { track: track.id, base_decode_time, samples: samples.collect() })
}

fn packet(event: &MediaEvent) -> Option<&Packet> {
    match event {
        MediaEvent::Packet(packet) => Some(packet),
        _ => None,
    }
}

/// The body of a box within all that holds it.
fn body<'a>(file: &'a mut [u8], name: &[u8; 4]) -> &'a mut [u8] {
    let at = file.windows(4).position(|window| window == name).expect("the box is there");
    &mut file[at + 4..]
}

#[test]
fn a_turned_picture_is_told_and_not_turned() {
    let events = source().events();
    let mut file = written(&events, Span::from_secs(1));
    let as_it_lies = read(&file, 1_000).expect("our own file").0;
    for (a, b, turned) in [(0, 0x1_0000, 90), (-0x1_0000, 0, 180), (0, -0x1_0000, 270), (0x1_0000, 0, 0)] {
        // The first track is the video; its header has 40 bytes before the matrix, with wide times 52.
        let header = body(&mut file, b"tkhd");
        let at = if header[0] == 1 { 52 } else { 40 };
        let matrix = &mut header[at..];
        matrix[..4].copy_from_slice(&i32::to_be_bytes(a));
        matrix[4..8].copy_from_slice(&i32::to_be_bytes(b));
        let mut demuxer = Demuxer::new();
        demuxer.push(&file).expect("our own file");
        assert_eq!(demuxer.turned(), turned);
        assert_eq!(read(&file, 1_000).expect("our own file").0, as_it_lies, "{turned}");
    }
}

fn source() -> Source {
    Source { duration: Span::from_secs(1), b_frames: 2, ..Source::default() }
}

#[test]
fn the_same_events_come_of_any_cuts() {
    let events = source().events();
    let file = written(&events, Span::from_millis(300));
    let (whole, _) = read(&file, file.len()).expect("what this crate wrote");
    for cut in (1..100).chain([997, 4_096, 65_536]) {
        assert_eq!(read(&file, cut).expect("the same file").0, whole, "pieces of {cut} bytes");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read_back(fragment_ms in 1_i64..1_500, b_frames in 0_u32..4, gop in 1_u32..40,
                                    sample_rate in prop::option::of(prop::sample::select(vec![48_000_u32, 44_100])),
                                    start_ms in 0_i64..5_000_000_000, cut in 1_usize..5_000) {
        let start = Timestamp::from_millis(start_ms);
        let source = Source { gops: vec![gop], b_frames, sample_rate, start, ..source() };
        let events = source.events();
        let (got, counters) = read(&written(&events, Span::from_millis(fragment_ms)), cut).expect("as written");
        prop_assert_eq!(counters, Counters::default());
        prop_assert_eq!(&got[0], &events[0]);
        for kind in [TrackKind::Video, TrackKind::Audio] {
            let (sent, got) = (Source::packets(&events, kind), Source::packets(&got, kind));
            prop_assert_eq!(sent.len(), got.len());
            for (sent, got) in sent.iter().zip(&got) {
                prop_assert_eq!(&sent.data, &got.data);
                prop_assert_eq!(sent.random_access, got.random_access);
                // The file counts in whole ticks of 90 kHz.
                prop_assert!((sent.dts - got.dts).abs() < Span::from_millis(1), "{:?} {:?}", sent.dts, got.dts);
                prop_assert!((sent.pts - got.pts).abs() < Span::from_millis(1));
            }
        }
        let by_time = got.iter().filter_map(packet).map(|packet| packet.dts).collect::<Vec<_>>();
        let late = by_time.windows(2).filter(|pair| pair[0] > pair[1] + Span::from_millis(25)).count();
        prop_assert!(late <= got.len() / 2, "tracks come interleaved");
    }
}

/// FFmpeg's ways to write fragments: offsets from the file's start, from `moof`, from the data before; times
/// in `tfdt`; tables before and behind the first fragment; edit lists; one sample a fragment.
const WAYS: [&str; 6] = [
    "frag_keyframe+empty_moov",
    "frag_keyframe+empty_moov+default_base_moof",
    "frag_keyframe+empty_moov+omit_tfhd_offset",
    "frag_every_frame+empty_moov+default_base_moof",
    "frag_keyframe+delay_moov+default_base_moof+negative_cts_offsets",
    "cmaf+frag_keyframe+delay_moov",
];

#[test]
fn what_ffmpeg_fragments_is_read_whole() {
    let clips = [
        "cam_1080x720_nal2bytes_mono441.mp4",
        "bbb_800x640_bpyramid.mp4",
        "bbb_480p24_bframes_aac51.mp4",
        "d_bbb_hevc_closed48_nob.mp4",
        "bottle_360p_29.83fps_videoonly.mp4",
        "unsup_av1.mp4",
        "unsup_opus.mp4",
        "d_jfk_mono44100_aac.m4a",
    ];
    for clip in clips {
        let Some(path) = media_file(clip) else { return };
        for (number, way) in WAYS.iter().enumerate() {
            if way.contains("frag_every_frame") && !clip.contains("videoonly") && !clip.contains("m4a") {
                // FFmpeg then gives two samples of sound the same time whenever pictures come between them.
                continue;
            }
            let folder = Folder::new();
            let file = folder.0.join(format!("{clip}-{number}.mp4"));
            let (from, to) = (path.to_str().expect("UTF-8"), file.to_str().expect("UTF-8"));
            let copy = ["-y", "-v", "error", "-t", "4", "-i", from, "-c", "copy", "-movflags", way];
            let muxed =
                ffmpeg::run(&[&copy[..], &["-map", "0:v:0?", "-map", "0:a:0?", "-f", "mp4", to]].concat());
            let Some(muxed) = muxed else { return };
            assert!(muxed.status.success(), "{clip} {way}: {}", String::from_utf8_lossy(&muxed.stderr));
            check_against_ffprobe(&file, &format!("{clip} as {way}"));
        }
    }
}

fn check_against_ffprobe(file: &std::path::Path, what: &str) {
    let bytes = std::fs::read(file).expect("what FFmpeg wrote");
    let (events, counters) = read(&bytes, 1_400).unwrap_or_else(|error| panic!("{what}: {error}"));
    // A telephone's sound has a gap of its own.
    assert!(counters.audio_gaps <= 1, "{what}: {counters:?}");
    assert_eq!(Counters { audio_gaps: 0, ..counters }, Counters::default(), "{what}");
    for (kind, stream) in [(TrackKind::Video, "v:0"), (TrackKind::Audio, "a:0")] {
        let Some(expected) = ffmpeg::packets(file, stream) else { return };
        let got = Source::packets(&events, kind);
        assert_eq!(got.len(), expected.len(), "{what}: packets of {stream}");
        // Where composition offsets are negative FFmpeg reads all pictures later, until none precedes its decoding.
        let first =
            got.first().zip(expected.first()).map(|(got, expected)| expected.pts_s - got.pts.as_secs_f64());
        let later_s = first.filter(|_| got.iter().any(|packet| packet.pts < packet.dts)).unwrap_or_default();
        for (index, (got, expected)) in got.iter().zip(&expected).enumerate() {
            let pts_s = got.pts.as_secs_f64() + later_s;
            assert!(
                (pts_s - expected.pts_s).abs() < 0.002,
                "{what}: {stream} {index}: {pts_s} {}",
                expected.pts_s
            );
        }
        let random = got.iter().filter(|packet| packet.random_access).count();
        assert!(random <= expected.iter().filter(|packet| packet.key).count(), "{what}");
        assert!(got.is_empty() || random > 0, "{what}");
    }
}

/// A folder that goes away with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        static NUMBER: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("rostrum-fmp4-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder for the test");
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn another_moov_continues_the_clock_and_tells_the_tracks_only_when_they_changed() {
    let file = written(&source().events(), Span::from_millis(300));
    let (once, _) = read(&file, 1_000).expect("as written");
    let (twice, counters) = read(&[&file[..], &file].concat(), 1_000).expect("as written");
    assert_eq!(counters.clock_restarts, 1);
    assert_eq!(twice.len(), once.len() * 2 - 1, "the same tracks are not told again");

    let other = Source { sample_rate: Some(44_100), ..source() };
    let both = [file, written(&other.events(), Span::from_millis(300))].concat();
    let (events, _) = read(&both, 1_000).expect("as written");
    assert_eq!(events.iter().filter(|event| matches!(event, MediaEvent::Tracks(_))).count(), 2);
}

#[test]
fn what_cannot_be_read_is_named_with_its_place() {
    let name = |name: &[u8; 4]| BoxName(*name);
    let check = |file: &[u8], expected: &str| {
        let error = read(file, 7).expect_err("nothing to be read");
        assert_eq!(error.to_string(), expected);
    };
    check(&[0x1a, 0x45, 0xdf, 0xa3, 1, 2, 3, 4], &ReadError::WebM.to_string());
    check(b"GET /live", "the stream begins with '/liv', expected the box 'ftyp' of MP4");
    check(&[0, 0, 0, 8, b'm', b'o', b'o', b'v'], "the MP4 is not fragmented: 'moov' has no 'mvex'");
    let ftyp = [0, 0, 0, 8, b'f', b't', b'y', b'p'];
    let large = [&ftyp[..], &[0xff, 0xff, 0xff, 0xff], b"moov"].concat();
    check(&large, "box 'moov' at byte 8: 4294967287 bytes, at most 1048576");
    let small = [&ftyp[..], &[0, 0, 0, 7], b"moov"].concat();
    check(&small, "box 'moov' at byte 8: its size is smaller than its header");
    let data = [&ftyp[..], &[0, 0, 0, 9], b"mdat"].concat();
    check(&data, "box 'mdat' at byte 8: it comes before 'moov', expected fragments behind it");
    let file = written(&source().events(), Span::from_millis(300));
    let mut vp9 = file.clone();
    let entry = file.windows(4).position(|four| four == b"avc1").expect("a sample entry");
    vp9[entry..entry + 4].copy_from_slice(b"vp09");
    check(&vp9, "VP9 is not supported: send H.264, HEVC or AV1 video and AAC or Opus audio");
    let mut count = file.clone();
    let trun = file.windows(4).position(|four| four == b"trun").expect("a run");
    count[trun + 8..trun + 12].copy_from_slice(&u32::MAX.to_be_bytes());
    let problem = "it counts more samples than it has bytes for";
    let at = trun as u64 - 4;
    check(&count, &ReadError::Box { name: name(b"trun"), at, problem }.to_string());
    // Without a field for each sample there is nothing that the count could be held against.
    count[trun + 4..trun + 8].copy_from_slice(&[0, 0, 0, 1]);
    check(&count, &format!("box 'trun' at byte {at}: 4294967295 samples, at most 16384"));
}

#[test]
fn an_error_comes_again_and_nothing_else() {
    let mut demuxer = Demuxer::new();
    assert!(demuxer.push(b"not an MP4 file").is_err());
    let file = written(&source().events(), Span::from_millis(300));
    assert!(demuxer.push(&file).is_err());
    assert_eq!(demuxer.poll(), None);
}

/// One change to a sound file.
#[derive(Clone, Debug)]
enum Change {
    /// Anywhere, or near the boxes that say where the samples are.
    Flip {
        at: usize,
        value: u8,
    },
    Index {
        number: usize,
        at: usize,
        value: u8,
    },
    Cut {
        at: usize,
        bytes: usize,
    },
    Repeat {
        at: usize,
        bytes: usize,
    },
}

fn change() -> impl Strategy<Value = Change> {
    let at = 0_usize..100_000;
    prop_oneof![
        2 => (at.clone(), any::<u8>()).prop_map(|(at, value)| Change::Flip { at, value }),
        6 => (0_usize..6, 0_usize..200, any::<u8>()).prop_map(|(number, at, value)| Change::Index { number, at, value }),
        1 => (at.clone(), 1_usize..40).prop_map(|(at, bytes)| Change::Cut { at, bytes }),
        1 => (at, 1_usize..3_000).prop_map(|(at, bytes)| Change::Repeat { at, bytes }),
    ]
}

fn changed(mut file: Vec<u8>, changes: &[Change]) -> Vec<u8> {
    for change in changes {
        let len = file.len();
        match *change {
            Change::Flip { at, value } => file[at % len] = value,
            Change::Index { number, at, value } => {
                let boxes =
                    file.windows(4).enumerate().filter(|(_, four)| matches!(*four, b"moof" | b"moov"));
                let index = boxes.map(|(index, _)| index).nth(number).unwrap_or(0);
                file[(index + at) % len] = value;
            }
            Change::Cut { at, bytes } => {
                let at = at % len;
                file.drain(at..(at + bytes).min(len - 1).max(at));
            }
            Change::Repeat { at, bytes } => {
                let at = at % len;
                let piece = file[at..(at + bytes).min(len)].to_vec();
                file.splice(at..at, piece);
            }
        }
    }
    file
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_file_keeps_the_invariants(changes in prop::collection::vec(change(), 1..12), cut in 1_usize..3_000) {
        // `read` checks every event; a refusal is as good as an answer.
        let file = written(&source().events(), Span::from_millis(200));
        let _ = read(&changed(file, &changes), cut);
    }

    #[test]
    fn random_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = read(&bytes, 13);
        let _ = read(&[&[0, 0, 0, 8][..], b"ftyp", &bytes].concat(), 13);
        let _ = read(&[&[0, 0, 1, 0][..], b"moov", &bytes].concat(), 13);
    }
}

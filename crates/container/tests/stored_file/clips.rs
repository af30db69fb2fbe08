//! Real files.

use bytes::Bytes;
use container::stored::Format;
use media::{Codec, MediaEvent, Packet, SoundFormat, TrackKind};
use testkit::{Source, ffmpeg, media_file, read_mp4};

use crate::{clip, read, remuxed};

fn data(packets: &[Packet]) -> Vec<Bytes> {
    packets.iter().map(|packet| packet.data.clone()).collect()
}

fn packets(events: &[MediaEvent], kind: TrackKind) -> Vec<Packet> {
    Source::packets(events, kind)
}

#[test]
fn every_sample_of_a_file_comes_with_its_times() {
    for name in [
        "bbb_480p24_bframes_aac51.mp4",
        "bbb_800x640_bpyramid.mp4",
        "bbb_800x640_firstpts_10s.mp4",
        "bottle_360p_29.83fps_videoonly.mp4",
        "cam_1080x720_nal2bytes_mono441.mp4",
        "cam_360p_gop18-232_baseline.mp4",
        "cam_720x1080_portrait_mono441.mp4",
        "d_bbb_720p60_gop120.mp4",
        "d_bbb_h264_426x238_23976.mp4",
        "d_bbb_h264_vfr.mp4",
        "d_bbb_hevc_closed48_nob.mp4",
        "d_jfk_mono44100_aac.m4a",
        "long_362s_1080p30_lowbitrate.mp4",
        "screen_518x488_short_gop.mp4",
        "sintel_256x110_small.mp4",
        "traffic_432p_12.5fps_baseline.mp4",
        "unsup_av1.mp4",
        "unsup_opus.mp4",
    ] {
        let Some(path) = media_file(name) else { return };
        let got = read(&clip(name).unwrap()).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(got.reader.format(), Some(Format::Mp4), "{name}");
        let known = read_mp4(&path);
        for (kind, stream) in [(TrackKind::Video, "v:0"), (TrackKind::Audio, "a:0")] {
            let (known, got) = (packets(&known, kind), packets(&got.events, kind));
            assert!(data(&known) == data(&got), "{name}: the data of {kind:?}");
            let Some(probed) = ffmpeg::packets(&path, stream) else { return };
            // FFmpeg leaves out sound that an edit list cuts off before the beginning or behind the end.
            let left_out = got.len() - probed.len();
            assert!(left_out == 0 || kind == TrackKind::Audio && left_out < 3, "{name}: {stream} {left_out}");
            let begins = probed.first().map_or(0.0, |first| first.pts_s - 0.01);
            let skipped = got.iter().take_while(|packet| packet.pts.as_secs_f64() < begins).count();
            for (got, probed) in got[skipped..].iter().zip(&probed) {
                // Where composition offsets are negative, FFmpeg moves decoding times instead. Sound stands on its sample
                // clock here, and that of some clips begins with a gap.
                let (got_s, probed_s) = (got.pts.as_secs_f64(), probed.pts_s);
                assert!((got_s - probed_s).abs() < 0.02, "{name} {stream}: {got_s} {probed_s}");
            }
        }
    }
}

#[test]
fn one_file_in_every_format_has_the_same_pictures() {
    let name = "bbb_480p24_bframes_aac51.mp4";
    let Some(original) = clip(name) else { return };
    let pictures = packets(&read(&original).unwrap().events, TrackKind::Video);
    let ways: [(&str, &[&str], Format); 8] = [
        ("mp4", &["-movflags", "faststart"], Format::Mp4),
        ("mov", &[], Format::Mp4),
        ("mp4", &["-movflags", "frag_keyframe+empty_moov+default_base_moof"], Format::FragmentedMp4),
        ("mp4", &["-movflags", "negative_cts_offsets", "-use_editlist", "0"], Format::Mp4),
        ("mkv", &[], Format::Matroska),
        ("mkv", &["-live", "1", "-cluster_time_limit", "700"], Format::Matroska),
        ("ts", &[], Format::Mpegts),
        ("flv", &[], Format::Flv),
    ];
    for (extension, arguments, format) in ways {
        let Some((_folder, path)) = remuxed(name, extension, arguments) else { return };
        let file = Bytes::from(std::fs::read(path).unwrap());
        let got = read(&file).unwrap_or_else(|error| panic!("{extension} {arguments:?}: {error}"));
        assert_eq!(got.reader.format(), Some(format), "{extension}");
        let found = packets(&got.events, TrackKind::Video);
        assert!(data(&found) == data(&pictures), "{extension} {arguments:?}");
        let first = found[0].pts;
        for (found, known) in found.iter().zip(&pictures) {
            let (found_s, known_s) =
                ((found.pts - first).as_secs_f64(), (known.pts - pictures[0].pts).as_secs_f64());
            assert!((found_s - known_s).abs() < 0.002, "{extension} {arguments:?}: {found_s} {known_s}");
            let early = format == Format::Matroska && found.dts > found.pts;
            assert!(!early, "{extension} {arguments:?}: shown before it is decoded");
        }
        let sound = packets(&got.events, TrackKind::Audio);
        assert!(sound.len().abs_diff(1_408) < 4, "{extension}: {} packets of sound", sound.len());
    }
}

#[test]
fn matroska_has_the_codecs_that_recorders_write() {
    for (name, extension) in [
        ("bbb_800x640_bpyramid.mp4", "mkv"),
        ("cam_1080x720_nal2bytes_mono441.mp4", "mkv"),
        ("d_bbb_hevc_opengop48_b3.mp4", "mkv"),
        ("unsup_av1.mp4", "mkv"),
        ("unsup_opus.mp4", "mkv"),
    ] {
        let Some(original) = clip(name) else { return };
        let Some((_folder, path)) = remuxed(name, extension, &[]) else { return };
        let original = read(&original).unwrap();
        let got =
            read(&std::fs::read(path).unwrap().into()).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(got.reader.format(), Some(Format::Matroska), "{name}");
        for kind in [TrackKind::Video, TrackKind::Audio] {
            let (known, found) = (packets(&original.events, kind), packets(&got.events, kind));
            assert!(data(&known) == data(&found), "{name}: the data of {kind:?}");
            let times = known.iter().zip(&found);
            for (known, found) in times {
                let (known_s, found_s) = (
                    (known.pts - shown_first(&original.events, kind)).as_secs_f64(),
                    (found.pts - shown_first(&got.events, kind)).as_secs_f64(),
                );
                assert!((known_s - found_s).abs() < 0.003, "{name} {kind:?}: {known_s} {found_s}");
            }
        }
        let codecs = |events: &[MediaEvent]| match events.first() {
            Some(MediaEvent::Tracks(tracks)) => {
                tracks.iter().map(|track| track.codec.clone()).collect::<Vec<_>>()
            }
            _ => panic!("tracks come first"),
        };
        assert_eq!(codecs(&original.events), codecs(&got.events), "{name}");
    }
}

/// When the first of a kind is shown.
fn shown_first(events: &[MediaEvent], kind: TrackKind) -> media::Timestamp {
    packets(events, kind)[0].pts
}

#[test]
fn a_telephones_video_is_read_and_its_turn_is_told() {
    let Some(file) = clip("iphone_hevc10_opengop_rot90.mp4") else { return };
    let got = read(&file).unwrap();
    assert_eq!(got.reader.turned(), 90);
    let Some(MediaEvent::Tracks(tracks)) = got.events.first() else { panic!("tracks come first") };
    assert!(matches!(tracks[0].codec, Codec::Hevc(_)) && matches!(tracks[1].codec, Codec::Aac(_)));
    assert!(packets(&got.events, TrackKind::Video).len() > 80);
}

#[test]
fn the_samples_are_read_once_and_the_rest_of_the_file_hardly() {
    let Some(file) = clip("d_bbb_720p60_gop120.mp4") else { return };
    let got = read(&file).unwrap();
    assert!(got.bytes <= file.len() as u64 + 4_096, "{} of {} bytes", got.bytes, file.len());
}

#[test]
fn sound_that_browsers_do_not_take_is_read_for_whoever_makes_it_anew() {
    let Some((_folder, path)) = remuxed("d_jfk_stereo48000.mp3", "flv", &[]) else { return };
    let file = read(&std::fs::read(path).unwrap().into()).unwrap();
    let tracks = file.events.iter().find_map(|event| match event {
        MediaEvent::Tracks(tracks) => Some(tracks),
        _ => None,
    });
    let codec = &tracks.unwrap()[0].codec;
    let Codec::Foreign(sound) = codec else { panic!("{codec:?}, expected MP3") };
    assert_eq!((sound.format, sound.sample_rate, sound.channels), (SoundFormat::Mp3, 48_000, 2));
    let heard = file.events.iter().filter(|event| matches!(event, MediaEvent::Packet(_))).count();
    assert!(heard > 400, "{heard} packets of 24 ms, expected the eleven seconds of the clip");
}

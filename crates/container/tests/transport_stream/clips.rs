use std::path::{Path, PathBuf};

use container::mpegts::Error;
use media::{Codec, Packet, SoundFormat, Span};
use testkit::ffmpeg::{self, ProbedPacket};
use testkit::media_file;

use crate::{demux, packets, tracks};

/// What of a clip's pictures cannot be shown, and is left out: those before the first IDR picture.
struct Expected {
    video_left_out: usize,
    audio_left_out: usize,
}

const NOTHING_LEFT_OUT: Expected = Expected { video_left_out: 0, audio_left_out: 0 };

fn check(file: &Path, expected: &Expected) {
    let bytes = std::fs::read(file).expect("a readable clip");
    let (events, demuxer) = demux(&bytes).expect("codecs that are taken");
    for (stream, is_video, left_out) in
        [("v:0", true, expected.video_left_out), ("a:0", false, expected.audio_left_out)]
    {
        let Some(probed) = ffmpeg::packets(file, stream) else { return };
        let read = packets(&events, is_video);
        let what = format!("{} {stream}: {:?}", file.display(), demuxer.counters());
        assert_eq!(read.len() + left_out, probed.len(), "{what}");
        check_times(&read, &probed[left_out..], &what);
    }
}

/// Times are those that FFmpeg reads, but for where they begin; sound may be off by its rounding.
fn check_times(read: &[Packet], probed: &[ProbedPacket], what: &str) {
    let (Some(first), Some(first_probed)) = (read.first(), probed.first()) else { return };
    for (packet, expected) in read.iter().zip(probed) {
        let pts = (packet.pts - first.pts).as_secs_f64();
        let expected_pts = expected.pts_s - first_probed.pts_s;
        assert!((pts - expected_pts).abs() < 0.018, "{what}: {pts} instead of {expected_pts}");
    }
}

fn clip(name: &str, expected: &Expected) {
    if let Some(file) = media_file(name) {
        check(&file, expected);
    }
}

/// A clip of another container, copied into MPEG-TS; `None` without FFmpeg.
fn remuxed(name: &str, more: &[&str]) -> Option<PathBuf> {
    let file = media_file(name)?;
    let ts = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}{}.ts", more.len()));
    let (from, to) = (file.to_str()?, ts.to_str()?);
    let copy = ["-v", "error", "-y", "-i", from, "-map", "0:v?", "-map", "0:a?", "-c", "copy"];
    let output = ffmpeg::run(&[&copy[..], more, &[to]].concat())?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(ts)
}

#[test]
fn real_segments_have_as_many_packets_as_ffmpeg_reads() {
    for name in [
        "mux_388x300_15fps.ts",
        "mux_388x300_pmt_audio_but_none.ts",
        "sintel_400x170_captions_aac22k.ts",
        "ts_854x480_bframes.ts",
        "ts_iframes_only.ts",
        "ts_no_aud.ts",
        "ts_hevc_bframes.ts",
    ] {
        clip(name, &NOTHING_LEFT_OUT);
    }
}

#[test]
fn what_comes_before_the_first_idr_picture_is_left_out() {
    let Some(file) = media_file("hls_segment_640x360_cea608.ts") else { return };
    let (events, _) = demux(&std::fs::read(file).unwrap()).unwrap();
    assert!(packets(&events, true)[0].random_access);
}

#[test]
fn real_clips_survive_the_way_through_a_transport_stream() {
    for name in [
        "bbb_480p24_bframes_aac51.mp4",
        "bbb_800x640_bpyramid.mp4",
        "bbb_800x640_nonref_b.mp4",
        "cam_720x1080_portrait_mono441.mp4",
        "d_bbb_h264_vfr.mp4",
        "d_bbb_720p60_gop120.mp4",
        "d_bbb_h264_426x238_23976.mp4",
        "d_bbb_hevc_closed48_nob.mp4",
        "screen_518x488_short_gop.mp4",
        "d_jfk_mono44100_aac.m4a",
        "unsup_opus.mp4",
    ] {
        if let Some(ts) = remuxed(name, &[]) {
            check(&ts, &NOTHING_LEFT_OUT);
        }
    }
}

#[test]
fn times_that_wrap_go_on() {
    // 33 bits of 90 kHz end after 95 443.7 s.
    let Some(ts) = remuxed("d_bbb_720p60_gop120.mp4", &["-output_ts_offset", "95438"]) else { return };
    let (events, demuxer) = demux(&std::fs::read(ts).unwrap()).unwrap();
    assert_eq!(demuxer.counters().clock_restarts, 0);
    let video = packets(&events, true);
    assert_eq!(video.len(), 900);
    let steps = video.windows(2).map(|pair| pair[1].dts - pair[0].dts);
    let frame = Span::from_millis(1_000).flicks() / 60;
    steps.for_each(|step| assert!((step.flicks() - frame).abs() < frame / 10, "{step}"));
}

#[test]
fn sound_has_no_gap_of_a_sample() {
    let Some(ts) = remuxed("d_jfk_mono44100_aac.m4a", &[]) else { return };
    let (events, demuxer) = demux(&std::fs::read(ts).unwrap()).unwrap();
    assert_eq!(demuxer.counters().audio_gaps, 0);
    let Codec::Aac(aac) = &tracks(&events)[0][0].codec else { panic!("AAC") };
    assert_eq!((aac.sample_rate, aac.channels), (44_100, 1));
    for pair in packets(&events, false).windows(2) {
        assert_eq!((pair[1].dts - pair[0].dts).flicks(), 1_024 * 16_000);
    }
}

#[test]
fn other_codecs_are_refused_in_words() {
    let Some(file) = media_file("unsup_mpeg2_mp2.ts") else { return };
    let error = demux(&std::fs::read(file).unwrap()).err();
    assert_eq!(error, Some(Error::UnsupportedCodec { codec: "MPEG-2 video" }));
    let words = error.unwrap().to_string();
    assert_eq!(words, "MPEG-2 video is not supported: send H.264 or HEVC video and AAC or Opus audio");
}

#[test]
fn sound_that_is_to_be_re_encoded_is_cut_into_frames_without_a_gap() {
    let mp3 = remuxed("d_jfk_stereo48000.mp3", &[]);
    let ac3 = remuxed("unsup_ac3.mp4", &["-vn"]);
    for (ts, format, frame_ms, frames) in [(ac3, SoundFormat::Ac3, 32, 9), (mp3, SoundFormat::Mp3, 24, 450)] {
        let Some(ts) = ts else { return };
        let (events, demuxer) = demux(&std::fs::read(ts).unwrap()).unwrap();
        assert_eq!((demuxer.counters().audio_gaps, demuxer.counters().malformed), (0, 0), "{format:?}");
        let Codec::Foreign(sound) = tracks(&events)[0][0].codec else { panic!("{format:?}") };
        assert_eq!((sound.format, sound.sample_rate), (format, 48_000));
        let packets = packets(&events, false);
        assert!(packets.len() >= frames, "{format:?}: {} packets", packets.len());
        assert!(packets.windows(2).all(|pair| pair[1].dts - pair[0].dts == Span::from_millis(frame_ms)));
    }
}

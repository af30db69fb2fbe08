//! FFmpeg decodes what was packaged, from a generated stream and from real ones.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use container::flv::{Demuxer, Warning};
use hls::{Config, Input, MAIN, Notice};
use media::StreamChecker;
use testkit::ffmpeg::{self, ProbedPacket};
use testkit::playlist::Allowances;
use testkit::{media_file, read_flv};

use crate::reader::{Reader, UNIX_MS};

fn scratch(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// Publishes an FLV file: demuxed, checked, packaged.
fn publish(flv: &Path) -> (Reader, Vec<Warning>) {
    let file = Bytes::from(std::fs::read(flv).expect("ffmpeg wrote it"));
    let mut reader = Reader::new(Config::default(), Allowances::default());
    let (mut demuxer, mut checker) = (Demuxer::new(), StreamChecker::new());
    reader.input(Input::Start { unix_ms: UNIX_MS });
    for tag in read_flv(&file) {
        demuxer.push(tag.kind, tag.timestamp_ms, tag.body).expect("H.264 and AAC");
        while let Some(event) = demuxer.poll() {
            checker.check(&event).expect("the invariants of media");
            reader.input(Input::Media(event));
        }
    }
    reader.input(Input::Finish);
    (reader, demuxer.warnings())
}

/// Init and every part, chained into one file.
fn chained(reader: &Reader, name: &str) -> PathBuf {
    let window = reader.window.as_ref().expect("something was packaged");
    let init = window.rendition(MAIN).and_then(|rendition| rendition.init(0)).expect("one set of tracks");
    let parts = reader.main.parts.iter().flat_map(|(_, data)| data.iter().copied());
    let path = scratch(&format!("{name}.mp4"));
    std::fs::write(&path, init.iter().copied().chain(parts).collect::<Vec<u8>>())
        .expect("a writable target folder");
    path
}

/// Copies the streams of a clip into FLV; `None` without FFmpeg.
fn remuxed(clip: &Path, name: &str) -> Option<PathBuf> {
    let flv = scratch(&format!("{name}.flv"));
    let (from, to) = (clip.to_str()?, flv.to_str()?);
    let output =
        ffmpeg::run(&["-v", "error", "-y", "-i", from, "-map", "0:v?", "-map", "0:a?", "-c", "copy", to])?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(flv)
}

/// How much later each packet stands in `after` than in `before`, seconds; they are matched from the end,
/// since sound before the first picture is not packaged.
fn shifts(before: &[ProbedPacket], after: &[ProbedPacket]) -> Vec<f64> {
    before.iter().rev().zip(after.iter().rev()).map(|(before, after)| after.pts_s - before.pts_s).collect()
}

/// The largest distance between any two of them.
fn spread(values: &[f64]) -> f64 {
    let (least, most) =
        values.iter().fold((f64::MAX, f64::MIN), |(least, most), &value| (least.min(value), most.max(value)));
    if values.is_empty() { 0.0 } else { most - least }
}

/// Holds the packaged clip to its source: no warning, same pictures, sound beside them.
fn check(flv: &Path, name: &str) -> Option<(Reader, Vec<Warning>)> {
    let (reader, warnings) = publish(flv);
    let file = chained(&reader, name);
    assert_eq!(ffmpeg::warnings(&file)?, "", "{name}");
    let (video_before, video) = (ffmpeg::packets(flv, "v:0")?, ffmpeg::packets(&file, "v:0")?);
    assert_eq!(video.len(), video_before.len(), "{name}: pictures");
    let (audio_before, audio) = (ffmpeg::packets(flv, "a:0")?, ffmpeg::packets(&file, "a:0")?);
    let begin = video_before.first().map_or(f64::MIN, |first| first.dts_s);
    let early = audio_before.iter().filter(|packet| packet.dts_s < begin).count();
    let lost = audio_before.len() - audio.len();
    assert!(lost <= early + 1, "{name}: {lost} lost, {early} before the first picture");
    let steps: Vec<f64> = audio.windows(2).map(|pair| pair[1].dts_s - pair[0].dts_s).collect();
    assert!(spread(&steps) < 1e-5, "{name}: the sound has a gap of {:.6} s", spread(&steps));
    // Together: neither stream drifts, and neither moves against the other.
    let moved: Vec<f64> =
        shifts(&video_before, &video).into_iter().chain(shifts(&audio_before, &audio)).collect();
    assert!(spread(&moved) < 0.020, "{name}: skew {:.3} s", spread(&moved));
    Some((reader, warnings))
}

fn check_clip(clip: &str) -> Option<(Reader, Vec<Warning>)> {
    let path = media_file(clip)?;
    check(&remuxed(&path, clip)?, clip)
}

#[test]
fn a_generated_stream_with_b_frames_decodes_without_a_warning() {
    let flv = scratch("generated.flv");
    let to = flv.to_str().expect("UTF-8");
    let video = "testsrc2=size=320x180:rate=30000/1001:duration=9";
    let sound = "sine=frequency=440:sample_rate=44100:duration=9";
    let arguments = [
        "-v", "error", "-y", "-f", "lavfi", "-i", video, "-f", "lavfi", "-i", sound, "-c:v", "libx264",
        "-preset", "veryfast", "-bf", "3", "-g", "60", "-pix_fmt", "yuv420p", "-c:a", "aac", "-ac", "1", to,
    ];
    let Some(output) = ffmpeg::run(&arguments) else { return };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let (reader, warnings) = check(&flv, "generated").expect("ffmpeg is there");
    assert!(warnings.is_empty() && reader.notices.is_empty());
    assert!(reader.main.playlist.expect("a playlist").independent);
    // Each segment also decodes on its own.
    let init = reader.window.as_ref().and_then(|window| window.rendition(MAIN)?.init(0)).expect("an init");
    for (msn, parts) in &reader.main.segments {
        let path = scratch(&format!("generated-{msn}.mp4"));
        let chain = std::iter::once(&init).chain(parts).flat_map(|bytes| bytes.iter().copied());
        std::fs::write(&path, chain.collect::<Vec<u8>>()).expect("a writable target folder");
        assert_eq!(ffmpeg::warnings(&path).as_deref(), Some(""), "segment {msn}");
    }
}

#[test]
fn clips_with_b_frames() {
    check_clip("bbb_480p24_bframes_aac51.mp4");
    check_clip("d_bbb_720p60_gop120.mp4");
    check_clip("bbb_800x640_bpyramid.mp4");
    check_clip("screen_518x488_short_gop.mp4");
}

#[test]
fn a_clip_with_variable_frame_rate() {
    check_clip("d_bbb_h264_vfr.mp4");
}

#[test]
fn clips_of_odd_rates() {
    check_clip("d_bbb_h264_426x238_23976.mp4");
    check_clip("traffic_432p_12.5fps_baseline.mp4");
    check_clip("cam_360p_gop18-232_baseline.mp4");
}

#[test]
fn a_vertical_clip_with_mono_sound_of_44_1_khz() {
    check_clip("d_bbb_vertical_720x1280_30_mono441_jfk.mp4");
}

#[test]
fn nal_lengths_of_two_bytes_become_four() {
    check_clip("cam_1080x720_nal2bytes_mono441.mp4");
}

#[test]
fn a_clip_without_sound_and_with_gops_of_eight_seconds() {
    let Some((reader, _)) = check_clip("bottle_360p_29.83fps_videoonly.mp4") else { return };
    assert_eq!(reader.main.playlist.expect("a playlist").target_duration, 9.0);
}

#[test]
fn a_clip_of_sound_alone() {
    let Some(path) = media_file("d_jfk_mono44100_aac.m4a") else { return };
    let Some(flv) = remuxed(&path, "sound") else { return };
    let (reader, _) = publish(&flv);
    let file = chained(&reader, "sound");
    assert_eq!(ffmpeg::warnings(&file).as_deref(), Some(""));
    assert_eq!(ffmpeg::packets(&file, "a:0").map(|p| p.len()), ffmpeg::packets(&flv, "a:0").map(|p| p.len()));
}

#[test]
fn an_open_gop_is_joined_at_its_one_idr_and_told() {
    let Some((reader, warnings)) = check_clip("d_bbb_h264_opengop48_b3.mp4") else { return };
    assert!(matches!(warnings[..], [Warning::OpenGop { keyframes }] if keyframes >= 7), "{warnings:?}");
    assert!(matches!(reader.notices[..], [Notice::LongGop { .. }]), "{:?}", reader.notices);
    let playlist = reader.main.playlist.expect("a playlist");
    assert!(!playlist.independent);
    let idrs = reader.main.parts.iter().flat_map(|(_, data)| testkit::read_fragment(data));
    assert_eq!(idrs.filter(|sample| sample.track == 1 && sample.sync).count(), 1, "IDR pictures of the clip");
}

#[test]
fn flv_files_as_others_wrote_them() {
    for name in ["flv_sample_1080x720_bframes.flv", "flv_keyframe_index_320x180.flv"] {
        let Some(flv) = media_file(name) else { return };
        check(&flv, name);
    }
}

#[test]
fn broken_clips_do_no_harm() {
    for name in ["broken_invalid_nalu.mp4", "broken_mdat_too_long.mp4", "broken_shorter_audio_vfr.mp4"] {
        let Some(flv) = media_file(name).and_then(|clip| remuxed(&clip, name)) else { return };
        let (reader, _) = publish(&flv);
        assert!(reader.window.is_some(), "{name}");
    }
}

#[test]
fn sound_and_picture_that_start_apart_stay_apart() {
    check_clip("broken_edit_list_positive_shift.mp4");
}

//! A media file as a source: every frame and sample once, at its own pace, then the end.
#![allow(clippy::unwrap_used, reason = "tests")]
#![allow(clippy::disallowed_methods, reason = "the pace is measured")]

use std::path::{Path, PathBuf};
use std::process::Command;

use capture::{
    AudioInput, AudioSource, AudioStep, Clock, Error, Stop, VideoInput, VideoSettings, VideoSource,
};
use media::{Colour, PixelFormat, Size, Span, Timestamp};

/// A second of 25 fps at 64×48 in BT.601 with B-frames, and a mono sine at 44.1 kHz.
fn clip(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25:duration=1"])
        .args(["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=44100:duration=1"])
        .args(["-c:v", "libx264", "-bf", "2", "-pix_fmt", "yuv420p", "-c:a", "aac"])
        .arg(&path)
        .status()
        .expect("ffmpeg is installed");
    assert!(made.success());
    path
}

fn settings(begin: Timestamp) -> VideoSettings {
    VideoSettings { size: Size::new(64, 48), fps: 25, begin, screen_permission: None }
}

#[test]
fn every_frame_comes_once_at_its_time() {
    let clock = Clock::start();
    let begin = clock.now() + Span::from_millis(100);
    let input = VideoInput::File(clip("frames.mp4"));
    let mut source = VideoSource::open(&input, clock, &settings(begin)).unwrap().unwrap();
    let stop = Stop::new();
    let mut times = Vec::new();
    while let Some(frame) = source.next(&stop).unwrap() {
        assert!(clock.now() >= frame.pts, "not before its time");
        assert_eq!((frame.format, frame.colour), (PixelFormat::I420, Colour::Bt601Limited));
        assert_eq!(frame.planes[0].data.len(), frame.planes[0].stride * 48);
        times.push((frame.pts - begin).as_millis());
    }
    assert_eq!(times, (0..25).map(|frame| frame * 40).collect::<Vec<_>>());
}

#[test]
fn sound_comes_as_48_khz_stereo_without_a_gap() {
    let clock = Clock::start();
    let begin = clock.now() + Span::from_millis(50);
    let input = AudioInput::File(clip("sound.mp4"));
    let mut source = AudioSource::open(&input, clock, begin).unwrap().unwrap();
    let stop = Stop::new();
    let (mut next, mut frames, mut loudest) = (None, 0, 0.0_f32);
    loop {
        match source.next(&stop).unwrap() {
            AudioStep::Block(block) => {
                let expected = *next.get_or_insert(block.device_time);
                assert!((block.device_time - expected).abs() < Span::from_millis(1));
                let rate = media::Timescale::new(capture::SAMPLE_RATE).unwrap();
                next = Some(block.device_time + Span::from_ticks(block.frames() as i64, rate));
                frames += block.frames();
                loudest = block.samples.iter().fold(loudest, |loudest, sample| loudest.max(sample.abs()));
            }
            AudioStep::Idle => {}
            AudioStep::Ended => break,
        }
    }
    // AAC carries whole access units of 1 024 samples, so the file is up to two of them longer.
    assert!((47_900..=50_400).contains(&frames), "{frames}");
    assert!((0.05..0.5).contains(&loudest), "{loudest}");
}

#[test]
fn sound_that_changes_its_form_in_the_middle_is_heard_to_its_end() {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("changing.aac");
    let mut whole = Vec::new();
    for (rate, channels) in [("48000", "2"), ("44100", "1"), ("48000", "6")] {
        let made = Command::new("ffmpeg")
            .args(["-v", "error", "-f", "lavfi", "-i", "sine=frequency=440:duration=1"])
            .args(["-ar", rate, "-ac", channels, "-c:a", "aac", "-f", "adts", "-"])
            .output()
            .expect("ffmpeg is installed");
        whole.extend(made.stdout);
    }
    std::fs::write(&path, whole).unwrap();
    let clock = Clock::start();
    let mut source = AudioSource::open(&AudioInput::File(path), clock, clock.now()).unwrap().unwrap();
    let mut frames = 0;
    loop {
        match source.next(&Stop::new()).expect("no form of sound is too much") {
            AudioStep::Block(block) => frames += block.frames(),
            AudioStep::Idle => {}
            AudioStep::Ended => break,
        }
    }
    // Three seconds, and up to two access units of each encoder more.
    assert!((143_000..=152_000).contains(&frames), "{frames}");
}

#[test]
fn a_stop_ends_a_file_at_once() {
    let clock = Clock::start();
    let input = VideoInput::File(clip("stopped.mp4"));
    let begin = clock.now() + Span::from_secs(3_600);
    let mut source = VideoSource::open(&input, clock, &settings(begin)).unwrap().unwrap();
    let stop = Stop::new();
    let waiter = stop.clone();
    let thread = std::thread::spawn(move || source.next(&waiter).unwrap().is_none());
    stop.stop();
    assert!(thread.join().unwrap());
}

#[test]
fn what_cannot_be_played_is_said() {
    let open =
        |input: &VideoInput| VideoSource::open(input, Clock::start(), &settings(Timestamp::ZERO)).err();
    let missing = open(&VideoInput::File("/nowhere/clip.mp4".into())).expect("there is no such file");
    assert_eq!(missing.to_string(), "/nowhere/clip.mp4: no such file");
    let text = Path::new(env!("CARGO_TARGET_TMPDIR")).join("text.mp4");
    std::fs::write(&text, "not a film").unwrap();
    assert!(matches!(open(&VideoInput::File(text)), Some(Error::File { .. })));
}

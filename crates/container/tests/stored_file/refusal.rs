//! What cannot be played is refused in words.

use bytes::Bytes;
use container::stored::Error;

use crate::{clip, read, remuxed};

fn check(file: &Bytes, expected: &str) {
    let error = read(file).err().map(|error| error.to_string());
    assert_eq!(error.as_deref(), Some(expected));
}

const CODECS: &str = "expected H.264, HEVC or AV1 video and AAC or Opus audio";

#[test]
fn codecs_that_are_not_read_are_named() {
    let unread =
        [("unsup_ac3.mp4", "AC-3"), ("unsup_mpeg2_mp2.ts", "MPEG-2 video"), ("unsup_vp9.webm", "VP9")];
    for (name, codec) in unread {
        let Some(file) = clip(name) else { return };
        check(&file, &format!("the file holds {codec}, {CODECS}"));
    }
}

#[test]
fn other_kinds_of_files_are_named() {
    let expected = format!(
        "expected MP4, MOV, Matroska, WebM, MPEG-TS or FLV with {}",
        CODECS.trim_start_matches("expected ")
    );
    for (name, found) in [
        ("jfk_speech.flac", "a FLAC file"),
        ("d_jfk_stereo48000.mp3", "an MP3 or raw AAC file"),
        ("adts_mono441.adts", "a raw AAC file"),
    ] {
        let Some(file) = clip(name) else { return };
        check(&file, &format!("this is {found}, {expected}"));
    }
    check(&Bytes::from_static(b"Dear diary"), &format!("the file begins with 'Dear dia', {expected}"));
    check(&Bytes::new(), "the file is empty");
}

#[test]
fn a_recording_that_was_never_finished_is_said_to_be_one() {
    let Some(file) = clip("d_bbb_h264_vfr.mp4") else { return };
    // Its index stands at the end.
    let at = file.windows(4).rposition(|name| name == b"moov").unwrap();
    let index_first = at < file.len() / 2;
    let cut = if index_first { file.slice(..at - 4) } else { file.slice(..file.len() / 2) };
    assert_eq!(read(&cut).err(), Some(Error::NoMovie));
}

#[test]
fn a_file_that_was_cut_behind_its_index_is_said_to_be_cut() {
    let Some((_folder, path)) = remuxed("d_bbb_h264_vfr.mp4", "mp4", &["-movflags", "faststart"]) else {
        return;
    };
    let file = std::fs::read(path).unwrap();
    let error = read(&Bytes::from(file[..file.len() / 2].to_vec())).err().unwrap().to_string();
    assert!(error.ends_with("a sample that stands outside of the file: the file was cut short"), "{error}");
}

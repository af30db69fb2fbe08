//! Initialisation segments and fragments, read back by another reader.

use bytes::Bytes;
use container::fmp4::{Error, Fragment, Run, Sample, codec_string, init_segment};
use media::{Aac, Av1, Codec, Hevc, Opus, Timescale, Track, TrackId};
use proptest::prelude::*;
use testkit::{Source, read_fragment};

fn sample(duration: u32, composition_offset: i32, sync: bool, data: Vec<u8>) -> Sample {
    Sample { duration, composition_offset, sync, data: data.into() }
}

/// The boxes of `bytes` with their sizes, children indented.
fn outline(bytes: &[u8], depth: usize) -> String {
    let mut text = String::new();
    let mut at = 0;
    while at + 8 <= bytes.len() {
        let size = u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four bytes")) as usize;
        let kind = String::from_utf8_lossy(&bytes[at + 4..at + 8]).into_owned();
        text.push_str(&format!("{}{kind} {size}\n", "  ".repeat(depth)));
        let skip = match kind.as_str() {
            "moov" | "trak" | "mdia" | "minf" | "dinf" | "stbl" | "mvex" => Some(8),
            "dref" | "stsd" => Some(16),
            "avc1" | "hvc1" | "av01" => Some(86),
            "mp4a" | "Opus" => Some(36),
            _ => None,
        };
        if let Some(skip) = skip {
            text.push_str(&outline(&bytes[at + skip..at + size], depth + 1));
        }
        at += size;
    }
    text
}

#[test]
fn the_initialisation_segment_holds_what_players_need() {
    let init = init_segment(&Source::default().tracks()).expect("H.264 and AAC");
    insta::assert_snapshot!(outline(&init, 0), @r#"
    ftyp 28
    moov 1138
      mvhd 120
      mvex 72
        trex 32
        trex 32
      trak 509
        tkhd 104
        mdia 397
          mdhd 44
          hdlr 38
          minf 307
            dinf 36
              dref 28
                url  12
            stbl 243
              stsd 167
                avc1 151
                  avcC 49
                  pasp 16
              stts 16
              stsc 16
              stsz 20
              stco 16
            vmhd 20
      trak 429
        tkhd 104
        mdia 317
          mdhd 44
          hdlr 38
          minf 227
            dinf 36
              dref 28
                url  12
            stbl 167
              stsd 91
                mp4a 75
                  esds 39
              stts 16
              stsc 16
              stsz 20
              stco 16
            smhd 16
    "#);
}

#[test]
fn codecs_are_named_as_rfc_6381_does() {
    let tracks = Source::default().tracks();
    let names: Vec<String> = tracks.iter().map(|track| codec_string(&track.codec)).collect();
    assert_eq!(names, ["avc1.42c00d", "mp4a.40.2"]);
    let he_aac = Aac::from_asc(Bytes::from_static(&[0x2b, 0x11, 0x88, 0x00])).expect("HE-AAC");
    assert_eq!(codec_string(&Codec::Aac(he_aac)), "mp4a.40.5");
}

/// 854×480, Main, as libx265 wrote it.
fn hevc() -> Hevc {
    let vps = hex("40010c01ffff01600000030090000003000003005aba0240");
    let sps = hex(concat!(
        "420101016000000300900000030000",
        "03005aa006b201e1d796ea4932bc05a708000003000800000300c040"
    ));
    Hevc::from_parameter_sets(&[vps], &[sps], &[hex("4401c172b46240")]).expect("real sets")
}

fn hex(digits: &str) -> Bytes {
    let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).expect("two digits");
    (0..digits.len()).step_by(2).map(byte).collect::<Vec<u8>>().into()
}

#[test]
fn the_newer_codecs_have_sample_entries_and_names() {
    let av1 = Av1::from_av1c(&hex("81050c000a0b0000002d4c37b3dfff9804")).expect("a real record");
    let surround = Opus::from_channels(6).expect("5.1");
    let cases = [
        (Codec::Hevc(hevc()), "hvc1.1.6.L90.90", "hvc1 222\n  hvcC 120\n  pasp 16\n"),
        (Codec::Av1(av1), "av01.0.05M.08", "av01 127\n  av1C 25\n  pasp 16\n"),
        (Codec::Opus(surround), "opus", "Opus 63\n  dOps 27\n"),
    ];
    for (codec, name, entry) in cases {
        assert_eq!(codec_string(&codec), name);
        let init = init_segment(&[Track { id: TrackId(0), codec, timescale: Timescale::MPEG }]).expect(name);
        let at =
            init.windows(4).position(|four| four == &entry.as_bytes()[..4]).expect("the sample entry") - 4;
        let size = u32::from_be_bytes(init[at..at + 4].try_into().expect("four bytes")) as usize;
        assert_eq!(outline(&init[at..at + size], 0), entry);
    }
}

#[test]
fn a_fragment_without_samples_is_refused() {
    let runs = [Run { track: TrackId(0), base_decode_time: 0, samples: Vec::new() }];
    assert!(matches!(Fragment { sequence: 1, runs: &runs }.write(), Err(Error::Empty)));
}

#[test]
fn decoding_times_before_the_origin_become_the_origin() {
    let scale = media::Timescale::MPEG;
    assert_eq!(Run::decode_time(media::Timestamp::from_millis(-5), scale), 0);
    assert_eq!(Run::decode_time(media::Timestamp::from_millis(90_000_000), scale), 8_100_000_000);
}

fn run(track: u8) -> impl Strategy<Value = Run> {
    let samples = prop::collection::vec(
        (1_u32..100_000, -9_000_i32..90_000, any::<bool>(), prop::collection::vec(any::<u8>(), 0..50)),
        1..20,
    );
    (0_u64..20_000_000_000, samples).prop_map(move |(base_decode_time, samples)| Run {
        track: TrackId(track),
        base_decode_time,
        samples: samples.into_iter().map(|(d, c, s, data)| sample(d, c, s, data)).collect(),
    })
}

proptest! {
    #[test]
    fn every_sample_is_read_back(runs in (run(0), run(1)), sequence in any::<u32>()) {
        let runs = [runs.0, runs.1];
        let bytes = Fragment { sequence, runs: &runs }.write().expect("samples");
        let mut read = read_fragment(&bytes).into_iter();
        for run in &runs {
            let mut dts = run.base_decode_time;
            for sample in &run.samples {
                let got = read.next().expect("as many as were written");
                prop_assert_eq!((got.track, got.dts), (u32::from(run.track.0) + 1, dts));
                prop_assert_eq!((got.duration, got.composition_offset), (sample.duration, sample.composition_offset));
                prop_assert_eq!((got.sync, &got.data[..]), (sample.sync, &sample.data[..]));
                dts += u64::from(sample.duration);
            }
        }
        prop_assert!(read.next().is_none());
    }
}

use container::mpegts::Demuxer;
use media::{Codec, MediaEvent, Timescale, Timestamp};
use testkit::transport_stream::{AUDIO_PID, Writer, adts};

use crate::{demux, packets, tracks};

/// AAC LC of 48 kHz in stereo.
const ASC: [u8; 2] = [0x11, 0x90];

/// Access units that tell themselves apart.
fn frames(count: u8) -> Vec<Vec<u8>> {
    (0..count).map(|number| vec![number; 50 + usize::from(number)]).collect()
}

fn at(frame: i64) -> Timestamp {
    Timestamp::from_ticks(90_000, Timescale::MPEG)
        + (Timestamp::from_ticks(frame * 1_024, Timescale::new(48_000).unwrap()) - Timestamp::ZERO)
}

fn check(events: &[MediaEvent], frames: &[Vec<u8>]) {
    let read = packets(events, false);
    assert_eq!(read.len(), frames.len());
    for (number, (read, frame)) in read.iter().zip(frames).enumerate() {
        assert_eq!(&read.data[..], frame);
        assert_eq!(read.dts, at(number as i64));
    }
}

fn wire(frames: &[Vec<u8>]) -> Vec<u8> {
    frames.iter().flat_map(|frame| adts(&ASC, frame)).collect()
}

fn time(frame: i64) -> Option<(u64, u64)> {
    let ticks = at(frame).ticks(Timescale::MPEG) as u64;
    Some((ticks, ticks))
}

#[test]
fn several_access_units_share_a_header() {
    let frames = frames(40);
    let mut writer = Writer::new();
    let mut stream = writer.tables(&[(0x0f, AUDIO_PID, &[])]);
    for (number, eight) in frames.chunks(8).enumerate() {
        stream.extend(writer.pes(AUDIO_PID, time(number as i64 * 8), &wire(eight), true));
    }
    check(&demux(&stream).unwrap().0, &frames);
}

#[test]
fn an_access_unit_goes_on_behind_the_next_header() {
    let frames = frames(40);
    let all = wire(&frames);
    // Where each begins, to know which is the first to begin in a piece.
    let starts: Vec<usize> =
        frames.iter().scan(0, |at, frame| Some(std::mem::replace(at, *at + frame.len() + 7))).collect();
    let mut writer = Writer::new();
    let mut stream = writer.tables(&[(0x0f, AUDIO_PID, &[])]);
    for (number, piece) in all.chunks(300).enumerate() {
        let first = starts.iter().position(|&start| start >= number * 300).map(|first| first as i64);
        stream.extend(writer.pes(AUDIO_PID, first.and_then(time), piece, true));
    }
    check(&demux(&stream).unwrap().0, &frames);
}

#[test]
fn rubbish_between_access_units_is_skipped() {
    let frames = frames(10);
    let mut writer = Writer::new();
    let mut stream = writer.tables(&[(0x0f, AUDIO_PID, &[])]);
    for (number, frame) in frames.iter().enumerate() {
        let mut data = wire(std::slice::from_ref(frame));
        if number == 4 {
            data.splice(0..0, [0xff, 0x00, 0xff, 0xf1, 0x12]);
        }
        stream.extend(writer.pes(AUDIO_PID, time(number as i64), &data, true));
    }
    let (events, demuxer) = demux(&stream).unwrap();
    assert!(demuxer.counters().malformed >= 1);
    assert_eq!(
        packets(&events, false)
            .iter()
            .filter(|packet| frames.iter().any(|frame| packet.data == frame))
            .count(),
        10
    );
}

#[test]
fn the_core_of_he_aac_keeps_its_clock() {
    // 24 kHz, as HE-AAC of 48 kHz is announced in ADTS.
    let asc = [0x13, 0x10];
    let mut writer = Writer::new();
    let mut stream = writer.tables(&[(0x0f, AUDIO_PID, &[])]);
    for number in 0..20_u64 {
        let ticks = 90_000 + number * 3_840;
        stream.extend(writer.pes(AUDIO_PID, Some((ticks, ticks)), &adts(&asc, &[7; 60]), true));
    }
    let (events, demuxer) = demux(&stream).unwrap();
    let Codec::Aac(aac) = &tracks(&events)[0][0].codec else { panic!("AAC") };
    assert_eq!((aac.sample_rate, aac.channels), (24_000, 2));
    assert_eq!(packets(&events, false).len(), 20);
    assert_eq!(demuxer.counters().audio_gaps, 0);
}

#[test]
fn a_configuration_that_changes_means_new_tracks() {
    let mut writer = Writer::new();
    let mut stream = writer.tables(&[(0x0f, AUDIO_PID, &[])]);
    for number in 0..20_u64 {
        let (asc, frame) = if number < 10 { (ASC, 1_920) } else { ([0x12, 0x08], 2_090) };
        let ticks = 90_000 + if number < 10 { number * frame } else { 19_200 + (number - 10) * frame };
        stream.extend(writer.pes(AUDIO_PID, Some((ticks, ticks)), &adts(&asc, &[7; 60]), true));
    }
    let (events, _) = demux(&stream).unwrap();
    let rates: Vec<u32> =
        tracks(&events).iter().map(|tracks| tracks[0].codec.sound().unwrap().sample_rate).collect();
    assert_eq!(rates, [48_000, 44_100]);
}

/// The descriptors of Opus in stereo.
const OPUS: [u8; 10] = [0x05, 4, b'O', b'p', b'u', b's', 0x7f, 2, 0x80, 2];

#[test]
fn opus_is_cut_at_its_control_headers() {
    let mut writer = Writer::new();
    let mut stream = writer.tables(&[(0x06, AUDIO_PID, &OPUS)]);
    // CELT of 20 ms, one frame; the second of a pair is longer than one byte of length can say.
    for number in 0..10_u64 {
        let mut data = Vec::new();
        for len in [100_usize, 300] {
            data.extend([0x7f, 0xe0]);
            data.extend(std::iter::repeat_n(0xff, len / 255));
            data.push((len % 255) as u8);
            data.push(0xfc);
            data.extend(std::iter::repeat_n(number as u8, len - 1));
        }
        let ticks = 90_000 + number * 3_600;
        stream.extend(writer.pes(AUDIO_PID, Some((ticks, ticks)), &data, true));
    }
    let (events, demuxer) = demux(&stream).unwrap();
    let Codec::Opus(opus) = &tracks(&events)[0][0].codec else { panic!("Opus") };
    assert_eq!(opus.channels, 2);
    let read = packets(&events, false);
    assert_eq!(read.iter().map(|packet| packet.data.len()).collect::<Vec<_>>(), [100, 300].repeat(10));
    assert!(read.windows(2).all(|pair| (pair[1].dts - pair[0].dts).as_millis() == 20));
    assert_eq!(demuxer.counters().malformed, 0);
}

#[test]
fn sound_without_any_time_is_left_out() {
    let mut writer = Writer::new();
    let mut stream = writer.tables(&[(0x0f, AUDIO_PID, &[])]);
    stream.extend(writer.pes(AUDIO_PID, None, &wire(&frames(5)), true));
    let mut demuxer = Demuxer::new();
    demuxer.push(&stream).unwrap();
    demuxer.finish();
    assert_eq!(demuxer.poll(), None);
}

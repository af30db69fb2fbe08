use container::mpegts::{Demuxer, Error, Warning};
use media::{MediaEvent, Span};
use testkit::Source;
use testkit::transport_stream::{AUDIO_PID, VIDEO_PID, Writer};

use crate::{demux, packets, tracks};

fn refusal(streams: &[(u8, u16, &[u8])]) -> Option<String> {
    demux(&Writer::new().tables(streams)).err().map(|error| error.to_string())
}

#[test]
fn a_codec_that_is_not_taken_is_named() {
    for (stream_type, name) in [(0x02, "MPEG-2 video"), (0x87, "E-AC-3 audio"), (0x11, "AAC in LATM")] {
        let expected = format!("{name} is not supported: send H.264 or HEVC video and AAC or Opus audio");
        assert_eq!(refusal(&[(stream_type, VIDEO_PID, &[])]), Some(expected));
    }
    assert!(refusal(&[(0x06, AUDIO_PID, &[0x7b, 0])]).unwrap().starts_with("DTS audio"));
    assert_eq!(refusal(&[(0x86, 0x200, &[])]), Some(Error::NoMedia.to_string()));
}

#[test]
fn what_is_taken_makes_up_for_what_is_not_of_its_kind() {
    let streams: &[(u8, u16, &[u8])] = &[(0x81, 0x200, &[]), (0x1b, VIDEO_PID, &[]), (0x0f, AUDIO_PID, &[])];
    let (_, demuxer) = demux(&Writer::new().tables(streams)).unwrap();
    assert_eq!(demuxer.warnings(), [Warning::FurtherStreams]);
    // DTS beside H.264 would leave the stream without sound, which is said.
    assert!(
        refusal(&[(0x1b, VIDEO_PID, &[]), (0x85, AUDIO_PID, &[0x05, 4, b'D', b'T', b'S', b'1'])]).is_some()
    );
}

#[test]
fn something_else_than_a_transport_stream_is_told_after_a_megabyte() {
    for filling in [0_u8, 0x47] {
        let mut demuxer = Demuxer::new();
        let pushed = (0..2_000).map(|_| demuxer.push(&[filling; 1_316])).find_map(Result::err);
        assert_eq!(pushed, Some(Error::NoProgram { bytes: 1 << 20 }));
    }
}

#[test]
fn sound_that_is_announced_and_never_comes_holds_nothing_up_for_long() {
    let sent = Source { duration: Span::from_secs(6), ..Source::default() }.events();
    let silent: Vec<MediaEvent> = sent
        .into_iter()
        .filter(|event| !matches!(event, MediaEvent::Packet(packet) if packet.track.0 == 1))
        .collect();
    let (events, _) = demux(&Writer::new().stream(&silent)).unwrap();
    assert_eq!(packets(&events, true).len(), packets(&silent, true).len());
    assert_eq!(tracks(&events)[0].len(), 1);
}

#[test]
fn sound_that_comes_late_joins_at_an_idr_picture() {
    let sent = Source { duration: Span::from_secs(10), ..Source::default() }.events();
    let late: Vec<MediaEvent> = sent
        .into_iter()
        .filter(|event| {
            !matches!(event, MediaEvent::Packet(packet) if packet.track.0 == 1 && packet.dts.as_secs_f64() < 4.0)
        })
        .collect();
    let (events, _) = demux(&Writer::new().stream(&late)).unwrap();
    assert_eq!(tracks(&events).iter().map(Vec::len).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(packets(&events, true).len(), packets(&late, true).len());
}

#[test]
fn a_table_that_changes_is_followed() {
    let sent = Source { duration: Span::from_secs(4), ..Source::default() }.events();
    let mut writer = Writer::new();
    let mut stream = writer.stream(&sent);
    // The sound goes, then comes back.
    let without: Vec<MediaEvent> =
        Source { duration: Span::from_secs(4), sample_rate: None, ..Source::default() }
            .events()
            .into_iter()
            .map(|event| later(event, 4))
            .collect();
    stream.extend(writer.stream(&without));
    stream.extend(writer.stream(&sent.into_iter().map(|event| later(event, 8)).collect::<Vec<_>>()));
    let (events, _) = demux(&stream).unwrap();
    assert_eq!(tracks(&events).iter().map(Vec::len).collect::<Vec<_>>(), [2, 1, 2]);
}

fn later(event: MediaEvent, seconds: i64) -> MediaEvent {
    match event {
        MediaEvent::Packet(mut packet) => {
            packet.dts += Span::from_secs(seconds);
            packet.pts += Span::from_secs(seconds);
            MediaEvent::Packet(packet)
        }
        other => other,
    }
}

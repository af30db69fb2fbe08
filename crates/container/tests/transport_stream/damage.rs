use media::{MediaEvent, Span, Timestamp};
use testkit::Source;
use testkit::transport_stream::{AUDIO_PID, VIDEO_PID, Writer};

use crate::{demux, packets, tracks};

fn source() -> Source {
    Source { duration: Span::from_secs(4), ..Source::default() }
}

/// The events of a source with their pictures' times from `from` on moved by `by`.
fn moved(events: Vec<MediaEvent>, from: Timestamp, by: Span) -> Vec<MediaEvent> {
    let shift = |event| match event {
        MediaEvent::Packet(mut packet) if packet.dts >= from => {
            packet.dts += by;
            packet.pts += by;
            MediaEvent::Packet(packet)
        }
        other => other,
    };
    events.into_iter().map(shift).collect()
}

#[test]
fn what_goes_in_comes_out() {
    let sent = source().events();
    let (events, demuxer) = demux(&Writer::new().stream(&sent)).unwrap();
    for video in [true, false] {
        let (sent, read) = (packets(&sent, video), packets(&events, video));
        assert_eq!(sent.len(), read.len());
        for (sent, read) in sent.iter().zip(&read) {
            assert_eq!((&sent.data, sent.random_access), (&read.data, read.random_access));
            assert_eq!(sent.pts - sent.dts, read.pts - read.dts);
        }
    }
    assert_eq!(tracks(&events).len(), 1);
    assert_eq!(demuxer.warnings(), []);
}

/// Leaves out the transport packet before which `skip` ones of the PID have come.
fn without_packet(stream: &[u8], pid: u16, skip: usize) -> Vec<u8> {
    let mut seen = 0;
    let kept = stream.chunks(188).filter(|packet| {
        let is_of_pid = u16::from_be_bytes([packet[1] & 0x1f, packet[2]]) == pid;
        seen += usize::from(is_of_pid);
        !(is_of_pid && seen == skip + 1)
    });
    kept.flatten().copied().collect()
}

#[test]
fn a_lost_packet_costs_the_picture_it_belonged_to() {
    let sent = source().events();
    let stream = Writer::new().stream(&sent);
    let whole = packets(&demux(&stream).unwrap().0, true);
    for skip in [40, 41, 60, 90] {
        let (events, demuxer) = demux(&without_packet(&stream, VIDEO_PID, skip)).unwrap();
        let read = packets(&events, true);
        let lost_idr = tracks(&events).len() > 1;
        assert_eq!(demuxer.counters().broken, 1);
        // Without its length it cannot be known whether the picture before was complete.
        let few = whole.len() - 2..whole.len();
        assert!(few.contains(&read.len()) || lost_idr, "{} of {}", read.len(), whole.len());
        assert!(demuxer.warnings()[0].to_string().starts_with("1 frames were lost on the way"));
    }
}

#[test]
fn a_lost_idr_picture_costs_those_that_need_it() {
    let sent = source().events();
    let stream = Writer::new().stream(&sent);
    let (events, demuxer) = demux(&without_packet(&stream, VIDEO_PID, 0)).unwrap();
    let first = &packets(&events, true)[0];
    assert!(first.random_access);
    assert!(demuxer.counters().before_idr > 0);
}

#[test]
fn a_packet_sent_twice_counts_once() {
    let stream = Writer::new().stream(&source().events());
    let twice: Vec<u8> = stream.chunks(188).flat_map(|packet| [packet, packet]).flatten().copied().collect();
    let (once, twice) = (demux(&stream).unwrap(), demux(&twice).unwrap());
    assert_eq!(once.0, twice.0);
    assert_eq!(twice.1.counters().broken, 0);
}

#[test]
fn the_beginning_of_a_packet_is_found_again() {
    let stream = Writer::new().stream(&source().events());
    let (head, tail) = stream.split_at(188 * 50);
    let cut = [head, &[0x47, 1, 2, 3, 0x47, 0x47], tail].concat();
    let (events, demuxer) = demux(&cut).unwrap();
    assert!(demuxer.counters().resynchronised >= 1);
    assert!(packets(&events, true).len() + 10 > packets(&demux(&stream).unwrap().0, true).len());
}

#[test]
fn a_clock_that_is_set_back_continues() {
    let half = Timestamp::from_millis(2_000);
    let sent = moved(source().events(), half, Span::from_secs(-3_600));
    let sent = moved(sent, Timestamp::from_millis(-10_000_000), Span::from_secs(7_200));
    let (events, demuxer) = demux(&Writer::new().stream(&sent)).unwrap();
    assert_eq!(demuxer.counters().clock_restarts, 1);
    let video = packets(&events, true);
    let longest = video.windows(2).map(|pair| pair[1].dts - pair[0].dts).max().unwrap();
    assert!(longest < Span::from_secs(3), "{longest}");
}

#[test]
fn a_clock_that_leaps_by_seconds_leaves_a_gap() {
    let half = Timestamp::from_millis(2_000);
    let sent = moved(source().events(), half, Span::from_secs(20));
    let (events, demuxer) = demux(&Writer::new().stream(&sent)).unwrap();
    assert_eq!(demuxer.counters().clock_restarts, 0);
    assert_eq!(demuxer.counters().audio_gaps, 1);
    assert_eq!(packets(&events, true).len(), packets(&sent, true).len());
}

#[test]
fn a_picture_goes_on_where_the_next_header_has_no_time() {
    let sent = source().events();
    let (MediaEvent::Tracks(_), stream) = (&sent[0], Writer::new().stream(&sent)) else {
        panic!("tracks first")
    };
    let whole = packets(&demux(&stream).unwrap().0, true);
    let mut writer = Writer::new();
    let mut pieces = writer.tables(&[(0x1b, VIDEO_PID, &[])]);
    let sets = match &tracks(&sent)[0][0].codec {
        media::Codec::H264(h264) => h264.parameter_sets(),
        other => panic!("{}", other.name()),
    };
    for packet in packets(&sent, true) {
        let data = testkit::transport_stream::annex_b(&packet, &sets);
        let times = testkit::transport_stream::ticks;
        let (first, second) = data.split_at(data.len() / 2);
        pieces.extend(writer.pes(VIDEO_PID, Some((times(packet.pts), times(packet.dts))), first, true));
        pieces.extend(writer.pes(VIDEO_PID, None, second, true));
    }
    let (events, demuxer) = demux(&pieces).unwrap();
    assert_eq!(packets(&events, true).len(), whole.len());
    for (read, whole) in packets(&events, true).iter().zip(&whole) {
        assert_eq!(read.data, whole.data);
    }
    assert_eq!(demuxer.counters().broken, 0);
}

#[test]
fn picture_parameter_sets_that_come_with_the_pictures_that_use_them_interrupt_once() {
    let sent = source().events();
    let sets = match &tracks(&sent)[0][0].codec {
        media::Codec::H264(h264) => h264.parameter_sets(),
        other => panic!("{}", other.name()),
    };
    let mut writer = Writer::new();
    let mut stream = writer.tables(&[(0x1b, VIDEO_PID, &[])]);
    let of_another_id = [0, 0, 0, 1, 0x68, 0x5b, 0x20];
    for packet in packets(&sent, true) {
        let times = testkit::transport_stream::ticks;
        let mut data = testkit::transport_stream::annex_b(&packet, &sets);
        if !packet.random_access {
            data.splice(0..0, of_another_id);
        }
        let times = Some((times(packet.pts), times(packet.dts)));
        stream.extend(writer.pes(VIDEO_PID, times, &data, true));
    }
    let (events, _) = demux(&stream).unwrap();
    let (sent, read) = (packets(&sent, true), packets(&events, true));
    let second_idr = sent.iter().skip(1).position(|packet| packet.random_access).unwrap() + 1;
    assert_eq!(tracks(&events).len(), 2);
    assert_eq!(read.len(), 1 + sent.len() - second_idr, "all from the second IDR picture on");
}

#[test]
fn a_zero_duration_and_a_repeated_time_still_rise() {
    let mut sent = source().events();
    let mut last = None;
    for event in &mut sent {
        if let MediaEvent::Packet(packet) = event
            && packet.track.0 == 0
        {
            let at = packet.dts;
            if let Some(last) = last.filter(|_| at.flicks() % 2 == 0) {
                packet.dts = last;
            }
            last = Some(at);
        }
    }
    let (events, _) = demux(&Writer::new().stream(&sent)).unwrap();
    assert_eq!(packets(&events, true).len(), packets(&sent, true).len());
}

#[test]
fn sound_lost_on_the_way_is_a_gap() {
    let mut writer = Writer::new();
    let sent = source().events();
    let (first, second) = sent.split_at(sent.len() / 2);
    let mut stream = writer.stream(first);
    writer.lose(AUDIO_PID, 3);
    let second = [&sent[..1], &second[4..]].concat();
    stream.extend(writer.stream(&second));
    let (events, demuxer) = demux(&stream).unwrap();
    assert!(demuxer.counters().audio_gaps <= 1);
    assert!(!packets(&events, false).is_empty());
}

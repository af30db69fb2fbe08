//! What a ladder does when more comes than it can make.
#![expect(clippy::disallowed_methods, reason = "how long the ladder holds its caller up is what is tested")]

use std::time::{Duration, Instant};

use encode::ladder::{Height, Ladder, Notice, Output};
use media::{Packet, Span};

use crate::clip;

/// The clip over and over, its clock going on.
fn endless(packets: &[Packet]) -> impl Iterator<Item = Packet> + '_ {
    let first = packets[0].dts;
    let round = packets[packets.len() - 1].dts - first + Span::from_millis(40);
    (0_i64..).flat_map(move |turn| {
        let shift = round * turn;
        packets.iter().map(move |packet| Packet {
            dts: packet.dts + shift,
            pts: packet.pts + shift,
            ..packet.clone()
        })
    })
}

#[test]
fn what_comes_too_fast_is_left_out_up_to_an_idr_picture_and_rungs_go_by_their_value() {
    let Some(clip) = clip::read("d_bbb_vertical_720x1280_30_mono441_jfk.mp4", 10) else { return };
    let (ladder, _) = Ladder::start(&clip.codec, &clip::config(&[480, 240])).expect("a ladder");
    let mut ladder = ladder.expect("two rungs");
    let rungs = ladder.rungs().to_vec();
    // An hour of media in no time at all: pushing never waits.
    let begin = Instant::now();
    let mut outputs = Vec::new();
    for packet in endless(&clip.packets).take(3_600 * 30) {
        ladder.push(&packet, 7);
        outputs.extend(ladder.poll_output());
    }
    assert!(begin.elapsed() < Duration::from_secs(60), "{:?}", begin.elapsed());
    outputs.extend(ladder.finish());
    let (made, notices) = clip::sort(&rungs, outputs);
    let dropped = |height| Notice::Dropped { rung: Height(height) };
    assert_eq!(notices[..3], [Notice::Behind, dropped(240), dropped(480)]);
    // They are tried again, ever less often.
    let back = notices.iter().filter(|notice| matches!(notice, Notice::Returned { .. })).count();
    assert!((1..12).contains(&back), "{notices:?}");
    for made in made {
        assert!(!clip::decode(&made.track.codec, &made.packets).is_empty());
    }
}

#[test]
fn a_rung_that_was_dropped_comes_back_at_an_idr_picture_when_there_is_time_again() {
    let Some(clip) = clip::read("d_bbb_vertical_720x1280_30_mono441_jfk.mp4", 10) else { return };
    let (ladder, _) = Ladder::start(&clip.codec, &clip::config(&[240])).expect("a ladder");
    let mut ladder = ladder.expect("a rung");
    let mut packets = endless(&clip.packets);
    // Too fast, until it is dropped; then at the pace at which it is made.
    while ladder.is_active(0) {
        ladder.push(&packets.next().expect("endless"), 7);
    }
    let mut outputs = Vec::new();
    let is_end = |output: &Output| matches!(output, Output::Ended { .. });
    while !outputs.last().is_some_and(is_end) {
        outputs.extend(ladder.wait_output(Duration::from_secs(20)));
    }
    let mut after = Vec::new();
    let is_picture = |output: &&Output| matches!(output, Output::Packet { .. });
    for packet in packets.take(120 * 30) {
        ladder.push(&packet, 7);
        while ladder.lag() > Span::from_millis(400) {
            after.extend(ladder.wait_output(Duration::from_secs(20)));
        }
        after.extend(std::iter::from_fn(|| ladder.poll_output()));
        if ladder.is_active(0) && after.iter().filter(is_picture).count() > 120 {
            break;
        }
    }
    let back = |output: &Output| matches!(output, Output::Notice(Notice::Returned { rung: Height(240) }));
    let back = after.iter().position(back).expect("it comes back");
    let after = after.split_off(back);
    assert!(!after.iter().any(is_end), "it stays");
    let told =
        after.iter().position(|output| matches!(output, Output::Track { .. })).expect("its track again");
    // Pictures that were inside when it was dropped may come before.
    let (made, _) = clip::sort(ladder.rungs(), after.into_iter().skip(told).collect());
    assert!(made[0].packets.len() > 30 && made[0].packets[0].random_access);
    assert_eq!(clip::decode(&made[0].track.codec, &made[0].packets).len(), made[0].packets.len());
}

#[test]
fn dropping_a_ladder_ends_its_threads_at_once() {
    let Some(clip) = clip::read("d_bbb_vertical_720x1280_30_mono441_jfk.mp4", 10) else { return };
    let (ladder, _) = Ladder::start(&clip.codec, &clip::config(&[480, 240])).expect("a ladder");
    let mut ladder = ladder.expect("two rungs");
    for packet in &clip.packets {
        ladder.push(packet, 7);
    }
    let outputs = std::iter::from_fn(|| ladder.wait_output(Duration::from_secs(20)));
    assert!(outputs.into_iter().any(|output| matches!(output, Output::Packet { .. })), "it runs");
    let begin = Instant::now();
    drop(ladder);
    assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
}

#[test]
fn a_processor_without_room_is_told_in_words() {
    let Some(clip) = clip::read("bbb_480p24_bframes_aac51.mp4", 1) else { return };
    let config = encode::ladder::Config { cores_max: 0.0, ..clip::config(&[240]) };
    let (ladder, notices) = Ladder::start(&clip.codec, &config).expect("no fault");
    assert!(ladder.is_none());
    assert_eq!(notices[0].to_string(), "240p is not offered: the CPU has no room for it");
}

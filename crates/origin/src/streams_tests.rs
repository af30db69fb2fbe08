use bytes::Bytes;
use media::{Aac, Codec, MediaEvent, Packet, Timescale, Timestamp, Track, TrackId};

use super::*;
use crate::facts::WarningKind;

const SECOND_PACKETS: i64 = 47;

fn streams() -> Streams {
    Streams::new(hls::Config::default())
}

fn open(streams: &Streams) -> Arc<Stream> {
    streams.open(&"demo".parse().unwrap())
}

/// Pushes `seconds` of sound that starts at zero, as a publisher does.
fn publish(lease: &mut Lease, seconds: i64) {
    let timescale = Timescale::new(48_000).unwrap();
    let aac = Aac { asc: Bytes::from_static(&[0x11, 0x90]), sample_rate: 48_000, channels: 2 };
    let track = Track { id: TrackId(1), codec: Codec::Aac(aac), timescale };
    lease.push(MediaEvent::Tracks(Arc::new([track]))).unwrap();
    for number in 0..seconds * SECOND_PACKETS {
        let at = Timestamp::from_ticks(number * 1_024, timescale);
        let data = Bytes::from_static(&[0x21; 64]);
        let packet = Packet { track: TrackId(1), dts: at, pts: at, random_access: true, data };
        lease.push(MediaEvent::Packet(packet)).unwrap();
    }
}

fn served(stream: &Stream) -> Option<(Arc<str>, u64)> {
    let served = stream.watch_window().borrow().clone()?;
    Some((served.broadcast, served.window.rendition(hls::MAIN).unwrap().next().msn))
}

fn key() -> Digest {
    Digest::of("key")
}

#[tokio::test(start_paused = true)]
async fn a_publisher_that_comes_back_within_five_minutes_continues_the_broadcast() {
    let streams = streams();
    let stream = open(&streams);
    let mut lease = stream.admit(Door::default(), Some(key())).await.unwrap();
    publish(&mut lease, 10);
    let since = stream.status().live_since_ms;
    assert_eq!(stream.status().state, State::Live);
    drop(lease);
    assert_eq!(stream.status(), Status { state: State::Interrupted, live_since_ms: since });
    let (broadcast, msn) = served(&stream).unwrap();
    tokio::time::advance(BROADCAST_GAP_MAX - Duration::from_secs(1)).await;
    streams.sweep();
    assert_eq!(stream.status().state, State::Interrupted);
    let mut lease = stream.admit(Door::default(), Some(key())).await.unwrap();
    publish(&mut lease, 10);
    assert_eq!(stream.status(), Status { state: State::Live, live_since_ms: since });
    let (same, later) = served(&stream).unwrap();
    assert_eq!(same, broadcast);
    assert!(later > msn, "{later} follows {msn}");
    let window = stream.watch_window().borrow().clone().unwrap().window;
    let playlist = window.rendition(hls::MAIN).unwrap().playlist().plain().clone();
    assert!(String::from_utf8_lossy(&playlist).contains("#EXT-X-DISCONTINUITY\n"));
}

#[tokio::test(start_paused = true)]
async fn a_publisher_that_stays_away_ends_the_broadcast_and_the_next_begins_another() {
    let streams = streams();
    let stream = open(&streams);
    let mut lease = stream.admit(Door::default(), Some(key())).await.unwrap();
    publish(&mut lease, 10);
    drop(lease);
    let (broadcast, _) = served(&stream).unwrap();
    tokio::time::advance(BROADCAST_GAP_MAX).await;
    streams.sweep();
    assert_eq!(stream.status(), Status::default());
    assert!(served(&stream).is_none());
    assert!(stream.feed().is_none(), "its last pictures are let go too");
    let mut lease = stream.admit(Door::default(), Some(key())).await.unwrap();
    publish(&mut lease, 10);
    assert_ne!(served(&stream).unwrap().0, broadcast);
}

#[tokio::test(start_paused = true)]
async fn a_publisher_that_finishes_takes_the_room_offline_at_once() {
    let streams = streams();
    let stream = open(&streams);
    let mut lease = stream.admit(Door::default(), Some(key())).await.unwrap();
    publish(&mut lease, 10);
    lease.finish();
    assert_eq!(stream.status(), Status::default());
    assert!(served(&stream).is_some(), "viewers still play what there is");
}

#[tokio::test(start_paused = true)]
async fn an_ended_broadcast_is_not_continued_whether_its_publisher_is_there_or_away() {
    for away in [false, true] {
        let streams = streams();
        let stream = open(&streams);
        assert!(!stream.end(), "nothing to end");
        let mut lease = stream.admit(Door::default(), Some(key())).await.unwrap();
        publish(&mut lease, 5);
        let (before, _) = served(&stream).unwrap();
        if away {
            drop(lease);
            assert_eq!(stream.status().state, State::Interrupted);
            assert!(stream.end());
        } else {
            assert!(stream.end());
            assert_eq!(lease.dismissed().await, Dismissal::Ended);
            drop(lease);
        }
        assert_eq!(stream.status(), Status::default());
        assert!(!stream.end(), "it is over");
        let mut lease = stream.admit(Door::default(), Some(key())).await.unwrap();
        publish(&mut lease, 5);
        assert_ne!(served(&stream).unwrap().0, before);
    }
}

#[tokio::test(start_paused = true)]
async fn a_newer_publisher_takes_over_and_the_old_one_is_fenced() {
    let streams = streams();
    let stream = open(&streams);
    let mut old = stream.admit(Door::default(), Some(key())).await.unwrap();
    publish(&mut old, 10);
    let newer = tokio::spawn({
        let stream = Arc::clone(&stream);
        async move { stream.admit(Door::default(), Some(key())).await }
    });
    assert_eq!(old.dismissed().await, Dismissal::TakenOver);
    let before = served(&stream).unwrap();
    publish(&mut old, 10);
    assert_eq!(served(&stream).unwrap(), before, "what a fenced publisher sends is not used");
    drop(old);
    let mut newer = newer.await.unwrap().unwrap();
    assert_eq!(stream.status().state, State::Live);
    publish(&mut newer, 10);
    assert!(served(&stream).unwrap().1 > before.1);
}

#[tokio::test(start_paused = true)]
async fn a_predecessor_that_hangs_does_not_let_two_in() {
    let streams = streams();
    let stream = open(&streams);
    let hanging = stream.admit(Door::default(), Some(key())).await.unwrap();
    assert_eq!(stream.admit(Door::default(), Some(key())).await.unwrap_err(), Refusal::Busy);
    drop(hanging);
    assert!(stream.admit(Door::default(), Some(key())).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn one_that_gave_up_waiting_leaves_no_trace() {
    let streams = streams();
    let stream = open(&streams);
    let mut hanging = stream.admit(Door::default(), Some(key())).await.unwrap();
    publish(&mut hanging, 5);
    assert_eq!(stream.admit(Door::default(), Some(key())).await.unwrap_err(), Refusal::Busy);
    drop(hanging);
    assert_eq!(stream.status().state, State::Interrupted, "nobody publishes");
    let alone = Door { refuses_second: true, ..Door::default() };
    assert!(stream.admit(alone, Some(key())).await.is_ok(), "the room is free");
}

#[tokio::test(start_paused = true)]
async fn another_key_sends_the_publisher_away_and_the_same_key_does_not() {
    let streams = streams();
    let stream = open(&streams);
    let lease = stream.admit(Door::default(), Some(key())).await.unwrap();
    stream.require_key(key());
    assert!(!lease.dismissed.is_cancelled());
    stream.require_key(Digest::of("new"));
    assert_eq!(lease.dismissed().await, Dismissal::KeyChanged);
}

#[tokio::test(start_paused = true)]
async fn a_warning_that_counts_is_kept_once_with_its_latest_words() {
    let streams = streams();
    let stream = open(&streams);
    let lease = stream.admit(Door::default(), Some(key())).await.unwrap();
    let counted = std::mem::discriminant(&container::flv::Warning::ClockRestarts { times: 1 });
    let kind = Some(WarningKind::Flv(counted));
    lease.warn(kind, "once".to_owned());
    lease.warn(None, "keyframes every 10 s".to_owned());
    lease.warn(kind, "twice".to_owned());
    lease.warn(None, "keyframes every 10 s".to_owned());
    let told = serde_json::to_value(stream.ingest().unwrap().warnings).unwrap();
    assert_eq!(told, serde_json::json!(["twice", "keyframes every 10 s"]));
}

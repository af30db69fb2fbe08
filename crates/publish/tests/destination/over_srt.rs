//! SRT, with a listener of crate `srt`: what arrives, what is refused, and how it comes back.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::BytesMut;
use container::mpegts::Demuxer;
use media::{MediaEvent, Span, StreamChecker, Timestamp};
use publish::{KeyframeRequest, Publisher, State, Target};
use srt::{Admission, Connection, Listener, ListenerOptions, Passphrase, Reason, Request};
use testkit::Source;
use testkit::lossy_relay::{LossyRelay, Weather};

use crate::{begin, until};

fn listen(answer: impl Fn(Request<'_>) -> Admission + Send + Sync + 'static) -> Listener {
    Listener::bind("127.0.0.1:0".parse().unwrap(), ListenerOptions::default(), answer).unwrap()
}

fn publisher(to: SocketAddr, query: &str, keyframes: &KeyframeRequest) -> Publisher {
    let target = Target::parse(&format!("srt://{to}?{query}"), None).unwrap();
    begin(Publisher::start("test".into(), target, keyframes.clone()))
}

fn source(seconds: i64, start_ms: i64) -> Vec<MediaEvent> {
    let (duration, start) = (Span::from_secs(seconds), Timestamp::from_millis(start_ms));
    Source { duration, start, ..Source::default() }.events()
}

/// What `wanted` packets of pictures came with; everything is held to the invariants.
async fn receive(connection: &Connection, wanted: usize) -> Vec<MediaEvent> {
    let (mut demuxer, mut checker) = (Demuxer::new(), StreamChecker::new());
    let (mut events, mut pictures, mut buffer) = (Vec::new(), 0, BytesMut::new());
    while pictures < wanted {
        buffer.clear();
        let read = tokio::time::timeout(Duration::from_secs(30), connection.read(&mut buffer));
        if read.await.expect("within half a minute").is_err() {
            demuxer.finish();
        } else {
            demuxer.push(&buffer).unwrap();
        }
        let before = events.len();
        while let Some(event) = demuxer.poll() {
            checker.check(&event).expect("the invariants of media");
            pictures += usize::from(matches!(&event, MediaEvent::Packet(packet) if packet.track.0 == 0));
            events.push(event);
        }
        assert!(
            !buffer.is_empty() || events.len() > before,
            "the connection ended after {pictures} pictures"
        );
    }
    events
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_pushed_arrives_with_its_stream_id_and_secret() {
    let listener = listen(|request| match request.stream_id {
        "#!::m=publish,r=k" => Admission::AdmitWith(Passphrase::new("correct horse").unwrap()),
        _ => Admission::Refuse(Reason::UNAUTHORIZED),
    });
    let query = "streamid=#!::m=publish,r=k&passphrase=correct horse&pbkeylen=32&latency=1000";
    let publisher = publisher(listener.local_address(), query, &KeyframeRequest::new());
    let far = listener.accept().await.unwrap();
    assert!(far.stream_id().unwrap().ends_with("r=k"));
    let sent = source(2, 0);
    sent.iter().for_each(|event| publisher.feed().push(event));
    let feed = publisher.feed();
    // The last picture of a stream is known to be whole at its end.
    let events = receive(&far, 59).await;
    assert!(publisher.finish(Duration::from_secs(10)).await && far.is_encrypted());
    assert!(matches!(&events[0], MediaEvent::Tracks(tracks) if tracks.len() == 2));
    assert_eq!(feed.progress().sent_frames, 60);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_that_says_no_is_not_asked_again() {
    let listener = listen(|request| match request.stream_id {
        "secret" => Admission::AdmitWith(Passphrase::new("correct horse").unwrap()),
        other => Admission::Refuse(Reason::from_code(other.parse().unwrap())),
    });
    for (query, words) in [
        ("streamid=1401", "the server refuses the stream id: unknown stream key (1401)"),
        ("streamid=1403", "the server refuses the stream id: not allowed (1403)"),
        ("streamid=1409", "the server refuses the stream id: another publisher is in the way (1409)"),
        ("streamid=secret&passphrase=battery staple", "the server refuses the passphrase: it is another"),
        ("streamid=secret", "only one side has a passphrase"),
    ] {
        let publisher = publisher(listener.local_address(), query, &KeyframeRequest::new());
        let state = until(&publisher, State::is_final).await;
        assert!(
            matches!(&state, State::Failed { cause } if cause.to_string().contains(words)),
            "{query}: {state:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_that_is_busy_or_away_is_tried_again() {
    let listener = listen(|_| Admission::Refuse(Reason::OVERLOAD));
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    for (to, words) in [
        (listener.local_address(), "the server cannot take the stream now: too many connections (1402)"),
        (silent.local_addr().unwrap(), "nobody answers SRT at this address and UDP port: "),
    ] {
        let publisher = publisher(to, "", &KeyframeRequest::new());
        let state = until(&publisher, |state| matches!(state, State::Retrying { .. })).await;
        let said = matches!(&state, State::Retrying { cause, .. } if cause.to_string().contains(words));
        assert!(said, "{state:?}");
        assert!(publisher.finish(Duration::from_secs(1)).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_was_lost_comes_back_with_tracks_and_a_keyframe() {
    let listener = listen(|_| Admission::Admit);
    let keyframes = KeyframeRequest::new();
    let publisher = publisher(listener.local_address(), "latency=1000", &keyframes);
    let far = listener.accept().await.unwrap();
    source(1, 0).iter().for_each(|event| publisher.feed().push(event));
    receive(&far, 29).await;
    drop(far);
    until(&publisher, |state| matches!(state, State::Retrying { .. })).await;
    publisher.retry_now();
    let far = listener.accept().await.unwrap();
    until(&publisher, |state| matches!(state, State::Live { .. })).await;
    assert!(keyframes.take(), "the encoder is asked for a keyframe");
    let feed = publisher.feed();
    source(2, 5_000).iter().skip(1).for_each(|event| feed.push(event));
    let events = receive(&far, 59).await;
    assert!(matches!(&events[0], MediaEvent::Tracks(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_figures_of_the_link_are_told() {
    let listener = listen(|_| Admission::Admit);
    let weather = Weather { delay: Duration::from_millis(20), loss_permille: 0, late_permille: 0, seed: 7 };
    let relay = LossyRelay::start(listener.local_address(), weather).await;
    let publisher = publisher(relay.address(), "latency=200", &KeyframeRequest::new());
    let _far = listener.accept().await.unwrap();
    let feed = publisher.feed();
    let link = tokio::time::timeout(Duration::from_secs(30), async {
        let mut pace = tokio::time::interval(Duration::from_millis(10));
        for event in source(60, 0) {
            feed.push(&event);
            pace.tick().await;
            let link = feed.progress().link.filter(|link| link.round_trip > Duration::from_millis(30));
            let told = link.filter(|_| feed.progress().sent_bps > 0);
            if told.is_some() {
                return told;
            }
        }
        None
    });
    let link = link.await.ok().flatten().expect("a round trip of twice 20 ms");
    assert_eq!(link.latency, Duration::from_millis(200));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_link_does_not_hold_up_the_end() {
    let listener = listen(|_| Admission::Admit);
    let weather = Weather { delay: Duration::ZERO, loss_permille: 0, late_permille: 0, seed: 8 };
    let relay = LossyRelay::start(listener.local_address(), weather).await;
    let publisher = publisher(relay.address(), "latency=4000", &KeyframeRequest::new());
    let far = listener.accept().await.unwrap();
    until(&publisher, |state| matches!(state, State::Live { .. })).await;
    relay.set_loss_permille(1_000);
    source(3, 0).iter().for_each(|event| publisher.feed().push(event));
    let before = tokio::time::Instant::now();
    publisher.finish(Duration::from_millis(1_300)).await;
    assert!(before.elapsed() < Duration::from_secs(2));
    drop(far);
}

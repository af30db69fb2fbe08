use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use super::*;

impl Session {
    /// Bytes as they came.
    pub(in crate::ingest) fn handle_input(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.inbox().extend_from_slice(bytes);
        self.handle_received(bytes.len())
    }
}

/// A client's bytes up to its publish command, and one video message behind it.
fn client_bytes(with_media: bool) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    bytes.extend([0; HANDSHAKE_BYTES]);
    bytes.extend([0; HANDSHAKE_BYTES]);
    let connect = amf0::write(&[
        Value::String("connect"),
        Value::Number(1.0),
        Value::Object(&[("app", Value::String("live")), ("tcUrl", Value::String("rtmp://h/live"))]),
    ]);
    chunk::write(&mut bytes, 3, COMMAND, 0, &connect, false);
    let create = amf0::write(&[Value::String("createStream"), Value::Number(4.0), Value::Null]);
    chunk::write(&mut bytes, 3, COMMAND, 0, &create, false);
    let publish =
        amf0::write(&[Value::String("publish"), Value::Number(5.0), Value::Null, Value::String("key?x=1")]);
    chunk::write(&mut bytes, 4, COMMAND, 1, &publish, false);
    if with_media {
        chunk::write(&mut bytes, 6, VIDEO, 1, &[0x17; 300], false);
    }
    bytes
}

fn publish_event() -> Event {
    Event::Publish { app: "live".to_owned(), name: "key?x=1".to_owned() }
}

#[test]
fn a_client_shakes_hands_connects_and_asks_to_publish() {
    let mut session = Session::default();
    session.handle_input(&client_bytes(false)).unwrap();
    assert_eq!(session.poll_event(), Ok(Some(publish_event())));
    let output = session.take_output();
    // S0, S1 and S2, where S2 repeats C1, then the answers.
    assert_eq!(output[0], VERSION);
    assert_eq!(output[1 + HANDSHAKE_BYTES..1 + 2 * HANDSHAKE_BYTES], [0; HANDSHAKE_BYTES]);
    let answers = String::from_utf8_lossy(&output[1 + 2 * HANDSHAKE_BYTES..]).into_owned();
    assert!(answers.contains("NetConnection.Connect.Success"));
    for word in ["fourCcList", "avc1", "hvc1", "av01", "mp4a", "Opus", "videoFourCcInfoMap", "capsEx"] {
        assert!(answers.contains(word), "{word} is offered");
    }
    session.reject("NetStream.Publish.BadName", "unknown stream key");
    let refusal = String::from_utf8_lossy(&session.take_output()).into_owned();
    assert!(refusal.contains("error") && refusal.contains("unknown stream key"), "{refusal}");
}

#[test]
fn bytes_may_arrive_one_at_a_time() {
    let mut session = Session::default();
    let mut events = Vec::new();
    for byte in client_bytes(true) {
        session.handle_input(&[byte]).unwrap();
        while let Some(event) = session.poll_event().unwrap() {
            if matches!(event, Event::Publish { .. }) {
                session.accept();
            }
            events.push(event);
        }
    }
    let body = Bytes::from_static(&[0x17; 300]);
    assert_eq!(events, [publish_event(), Event::Media { kind: Kind::Video, timestamp_ms: 0, body }]);
}

#[test]
fn media_before_an_accepted_key_ends_the_session() {
    let mut session = Session::default();
    session.handle_input(&client_bytes(true)).unwrap();
    assert_eq!(session.poll_event(), Ok(Some(publish_event())));
    assert_eq!(session.poll_event(), Err(Error::MediaBeforePublish));
}

#[test]
fn what_is_no_rtmp_is_seen_at_the_first_byte() {
    assert_eq!(Session::default().handle_input(b"GET / HTTP/1.1"), Err(Error::NotRtmp(b'G')));
}

#[test]
fn nobody_without_a_key_fills_the_memory() {
    let mut session = Session::default();
    let bytes = vec![VERSION; BEFORE_PUBLISH_BYTES_MAX as usize + 1];
    assert_eq!(session.handle_input(&bytes), Err(Error::TooMuchBeforePublish));
}

#[test]
fn received_bytes_are_acknowledged() {
    let mut session = Session::default();
    session.handle_input(&client_bytes(false)).unwrap();
    session.poll_event().unwrap();
    session.accept();
    session.take_output();
    session.handle_input(&[3; ACKNOWLEDGE_BYTES as usize]).unwrap();
    assert_eq!(session.take_output()[7], ACKNOWLEDGEMENT);
}

#[test]
fn the_call_around_metadata_is_taken_off() {
    let body = Bytes::from_static(b"\x02\x00\x0d@setDataFrame\x02\x00\x0aonMetaData");
    assert_eq!(without_set_data_frame(body), b"\x02\x00\x0aonMetaData"[..]);
}

/// Runs many damaged sessions; whatever the bytes, the session answers or refuses, and never panics.
#[test]
fn damaged_sessions_end_in_errors_at_worst() {
    let sound = client_bytes(true);
    let mut random = StdRng::seed_from_u64(7);
    let (mut refused, mut published) = (0, 0);
    for _ in 0..20_000 {
        let mut bytes = sound.clone();
        for _ in 0..random.random_range(1..8) {
            // The handshake's filling means nothing; most damage goes behind it.
            let from = if random.random_bool(0.9) { 1 + 2 * HANDSHAKE_BYTES } else { 0 };
            let at = random.random_range(from..bytes.len());
            match random.random_range(0..3) {
                0 => bytes[at] = random.random(),
                1 => bytes.truncate(at.max(1)),
                _ => bytes.insert(at, random.random()),
            }
            if bytes.len() <= 1 + 2 * HANDSHAKE_BYTES {
                break;
            }
        }
        let mut session = Session::default();
        let ended = session.handle_input(&bytes).and_then(|()| {
            while let Some(event) = session.poll_event()? {
                if matches!(event, Event::Publish { .. }) {
                    published += 1;
                    session.accept();
                }
            }
            Ok(())
        });
        refused += u32::from(ended.is_err());
    }
    assert!(refused > 1_000 && published > 1_000, "{refused} refused, {published} published");
}

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::BytesMut;
use srt::{Admission, Error, KeyLength, Listener, ListenerOptions, Passphrase};

use crate::harness::{call, connected, listen, messages, read_exactly, send_all, soon};

#[tokio::test(flavor = "multi_thread")]
async fn messages_arrive_whole_and_in_order_in_both_directions() {
    let listener = listen(|_| Admission::Admit);
    let (near, far) = connected(&listener, call(&listener, "")).await;
    let sent = messages(500);
    for (from, to) in [(&near, &far), (&far, &near)] {
        let (_, arrived) = tokio::join!(send_all(from, &sent), read_exactly(to, sent.concat().len()));
        assert_eq!(arrived, sent.concat());
    }
    assert!(!far.is_encrypted());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_key_length_is_followed() {
    let secret = || Passphrase::new("correct horse").unwrap();
    let listener = listen(move |_| Admission::AdmitWith(secret()));
    let sent = messages(100);
    for key_length in [KeyLength::Aes128, KeyLength::Aes192, KeyLength::Aes256] {
        let mut call = call(&listener, "");
        (call.passphrase, call.key_length) = (Some(secret()), key_length);
        let (near, far) = connected(&listener, call).await;
        let (_, arrived) = tokio::join!(send_all(&near, &sent), read_exactly(&far, sent.concat().len()));
        assert_eq!(arrived, sent.concat());
        assert!(far.is_encrypted(), "{key_length:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_listener_sees_the_stream_id_and_the_address_before_it_accepts() {
    let seen = Arc::<Mutex<Vec<_>>>::default();
    let listener = listen({
        let seen = Arc::clone(&seen);
        move |request| {
            seen.lock().unwrap().push((request.stream_id.to_owned(), request.peer.ip(), request.handshake));
            Admission::Admit
        }
    });
    let (_near, far) = connected(&listener, call(&listener, "#!::m=publish,r=süß")).await;
    let expected = ("#!::m=publish,r=süß".to_owned(), listener.local_address().ip(), 5);
    assert_eq!(*seen.lock().unwrap(), [expected]);
    assert_eq!(far.stream_id().unwrap(), "#!::m=publish,r=süß");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_greater_latency_is_used_and_the_figures_move() {
    let options = ListenerOptions { latency: Duration::from_millis(300), ..ListenerOptions::default() };
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), options, |_| Admission::Admit).unwrap();
    let (near, far) = connected(&listener, call(&listener, "")).await;
    let sent = messages(200);
    tokio::join!(send_all(&near, &sent), read_exactly(&far, sent.concat().len()));
    let (near, far) = (near.statistics().unwrap(), far.statistics().unwrap());
    assert_eq!(far.received.packets, 200);
    assert_eq!(near.sent.packets - near.sent.retransmitted, 200);
    assert!(far.received.bytes >= sent.concat().len() as u64);
    assert_eq!(far.received.latency, options.latency);
    assert_eq!(near.sent.latency, options.latency);
    assert!(far.age > Duration::ZERO && far.received.rate_bps > 0);
    assert_eq!(far.received.dropped, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sent_before_the_end_is_read_and_then_the_end() {
    let listener = listen(|_| Admission::Admit);
    let (near, far) = connected(&listener, call(&listener, "")).await;
    let sent = messages(50);
    send_all(&near, &sent).await;
    let (_, arrived) = tokio::join!(near.finish(), read_exactly(&far, sent.concat().len()));
    assert_eq!(arrived, sent.concat());
    let ended = soon(far.read(&mut BytesMut::new())).await;
    assert!(matches!(ended, Err(Error::Closed)), "{ended:?}");
    let sending = soon(async {
        loop {
            if let Err(error) = far.send(&[0; 1_316]).await {
                break error;
            }
        }
    });
    assert!(matches!(sending.await, Error::Closed));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_has_one_listener() {
    let first = listen(|_| Admission::Admit);
    let second = Listener::bind(first.local_address(), ListenerOptions::default(), |_| Admission::Admit);
    assert!(matches!(second, Err(Error::AddressInUse(address)) if address == first.local_address()));
    let taken = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let second = Listener::bind(address, ListenerOptions::default(), |_| Admission::Admit);
    assert!(matches!(second, Err(Error::AddressInUse(it)) if it == address), "{second:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_too_long_for_a_packet_is_not_sent() {
    let listener = listen(|_| Admission::Admit);
    let (near, _far) = connected(&listener, call(&listener, "")).await;
    assert!(matches!(near.send(&[0; 1_457]).await, Err(Error::MessageTooLong { bytes: 1_457 })));
}

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::{SinkExt as _, StreamExt as _};
use srt::{Admission, Call, Passphrase, connect};
use srt_tokio::SrtSocket;
use srt_tokio::options::{ByteCount, KeySize};

use crate::harness::{listen, messages, read_exactly, send_all, soon};

const SECRET: &str = "correct horse";

#[tokio::test(flavor = "multi_thread")]
#[allow(clippy::disallowed_methods, reason = "the other implementation wants to be told the time")]
async fn the_other_implementation_calls_with_every_key_length() {
    for key in [None, Some(KeySize::AES128), Some(KeySize::AES192), Some(KeySize::AES256)] {
        let listener = listen(move |request| match (request.stream_id, key) {
            ("publish:abc", None) => Admission::Admit,
            ("publish:abc", Some(_)) => Admission::AdmitWith(Passphrase::new(SECRET).unwrap()),
            (other, _) => panic!("stream id {other}"),
        });
        let builder = SrtSocket::builder().set(|options| {
            options.sender.buffer_size = ByteCount(32 << 20);
            if let Some(key) = key {
                options.encryption.key_size = key;
                options.encryption.passphrase = Some(SECRET.to_owned().try_into().unwrap());
            }
        });
        let called = builder.call(listener.local_address(), Some("publish:abc"));
        let (sender, far) = tokio::join!(soon(called), soon(listener.accept()));
        let (mut sender, far) = (sender.unwrap(), far.unwrap());
        let sent = messages(200);
        let send = async {
            let mut pace = tokio::time::interval(Duration::from_millis(2));
            for message in &sent {
                pace.tick().await;
                sender.send((Instant::now(), Bytes::from(message.clone()))).await.unwrap();
            }
        };
        let ((), arrived) = tokio::join!(send, read_exactly(&far, sent.concat().len()));
        assert_eq!(arrived, sent.concat(), "{key:?}");
        assert_eq!(far.is_encrypted(), key.is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_other_implementation_is_called() {
    let port = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = format!("127.0.0.1:{port}");
    let listening = SrtSocket::builder().listen_on(address.as_str());
    let mut call = Call::new(([127, 0, 0, 1], port).into(), "some stream");
    // It may begin to listen after the first packet of the call, which is then repeated.
    call.timeout = Duration::from_secs(20);
    let (receiver, near) = tokio::join!(soon(listening), soon(connect(call)));
    let (mut receiver, near) = (receiver.unwrap(), near.unwrap());
    let sent = messages(200);
    let receive = async {
        let mut arrived = Vec::new();
        while arrived.len() < sent.concat().len() {
            let (_, message) = soon(receiver.next()).await.unwrap().unwrap();
            arrived.extend_from_slice(&message);
        }
        arrived
    };
    let ((), arrived) = tokio::join!(send_all(&near, &sent), receive);
    assert_eq!(arrived, sent.concat());
}

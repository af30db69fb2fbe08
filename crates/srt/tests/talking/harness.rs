//! What the tests share.

use std::future::Future;
use std::time::Duration;

use bytes::BytesMut;
use srt::{Admission, Call, Connection, Listener, ListenerOptions, Request, connect};

/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// `future`, unless it takes too long.
pub async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("it takes less than a minute")
}

/// A listener on a free port of loopback.
pub fn listen(answer: impl Fn(Request<'_>) -> Admission + Send + Sync + 'static) -> Listener {
    Listener::bind("127.0.0.1:0".parse().unwrap(), ListenerOptions::default(), answer).unwrap()
}

/// Both ends of a connection, the caller's first.
pub async fn connected(listener: &Listener, call: Call) -> (Connection, Connection) {
    let (near, far) = tokio::join!(soon(connect(call)), soon(listener.accept()));
    (near.unwrap(), far.unwrap())
}

/// A call to `listener`.
pub fn call(listener: &Listener, stream_id: &str) -> Call {
    Call::new(listener.local_address(), stream_id)
}

/// Numbered messages of as many bytes as MPEG-TS uses.
pub fn messages(count: u32) -> Vec<Vec<u8>> {
    (0..count).map(|number| number.to_be_bytes().repeat(329)).collect()
}

/// Sends messages about as fast as 20 Mbit/s.
pub async fn send_all(connection: &Connection, messages: &[Vec<u8>]) {
    let mut pace = tokio::time::interval(Duration::from_millis(5));
    for ten in messages.chunks(10) {
        pace.tick().await;
        for message in ten {
            soon(connection.send(message)).await.unwrap();
        }
    }
}

/// Reads `bytes` bytes.
pub async fn read_exactly(connection: &Connection, bytes: usize) -> Vec<u8> {
    let mut buffer = BytesMut::with_capacity(64 << 10);
    let mut all = Vec::with_capacity(bytes);
    while all.len() < bytes {
        buffer.clear();
        soon(connection.read(&mut buffer)).await.unwrap();
        all.extend_from_slice(&buffer);
    }
    all
}

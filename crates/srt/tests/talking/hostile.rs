use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use srt::{Admission, Call, Listener, Reason, connect};
use tokio::net::UdpSocket;

use crate::harness::{call, connected, listen, messages, read_exactly, send_all, soon};

/// What the listener admits.
const KNOWN: &str = "publish:known";

fn guarded() -> Listener {
    listen(|request| match request.stream_id {
        KNOWN => Admission::Admit,
        _ => Admission::Refuse(Reason::UNAUTHORIZED),
    })
}

/// The packets of one call to `listener`, and the socket that the listener knows them from. So the cookie in
/// them is good for what is sent from there.
async fn recorded(listener: &Listener, stream_id: &str) -> (UdpSocket, Vec<Vec<u8>>) {
    let loopback: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let (near, far) = (UdpSocket::bind(loopback).await.unwrap(), UdpSocket::bind(loopback).await.unwrap());
    far.connect(listener.local_address()).await.unwrap();
    let mut call = Call::new(near.local_addr().unwrap(), stream_id);
    call.timeout = Duration::from_secs(2);
    let calling = tokio::spawn(connect(call));
    let mut packets = Vec::new();
    let mut caller = None;
    let (mut there, mut back) = ([0_u8; 2_048], [0_u8; 2_048]);
    // Induction and conclusion; what may follow them is a repetition.
    while packets.len() < 2 || !calling.is_finished() {
        tokio::select! {
            received = near.recv_from(&mut there) => {
                let (len, from) = received.unwrap();
                caller = Some(from);
                packets.push(there[..len].to_vec());
                far.send(&there[..len]).await.unwrap();
            }
            received = far.recv(&mut back) => {
                near.send_to(&back[..received.unwrap()], caller.unwrap()).await.unwrap();
            }
            () = tokio::time::sleep(Duration::from_millis(20)), if packets.len() >= 2 => {}
        }
    }
    packets.truncate(2);
    (far, packets)
}

/// Numbers that look random and are the same each time (xorshift).
struct Seeded(u64);

impl Seeded {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }

    fn mutate(&mut self, packet: &[u8]) -> Vec<u8> {
        let mut packet = packet.to_vec();
        for _ in 0..=self.below(4) {
            let at = self.below(packet.len());
            packet[at] = self.below(256) as u8;
        }
        match self.below(8) {
            0 => packet.truncate(self.below(packet.len()) + 1),
            1 => packet.extend(std::iter::repeat_n(self.below(256) as u8, self.below(1_200))),
            _ => {}
        }
        packet
    }
}

/// Sends what `packet` gives, faster than any encoder, and without stopping the test's other tasks.
async fn pelt(socket: &UdpSocket, count: usize, mut packet: impl FnMut(usize) -> Vec<u8>) {
    for number in 0..count {
        // A full socket buffer or a refused port is what an attacker meets too.
        let _ = socket.send(&packet(number)).await;
        if number % 32 == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

/// Whether somebody who is connected is served while `attack` runs, and somebody new afterwards.
async fn others_are_served(listener: Listener, attack: impl Future<Output = ()>) {
    let (near, far) = connected(&listener, call(&listener, KNOWN)).await;
    let accepted = Arc::new(AtomicU32::new(0));
    let listener = Arc::new(listener);
    let accepting = tokio::spawn({
        let (listener, accepted) = (Arc::clone(&listener), Arc::clone(&accepted));
        async move {
            let mut held = Vec::new();
            while let Ok(connection) = listener.accept().await {
                held.push(connection);
                accepted.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    let sent = messages(2_000);
    let serve = async { tokio::join!(send_all(&near, &sent), read_exactly(&far, sent.concat().len())).1 };
    let ((), arrived) = tokio::join!(attack, serve);
    assert_eq!(arrived, sent.concat());
    let mut call = call(&listener, KNOWN);
    call.timeout = Duration::from_secs(20);
    let before = accepted.load(Ordering::Relaxed);
    let _new = soon(connect(call)).await.unwrap();
    soon(async {
        while accepted.load(Ordering::Relaxed) == before {
            tokio::task::yield_now().await;
        }
    })
    .await;
    accepting.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_thousand_mutated_handshakes_end_nobody() {
    let listener = guarded();
    let (strange, refused) = recorded(&listener, "publish:strange").await;
    let (known, admitted) = recorded(&listener, KNOWN).await;
    // The one that was recorded.
    drop(soon(listener.accept()).await);
    let attack = async {
        let mut seeded = Seeded(0x5eed);
        pelt(&strange, 18_000, |number| seeded.mutate(&refused[number % 2])).await;
        // Some of these are good handshakes, with connections behind them that nobody serves.
        pelt(&known, 2_000, |number| seeded.mutate(&admitted[number % 2])).await;
    };
    others_are_served(listener, attack).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_handshakes_and_rubbish_keeps_nobody_out() {
    let listener = guarded();
    let (strange, refused) = recorded(&listener, "publish:strange").await;
    let attack = async {
        let mut seeded = Seeded(0xf100d);
        pelt(&strange, 30_000, |number| match number % 3 {
            0 => refused[0].clone(),
            1 => refused[1].clone(),
            _ => (0..seeded.below(1_400) + 1).map(|_| seeded.below(256) as u8).collect(),
        })
        .await;
    };
    others_are_served(listener, attack).await;
}

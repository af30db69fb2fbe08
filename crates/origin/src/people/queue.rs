//! What waits for one member, between its room and the task of its connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use axum::extract::ws::Utf8Bytes;
use bytes::Bytes;
use rooms::frame::Out;
use tokio::sync::mpsc;

use crate::wire::{Beside, Wire};

/// A frame as it travels: JSON text, made once for everybody.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    text: Utf8Bytes,
    /// The text behind a server's header of a text message (RFC 6455 §5.2).
    framed: Bytes,
}

/// What the task of a connection has to do.
#[derive(Clone, Debug)]
pub(crate) enum Due {
    Write(Utf8Bytes),
    /// The room has begun a frame that the socket has not taken whole.
    Flush,
}

/// The room's end.
#[derive(Debug)]
pub(super) struct Queue {
    due: mpsc::Sender<Due>,
    shared: Arc<Common>,
}

/// The member's end.
#[derive(Debug)]
pub(crate) struct Frames {
    due: mpsc::Receiver<Due>,
    shared: Arc<Common>,
}

#[derive(Debug)]
struct Common {
    /// What is due and not done: until then nothing may pass it.
    waiting: AtomicUsize,
    too_slow: AtomicBool,
    wire: Option<Arc<Wire>>,
}

impl Frame {
    pub(crate) fn new(frame: &Out) -> Frame {
        Frame::of(serde_json::to_string(frame).expect("a frame holds only texts and numbers"))
    }

    fn of(text: String) -> Frame {
        let mut framed = Vec::with_capacity(HEADER_BYTES_MAX + text.len());
        framed.push(FINAL_TEXT);
        match text.len() {
            length @ 0..=125 => framed.push(length as u8),
            length @ 126..=0xffff => {
                framed.push(126);
                framed.extend((length as u16).to_be_bytes());
            }
            length => {
                framed.push(127);
                framed.extend((length as u64).to_be_bytes());
            }
        }
        framed.extend(text.as_bytes());
        Frame { text: text.into(), framed: framed.into() }
    }

    pub(crate) fn into_text(self) -> Utf8Bytes {
        self.text
    }
}

/// Both ends of a queue; with the wire of the member's socket, frames need not go through it.
pub(super) fn queue(wire: Option<Arc<Wire>>) -> (Queue, Frames) {
    let (sender, due) = mpsc::channel(FRAMES_WAITING_MAX);
    let shared = Arc::new(Common { waiting: AtomicUsize::new(0), too_slow: AtomicBool::new(false), wire });
    (Queue { due: sender, shared: Arc::clone(&shared) }, Frames { due, shared })
}

impl Queue {
    /// Whether the member stays: its socket is there and took what came before.
    pub(super) fn push(&self, frame: &Frame) -> bool {
        if self.due.is_closed() {
            return false;
        }
        let due = match self.write(frame) {
            Beside::Written => return true,
            Beside::Begun => Due::Flush,
            Beside::Refused => Due::Write(frame.text.clone()),
        };
        self.shared.waiting.fetch_add(1, Ordering::Relaxed);
        let pushed = self.due.try_send(due);
        if let Err(mpsc::error::TrySendError::Full(_)) = pushed {
            self.shared.too_slow.store(true, Ordering::Relaxed);
        }
        pushed.is_ok()
    }

    fn write(&self, frame: &Frame) -> Beside {
        match &self.shared.wire {
            // Only the room adds to what waits, so nothing can come between.
            Some(wire) if self.shared.waiting.load(Ordering::Acquire) == 0 => {
                wire.write_beside(&frame.framed)
            }
            _ => Beside::Refused,
        }
    }
}

impl Frames {
    /// Adds up to `max` of what is due to `batch`, and says how many; none when the room has let go.
    pub(crate) async fn recv_many(&mut self, batch: &mut Vec<Due>, max: usize) -> usize {
        self.due.recv_many(batch, max).await
    }

    /// So much of what was received is written and flushed. From the first time on the room may write by itself.
    pub(crate) fn done(&self, count: usize) {
        self.shared.waiting.fetch_sub(count, Ordering::Release);
        self.open(true);
    }

    /// The room writes nothing by itself any more.
    pub(crate) fn close(&self) {
        self.open(false);
    }

    /// Whether the room let go because the frames were taken too slowly.
    pub(crate) fn was_too_slow(&self) -> bool {
        self.shared.too_slow.load(Ordering::Relaxed)
    }

    fn open(&self, open: bool) {
        if let Some(wire) = &self.shared.wire {
            wire.open(open);
        }
    }
}

/// A text message in one frame (RFC 6455 §5.2: FIN, opcode 1).
const FINAL_TEXT: u8 = 0x81;
/// Of a frame without a mask.
const HEADER_BYTES_MAX: usize = 10;
/// Frames that wait for one member: half a minute of a busy chat. Full, the member is let go.
pub(super) const FRAMES_WAITING_MAX: usize = 256;

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use proptest::prelude::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::time::timeout;

    use super::*;
    use crate::memory_file::Socket;

    /// What a client reads of a frame: the text, and how long the frame was.
    fn read(bytes: &[u8]) -> Option<(&[u8], usize)> {
        assert_eq!(*bytes.first()?, FINAL_TEXT);
        let (head, length) = match *bytes.get(1)? {
            126 => (4, u16::from_be_bytes(bytes.get(2..4)?.try_into().unwrap()).into()),
            127 => (10, u64::from_be_bytes(bytes.get(2..10)?.try_into().unwrap()) as usize),
            length => (2, usize::from(length)),
        };
        Some((bytes.get(head..head + length)?, head + length))
    }

    #[test]
    fn a_frame_of_any_length_has_the_header_of_its_text() {
        for length in [0, 1, 125, 126, 65_535, 65_536, 100_000] {
            let frame = Frame::of("x".repeat(length));
            assert_eq!(read(&frame.framed), Some((&*vec![b'x'; length], frame.framed.len())), "{length}");
        }
    }

    /// A socket and who reads it, with little room between them.
    async fn pair() -> (Socket, TcpStream) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (far, _) = listener.accept().await.unwrap();
        socket2::SockRef::from(&near).set_recv_buffer_size(4 << 10).unwrap();
        socket2::SockRef::from(&far).set_send_buffer_size(4 << 10).unwrap();
        (Socket::new(far, Arc::default()), near)
    }

    /// Does what is due as a connection's task does, with words of its own between; returns how often it had to.
    async fn own(mut socket: Socket, mut frames: Frames) -> usize {
        let (mut batch, mut all) = (Vec::new(), 0);
        frames.done(0);
        loop {
            let count = frames.recv_many(&mut batch, 8).await;
            if count == 0 {
                return all;
            }
            for due in batch.drain(..) {
                if let Due::Write(text) = due {
                    socket.write_all(&Frame::of(text.to_string()).framed).await.unwrap();
                }
            }
            if all % 3 == 0 {
                socket.write_all(&Frame::of("pong".to_owned()).framed).await.unwrap();
            }
            socket.flush().await.unwrap();
            frames.done(count);
            all += count;
        }
    }

    async fn all_arrive(lengths: &[usize], reads: &[usize]) -> usize {
        let (socket, mut near) = pair().await;
        let (queue, frames) = queue(Some(Arc::clone(socket.wire())));
        let owner = tokio::spawn(own(socket, frames));
        let said: Vec<String> = lengths
            .iter()
            .enumerate()
            .map(|(number, &length)| format!("{number} {}", "x".repeat(length)))
            .collect();
        let frames: Vec<Frame> = said.iter().cloned().map(Frame::of).collect();
        let room = tokio::spawn(async move {
            for frame in frames {
                while queue.shared.waiting.load(Ordering::Acquire) > FRAMES_WAITING_MAX / 2 {
                    tokio::task::yield_now().await;
                }
                assert!(queue.push(&frame));
                tokio::task::yield_now().await;
            }
        });
        let (mut received, mut heard) = (Vec::new(), Vec::new());
        let mut reads = reads.iter().cycle();
        while heard.len() < said.len() {
            let mut some = vec![0; *reads.next().unwrap()];
            let count = near.read(&mut some).await.unwrap();
            assert_ne!(count, 0, "the connection ended early");
            received.extend(&some[..count]);
            while let Some((text, length)) = read(&received) {
                if text != b"pong" {
                    heard.push(String::from_utf8(text.to_vec()).unwrap());
                }
                received.drain(..length);
            }
        }
        assert_eq!(heard, said);
        room.await.unwrap();
        owner.await.unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(8))]
        #[test]
        fn frames_arrive_whole_and_in_order_whatever_the_socket_takes(
            lengths in prop::collection::vec(0_usize..3_000, 1..80),
            reads in prop::collection::vec(1_usize..5_000, 1..20),
        ) {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            runtime.block_on(async {
                timeout(Duration::from_secs(45), all_arrive(&lengths, &reads)).await.expect("all frames in time");
            });
        }
    }

    #[tokio::test]
    async fn a_socket_with_room_is_written_to_by_the_room_and_a_full_one_by_its_task() {
        let (socket, mut near) = pair().await;
        let (queue, frames) = queue(Some(Arc::clone(socket.wire())));
        let line = Frame::of("hello".to_owned());
        assert!(queue.push(&line));
        assert_eq!(queue.shared.waiting.load(Ordering::Acquire), 1, "before the task has opened the wire");
        let owner = tokio::spawn(own(socket, frames));
        let mut first = vec![0; 7 + 6];
        near.read_exact(&mut first).await.unwrap();
        while queue.shared.waiting.load(Ordering::Acquire) > 0 {
            tokio::task::yield_now().await;
        }
        for _ in 0..100 {
            assert!(queue.push(&line));
            near.read_exact(&mut first[..7]).await.unwrap();
            assert_eq!(&first[..7], &line.framed[..]);
        }
        assert_eq!(queue.shared.waiting.load(Ordering::Acquire), 0, "nothing went through the task");
        drop(queue);
        assert_eq!(owner.await.unwrap(), 1);
    }

    #[tokio::test]
    async fn nothing_is_written_beside_a_task_that_closes() {
        let (socket, _near) = pair().await;
        let (queue, frames) = queue(Some(Arc::clone(socket.wire())));
        frames.done(0);
        frames.close();
        assert_eq!(queue.write(&Frame::of("late".to_owned())), Beside::Refused);
    }
}

//! Many who read a chat over WebSocket, and some who write: how late each line comes, and what is lost.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};

use super::http::split;
use super::waiters::percentiles;

/// What is measured.
#[derive(Debug)]
pub(super) struct Plan {
    /// Where it is read: a WebSocket as `http://HOST:PORT/PATH`.
    pub(super) url: String,
    /// Where lines are posted, when not over the WebSocket.
    pub(super) post: Option<String>,
    /// Who reads.
    pub(super) sockets: usize,
    /// Lines a second.
    pub(super) rate: usize,
    /// For how long lines are written.
    pub(super) length: Duration,
    /// The server's process, for its memory and CPU time.
    pub(super) pid: u32,
}

/// What the readers saw.
#[derive(Debug, Default)]
struct Seen {
    delivered: AtomicU64,
    failed: AtomicUsize,
    delays_us: Mutex<Vec<u64>>,
    /// What a writer was told instead of having its line taken.
    refused: Mutex<Option<String>>,
}

/// Joins, writes, and waits until every reader has every line, or nothing more comes.
pub(super) async fn chat(plan: Plan) -> Result<Value> {
    let before = resident_kib(plan.pid)?;
    let begun = Instant::now();
    let seen = Arc::new(Seen::default());
    let mut readers = JoinSet::new();
    for number in 0..plan.sockets {
        // One after the other: a door that all come through at once says little about those who are in.
        let socket = Socket::open(&plan.url, number).await?;
        readers.spawn(read(socket, begun, Arc::clone(&seen)));
    }
    let writers = Writers::open(&plan).await?;
    sleep(CALM).await;
    let joined = resident_kib(plan.pid)?;
    let cpu = ticks(plan.pid)?;
    let (written, open) = writers.write(&plan, begun, &seen).await?;
    let wanted = written * plan.sockets as u64;
    let complete = async {
        while seen.delivered.load(Ordering::Relaxed) < wanted {
            sleep(LOOK).await;
        }
    };
    let complete = timeout(PATIENCE, complete).await.is_ok();
    drop(open);
    let used = ticks(plan.pid)? - cpu;
    readers.shutdown().await;
    let delivered = seen.delivered.load(Ordering::Relaxed);
    let mut delays_us = seen.delays_us.lock().expect("nothing panics with it");
    Ok(json!({
        "written": written, "delivered": delivered, "lost": wanted.saturating_sub(delivered), "complete": complete,
        "failed": seen.failed.load(Ordering::Relaxed), "refused": *seen.refused.lock().expect("nothing panics with it"),
        "delay_us": percentiles(&mut delays_us), "cpu_ticks": used,
        "bytes_a_socket": joined.saturating_sub(before) * 1024 / plan.sockets.max(1) as u64,
    }))
}

/// Reads lines until the connection ends.
async fn read(mut socket: Socket, begun: Instant, seen: Arc<Seen>) {
    while let Ok(text) = socket.next().await {
        // The moment at which it was written stands in the line, as microseconds.
        let Some(at) = find(text, b"\"text\":\"t") else { continue };
        let digits = text[at..].iter().take_while(|byte| byte.is_ascii_digit());
        let written_us = digits.fold(0_u64, |number, digit| number * 10 + u64::from(digit - b'0'));
        let now_us = begun.elapsed().as_micros() as u64;
        seen.delays_us.lock().expect("nothing panics with it").push(now_us.saturating_sub(written_us));
        seen.delivered.fetch_add(1, Ordering::Relaxed);
    }
    seen.failed.fetch_add(1, Ordering::Relaxed);
}

/// Connections of those who have written, and what reads from them.
type Written = (Vec<OwnedWriteHalf>, JoinSet<()>);

/// Who writes: as many people as it takes for none to be slowed, or one that posts.
enum Writers {
    Members(Vec<Socket>),
    Poster(TcpStream, String),
}

impl Writers {
    async fn open(plan: &Plan) -> Result<Writers> {
        if let Some(post) = &plan.post {
            let (host, path) = split(post)?;
            let stream = TcpStream::connect(host).await?;
            stream.set_nodelay(true)?;
            return Ok(Writers::Poster(stream, format!("POST {path} HTTP/1.1\r\nHost: {host}\r\n")));
        }
        let mut members = Vec::new();
        for number in 0..plan.rate * PEOPLE_A_LINE {
            members.push(Socket::open(&plan.url, plan.sockets + number).await?);
        }
        Ok(Writers::Members(members))
    }

    /// Writes at an even pace; how many lines, and the connections: one that closes with something unread resets, and the
    /// last line may go with it.
    async fn write(self, plan: &Plan, begun: Instant, seen: &Arc<Seen>) -> Result<(u64, Written)> {
        let mut open = Written::default();
        let lines = plan.rate as u64 * plan.length.as_secs();
        let mut pace = interval(Duration::from_secs(1) / u32::try_from(plan.rate.max(1))?);
        // Not at once after a stall: nobody may write faster than a line a second, and what is refused would be no loss.
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        match self {
            Writers::Poster(mut stream, head) => {
                for line in 0..lines {
                    pace.tick().await;
                    let written_us = begun.elapsed().as_micros();
                    // As long as the origin's frame.
                    let body = format!(
                        "{{\"type\":\"message\",\"seq\":{line},\"id\":\"c{line}\",\"from\":{{\"id\":\"g0123456789abcdef\",\
                         \"name\":\"Guest 0123\",\"roles\":[\"guest\"]}},\"text\":\"t{written_us} {TEXT}\",\"at\":1772359200000}}"
                    );
                    let request = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
                    stream.write_all(request.as_bytes()).await?;
                    let mut answer = [0; 2048];
                    ensure!(stream.read(&mut answer).await? > 0, "the connection for posting closed");
                }
            }
            Writers::Members(members) => {
                let (mut writing, mut reading) = (Vec::new(), JoinSet::new());
                for member in members {
                    let (mut receive, send) = member.stream.into_split();
                    writing.push(send);
                    let seen = Arc::clone(seen);
                    reading.spawn(async move {
                        let mut read = vec![0; 64 << 10];
                        while let Ok(length @ 1..) = receive.read(&mut read).await {
                            if let Some(at) = find(&read[..length], b"\"type\":\"error\"") {
                                let told = String::from_utf8_lossy(&read[at..length]).into_owned();
                                *seen.refused.lock().expect("nothing panics with it") = Some(told);
                            }
                        }
                    });
                }
                for line in 0..lines {
                    pace.tick().await;
                    let written_us = begun.elapsed().as_micros();
                    let frame =
                        format!("{{\"type\":\"send\",\"id\":\"c{line}\",\"text\":\"t{written_us} {TEXT}\"}}");
                    let writer = line as usize % writing.len();
                    writing[writer].write_all(&masked(frame.as_bytes())?).await?;
                }
                open = (writing, reading);
            }
        }
        Ok((lines, open))
    }
}

/// One WebSocket, as far as a load generator needs it.
struct Socket {
    stream: TcpStream,
    received: Vec<u8>,
    /// Of `received`, what was given out.
    taken: usize,
}

impl Socket {
    /// Connects as another guest for each number.
    async fn open(url: &str, number: usize) -> Result<Socket> {
        let (host, path) = split(url)?;
        let mut stream =
            TcpStream::connect(host).await.with_context(|| format!("cannot connect to {host}"))?;
        stream.set_nodelay(true)?;
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nCookie: rostrum_guest={number:032x}\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut received = Vec::with_capacity(4096);
        loop {
            ensure!(stream.read_buf(&mut received).await? > 0, "no answer to the upgrade");
            if let Some(end) = find(&received, b"\r\n\r\n") {
                ensure!(received.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&received));
                return Ok(Socket { stream, received, taken: end });
            }
        }
    }

    /// The payload of the next frame, whatever it is. Pings are answered: who is silent for a minute is closed, and ten
    /// thousand take longer to join.
    async fn next(&mut self) -> Result<&[u8]> {
        loop {
            if let Some((head, length)) = header(&self.received[self.taken..])
                && self.received.len() - self.taken >= head + length
            {
                let from = self.taken + head;
                self.taken = from + length;
                if self.received[from - head] & 0x0f == PING {
                    self.stream.write_all(&EMPTY_PONG).await?;
                    continue;
                }
                return Ok(&self.received[from..from + length]);
            }
            self.received.drain(..self.taken);
            self.taken = 0;
            if self.stream.read_buf(&mut self.received).await? == 0 {
                bail!("the connection closed");
            }
        }
    }
}

/// Lengths of a server's frame header and payload (RFC 6455 §5.2), once the header is whole.
fn header(bytes: &[u8]) -> Option<(usize, usize)> {
    match *bytes.get(1)? & 0x7f {
        126 => Some((4, usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?)))),
        127 => Some((10, usize::try_from(u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?)).ok()?)),
        short => Some((2, usize::from(short))),
    }
}

/// A client's text frame; masked with zeros, which leave it as it is.
fn masked(text: &[u8]) -> Result<Vec<u8>> {
    let mut frame = vec![0x81, 0x80 | 126];
    frame.extend(u16::try_from(text.len()).context("a line is short")?.to_be_bytes());
    frame.extend([0; 4]);
    frame.extend(text);
    Ok(frame)
}

/// Where `wanted` ends in `bytes` for the first time.
fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted).map(|at| at + wanted.len())
}

fn resident_kib(pid: u32) -> Result<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).context("the server is gone")?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    Ok(line.trim().trim_end_matches("kB").trim().parse()?)
}

/// CPU time of all threads so far, in the kernel's ticks.
fn ticks(pid: u32) -> Result<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).context("the server is gone")?;
    let (_, fields) = text.rsplit_once(')').context("a line as Linux writes it")?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    // The name may hold spaces; utime and stime are the 12th and 13th field behind it.
    Ok(fields.get(11).context("utime")?.parse::<u64>()? + fields.get(12).context("stime")?.parse::<u64>()?)
}

/// The opcode of a ping (RFC 6455 §5.5.2); the origin's are empty.
const PING: u8 = 9;
const EMPTY_PONG: [u8; 6] = [0x8a, 0x80, 0, 0, 0, 0];
/// A line as people write them.
const TEXT: &str = "that was a good move, I would not have seen it";
/// Somebody may write one line a second: with two for each, none is slowed.
const PEOPLE_A_LINE: usize = 2;
/// After the last has joined, for what joining sets off.
const CALM: Duration = Duration::from_secs(3);
/// For the last lines to arrive.
const PATIENCE: Duration = Duration::from_secs(15);
const LOOK: Duration = Duration::from_millis(20);

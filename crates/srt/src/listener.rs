//! The end that is called.

use std::collections::HashMap;
use std::fmt;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard};
use std::time::Duration;

use crate::connection::Connection;
use crate::error::Error;
use crate::ffi::{self, Flag, Raw};
use crate::passphrase::Passphrase;
use crate::reason::Reason;
use crate::socket::Socket;

/// A caller that waits for an answer.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// What it says about itself and what it wants; empty when it says nothing. Whatever bytes it sent that
    /// are no text have been replaced.
    pub stream_id: &'a str,
    /// Where it calls from; that it hears what is sent there has been checked.
    pub peer: SocketAddr,
    /// The handshake's version, 5 since libsrt 1.3.
    pub handshake: i32,
}

/// The answer to a caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It comes in without encryption; one that encrypts is refused.
    Admit,
    /// It comes in when it knows the passphrase, with whatever length of key it uses.
    AdmitWith(Passphrase),
    /// It is told why it does not.
    Refuse(Reason),
}

/// How to listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListenerOptions {
    /// The least latency; a caller may ask for more.
    pub latency: Duration,
    /// How long a peer may give no sign of life before its connection is closed as if it had said goodbye;
    /// libsrt does not tell the two apart. Whoever has to waits for less time by itself, and then
    /// [`Error::Closed`] is a goodbye.
    pub silence: Duration,
}

impl Default for ListenerOptions {
    /// libsrt's own latency of 120 ms and silence of 5 s.
    fn default() -> ListenerOptions {
        ListenerOptions { latency: Duration::from_millis(120), silence: Duration::from_secs(5) }
    }
}

/// Takes callers on one UDP port.
#[derive(Debug)]
pub struct Listener {
    // Closed before the question is forgotten, which is asked no more then.
    socket: Socket,
    _question: Question,
    address: SocketAddr,
}

type Ask = dyn Fn(Request<'_>) -> Admission + Send + Sync;

/// A listener's way to answer, known to libsrt by number, so that it can never follow a pointer to one that
/// is gone.
struct Question(usize);

impl Listener {
    /// Listens on `address`; port 0 takes a free one. `answer` is asked about every caller before it is
    /// accepted.
    ///
    /// It is asked on the thread that receives for the port, where everybody waits for it: it must not block.
    /// If it panics, the caller is refused.
    ///
    /// # Errors
    /// [`Error::AddressInUse`], [`Error::Bind`].
    pub fn bind(
        address: SocketAddr,
        options: ListenerOptions,
        answer: impl Fn(Request<'_>) -> Admission + Send + Sync + 'static,
    ) -> Result<Listener, Error> {
        let socket = Socket::new()?;
        let bind = Error::bind(address);
        socket.set_latency(Flag::ReceiveLatency, options.latency)?;
        let silence_ms = i32::try_from(options.silence.as_millis()).unwrap_or(i32::MAX);
        ffi::set_number(socket.raw, Flag::PeerIdleTimeout, silence_ms)
            .map_err(Error::library("the time of silence"))?;
        let bell = socket.library().bell();
        let question = Question::new(move |request: Request<'_>| {
            bell.ring();
            answer(request)
        });
        ffi::ask_before_accepting(socket.raw, question.0).map_err(&bind)?;
        let (port, ours) = open_port(address)?;
        ffi::bind(socket.raw, port).map_err(&bind)?;
        ffi::listen(socket.raw, BACKLOG).map_err(&bind)?;
        let address = socket.local_address()?;
        socket.rest_with(ours);
        Ok(Listener { socket, _question: question, address })
    }

    /// Where it listens.
    #[must_use]
    pub fn local_address(&self) -> SocketAddr {
        self.address
    }

    /// The next caller that was admitted. May be dropped while it waits.
    ///
    /// # Errors
    /// When the listener itself fails.
    pub async fn accept(&self) -> Result<Connection, Error> {
        loop {
            match ffi::accept(self.socket.raw) {
                Ok((raw, peer)) => {
                    let socket = Socket::adopt(raw, self.socket.library())?;
                    let Some(peer) = peer else { continue };
                    return Ok(Connection { socket, peer });
                }
                Err(code) if code.srt == ffi::AGAIN_RECEIVE => {
                    let readable = self.socket.readiness.readable.notified();
                    let _ = tokio::time::timeout(LOOK_AGAIN, readable).await;
                }
                Err(code) => return Err(Error::library("accepting")(code)),
            }
        }
    }
}

/// A UDP socket for libsrt to work on, and another handle of the same to set its pace.
fn open_port(address: SocketAddr) -> Result<(UdpSocket, UdpSocket), Error> {
    let open = || {
        let port = UdpSocket::bind(address)?;
        let ours = port.try_clone()?;
        Ok((port, ours))
    };
    open().map_err(|error: std::io::Error| match error.kind() {
        std::io::ErrorKind::AddrInUse => Error::AddressInUse(address),
        _ => Error::Bind { address, words: error.to_string() },
    })
}

impl Question {
    fn new(answer: impl Fn(Request<'_>) -> Admission + Send + Sync + 'static) -> Question {
        static NEXT: AtomicUsize = AtomicUsize::new(1);
        let token = NEXT.fetch_add(1, Ordering::Relaxed);
        questions().insert(token, Arc::new(answer));
        Question(token)
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        questions().remove(&self.0);
    }
}

impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Question({})", self.0)
    }
}

/// Answers libsrt about the caller behind `socket`; `None` refuses it.
pub(crate) fn on_request(
    token: usize,
    socket: Raw,
    peer: SocketAddr,
    handshake: i32,
    stream_id: &str,
) -> Option<()> {
    let answer = questions().get(&token).cloned();
    let refuse = |reason: Reason| {
        ffi::set_reject_reason(socket, reason.code());
        None
    };
    let Some(answer) = answer else { return refuse(Reason::DOWN) };
    // Until the answer is there, so that a panic has a reason too.
    ffi::set_reject_reason(socket, Reason::INTERNAL.code());
    match answer(Request { stream_id, peer, handshake }) {
        Admission::Admit => Some(()),
        Admission::AdmitWith(passphrase) => {
            match ffi::set_text(socket, Flag::Passphrase, passphrase.secret()) {
                Ok(()) => Some(()),
                Err(_) => refuse(Reason::INTERNAL),
            }
        }
        Admission::Refuse(reason) => refuse(reason),
    }
}

fn questions() -> MutexGuard<'static, HashMap<usize, Arc<Ask>>> {
    static QUESTIONS: LazyLock<Mutex<HashMap<usize, Arc<Ask>>>> = LazyLock::new(Mutex::default);
    QUESTIONS.lock().expect("nothing panics while it holds the questions")
}

/// Admitted callers that were not yet accepted. Whoever is not admitted takes no place, so this many at once
/// come only when a server with as many publishers starts again.
const BACKLOG: i32 = 512;
/// A wake-up that was lost delays a caller by at most this.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

//! One SRT connection as a publisher: MPEG-TS in messages of seven packets.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use container::mpegts::Muxer;
use media::MediaEvent;
use srt::{Call, Reason};

use crate::srt_path::Path;
use crate::target::Srt;
use crate::tcp::look_up;
use crate::{Cause, CauseKind};

/// A connection that the listener has accepted.
pub(crate) struct Connection {
    inner: srt::Connection,
    muxer: Muxer,
    /// Transport packets on their way to libsrt.
    out: BytesMut,
    /// What the other end says, which nobody reads; reading tells when it is gone.
    incoming: BytesMut,
    path: Path,
}

impl Connection {
    /// Looks the name up and calls. The caller limits the time.
    pub(crate) async fn call(target: &Srt) -> Result<Connection, Cause> {
        let mut failure = CauseKind::NameUnknown.said(&target.host);
        for address in look_up(&target.host, target.port).await? {
            match srt::connect(call(target, address)).await {
                Ok(inner) => {
                    let (out, incoming) = (BytesMut::new(), BytesMut::new());
                    let path = Path::default();
                    return Ok(Connection { inner, muxer: Muxer::new(), out, incoming, path });
                }
                Err(error) => failure = refusal(error, target.port),
            }
            // Another address is tried when nobody answers at this one, not when somebody says no.
            if !matches!(failure.kind, CauseKind::Network | CauseKind::NoSrt) {
                break;
            }
        }
        Err(failure)
    }

    /// Queues one event for sending.
    pub(crate) fn queue(&mut self, event: &MediaEvent) -> Result<(), Cause> {
        let pushed = self.muxer.push(event, &mut self.out);
        pushed.map_err(|error| CauseKind::Unsupported.said(&format_args!("SRT: {error}")))
    }

    /// Bytes that wait for libsrt.
    pub(crate) fn pending(&self) -> usize {
        self.out.len()
    }

    /// Sends some of what waits, or waits for a sign of the other end. Returns the bytes sent. May be dropped at any
    /// await.
    ///
    /// While as much is under way as the path takes, nothing more is handed over: what is to be dropped on a weak network
    /// is chosen where whole groups of pictures are known.
    pub(crate) async fn turn(&mut self) -> Result<usize, Cause> {
        let statistics = self.statistics()?;
        let room = self.path.room(&statistics).min(self.out.len());
        if room == 0 {
            let wait = if self.out.is_empty() { IDLE_LOOK } else { HELD_LOOK };
            self.incoming.clear();
            return match tokio::time::timeout(wait, self.inner.read(&mut self.incoming)).await {
                Ok(Err(_)) => Err(CauseKind::Closed.alone()),
                Ok(Ok(_)) | Err(_) => Ok(0),
            };
        }
        let mut sent = 0;
        while sent < room.min(TURN_BYTES) {
            let message = self.out.len().min(MESSAGE_BYTES);
            self.inner.send(&self.out[..message]).await.map_err(|_| CauseKind::Closed.alone())?;
            self.out.advance(message);
            self.path.hand(message);
            sent += message;
        }
        Ok(sent)
    }

    /// Waits until the other end has read everything, for a moment only: a long latency is no reason to hold up the
    /// end of a broadcast.
    pub(crate) async fn goodbye(self) {
        let _ = tokio::time::timeout(GOODBYE_MAX, self.inner.finish()).await;
    }

    /// libsrt's figures.
    pub(crate) fn statistics(&self) -> Result<srt::Statistics, Cause> {
        self.inner.statistics().map_err(|_| CauseKind::Broken.alone())
    }
}

fn call(target: &Srt, to: SocketAddr) -> Call {
    let mut call = Call::new(to, target.stream_id.as_str());
    call.latency = target.latency;
    call.passphrase = target.passphrase.clone();
    call.key_length = target.key_length;
    call
}

/// What a listener's no means.
fn refusal(error: srt::Error, port: u16) -> Cause {
    let srt::Error::Refused(reason) = error else {
        return CauseKind::Network.said(&error);
    };
    match reason {
        Reason::TIMEOUT => CauseKind::NoSrt.said(&port),
        Reason::BAD_SECRET => CauseKind::PassphraseWrong.alone(),
        Reason::UNSECURE => CauseKind::PassphraseUnequal.alone(),
        // A server's own no (1400 to 1499, and from 2000 on what programs define).
        _ if reason != Reason::OVERLOAD
            && ((1_400..1_500).contains(&reason.code()) || reason.code() >= 2_000) =>
        {
            CauseKind::StreamIdRefused.said(&reason)
        }
        // Two ends that cannot talk with each other will not be able to in a second.
        _ if INCOMPATIBLE.contains(&reason.code()) => {
            CauseKind::Unsupported.said(&format_args!("SRT: {reason}"))
        }
        // Everything else may pass: too many connections, a full queue of callers, a listener that closes.
        _ => CauseKind::Unavailable.said(&reason),
    }
}

/// libsrt's reasons that settings cause: versions (8), the message interface (12), congestion control (13) and packet
/// filter (14).
const INCOMPATIBLE: [i32; 4] = [8, 12, 13, 14];

/// Seven transport packets: what everybody sends, and fits a packet of 1 500 bytes.
const MESSAGE_BYTES: usize = 7 * 188;

/// Handed to libsrt in one turn, so that other work gets its own: a large keyframe.
const TURN_BYTES: usize = 256 << 10;

/// How often it is looked whether libsrt has delivered: a frame at 60 fps lasts longer.
const HELD_LOOK: Duration = Duration::from_millis(10);

/// How often it is looked whether the other end is there while nothing is to be sent.
const IDLE_LOOK: Duration = Duration::from_millis(100);

/// Together with the encoders' end it stays below two seconds.
const GOODBYE_MAX: Duration = Duration::from_millis(1_000);

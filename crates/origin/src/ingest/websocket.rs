//! Publishers over WebSocket: binary messages whose bytes, one after the other, are a fragmented MP4 or an FLV
//! file. Socket, demuxer and packager are in one task with no queue between them; a slow packager stops reading,
//! and TCP pushes back.

use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, close_code};
use bytes::{Bytes, BytesMut};
use container::{flv, fmp4};
use media::MediaEvent;
use thiserror::Error;
use tokio::time::timeout;

use super::intake::{Intake, Stop};
use crate::callers::Call;
use crate::facts::{Protocol, WarningKind};
use crate::secret::Digest;
use crate::state::Shared;
use crate::store::RoomRecord;
use crate::streams::{Dismissal, Refusal};

/// Bytes of one message: as one RTMP message may have. What is longer comes in pieces.
pub(crate) const MESSAGE_BYTES_MAX: usize = 8 << 20;

/// Whoever may publish to a room.
#[derive(Debug)]
pub(crate) struct Publisher {
    pub(crate) room: RoomRecord,
    /// `None` of whoever came with a session.
    pub(crate) key: Option<Digest>,
    /// Ends with their session.
    pub(crate) call: Option<Call>,
    pub(crate) peer: Option<SocketAddr>,
}

/// How a publisher's connection ended.
#[derive(Debug, Error)]
enum End {
    #[error("the publisher finished")]
    Finished,
    #[error("the connection closed")]
    Closed,
    #[error("the connection failed: {0}")]
    Io(#[from] axum::Error),
    #[error("a text message, expected binary ones of fragmented MP4 or FLV")]
    Text,
    #[error("signed out, or with other rights")]
    SignedOut,
    #[error("{0}")]
    NotAdmitted(#[from] Refusal),
    #[error("{0}")]
    Stopped(#[from] Stop),
    #[error("{0}")]
    Mp4(#[from] fmp4::ReadError),
    #[error("{0}")]
    FlvFile(#[from] flv::FileError),
    #[error("{0}")]
    Flv(#[from] flv::Error),
    #[error("the media cannot be packaged: {0}")]
    Media(#[from] hls::Error),
}

/// Serves one connection to its end.
pub(crate) async fn serve(mut socket: WebSocket, publisher: Publisher, shared: &Shared) {
    let Publisher { room, key, call, peer } = publisher;
    let end = match Intake::open(shared, &room, key, Protocol::Websocket).await {
        Ok(intake) => {
            tracing::info!(?peer, room = %room.slug, "publisher admitted");
            let end = publish(&mut socket, intake, call.as_ref()).await;
            tracing::info!(?peer, room = %room.slug, %end, "publisher gone");
            end
        }
        Err(refusal) => {
            tracing::info!(?peer, room = %room.slug, end = %refusal, "publisher not admitted");
            refusal.into()
        }
    };
    say_goodbye(&mut socket, &end).await;
}

/// From the admission to the end.
async fn publish(socket: &mut WebSocket, mut intake: Intake, call: Option<&Call>) -> End {
    let mut demuxer = Demuxer::default();
    let mut hung_up = pin!(async {
        match call {
            Some(call) => call.hung_up().await,
            None => std::future::pending().await,
        }
    });
    let end = loop {
        let received = tokio::select! {
            received = receive(socket, &mut intake, &mut demuxer) => received,
            () = &mut hung_up => Err(End::SignedOut),
        };
        match received {
            Ok(()) => {}
            Err(end) => break end,
        }
    };
    if matches!(end, End::Finished) {
        intake.finish();
    }
    end
}

/// Takes one message.
async fn receive(socket: &mut WebSocket, intake: &mut Intake, demuxer: &mut Demuxer) -> Result<(), End> {
    let message = match intake.attend(socket.recv()).await? {
        Some(message) => message?,
        None => return Err(End::Closed),
    };
    match message {
        Message::Binary(bytes) => {
            demuxer.push(&bytes, |event| {
                let is_packet = matches!(event, MediaEvent::Packet(_));
                intake.push(event)?;
                if is_packet {
                    intake.heard();
                }
                Ok(())
            })?;
            intake.set_dropped(demuxer.dropped_pictures());
            demuxer.warnings(|kind, words| intake.warn(kind, words));
            Ok(())
        }
        Message::Text(_) => Err(End::Text),
        // A page that is left says 1001, and may be back at once.
        Message::Close(Some(CloseFrame { code: close_code::NORMAL, .. })) => Err(End::Finished),
        Message::Close(_) => Err(End::Closed),
        Message::Ping(_) | Message::Pong(_) => Ok(()),
    }
}

/// Reads whichever of the two forms comes.
#[derive(Debug)]
enum Demuxer {
    /// Too few bytes to tell.
    Unknown(BytesMut),
    Mp4(Box<fmp4::Demuxer>),
    Flv(flv::FileReader, Box<flv::Demuxer>),
}

impl Default for Demuxer {
    fn default() -> Demuxer {
        Demuxer::Unknown(BytesMut::new())
    }
}

impl Demuxer {
    fn push(&mut self, bytes: &[u8], mut give: impl FnMut(MediaEvent) -> Result<(), End>) -> Result<(), End> {
        match self {
            Demuxer::Unknown(begun) => {
                begun.extend_from_slice(bytes);
                if begun.len() < FLV.len() {
                    return Ok(());
                }
                let begun: Bytes = std::mem::take(begun).freeze();
                *self = if begun.starts_with(FLV) {
                    Demuxer::Flv(flv::FileReader::new(), Box::default())
                } else {
                    Demuxer::Mp4(Box::default())
                };
                self.push(&begun, give)
            }
            Demuxer::Mp4(demuxer) => {
                let pushed = demuxer.push(bytes);
                // What was good before an error is.
                while let Some(event) = demuxer.poll() {
                    give(event)?;
                }
                Ok(pushed?)
            }
            Demuxer::Flv(file, demuxer) => {
                file.push(bytes);
                while let Some(tag) = file.poll()? {
                    demuxer.push(tag.kind, tag.timestamp_ms, tag.body)?;
                    while let Some(event) = demuxer.poll() {
                        give(event)?;
                    }
                }
                Ok(())
            }
        }
    }

    fn dropped_pictures(&self) -> u64 {
        match self {
            Demuxer::Unknown(_) => 0,
            Demuxer::Mp4(demuxer) => demuxer.counters().before_idr,
            Demuxer::Flv(_, demuxer) => demuxer.counters().dropped_video(),
        }
    }

    fn warnings(&self, mut tell: impl FnMut(WarningKind, String)) {
        match self {
            Demuxer::Unknown(_) => {}
            Demuxer::Mp4(demuxer) => {
                let turned = demuxer.turned();
                if turned != 0 {
                    let words = format!(
                        "the stream turns its picture by {turned}°, and viewers see it as it lies: turn it in the encoder"
                    );
                    tell(WarningKind::Turned, words);
                }
                for warning in demuxer.warnings() {
                    tell(WarningKind::Fmp4(std::mem::discriminant(&warning)), warning.to_string());
                }
            }
            Demuxer::Flv(_, demuxer) => {
                for warning in demuxer.warnings() {
                    tell(WarningKind::Flv(std::mem::discriminant(&warning)), warning.to_string());
                }
            }
        }
    }
}

impl End {
    /// The close code; `None` where nobody is there to read it.
    fn code(&self) -> Option<u16> {
        match self {
            End::Finished => Some(close_code::NORMAL),
            End::Closed | End::Io(_) => None,
            End::Text => Some(close_code::UNSUPPORTED),
            End::NotAdmitted(Refusal::TakenOver) | End::Stopped(Stop::Dismissed(Dismissal::TakenOver)) => {
                Some(TAKEN_OVER)
            }
            End::Stopped(Stop::Dismissed(Dismissal::KeyChanged)) => Some(KEY_CHANGED),
            End::Stopped(Stop::Dismissed(Dismissal::Ended)) => Some(ENDED),
            End::NotAdmitted(Refusal::Busy) => Some(close_code::AGAIN),
            End::NotAdmitted(Refusal::Occupied) => Some(OCCUPIED),
            End::NotAdmitted(Refusal::Archived) => Some(ARCHIVED),
            End::Stopped(Stop::Silent) | End::SignedOut => Some(close_code::POLICY),
            End::Stopped(Stop::Shutdown) => Some(close_code::AWAY),
            End::Mp4(_) | End::FlvFile(_) | End::Flv(_) | End::Media(_) => Some(close_code::INVALID),
        }
    }
}

/// Tells the publisher why, and closes.
async fn say_goodbye(socket: &mut WebSocket, end: &End) {
    let Some(code) = end.code() else { return };
    let words = end.to_string();
    let reason = Utf8Bytes::from(&words[..words.floor_char_boundary(REASON_BYTES_MAX)]);
    let _ = timeout(GOODBYE_MAX, async {
        if socket.send(Message::Close(Some(CloseFrame { code, reason }))).await.is_ok() {
            // Closing while bytes wait unread would reset the connection, and the words would be lost.
            while let Some(Ok(_)) = socket.recv().await {}
        }
    })
    .await;
}

/// What an FLV file begins with.
const FLV: &[u8] = b"FLV";

/// Close codes of our own (RFC 6455 §7.4.2), for what no other attempt mends.
const TAKEN_OVER: u16 = 4000;
const KEY_CHANGED: u16 = 4001;
const ENDED: u16 = 4002;
const OCCUPIED: u16 = 4003;
const ARCHIVED: u16 = 4004;

/// A close frame holds 125 bytes, two of them the code (RFC 6455 §5.5).
const REASON_BYTES_MAX: usize = 123;
/// For the publisher to read why it has to go.
const GOODBYE_MAX: Duration = Duration::from_secs(2);

//! The server's side of one RTMP publishing session, without a socket.
//!
//! Bytes go in with [`Session::handle_input`], events come out of [`Session::poll_event`] and answers
//! out of [`Session::take_output`]. The published crates for this side were weighed and left: each lets
//! a few bytes before any stream key panic, spin or exhaust the whole process, or loses the times of
//! messages that leave out their header, which FFmpeg sends for audio.
//!
//! Spec: Adobe RTMP 1.0 §5.2 (handshake), §5.4 (control), §7.2 (commands); Enhanced RTMP v2, "Enhancing
//! NetConnection connect Command".

use bytes::{Buf as _, Bytes, BytesMut};
use container::flv::FourCc;
use thiserror::Error;

use super::amf0::{self, Value};
use super::chunk;

/// One publisher's session.
#[derive(Debug, Default)]
pub(super) struct Session {
    phase: Phase,
    reader: chunk::Reader,
    inbox: BytesMut,
    outbox: Vec<u8>,
    app: Option<String>,
    /// Bytes received, modulo 2³², as acknowledgements count them.
    received: u32,
    acknowledged: u32,
    announced_chunk_size: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    AwaitingC1,
    AwaitingC2,
    /// Commands only.
    Connected,
    /// Media is taken.
    Publishing,
}

/// What a publisher asks for or brings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// It wants to publish; answer with [`Session::accept`] or [`Session::reject`].
    Publish {
        /// The application part of its URL.
        app: String,
        /// What follows it: the stream key.
        name: String,
    },
    /// One FLV tag body.
    Media { kind: Kind, timestamp_ms: u32, body: Bytes },
    /// It says that it has finished.
    Unpublish,
}

/// What a tag body holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Audio,
    Video,
    Script,
}

/// Why a session cannot go on.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(super) enum Error {
    #[error("not RTMP: the first byte is {0:#04x}, expected 0x03")]
    NotRtmp(u8),
    #[error(transparent)]
    Chunk(#[from] chunk::Error),
    #[error(transparent)]
    Command(#[from] amf0::Error),
    #[error("more than {BEFORE_PUBLISH_BYTES_MAX} bytes before a stream key was accepted")]
    TooMuchBeforePublish,
    #[error("media before publish")]
    MediaBeforePublish,
    #[error("publish before connect")]
    PublishBeforeConnect,
    #[error("control message {kind} of {len} bytes, expected 4")]
    Control { kind: u8, len: usize },
    #[error("only publishing is offered here; watch over HTTP")]
    Play,
}

impl Session {
    /// Where what the peer sends is put, with room for it, so that it is not copied on the way; then
    /// [`Session::handle_received`].
    pub(super) fn inbox(&mut self) -> &mut BytesMut {
        if self.inbox.capacity() - self.inbox.len() < READ_BYTES_MIN {
            self.inbox.reserve(READ_BYTES);
        }
        &mut self.inbox
    }

    /// Takes the `count` bytes that were put behind what [`Session::inbox`] held.
    pub(super) fn handle_received(&mut self, count: usize) -> Result<(), Error> {
        self.received = self.received.wrapping_add(count as u32);
        if self.phase != Phase::Publishing && self.received > BEFORE_PUBLISH_BYTES_MAX {
            return Err(Error::TooMuchBeforePublish);
        }
        self.shake_hands()?;
        if self.is_connected() && self.received.wrapping_sub(self.acknowledged) >= ACKNOWLEDGE_BYTES {
            self.acknowledged = self.received;
            self.control(ACKNOWLEDGEMENT, self.received);
        }
        Ok(())
    }

    /// The next event; `None` asks for more bytes.
    pub(super) fn poll_event(&mut self) -> Result<Option<Event>, Error> {
        if !self.is_connected() {
            return Ok(None);
        }
        while let Some(message) = self.reader.read(&mut self.inbox)? {
            if let Some(event) = self.handle_message(message)? {
                return Ok(Some(event));
            }
        }
        Ok(None)
    }

    /// Bytes to send; empty when there is nothing.
    pub(super) fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.outbox)
    }

    /// Whether the handshake is done.
    pub(super) fn is_connected(&self) -> bool {
        matches!(self.phase, Phase::Connected | Phase::Publishing)
    }

    /// Lets the publisher begin.
    pub(super) fn accept(&mut self) {
        self.phase = Phase::Publishing;
        let mut stream_begin = [0_u8; 6];
        stream_begin[5] = MESSAGE_STREAM as u8;
        self.message(CONTROL_CSID, USER_CONTROL, 0, &stream_begin);
        self.status("status", "NetStream.Publish.Start", "publishing");
    }

    /// Says why the publisher may not begin, or not go on; it should be disconnected then.
    pub(super) fn reject(&mut self, code: &str, description: &str) {
        self.status("error", code, description);
    }

    /// Confirms the publisher's own end.
    pub(super) fn finished(&mut self, code: &str) {
        self.status("status", code, "finished");
    }

    fn shake_hands(&mut self) -> Result<(), Error> {
        if self.phase == Phase::AwaitingC1 {
            if let Some(&version) = self.inbox.first()
                && version != VERSION
            {
                return Err(Error::NotRtmp(version));
            }
            if self.inbox.len() > HANDSHAKE_BYTES {
                let c1 = self.inbox.split_to(1 + HANDSHAKE_BYTES);
                // S1 with a version of 0 is the plain handshake, which every client knows; its filling
                // need not be random. S2 repeats C1.
                self.outbox.push(VERSION);
                self.outbox.extend_from_slice(&[0; HANDSHAKE_BYTES]);
                self.outbox.extend_from_slice(&c1[1..]);
                self.phase = Phase::AwaitingC2;
            }
        }
        if self.phase == Phase::AwaitingC2 && self.inbox.len() >= HANDSHAKE_BYTES {
            self.inbox.advance(HANDSHAKE_BYTES);
            self.phase = Phase::Connected;
        }
        Ok(())
    }

    fn handle_message(&mut self, message: chunk::Message) -> Result<Option<Event>, Error> {
        let chunk::Message { timestamp_ms, kind, body, .. } = message;
        let kind = match kind {
            SET_CHUNK_SIZE => {
                self.reader.set_chunk_size(control_value(kind, &body)?)?;
                return Ok(None);
            }
            ABORT => {
                self.reader.abort(control_value(kind, &body)?);
                return Ok(None);
            }
            COMMAND => return self.handle_command(&body),
            // AMF3 commands are AMF0 after one byte that says so.
            COMMAND_AMF3 => return self.handle_command(body.get(1..).unwrap_or_default()),
            AUDIO => Kind::Audio,
            VIDEO => Kind::Video,
            DATA => Kind::Script,
            _ => return Ok(None),
        };
        if self.phase != Phase::Publishing {
            // Metadata may come early and says nothing that is needed.
            return if kind == Kind::Script { Ok(None) } else { Err(Error::MediaBeforePublish) };
        }
        let body = if kind == Kind::Script { without_set_data_frame(body) } else { body };
        Ok(Some(Event::Media { kind, timestamp_ms, body }))
    }

    fn handle_command(&mut self, body: &[u8]) -> Result<Option<Event>, Error> {
        let mut reader = amf0::Reader::new(body);
        let name = reader.string()?;
        let transaction = reader.number()?;
        match name {
            "connect" => {
                let app = reader.object_string("app")?.unwrap_or_default().to_owned();
                self.answer_connect(transaction);
                self.app = Some(app);
            }
            "createStream" => {
                let stream = Value::Number(f64::from(MESSAGE_STREAM));
                let body =
                    amf0::write(&[Value::String("_result"), Value::Number(transaction), Value::Null, stream]);
                self.message(COMMAND_CSID, COMMAND, 0, &body);
            }
            "publish" => {
                reader.skip()?;
                let name = reader.string()?.to_owned();
                let app = self.app.clone().ok_or(Error::PublishBeforeConnect)?;
                return Ok(Some(Event::Publish { app, name }));
            }
            "FCUnpublish" | "deleteStream" | "closeStream" => return Ok(Some(Event::Unpublish)),
            "play" | "play2" => return Err(Error::Play),
            _ => {}
        }
        Ok(None)
    }

    fn answer_connect(&mut self, transaction: f64) {
        self.control(WINDOW_SIZE, ACKNOWLEDGE_BYTES * 2);
        // Peer bandwidth, limit type 2: dynamic.
        let [a, b, c, d] = (ACKNOWLEDGE_BYTES * 2).to_be_bytes();
        self.message(CONTROL_CSID, PEER_BANDWIDTH, 0, &[a, b, c, d, 2]);
        self.control(SET_CHUNK_SIZE, chunk::CHUNK_SIZE as u32);
        self.announced_chunk_size = true;
        let codecs = FourCc::ALL.map(|code| Value::String(code.letters()));
        let of_kind = |audio: bool| -> Vec<(&str, Value<'_>)> {
            let known = FourCc::ALL.into_iter().filter(|code| code.is_audio() == audio);
            known.map(|code| (code.letters(), Value::Number(CAN_FORWARD))).collect()
        };
        let (video, audio) = (of_kind(false), of_kind(true));
        let properties = [
            ("fmsVer", Value::String("FMS/3,0,1,123")),
            ("capabilities", Value::Number(31.0)),
            ("fourCcList", Value::Array(&codecs)),
            ("videoFourCcInfoMap", Value::Object(&video)),
            ("audioFourCcInfoMap", Value::Object(&audio)),
            ("capsEx", Value::Number(TAKES_MODIFIERS + TAKES_NANOSECONDS)),
        ];
        let information = [
            ("level", Value::String("status")),
            ("code", Value::String("NetConnection.Connect.Success")),
            ("description", Value::String("connected")),
            ("objectEncoding", Value::Number(0.0)),
        ];
        let body = amf0::write(&[
            Value::String("_result"),
            Value::Number(transaction),
            Value::Object(&properties),
            Value::Object(&information),
        ]);
        self.message(COMMAND_CSID, COMMAND, 0, &body);
    }

    fn status(&mut self, level: &str, code: &str, description: &str) {
        let information = [
            ("level", Value::String(level)),
            ("code", Value::String(code)),
            ("description", Value::String(description)),
        ];
        let body = amf0::write(&[
            Value::String("onStatus"),
            Value::Number(0.0),
            Value::Null,
            Value::Object(&information),
        ]);
        self.message(COMMAND_CSID, COMMAND, MESSAGE_STREAM, &body);
    }

    fn control(&mut self, kind: u8, value: u32) {
        self.message(CONTROL_CSID, kind, 0, &value.to_be_bytes());
    }

    fn message(&mut self, csid: u8, kind: u8, stream: u32, body: &[u8]) {
        chunk::write(&mut self.outbox, csid, kind, stream, body, self.announced_chunk_size);
    }
}

fn control_value(kind: u8, body: &[u8]) -> Result<u32, Error> {
    let value = body.first_chunk().ok_or(Error::Control { kind, len: body.len() })?;
    Ok(u32::from_be_bytes(*value))
}

/// Encoders wrap metadata in a call that says to keep it; an FLV script tag holds only what follows.
fn without_set_data_frame(body: Bytes) -> Bytes {
    const CALL: &[u8] = b"\x02\x00\x0d@setDataFrame";
    if body.starts_with(CALL) { body.slice(CALL.len()..) } else { body }
}

/// Bytes of one buffer: some packets of video, which share it until the part they go into is written.
const READ_BYTES: usize = 64 << 10;
/// Less room than this is not worth a read.
const READ_BYTES_MIN: usize = 4 << 10;
const VERSION: u8 = 3;
/// C1, C2, S1 and S2 each (§5.2.3).
const HANDSHAKE_BYTES: usize = 1_536;
/// A connect with all its properties takes under 1 kB; nobody without a key may make this server hold more.
const BEFORE_PUBLISH_BYTES_MAX: u32 = 64 << 10;
/// Acknowledged every so many bytes received, half of the announced window, so that no peer waits.
const ACKNOWLEDGE_BYTES: u32 = 1_250_000;
/// The only message stream that `createStream` gives out.
const MESSAGE_STREAM: u32 = 1;
const CONTROL_CSID: u8 = 2;
const COMMAND_CSID: u8 = 3;

/// `FourCcInfoMask` of Enhanced RTMP: streams of this codec are passed on as they are.
const CAN_FORWARD: f64 = 4.0;
/// `CapsExMask` of Enhanced RTMP: `ModEx` extensions are read, the nanoseconds among them are used. Several
/// tracks of a kind and requests to reconnect are not offered.
const TAKES_MODIFIERS: f64 = 4.0;
const TAKES_NANOSECONDS: f64 = 8.0;

const SET_CHUNK_SIZE: u8 = 1;
const ABORT: u8 = 2;
const ACKNOWLEDGEMENT: u8 = 3;
const USER_CONTROL: u8 = 4;
const WINDOW_SIZE: u8 = 5;
const PEER_BANDWIDTH: u8 = 6;
const AUDIO: u8 = 8;
const VIDEO: u8 = 9;
const COMMAND_AMF3: u8 = 17;
const DATA: u8 = 18;
const COMMAND: u8 = 20;

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;

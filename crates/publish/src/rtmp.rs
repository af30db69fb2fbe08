//! One RTMP connection as a publisher. The one file that knows `rml_rtmp`.
//!
//! The library is sans-IO and sound as a client, but not proven against a hostile server, so every call into
//! it is guarded: a panic there ends this connection with an error and nothing else.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::{Buf, BytesMut};
use container::flv;
use media::{Codec, MediaEvent, Packet, Timestamp, Track};
use rml_rtmp::chunk_io::{ChunkDeserializer, ChunkSerializer};
use rml_rtmp::handshake::{Handshake, HandshakeProcessResult, PeerType};
use rml_rtmp::messages::RtmpMessage;
use rml_rtmp::rml_amf0::Amf0Value;
use rml_rtmp::sessions::{
    ClientSession, ClientSessionConfig, ClientSessionEvent, ClientSessionResult, PublishRequestType,
    StreamMetadata,
};
use rml_rtmp::time::RtmpTimestamp;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::target::Rtmp;
use crate::{Cause, CauseKind};

/// A connection on which the server has accepted our stream.
pub(crate) struct Connection<S> {
    stream: S,
    session: Session,
    /// Bytes on their way to the socket.
    out: BytesMut,
    muxer: flv::Muxer,
    /// The time that is 0 for the server.
    base: Option<Timestamp>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Shakes hands, connects to the application and asks to publish. The caller limits the time.
    pub(crate) async fn publish(mut stream: S, target: &Rtmp) -> Result<Connection<S>, Cause> {
        let early = shake_hands(&mut stream).await?;
        let mut session = Session::new(target)?;
        let mut out = BytesMut::new();
        session.connect(&mut out)?;
        session.input(&early, &mut out)?;
        let mut buffer = BytesMut::with_capacity(READ_BYTES);
        while session.stage != Stage::Publishing {
            stream.write_all_buf(&mut out).await?;
            buffer.clear();
            if stream.read_buf(&mut buffer).await? == 0 {
                return Err(session.stage.when_closed().alone());
            }
            session.input(&buffer, &mut out)?;
        }
        Ok(Connection { stream, session, out, muxer: flv::Muxer::new(), base: None })
    }

    /// Queues one event for sending: metadata and sequence headers for `Tracks`, a body for a packet.
    pub(crate) fn queue(&mut self, event: &MediaEvent) -> Result<(), Cause> {
        let tags = match event {
            MediaEvent::Tracks(tracks) => {
                self.session.metadata(tracks, &mut self.out)?;
                self.muxer.push(event)
            }
            MediaEvent::Packet(packet) => match self.rebase(packet) {
                Some(packet) => self.muxer.push(&MediaEvent::Packet(packet)),
                None => return Ok(()),
            },
            MediaEvent::End(_) => return Ok(()),
        };
        for tag in tags.map_err(|error| CauseKind::Unsupported.said(&format_args!("RTMP: {error}")))? {
            self.session.media(tag, &mut self.out)?;
        }
        Ok(())
    }

    /// Bytes that wait for the socket.
    pub(crate) fn pending(&self) -> usize {
        self.out.len()
    }

    /// Does what the socket is ready for: sends what waits, reads what the server says. Returns the number of
    /// bytes sent. May be dropped at any await.
    pub(crate) async fn turn(&mut self) -> Result<usize, Cause> {
        let mut incoming = [0; READ_BYTES];
        let (mut reader, mut writer) = tokio::io::split(&mut self.stream);
        let pending = self.out.has_remaining();
        tokio::select! {
            written = writer.write_buf(&mut self.out), if pending => match written? {
                0 => Err(CauseKind::Closed.alone()),
                written => Ok(written),
            },
            read = reader.read(&mut incoming) => match read? {
                0 => Err(CauseKind::Closed.alone()),
                read => self.session.input(&incoming[..read], &mut self.out).map(|()| 0),
            },
        }
    }

    /// Says goodbye: `FCUnpublish`, `deleteStream`, then waits until the server has read all of it. The caller
    /// limits the time.
    pub(crate) async fn goodbye(mut self) -> Result<(), Cause> {
        self.session.goodbye(&mut self.out)?;
        self.stream.write_all_buf(&mut self.out).await?;
        self.stream.shutdown().await?;
        // Closing a socket with unread bytes resets it, and the peer may lose the end of the stream.
        let mut rest = [0; READ_BYTES];
        while self.stream.read(&mut rest).await? > 0 {}
        Ok(())
    }

    /// The packet on a timeline that begins at 0 with this connection; `None` for sound from before.
    fn rebase(&mut self, packet: &Packet) -> Option<Packet> {
        let base = *self.base.get_or_insert(packet.dts);
        (packet.dts >= base).then(|| {
            let shift = base - Timestamp::ZERO;
            Packet { dts: packet.dts - shift, pts: packet.pts - shift, ..packet.clone() }
        })
    }
}

/// RTMP's handshake; returns what the server sent behind it.
async fn shake_hands<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S) -> Result<Vec<u8>, Cause> {
    let mut handshake = Handshake::new(PeerType::Client);
    let hello = guarded(|| handshake.generate_outbound_p0_and_p1())?;
    stream.write_all(&hello).await?;
    let mut buffer = BytesMut::with_capacity(READ_BYTES);
    loop {
        buffer.clear();
        if stream.read_buf(&mut buffer).await? == 0 {
            return Err(CauseKind::ClosedEarly.alone());
        }
        match guarded(|| handshake.process_bytes(&buffer))? {
            HandshakeProcessResult::InProgress { response_bytes } => {
                stream.write_all(&response_bytes).await?
            }
            HandshakeProcessResult::Completed { response_bytes, remaining_bytes } => {
                stream.write_all(&response_bytes).await?;
                return Ok(remaining_bytes);
            }
        }
    }
}

/// How far a session has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Connecting,
    Asking,
    Publishing,
}

impl Stage {
    fn when_closed(self) -> CauseKind {
        match self {
            Stage::Connecting => CauseKind::ClosedEarly,
            Stage::Asking => CauseKind::KeyUnanswered,
            Stage::Publishing => CauseKind::Closed,
        }
    }
}

/// The library's session, and what it does not tell.
struct Session {
    inner: ClientSession,
    /// Reads the server's messages a second time: the library keeps the texts of refusals to itself.
    listener: ChunkDeserializer,
    stage: Stage,
    app: String,
    key: String,
    stream_id: u32,
}

impl Session {
    fn new(target: &Rtmp) -> Result<Session, Cause> {
        let mut config = ClientSessionConfig::new();
        config.flash_version = FLASH_VERSION.to_owned();
        config.chunk_size = CHUNK_BYTES;
        config.tc_url = Some(target.tc_url.clone());
        let (inner, _) = guarded(|| ClientSession::new(config))?;
        Ok(Session {
            inner,
            listener: ChunkDeserializer::new(),
            stage: Stage::Connecting,
            app: target.app.clone(),
            key: target.key.clone(),
            stream_id: 1,
        })
    }

    fn connect(&mut self, out: &mut BytesMut) -> Result<(), Cause> {
        let app = self.app.clone();
        let result = guarded(|| self.inner.request_connection(app))?;
        self.take(vec![result], out)
    }

    /// Takes the server's bytes; answers go to `out`.
    fn input(&mut self, bytes: &[u8], out: &mut BytesMut) -> Result<(), Cause> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.listen(bytes)?;
        let results = guarded(|| self.inner.handle_input(bytes))?;
        self.take(results, out)
    }

    fn take(&mut self, results: Vec<ClientSessionResult>, out: &mut BytesMut) -> Result<(), Cause> {
        for result in results {
            match result {
                ClientSessionResult::OutboundResponse(packet) => out.extend_from_slice(&packet.bytes),
                ClientSessionResult::RaisedEvent(event) => self.event(event, out)?,
                ClientSessionResult::UnhandleableMessageReceived(_) => {}
            }
        }
        Ok(())
    }

    fn event(&mut self, event: ClientSessionEvent, out: &mut BytesMut) -> Result<(), Cause> {
        match event {
            ClientSessionEvent::ConnectionRequestAccepted => {
                self.stage = Stage::Asking;
                let key = self.key.clone();
                let result = guarded(|| self.inner.request_publishing(key, PublishRequestType::Live))?;
                self.take(vec![result], out)
            }
            ClientSessionEvent::ConnectionRequestRejected { description } => {
                Err(CauseKind::AppRefused.said(&self.without_key(&description)))
            }
            ClientSessionEvent::PublishRequestAccepted => {
                self.stage = Stage::Publishing;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Looks for the id of our stream and for refusals, which the library reports without their text or as
    /// an error of its own.
    fn listen(&mut self, bytes: &[u8]) -> Result<(), Cause> {
        let mut bytes = bytes;
        loop {
            let Some(message) = guarded(|| self.listener.get_next_message(bytes))? else { return Ok(()) };
            bytes = &[];
            match guarded(|| message.to_rtmp_message())? {
                RtmpMessage::SetChunkSize { size } => {
                    guarded(|| self.listener.set_max_chunk_size(size as usize))?;
                }
                RtmpMessage::Amf0Command { command_name, additional_arguments, .. } => {
                    self.command(&command_name, additional_arguments.into_iter().next())?;
                }
                _ => {}
            }
        }
    }

    fn command(&mut self, name: &str, argument: Option<Amf0Value>) -> Result<(), Cause> {
        match (name, argument) {
            ("_result", Some(Amf0Value::Number(id))) => self.stream_id = id as u32,
            ("_error", argument) if self.stage == Stage::Asking => {
                let (_, text) = status_of(argument);
                return Err(CauseKind::KeyRefused.said(&self.without_key(&text)));
            }
            ("onStatus", Some(argument)) => {
                let (code, text) = status_of(Some(argument));
                if code == SHUTDOWN {
                    return Err(CauseKind::ShutsDown.alone());
                }
                if REFUSALS.contains(&code.as_str()) {
                    return Err(self.refused(code, text));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn refused(&self, code: String, text: String) -> Cause {
        let is_final = code == DISMISSAL;
        let text = if text.is_empty() { code } else { text };
        let kind = match self.stage {
            Stage::Publishing if is_final => CauseKind::Dismissed,
            Stage::Publishing => CauseKind::TakenOff,
            Stage::Connecting | Stage::Asking => CauseKind::KeyRefused,
        };
        kind.said(&self.without_key(&text))
    }

    /// What a server says goes to logs and windows, and some repeat the key in it, with or without what follows its `?`.
    fn without_key(&self, said: &str) -> String {
        let parts = [self.key.as_str()].into_iter().chain(self.key.split('?'));
        parts
            .filter(|part| part.len() >= SECRET_BYTES_MIN)
            .fold(said.to_owned(), |said, part| said.replace(part, "…"))
    }

    fn metadata(&mut self, tracks: &Arc<[Track]>, out: &mut BytesMut) -> Result<(), Cause> {
        let metadata = metadata_of(tracks);
        let result = guarded(|| self.inner.publish_metadata(&metadata))?;
        self.take(vec![result], out)
    }

    fn media(&mut self, tag: flv::Tag, out: &mut BytesMut) -> Result<(), Cause> {
        let time = RtmpTimestamp::new(tag.timestamp_ms);
        let result = match tag.kind {
            flv::TagKind::Video => guarded(|| self.inner.publish_video_data(tag.body, time, false))?,
            flv::TagKind::Audio => guarded(|| self.inner.publish_audio_data(tag.body, time, false))?,
            _ => return Ok(()),
        };
        self.take(vec![result], out)
    }

    /// `FCUnpublish` and `deleteStream`, in uncompressed chunks of their own: the library's session cannot
    /// say the first, and its header compression must not be mixed with ours.
    fn goodbye(&mut self, out: &mut BytesMut) -> Result<(), Cause> {
        let mut serializer = ChunkSerializer::new();
        let key = Amf0Value::Utf8String(self.key.clone());
        let stream_id = Amf0Value::Number(f64::from(self.stream_id));
        for (name, argument) in [("FCUnpublish", key), ("deleteStream", stream_id)] {
            let message = RtmpMessage::Amf0Command {
                command_name: name.to_owned(),
                transaction_id: 0.0,
                command_object: Amf0Value::Null,
                additional_arguments: vec![argument],
            };
            let payload = guarded(|| message.into_message_payload(RtmpTimestamp::new(0), 0))?;
            // The default chunk size of our own serializer would cut a long key where the server does not
            // expect it.
            let _ = guarded(|| serializer.set_max_chunk_size(CHUNK_BYTES, RtmpTimestamp::new(0)))?;
            let packet = guarded(|| serializer.serialize(&payload, true, false))?;
            out.extend_from_slice(&packet.bytes);
        }
        Ok(())
    }
}

/// Calls into the library; its errors and its panics become ours.
fn guarded<T, E: std::fmt::Display>(call: impl FnOnce() -> Result<T, E>) -> Result<T, Cause> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(CauseKind::NotUnderstood.said(&error)),
        Err(_) => Err(CauseKind::NotUnderstood.said("it does not follow RTMP")),
    }
}

/// `code` and `description` of a status object.
fn status_of(value: Option<Amf0Value>) -> (String, String) {
    let Some(Amf0Value::Object(mut properties)) = value else { return (String::new(), String::new()) };
    let mut text = |name: &str| match properties.remove(name) {
        Some(Amf0Value::Utf8String(text)) => text,
        _ => String::new(),
    };
    (text("code"), text("description"))
}

fn metadata_of(tracks: &[Track]) -> StreamMetadata {
    let mut metadata = StreamMetadata::new();
    metadata.encoder = Some(ENCODER.to_owned());
    for track in tracks {
        if let Some(picture) = track.codec.picture() {
            metadata.video_width = Some(picture.size.width);
            metadata.video_height = Some(picture.size.height);
            metadata.video_frame_rate = picture.frame_rate.map(|rate| rate.as_f64() as f32);
        }
        if let Some(sound) = track.codec.sound() {
            metadata.audio_sample_rate = Some(sound.sample_rate);
            metadata.audio_channels = Some(u32::from(sound.channels));
            metadata.audio_is_stereo = Some(sound.channels == 2);
        }
        let code = match &track.codec {
            Codec::H264(_) => Some(7),
            Codec::Aac(_) => Some(10),
            codec => flv::FourCc::of(codec).map(flv::FourCc::number),
        };
        if track.is_video() {
            metadata.video_codec_id = code;
        } else {
            metadata.audio_codec_id = code;
        }
    }
    metadata
}

/// What is shorter is no secret, and may be a word of the server's.
const SECRET_BYTES_MIN: usize = 6;

/// Large enough that a frame is few chunks, small enough for every server: what FFmpeg uses.
const CHUNK_BYTES: u32 = 60_000;

const READ_BYTES: usize = 4_096;

/// What servers expect a publisher to call itself.
const FLASH_VERSION: &str = "FMLE/3.0 (compatible; Rostrum)";

const ENCODER: &str = concat!("Rostrum ", env!("CARGO_PKG_VERSION"));

/// Codes of `onStatus` after which the same key will be refused again.
const REFUSALS: [&str; 5] = [
    "NetStream.Publish.BadName",
    "NetStream.Publish.Denied",
    "NetStream.Publish.Rejected",
    "NetStream.Publish.Failed",
    "NetConnection.Connect.Rejected",
];

/// The code of `onStatus` by which a server ends a broadcast that it took.
const DISMISSAL: &str = "NetStream.Publish.Rejected";

/// The code of `onStatus` by which a server says that it stops; it may be there again soon.
const SHUTDOWN: &str = "NetConnection.Connect.AppShutdown";

//! A publisher that costs next to nothing: the tags of an FLV file over RTMP.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use container::flv::{Tag, TagKind};
use rml_rtmp::handshake::{Handshake, HandshakeProcessResult, PeerType};
use rml_rtmp::sessions::{
    ClientSession, ClientSessionConfig, ClientSessionEvent, ClientSessionResult, PublishRequestType,
};
use rml_rtmp::time::RtmpTimestamp;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Duration, Instant, sleep_until};

use crate::read_flv;

/// The tags of a file, sequence headers first.
#[derive(Clone, Debug)]
pub(super) struct Clip {
    tags: Vec<Tag>,
    length_ms: u32,
}

impl Clip {
    /// Reads an FLV file.
    pub(super) fn read(file: &Path) -> Result<Clip> {
        let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        let mut tags = read_flv(&Bytes::from(bytes));
        tags.retain(|tag| tag.kind != TagKind::Script);
        let last = tags.iter().map(|tag| tag.timestamp_ms).max().context("an FLV file without media")?;
        Ok(Clip { tags, length_ms: last + FRAME_MS })
    }
}

/// A session that publishes.
pub(super) struct Publisher {
    stream: TcpStream,
    session: ClientSession,
}

impl Publisher {
    /// Connects and publishes to `rtmp://HOST:PORT/APP/KEY`.
    pub(super) async fn connect(url: &str) -> Result<Publisher> {
        let rest = url.strip_prefix("rtmp://").with_context(|| format!("{url} is not RTMP"))?;
        let (host, path) = rest.split_once('/').context("no application in the address")?;
        let (app, key) = path.split_once('/').context("no stream key in the address")?;
        let mut stream = TcpStream::connect(host).await.with_context(|| format!("cannot reach {host}"))?;
        stream.set_nodelay(true)?;
        let early = shake_hands(&mut stream).await?;
        let mut config = ClientSessionConfig::new();
        config.chunk_size = CHUNK_BYTES;
        let (session, results) = ClientSession::new(config)?;
        let mut publisher = Publisher { stream, session };
        publisher.act(results).await?;
        let asked = publisher.session.request_connection(app.to_owned())?;
        publisher.act(vec![asked]).await?;
        let mut input = early;
        let mut connected = false;
        loop {
            let results = publisher.session.handle_input(&input)?;
            for event in publisher.act(results).await? {
                match event {
                    ClientSessionEvent::ConnectionRequestAccepted if !connected => {
                        connected = true;
                        let kind = PublishRequestType::Live;
                        let asked = publisher.session.request_publishing(key.to_owned(), kind)?;
                        publisher.act(vec![asked]).await?;
                    }
                    ClientSessionEvent::PublishRequestAccepted => return Ok(publisher),
                    ClientSessionEvent::ConnectionRequestRejected { description } => bail!(description),
                    _ => {}
                }
            }
            input = vec![0; READ_BYTES];
            let read = publisher.stream.read(&mut input).await?;
            if read == 0 {
                bail!("the server closed the connection");
            }
            input.truncate(read);
        }
    }

    /// Sends the clip in real time, again and again, and tells when each tag was handed to the network.
    pub(super) async fn pace(&mut self, clip: &Clip, mut sent: impl FnMut(Instant)) -> Result<()> {
        let begun = Instant::now();
        for round in 0_u32.. {
            for tag in &clip.tags {
                let at_ms = tag.timestamp_ms + round * clip.length_ms;
                sleep_until(begun + Duration::from_millis(u64::from(at_ms))).await;
                self.send(tag, at_ms).await?;
                sent(Instant::now());
            }
        }
        Ok(())
    }

    async fn send(&mut self, tag: &Tag, at_ms: u32) -> Result<()> {
        let (body, at) = (tag.body.clone(), RtmpTimestamp::new(at_ms));
        let result = match tag.kind {
            TagKind::Audio => self.session.publish_audio_data(body, at, false)?,
            _ => self.session.publish_video_data(body, at, false)?,
        };
        self.act(vec![result]).await.map(|_| ())
    }

    /// Sends what the session wants sent; what it noticed.
    async fn act(&mut self, results: Vec<ClientSessionResult>) -> Result<Vec<ClientSessionEvent>> {
        let mut events = Vec::new();
        for result in results {
            match result {
                ClientSessionResult::OutboundResponse(packet) => self.stream.write_all(&packet.bytes).await?,
                ClientSessionResult::RaisedEvent(event) => events.push(event),
                ClientSessionResult::UnhandleableMessageReceived(_) => {}
            }
        }
        Ok(events)
    }
}

/// Publishes the clip's first second `count` times.
pub(super) async fn cycle(url: &str, clip: &Clip, count: usize) -> Result<Value> {
    let begun = Instant::now();
    let mut failed = 0;
    for _ in 0..count {
        let mut publisher = Publisher::connect(url).await?;
        for tag in clip.tags.iter().filter(|tag| tag.timestamp_ms < 1_000) {
            if publisher.send(tag, tag.timestamp_ms).await.is_err() {
                failed += 1;
                break;
            }
        }
    }
    Ok(json!({"cycles": count, "failed": failed, "seconds": begun.elapsed().as_secs_f64()}))
}

async fn shake_hands(stream: &mut TcpStream) -> Result<Vec<u8>> {
    let mut handshake = Handshake::new(PeerType::Client);
    let hello = handshake.generate_outbound_p0_and_p1().context("RTMP handshake")?;
    stream.write_all(&hello).await?;
    let mut input = vec![0; READ_BYTES];
    loop {
        let read = stream.read(&mut input).await?;
        if read == 0 {
            bail!("the server closed the connection in the handshake");
        }
        match handshake.process_bytes(&input[..read]).context("RTMP handshake")? {
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

/// Between the last tag of one round and the first of the next.
const FRAME_MS: u32 = 33;

/// Bytes of a chunk: whole messages, so that a frame is one write.
const CHUNK_BYTES: u32 = 1 << 20;

/// Bytes of one read: the server says little.
const READ_BYTES: usize = 8 << 10;

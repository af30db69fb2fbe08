//! One publisher: socket, session, demuxer and packager in one task, with no queue between them. A slow
//! packager stops reading, and TCP pushes back.

use std::net::SocketAddr;
use std::time::Duration;

use container::flv::{Demuxer, TagKind};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use super::intake::{FIRST_MEDIA_MAX, Intake, Stop};
use super::session::{self, Event, Kind, Session};
use super::wrong_keys::Locked;
use crate::facts::{Protocol, WarningKind};
use crate::secret::Digest;
use crate::state::Shared;
use crate::store::RoomRecord;
use crate::streams::Refusal;

/// How a publisher's session ended.
#[derive(Debug, Error)]
enum End {
    #[error("the publisher finished")]
    Finished,
    #[error("the connection closed")]
    Closed,
    #[error("the connection failed: {0}")]
    Io(#[from] std::io::Error),
    #[error("{0}")]
    Protocol(#[from] session::Error),
    #[error("no {0}")]
    Timeout(&'static str),
    #[error("unknown stream key or application")]
    Refused,
    #[error("{0}")]
    Locked(#[from] Locked),
    #[error("{0}")]
    NotAdmitted(#[from] Refusal),
    #[error("{0}")]
    Stopped(#[from] Stop),
    #[error("the media cannot be read: {0}")]
    Media(String),
    #[error("the store failed: {0}")]
    Store(#[from] crate::store::StoreError),
}

/// Serves one connection to its end.
pub(super) async fn serve<S>(io: S, peer: SocketAddr, shared: &Shared, shutdown: &CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut connection = Connection { io, peer, session: Session::default(), hears: true };
    let room = match connection.admit(shared, shutdown).await {
        Ok((room, intake)) => {
            tracing::info!(%peer, room = %room.slug, "publisher admitted");
            let end = connection.publish(intake).await;
            tracing::info!(%peer, room = %room.slug, %end, "publisher gone");
            connection.say_goodbye(&end).await;
            return;
        }
        Err(end) => end,
    };
    // Scanners and wrong keys are everyday; they are told, and noted.
    tracing::info!(%peer, end = %room, "publisher not admitted");
    connection.say_goodbye(&room).await;
}

struct Connection<S> {
    io: S,
    peer: SocketAddr,
    session: Session,
    /// Somebody reads what is sent.
    hears: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// From the first byte to a known stream key.
    async fn admit(
        &mut self,
        shared: &Shared,
        shutdown: &CancellationToken,
    ) -> Result<(RoomRecord, Intake), End> {
        let begun = Instant::now();
        loop {
            match self.session.poll_event()? {
                Some(Event::Publish { app, name }) => return self.look_up(shared, &app, &name).await,
                Some(Event::Unpublish | Event::Media { .. }) => {}
                None => {
                    self.flush().await?;
                    let (deadline, missing) = if self.session.is_connected() {
                        (begun + FIRST_MEDIA_MAX, "stream key in time")
                    } else {
                        (begun + HANDSHAKE_MAX, "RTMP handshake in time")
                    };
                    tokio::select! {
                        () = shutdown.cancelled() => return Err(End::Stopped(Stop::Shutdown)),
                        read = timeout_at(deadline, self.read()) => read.map_err(|_| End::Timeout(missing))??,
                    }
                }
            }
        }
    }

    async fn look_up(&mut self, shared: &Shared, app: &str, name: &str) -> Result<(RoomRecord, Intake), End> {
        let key = stream_key(app, name).ok_or(End::Refused)?;
        let (address, digest) = (self.peer.ip(), Digest::of(key));
        shared.wrong_keys.check(address)?;
        let Some(room) = shared.store.room_of_key(digest).await? else {
            shared.wrong_keys.note(address, digest);
            return Err(End::Refused);
        };
        let intake = Intake::open(shared, &room, digest, Protocol::Rtmp).await?;
        self.session.accept();
        self.flush().await?;
        Ok((room, intake))
    }

    /// From the admission to the end.
    async fn publish(&mut self, mut intake: Intake) -> End {
        let mut demuxer = Demuxer::new();
        let end = loop {
            if let Err(end) = self.take_media(&mut intake, &mut demuxer) {
                break end;
            }
            let more = async {
                self.flush().await?;
                self.read().await
            };
            match intake.attend(more).await {
                Ok(Ok(())) => {}
                Ok(Err(end)) => break end,
                Err(stop) => break End::Stopped(stop),
            }
        };
        if matches!(end, End::Finished) {
            intake.finish();
        }
        end
    }

    /// Packages what has arrived.
    fn take_media(&mut self, intake: &mut Intake, demuxer: &mut Demuxer) -> Result<(), End> {
        let mut any = false;
        while let Some(event) = self.session.poll_event()? {
            let (kind, timestamp_ms, body) = match event {
                Event::Media { kind, timestamp_ms, body } => (kind, timestamp_ms, body),
                Event::Unpublish => return Err(End::Finished),
                // The session has its stream; asking for another one changes nothing.
                Event::Publish { .. } => continue,
            };
            any |= kind != Kind::Script;
            let kind = match kind {
                Kind::Audio => TagKind::Audio,
                Kind::Video => TagKind::Video,
                Kind::Script => TagKind::Script,
            };
            demuxer.push(kind, timestamp_ms, body).map_err(|error| End::Media(error.to_string()))?;
            while let Some(event) = demuxer.poll() {
                if let Err(error) = intake.push(event) {
                    return Err(End::Media(error.to_string()));
                }
            }
        }
        if any {
            intake.heard();
            intake.set_dropped(demuxer.counters().dropped_video());
            for warning in demuxer.warnings() {
                intake.warn(WarningKind::Flv(std::mem::discriminant(&warning)), warning.to_string());
            }
        }
        Ok(())
    }

    async fn read(&mut self) -> Result<(), End> {
        match self.io.read_buf(self.session.inbox()).await {
            Err(error) => Err(End::Io(error)),
            Ok(0) => Err(End::Closed),
            Ok(count) => Ok(self.session.handle_received(count)?),
        }
    }

    /// Sends what there is to say. A publisher that is gone leaves its last media behind, which is used to its end: that
    /// an acknowledgement finds nobody is no reason to stop reading.
    async fn flush(&mut self) -> Result<(), End> {
        let output = self.session.take_output();
        if output.is_empty() || !self.hears {
            return Ok(());
        }
        let written = timeout(WRITE_MAX, self.io.write_all(&output)).await;
        self.hears = written.map_err(|_| End::Timeout("answer taken in time"))?.is_ok();
        Ok(())
    }

    /// Tells the publisher why, where the protocol has words for it, and closes.
    async fn say_goodbye(&mut self, end: &End) {
        let code = match end {
            End::Finished => Some("NetStream.Unpublish.Success"),
            End::Refused | End::Locked(_) | End::NotAdmitted(_) => Some("NetStream.Publish.BadName"),
            End::Stopped(Stop::Dismissed(_)) => Some("NetStream.Publish.Rejected"),
            End::Stopped(Stop::Shutdown) => Some("NetConnection.Connect.AppShutdown"),
            End::Stopped(Stop::Silent) | End::Media(_) | End::Store(_) | End::Timeout(_) => {
                Some("NetStream.Publish.Failed")
            }
            End::Protocol(_) | End::Closed | End::Io(_) => None,
        };
        let Some(code) = code.filter(|_| self.session.is_connected()) else { return };
        if matches!(end, End::Finished) {
            self.session.finished(code);
        } else {
            self.session.reject(code, &end.to_string());
        }
        if self.flush().await.is_err() || !self.hears || self.io.shutdown().await.is_err() {
            return;
        }
        // Closing while bytes wait unread would reset the connection, and the words would be lost.
        let mut nowhere = tokio::io::sink();
        let _ = timeout(GOODBYE_MAX, tokio::io::copy(&mut self.io, &mut nowhere)).await;
    }
}

/// The key in what a publisher asked for: the stream's name, or what follows `live/` where a client put
/// all of it into the application. A query behind it is of the client's own.
fn stream_key<'a>(app: &'a str, name: &'a str) -> Option<&'a str> {
    let without_query = |text: &'a str| text.split('?').next().unwrap_or_default();
    let app = without_query(app).trim_matches('/');
    let name = without_query(name).trim_matches('/');
    let (app, key) = if name.is_empty() { app.split_once('/')? } else { (app, name) };
    (app == APP && !key.is_empty()).then_some(key)
}

/// The application that rooms are published to.
const APP: &str = "live";
/// From the connection to the end of the handshake.
const HANDSHAKE_MAX: Duration = Duration::from_secs(5);
/// For the few bytes of an answer.
const WRITE_MAX: Duration = Duration::from_secs(5);
/// For the publisher to read why it has to go.
const GOODBYE_MAX: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use std::path::PathBuf;

    use container::flv::Muxer;
    use media::Span;
    use testkit::{RtmpPublisher, Source};
    use tokio::io::DuplexStream;

    use super::*;
    use crate::config::Config;
    use crate::state;
    use crate::store::{NewRoom, Store};

    /// What an origin shares, and its folder.
    fn shared() -> (Arc<Shared>, PathBuf) {
        let folder = std::env::temp_dir().join(format!("rostrum-publisher-{}", crate::secret::random()));
        std::fs::create_dir(&folder).unwrap();
        let store = Store::open(&folder.join("rostrum.db")).unwrap();
        let addresses =
            crate::Addresses { http: peer(), rtmp: peer(), srt: peer(), https: None, rtmps: None };
        (Shared::new(Config::default(), store, addresses, Digest::of("t")), folder)
    }

    fn peer() -> SocketAddr {
        "127.0.0.1:1".parse().unwrap()
    }

    /// Starts a publisher's task on one end of a pipe and gives the other end.
    async fn connected(body: impl AsyncFnOnce(DuplexStream)) -> Duration {
        let (shared, folder) = shared();
        let (near, far) = tokio::io::duplex(1 << 16);
        let begun = Instant::now();
        let task = tokio::spawn({
            let shared = Arc::clone(&shared);
            async move { serve(far, peer(), &shared, &shared.shutdown).await }
        });
        body(near).await;
        task.await.unwrap();
        drop(shared);
        std::fs::remove_dir_all(&folder).unwrap();
        begun.elapsed()
    }

    async fn until_closed(mut near: DuplexStream) -> Vec<u8> {
        let mut heard = Vec::new();
        near.read_to_end(&mut heard).await.unwrap();
        heard
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_says_nothing_is_let_go_after_five_seconds() {
        let took = connected(async |near| assert!(until_closed(near).await.is_empty())).await;
        assert_eq!(took.as_secs(), HANDSHAKE_MAX.as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_never_publishes_is_told_and_let_go_after_twenty_seconds() {
        let took = connected(async |mut near| {
            near.write_all(&[3; 1 + 2 * 1_536]).await.unwrap();
            let heard = until_closed(near).await;
            assert!(String::from_utf8_lossy(&heard).contains("no stream key in time"));
        })
        .await;
        assert_eq!(took.as_secs(), FIRST_MEDIA_MAX.as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_no_rtmp_is_let_go_at_once() {
        let took = connected(async |mut near| {
            near.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
            assert!(until_closed(near).await.is_empty());
        })
        .await;
        assert_eq!(took.as_secs(), 0);
    }

    #[tokio::test]
    async fn what_a_publisher_left_behind_is_used_when_it_hears_nothing_any_more() {
        let (shared, folder) = shared();
        let new =
            NewRoom { slug: "demo".parse().unwrap(), title: "Demo".to_owned(), owner: None, record: false };
        let made = state::create_room(&shared.store, new).await.unwrap();
        let (publisher, mut muxer) = (RtmpPublisher::default(), Muxer::new());
        let source = Source { duration: Span::from_secs(4), ..Source::default() };
        let tags: Vec<_> = source.events().iter().flat_map(|event| muxer.push(event).unwrap()).collect();
        let sent = [
            publisher.hello("live", &made.stream_key),
            publisher.tags(&tags),
            publisher.goodbye(&made.stream_key),
        ]
        .concat();
        let (mut near, far) = tokio::io::duplex(sent.len());
        near.write_all(&sent).await.unwrap();
        drop(near);
        serve(far, peer(), &shared, &shared.shutdown).await;
        let stream = shared.streams.get(&made.room.slug).expect("it was let in");
        let served = stream.watch_window().borrow().clone().expect("media");
        let listed = served.window.rendition(hls::MAIN).expect("a rendition").listed();
        assert!(listed >= Span::from_millis(3_900), "{listed}");
        assert_eq!(stream.status(), crate::streams::Status::default(), "it said that it had finished");
        drop((stream, shared));
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn the_key_is_found_where_clients_put_it() {
        assert_eq!(stream_key("live", "abc"), Some("abc"));
        assert_eq!(stream_key("live/", "abc?x=1"), Some("abc"));
        assert_eq!(stream_key("live/abc", ""), Some("abc"));
        for (app, name) in [("live", ""), ("other", "abc"), ("", "abc"), ("live", "?abc")] {
            assert_eq!(stream_key(app, name), None, "{app} {name}");
        }
    }
}

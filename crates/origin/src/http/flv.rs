//! HTTP-FLV, and the same over WebSocket: an answer that lasts as long as the broadcast.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{ConnectInfo, Path, State};
use axum::http::{Extensions, HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::{SinkExt as _, Stream};
use rooms::Slug;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::client_address;
use super::gate::refuse_without_session;
use super::player;
use super::problem::Problem;
use crate::audience::{PlayerKey, Wanted};
use crate::outlets::{Cut, Viewer};
use crate::state::Shared;
use crate::streams as live;

type Upgrade = Result<WebSocketUpgrade, WebSocketUpgradeRejection>;

/// `/live/{room}.flv`.
pub(crate) async fn watch(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
    method: Method,
    peer: Option<Extension<ConnectInfo<SocketAddr>>>,
    headers: HeaderMap,
    extensions: Extensions,
    upgrade: Upgrade,
) -> Result<Response, Problem> {
    let not_live = || Problem::not_found("this room is not live");
    let slug =
        name.strip_suffix(".flv").ok_or_else(|| Problem::not_found("there is nothing at this address"))?;
    let slug = slug.parse::<Slug>().map_err(|_| not_live())?;
    let stream = shared.streams.get(&slug).ok_or_else(not_live)?;
    let feed = stream.feed().filter(|feed| !feed.has_ended()).ok_or_else(not_live)?;
    let unfit = || {
        Problem::new(StatusCode::NOT_ACCEPTABLE, "FLV cannot hold what this room sends: take the playlist")
    };
    let answered = [(header::CONTENT_TYPE, "video/x-flv"), (header::CACHE_CONTROL, "no-store")];
    let viewer = feed.join().ok_or_else(unfit)?;
    let entry_changed = shared.gates.changed(&slug);
    refuse_without_session(&shared, slug.as_str())?;
    if method == Method::HEAD {
        return Ok(answered.into_response());
    }
    let peer = peer.map(|Extension(ConnectInfo(peer))| peer);
    let key = stream
        .audience()
        .key(player::shown(&headers, None, || client_address::of(&extensions, &headers, &shared)));
    let watching = Watching {
        viewer,
        stream,
        key,
        counted: None,
        slug,
        peer,
        entry_changed,
        stop: shared.shutdown.clone(),
    };
    if let Ok(upgrade) = upgrade {
        let sockets = shared.sockets.clone();
        return Ok(upgrade.on_upgrade(move |socket| sockets.track_future(watching.send(socket))));
    }
    Ok((answered, Body::from_stream(watching.pieces())).into_response())
}

/// One viewer, and who it is.
struct Watching {
    viewer: Viewer,
    stream: Arc<live::Stream>,
    key: PlayerKey,
    /// When it was last counted as playing.
    counted: Option<Instant>,
    slug: Slug,
    peer: Option<SocketAddr>,
    entry_changed: CancellationToken,
    stop: CancellationToken,
}

impl Watching {
    /// The tags to send next; `None` at the end.
    async fn next(&mut self) -> Result<Option<Vec<Bytes>>, Cut> {
        let next = tokio::select! {
            () = self.stop.cancelled() => return Ok(None),
            () = self.entry_changed.cancelled() => return Ok(None),
            next = self.viewer.next() => next,
        };
        if self.counted.is_none_or(|counted| counted.elapsed() >= COUNTED_EVERY) {
            self.counted = Some(Instant::now());
            self.stream.audience().asks(self.key, Wanted::Media);
        }
        next
    }

    /// An answer's body. A viewer that is too slow sees it break off.
    fn pieces(self) -> impl Stream<Item = Result<Bytes, Cut>> {
        let batches = futures_util::stream::try_unfold(self, |mut watching| async move {
            let tags = watching.next().await?;
            Ok(tags.map(|tags| {
                let tags = tags.into_iter().map(Ok::<Bytes, Cut>);
                (futures_util::stream::iter(tags), watching)
            }))
        });
        futures_util::TryStreamExt::try_flatten(batches)
    }

    /// The same as binary messages, a tag each.
    async fn send(mut self, mut socket: WebSocket) {
        let (code, reason) = loop {
            let tags = tokio::select! {
                tags = self.next() => tags,
                // Pings are answered by reading; whatever a viewer says is not for this origin.
                said = socket.recv() => match said {
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                    Some(Ok(_)) => continue,
                },
            };
            match tags {
                Ok(Some(tags)) => {
                    let sent = async {
                        for tag in tags {
                            socket.feed(Message::Binary(tag)).await?;
                        }
                        socket.flush().await
                    };
                    match timeout(SEND_MAX, sent).await {
                        Ok(Ok(())) => {}
                        Ok(Err(_)) => return,
                        Err(_) => break (close_code::POLICY, "too slow"),
                    }
                }
                Ok(None) => break (close_code::NORMAL, "the broadcast has ended"),
                Err(Cut::TooSlow) => break (close_code::POLICY, "too slow"),
            }
        };
        let close = Message::Close(Some(CloseFrame { code, reason: reason.into() }));
        // A viewer that takes nothing learns it from the connection's end.
        let _ = timeout(GOODBYE_MAX, socket.send(close)).await;
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        if self.viewer.is_behind() {
            tracing::info!(room = %self.slug, peer = ?self.peer, reason = %Cut::TooSlow, "FLV viewer dropped");
        }
    }
}

/// How often a viewer is counted again: well within the time that one counts.
const COUNTED_EVERY: Duration = Duration::from_secs(1);
/// For one batch of tags to be taken over WebSocket; a little longer than a viewer may fall behind.
const SEND_MAX: Duration = Duration::from_secs(12);
/// For the close frame.
const GOODBYE_MAX: Duration = Duration::from_secs(2);

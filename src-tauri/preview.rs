//! Pictures and sound levels for the window, over a WebSocket on loopback.
//!
//! Tauri's events carry text through the page's script engine; thirty pictures a second do not belong
//! there. The page connects with a token that only it was given. It confirms every picture it has drawn,
//! and no picture is encoded while one is on its way, so a slow page gets fewer pictures and never old
//! ones. A hidden page says so and then gets nothing.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use broadcast::{Levels, Size, SoundLevels, Still, VideoFrame};
use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use rand::RngCore as _;
use serde::Serialize;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::StatusCode;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

/// What there is to show at the moment; each is `None` while its source does not work.
#[derive(Clone, Debug, Default)]
pub struct Feeds {
    /// The latest picture.
    pub frames: Option<watch::Receiver<Option<VideoFrame>>>,
    /// The levels of sound.
    pub levels: Option<watch::Receiver<SoundLevels>>,
    /// The sounds' ids, and where each one's level is.
    pub sounds: Vec<(u32, usize)>,
}

/// The server.
pub struct Preview {
    listener: TcpListener,
    path: Arc<str>,
    feeds: watch::Receiver<Feeds>,
}

impl Preview {
    /// Binds a free port on loopback.
    ///
    /// # Errors
    /// Whatever the system answers; loopback is there on any working machine.
    pub async fn bind(feeds: watch::Receiver<Feeds>) -> std::io::Result<Preview> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let mut token = [0_u8; 16];
        rand::rng().fill_bytes(&mut token);
        let path = format!("/{:032x}", u128::from_be_bytes(token)).into();
        Ok(Preview { listener, path, feeds })
    }

    /// Where the page connects, token included.
    ///
    /// # Errors
    /// Whatever the system answers.
    pub fn url(&self) -> std::io::Result<String> {
        let address: SocketAddr = self.listener.local_addr()?;
        Ok(format!("ws://{address}{}", self.path))
    }

    /// Serves until `shutdown`.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut clients = JoinSet::new();
        let places = Arc::new(Semaphore::new(CLIENTS_MAX));
        loop {
            tokio::select! {
                () = shutdown.cancelled() => break,
                Some(_) = clients.join_next() => {}
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        // Full: the connection is closed at once; the page tries again.
                        let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
                        let (path, feeds) = (Arc::clone(&self.path), self.feeds.clone());
                        clients.spawn(async move {
                            serve(stream, &path, feeds).await;
                            drop(place);
                        });
                    }
                    Err(error) => {
                        warn!(%error, "preview connection not accepted");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
            }
        }
        clients.shutdown().await;
    }
}

/// Shakes hands with the page and feeds it until it goes.
async fn serve(stream: TcpStream, path: &str, feeds: watch::Receiver<Feeds>) {
    // A picture is small and wanted now.
    let _ = stream.set_nodelay(true);
    let config = WebSocketConfig::default()
        .max_message_size(Some(CLIENT_MESSAGE_BYTES_MAX))
        .max_frame_size(Some(CLIENT_MESSAGE_BYTES_MAX));
    // The answer's type is the library's own and large.
    #[expect(clippy::result_large_err, reason = "the shape is given by tungstenite")]
    let check = |request: &Request, response: Response| {
        if admits(request, path) { Ok(response) } else { Err(forbidden()) }
    };
    let handshake = tokio_tungstenite::accept_hdr_async_with_config(stream, check, Some(config));
    match tokio::time::timeout(HANDSHAKE_TIMEOUT, handshake).await {
        Ok(Ok(socket)) => {
            if let Err(error) = feed(socket, feeds).await {
                debug!(%error, "preview connection ended");
            }
        }
        Ok(Err(error)) => warn!(%error, "preview handshake refused"),
        Err(_) => warn!("preview handshake took too long"),
    }
}

/// Only our own page knows the token, and only it has one of these origins.
fn admits(request: &Request, path: &str) -> bool {
    let origin = request.headers().get("origin").and_then(|value| value.to_str().ok());
    request.uri().path() == path && origin.is_some_and(|origin| PAGE_ORIGINS.contains(&origin))
}

fn forbidden() -> ErrorResponse {
    let mut response = ErrorResponse::new(None);
    *response.status_mut() = StatusCode::FORBIDDEN;
    response
}

/// What the page says: a picture is drawn, the window is hidden, the window is shown, it shows levels and no picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    Drawn,
    Hidden,
    Shown,
    LevelsOnly,
    Nothing,
}

impl Said {
    fn of(message: &Message) -> Said {
        match message {
            Message::Text(text) => match text.as_str() {
                "drawn" => Said::Drawn,
                "hidden" => Said::Hidden,
                "shown" => Said::Shown,
                "levels only" => Said::LevelsOnly,
                _ => Said::Nothing,
            },
            _ => Said::Nothing,
        }
    }
}

type SocketError = tokio_tungstenite::tungstenite::Error;

/// Sends the latest picture and level, thirty times a second at most, until the page goes.
async fn feed(
    mut socket: WebSocketStream<TcpStream>,
    mut feeds: watch::Receiver<Feeds>,
) -> Result<(), SocketError> {
    let mut now = feeds.borrow_and_update().clone();
    mark_new(&mut now);
    let mut camera = None;
    let (mut visible, mut pictures, mut drawn, mut sent_at) = (true, true, true, None::<Instant>);
    let mut tick = tokio::time::interval(INTERVAL);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            message = socket.next() => match message {
                Some(message) => match Said::of(&message?) {
                    Said::Drawn => drawn = true,
                    Said::Hidden => visible = false,
                    Said::Shown => { visible = true; drawn = true; mark_new(&mut now); }
                    Said::LevelsOnly => pictures = false,
                    Said::Nothing => {}
                },
                None => return Ok(()),
            },
            changed = feeds.changed() => {
                if changed.is_err() { return socket.close(None).await; }
                now = feeds.borrow_and_update().clone();
                mark_new(&mut now);
            }
            _ = tick.tick(), if visible => {
                if let Some(text) = next_level(&mut now) {
                    socket.send(Message::text(text)).await?;
                }
                // A page that lost a picture must not stay dark for ever.
                let free = drawn || sent_at.is_some_and(|at| at.elapsed() > DRAWN_TIMEOUT);
                if pictures && free && let Some(frame) = next_frame(&mut now)
                    && let Some(picture) = encode(&mut camera, frame).await
                {
                    socket.send(Message::Binary(picture)).await?;
                    (drawn, sent_at) = (false, Some(Instant::now()));
                }
            }
        }
    }
}

/// A client that joins, or comes back, gets what is there already and need not wait for the next.
fn mark_new(feeds: &mut Feeds) {
    if let Some(frames) = &mut feeds.frames {
        frames.mark_changed();
    }
    if let Some(levels) = &mut feeds.levels {
        levels.mark_changed();
    }
}

fn next_frame(feeds: &mut Feeds) -> Option<VideoFrame> {
    let frames = feeds.frames.as_mut()?;
    if !frames.has_changed().ok()? {
        return None;
    }
    frames.borrow_and_update().clone()
}

/// The levels as the page reads them; `ui/studio/feed.svelte.ts` has the same.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LevelMessage {
    sounds: Vec<SoundLevel>,
    mix: Level,
    momentary_lufs: Option<f32>,
    short_term_lufs: Option<f32>,
    integrated_lufs: Option<f32>,
}

/// Of one sound.
#[derive(Serialize)]
struct SoundLevel {
    id: u32,
    #[serde(flatten)]
    level: Level,
}

/// dBFS, in tenths.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Level {
    rms_db: f32,
    peak_db: f32,
}

impl From<Levels> for Level {
    fn from(levels: Levels) -> Level {
        Level { rms_db: tenths(levels.rms_db), peak_db: tenths(levels.peak_db) }
    }
}

/// Finer than a meter shows only makes the message longer.
fn tenths(value: f32) -> f32 {
    (value * 10.0).round() / 10.0
}

fn next_level(feeds: &mut Feeds) -> Option<String> {
    let levels = feeds.levels.as_mut()?;
    if !levels.has_changed().ok()? {
        return None;
    }
    let levels = levels.borrow_and_update();
    let of =
        |&(id, index): &(u32, usize)| Some(SoundLevel { id, level: (*levels.sounds.get(index)?).into() });
    let message = LevelMessage {
        sounds: feeds.sounds.iter().filter_map(of).collect(),
        mix: levels.mix.into(),
        momentary_lufs: levels.loudness.momentary_lufs.map(tenths),
        short_term_lufs: levels.loudness.short_term_lufs.map(tenths),
        integrated_lufs: levels.loudness.integrated_lufs.map(tenths),
    };
    serde_json::to_string(&message).ok()
}

/// Makes a JPEG of `frame` on a thread that may be busy for some milliseconds.
async fn encode(camera: &mut Option<Still>, frame: VideoFrame) -> Option<Bytes> {
    let mut still = camera.take().unwrap_or_else(|| Still::new(PICTURE, QUALITY));
    let task = tokio::task::spawn_blocking(move || {
        let picture = still.jpeg(&frame);
        (still, picture)
    });
    // A panic inside the encoder loses the encoder, not the preview: the next picture makes a new one.
    let (still, picture) = task.await.ok()?;
    *camera = Some(still);
    picture.inspect_err(|error| debug!(%error, "no preview picture")).ok()
}

/// Largest picture for the preview; it is about as wide as the middle column on a 1920 screen.
const PICTURE: Size = Size { width: 960, height: 540 };
/// Text on a shared screen stays readable, at some 60 kB a picture.
const QUALITY: u8 = 75;
/// 30 a second: what the design allows a meter, and as smooth as what is sent.
const INTERVAL: Duration = Duration::from_millis(33);
/// The page answers within a frame; after this long it is taken to have lost the picture.
const DRAWN_TIMEOUT: Duration = Duration::from_secs(2);
/// As everywhere in Rostrum (DESIGN §8 rule 7).
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// After a failed `accept`, usually for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// The window, the panel, and the same two while they reload.
const CLIENTS_MAX: usize = 4;
/// The page says single words.
const CLIENT_MESSAGE_BYTES_MAX: usize = 64;
/// Tauri's own protocol on Linux and macOS, on Windows, and Vite's server during development.
const PAGE_ORIGINS: [&str; 3] = ["tauri://localhost", "http://tauri.localhost", "http://localhost:5173"];

#[cfg(test)]
#[path = "preview_tests.rs"]
mod tests;

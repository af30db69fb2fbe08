//! The way to the room's chat: a WebSocket held by Rust with the owner's token, so that the page sees neither.
//!
//! The page's own model (`ui/lib/chat`) keeps the log, asks for what was missed and repeats what was not
//! confirmed, as it does on the watch page; here frames are only carried, and the number of viewers is read
//! off them. Frames reach the page in batches, at most ten a second, whatever the room's speed.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde::{Deserialize, Serialize};
use specta::Type;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_util::sync::CancellationToken;
use tracing::debug;

/// Whose chat to join.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    /// The origin's HTTP address, on this computer.
    pub http: SocketAddr,
    /// The room's slug.
    pub room: String,
    /// The owner's API token. Never logged, never shown to the page.
    pub token: String,
}

/// What the page hears.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "kebab-case", tag = "type")]
pub enum Heard {
    /// A connection is open; the origin's `welcome` follows.
    Opened,
    /// Frames as the origin sent them: JSON, one object each.
    Frames {
        /// In order.
        frames: Vec<String>,
    },
    /// The connection is gone, and is tried again by itself.
    Closed,
}

/// Why a frame of the page was not taken.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum SayError {
    /// Not a frame that the page may send.
    #[error("expected a frame that a chat page sends, at most {SAID_BYTES_MAX} bytes")]
    Frame,
    /// The queue is full.
    #[error("{QUEUE_MAX} messages already wait to be sent")]
    Busy,
}

/// A page that follows the chat.
pub type Listener = mpsc::Sender<Heard>;

/// The page's end.
pub struct Chat {
    listeners: mpsc::Sender<Listener>,
    said: mpsc::Sender<String>,
    viewers: watch::Receiver<u32>,
}

/// The end that carries the frames; see [`Carrier::run`].
pub struct Carrier {
    listeners: mpsc::Receiver<Listener>,
    listener: Option<Listener>,
    said: mpsc::Receiver<String>,
    viewers: watch::Sender<u32>,
}

impl Chat {
    /// Both ends.
    #[must_use]
    pub fn new() -> (Chat, Carrier) {
        let (listeners, new_listeners) = mpsc::channel(1);
        let (said, queue) = mpsc::channel(QUEUE_MAX);
        let viewers = watch::Sender::new(0);
        let chat = Chat { listeners, said, viewers: viewers.subscribe() };
        (chat, Carrier { listeners: new_listeners, listener: None, said: queue, viewers })
    }

    /// People on the watch page.
    #[must_use]
    pub fn viewers(&self) -> watch::Receiver<u32> {
        self.viewers.clone()
    }

    /// Follows the chat from its `welcome` on; whoever followed it before hears nothing more.
    pub async fn follow(&self) -> mpsc::Receiver<Heard> {
        let (listener, heard) = mpsc::channel(QUEUE_MAX);
        // Without a carrier the app is closing, and the receiver ends at once.
        let _ = self.listeners.send(listener).await;
        heard
    }

    /// Sends a frame of the page. It is dropped while there is no connection: the page's model repeats what
    /// was not confirmed.
    ///
    /// # Errors
    /// [`SayError`].
    pub fn say(&self, frame: String) -> Result<(), SayError> {
        if frame.len() > SAID_BYTES_MAX || serde_json::from_str::<Said>(&frame).is_err() {
            return Err(SayError::Frame);
        }
        self.said.try_send(frame).map_err(|_| SayError::Busy)
    }
}

impl Carrier {
    /// Joins the chat of `target` while a page follows it, again after every loss.
    pub async fn run(mut self, mut target: watch::Receiver<Option<Target>>, shutdown: CancellationToken) {
        loop {
            let Some(joined) = target.borrow_and_update().clone() else {
                tokio::select! {
                    () = shutdown.cancelled() => return,
                    changed = target.changed() => if changed.is_err() { return },
                    listener = self.listeners.recv() => self.listener = listener,
                }
                continue;
            };
            tokio::select! {
                () = shutdown.cancelled() => return,
                changed = target.changed() => if changed.is_err() { return },
                result = self.visit(&joined) => {
                    if let Err(error) = result {
                        debug!(%error, "chat lost");
                    }
                }
            }
            self.viewers.send_replace(0);
            self.tell(Heard::Closed).await;
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(RETRY) => {}
            }
        }
    }

    /// One connection, until it is lost or a new page wants to be welcomed.
    async fn visit(&mut self, target: &Target) -> Result<(), tungstenite::Error> {
        let mut socket = connect(target).await?;
        // Said to a connection that is gone; the page says it again after the welcome.
        while self.said.try_recv().is_ok() {}
        // A page that asked meanwhile is welcomed by this connection.
        if let Ok(listener) = self.listeners.try_recv() {
            self.listener = Some(listener);
        }
        self.tell(Heard::Opened).await;
        let mut batch = Vec::new();
        let mut due = tokio::time::interval(BATCH);
        due.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                message = socket.next(), if batch.len() < BATCH_MAX => {
                    let Some(message) = message else { return Ok(()) };
                    if let Message::Text(text) = message? {
                        self.count(text.as_str());
                        batch.push(text.as_str().to_owned());
                    }
                }
                _ = due.tick() => {
                    if !batch.is_empty() {
                        self.tell(Heard::Frames { frames: std::mem::take(&mut batch) }).await;
                    }
                }
                Some(frame) = self.said.recv() => socket.send(Message::text(frame)).await?,
                listener = self.listeners.recv() => {
                    self.listener = listener;
                    return socket.close(None).await;
                }
            }
        }
    }

    /// Reads the number of viewers off a frame that has it.
    fn count(&self, text: &str) {
        let viewers = match serde_json::from_str(text) {
            Ok(Counted::Welcome { room }) => room.viewers,
            Ok(Counted::Presence(count)) => count.viewers,
            _ => return,
        };
        self.viewers.send_replace(viewers);
    }

    /// A page that takes nothing for a while is gone; the next one asks anew.
    async fn tell(&mut self, heard: Heard) {
        if let Some(listener) = &self.listener
            && listener.send_timeout(heard, PAGE_TIMEOUT).await.is_err()
        {
            self.listener = None;
        }
    }
}

async fn connect(target: &Target) -> Result<WebSocketStream<TcpStream>, tungstenite::Error> {
    let url = format!("ws://{}/api/v1/rooms/{}/chat", target.http, target.room);
    let mut request = url.into_client_request()?;
    let bearer = HeaderValue::from_str(&format!("Bearer {}", target.token))?;
    request.headers_mut().insert("authorization", bearer);
    let config = WebSocketConfig::default()
        .max_message_size(Some(FRAME_BYTES_MAX))
        .max_frame_size(Some(FRAME_BYTES_MAX));
    let joining = async {
        let stream = TcpStream::connect(target.http).await?;
        tokio_tungstenite::client_async_with_config(request, stream, Some(config)).await
    };
    match tokio::time::timeout(JOIN_TIMEOUT, joining).await {
        Ok(joined) => joined.map(|(socket, _)| socket),
        Err(_) => Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()),
    }
}

/// What the page may say. Whatever else it sends is refused here, however the origin would take it.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Said {
    Send {
        #[serde(rename = "id")]
        _id: String,
        #[serde(rename = "text")]
        _text: String,
    },
    Resume {
        #[serde(rename = "epoch")]
        _epoch: String,
        #[serde(rename = "seq")]
        _seq: u64,
    },
    // The origin checks what is in these, as it does for every page.
    Like,
    Delete,
    Restore,
    Release,
    Reject,
    Timeout,
    Ban,
    Lift,
    Pin,
    Settings,
    Poll,
    Close,
    Vote,
    Hand,
    Call,
    Lower,
    Ask,
    Upvote,
    Answer,
}

/// The frames that say how many people are here.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Counted {
    Welcome {
        room: Count,
    },
    Presence(Count),
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Count {
    viewers: u32,
}

/// Batches and frames between page and origin. Full: the page is told, or the origin waits.
const QUEUE_MAX: usize = 32;
/// A page that draws ten times a second feels immediate.
const BATCH: Duration = Duration::from_millis(100);
/// Frames in a batch; more wait in the socket.
const BATCH_MAX: usize = 256;
/// A page draws a batch in milliseconds. One that reloads stops taking them.
const PAGE_TIMEOUT: Duration = Duration::from_secs(2);
/// Loopback answers at once or not at all.
const JOIN_TIMEOUT: Duration = Duration::from_secs(5);
/// The origin is on this computer: trying is cheap, and only this window does it.
const RETRY: Duration = Duration::from_millis(500);
/// A welcome with a hundred long messages is about 200 kB.
const FRAME_BYTES_MAX: usize = 1 << 20;
/// The longest message is 500 characters, each up to twelve bytes of JSON.
const SAID_BYTES_MAX: usize = 8 << 10;

#[cfg(test)]
#[path = "chat_tests.rs"]
mod tests;

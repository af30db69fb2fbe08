//! A bare chat client: a WebSocket and its frames.

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::wait::seconds;

/// One member's connection to a room's chat.
pub struct Chat(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Chat {
    /// Connects as a guest.
    ///
    /// # Panics
    /// When the origin refuses.
    pub async fn join(address: std::net::SocketAddr, room: &str, name: &str) -> Chat {
        let url = format!("ws://{address}/api/v1/rooms/{room}/chat?name={name}");
        let (socket, _) = connect_async(&url).await.unwrap_or_else(|error| panic!("{url}: {error}"));
        Chat(socket)
    }

    /// Sends bytes or text as they are.
    pub async fn send(&mut self, message: Message) {
        // The origin may have closed already: that is an answer too, and the test asks what came of it.
        let _ = self.0.send(message).await;
    }

    /// The next frame of a type; others are passed over. `None` when the origin closed.
    ///
    /// # Panics
    /// After ten seconds.
    pub async fn frame(&mut self, kind: &str) -> Option<Value> {
        let mut others = Vec::new();
        let found = async {
            while let Some(Ok(message)) = self.0.next().await {
                if let Message::Text(text) = message {
                    let frame: Value = serde_json::from_str(&text).expect("the origin sends JSON");
                    if frame["type"] == kind {
                        return Some(frame);
                    }
                    others.push(frame["type"].clone());
                }
            }
            None
        };
        match tokio::time::timeout(seconds(10), found).await {
            Ok(found) => found,
            Err(_) => panic!("no {kind} frame within 10 s, but {others:?}"),
        }
    }
}

use std::net::SocketAddr;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_util::sync::CancellationToken;

use super::{Chat, Heard, SayError, Target};

const WELCOME: &str = r#"{"type":"welcome","epoch":"e","seq":0,"member":{"id":"1","name":"Mara","roles":["owner"]},"room":{"room":"live","viewers":4},"history":[]}"#;
const SEND: &str = r#"{"type":"send","id":"c1","text":"hello"}"#;

/// An origin's end of one chat connection. The token must arrive there, and the path be right.
async fn accept(listener: &TcpListener) -> WebSocketStream<TcpStream> {
    let (stream, _) = listener.accept().await.unwrap();
    #[expect(clippy::result_large_err, reason = "the shape is given by tungstenite")]
    let check = |request: &Request, response: Response| {
        assert_eq!(request.headers()["authorization"], "Bearer secret");
        assert_eq!(request.uri().path(), "/api/v1/rooms/live/chat");
        Ok(response)
    };
    let mut socket = tokio_tungstenite::accept_hdr_async(stream, check).await.unwrap();
    socket.send(Message::text(WELCOME)).await.unwrap();
    socket
}

async fn next_frame(heard: &mut mpsc::Receiver<Heard>) -> String {
    loop {
        if let Heard::Frames { frames } = heard.recv().await.unwrap() {
            return frames.concat();
        }
    }
}

fn target(http: SocketAddr) -> Option<Target> {
    Some(Target { http, room: "live".to_owned(), token: "secret".to_owned() })
}

#[tokio::test]
async fn frames_are_carried_both_ways_and_a_loss_is_told_and_mended() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (chat, carrier) = Chat::new();
    let (aim, targets) = watch::channel(None);
    let shutdown = CancellationToken::new();
    let running = tokio::spawn(carrier.run(targets, shutdown.clone()));
    let mut page = chat.follow().await;
    aim.send_replace(target(listener.local_addr().unwrap()));
    let mut origin = accept(&listener).await;
    assert_eq!(page.recv().await, Some(Heard::Opened));
    assert_eq!(next_frame(&mut page).await, WELCOME);
    assert_eq!(*chat.viewers().borrow(), 4);
    chat.say(SEND.to_owned()).unwrap();
    assert_eq!(origin.next().await.unwrap().unwrap(), Message::text(SEND));
    drop(origin);
    assert_eq!(page.recv().await, Some(Heard::Closed));
    assert_eq!(*chat.viewers().borrow(), 0);
    let _again = accept(&listener).await;
    assert_eq!(page.recv().await, Some(Heard::Opened));
    assert_eq!(next_frame(&mut page).await, WELCOME);
    shutdown.cancel();
    running.await.unwrap();
}

#[tokio::test]
async fn a_page_that_follows_anew_is_welcomed_by_a_connection_of_its_own() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (chat, carrier) = Chat::new();
    let (_target, targets) = watch::channel(target(listener.local_addr().unwrap()));
    let shutdown = CancellationToken::new();
    let running = tokio::spawn(carrier.run(targets, shutdown.clone()));
    // Held until its end is read, so that it is the page that ends it and not the origin.
    let mut unheard = accept(&listener).await;
    chat.viewers().wait_for(|viewers| *viewers == 4).await.unwrap();
    let mut page = chat.follow().await;
    while let Some(Ok(_)) = unheard.next().await {}
    let _origin = accept(&listener).await;
    assert_eq!(next_frame(&mut page).await, WELCOME);
    shutdown.cancel();
    running.await.unwrap();
}

#[test]
fn the_page_can_say_nothing_but_chat() {
    let (chat, _carrier) = Chat::new();
    for frame in [r#"{"type":"dance","id":"c"}"#, "not json", r#"{"type":"send"}"#] {
        assert_eq!(chat.say(frame.to_owned()), Err(SayError::Frame), "{frame}");
    }
    let long = format!(r#"{{"type":"send","id":"c","text":"{}"}}"#, "x".repeat(9_000));
    assert_eq!(chat.say(long), Err(SayError::Frame));
    assert_eq!(chat.say(SEND.to_owned()), Ok(()));
    assert_eq!(chat.say(r#"{"type":"ban","id":"c","member":"x"}"#.to_owned()), Ok(()));
}

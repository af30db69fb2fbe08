use std::time::Duration;

use broadcast::{Levels, Loudness, SoundLevels};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::sync::watch;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_util::sync::CancellationToken;

use super::{Feeds, Preview};

type Socket = tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

async fn connect(url: &str, origin: &str) -> Result<Socket, Error> {
    let mut request = url.into_client_request()?;
    request.headers_mut().insert("origin", HeaderValue::from_str(origin).unwrap());
    tokio_tungstenite::connect_async(request).await.map(|(socket, _)| socket)
}

fn status(result: Result<Socket, Error>) -> StatusCode {
    match result {
        Err(Error::Http(response)) => response.status(),
        Err(other) => panic!("expected a refusal over HTTP, got {other}"),
        Ok(_) => panic!("expected a refusal"),
    }
}

#[tokio::test]
async fn only_the_page_that_has_the_token_is_served() {
    let (_feeds, receiver) = watch::channel(Feeds::default());
    let preview = Preview::bind(receiver).await.unwrap();
    let url = preview.url().unwrap();
    let shutdown = CancellationToken::new();
    let running = tokio::spawn(preview.run(shutdown.clone()));
    let wrong_token = format!("{}0", url);
    assert_eq!(status(connect(&wrong_token, "tauri://localhost").await), StatusCode::FORBIDDEN);
    assert_eq!(status(connect(&url, "https://elsewhere.example").await), StatusCode::FORBIDDEN);
    connect(&url, "tauri://localhost").await.unwrap();
    shutdown.cancel();
    running.await.unwrap();
}

fn microphone(rms_db: f32, peak_db: f32) -> SoundLevels {
    let levels = Levels { rms_db, peak_db };
    SoundLevels { sounds: vec![levels], mix: levels, loudness: Loudness::default() }
}

/// The message that tells of it: of sound 7, and not of one that the engine does not have yet.
fn level(rms_db: f32, peak_db: f32) -> String {
    let level = format!(r#""rmsDb":{rms_db:.1},"peakDb":{peak_db:.1}"#);
    let lufs = r#""momentaryLufs":null,"shortTermLufs":null,"integratedLufs":null"#;
    format!(r#"{{"sounds":[{{"id":7,{level}}}],"mix":{{{level}}},{lufs}}}"#)
}

#[tokio::test]
async fn a_hidden_window_gets_nothing_and_a_shown_one_the_latest() {
    let (levels, receiver) = watch::channel(microphone(-20.0, -10.0));
    let feeds = Feeds { frames: None, levels: Some(receiver), sounds: vec![(7, 0), (8, 1)] };
    let (_feeds, feeds) = watch::channel(feeds);
    let preview = Preview::bind(feeds).await.unwrap();
    let url = preview.url().unwrap();
    let shutdown = CancellationToken::new();
    let running = tokio::spawn(preview.run(shutdown.clone()));
    let mut page = connect(&url, "tauri://localhost").await.unwrap();
    let first = page.next().await.unwrap().unwrap();
    assert_eq!(first.into_text().unwrap().as_str(), level(-20.0, -10.0));
    page.send(Message::text("hidden")).await.unwrap();
    // The answer to a ping comes after the server has read "hidden".
    page.send(Message::Ping(Default::default())).await.unwrap();
    while !matches!(page.next().await.unwrap().unwrap(), Message::Pong(_)) {}
    levels.send_replace(microphone(-30.0, -12.0));
    let silence = tokio::time::timeout(Duration::from_millis(150), page.next()).await;
    assert!(silence.is_err(), "a hidden window got {silence:?}");
    page.send(Message::text("shown")).await.unwrap();
    let latest = page.next().await.unwrap().unwrap();
    assert_eq!(latest.into_text().unwrap().as_str(), level(-30.0, -12.0));
    shutdown.cancel();
    running.await.unwrap();
}

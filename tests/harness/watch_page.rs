//! The watch page of a room in a browser: what its player does, and its chat.

use std::time::Duration;

use serde_json::{Value, json};

use super::browser::Session;
use super::wait::until;

/// The watch page in a browser.
pub struct WatchPage<'a>(pub &'a Session);

/// The player at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Player {
    /// `currentTime` of the video element, seconds.
    pub time: f64,
    /// Pixels.
    pub size: (u64, u64),
    /// Video frames handed over for presentation so far, those shown late or dropped included.
    pub frames: u64,
    /// `data-player-generation`: changes when the page builds its player anew.
    pub generation: String,
    /// `data-fatal-errors`: how many errors the player could not recover from by itself.
    pub fatal_errors: String,
    /// `data-state` of the page's player.
    pub state: String,
    /// `data-latency`, seconds behind the publisher as measured by the page.
    pub latency: String,
    /// The video element's own error, empty when there is none.
    pub media_error: String,
}

const READ: &str = "
    const player = document.querySelector('[data-testid=player]');
    const video = document.querySelector('video');
    if (!player || !video) return null;
    const data = (player.closest('[data-player-generation]') ?? player.querySelector('[data-player-generation]')
        ?? player).dataset;
    return {
        time: video.currentTime, width: video.videoWidth, height: video.videoHeight,
        frames: video.getVideoPlaybackQuality().totalVideoFrames, generation: data.playerGeneration ?? '',
        fatalErrors: data.fatalErrors ?? '', state: video.dataset.state ?? '', latency: video.dataset.latency ?? '',
        mediaError: video.error ? `${video.error.code} ${video.error.message}` : '',
    };";

impl WatchPage<'_> {
    /// The player now; `None` while the page has none.
    pub async fn player(&self) -> Option<Player> {
        let told = self.0.run(READ, vec![]).await;
        let text = |name: &str| told[name].as_str().unwrap_or("").to_owned();
        Some(Player {
            time: told["time"].as_f64()?,
            size: (told["width"].as_u64()?, told["height"].as_u64()?),
            frames: told["frames"].as_u64().unwrap_or(0),
            generation: text("generation"),
            fatal_errors: text("fatalErrors"),
            state: text("state"),
            latency: text("latency"),
            media_error: text("mediaError"),
        })
    }

    /// Waits until the player moved by `more` seconds, and returns it then.
    ///
    /// # Panics
    /// After `limit`, with the player as it was last and the browser's console.
    pub async fn plays(&self, more: f64, limit: Duration) -> Player {
        let mut first = None;
        let mut last = None;
        let moved = until("the player to move", limit, async || {
            last = self.player().await;
            let player = last.clone()?;
            let from = *first.get_or_insert(player.time);
            (player.time >= from + more && player.time > 0.0).then_some(player)
        });
        // The limit of `until` panics with too little to go by; this one tells more, a moment earlier.
        match tokio::time::timeout(limit.mul_f64(0.95), moved).await {
            Ok(player) => player,
            Err(_) => panic!(
                "the player did not move by {more} s within {limit:?}: {:?}\n{}",
                last,
                self.log().await
            ),
        }
    }

    /// Sends a chat line as a guest; when the page asks for a name first, this one.
    pub async fn chat(&self, name: &str, text: &str) {
        if self.0.shows("guest-name").await {
            self.0.type_into("guest-name", name).await;
        }
        self.0.type_into("chat-input", text).await;
        self.0.click("chat-send").await;
    }

    /// Waits until a chat line is shown.
    ///
    /// # Panics
    /// After `limit`.
    pub async fn shows_line(&self, text: &str, limit: Duration) {
        shows_line(self.0, text, limit).await;
    }

    /// What the browser's console says.
    pub async fn log(&self) -> String {
        let entries = self.0.run("return (window.__log ?? []).join('\\n')", vec![]).await;
        let page = self.0.run("return document.body.innerText", vec![]).await;
        format!("console: {entries}\npage: {page}")
    }
}

/// The mean colours, red, green and blue, of rectangles of the picture that the first element of a selector, a video or
/// a canvas, shows now. A rectangle is left, top, width and height as fractions of the picture.
pub async fn colours(session: &Session, selector: &str, rectangles: &[[f64; 4]]) -> Vec<[f64; 3]> {
    let script = "
        const shown = document.querySelector(arguments[0]);
        const canvas = document.createElement('canvas');
        canvas.width = shown.videoWidth ?? shown.width; canvas.height = shown.videoHeight ?? shown.height;
        const context = canvas.getContext('2d');
        context.drawImage(shown, 0, 0);
        return arguments[1].map(([left, top, width, height]) => {
            const pixels = context.getImageData(Math.round(left * canvas.width), Math.round(top * canvas.height),
                Math.max(1, Math.round(width * canvas.width)), Math.max(1, Math.round(height * canvas.height))).data;
            const sum = [0, 0, 0];
            for (let i = 0; i < pixels.length; i += 4) for (let c = 0; c < 3; c++) sum[c] += pixels[i + c];
            return sum.map((total) => total / (pixels.length / 4));
        });";
    let told = session.run(script, vec![json!(selector), json!(rectangles)]).await;
    let colour = |colour: &Value| [0, 1, 2].map(|channel: usize| colour[channel].as_f64().unwrap_or(-1.0));
    told.as_array().into_iter().flatten().map(colour).collect()
}

/// Waits until a chat line is shown, in the watch page or in the app.
///
/// # Panics
/// After `limit`.
pub async fn shows_line(session: &Session, text: &str, limit: Duration) {
    until(&format!("the chat line {text:?}"), limit, async || {
        session.texts("chat-message").await.iter().any(|line| line.contains(text)).then_some(())
    })
    .await;
}

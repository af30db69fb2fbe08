//! How quick the app is and what it takes: `cargo xtask bench app`, with release builds. Not among the tests that run each
//! time: what they print depends on the machine.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_tungstenite::tungstenite::Message;
use x11rb::protocol::xproto::{ConnectionExt as _, ImageFormat};

use crate::harness::chat::Chat;
use crate::harness::desktop_app::{BareApp, DesktopApp};
use crate::harness::display::Display;
use crate::harness::machine::alone;
use crate::harness::process::resident_tree_mb;
use crate::harness::sound::SoundServer;
use crate::harness::wait::{seconds, until};

/// Whatever the window shows, on a busy machine.
const LIMIT: Duration = seconds(45);
const ROUNDS: usize = 5;
/// How long the app is left alone before its memory counts, and how long the chat is busy.
const SETTLES: Duration = seconds(20);
/// A place of the display where the window shows the middle of its preview.
const PREVIEW: (i16, i16, u16, u16) = (500, 200, 200, 120);
/// Guests, each of whom writes a line a second.
const GUESTS: usize = 50;
/// What they write in all.
const LINES: usize = GUESTS * SETTLES.as_secs() as usize;
/// What a person feels as a hitch, milliseconds.
const TASK_MAX_MS: f64 = 50.0;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "measures: cargo xtask bench app"]
async fn the_window_and_the_preview_are_there_soon() {
    alone(seconds(600), async {
        let (mut windows, mut previews, mut memories) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let display = Display::start(1280, 800).await;
            let sound = SoundServer::start().await;
            let data = settings();
            let begun = Instant::now();
            let app = BareApp::start(&display, &sound, data.path()).await;
            until("the window", LIMIT, async || display.shows_window("Rostrum").then_some(())).await;
            windows.push(begun.elapsed().as_secs_f64());
            until("the preview", LIMIT, async || is_coloured(&display).then_some(())).await;
            previews.push(begun.elapsed().as_secs_f64());
            tokio::time::sleep(SETTLES).await;
            memories.push(resident_tree_mb(app.process.id()));
        }
        println!("window after {windows:.2?} s, median {:.2}", median(&mut windows));
        println!("preview after {previews:.2?} s, median {:.2}", median(&mut previews));
        println!(
            "idle with preview, all processes: {memories:.0?} MB (PSS), median {:.0}",
            median(&mut memories)
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "measures: cargo xtask bench app"]
async fn the_window_stays_quick_in_a_busy_chat() {
    alone(seconds(300), async {
        let display = Display::start(1280, 800).await;
        let sound = SoundServer::start().await;
        let app = DesktopApp::start_in(&display, &sound, settings()).await;
        app.comes_to_show("chat-input", LIMIT).await;
        let link = crate::harness::studio_page::shared_link(&app).await;
        let (origin, room) = link.split_once("/r/").expect("a watch page");
        let address = origin.trim_start_matches("http://").parse().expect("an address");
        let mut guests = Vec::new();
        for number in 0..GUESTS {
            guests.push(Chat::join(address, room, &format!("guest{number}")).await);
        }
        let quiet = longest_tasks(&app, async || tokio::time::sleep(SETTLES).await).await;
        println!("in a quiet chat: {quiet}");
        let busy = longest_tasks(&app, async || talk(&mut guests).await).await;
        println!("with {GUESTS} lines a second: {busy}");
        until("the last line", LIMIT, async || (newest(&app).await == Some(LINES - 1)).then_some(())).await;
    })
    .await;
}

/// A test picture, and nothing to answer.
fn settings() -> TempDir {
    let data = TempDir::new().expect("a temporary folder");
    let settings = json!({"video": "test", "origin": {"http": "127.0.0.1:0", "rtmp": "127.0.0.1:0"}});
    std::fs::write(data.path().join("settings.json"), settings.to_string()).expect("it can be written");
    data
}

/// Whether there is a colour where the preview is: the window itself has none there.
fn is_coloured(display: &Display) -> bool {
    let (connection, screen) = x11rb::connect(Some(&display.name)).expect("the display takes a client");
    let root = x11rb::connection::Connection::setup(&connection).roots[screen].root;
    let (x, y, width, height) = PREVIEW;
    let image = connection.get_image(ImageFormat::Z_PIXMAP, root, x, y, width, height, !0);
    let image = image.ok().and_then(|asked| asked.reply().ok()).map(|image| image.data).unwrap_or_default();
    image.chunks_exact(4).any(|pixel| {
        let (least, most) = (pixel[..3].iter().min(), pixel[..3].iter().max());
        most.zip(least).is_some_and(|(most, least)| most - least > 120)
    })
}

/// Each guest writes a line a second, all of them evenly over it.
async fn talk(guests: &mut [Chat]) {
    let mut due = tokio::time::interval(Duration::from_secs(1) / u32::try_from(GUESTS).expect("few"));
    for number in 0..LINES {
        due.tick().await;
        let guest = &mut guests[number % GUESTS];
        let line = json!({"type": "send", "id": format!("line-{number}"), "text": format!("line {number} of a busy chat")});
        guest.send(Message::text(line.to_string())).await;
    }
}

/// The longest times for which the page's main thread answered nothing: a timer of five milliseconds tells how late it is.
async fn longest_tasks(app: &DesktopApp, meanwhile: impl AsyncFnOnce()) -> String {
    let begin = "window.gaps = []; let last = performance.now();
        window.looking = setInterval(() => {
            const now = performance.now(); window.gaps.push(now - last - 5); last = now; }, 5)";
    app.session.run(begin, vec![]).await;
    meanwhile().await;
    let end = "clearInterval(window.looking); return window.gaps.sort((a, b) => b - a)";
    let gaps = app.session.run(end, vec![]).await;
    let gaps: Vec<f64> = gaps.as_array().into_iter().flatten().filter_map(Value::as_f64).collect();
    let long = gaps.iter().filter(|gap| **gap > TASK_MAX_MS).count();
    let longest: Vec<String> = gaps.iter().take(5).map(|gap| format!("{gap:.0}")).collect();
    format!(
        "longest tasks {} ms, {long} over {TASK_MAX_MS} ms in {} s",
        longest.join(", "),
        SETTLES.as_secs()
    )
}

/// The number of the newest line that the window shows.
async fn newest(app: &DesktopApp) -> Option<usize> {
    let lines = app.session.texts("chat-message").await;
    lines.iter().filter_map(|line| line.split_once("line ")?.1.split_once(" of")?.0.parse().ok()).max()
}

fn median(figures: &mut [f64]) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[(figures.len() - 1) / 2]
}

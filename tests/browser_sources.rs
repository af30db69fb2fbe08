//! What else a browser broadcasts: a screen, AV1, and over a line that carries less than it records.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;

use crate::harness::broadcast_page::BroadcastPage;
use crate::harness::browser::Browser;
use crate::harness::display::{Display, Grid, cell_middles};
use crate::harness::environment::{clip, keep_screenshot};
use crate::harness::machine::alone;
use crate::harness::server::Server;
use crate::harness::throttled_line::ThrottledLine;
use crate::harness::wait::{seconds, until};
use crate::harness::watch_page::{WatchPage, colours};

/// For a browser to start, record its first GOP and play what another one recorded.
const LIMIT: Duration = seconds(40);
/// The display's size, and where the grid is on it: left, top, side of a cell.
const DISPLAY: (u32, u32) = (1280, 720);
const GRID: (u32, u32, u32) = (40, 200, 60);
/// The browser's window, beside the grid.
const WINDOW: [&str; 2] = ["--window-position=460,0", "--window-size=820,720"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_screen_that_one_browser_shares_is_what_another_one_shows() {
    alone(seconds(300), async {
        let folder = TempDir::new().expect("a temporary folder");
        let server = Server::start().await;
        let room = server.room("screen").await;
        let display = Display::start(DISPLAY.0, DISPLAY.1).await;
        let page = BroadcastPage::open_on(&display, &WINDOW, &server.url("/r/screen/broadcast")).await;
        let grid = Grid::random();
        let _shown = grid.show(&display, folder.path(), GRID.0, GRID.1, GRID.2);
        until("the page", LIMIT, async || page.session().offers("go-live").await.then_some(())).await;
        page.session().click("picture-screen").await;
        page.session().click("sound").await;
        page.go_live(&room.key, LIMIT).await;
        keep_screenshot("broadcast-screen.png", &page.session().screenshot().await);
        server.live(&room.room).await;
        let viewer = Browser::open(&server.watch_url(&room.room)).await;
        let player = WatchPage(&viewer.session).plays(3.0, LIMIT).await;
        assert_eq!((player.size, player.fatal_errors.as_str()), ((1280, 720), "0"), "{player:?}");
        let cells = cell_middles(GRID.0, GRID.1, GRID.2, DISPLAY);
        let mut last = Vec::new();
        let seen = until("the screen in the picture", LIMIT * 2, async || {
            last = colours(&viewer.session, "video", &cells).await;
            (Grid::nearest(&last) == grid).then_some(())
        });
        if tokio::time::timeout(LIMIT, seen).await.is_err() {
            keep_screenshot("screen-not-found.png", &viewer.session.screenshot().await);
            panic!("the screen showed {grid:?}, the viewer sees {:?}: {last:?}", Grid::nearest(&last));
        }
        let ingest = server.describe(&room.room).await["ingest"].clone();
        assert_eq!(
            (&ingest["video"]["codec"], &ingest["audio"]),
            (&json!("H.264"), &json!(null)),
            "{ingest}"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn av1_from_one_browsers_recorder_plays_in_another_one() {
    alone(seconds(300), async {
        let server = Server::start().await;
        let room = server.room("av1").await;
        let page = BroadcastPage::open(&server.url("/r/av1/broadcast")).await;
        until("the page", LIMIT, async || page.session().offers("go-live").await.then_some(())).await;
        // As a browser without an encoder for H.264 says.
        let script = "const all = MediaRecorder.isTypeSupported.bind(MediaRecorder);
            MediaRecorder.isTypeSupported = (type) => !type.includes('avc1') && all(type);";
        page.session().run(script, vec![]).await;
        page.go_live(&room.key, LIMIT).await;
        server.live(&room.room).await;
        let viewer = Browser::open(&server.watch_url(&room.room)).await;
        let watch = WatchPage(&viewer.session);
        let begun = watch.plays(1.0, LIMIT).await;
        let player = watch.plays(8.0, LIMIT).await;
        println!("{player:?}");
        assert_eq!((player.fatal_errors.as_str(), player.media_error.as_str()), ("0", ""), "{player:?}");
        assert!(player.size.0 > 0 && player.frames > begun.frames + 40, "{begun:?} {player:?}");
        let ingest = server.describe(&room.room).await["ingest"].clone();
        assert_eq!((&ingest["video"]["codec"], &ingest["audio"]["codec"]), (&json!("AV1"), &json!("Opus")));
        let playlist = server.http.get(&server.playlist_url(&room.room)).await;
        assert!(playlist.text().contains("av01."), "{}", playlist.text());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_on_a_weak_line_sends_less_and_its_viewer_goes_on() {
    alone(seconds(400), async {
        let server = Server::start().await;
        let room = server.room("weak").await;
        let line = ThrottledLine::to(server.http_address);
        let Some(clip) = clip("d_bbb_h264_426x238_23976.mp4") else { return };
        let folder = TempDir::new().expect("a temporary folder");
        let camera = camera(&clip, folder.path());
        let url = format!("http://{}/r/weak/broadcast", line.address);
        let page = BroadcastPage::open_with(&[&camera], &url).await;
        page.go_live(&room.key, LIMIT).await;
        server.live(&room.room).await;
        let viewer = Browser::open(&server.watch_url(&room.room)).await;
        let watch = WatchPage(&viewer.session);
        watch.plays(5.0, LIMIT).await;
        let before = sent_bps(&page).await;
        assert!(!page.session().shows("note").await, "nothing is wrong yet");

        let carried = before / 2;
        line.limit(carried);
        // 2.5 s of media wait, the recorder's own pieces of a second, and what is measured over four.
        until("the page to lower its bitrate", seconds(60), async || {
            page.session().texts("note").await.iter().any(|note| note.contains("Mbit/s")).then_some(())
        })
        .await;
        println!("sent {before} bit/s, the line carries {carried}: {:?}", page.session().texts("note").await);
        keep_screenshot("broadcast-lowered.png", &page.session().screenshot().await);
        // What waits in the browser goes down again: it records less than the line carries.
        let watched = watch.plays(20.0, seconds(60)).await;
        assert_eq!((watched.fatal_errors.as_str(), watched.media_error.as_str()), ("0", ""), "{watched:?}");
        page.reaches("live", LIMIT).await;
        let after = sent_bps(&page).await;
        println!("then sent {after} bit/s, {:?} interruptions", page.session().texts("interruptions").await);
        // The page takes for sent what waits in the system and in the line.
        assert!(after <= carried * 5 / 4, "{after} bit/s over a line of {carried}");
    })
    .await;
}

/// The flag that has Chromium's camera show a real film, with its noise.
fn camera(clip: &Path, folder: &Path) -> String {
    let film = folder.join("camera.mjpeg");
    let made = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-i"])
        .arg(clip)
        .args("-t 10 -vf scale=1280:720,noise=alls=12:allf=t -r 30 -c:v mjpeg -q:v 4 -an".split(' '))
        .arg(&film)
        .status();
    assert!(made.expect("ffmpeg starts").success());
    format!("--use-file-for-fake-video-capture={}", film.display())
}

/// Bits that leave the page's computer a second, as it tells.
async fn sent_bps(page: &BroadcastPage) -> u64 {
    until("a bitrate", LIMIT, async || {
        let script = "return Number(document.querySelector('[data-testid=rate]')?.dataset.bps ?? 0)";
        page.session().run(script, vec![]).await.as_u64().filter(|bps| *bps > 0)
    })
    .await
}

//! Renditions are changed while they play: by hand in the watch page's menu, and by hls.js when the line gets narrower and
//! wider. Picture and sound go on without a gap or a repeat.

use std::process::Command;
use std::time::Duration;

use serde_json::json;

use crate::harness::accessibility;
use crate::harness::browser::Browser;
use crate::harness::frames::{Record, record, recorded};
use crate::harness::machine::alone;
use crate::harness::playlist::variants;
use crate::harness::process::Process;
use crate::harness::server::Server;
use crate::harness::throttled_line::ThrottledLine;
use crate::harness::wait::{look_again, seconds, until};
use crate::harness::watch_page::WatchPage;

/// Rows of the source and of the rendition made of it.
const SOURCE: u64 = 360;
const SMALL: u64 = 180;
/// From a choice to its picture: a segment, what is buffered, and a loaded machine.
const SWITCHED: Duration = seconds(45);
/// hls.js measures the line for a while before it believes it.
const ADAPTED: Duration = seconds(60);
/// Pictures per second.
const FPS: f64 = 30.0;
/// What the source takes, and what a line has that is too narrow for it and wide enough for the rendition; bits a second.
const SOURCE_BPS: u32 = 1_500_000;
const NARROW_BPS: u64 = 1_300_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rendition_chosen_by_hand_follows_without_a_stall_a_gap_or_a_repeat() {
    alone(seconds(600), thrice(by_hand)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_that_gets_narrower_and_wider_is_followed_without_a_gap_or_a_repeat() {
    alone(seconds(900), thrice(by_the_line)).await;
}

/// Again when it was not without a fault: a machine that stands still for a moment lets every player run dry.
async fn thrice(play: impl AsyncFn() -> Result<(), String>) {
    let mut faults = Vec::new();
    while faults.len() < 3 {
        let Err(fault) = play().await else { return };
        println!("again, since {fault}");
        faults.push(fault);
    }
    panic!("{faults:#?}");
}

async fn by_hand() -> Result<(), String> {
    let stream = live().await;
    let browser = watched(&stream.server.watch_url(ROOM)).await;
    let session = &browser.session;
    let page = WatchPage(session);
    let generation = page.plays(1.0, seconds(45)).await.generation;
    record(session).await;
    session.click("quality").await;
    assert_eq!(accessibility::faults(session).await, Vec::<String>::new(), "with the menu open");
    session.click("quality").await;
    for (choice, height) in [("180p", SMALL), ("360p", SOURCE), ("180p", SMALL), ("360p", SOURCE)] {
        choose(&browser, choice).await;
        page_shows(&browser, height, SWITCHED).await?;
        page.plays(3.0, seconds(45)).await;
        let label =
            session.run("return document.querySelector('[data-testid=quality]').ariaLabel", vec![]).await;
        assert_eq!(label, format!("Quality: {choice}"));
    }
    let seen = recorded(session).await;
    judge(&seen, 4, STALL_S)?;
    let after = page.player().await.expect("a player");
    assert_eq!((after.generation, &*after.fatal_errors, &*after.media_error), (generation, "0", ""));
    // The choice is remembered, and a page that is opened anew begins with it.
    choose(&browser, "180p").await;
    session.client.refresh().await.expect("the page loads again");
    page_shows(&browser, SMALL, SWITCHED).await?;
    // The sound goes on alone, and the picture comes back to the same player.
    choose(&browser, "Sound only").await;
    until("the picture to go", SWITCHED, async || {
        (page.player().await?.size == (0, 0) && session.shows("sound-only").await).then_some(())
    })
    .await;
    page.plays(3.0, seconds(30)).await;
    choose(&browser, "Automatic").await;
    let back = until("the picture to come back", SWITCHED, async || {
        page.player().await.filter(|player| player.size.1 > 0)
    })
    .await;
    assert_eq!((&*back.generation, &*back.fatal_errors, &*back.media_error), ("1", "0", ""));
    Ok(())
}

async fn by_the_line() -> Result<(), String> {
    let stream = live().await;
    let line = ThrottledLine::to(stream.server.http_address);
    let browser = watched(&format!("http://{}/r/{ROOM}", line.address)).await;
    let session = &browser.session;
    page_shows(&browser, SOURCE, ADAPTED).await?;
    record(session).await;
    line.limit_down(Some(NARROW_BPS));
    page_shows(&browser, SMALL, ADAPTED).await?;
    WatchPage(session).plays(5.0, seconds(45)).await;
    line.limit_down(None);
    page_shows(&browser, SOURCE, ADAPTED).await?;
    let after = WatchPage(session).plays(3.0, seconds(45)).await;
    assert_eq!((&*after.fatal_errors, &*after.media_error), ("0", ""));
    judge(&recorded(session).await, 2, BUFFERED_S)
}

/// Picture and sound went on through every switch, and stood still for `still` seconds at most.
fn judge(seen: &Record, switches: usize, still: f64) -> Result<(), String> {
    println!(
        "{} pictures, switches {:?}, waits {:?}, sound {:?}, jumps {:?}",
        seen.frames.len(),
        seen.switches(),
        seen.waits,
        seen.sound,
        seen.jumps(1.0 / FPS)
    );
    let (heard, silent) = seen.sound;
    let stood = seen.waits.iter().map(|(_, wait)| wait).sum::<f64>();
    let silent_max = SILENT_MAX + (stood / BLOCK_S) as u64 * 2;
    let steps = seen.switches().into_iter().map(|switch| switch.to.at - switch.from.at);
    let rules = [
        (seen.switches().len() >= switches, "too few switches"),
        (stood < still, "it ran dry"),
        (seen.stretches == 1, "media lay apart in the buffer"),
        (seen.seeks == 0, "the player jumped over something"),
        (seen.jumps(1.0 / FPS).is_empty(), "the picture jumped"),
        (steps.into_iter().all(|step| step > 0.0 && step < STEP_MAX_S), "the picture jumped at a switch"),
        (heard > 100, "the sound was not looked at"),
        (silent <= silent_max, "the sound was interrupted"),
    ];
    let broken = rules.iter().find(|(holds, _)| !holds);
    broken.map_or(Ok(()), |(_, fault)| Err(format!("{fault}: {:?}, sound {:?}", seen.waits, seen.sound)))
}

/// From the last picture of one rendition to the first of another: one, and what a busy machine drops.
const STEP_MAX_S: f64 = 0.2;
/// Shorter waits are moments in which the page was not told in time that there is media.
const STALL_S: f64 = 0.3;
/// A line that gets narrower all at once may cost what a live player has buffered, when the machine is busy besides.
const BUFFERED_S: f64 = 1.5;
/// The sound is looked at in blocks of this length.
const BLOCK_S: f64 = 0.02;
/// Blocks of 20 ms that may be silent: those before the first sound came through.
const SILENT_MAX: u64 = 25;

struct Stream {
    server: Server,
    _publisher: Process,
}

async fn live() -> Stream {
    let server = Server::start_with(|config| {
        config.transcode.enabled = true;
        config.transcode.heights = vec![180];
        config.transcode.cpu_percent = 100;
    })
    .await;
    let room = server.room(ROOM).await;
    let publisher = push(&server.rtmp_url(&room.key));
    server.live(ROOM).await;
    until("the rendition", seconds(45), async || {
        let text = server.http.get(&server.playlist_url(ROOM)).await.text().to_owned();
        (variants(&text).len() == 3).then_some(())
    })
    .await;
    Stream { server, _publisher: publisher }
}

/// A picture of even bit rate, so that the line decides and not the picture.
fn push(url: &str) -> Process {
    let mut command = Command::new("ffmpeg");
    command.args(
        "-nostdin -hide_banner -loglevel warning -re -f lavfi -i testsrc2=size=640x360:rate=30".split(' '),
    );
    command.args("-re -f lavfi -i sine=frequency=440:sample_rate=48000".split(' '));
    command
        .args("-vf noise=alls=12:allf=t -c:v libx264 -preset ultrafast -tune zerolatency -g 30".split(' '));
    let rate = SOURCE_BPS.to_string();
    command.args(["-b:v", &rate, "-maxrate", &rate, "-bufsize", &rate, "-nal-hrd", "cbr"]);
    command.args("-pix_fmt yuv420p -c:a aac -b:a 96k -f flv".split(' '));
    Process::start("ffmpeg (publisher)", command.arg(url))
}

async fn watched(url: &str) -> Browser {
    let browser = Browser::open(url).await;
    WatchPage(&browser.session).plays(2.0, seconds(60)).await;
    browser
}

/// Chooses from the menu, as a person does.
async fn choose(browser: &Browser, name: &str) {
    let session = &browser.session;
    session.click("quality").await;
    let script = "const entry = [...document.querySelectorAll('[role=menuitemradio]')]
            .find((entry) => entry.innerText.trim().startsWith(arguments[0]));
        entry?.click();
        return Boolean(entry)";
    let clicked = session.run(script, vec![json!(name)]).await;
    assert_eq!(clicked, true, "the menu has no {name}");
}

async fn page_shows(browser: &Browser, height: u64, limit: Duration) -> Result<(), String> {
    let page = WatchPage(&browser.session);
    let shown = async {
        while page.player().await.is_none_or(|player| player.size.1 != height) {
            look_again().await;
        }
    };
    let in_time = tokio::time::timeout(limit, shown).await;
    in_time.map_err(|_| format!("no picture of {height} rows within {limit:?}"))
}

const ROOM: &str = "switching";

//! The desktop app where things happen in an order that nobody planned: the only server refuses, the file that is written is
//! taken away, and the origin stops while somebody edits another destination.

use serde_json::json;
use tempfile::TempDir;

use crate::desktop_destinations::{fill, is};
use crate::harness::desktop_app::DesktopApp;
use crate::harness::display::Display;
use crate::harness::machine::alone;
use crate::harness::server::Server;
use crate::harness::sound::SoundServer;
use crate::harness::studio_page::{LIMIT, Looks};
use crate::harness::wait::{seconds, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happens_in_an_odd_order_is_told_and_mended() {
    alone(seconds(300), odd()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_of_any_kind_and_as_many_scenes_as_there_can_be_stay_in_their_places() {
    alone(seconds(300), crowded()).await;
}

async fn crowded() {
    let server = Server::start().await;
    let display = Display::start(1280, 800).await;
    let sound = SoundServer::start().await;
    let app = DesktopApp::start_in(&display, &sound, settings(&server)).await;
    let mut looks = Looks::default();
    app.comes_to_show("go-live", LIMIT).await;
    ask(&app, "set_language", json!({"language": "en"})).await;
    app.press("edit-destination", &["form-save"]).await;
    fill(&app, "form-name", HOSTILE).await;
    app.session.click("form-save").await;
    is(&app, HOSTILE, "ready").await;

    let fill_up = "(async () => {
        for (let at = 1; at < 50; at += 1) {
            const scene = await window.__TAURI_INTERNALS__.invoke('edit_scenes', { edit: { type: 'add-scene' }, gesture: null });
            const edit = { type: 'rename-scene', scene, name: arguments[0].repeat(2).slice(0, 60) };
            await window.__TAURI_INTERNALS__.invoke('edit_scenes', { edit, gesture: null });
        }
    })()";
    app.session.run(fill_up, vec![json!(HOSTILE)]).await;
    let count = "return document.querySelectorAll('[data-testid=scene]').length";
    until("fifty scenes", LIMIT, async || (app.session.run(count, vec![]).await == json!(50)).then_some(()))
        .await;
    let last = "const all = document.querySelectorAll('[data-testid=scene]'); const it = all[all.length - 1];
        const [row, list] = [it.getBoundingClientRect(), it.parentElement.getBoundingClientRect()];
        return it.ariaSelected === 'true' && row.bottom <= list.bottom + 1";
    until("the scene that was added last to be in sight", LIMIT, async || {
        (app.session.run(last, vec![]).await == json!(true)).then_some(())
    })
    .await;
    app.press("scene-add", &["notice"]).await;
    told(&app, "That did not work: there are as many as there can be: 50").await;

    let resized = app.session.client.set_window_size(1_024, 680).await;
    resized.expect("the window takes a size");
    looks.everywhere(&app, "studio-crowded").await;
    let wider = "return document.documentElement.scrollWidth - window.innerWidth";
    assert_eq!(app.session.run(wider, vec![]).await, json!(0), "the window scrolls sideways");
    let ran = app.session.run("return window.hostile === true || !!document.querySelector('main b')", vec![]);
    assert_eq!(ran.await, json!(false), "a name became a part of the page");
    assert_eq!(looks.faults, Vec::<String>::new());
}

async fn odd() {
    let server = Server::start().await;
    let display = Display::start(1280, 800).await;
    let sound = SoundServer::start().await;
    let app = DesktopApp::start_in(&display, &sound, settings(&server)).await;
    let mut looks = Looks::default();
    app.comes_to_show("go-live", LIMIT).await;
    the_only_one_refuses(&app, &mut looks).await;
    the_recordings_file_goes(&app, &mut looks).await;
    another_is_edited_while_the_origin_is_off(&app).await;
    assert_eq!(looks.faults, Vec::<String>::new());
    app.press("end", &["end-confirm"]).await;
    app.press("end-confirm", &["summary"]).await;
}

/// Who refused, and why, is said in the window's language, and leads to where it is mended.
async fn the_only_one_refuses(app: &DesktopApp, looks: &mut Looks) {
    app.press("go-live", &["countdown", "connecting", "notice"]).await;
    told(app, "没有发送到 Relay：服务器不接受这个推流密钥：").await;
    looks.everywhere(app, "studio-refused").await;
    app.press("notice-action", &["form-save"]).await;
    app.session.click("form-cancel").await;
    until("the form to close", LIMIT, async || (!app.session.shows("form-save").await).then_some(())).await;
    ask(app, "set_language", json!({"language": "en"})).await;
    told(app, "Nothing is sent to Relay: the server refuses the stream key: ").await;
    app.session.click("switch-0").await;
    is(app, "This computer", "ready").await;
    app.session.click("switch-1").await;
    is(app, "Relay", "off").await;
}

/// A recording whose file is taken away ends with words, and the broadcast goes on.
async fn the_recordings_file_goes(app: &DesktopApp, looks: &mut Looks) {
    app.press("go-live", &["countdown", "connecting", "live-timer"]).await;
    app.comes_to_show("live-timer", LIMIT).await;
    app.press("record", &["record-stop"]).await;
    let recordings = app.data().join("recordings");
    until("something to be written", LIMIT, async || {
        let files = std::fs::read_dir(&recordings).ok()?;
        let written = files.flatten().any(|file| file.metadata().is_ok_and(|known| known.len() > 50_000));
        written.then_some(())
    })
    .await;
    std::fs::remove_dir_all(&recordings).expect("it is there");
    told(app, "Nothing is recorded; a broadcast is not affected. (its file was removed)").await;
    looks.everywhere(app, "studio-recording-removed").await;
    assert!(app.session.shows("live-timer").await, "the broadcast ended with its recording");
    // The folder is made again for the next one.
    app.press("record", &["record-stop"]).await;
    app.press("record-stop", &["record"]).await;
    assert!(recordings.is_dir());
}

/// The broadcast waits for the origin whatever is done to another destination, and goes on when it is there.
async fn another_is_edited_while_the_origin_is_off(app: &DesktopApp) {
    ask(app, "stop_origin", json!({})).await;
    is(app, "This computer", "retrying").await;
    app.press("edit-destination", &["form-save"]).await;
    fill(app, "form-name", "Relay two").await;
    app.session.click("form-save").await;
    is(app, "Relay two", "off").await;
    is(app, "This computer", "retrying").await;
    ask(app, "start_origin", json!({})).await;
    is(app, "This computer", "live").await;
    app.comes_to_show("live-timer", LIMIT).await;
}

/// Asks the program as the page does.
async fn ask(app: &DesktopApp, command: &str, arguments: serde_json::Value) {
    let script = "window.__TAURI_INTERNALS__.invoke(arguments[0], arguments[1])";
    app.session.run(script, vec![json!(command), arguments]).await;
}

/// A notice begins with these words.
async fn told(app: &DesktopApp, words: &str) {
    until(&format!("a notice: {words}"), LIMIT, async || {
        app.session.texts("notice").await.iter().any(|notice| notice.trim().starts_with(words)).then_some(())
    })
    .await;
}

/// Forty letters without a place to break them, which a page that took them for more would show or run.
const HOSTILE: &str = "<b>W</b><img/src=x/onerror=hostile=true>";

/// A data folder in which a server that does not know the key is the only destination, and pictures are small enough for a busy
/// machine.
fn settings(server: &Server) -> TempDir {
    let data = TempDir::new().expect("a temporary folder");
    let write = |name: &str, content: serde_json::Value| {
        std::fs::write(data.path().join(name), content.to_string()).expect("the folder can be written");
    };
    write(
        "settings.json",
        json!({"origin": {"http": "127.0.0.1:0", "rtmp": "127.0.0.1:0"}, "language": "zh-CN",
            "without_this_computer": true, "without_countdown": true,
            "output": {"width": 320, "height": 180, "fps": 15, "bitrateKbps": 500, "floorKbps": 100}}),
    );
    let relay = json!({"id": 1, "name": "Relay", "service": "rtmp", "key": "not-a-key", "passphrase": "", "on": true,
        "address": format!("rtmp://{}/live", server.rtmp_address)});
    write("destinations.json", json!([relay]));
    data
}

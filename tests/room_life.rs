//! A room from its settings to its archive: what its owner says about it, who may play it, who follows it, and where else
//! it is shown.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::harness::accessibility;
use crate::harness::browser::{Browser, Session};
use crate::harness::environment::keep_screenshot;
use crate::harness::machine::{alone, beside_others};
use crate::harness::publisher::push_pattern;
use crate::harness::server::Server;
use crate::harness::settings_page::SettingsPage;
use crate::harness::viewer::media_playlist_url;
use crate::harness::wait::{seconds, until};
use crate::harness::watch_page::WatchPage;
use crate::harness::web_player::{Library, look, open, watch};
use crate::players;

/// For a page to load and its origin to answer, on a busy machine.
const LIMIT: Duration = seconds(40);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mpv_ffplay_and_hls_js_play_a_private_room_with_a_limit_through_its_signed_link() {
    beside_others(seconds(240), async {
        let server = Server::start().await;
        let room = server.room("class").await;
        let _publisher = push_pattern(&server.rtmp_url(&room.key));
        server.live("class").await;
        // FFmpeg gives up on a playlist without a whole segment.
        let main = media_playlist_url(&server.http, &server.playlist_url("class")).await;
        until("whole segments", LIMIT, async || {
            let text = server.http.get(&main).await.text().to_owned();
            (text.matches("#EXTINF").count() >= 3).then_some(())
        })
        .await;
        set(&server, "class", &json!({"visibility": "private", "viewer_limit": 3})).await;
        assert_eq!(server.http.get(&server.playlist_url("class")).await.status.as_u16(), 403);
        let owners = Browser::start().await;
        let page = SettingsPage(&owners.session);
        page.sign_in(&server).await;
        page.open(&server, "class", "stream", LIMIT).await;
        page.shows("player-link", LIMIT).await;
        choose(&owners.session, "player-link-hours", "24").await;
        owners.session.click("player-link").await;
        page.shows("player-link-text", LIMIT).await;
        let url = page.value("player-link-text").await;
        let url = url.as_str();
        assert!(url.contains("?expires=") && url.contains("&signature="), "{url}");
        assert_eq!(accessibility::faults(&owners.session).await, Vec::<String>::new());
        keep_screenshot("web-player-link.png", &owners.session.screenshot().await);
        tokio::join!(players::mpv(url), players::ffplay(url));
        // A page of another site, with no cookie of this one.
        let (address, elsewhere) = serve_page("<!doctype html><title>Elsewhere</title>".to_owned()).await;
        let browser = open(Library::HlsJs, &format!("http://{address}/"), url).await;
        let session = &browser.session;
        let played = watch(session, seconds(8), LIMIT).await;
        assert!(played.moved_s > 5.0 && played.decoded.0 > 100 && played.decoded.1 > 0, "{played:?}");
        assert_eq!(played.errors, Vec::<String>::new());
        // Its end is the end of what plays by it.
        owners.session.click("player-links-end").await;
        page.says("player-link-said", "No link", LIMIT).await;
        assert_eq!(server.http.get(url).await.json()["code"], json!("link_wrong"));
        until("the player to stop", LIMIT, async || {
            let errors = look(session).await["errors"].clone();
            errors.as_array().is_some_and(|errors| !errors.is_empty()).then_some(())
        })
        .await;
        elsewhere.abort();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_sets_a_room_up_and_a_viewer_finds_and_follows_it() {
    beside_others(seconds(240), async {
        let server = Server::start().await;
        server.room("garden").await;
        let browser = Browser::start().await;
        let session = &browser.session;
        let page = SettingsPage(session);
        page.sign_in(&server).await;
        page.open(&server, "garden", "stream", LIMIT).await;
        session.type_into("room-about", "Roses and <b>soil</b>").await;
        session.type_into("room-tags", "plants, outdoors").await;
        session.click("room-save").await;
        told(&server, "garden", "tags", json!(["plants", "outdoors"])).await;
        session.click("refuse-second").await;
        session.type_into("viewer-limit", "12").await;
        session.click("watch-save").await;
        told(&server, "garden", "second_publisher", json!("refused")).await;
        told(&server, "garden", "viewer_limit", json!(12)).await;

        page.open(&server, "garden", "schedule", LIMIT).await;
        page.shows("next-at", LIMIT).await;
        // Typing into a field for moments is different in every language of a browser.
        let script = "const field = document.querySelector('[data-testid=next-at]');
            const soon = new Date(Date.now() + 2 * 86400000 - new Date().getTimezoneOffset() * 60000);
            field.value = soon.toISOString().slice(0, 16);
            field.dispatchEvent(new Event('input', { bubbles: true }));";
        session.run(script, vec![]).await;
        session.click("next-save").await;
        until("the date", LIMIT, async || {
            server.describe("garden").await["next_at_ms"].is_i64().then_some(())
        })
        .await;

        page.open(&server, "garden", "people", LIMIT).await;
        page.shows("who-writes", LIMIT).await;
        choose(session, "who-writes", "followers").await;
        page.says("people-said", "Saved", LIMIT).await;
        assert_eq!(accessibility::faults(session).await, Vec::<String>::new());
        session.type_into("roster", "Ada\nBen").await;
        session.click("roster-save").await;
        told(&server, "garden", "roster", json!(["Ada", "Ben"])).await;

        session.client.goto(&server.url("/?search=ROSES&tag=plants")).await.unwrap();
        page.says("room-card", "garden", LIMIT).await;
        session.client.goto(&server.url("/?search=tulips")).await.unwrap();
        page.shows("search-none", LIMIT).await;
        session.client.goto(&server.url("/")).await.unwrap();
        page.says("soon", "garden", LIMIT).await;

        session.client.goto(&server.watch_url("garden")).await.unwrap();
        page.says("description", "<b>soil</b>", LIMIT).await;
        page.says("next-live", "in 1 day", LIMIT).await;
        until("the button", LIMIT, async || session.offers("follow").await.then_some(())).await;
        session.click("follow").await;
        page.says("followers", "1 follower", LIMIT).await;
        told(&server, "garden", "followers", json!(1)).await;
        session.client.goto(&server.url("/")).await.unwrap();
        page.says("following", "garden", LIMIT).await;

        page.open(&server, "garden", "ending", LIMIT).await;
        page.shows("archive", LIMIT).await;
        session.click("archive").await;
        page.shows("archived", LIMIT).await;
        let listed = server.http.get(&server.url("/api/v1/rooms")).await.json();
        assert_eq!(
            listed["rooms"].as_array().map(Vec::len),
            Some(1),
            "the owner's first room alone: {listed}"
        );
        session.click("delete-ask").await;
        assert!(!session.offers("delete-go").await, "its name is not written yet");
        session.type_into("delete-name", "garden").await;
        until("the button", LIMIT, async || session.offers("delete-go").await.then_some(())).await;
        session.click("delete-go").await;
        until("the room to be gone", LIMIT, async || {
            (server.http.get(&server.url("/api/v1/rooms/garden")).await.status.as_u16() == 404).then_some(())
        })
        .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_another_site_shows_the_player_and_no_other_page() {
    alone(seconds(180), async {
        let server = Server::start().await;
        let room = server.room("framed").await;
        let _publisher = push_pattern(&server.rtmp_url(&room.key));
        server.live("framed").await;
        let html = format!(
            "<!doctype html><title>elsewhere</title><iframe width=640 height=360 allow=autoplay src='{}'></iframe>
             <iframe width=640 height=360 src='{}'></iframe>",
            server.url("/embed/framed"),
            server.watch_url("framed")
        );
        let (address, elsewhere) = serve_page(html).await;
        let browser = Browser::open(&format!("http://{address}/")).await;
        let session = &browser.session;
        session.client.enter_frame(0).await.expect("the first frame");
        let played = WatchPage(session).plays(2.0, LIMIT).await;
        assert_eq!(played.fatal_errors, "0", "{played:?}");
        let muted = session.run("return document.querySelector('video').muted", vec![]).await;
        assert_eq!(muted, json!(true), "it begins without sound");
        let link = session.run("return document.querySelector('[data-testid=embed-open]').href", vec![]).await;
        assert_eq!(link, json!(server.watch_url("framed")));
        session.client.enter_parent_frame().await.expect("the page around it");
        keep_screenshot("web-embed.png", &session.screenshot().await);
        session.client.enter_frame(1).await.expect("the second frame");
        assert!(!session.shows("player").await, "the watch page is not framed");
        elsewhere.abort();
    })
    .await;
}

/// Serves one page at a port of its own.
async fn serve_page(html: String) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let task = tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            // The page's own request fits one read; what it asks for besides gets the same answer.
            let mut request = [0; 8 << 10];
            let _ = socket.read(&mut request).await;
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
                html.len()
            );
            let _ = socket.write_all((head + &html).as_bytes()).await;
            let _ = socket.shutdown().await;
        }
    });
    (address, task)
}

/// Chooses an option of a list, as a person would.
async fn choose(session: &Session, test_id: &str, value: &str) {
    let script = "const list = document.querySelector(`[data-testid='${arguments[0]}']`);
        list.value = arguments[1]; list.dispatchEvent(new Event('change', { bubbles: true }));";
    session.run(script, vec![json!(test_id), json!(value)]).await;
}

async fn set(server: &Server, room: &str, change: &Value) {
    let url = server.url(&format!("/api/v1/rooms/{room}"));
    let changed = server.http.patch_as(&server.owner.token, &url, change).await;
    assert!(changed.status.is_success(), "{}", changed.text());
}

/// Waits until the origin tells the owner a value about a room.
async fn told(server: &Server, room: &str, name: &str, value: Value) {
    until(&format!("{name} to be {value}"), LIMIT, async || {
        (server.describe(room).await[name] == value).then_some(())
    })
    .await;
}

//! Every page, in both themes, both languages and on a phone: what axe finds, and a screenshot for people.

use std::time::Duration;

use serde_json::json;

use crate::harness::accessibility;
use crate::harness::browser::{Browser, Session};
use crate::harness::environment::keep_screenshot;
use crate::harness::machine::alone;
use crate::harness::process::Process;
use crate::harness::publisher::push_pattern;
use crate::harness::server::{Room, Server};
use crate::harness::settings_page::SettingsPage;
use crate::harness::wait::{seconds, until};
use crate::harness::watch_page::WatchPage;

/// Starting a browser, and whatever a page shows, on a busy machine.
const LIMIT: Duration = seconds(40);

/// A look of the pages; with them every theme, language and width is met by every other.
struct Look {
    name: &'static str,
    theme: &'static str,
    language: &'static str,
}

const DESKTOP: [Look; 2] = [
    Look { name: "dark", theme: "dark", language: "en" },
    Look { name: "light-zh", theme: "light", language: "zh-CN" },
];
const PHONE: [Look; 2] = [
    Look { name: "phone-light", theme: "light", language: "en" },
    Look { name: "phone-dark-zh", theme: "dark", language: "zh-CN" },
];

/// Pages that only have to be opened, by an owner who is an administrator: what they are called here, where they are, and
/// what each shows when it is there.
const PAGES: [(&str, &str, &str); 14] = [
    ("settings-people", "/r/lakeside/settings#people", "who-writes"),
    ("settings-schedule", "/r/lakeside/settings#schedule", "next-at"),
    ("settings-appearance", "/r/lakeside/settings#appearance", "embed-code"),
    ("settings-ending", "/r/lakeside/settings#ending", "archive"),
    ("admin-users", "/admin#users", "user"),
    ("admin-health", "/admin#health", "health"),
    ("admin-rooms", "/admin#rooms", "admin-room"),
    ("admin-invitations", "/admin#invitations", "invite-go"),
    ("admin-gifts", "/admin#gifts", "catalogue-gift"),
    ("admin-webhooks", "/admin#webhooks", "hook-add"),
    ("admin-settings", "/admin#settings", "archive-days"),
    ("account", "/account", "account"),
    ("rooms", "/rooms", "own-room"),
    ("search", "/?search=lake", "room-card"),
];

/// The same for whoever is not signed in: the ways in.
const WAYS_IN: [(&str, &str, &str); 6] = [
    ("signin", "/signin", "signin"),
    ("register", "/register", "register"),
    ("forgot", "/forgot", "send-letter"),
    ("reset", "/reset#0123456789abcdef", "set-password"),
    ("confirm", "/confirm#0123456789abcdef", "confirm"),
    ("setup", "/setup", "set-up"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_is_sound_in_every_look() {
    alone(seconds(900), async {
        let server = Server::start().await;
        let (rooms, _publishers) = busy(&server).await;
        let mut faults = Vec::new();
        let desktop = Browser::start().await;
        for look in DESKTOP {
            faults.extend(walk(&server, &rooms, &desktop.session, &look).await);
        }
        drop(desktop);
        let phone = Browser::start_phone().await;
        for look in PHONE {
            faults.extend(walk(&server, &rooms, &phone.session, &look).await);
        }
        assert_eq!(faults, Vec::<String>::new());
    })
    .await;
}

/// Two rooms that are live, the first with a recording, and one that is not.
async fn busy(server: &Server) -> (Vec<Room>, Vec<Process>) {
    let rooms = vec![
        server.recorded_room("lakeside").await,
        server.recorded_room("piano").await,
        server.room("biology").await,
    ];
    let first = push_pattern(&server.rtmp_url(&rooms[0].key));
    server.live(&rooms[0].room).await;
    until("something to record", LIMIT, async || {
        let told = server.describe(&rooms[0].room).await;
        (told["picture"].is_string() && told["recording"]["writing"].is_string()).then_some(())
    })
    .await;
    first.signal("INT");
    until("the recording", LIMIT, async || {
        let told = server.http.get(&server.url("/api/v1/rooms/lakeside/recordings")).await.json();
        (told["recordings"][0]["state"] == "done").then_some(())
    })
    .await;
    let publishers = rooms[..2].iter().map(|room| push_pattern(&server.rtmp_url(&room.key))).collect();
    for room in &rooms[..2] {
        server.live(&room.room).await;
    }
    (rooms, publishers)
}

/// Every page in one look: a screenshot of each, and what axe finds.
async fn walk(server: &Server, rooms: &[Room], session: &Session, look: &Look) -> Vec<String> {
    let room = &rooms[0].room;
    session.client.goto(&server.url("/favicon.svg")).await.unwrap();
    let set = "localStorage.setItem('rostrum.theme', arguments[0]);
        localStorage.setItem('rostrum.language', arguments[1]);";
    session.run(set, vec![json!(look.theme), json!(look.language)]).await;
    let mut faults = Vec::new();
    let go = async |path: String| session.client.goto(&server.url(&path)).await.unwrap();

    go("/".to_owned()).await;
    until("both pictures", LIMIT, async || {
        let script = "return [...document.querySelectorAll('[data-testid=thumbnail]')].filter((it) => it.naturalWidth > 0).length";
        (session.run(script, vec![]).await.as_u64()? == 2).then_some(())
    })
    .await;
    faults.extend(seen(session, look, "home").await);

    go(format!("/r/{room}")).await;
    // The first move may be the jump to the live edge.
    let watch = WatchPage(session);
    watch.plays(1.0, LIMIT).await;
    watch.plays(1.0, LIMIT).await;
    faults.extend(seen(session, look, "watch").await);

    go(format!("/embed/{room}")).await;
    watch.plays(1.0, LIMIT).await;
    faults.extend(seen(session, look, "embed").await);

    go("/r/biology".to_owned()).await;
    until("the offline card", LIMIT, async || session.shows("offline").await.then_some(())).await;
    faults.extend(seen(session, look, "watch-offline").await);

    let recording = server.http.get(&server.url(&format!("/api/v1/rooms/{room}/recordings"))).await.json();
    let done = recording["recordings"].as_array().into_iter().flatten().find(|one| one["state"] == "done");
    go(done.expect("a recording")["page"].as_str().expect("a page").to_owned()).await;
    until("the replay", LIMIT, async || {
        let ready = "return document.querySelector('video')?.dataset.state === 'ready'";
        session.run(ready, vec![]).await.as_bool().filter(|ready| *ready)
    })
    .await;
    faults.extend(seen(session, look, "replay").await);

    faults.extend(walk_as_owner(server, room, session, look).await);
    faults
}

/// The pages of whoever owns the room, and the server.
async fn walk_as_owner(server: &Server, room: &str, session: &Session, look: &Look) -> Vec<String> {
    let go = async |path: String| session.client.goto(&server.url(&path)).await.unwrap();
    let mut faults = Vec::new();
    let page = SettingsPage(session);
    session.client.delete_all_cookies().await.unwrap();
    go(format!("/r/{room}/settings")).await;
    page.shows("settings-gate", LIMIT).await;
    faults.extend(seen(session, look, "settings-gate").await);
    for (name, path, shows) in WAYS_IN {
        go(path.to_owned()).await;
        page.shows(shows, LIMIT).await;
        faults.extend(seen(session, look, name).await);
    }
    page.sign_in(server).await;
    page.open(server, room, "stream", LIMIT).await;
    page.shows("input-facts", LIMIT).await;
    session.run("document.querySelector('details').open = true", vec![]).await;
    faults.extend(seen(session, look, "settings-stream").await);
    session.click("end-ask").await;
    faults.extend(seen(session, look, "settings-end").await);
    page.open(server, room, "replays", LIMIT).await;
    session.client.refresh().await.unwrap();
    until("both recordings", LIMIT, async || (session.texts("replay-row").await.len() == 2).then_some(()))
        .await;
    faults.extend(seen(session, look, "settings-replays").await);

    for (name, path, shows) in PAGES {
        go(path.to_owned()).await;
        page.shows(shows, LIMIT).await;
        faults.extend(seen(session, look, name).await);
    }

    go(format!("/r/{room}/broadcast")).await;
    until("the page", LIMIT, async || session.offers("go-live").await.then_some(())).await;
    faults.extend(seen(session, look, "broadcast").await);
    faults
}

/// Keeps a screenshot, and answers what axe finds and whether the page is wider than its window.
async fn seen(session: &Session, look: &Look, page: &str) -> Vec<String> {
    keep_screenshot(&format!("web-{page}-{}.png", look.name), &session.screenshot().await);
    let mut faults = accessibility::faults(session).await;
    let wide = "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
    if session.run(wide, vec![]).await.as_i64().unwrap_or(0) > 0 {
        faults.push("the page scrolls sideways".to_owned());
    }
    let shown = session.run("return document.documentElement.lang", vec![]).await;
    if shown != look.language {
        faults.push(format!("the page speaks {shown}"));
    }
    faults.into_iter().map(|fault| format!("{page}, {}: {fault}", look.name)).collect()
}

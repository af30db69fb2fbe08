//! A broadcaster's own rooms: a new one, its key that is shown once, and one that rests and comes back.

use std::time::Duration;

use serde_json::json;

use crate::harness::accessibility::faults;
use crate::harness::browser::{Browser, Session};
use crate::harness::environment::keep_screenshot;
use crate::harness::machine::beside_others;
use crate::harness::people;
use crate::harness::publisher::push_pattern;
use crate::harness::server::Server;
use crate::harness::settings_page::SettingsPage;
use crate::harness::wait::{seconds, until};

/// For a page to load and its origin to answer, on a busy machine.
const LIMIT: Duration = seconds(40);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broadcaster_makes_a_room_goes_live_with_its_key_and_brings_an_archived_one_back() {
    beside_others(seconds(400), async {
        let server = Server::start().await;
        people::account(&server, "ella", "broadcaster").await;
        people::account(&server, "otto", "viewer").await;
        let browser = Browser::start().await;
        let session = &browser.session;
        let page = SettingsPage(session);
        people::sign_in(session, &server, "ella").await;
        session.client.goto(&server.url("/")).await.unwrap();
        page.shows("person", LIMIT).await;
        session.click("person").await;
        session.click("own-rooms").await;
        page.shows("own-none", LIMIT).await;
        keep_screenshot("own-rooms-none.png", &session.screenshot().await);

        make(session, "Evening piano", "public").await;
        page.shows("room-made", LIMIT).await;
        let key = page.value("once").await;
        assert_eq!(key.len(), 32, "the key: {key}");
        keep_screenshot("own-rooms-made.png", &session.screenshot().await);
        assert_eq!(faults(session).await, Vec::<String>::new(), "with a new key");
        let _publisher = push_pattern(&server.rtmp_url(&key));
        page.says("own-state", "Live", LIMIT).await;

        // The address is somebody's now; the key is shown no second time.
        session.client.refresh().await.unwrap();
        page.shows("own-room", LIMIT).await;
        assert!(!session.shows("once").await, "the key is shown once");
        make(session, "Evening piano", "public").await;
        page.says("room-taken", "already", LIMIT).await;
        assert_eq!(faults(session).await, Vec::<String>::new(), "with an address that is taken");

        session.run("document.querySelector('[data-testid=new-address]').value = ''", vec![]).await;
        session.type_into("new-address", "class-10b").await;
        session.click("new-private").await;
        session.type_into("new-password", "code of the class").await;
        session.click("room-make").await;
        page.shows("room-made", LIMIT).await;
        let url = server.url("/api/v1/rooms/class-10b");
        let made = server.http.get_as(&server.owner.token, &url).await.json();
        let told = (&made["visibility"], &made["has_password"], &made["owner"]);
        assert_eq!(told, (&json!("private"), &json!(true), &json!("ella")), "{made}");
        session.click("room-made-done").await;
        until("both rooms", LIMIT, async || (session.texts("own-room").await.len() == 2).then_some(())).await;

        let archived = server.http.patch_as(&server.owner.token, &url, &json!({"archived": true})).await;
        assert!(archived.status.is_success(), "{}", archived.text());
        page.shows("archived-room", LIMIT).await;
        keep_screenshot("own-rooms.png", &session.screenshot().await);
        session.click("own-back").await;
        until("both rooms again", LIMIT, async || (session.texts("own-room").await.len() == 2).then_some(()))
            .await;
        assert!(!session.shows("archived-room").await, "nothing rests any more");
        let mut links = session.texts("own-watch").await;
        links.dedup();
        assert_eq!(links, ["Watch page"]);

        session.client.delete_all_cookies().await.unwrap();
        session.client.goto(&server.url("/rooms")).await.unwrap();
        page.shows("rooms-guest", LIMIT).await;
        people::sign_in(session, &server, "otto").await;
        session.client.goto(&server.url("/rooms")).await.unwrap();
        page.shows("rooms-viewer", LIMIT).await;
        session.click("person").await;
        assert!(!session.shows("own-rooms").await, "viewers own none");
    })
    .await;
}

async fn make(session: &Session, title: &str, visibility: &str) {
    SettingsPage(session).shows("new-title", LIMIT).await;
    session.type_into("new-title", title).await;
    session.click(&format!("new-{visibility}")).await;
    session.click("room-make").await;
}

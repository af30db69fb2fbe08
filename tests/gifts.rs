//! Gifts in real browsers: a viewer gives one, a guest cannot, and an administrator keeps the catalogue.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::accessibility::faults;
use crate::harness::browser::{Browser, Session};
use crate::harness::chat::Chat;
use crate::harness::environment::keep_screenshot;
use crate::harness::machine::beside_others;
use crate::harness::server::Server;
use crate::harness::wait::{seconds, until};

/// For a page to load and its origin to answer, on a busy machine.
const LIMIT: Duration = seconds(40);

async fn offered(session: &Session, test_id: &str) {
    until(test_id, LIMIT, async || session.offers(test_id).await.then_some(())).await;
}

/// Signs an account in that is made for it, and opens a page.
async fn signed_in(server: &Server, name: &str, role: &str, page: &str) -> (Browser, i64) {
    let who = json!({"name": name, "password": "correct horse", "role": role});
    let made = server.http.post_as(&server.owner.token, &server.url("/api/v1/accounts"), &who).await;
    let id = made.json()["id"].as_i64().unwrap_or_else(|| panic!("{}", made.text()));
    let browser = Browser::open(&server.url(&format!("/signin?next={page}"))).await;
    offered(&browser.session, "signin").await;
    browser.session.type_into("name", name).await;
    browser.session.type_into("password", "correct horse").await;
    browser.session.click("signin").await;
    (browser, id)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_gives_a_gift_that_others_see_and_an_administrator_keeps_the_catalogue() {
    beside_others(seconds(300), async {
        let server = Server::start().await;
        server.room("demo").await;
        let (viewer, id) = signed_in(&server, "ada", "viewer", "/r/demo").await;
        let url = server.url(&format!("/api/v1/accounts/{id}/points"));
        let granted = server.http.post_as(&server.owner.token, &url, &json!({"points": 50})).await;
        assert!(granted.status.is_success(), "{}", granted.text());
        let guest = Browser::open(&server.watch_url("demo")).await;
        offered(&guest.session, "chat-input").await;

        let session = &viewer.session;
        offered(session, "gifts-toggle").await;
        session.click("gifts-toggle").await;
        offered(session, "gift-star").await;
        session.click("gift-star").await;
        offered(session, "gift-give").await;
        assert_eq!(faults(session).await, Vec::<String>::new());
        session.click("gift-give").await;
        for watching in [session, &guest.session] {
            until("the gift's line", LIMIT, async || {
                let lines = watching.texts("chat-gift").await;
                lines.iter().any(|line| line.contains("ada") && line.contains("Star")).then_some(())
            })
            .await;
        }
        until("the points that are left", LIMIT, async || {
            let left = "return document.querySelector('[data-testid=gifts-points]')?.dataset.points";
            (session.run(left, vec![]).await == json!("30")).then_some(())
        })
        .await;
        // Somebody who has said nothing, and so stands in no list.
        let mut quiet = Chat::join(server.http_address, "demo", "Quiet").await;
        quiet.frame("welcome").await.expect("a welcome");
        let script = "const list = document.querySelector('[data-testid=gift-to]');
            list.value = '@'; list.dispatchEvent(new Event('change', { bubbles: true }))";
        session.run(script, vec![]).await;
        offered(session, "gift-to-name").await;
        session.type_into("gift-to-name", "quiet").await;
        session.click("gift-give").await;
        let gift = quiet.frame("gift").await.expect("a gift");
        assert_eq!((&gift["from"]["name"], &gift["to"]["name"]), (&json!("ada"), &json!("Quiet")), "{gift}");
        until("the gift's line", LIMIT, async || {
            let lines = session.texts("chat-gift").await;
            lines.iter().any(|line| line.contains("ada") && line.contains("Quiet")).then_some(())
        })
        .await;
        assert_eq!(faults(session).await, Vec::<String>::new());
        keep_screenshot("gifts-viewer.png", &session.screenshot().await);
        assert!(!guest.session.shows("gifts-toggle").await, "a guest has nothing to give");
        assert_eq!(faults(&guest.session).await, Vec::<String>::new());
        drop((viewer, guest));
        keeps_the_catalogue(&server).await;
    })
    .await;
}

async fn keeps_the_catalogue(server: &Server) {
    let (admin, _) = signed_in(server, "rita", "admin", "/account").await;
    let session = &admin.session;
    until("the account", LIMIT, async || session.shows("account").await.then_some(())).await;
    session.client.goto(&server.url("/admin#gifts")).await.expect("the page");
    offered(session, "save-gift").await;
    for (field, text) in [("new-emoji", "*"), ("new-id", "moon"), ("new-name", "Moon")] {
        session.type_into(field, text).await;
    }
    session.click("save-gift").await;
    until("the new gift", LIMIT, async || {
        let gifts = session.texts("catalogue-gift").await;
        gifts.iter().any(|gift| gift.contains("Moon")).then_some(())
    })
    .await;
    assert_eq!(faults(session).await, Vec::<String>::new());
    keep_screenshot("gifts-admin.png", &session.screenshot().await);
    session.client.goto(&server.url("/admin#webhooks")).await.expect("the page");
    offered(session, "hook-add").await;
    session.type_into("hook-url", "https://hooks.example/rostrum").await;
    session.click("hook-add").await;
    offered(session, "hook-log").await;
    session.click("hook-log").await;
    assert_eq!(faults(session).await, Vec::<String>::new());
    keep_screenshot("webhooks-admin.png", &session.screenshot().await);
    let listed = server.http.get_as(&server.owner.token, &server.url("/api/v1/webhooks")).await.json();
    assert_eq!(listed["webhooks"][0]["url"], Value::from("https://hooks.example/rostrum"));
}

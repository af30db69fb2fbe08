//! Signing in, and who may come into a room, in real browsers.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::broadcast_page::BroadcastPage;
use crate::harness::browser::{Browser, Session};
use crate::harness::machine::{alone, beside_others};
use crate::harness::publisher::push_pattern;
use crate::harness::server::Server;
use crate::harness::settings_page::SettingsPage;
use crate::harness::wait::{seconds, until};
use crate::harness::watch_page::WatchPage;

/// For a page to load and its origin to answer, on a busy machine.
const LIMIT: Duration = seconds(40);

async fn shown(session: &Session, test_id: &str) {
    until(test_id, LIMIT, async || session.shows(test_id).await.then_some(())).await;
}

async fn faults(page: &BroadcastPage) -> Vec<String> {
    page.accessibility_faults().await
}

/// What the page's origin answers its browser, with the browser's own session.
async fn fetched(session: &Session, path: &str) -> Value {
    let script = "const done = arguments[arguments.length - 1];
        fetch(arguments[0]).then((answer) => answer.json()).then(done, (error) => done(String(error)))";
    session.client.execute_async(script, vec![json!(path)]).await.expect("the browser answers")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invited_person_registers_signs_out_and_in_again() {
    beside_others(seconds(300), async {
        let server = Server::start().await;
        let url = server.url("/api/v1/invitations");
        let wanted = json!({"label": "Ella", "role": "broadcaster"});
        let made = server.http.post_as(&server.owner.token, &url, &wanted).await.json();
        let page = BroadcastPage::open(made["link"].as_str().expect("a link")).await;
        let session = page.session();
        shown(session, "register").await;
        until("the invitation", LIMIT, async || {
            let hint = session.texts("invitation-hint").await;
            hint.iter().any(|hint| hint.contains("broadcaster")).then_some(())
        })
        .await;
        assert_eq!(faults(&page).await, Vec::<String>::new());
        session.type_into("name", "ella").await;
        session.type_into("password", "correct horse").await;
        session.click("register").await;
        shown(session, "person").await;
        let who = fetched(session, "/api/v1/session").await;
        assert_eq!(
            (&who["account"]["name"], &who["account"]["role"]),
            (&json!("ella"), &json!("broadcaster"))
        );

        session.click("person").await;
        session.click("signout").await;
        shown(session, "signin-link").await;
        session.click("signin-link").await;
        shown(session, "signin").await;
        session.type_into("name", "ella").await;
        session.type_into("password", "wrong password").await;
        session.click("signin").await;
        shown(session, "problem").await;
        assert_eq!(faults(&page).await, Vec::<String>::new());
        session.client.goto(&server.url("/signin?next=/account")).await.expect("the page");
        shown(session, "signin").await;
        session.type_into("name", "Ella").await;
        session.type_into("password", "correct horse").await;
        session.click("signin").await;
        shown(session, "account").await;
        assert_eq!(faults(&page).await, Vec::<String>::new());

        SettingsPage(session).sign_in(&server).await;
        session.client.goto(&server.url("/admin#users")).await.expect("the page");
        shown(session, "lock").await;
        session.click("lock").await;
        shown(session, "locked").await;
        session.client.delete_all_cookies().await.expect("the browser forgets");
        session.client.goto(&server.url("/signin")).await.expect("the page");
        shown(session, "signin").await;
        session.type_into("name", "ella").await;
        session.type_into("password", "correct horse").await;
        session.click("signin").await;
        SettingsPage(session).says("problem", "locked this account", LIMIT).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_private_room_plays_in_a_browser_after_its_password() {
    alone(seconds(300), async {
        let server = Server::start().await;
        let room = server.room("class").await;
        let _publisher = push_pattern(&server.rtmp_url(&room.key));
        server.live(&room.room).await;
        let change = json!({"visibility": "private", "password": "class code 7", "viewer_limit": 3});
        let url = server.url("/api/v1/rooms/class");
        let changed = server.http.patch_as(&server.owner.token, &url, &change).await;
        assert!(changed.status.is_success(), "{}", changed.text());
        let viewer = Browser::open(&server.watch_url(&room.room)).await;
        shown(&viewer.session, "locked").await;
        viewer.session.type_into("room-password", "class code 7").await;
        viewer.session.click("enter").await;
        let played = WatchPage(&viewer.session).plays(4.0, LIMIT).await;
        assert_eq!(played.fatal_errors, "0", "{played:?}");
    })
    .await;
}

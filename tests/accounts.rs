//! Signing in, and who may come into a room, in real browsers.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::broadcast_page::BroadcastPage;
use crate::harness::browser::{Browser, Session};
use crate::harness::machine::{alone, beside_others};
use crate::harness::mail::MailServer;
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forgotten_password_is_chosen_anew_by_a_letter() {
    beside_others(seconds(400), async {
        let mail = MailServer::start().await;
        let server = Server::start_with(|config| config.mail = mail.settings()).await;
        let made = server.url("/api/v1/accounts");
        let person = json!({"name": "ella", "password": "correct horse", "role": "viewer"});
        assert!(server.http.post_as(&server.owner.token, &made, &person).await.status.is_success());
        let page = BroadcastPage::open(&server.url("/signin?next=/account")).await;
        let session = page.session();
        sign_in(session, "ella", "correct horse").await;
        shown(session, "email").await;
        session.type_into("email", "ella@example.org").await;
        session.type_into("email-password", "correct horse").await;
        session.click("offer-email").await;
        SettingsPage(session).says("email-said", "ella@example.org", LIMIT).await;
        assert_eq!(faults(&page).await, Vec::<String>::new());
        let code = mail.code("ella@example.org", "confirm").await;
        session.client.goto(&server.url(&format!("/confirm#{code}"))).await.expect("the page");
        shown(session, "confirm").await;
        assert_eq!(faults(&page).await, Vec::<String>::new());
        session.click("confirm").await;
        shown(session, "confirmed").await;

        session.client.delete_all_cookies().await.expect("the browser forgets");
        session.client.goto(&server.url("/signin")).await.expect("the page");
        shown(session, "forgot").await;
        session.click("forgot").await;
        shown(session, "send-letter").await;
        assert_eq!(faults(&page).await, Vec::<String>::new());
        session.type_into("name", "ella").await;
        session.click("send-letter").await;
        shown(session, "letter-sent").await;
        let code = mail.code("ella@example.org", "reset").await;
        session.client.goto(&server.url(&format!("/reset#{code}"))).await.expect("the page");
        shown(session, "set-password").await;
        assert_eq!(faults(&page).await, Vec::<String>::new());
        session.type_into("password", "another horse").await;
        session.click("set-password").await;
        shown(session, "password-set").await;
        session.client.goto(&server.url(&format!("/reset?again#{code}"))).await.expect("the page");
        shown(session, "set-password").await;
        session.type_into("password", "a third horse").await;
        session.click("set-password").await;
        SettingsPage(session).says("problem", "used or has ended", LIMIT).await;

        session.client.goto(&server.url("/signin?next=/account")).await.expect("the page");
        sign_in(session, "ella", "another horse").await;
        SettingsPage(session).says("email-confirmed", "ella@example.org", LIMIT).await;
        assert_eq!(mail.letters().len(), 0, "nobody got more letters than they asked for");
    })
    .await;
}

async fn sign_in(session: &Session, name: &str, password: &str) {
    shown(session, "signin").await;
    session.type_into("name", name).await;
    session.type_into("password", password).await;
    session.click("signin").await;
}

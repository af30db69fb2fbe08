//! What people do with their accounts and in their rooms on the pages: another password, out everywhere, gone; appointed,
//! following, giving; and a page whose origin starts again.

use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;
use tokio_tungstenite::tungstenite::Message;

use crate::harness::accessibility::faults;
use crate::harness::browser::{Browser, Session};
use crate::harness::chat::Chat;
use crate::harness::machine::beside_others;
use crate::harness::origin_program::{OriginProgram, told};
use crate::harness::people::{self, PASSWORD};
use crate::harness::room_page::{Page, host};
use crate::harness::server::Server;
use crate::harness::settings_page::SettingsPage;
use crate::harness::wait::{seconds, until};
use crate::harness::watch_page::shows_line;

/// For a page to load and its origin to answer, on a busy machine.
const LIMIT: Duration = seconds(40);
const OTHER: &str = "another horse";

async fn shown(session: &Session, test_id: &str) {
    until(test_id, LIMIT, async || session.shows(test_id).await.then_some(())).await;
}

/// A browser of somebody who is signed in, on a page.
async fn browser_of(server: &Server, name: &str, path: &str) -> Page {
    let browser = Browser::start().await;
    people::sign_in(&browser.session, server, name).await;
    browser.session.client.goto(&server.url(path)).await.expect("the page");
    Page(browser)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_changes_their_password_signs_out_everywhere_and_deletes_their_account_on_its_page() {
    beside_others(seconds(400), async {
        let server = Server::start().await;
        let room = server.owner.room.to_string();
        people::account(&server, "ella", "viewer").await;
        let ella = browser_of(&server, "ella", &format!("/r/{room}")).await;
        ella.say("what I said").await;
        shows_line(ella.session(), "what I said", LIMIT).await;
        let other = browser_of(&server, "ella", "/account").await;
        shown(other.session(), "change-password").await;

        let session = ella.session();
        session.client.goto(&server.url("/account")).await.expect("the page");
        shown(session, "change-password").await;
        session.type_into("current", PASSWORD).await;
        session.type_into("password", OTHER).await;
        session.click("change-password").await;
        SettingsPage(session).says("password-said", "Other devices are signed out", LIMIT).await;
        other.session().client.refresh().await.expect("the page");
        shown(other.session(), "signin-link").await;
        let refused = people::signed_in(other.session(), "ella", PASSWORD).await;
        let taken = people::signed_in(other.session(), "ella", OTHER).await;
        assert_eq!((refused, taken), (json!(401), json!(200)));

        session.click("end-all").await;
        shown(session, "signin-link").await;
        other.session().client.refresh().await.expect("the page");
        shown(other.session(), "signin-link").await;

        // A page that is open sees the name go, in its language.
        let watching = Page(Browser::open(&server.watch_url(&room)).await);
        watching.session().run("localStorage.setItem('rostrum.language', 'zh-CN')", vec![]).await;
        watching.session().client.refresh().await.expect("the page");
        watching.tells("chat-message", "ella").await;
        assert_eq!(people::signed_in(session, "ella", OTHER).await, json!(200));
        session.client.goto(&server.url("/account")).await.expect("the page");
        shown(session, "delete-start").await;
        session.click("delete-start").await;
        shown(session, "delete-password").await;
        session.type_into("delete-password", OTHER).await;
        session.click("delete-confirm").await;
        shown(session, "signin-link").await;
        watching.tells("chat-message", "已注销的用户").await;
        watching.picture("deleted-user.png").await;
        watching.session().client.refresh().await.expect("the page");
        watching.tells("chat-message", "已注销的用户").await;
        assert_eq!(people::signed_in(session, "ella", OTHER).await, json!(401), "it is gone");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_administrator_gives_somebody_another_password() {
    beside_others(seconds(300), async {
        let server = Server::start().await;
        people::account(&server, "ella", "viewer").await;
        let browser = Browser::start().await;
        let session = &browser.session;
        SettingsPage(session).sign_in(&server).await;
        session.client.goto(&server.url("/admin#users")).await.expect("the page");
        shown(session, "set-password").await;
        session.click("set-password").await;
        shown(session, "set-to").await;
        assert_eq!(faults(session).await, Vec::<String>::new(), "with the question");
        crate::harness::environment::keep_screenshot("admin-set-password.png", &session.screenshot().await);
        session.type_into("set-to", OTHER).await;
        session.click("set-password-go").await;
        SettingsPage(session).says("users-said", "ella has another password", LIMIT).await;
        session.client.delete_all_cookies().await.expect("the browser forgets");
        let refused = people::signed_in(session, "ella", PASSWORD).await;
        let taken = people::signed_in(session, "ella", OTHER).await;
        assert_eq!((refused, taken), (json!(401), json!(200)));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_writes_gives_and_votes_in_time_and_is_appointed() {
    beside_others(seconds(400), async {
        let server = Server::start().await;
        let room = server.owner.room.to_string();
        let ella_id = people::account(&server, "ella", "viewer").await;
        people::account(&server, "otto", "viewer").await;
        let token = &server.owner.token;
        let points = server.url(&format!("/api/v1/accounts/{ella_id}/points"));
        let granted = server.http.post_as(token, &points, &json!({"points": 500})).await;
        assert!(granted.status.is_success(), "{}", granted.text());
        let rules = server.url(&format!("/api/v1/rooms/{room}/chat/settings"));
        let changed = server.http.patch_as(token, &rules, &json!({"who": "followers"})).await;
        assert!(changed.status.is_success(), "{}", changed.text());
        let host = host(&server).await;
        let ella = browser_of(&server, "ella", &format!("/r/{room}")).await;
        ella.tells("chat-barred", "ollow").await;
        ella.session().click("follow").await;
        ella.say("I follow now").await;
        shows_line(host.session(), "I follow now", LIMIT).await;

        // A gift to a member, who has to have written: the rule is everyone's again for that.
        let changed = server.http.patch_as(token, &rules, &json!({"who": "everyone"})).await;
        assert!(changed.status.is_success(), "{}", changed.text());
        let otto = browser_of(&server, "otto", &format!("/r/{room}")).await;
        otto.say("hello from otto").await;
        shows_line(ella.session(), "hello from otto", LIMIT).await;
        ella.press("[data-testid=gifts-toggle]").await;
        shown(ella.session(), "gift-give").await;
        let script = "const list = document.querySelector('[data-testid=gifts-panel] select');
            const option = [...list.options].find((option) => option.text.includes('otto'));
            list.value = option.value; list.dispatchEvent(new Event('change', { bubbles: true }));
            return option.text";
        ella.session().run(script, vec![]).await;
        until("the gift", LIMIT, async || ella.session().offers("gift-give").await.then_some(())).await;
        ella.press("[data-testid=gift-give]").await;
        until("the gift in the chat", LIMIT, async || {
            let script = "return document.querySelector('[role=log]').innerText";
            let log = otto.session().run(script, vec![]).await;
            let log = log.as_str().unwrap_or_default();
            (log.contains("ella") && log.lines().any(|line| line.contains("ella") && line.contains("otto")))
                .then_some(())
        })
        .await;

        // It closes by itself, and what was voted in time counts.
        let poll = json!({"question": "In time?", "options": ["yes", "no"], "seconds": 8});
        let polls = server.url(&format!("/api/v1/rooms/{room}/polls"));
        let asked = server.http.post_as(token, &polls, &poll).await;
        assert!(asked.status.is_success(), "{}", asked.text());
        otto.press("[data-testid=poll-option]:not(:disabled)").await;
        otto.tells("poll-share", "100%").await;
        ella.tells("poll", "Closed").await;
        assert!(!ella.session().offers("poll-option").await, "too late");

        host.session()
            .client
            .goto(&server.url(&format!("/r/{room}/settings#people")))
            .await
            .expect("the page");
        shown(host.session(), "moderator-name").await;
        host.session().type_into("moderator-name", "otto").await;
        host.session().click("moderator-add").await;
        SettingsPage(host.session()).says("moderator", "otto", LIMIT).await;
        // His page comes back by itself with what he may do now.
        until("what a moderator may do", LIMIT, async || {
            otto.session().shows("tool-held").await.then_some(())
        })
        .await;
        otto.choose("I follow now", "Delete").await;
        ella.tells("chat-message", "Message deleted").await;
        host.session().click("moderator-remove").await;
        until("it no more", LIMIT, async || (!otto.session().shows("tool-held").await).then_some(())).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_whose_origin_starts_again_goes_on_without_loss_or_repeat() {
    beside_others(seconds(300), async {
        let data = TempDir::new().expect("a temporary folder");
        let origin = OriginProgram::serve(data.path(), "127.0.0.1:0", "127.0.0.1:0").await;
        told(data.path(), &["room", "create", "demo"]);
        let (http, rtmp) = (origin.http, origin.rtmp);
        let page = Page(Browser::open(&format!("http://{http}/r/demo")).await);
        page.say("before").await;
        shows_line(page.session(), "before", LIMIT).await;
        drop(origin);
        shown(page.session(), "chat-lost").await;
        // Written while nobody listens: it goes when somebody does.
        page.session().type_into("chat-input", "meanwhile").await;
        page.session().click("chat-send").await;
        let _origin = OriginProgram::serve(data.path(), &http.to_string(), &rtmp.to_string()).await;
        let mut ben = Chat::join(http, "demo", "Ben").await;
        ben.send(Message::text(json!({"type": "send", "id": "c1", "text": "after"}).to_string())).await;
        assert!(ben.frame("ack").await.is_some());
        for line in ["after", "meanwhile"] {
            shows_line(page.session(), line, LIMIT).await;
        }
        until("nothing on its way", LIMIT, async || {
            (!page.session().shows("chat-pending").await && !page.session().shows("chat-lost").await)
                .then_some(())
        })
        .await;
        for line in ["before", "after", "meanwhile"] {
            let lines = page.session().texts("chat-message").await;
            assert_eq!(lines.iter().filter(|text| text.contains(line)).count(), 1, "{line} once: {lines:?}");
        }
    })
    .await;
}

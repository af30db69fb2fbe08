//! One person's watch page, with what they do beside watching: write, ask, vote, keep order.

use serde_json::{Value, json};

use super::browser::{Browser, Session};
use super::environment::keep_screenshot;
use super::server::Server;
use super::wait::{seconds, until};
use super::watch_page::WatchPage;

/// For anything to come about on a busy machine.
pub const LIMIT: std::time::Duration = seconds(30);

/// One person's page.
pub struct Page(pub Browser);

impl Page {
    /// Its WebDriver session.
    pub fn session(&self) -> &Session {
        &self.0.session
    }

    /// Clicks the first element of a selector, also one that shows only under a pointer.
    pub async fn press(&self, selector: &str) {
        let script = "const it = document.querySelector(arguments[0]); it?.click(); return Boolean(it)";
        until(selector, LIMIT, async || {
            (self.session().run(script, vec![json!(selector)]).await == json!(true)).then_some(())
        })
        .await;
    }

    /// Opens or closes a tool beside the chat.
    pub async fn tool(&self, tool: &str) {
        self.session().click(&format!("tool-{tool}")).await;
    }

    /// Chooses an entry of the menu of the message that holds a text.
    pub async fn choose(&self, message: &str, entry: &str) {
        let script = "const line = [...document.querySelectorAll('[data-testid=chat-message]')]
            .find((line) => line.innerText.includes(arguments[0]));
            line?.querySelector('[data-testid=message-more]')?.click();
            return Boolean(line)";
        assert_eq!(self.session().run(script, vec![json!(message)]).await, json!(true), "{message}");
        let script = "const item = [...document.querySelectorAll('[role=menuitem]')]
            .find((item) => item.innerText.trim() === arguments[0]); item?.click(); return Boolean(item)";
        until(entry, LIMIT, async || {
            (self.session().run(script, vec![json!(entry)]).await == json!(true)).then_some(())
        })
        .await;
    }

    /// Writes a message and sends it.
    pub async fn say(&self, text: &str) {
        until("the box to write in", LIMIT, async || self.session().offers("chat-input").await.then_some(()))
            .await;
        self.session().type_into("chat-input", text).await;
        until("the send button", LIMIT, async || self.session().offers("chat-send").await.then_some(()))
            .await;
        self.session().click("chat-send").await;
    }

    /// Waits until an element with a `data-testid` holds a text.
    pub async fn tells(&self, test_id: &str, text: &str) {
        let mut last = Vec::new();
        let what = format!("{test_id}: {text}");
        let told = until(&what, LIMIT * 2, async || {
            last = self.session().texts(test_id).await;
            last.iter().any(|told| told.contains(text)).then_some(())
        });
        if tokio::time::timeout(LIMIT, told).await.is_err() {
            panic!("{test_id} does not tell {text:?}: {last:?}\n{}", WatchPage(self.session()).log().await);
        }
    }

    /// How many elements a selector finds.
    pub async fn counts(&self, selector: &str) -> u64 {
        let script = "return document.querySelectorAll(arguments[0]).length";
        self.session().run(script, vec![json!(selector)]).await.as_u64().unwrap_or(0)
    }

    /// Keeps a screenshot.
    pub async fn picture(&self, name: &str) {
        keep_screenshot(name, &self.session().screenshot().await);
    }

    /// Shows the page in another theme.
    pub async fn theme(&self, theme: &str) {
        let script = "document.documentElement.dataset.theme = arguments[0]";
        self.session().run(script, vec![json!(theme)]).await;
    }
}

/// The owner's page, signed in.
pub async fn host(server: &Server) -> Page {
    let link =
        server.http.post_as(&server.owner.token, &server.url("/api/v1/session/link"), &Value::Null).await;
    let link = link.json()["link"].as_str().expect("a link").to_owned();
    let code = link.split(['=', '#']).next_back().expect("a code").to_owned();
    let url = server.watch_url(server.owner.room.as_str());
    let page = Page(Browser::open(&url).await);
    let script = "const done = arguments[arguments.length - 1];
        fetch('/api/v1/session', { method: 'POST', headers: { 'content-type': 'application/json' },
            body: JSON.stringify({ code: arguments[0] }) }).then((answer) => done(answer.status))";
    let status = page.session().client.execute_async(script, vec![json!(code)]).await.expect("an answer");
    assert_eq!(status, json!(200), "{link}");
    page.session().client.goto(&url).await.expect("the page");
    page
}

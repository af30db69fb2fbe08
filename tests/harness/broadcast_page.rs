//! The page "Broadcast from this browser", in a Chromium with a camera and a microphone of its own making.

use std::time::Duration;

use super::accessibility;
use super::browser::{Browser, Session};
use super::display::Display;
use super::wait::until;

/// The flags for a camera with a moving picture, a microphone that beeps, and permission for both.
const FLAGS: [&str; 2] = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"];

/// The page in a browser.
pub struct BroadcastPage {
    /// Ends with the page.
    pub browser: Browser,
}

impl BroadcastPage {
    /// Opens the page.
    ///
    /// # Panics
    /// When the browser does not start or the page cannot be loaded.
    pub async fn open(url: &str) -> BroadcastPage {
        BroadcastPage::open_with(&[], url).await
    }

    /// Opens the page with more flags.
    ///
    /// # Panics
    /// When the browser does not start or the page cannot be loaded.
    pub async fn open_with(more: &[&str], url: &str) -> BroadcastPage {
        let browser = Browser::start_with(&[&FLAGS, more].concat()).await;
        browser.session.client.goto(url).await.unwrap_or_else(|error| panic!("open {url}: {error}"));
        BroadcastPage { browser }
    }

    /// Opens the page in a window on a display that any page is allowed to capture, without camera and microphone.
    ///
    /// # Panics
    /// When the browser does not start or the page cannot be loaded.
    pub async fn open_on(display: &Display, window: &[&str], url: &str) -> BroadcastPage {
        let capture = ["--auto-select-desktop-capture-source=Entire screen"];
        let browser = Browser::start_on(display, &[&capture, window].concat()).await;
        browser.session.client.goto(url).await.unwrap_or_else(|error| panic!("open {url}: {error}"));
        BroadcastPage { browser }
    }

    /// Enters the key and goes live.
    pub async fn go_live(&self, key: &str, limit: Duration) {
        until("the page", limit, async || self.session().offers("go-live").await.then_some(())).await;
        self.session().type_into("key", key).await;
        self.session().click("go-live").await;
        self.reaches("live", limit).await;
    }

    /// Waits until the page's broadcast has a status.
    ///
    /// # Panics
    /// After `limit`, with what the page says.
    pub async fn reaches(&self, status: &str, limit: Duration) {
        let reached = until(status, limit, async || (self.status().await == status).then_some(()));
        if tokio::time::timeout(limit.mul_f64(0.95), reached).await.is_err() {
            let says = self.session().run("return document.body.innerText", vec![]).await;
            panic!("the page is {:?} and not {status:?}: {says}", self.status().await);
        }
    }

    /// The status of the page's broadcast.
    pub async fn status(&self) -> String {
        let script = "return document.querySelector('[data-testid=broadcast]')?.dataset.status ?? ''";
        self.session().run(script, vec![]).await.as_str().unwrap_or_default().to_owned()
    }

    /// What axe finds wrong with the page.
    pub async fn accessibility_faults(&self) -> Vec<String> {
        accessibility::faults(self.session()).await
    }

    /// The browser's session.
    pub fn session(&self) -> &Session {
        &self.browser.session
    }
}

//! A room's settings page in a browser.

use std::time::Duration;

use super::browser::Session;
use super::server::Server;
use super::wait::until;

/// The page in a browser.
pub struct SettingsPage<'a>(pub &'a Session);

impl SettingsPage<'_> {
    /// Opens a section of it, `stream` or `replays`, and shows who asks when the page wants to know.
    ///
    /// # Panics
    /// When the page does not open within `limit`.
    pub async fn open(&self, server: &Server, room: &str, section: &str, limit: Duration) {
        let url = server.url(&format!("/r/{room}/settings#{section}"));
        self.0.client.goto(&url).await.unwrap_or_else(|error| panic!("open {url}: {error}"));
        let opened = until("the settings, or who asks", limit, async || {
            let opened = self.0.shows("settings").await;
            (opened || self.0.shows("settings-gate").await).then_some(opened)
        });
        if !opened.await {
            self.0.type_into("token", &server.owner.token).await;
            self.0.click("token-go").await;
            self.shows("settings", limit).await;
        }
    }

    /// Waits until something is shown.
    ///
    /// # Panics
    /// After `limit`.
    pub async fn shows(&self, test_id: &str, limit: Duration) {
        until(test_id, limit, async || self.0.shows(test_id).await.then_some(())).await;
    }

    /// Waits until something is shown with such a text in it, and answers all of its text.
    ///
    /// # Panics
    /// After `limit`.
    pub async fn says(&self, test_id: &str, text: &str, limit: Duration) -> String {
        until(&format!("{test_id} with {text:?}"), limit, async || {
            self.0.texts(test_id).await.into_iter().find(|said| said.contains(text))
        })
        .await
    }

    /// What a field holds.
    pub async fn value(&self, test_id: &str) -> String {
        let script = "return document.querySelector(`[data-testid='${arguments[0]}']`)?.value ?? ''";
        self.0.run(script, vec![test_id.into()]).await.as_str().unwrap_or_default().to_owned()
    }
}

//! A room's settings page in a browser.

use std::time::Duration;

use serde_json::json;

use super::browser::Session;
use super::server::Server;
use super::wait::until;

/// The page in a browser.
pub struct SettingsPage<'a>(pub &'a Session);

impl SettingsPage<'_> {
    /// Signs the browser in as the origin's owner, as a link from the app does.
    ///
    /// # Panics
    /// When the origin refuses.
    pub async fn sign_in(&self, server: &Server) {
        let url = server.url("/api/v1/session/link");
        let told = server.http.post_as(&server.owner.token, &url, &json!({})).await.json();
        let link = told["link"].as_str().unwrap_or_else(|| panic!("no link in {told}"));
        let code = link.split_once('#').expect("the code stands behind the #").1;
        self.0.client.goto(&server.url("/favicon.svg")).await.expect("the origin answers");
        let script = "return fetch('/api/v1/session', { method: 'POST', headers: { 'content-type': 'application/json' },
            body: JSON.stringify({ code: arguments[0] }) }).then((answer) => answer.status)";
        assert_eq!(self.0.run(script, vec![json!(code)]).await, 200);
    }

    /// Opens a section of it, `stream` or `replays`.
    ///
    /// # Panics
    /// When it does not open within `limit`.
    pub async fn open(&self, server: &Server, room: &str, section: &str, limit: Duration) {
        let url = server.url(&format!("/r/{room}/settings#{section}"));
        self.0.client.goto(&url).await.unwrap_or_else(|error| panic!("open {url}: {error}"));
        self.shows("settings", limit).await;
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

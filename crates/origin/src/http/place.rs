//! An origin's routes for tests, without a socket.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::Request;
use axum::response::Response;
use tower::ServiceExt as _;

use super::description::conformance;
use super::routes::router;
use crate::config::Config;
use crate::secret::{self, Digest};
use crate::state::{self, Shared};
use crate::store::{NewRoom, Store};

/// A router over a store in a folder of its own, removed at the end.
pub(super) struct Place {
    folder: std::path::PathBuf,
    pub(super) shared: Arc<Shared>,
}

impl Place {
    pub(super) async fn new() -> Place {
        let folder = std::env::temp_dir().join(format!("rostrum-routes-{}", secret::random()));
        std::fs::create_dir(&folder).unwrap();
        let store = Store::open(&folder.join("rostrum.db")).unwrap();
        let at = |port| std::net::SocketAddr::from(([127, 0, 0, 1], port));
        let addresses =
            crate::Addresses { http: at(8_080), rtmp: at(1_935), srt: at(10_080), https: None, rtmps: None };
        let config = Config { data: folder.clone(), ..Config::default() };
        let shared = Shared::new(config, store, addresses, Digest::of("run-token"));
        let new =
            NewRoom { slug: "demo".parse().unwrap(), title: "Demo".to_owned(), owner: None, record: false };
        state::create_room(&shared.store, new).await.unwrap();
        Place { folder, shared }
    }

    /// What is answered; it must be an answer that the API's description knows.
    pub(super) async fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Response {
        let mut request = Request::builder().method(method).uri(path).header("host", "here");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let response = router(Arc::clone(&self.shared)).oneshot(request).await.unwrap();
        conformance::check(method, path, &response);
        response
    }

    pub(super) async fn json(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> (u16, serde_json::Value) {
        let response = self.ask(method, path, headers, body).await;
        let status = response.status().as_u16();
        let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, serde_json::from_slice(&bytes).unwrap())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.folder).unwrap();
    }
}

pub(super) const JSON: (&str, &str) = ("content-type", "application/json");
pub(super) const OPERATOR: (&str, &str) = ("authorization", "Bearer run-token");

//! Every route, walked by those who may not.

use axum::http::StatusCode;
use serde_json::json;

use super::place::{JSON, OPERATOR, Place};
use super::routes::{KEYED, OPEN, media_routes, routes};

const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

fn filled(path: &str) -> String {
    let parts = path.split('/').map(|part| match part {
        "{room}" => "demo".to_owned(),
        "{id}" | "{message}" | "{poll}" => "1".to_owned(),
        "{member}" => "a1".to_owned(),
        part => part.replace(['{', '}', '*'], ""),
    });
    parts.collect::<Vec<_>>().join("/")
}

/// What an account may do with itself, whatever it may do elsewhere.
fn is_own(path: &str) -> bool {
    path == "/api/v1/session/link" || path == "/api/v1/account" || path.starts_with("/api/v1/account/")
}

#[tokio::test]
async fn viewers_and_other_rooms_broadcasters_reach_nothing_that_is_closed() {
    let place = Place::new().await;
    for (name, role) in [("aino", "admin"), ("viewer", "viewer"), ("otto", "broadcaster")] {
        let body = json!({ "name": name, "password": "correct horse", "role": role }).to_string();
        assert_eq!(place.json("POST", "/api/v1/accounts", &[JSON, OPERATOR], &body).await.0, 201);
    }
    for name in ["viewer", "otto"] {
        let body = json!({ "name": name, "password": "correct horse" }).to_string();
        let signed_in = place.ask("POST", "/api/v1/session", &[JSON], &body).await;
        let set = signed_in.headers()["set-cookie"].to_str().unwrap();
        let cookie = set.split(';').next().unwrap().to_owned();
        for (path, _) in routes().into_iter().chain(media_routes()) {
            for method in METHODS {
                if OPEN.contains(&(method, path)) || KEYED.contains(&(method, path)) || is_own(path) {
                    continue;
                }
                let headers = [JSON, ("cookie", cookie.as_str())];
                let status = place.ask(method, &filled(path), &headers, "{}").await.status();
                assert!(status.is_client_error(), "{name}: {method} {path}: {status}");
                assert_ne!(status, StatusCode::UNAUTHORIZED, "{name} is known: {method} {path}");
            }
        }
        for (method, path) in [
            ("PATCH", "/api/v1/rooms/demo"),
            ("DELETE", "/api/v1/rooms/demo"),
            ("POST", "/api/v1/rooms/demo/stream-key"),
            ("POST", "/api/v1/rooms/demo/end"),
            ("POST", "/api/v1/rooms/demo/link"),
            ("GET", "/api/v1/rooms/demo/owner"),
            ("GET", "/api/v1/rooms/demo/moderators"),
            ("GET", "/api/v1/accounts"),
            ("PATCH", "/api/v1/accounts/1"),
            ("DELETE", "/api/v1/accounts/1"),
            ("DELETE", "/api/v1/accounts/1/sessions"),
            ("GET", "/api/v1/invitations"),
            ("POST", "/api/v1/invitations"),
            ("GET", "/api/v1/settings"),
            ("PATCH", "/api/v1/settings"),
        ] {
            let status = place.ask(method, path, &[JSON, ("cookie", &cookie)], "{}").await.status();
            assert_eq!(status, StatusCode::FORBIDDEN, "{name}: {method} {path}");
        }
    }
}

use super::*;
use crate::http::place::{JSON, OPERATOR, Place};
use crate::secret::Digest;
use crate::store::{NewAccount, NewToken, Role, Scope, Store};

/// An account that may do all its role allows with `token`.
async fn account_with_token(store: &Store, name: &str, role: Role, token: &str) {
    let name = ::rooms::Name::account(name).unwrap();
    let account = store.create_account(NewAccount { name, password: None, role, local: false }, 1).await;
    let account = account.unwrap().id;
    let (digest, scopes) = (Digest::of(token), Scope::ALL.to_vec());
    store.create_token(NewToken { digest, account, label: "test".to_owned(), scopes }, 1).await.unwrap();
}

fn filled(path: &str) -> String {
    path.replace("{room}", "demo")
        .replace("{message}", "1")
        .replace("{poll}", "1")
        .replace("{member}", "a1")
        .replace("{gift}", "star")
        .replace("{id}", "00000000000000000000000000000000")
        .replace("{rendition}", "main")
        .replace("{file}", "x")
        .replace("{token}", "00000000000000000000000000000000")
        .replace("{*path}", "x")
}

fn all_routes() -> Vec<String> {
    let media = media_routes().into_iter().chain(live_routes()).map(|(path, _)| path.to_owned());
    routes().into_iter().map(|(path, _)| path).chain(media).collect()
}

#[tokio::test]
async fn every_route_is_closed_unless_it_is_listed_open() {
    let place = Place::new().await;
    let mut walked = 0;
    for path in all_routes() {
        let path = path.as_str();
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
            walked += 1;
            let status = place.ask(method, &filled(path), &[JSON], "{}").await.status();
            let listed = if method == "HEAD" { "GET" } else { method };
            let open = OPEN.contains(&(listed, path));
            let preflight = method == "OPTIONS" && media_routes().iter().any(|media| media.0 == path);
            if open || preflight {
                assert_ne!(status, StatusCode::UNAUTHORIZED, "{method} {path}");
            } else {
                // What no route takes is that to anybody.
                let closed = matches!(status, StatusCode::UNAUTHORIZED | StatusCode::METHOD_NOT_ALLOWED);
                assert!(closed, "{method} {path}: {status}");
            }
        }
    }
    assert_eq!(walked, all_routes().len() * 7);
    for (method, path) in OPEN {
        let known = all_routes().iter().any(|route| route == path);
        assert!(known, "{method} {path} is listed open and leads nowhere");
    }
}

#[tokio::test]
async fn a_wrong_token_opens_nothing() {
    let place = Place::new().await;
    for token in ["Bearer wrong", "Bearer ", "Basic run-token", "run-token"] {
        let headers = [JSON, ("authorization", token)];
        let (status, problem) = place.json("POST", "/api/v1/rooms", &headers, "{\"room\":\"x\"}").await;
        assert_eq!((status, problem["status"].as_u64()), (401, Some(401)), "{token}");
    }
}

#[tokio::test]
async fn a_room_is_made_shown_and_given_another_key() {
    let place = Place::new().await;
    let body = "{\"room\":\"class-7\",\"title\":\"Class 7\"}";
    let (status, made) = place.json("POST", "/api/v1/rooms", &[JSON, OPERATOR], body).await;
    assert_eq!((status, made["watch"].as_str()), (201, Some("http://here/r/class-7")));
    assert_eq!(made["rtmp"], "rtmp://127.0.0.1:1935/live");
    let key = made["stream_key"].as_str().unwrap();
    assert_eq!(made["srt"], format!("srt://127.0.0.1:10080?streamid=publish:{key}"));
    let (_, again) = place.json("POST", "/api/v1/rooms", &[JSON, OPERATOR], body).await;
    assert_eq!(again["detail"], "room \"class-7\" exists already");
    let (_, rotated) = place.json("POST", "/api/v1/rooms/class-7/stream-key", &[OPERATOR], "").await;
    assert_ne!(rotated["stream_key"], made["stream_key"]);
    let (_, shown) = place.json("GET", "/api/v1/rooms/class-7", &[], "").await;
    assert_eq!((shown["title"].as_str(), shown["state"].as_str()), (Some("Class 7"), Some("offline")));
    assert!(shown.get("ingest").is_none() && !shown.to_string().contains("key"));
    let (_, managed) = place.json("GET", "/api/v1/rooms/class-7", &[OPERATOR], "").await;
    let (_, told) = place.json("GET", "/api/v1/rooms/class-7/owner", &[OPERATOR], "").await;
    let key = rotated["stream_key"].as_str().unwrap();
    assert_eq!(told["key_last_four"].as_str(), Some(&key[key.len() - 4..]));
    assert!(!told.to_string().contains(key), "the key is shown once");
    assert_eq!(told["addresses"]["srt"], "srt://127.0.0.1:10080?streamid=publish:{key}");
    assert_eq!(told["addresses"]["websocket"], "ws://here/api/v1/ingest?room=class-7");
    assert_eq!(
        (told["keeping"]["keep_days"].as_u64(), told["keeping"]["used_bytes"].as_u64()),
        (Some(0), Some(0))
    );
    let body = "{\"title\":\"  Class seven \"}";
    let (_, named) = place.json("PATCH", "/api/v1/rooms/class-7", &[JSON, OPERATOR], body).await;
    assert_eq!(named["title"], "Class seven");
    assert_eq!(managed.get("ingest"), Some(&serde_json::Value::Null));
}

#[tokio::test]
async fn what_is_somebody_elses_may_not_be_ended_nor_given_another_key() {
    let place = Place::new().await;
    let store = &place.shared.store;
    for (name, role) in [("mara", Role::Admin), ("otto", Role::Broadcaster)] {
        account_with_token(store, name, role, name).await;
    }
    let (_, room) = place.json("GET", "/api/v1/rooms/demo", &[], "").await;
    assert_eq!(room["owner"], "mara");
    for action in ["end", "stream-key"] {
        let path = format!("/api/v1/rooms/demo/{action}");
        let (status, problem) = place.json("POST", &path, &[("authorization", "Bearer otto")], "").await;
        assert_eq!(
            (status, &problem["detail"]),
            (403, &"the room belongs to somebody else".into()),
            "{action}"
        );
    }
    let owner = [("authorization", "Bearer mara")];
    assert_eq!(place.ask("POST", "/api/v1/rooms/demo/end", &owner, "").await.status(), StatusCode::CONFLICT);
}

#[tokio::test]
async fn names_that_are_no_slugs_go_nowhere() {
    let place = Place::new().await;
    for name in ["..%2f..%2fetc", "Demo", "a%00b", "%2e%2e", &"x".repeat(65)] {
        for path in
            [format!("/api/v1/rooms/{name}"), format!("/live/{name}/index.m3u8"), format!("/r/{name}")]
        {
            let status = place.ask("GET", &path, &[], "").await.status();
            let missing_page = path.starts_with("/r/") && status == StatusCode::SERVICE_UNAVAILABLE;
            assert!(status == StatusCode::NOT_FOUND || missing_page, "{path}: {status}");
        }
        let body = serde_json::json!({ "room": name }).to_string();
        let (status, _) = place.json("POST", "/api/v1/rooms", &[JSON, OPERATOR], &body).await;
        assert_eq!(status, 400, "{name}");
    }
}

#[tokio::test]
async fn errors_are_problem_documents() {
    let place = Place::new().await;
    for (method, path, expected) in
        [("GET", "/nothing", 404), ("GET", "/api/v1/rooms/none", 404), ("GET", "/live/demo/index.m3u8", 404)]
    {
        let response = place.ask(method, path, &[], "").await;
        assert_eq!(response.headers()["content-type"], "application/problem+json", "{path}");
        assert_eq!(response.status().as_u16(), expected);
    }
    let (status, problem) = place.json("POST", "/api/v1/rooms", &[JSON, OPERATOR], "{\"rom\":1}").await;
    assert_eq!(status, 422);
    assert!(problem["detail"].as_str().unwrap().contains("rom"), "{problem}");
}

#[tokio::test]
async fn answers_carry_the_headers_that_keep_pages_safe() {
    let place = Place::new().await;
    for path in ["/", "/api/v1/rooms", "/live/demo/index.m3u8"] {
        let response = place.ask("GET", path, &[("origin", "http://player.example")], "").await;
        let headers = response.headers();
        assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(
            policy.contains("script-src 'self';") && policy.contains("frame-ancestors 'none'"),
            "{policy}"
        );
        let shared = headers.get("access-control-allow-origin").map(|value| value.to_str().unwrap());
        assert_eq!(shared, path.starts_with("/live/").then_some("*"), "{path}");
        assert!(headers.get("access-control-allow-credentials").is_none());
    }
}

#[tokio::test]
async fn an_account_is_made_by_admins_with_a_password_of_some_length() {
    let place = Place::new().await;
    let ask = |body: &'static str| place.json("POST", "/api/v1/accounts", &[JSON, OPERATOR], body);
    let (status, problem) = ask("{\"name\":\"mara\",\"password\":\"short\"}").await;
    assert_eq!((status, problem["detail"].as_str()), (400, Some("the password has fewer than 8 characters")));
    assert_eq!(ask("{\"name\":\"ma ra\",\"password\":\"long enough\"}").await.0, 400);
    assert_eq!(ask("{\"name\":\"mara\",\"password\":\"long enough\",\"role\":\"admin\"}").await.0, 201);
    assert_eq!(ask("{\"name\":\"Mara\",\"password\":\"long enough\"}").await.0, 409);
    let (_, room) = place.json("GET", "/api/v1/rooms/demo", &[], "").await;
    assert_eq!(room["owner"], "mara");
}

#[tokio::test]
async fn the_origin_says_that_it_is_well() {
    let place = Place::new().await;
    for path in ["/healthz", "/readyz"] {
        assert_eq!(place.ask("GET", path, &[], "").await.status(), StatusCode::OK, "{path}");
    }
    place.shared.shutdown.cancel();
    assert_eq!(place.ask("GET", "/readyz", &[], "").await.status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn a_room_of_a_deleted_ones_name_has_a_chat_of_its_own() {
    let place = Place::new().await;
    let poll = "{\"question\":\"Well?\",\"options\":[\"yes\",\"no\"]}";
    for _ in 0..2 {
        let made = place.json("POST", "/api/v1/rooms", &[JSON, OPERATOR], "{\"room\":\"again\"}").await;
        assert_eq!(made.0, 201, "{made:?}");
        let asked = place.json("POST", "/api/v1/rooms/again/polls", &[JSON, OPERATOR], poll).await;
        assert_eq!(asked.0, 201, "{asked:?}");
        let removed = place.ask("DELETE", "/api/v1/rooms/again", &[OPERATOR], "").await;
        assert_eq!(removed.status(), StatusCode::NO_CONTENT);
    }
}

use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;
use axum::response::Response;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::place::{JSON, OPERATOR, Place};
use super::routes::router;
use super::secure::secured;

impl Place {
    async fn set(&self, change: serde_json::Value) {
        let (status, answer) =
            self.json("PATCH", "/api/v1/rooms/demo", &[JSON, OPERATOR], &change.to_string()).await;
        assert_eq!(status, 200, "{answer}");
    }

    /// The address that a player is sent to, or the code of the refusal.
    async fn play(&self, query: &str, headers: &[(&str, &str)]) -> Result<String, String> {
        let response = self.ask("GET", &format!("/live/demo/index.m3u8{query}"), headers, "").await;
        match response.headers().get("location") {
            Some(location) => Ok(location.to_str().unwrap().to_owned()),
            None => {
                let bytes = axum::body::to_bytes(response.into_body(), 1 << 16).await.unwrap();
                let problem: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
                Err(problem["code"].as_str().unwrap_or("none").to_owned())
            }
        }
    }

    async fn code(&self, path: &str) -> (u16, Option<String>) {
        let (status, problem) = self.json("GET", path, &[], "").await;
        (status, problem["code"].as_str().map(str::to_owned))
    }
}

/// Three players.
const AGENTS: [(&str, &str); 3] = [("user-agent", "one"), ("user-agent", "two"), ("user-agent", "three")];

#[tokio::test]
async fn a_room_without_a_gate_is_served_as_it_is() {
    let place = Place::new().await;
    assert_eq!(place.play("", &[]).await, Err("none".to_owned()), "it is not live, and nothing else");
}

#[tokio::test]
async fn a_limit_gives_each_player_a_place_and_no_more() {
    let place = Place::new().await;
    place.set(json!({ "viewer_limit": 2 })).await;
    let first = place.play("", &[AGENTS[0]]).await.unwrap();
    assert!(first.starts_with("/live/demo/s/") && first.ends_with("/index.m3u8"), "{first}");
    place.play("", &[AGENTS[1]]).await.unwrap();
    assert_eq!(place.play("", &[AGENTS[2]]).await, Err("room_full".to_owned()));
    assert_eq!(place.code(&first).await, (404, None), "let through to a room that is not live");
    let guess = "/live/demo/s/00000000000000000000000000000000/index.m3u8";
    assert_eq!(place.code(guess).await, (403, Some("session_ended".to_owned())));
    for around in ["/live/demo/main/index.m3u8", "/live/demo/main/seg-1.m4s", "/live/demo.flv"] {
        assert_eq!(place.code(around).await, (403, Some("session_needed".to_owned())), "{around}");
    }
    place.set(json!({ "viewer_limit": null })).await;
    assert_eq!(place.play("", &[]).await, Err("none".to_owned()));
}

#[tokio::test]
async fn a_private_room_opens_to_its_password() {
    let place = Place::new().await;
    place.set(json!({ "visibility": "private", "password": "class code 7" })).await;
    assert_eq!(place.play("", &[]).await, Err("entry_needed".to_owned()));
    for closed in [
        "/api/v1/rooms/demo",
        "/api/v1/rooms/demo/messages",
        "/api/v1/rooms/demo/chat",
        "/api/v1/rooms/demo/recordings",
        "/live/demo.flv",
        "/live/demo/thumbnail.jpg",
        "/live/demo/main/index.m3u8",
    ] {
        assert_eq!(place.code(closed).await, (403, Some("entry_needed".to_owned())), "{closed}");
    }
    let enter = |body: serde_json::Value| {
        let place = &place;
        async move { place.ask("POST", "/api/v1/rooms/demo/entry", &[JSON], &body.to_string()).await }
    };
    assert_eq!(enter(json!({ "password": "class code 8" })).await.status(), 401);
    let entered = enter(json!({ "password": "class code 7" })).await;
    let cookie = entered.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    assert!(place.play("", &[("cookie", &cookie)]).await.is_ok());
    let bytes = axum::body::to_bytes(entered.into_body(), 1 << 16).await.unwrap();
    let answer: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    assert!(place.play(&query(&answer), &[]).await.is_ok(), "what players without cookies are given");
    let (status, _) = place.json("GET", "/api/v1/rooms/demo", &[("cookie", &cookie)], "").await;
    assert_eq!(status, 200);
    let (_, list) = place.json("GET", "/api/v1/rooms", &[("cookie", &cookie)], "").await;
    assert_eq!(list["rooms"], json!([]), "it stands in nobody's list");
    assert!(place.play("", &[OPERATOR]).await.is_ok(), "who manages it needs no password");
    place.set(json!({ "password": "class code 9" })).await;
    assert_eq!(place.play("", &[("cookie", &cookie)]).await, Err("entry_needed".to_owned()));
}

#[tokio::test]
async fn a_private_room_opens_to_its_last_link() {
    let place = Place::new().await;
    place.set(json!({ "visibility": "private" })).await;
    let make = || place.json("POST", "/api/v1/rooms/demo/link", &[OPERATOR], "");
    let (_, first) = make().await;
    let code =
        |made: &serde_json::Value| made["link"].as_str().unwrap().split_once('#').unwrap().1.to_owned();
    let key = |made: &serde_json::Value| format!("?key={}", code(made));
    assert!(place.play(&key(&first), &[]).await.is_ok());
    assert!(place.play(&query(&first), &[]).await.is_ok());
    let (_, second) = make().await;
    assert_eq!(place.play(&key(&first), &[]).await, Err("entry_needed".to_owned()));
    assert_eq!(place.play(&query(&first), &[]).await, Err("link_wrong".to_owned()));
    let code = code(&second);
    let body = json!({ "code": code }).to_string();
    let entered = place.ask("POST", "/api/v1/rooms/demo/entry", &[JSON], &body).await;
    assert_eq!(entered.status(), 200);
    let body = json!({ "code": "guess" }).to_string();
    assert_eq!(place.ask("POST", "/api/v1/rooms/demo/entry", &[JSON], &body).await.status(), 403);
}

/// What makes a playlist's address a link.
fn query(made: &serde_json::Value) -> String {
    format!("?{}", made["playlist"].as_str().unwrap().split_once('?').unwrap().1)
}

#[tokio::test]
async fn a_link_for_players_opens_the_playlist_alone_until_its_time_or_until_it_is_ended() {
    let place = Place::new().await;
    place.set(json!({ "visibility": "private", "password": "class code 7" })).await;
    let link = "/api/v1/rooms/demo/player-link";
    let make = async |body: &str| place.json("POST", link, &[JSON, OPERATOR], body).await;
    let (status, made) = make("{}").await;
    let week_ms = 7 * 24 * 60 * 60 * 1_000;
    let far_ms = made["expires_at_ms"].as_i64().unwrap() - crate::clock::unix_ms();
    assert_eq!(status, 201, "{made}");
    assert!((week_ms - 60_000..=week_ms).contains(&far_ms), "{far_ms}");
    let first = query(&made);
    let session = place.play(&first, &[]).await.unwrap();
    assert_eq!(place.code(&session).await, (404, None), "let through to a room that is not live");
    let (_, other) = make("{\"hours\": 1}").await;
    assert!(place.play(&query(&other), &[]).await.is_ok() && place.play(&first, &[]).await.is_ok());
    for closed in ["/api/v1/rooms/demo", "/live/demo.flv", "/live/demo/thumbnail.jpg"] {
        let refused = (403, Some("entry_needed".to_owned()));
        assert_eq!(place.code(&format!("{closed}{first}")).await, refused, "{closed}");
    }
    let room = place.shared.store.room("demo".parse().unwrap()).await.unwrap().unwrap();
    let key = place.shared.store.link_key(room.id).await.unwrap();
    let old = format!("?{}", key.query(&room.slug, crate::clock::unix_ms() / 1_000));
    assert_eq!(place.play(&old, &[]).await, Err("link_expired".to_owned()));
    assert!(place.play(&old, &[OPERATOR]).await.is_ok(), "who manages it needs no link");
    for bad in ["{\"hours\": 0}", "{\"hours\": 9000}"] {
        assert_eq!(make(bad).await.0, 400, "{bad}");
    }
    assert_eq!(place.ask("DELETE", link, &[OPERATOR], "").await.status(), 204);
    assert_eq!(place.play(&first, &[]).await, Err("link_wrong".to_owned()));
    assert_eq!(place.code(&session).await, (403, Some("session_ended".to_owned())));
    let (_, made) = make("{}").await;
    assert!(place.play(&query(&made), &[]).await.is_ok());
    place.set(json!({ "password": "class code 8" })).await;
    assert_eq!(place.play(&query(&made), &[]).await, Err("link_wrong".to_owned()));
}

#[tokio::test]
async fn an_unlisted_room_is_for_those_who_know_its_address() {
    let place = Place::new().await;
    place.set(json!({ "visibility": "unlisted" })).await;
    assert_eq!(place.json("GET", "/api/v1/rooms", &[], "").await.1["rooms"], json!([]));
    assert_eq!(place.json("GET", "/api/v1/rooms/demo", &[], "").await.0, 200);
    let (_, managed) = place.json("GET", "/api/v1/rooms", &[OPERATOR], "").await;
    assert_eq!(managed["rooms"][0]["visibility"], "unlisted");
}

#[tokio::test]
async fn a_room_says_what_its_owner_says_and_is_found_by_it() {
    let place = Place::new().await;
    place
        .set(json!({
            "title": "Evening chess", "description": "Openings, slowly.", "language": "en",
            "tags": ["Chess", "games"], "next_at_ms": 1_800_000_000_000_i64,
        }))
        .await;
    let (_, room) = place.json("GET", "/api/v1/rooms/demo", &[], "").await;
    assert_eq!((room["title"].as_str(), room["tags"][0].as_str()), (Some("Evening chess"), Some("Chess")));
    assert_eq!(room["next_at_ms"], 1_800_000_000_000_i64);
    for (query, found) in [
        ("search=CHESS%20openings", 1),
        ("search=poker", 0),
        ("tag=chess", 1),
        ("tag=che", 0),
        ("search=", 1),
    ] {
        let (_, list) = place.json("GET", &format!("/api/v1/rooms?{query}"), &[], "").await;
        assert_eq!(list["rooms"].as_array().unwrap().len(), found, "{query}");
    }
    place.set(json!({ "next_at_ms": null, "language": null })).await;
    let (_, room) = place.json("GET", "/api/v1/rooms/demo", &[], "").await;
    assert!(room["next_at_ms"].is_null() && room["language"].is_null() && room["description"] != "");
    for bad in
        [json!({ "language": "no language" }), json!({ "viewer_limit": 0 }), json!({ "next_at_ms": -1 })]
    {
        let (status, _) =
            place.json("PATCH", "/api/v1/rooms/demo", &[JSON, OPERATOR], &bad.to_string()).await;
        assert_eq!(status, 400, "{bad}");
    }
}

#[tokio::test]
async fn a_deleted_room_is_gone_with_its_key() {
    let place = Place::new().await;
    let (_, key) = place.json("POST", "/api/v1/rooms/demo/stream-key", &[OPERATOR], "").await;
    let key = crate::secret::Digest::of(key["stream_key"].as_str().unwrap());
    assert!(place.shared.store.slug_of_key(key).is_some());
    let gone = place.ask("DELETE", "/api/v1/rooms/demo", &[OPERATOR], "").await;
    assert_eq!(gone.status(), 204);
    assert_eq!(place.json("GET", "/api/v1/rooms/demo", &[], "").await.0, 404);
    assert!(place.shared.store.slug_of_key(key).is_none());
}

fn cookie_of(response: &Response) -> String {
    response.headers()["set-cookie"].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_door_that_was_entered_over_tls_is_entered_in_the_open_as_well() {
    let place = Place::new().await;
    place.set(json!({ "visibility": "private", "password": "class code 7" })).await;
    let body = json!({ "password": "class code 7" }).to_string();
    let open = cookie_of(&place.ask("POST", "/api/v1/rooms/demo/entry", &[JSON], &body).await);
    let secure = async |method: &str, path: &str, cookie: &str, body: &str| {
        let request = Request::builder().method(method).uri(path).header("host", "here");
        let request = request.header("cookie", cookie).header("content-type", "application/json");
        let request = request.body(Body::from(body.to_owned())).unwrap();
        secured(router(Arc::clone(&place.shared))).oneshot(request).await.unwrap()
    };
    let over_tls = cookie_of(&secure("POST", "/api/v1/rooms/demo/entry", "", &body).await);
    // Browsers take no open cookie in the place of a secure one of its name.
    assert!(open.starts_with("rostrum_entry_demo="), "{open}");
    assert!(
        over_tls.starts_with("__Host-rostrum_entry_demo=") && over_tls.ends_with("; Secure"),
        "{over_tls}"
    );
    let shown = |cookie: &str| cookie.split(';').next().unwrap().to_owned();
    let (open, over_tls) = (shown(&open), shown(&over_tls));
    for (cookie, expected) in [(&over_tls, 200), (&open, 403)] {
        let answer = secure("GET", "/api/v1/rooms/demo", cookie, "").await;
        assert_eq!(answer.status(), expected, "{cookie}");
    }
    assert_eq!(place.json("GET", "/api/v1/rooms/demo", &[("cookie", &open)], "").await.0, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_room_is_private_once_it_was_answered_so_whatever_else_changes() {
    let place = Place::new().await;
    let (shared, stop) = (Arc::clone(&place.shared), CancellationToken::new());
    let others = tokio::spawn({
        let stop = stop.clone();
        async move {
            while !stop.is_cancelled() {
                shared.refresh_gates().await.unwrap();
            }
        }
    });
    for round in 0..50 {
        place.set(json!({ "visibility": "private" })).await;
        for _ in 0..5 {
            assert_eq!(place.play("", &[]).await, Err("entry_needed".to_owned()), "{round}");
        }
        place.set(json!({ "visibility": "public" })).await;
    }
    stop.cancel();
    others.await.unwrap();
}

//! What any client may rely on, whatever it asks: methods, preflights, who may bring a token, what a body is.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::place::{JSON, OPERATOR, Place};
use crate::secret::Digest;
use crate::store::{NewAccount, NewToken, Role, Scope};

#[tokio::test]
async fn a_wrong_method_is_that_to_guests_too_and_the_right_ones_are_named() {
    let place = Place::new().await;
    let check = async |method: &str, path: &str, allow: &str| {
        let answer = place.ask(method, path, &[JSON], "{}").await;
        let allowed = answer.headers().get("allow").map_or("", |allow| allow.to_str().unwrap());
        assert_eq!((answer.status(), allowed), (StatusCode::METHOD_NOT_ALLOWED, allow), "{method} {path}");
    };
    check("DELETE", "/api/v1/rooms", "GET,HEAD,POST").await;
    check("PUT", "/api/v1/account/tokens", "GET,HEAD,POST").await;
    check("POST", "/signin", "GET,HEAD").await;
    check("POST", "/live/demo/index.m3u8", "GET,HEAD").await;
    check("DELETE", "/replay/1/index.m3u8", "GET,HEAD").await;
}

#[tokio::test]
async fn a_player_on_another_site_may_ask_for_ranges_of_all_media() {
    let place = Place::new().await;
    let preflight = [
        ("origin", "http://player.example"),
        ("access-control-request-method", "GET"),
        ("access-control-request-headers", "range"),
    ];
    let token = "0".repeat(32);
    for path in [
        "/live/demo/index.m3u8",
        "/live/demo.flv",
        &format!("/live/demo/s/{token}/index.m3u8"),
        &format!("/live/demo/s/{token}/main/index.m3u8"),
        "/live/demo/main/index.m3u8",
        "/live/demo/thumbnail.jpg",
        &format!("/replay/{token}/1.mp4"),
        &format!("/replay/{token}/index.m3u8"),
    ] {
        let answer = place.ask("OPTIONS", path, &preflight, "").await;
        let header = |name: &str| answer.headers().get(name).map_or("", |value| value.to_str().unwrap());
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        assert_eq!(header("access-control-allow-origin"), "*", "{path}");
        assert!(header("access-control-allow-headers").contains("range"), "{path}");
    }
}

#[tokio::test]
async fn a_program_with_a_token_may_run_on_any_page_and_a_cookie_alone_may_not() {
    let place = Place::new().await;
    for foreign in [("origin", "http://evil.example"), ("sec-fetch-site", "cross-site")] {
        let (status, _) = place.json("POST", "/api/v1/rooms/demo/stream-key", &[OPERATOR, foreign], "").await;
        assert_eq!(status, 200, "{foreign:?}");
        let headers = [("cookie", "rostrum_session=1"), foreign];
        let (status, problem) = place.json("POST", "/api/v1/rooms/demo/stream-key", &headers, "").await;
        assert_eq!((status, &problem["detail"]), (403, &"a page of another site asks".into()), "{foreign:?}");
    }
}

#[tokio::test]
async fn a_body_is_an_object_of_known_fields() {
    let place = Place::new().await;
    let check = async |method: &str, path: &str, body: Value| {
        let (status, problem) = place.json(method, path, &[JSON, OPERATOR], &body.to_string()).await;
        assert_eq!(status, 422, "{method} {path} {body}: {problem}");
    };
    check("POST", "/api/v1/accounts", json!(["mara", "correct horse", null, null])).await;
    check("POST", "/api/v1/session", json!([null, null, null, true])).await;
    check("PATCH", "/api/v1/rooms/demo/chat/settings", json!({ "slowmode": 5 })).await;
    check("PATCH", "/api/v1/rooms/demo/chat/settings", json!([5])).await;
    let poll = json!({ "question": "Which?", "options": ["a", "b"], "secs": 5 });
    check("POST", "/api/v1/rooms/demo/polls", poll).await;
}

#[tokio::test]
async fn settings_that_are_so_already_are_not_stored_again() {
    let place = Place::new().await;
    let change = async |body: &str| {
        let headers = [JSON, OPERATOR];
        let (status, done) = place.json("PATCH", "/api/v1/rooms/demo/chat/settings", &headers, body).await;
        assert_eq!(status, 200, "{done}");
        done["seq"].as_u64().unwrap()
    };
    let first = change("{\"slow_mode_s\":5}").await;
    assert_eq!(change("{}").await, first);
    assert_eq!(change("{\"slow_mode_s\":5}").await, first);
    assert!(change("{\"slow_mode_s\":0}").await > first);
}

#[tokio::test]
async fn a_token_for_little_opens_no_browser_that_may_do_all() {
    let place = Place::new().await;
    let store = &place.shared.store;
    let name = ::rooms::Name::account("mara").unwrap();
    let new = NewAccount { name, password: None, role: Role::Admin, local: false };
    let account = store.create_account(new, 1).await.unwrap().id;
    for (secret, scopes, expected) in
        [("some", vec![Scope::Account, Scope::RoomsWrite], 403), ("all", Scope::ALL.to_vec(), 201)]
    {
        let token = NewToken { digest: Digest::of(secret), account, label: secret.to_owned(), scopes };
        store.create_token(token, 1).await.unwrap();
        let bearer = format!("Bearer {secret}");
        let (status, _) = place.json("POST", "/api/v1/session/link", &[("authorization", &bearer)], "").await;
        assert_eq!(status, expected, "{secret}");
    }
}

/// An account with its session's cookie, and its number.
async fn account(place: &Place, name: &str, role: &str) -> (String, i64) {
    let body = json!({ "name": name, "password": "correct horse", "role": role }).to_string();
    let (_, made) = place.json("POST", "/api/v1/accounts", &[JSON, OPERATOR], &body).await;
    let body = json!({ "name": name, "password": "correct horse" }).to_string();
    let answer = place.ask("POST", "/api/v1/session", &[JSON], &body).await;
    let cookie = answer.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap();
    (cookie.to_owned(), made["id"].as_i64().unwrap())
}

#[tokio::test]
async fn an_account_is_changed_as_a_whole_or_not_at_all() {
    let place = Place::new().await;
    account(&place, "mara", "admin").await;
    let (_, otto) = account(&place, "otto", "viewer").await;
    let path = format!("/api/v1/accounts/{otto}");
    let both = json!({ "role": "broadcaster", "locked": true, "name": "Mara" }).to_string();
    let (status, problem) = place.json("PATCH", &path, &[JSON, OPERATOR], &both).await;
    assert_eq!((status, problem["code"].as_str()), (409, Some("name_taken")));
    let (_, listed) = place.json("GET", "/api/v1/accounts?search=otto", &[OPERATOR], "").await;
    let stays = &listed["accounts"][0];
    assert_eq!((&stays["role"], &stays["locked_at_ms"]), (&"viewer".into(), &Value::Null));
    let both = json!({ "role": "broadcaster", "locked": true, "name": "otto2" }).to_string();
    let (status, changed) = place.json("PATCH", &path, &[JSON, OPERATOR], &both).await;
    assert_eq!((status, &changed["role"], &changed["name"]), (200, &"broadcaster".into(), &"otto2".into()));
    assert!(changed["locked_at_ms"].is_i64());
}

#[tokio::test]
async fn nobody_is_found_by_signs_and_nobodys_wallet_is_empty() {
    let place = Place::new().await;
    let (_, mara) = account(&place, "mara", "admin").await;
    for (search, found) in [("%25", 0), ("_", 0), ("", 1), ("ar", 1)] {
        let path = format!("/api/v1/accounts?search={search}");
        let (_, listed) = place.json("GET", &path, &[OPERATOR], "").await;
        assert_eq!(listed["total"], found, "{search}");
    }
    for (id, expected) in [(mara, 200), (mara + 1, 404)] {
        let path = format!("/api/v1/accounts/{id}/points");
        assert_eq!(place.json("GET", &path, &[OPERATOR], "").await.0, expected);
    }
}

#[tokio::test]
async fn a_room_says_when_a_text_is_too_long_and_takes_a_whole_class() {
    let place = Place::new().await;
    let change = async |body: Value| {
        place.json("PATCH", "/api/v1/rooms/demo", &[JSON, OPERATOR], &body.to_string()).await
    };
    for body in [json!({ "title": "x".repeat(101) }), json!({ "description": "x".repeat(2_001) })] {
        let (status, problem) = change(body).await;
        assert_eq!(status, 422);
        assert!(problem["detail"].as_str().unwrap().contains("expected at most"), "{problem}");
    }
    let body = json!({ "room": "long", "title": "x".repeat(101) }).to_string();
    assert_eq!(place.json("POST", "/api/v1/rooms", &[JSON, OPERATOR], &body).await.0, 422);
    let (status, changed) = change(json!({ "title": "a\u{202e}b\u{7}c" })).await;
    assert_eq!((status, &changed["title"]), (200, &"abc".into()));
    let class: Vec<String> = (0..500).map(|number| format!("{number:03}{}", "𠀀".repeat(29))).collect();
    let (status, changed) = change(json!({ "roster": class })).await;
    assert_eq!(status, 200, "{changed}");
}

#[tokio::test]
async fn rooms_that_closed_their_door_are_gone_from_the_list_of_those_followed() {
    let place = Place::new().await;
    account(&place, "mara", "admin").await;
    let (cookie, _) = account(&place, "otto", "viewer").await;
    let otto = [("cookie", cookie.as_str())];
    let path = "/api/v1/rooms/demo/follow";
    assert_eq!(place.ask("PUT", path, &otto, "").await.status(), StatusCode::NO_CONTENT);
    let followed = async |headers: &[(&str, &str)]| {
        let (_, listed) = place.json("GET", "/api/v1/account/followed", headers, "").await;
        listed["rooms"].as_array().unwrap().len()
    };
    assert_eq!(followed(&otto).await, 1);
    let private = json!({ "visibility": "private", "password": "class code 7" }).to_string();
    place.json("PATCH", "/api/v1/rooms/demo", &[JSON, OPERATOR], &private).await;
    assert_eq!(followed(&otto).await, 0);
    let body = json!({ "password": "class code 7" }).to_string();
    let entered = place.ask("POST", "/api/v1/rooms/demo/entry", &[JSON], &body).await;
    let entry = entered.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap();
    assert_eq!(followed(&[("cookie", &format!("{cookie}; {entry}"))]).await, 1);
}

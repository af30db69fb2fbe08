use axum::http::StatusCode;
use axum::response::Response;
use futures_util::FutureExt as _;
use serde_json::{Value, json};

use super::place::{JSON, OPERATOR, Place};
use crate::callers::Purpose;

/// The cookie that an answer sets, as a browser sends it back.
fn cookie_of(response: &Response) -> String {
    let set = response.headers()["set-cookie"].to_str().unwrap();
    set.split(';').next().unwrap().to_owned()
}

async fn read(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() })
}

impl Place {
    /// Makes an account as an administrator does.
    async fn account(&self, name: &str, role: &str) -> i64 {
        let body = json!({ "name": name, "password": "correct horse", "role": role }).to_string();
        let (status, made) = self.json("POST", "/api/v1/accounts", &[JSON, OPERATOR], &body).await;
        assert_eq!(status, 201, "{made}");
        made["id"].as_i64().unwrap()
    }

    async fn sign_in(&self, name: &str, password: &str) -> Response {
        let body = json!({ "name": name, "password": password, "keep": true }).to_string();
        self.ask("POST", "/api/v1/session", &[JSON], &body).await
    }

    /// An account's session, as its cookie.
    async fn session(&self, name: &str, role: &str) -> String {
        self.account(name, role).await;
        cookie_of(&self.sign_in(name, "correct horse").await)
    }

    /// Who the cookie signs in.
    async fn who(&self, cookie: &str) -> Value {
        self.json("GET", "/api/v1/session", &[("cookie", cookie)], "").await.1["account"].clone()
    }

    async fn invite(&self, body: &str) -> Value {
        let (status, made) = self.json("POST", "/api/v1/invitations", &[JSON, OPERATOR], body).await;
        assert_eq!(status, 201, "{made}");
        made
    }

    async fn register(&self, name: &str, invitation: Option<&str>) -> (u16, Value) {
        let body = json!({ "name": name, "password": "correct horse", "invitation": invitation }).to_string();
        read(self.ask("POST", "/api/v1/accounts", &[JSON], &body).await).await
    }
}

#[tokio::test]
async fn a_session_lasts_from_signing_in_to_signing_out() {
    let place = Place::new().await;
    place.account("mara", "viewer").await;
    let response = place.sign_in("MARA", "correct horse").await;
    let set = response.headers()["set-cookie"].to_str().unwrap().to_owned();
    assert!(set.contains("HttpOnly; SameSite=Lax") && set.contains("Max-Age=2592000"), "{set}");
    let cookie = cookie_of(&response);
    assert_eq!(read(response).await.1["account"]["name"], "mara");
    assert_eq!(place.who(&cookie).await["role"], "viewer");
    assert_eq!(place.who("rostrum_session=00000000000000000000000000000000").await, Value::Null);
    let out = place.ask("DELETE", "/api/v1/session", &[("cookie", &cookie)], "").await;
    assert_eq!(out.status(), StatusCode::NO_CONTENT);
    assert!(out.headers()["set-cookie"].to_str().unwrap().contains("Max-Age=0"));
    assert_eq!(place.who(&cookie).await, Value::Null);
}

#[tokio::test]
async fn a_wrong_password_says_nothing_about_the_account_and_then_waits() {
    let place = Place::new().await;
    place.account("mara", "viewer").await;
    for name in ["mara", "nobody"] {
        for left in (0..5).rev() {
            let (status, problem) = read(place.sign_in(name, "wrong password").await).await;
            assert_eq!((status, problem["code"].as_str()), (401, Some("wrong_password")));
            assert_eq!(problem["tries_left"], left);
        }
        let response = place.sign_in(name, "correct horse").await;
        assert_eq!(response.headers()["retry-after"], "1");
        let (status, problem) = read(response).await;
        assert_eq!((status, problem["code"].as_str()), (429, Some("too_many_tries")));
    }
}

#[tokio::test]
async fn another_sites_page_uses_no_session() {
    let place = Place::new().await;
    let cookie = place.session("mara", "admin").await;
    let ask = |origin| {
        let headers = [JSON, ("cookie", cookie.as_str()), ("origin", origin)];
        let place = &place;
        async move {
            place.ask("PATCH", "/api/v1/settings", &headers, "{\"registration\":\"open\"}").await.status()
        }
    };
    assert_eq!(ask("http://evil.example").await, StatusCode::FORBIDDEN);
    assert_eq!(ask("http://here").await, StatusCode::OK);
}

#[tokio::test]
async fn registering_takes_what_the_server_asks_for() {
    let place = Place::new().await;
    assert_eq!(place.register("ella", None).await.1["code"], "invitation_needed");
    assert_eq!(place.register("ella", Some("guess")).await.1["code"], "invitation_wrong");
    let invitation = place.invite("{\"role\":\"broadcaster\",\"label\":\"Ella\"}").await;
    let code = invitation["code"].as_str().unwrap();
    assert_eq!(invitation["link"], format!("http://here/register#{code}"));
    let check = json!({ "code": code }).to_string();
    assert_eq!(place.json("POST", "/api/v1/invitation", &[JSON], &check).await.1["role"], "broadcaster");
    let (status, made) = place.register("ella", Some(code)).await;
    assert_eq!((status, made["account"]["role"].as_str()), (201, Some("broadcaster")));
    assert_eq!(place.register("tomasz", Some(code)).await.1["code"], "invitation_wrong");
    assert_eq!(place.json("POST", "/api/v1/invitation", &[JSON], &check).await.0, 403);
    let (_, listed) = place.json("GET", "/api/v1/invitations", &[OPERATOR], "").await;
    assert_eq!(listed["invitations"][0]["used_by"], "ella");

    let set = |registration: &str| json!({ "registration": registration }).to_string();
    place.json("PATCH", "/api/v1/settings", &[JSON, OPERATOR], &set("closed")).await;
    let code = place.invite("{}").await["code"].as_str().unwrap().to_owned();
    assert_eq!(place.register("tomasz", Some(&code)).await.1["code"], "registration_closed");
    place.json("PATCH", "/api/v1/settings", &[JSON, OPERATOR], &set("open")).await;
    let (status, made) = place.register("tomasz", None).await;
    assert_eq!((status, made["account"]["role"].as_str()), (201, Some("viewer")));
    assert_eq!(place.json("GET", "/api/v1/session", &[], "").await.1["registration"], "open");
}

#[tokio::test]
async fn no_name_is_taken_that_looks_like_another() {
    let place = Place::new().await;
    place.account("mara", "viewer").await;
    let body = "{\"registration\":\"open\"}";
    place.json("PATCH", "/api/v1/settings", &[JSON, OPERATOR], body).await;
    for name in ["Mara", "mаrа", "m_ara", "ｍａｒａ"] {
        let (status, problem) = place.register(name, None).await;
        assert_eq!((status, problem["code"].as_str()), (409, Some("name_taken")), "{name}");
    }
    for name in ["", "ma ra", "__", "mara\u{202e}", &"x".repeat(33)] {
        assert_eq!(place.register(name, None).await.1["code"], "name_refused", "{name}");
    }
}

#[tokio::test]
async fn an_account_changes_its_name_and_password_and_goes() {
    let place = Place::new().await;
    place.account("aino", "admin").await;
    let cookie = place.session("mara", "broadcaster").await;
    let other = cookie_of(&place.sign_in("mara", "correct horse").await);
    let headers = [JSON, ("cookie", cookie.as_str())];
    let (_, renamed) = place.json("PATCH", "/api/v1/account", &headers, "{\"name\":\"Maraña\"}").await;
    assert_eq!(renamed["name"], "Maraña");
    let refused = json!({ "password": "battery staple", "current_password": "wrong" }).to_string();
    assert_eq!(place.json("PATCH", "/api/v1/account", &headers, &refused).await.0, 401);
    let body = json!({ "password": "battery staple", "current_password": "correct horse" }).to_string();
    assert_eq!(place.json("PATCH", "/api/v1/account", &headers, &body).await.0, 200);
    assert_eq!(place.who(&other).await, Value::Null, "the other session has ended");
    assert_eq!(place.who(&cookie).await["name"], "Maraña");
    assert_eq!(place.sign_in("maraña", "battery staple").await.status(), StatusCode::OK);

    let room = json!({ "room": "hers", "owner": "maraña" }).to_string();
    place.json("POST", "/api/v1/rooms", &[JSON, OPERATOR], &room).await;
    let body = json!({ "password": "battery staple" }).to_string();
    let gone = place.ask("DELETE", "/api/v1/account", &headers, &body).await;
    assert_eq!(gone.status(), StatusCode::NO_CONTENT);
    assert_eq!(place.who(&cookie).await, Value::Null);
    assert_eq!(place.json("GET", "/api/v1/rooms/hers", &[], "").await.1["owner"], "aino");
    let next = place.account("mara", "viewer").await;
    let (_, listed) = place.json("GET", "/api/v1/accounts", &[OPERATOR], "").await;
    assert_eq!(listed["total"], 2);
    assert!(next > 2, "a number is never given twice");
}

#[tokio::test]
async fn sessions_are_listed_and_ended_everywhere() {
    let place = Place::new().await;
    let cookie = place.session("mara", "viewer").await;
    let other = cookie_of(&place.sign_in("mara", "correct horse").await);
    let (_, listed) = place.json("GET", "/api/v1/account/sessions", &[("cookie", &cookie)], "").await;
    let sessions = listed["sessions"].as_array().unwrap();
    assert_eq!(sessions.iter().map(|session| session["current"] == true).collect::<Vec<_>>(), [false, true]);
    let out = place.ask("DELETE", "/api/v1/account/sessions", &[("cookie", &cookie)], "").await;
    assert_eq!(out.status(), StatusCode::NO_CONTENT);
    for cookie in [cookie, other] {
        assert_eq!(place.who(&cookie).await, Value::Null);
    }
}

#[tokio::test]
async fn a_token_does_what_its_scopes_say_until_it_is_revoked() {
    let place = Place::new().await;
    let cookie = place.session("mara", "admin").await;
    let body = json!({ "label": "bot", "scopes": ["rooms:read", "chat"] }).to_string();
    let headers = [JSON, ("cookie", cookie.as_str())];
    let (status, made) = place.json("POST", "/api/v1/account/tokens", &headers, &body).await;
    assert_eq!(status, 201, "{made}");
    let bearer = format!("Bearer {}", made["token"].as_str().unwrap());
    let bot = [JSON, ("authorization", bearer.as_str())];
    let (_, room) = place.json("GET", "/api/v1/rooms/demo", &bot, "").await;
    assert!(room.get("ingest").is_some(), "it reads as its account does");
    for (method, path) in
        [("POST", "/api/v1/rooms"), ("GET", "/api/v1/accounts"), ("GET", "/api/v1/account/tokens")]
    {
        let (status, problem) = place.json(method, path, &bot, "{}").await;
        assert_eq!((status, problem["code"].as_str()), (403, Some("scope_missing")), "{method} {path}");
    }
    let (_, listed) = place.json("GET", "/api/v1/account/tokens", &headers, "").await;
    assert!(listed["tokens"][0]["used_at_ms"].is_i64() && !listed.to_string().contains(&bearer[7..]));
    let path = format!("/api/v1/account/tokens/{}", made["id"]);
    assert_eq!(place.ask("DELETE", &path, &headers, "").await.status(), StatusCode::NO_CONTENT);
    let (_, room) = place.json("GET", "/api/v1/rooms/demo", &bot, "").await;
    assert!(room.get("ingest").is_none());
}

#[tokio::test]
async fn a_token_gives_no_more_than_it_has() {
    let place = Place::new().await;
    let cookie = place.session("mara", "admin").await;
    let make = |headers: Vec<(&'static str, String)>, scopes: Value| {
        let place = &place;
        async move {
            let headers: Vec<(&str, &str)> =
                headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let body = json!({ "label": "bot", "scopes": scopes }).to_string();
            place.json("POST", "/api/v1/account/tokens", &[&[JSON], &headers[..]].concat(), &body).await
        }
    };
    let (_, made) = make(vec![("cookie", cookie)], json!(["account"])).await;
    let bearer = format!("Bearer {}", made["token"].as_str().unwrap());
    let (status, _) = make(vec![("authorization", bearer.clone())], json!(["admin"])).await;
    assert_eq!(status, 403);
    let (status, _) = make(vec![("authorization", bearer)], json!(["account"])).await;
    assert_eq!(status, 201);
}

#[tokio::test]
async fn the_set_up_link_makes_the_first_administrator_once() {
    let place = Place::new().await;
    let code = place.shared.accounts.links.open_set_up();
    assert_eq!(place.json("GET", "/api/v1/setup", &[], "").await.1["needed"], true);
    let ask = |code: &str, name: &str| {
        let body = json!({ "code": code, "name": name, "password": "correct horse" }).to_string();
        let place = &place;
        async move { place.ask("POST", "/api/v1/setup", &[JSON], &body).await }
    };
    assert_eq!(ask("guess", "mallory").await.status(), StatusCode::FORBIDDEN);
    let made = ask(&code, "aino").await;
    assert_eq!(made.status(), StatusCode::CREATED);
    assert_eq!(place.who(&cookie_of(&made)).await["role"], "admin");
    assert_eq!(ask(&code, "mallory").await.status(), StatusCode::FORBIDDEN);
    assert_eq!(place.json("GET", "/api/v1/setup", &[], "").await.1["needed"], false);
    assert_eq!(place.json("GET", "/api/v1/rooms/demo", &[], "").await.1["owner"], "aino");
}

#[tokio::test]
async fn an_app_opens_a_browser_that_is_signed_in() {
    let place = Place::new().await;
    let cookie = place.session("mara", "admin").await;
    let (_, made) = place.json("POST", "/api/v1/session/link", &[("cookie", &cookie)], "").await;
    let code = made["link"].as_str().unwrap().strip_prefix("http://here/signin#").unwrap();
    let body = json!({ "code": code }).to_string();
    let first = place.ask("POST", "/api/v1/session", &[JSON], &body).await;
    assert_eq!(place.who(&cookie_of(&first)).await["name"], "mara");
    let (status, problem) = read(place.ask("POST", "/api/v1/session", &[JSON], &body).await).await;
    assert_eq!((status, problem["code"].as_str()), (403, Some("link_wrong")));
}

#[tokio::test]
async fn the_last_administrator_stays() {
    let place = Place::new().await;
    let id = place.account("aino", "admin").await;
    let path = format!("/api/v1/accounts/{id}");
    let headers = [JSON, OPERATOR];
    let (status, problem) = place.json("PATCH", &path, &headers, "{\"role\":\"viewer\"}").await;
    assert_eq!((status, problem["code"].as_str()), (409, Some("last_admin")));
    assert_eq!(place.json("DELETE", &path, &headers, "").await.0, 409);
    place.account("mara", "admin").await;
    assert_eq!(place.json("PATCH", &path, &headers, "{\"role\":\"viewer\"}").await.0, 200);
}

#[tokio::test]
async fn a_locked_account_is_out_until_it_is_unlocked() {
    let place = Place::new().await;
    place.account("aino", "admin").await;
    let cookie = place.session("mara", "broadcaster").await;
    let scopes = json!({ "label": "a bot", "scopes": ["account"] }).to_string();
    let (_, made) = place.json("POST", "/api/v1/account/tokens", &[JSON, ("cookie", &cookie)], &scopes).await;
    let bearer = format!("Bearer {}", made["token"].as_str().unwrap());
    let id = place.who(&cookie).await["id"].to_string();
    let path = format!("/api/v1/accounts/{id}");
    let set = async |locked: bool| {
        let body = json!({ "locked": locked }).to_string();
        place.json("PATCH", &path, &[JSON, OPERATOR], &body).await
    };
    let (status, account) = set(true).await;
    assert_eq!((status, account["locked_at_ms"].is_i64()), (200, true));
    let own = "/api/v1/account";
    assert_eq!(place.json("GET", own, &[("cookie", &cookie)], "").await.0, 401);
    assert_eq!(place.json("GET", own, &[("authorization", &bearer)], "").await.0, 401);
    let right = json!({ "name": "mara", "password": "correct horse" }).to_string();
    let (status, problem) = place.json("POST", "/api/v1/session", &[JSON], &right).await;
    assert_eq!((status, problem["code"].as_str()), (403, Some("account_locked")));
    let wrong = json!({ "name": "mara", "password": "a guess at it" }).to_string();
    let (status, problem) = place.json("POST", "/api/v1/session", &[JSON], &wrong).await;
    assert_eq!((status, problem["code"].as_str()), (401, Some("wrong_password")), "guesses learn nothing");
    assert_eq!(set(false).await.1["locked_at_ms"], Value::Null);
    assert_eq!(place.json("GET", own, &[("cookie", &cookie)], "").await.0, 401, "what ended stays ended");
    assert_eq!(place.json("POST", "/api/v1/session", &[JSON], &right).await.0, 200);
}

#[tokio::test]
async fn nobody_locks_the_last_administrator() {
    let place = Place::new().await;
    let first = place.account("aino", "admin").await;
    let second = place.account("mara", "admin").await;
    let set = async |id: i64, body: Value| {
        let path = format!("/api/v1/accounts/{id}");
        place.json("PATCH", &path, &[JSON, OPERATOR], &body.to_string()).await.0
    };
    assert_eq!(set(second, json!({ "locked": true })).await, 200);
    assert_eq!(set(first, json!({ "locked": true })).await, 409);
    assert_eq!(set(first, json!({ "role": "viewer" })).await, 409, "who is locked administers nothing");
}

#[tokio::test]
async fn an_owner_appoints_moderators_of_the_own_room_alone() {
    let place = Place::new().await;
    let admin = place.account("aino", "admin").await;
    assert_eq!(admin, 1);
    let owner = place.session("mara", "broadcaster").await;
    let viewer = place.session("tomasz", "viewer").await;
    let room = json!({ "room": "hers", "owner": "mara" }).to_string();
    place.json("POST", "/api/v1/rooms", &[JSON, OPERATOR], &room).await;
    let body = json!({ "name": "Tomasz" }).to_string();
    let ask = |cookie: String, room: &'static str| {
        let (place, body) = (&place, &body);
        async move {
            let path = format!("/api/v1/rooms/{room}/moderators");
            place.json("POST", &path, &[JSON, ("cookie", &cookie)], body).await
        }
    };
    assert_eq!(ask(viewer, "hers").await.0, 403);
    assert_eq!(ask(owner.clone(), "demo").await.0, 403);
    let (status, appointed) = ask(owner.clone(), "hers").await;
    assert_eq!((status, appointed["name"].as_str()), (201, Some("tomasz")));
    let (_, listed) = place.json("GET", "/api/v1/rooms/hers/moderators", &[("cookie", &owner)], "").await;
    assert_eq!(listed["moderators"], json!([appointed]));
    let path = format!("/api/v1/rooms/hers/moderators/{}", appointed["id"]);
    let gone = place.ask("DELETE", &path, &[("cookie", &owner)], "").await;
    assert_eq!(gone.status(), StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn an_origin_without_a_mail_server_says_so_and_a_made_up_code_opens_nothing() {
    let place = Place::new().await;
    let cookie = place.session("mara", "viewer").await;
    assert_eq!(place.json("GET", "/api/v1/session", &[], "").await.1["letters"], json!(false));
    let forgotten = json!({ "name": "mara" }).to_string();
    let (status, problem) = place.json("POST", "/api/v1/password-reset", &[JSON], &forgotten).await;
    assert_eq!((status, &problem["code"]), (409, &json!("no_letters")));
    let offer = json!({ "email": "mara@example.org", "current_password": "correct horse" }).to_string();
    let headers = [JSON, ("cookie", &*cookie)];
    let (status, problem) = place.json("PUT", "/api/v1/account/email", &headers, &offer).await;
    assert_eq!((status, &problem["code"]), (409, &json!("no_letters")));
    let made_up =
        json!({ "code": "5d41402abc4b2a76b9719d911017c592", "password": "another horse" }).to_string();
    let (status, problem) = place.json("PUT", "/api/v1/password-reset", &[JSON], &made_up).await;
    assert_eq!((status, &problem["code"]), (403, &json!("link_wrong")));
    assert_eq!(place.who(&cookie).await["name"], "mara");
}

#[tokio::test]
async fn who_is_called_something_else_comes_into_chats_anew() {
    let place = Place::new().await;
    let cookie = place.session("mara", "viewer").await;
    let id = place.who(&cookie).await["id"].as_i64().unwrap();
    let own = place.shared.callers.note(id, None, Purpose::Chat);
    let (status, _) =
        place.json("PATCH", "/api/v1/account", &[JSON, ("cookie", &cookie)], "{\"name\":\"mara2\"}").await;
    assert_eq!(status, 200);
    assert!(own.hung_up().now_or_never().is_some(), "else it would write under a name that others may take");
    let own = place.shared.callers.note(id, None, Purpose::Chat);
    let path = format!("/api/v1/accounts/{id}");
    assert_eq!(place.json("PATCH", &path, &[JSON, OPERATOR], "{\"name\":\"mara3\"}").await.0, 200);
    assert!(own.hung_up().now_or_never().is_some());
}

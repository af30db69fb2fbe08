use serde_json::{Value, json};

use super::place::{JSON, OPERATOR, Place};
use crate::clock::unix_ms;
use crate::doors::Door;
use crate::store::{Finished, WallSpan};

const ROOM: &str = "/api/v1/rooms/demo";

impl Place {
    /// The cookie of a new account.
    async fn newcomer(&self, name: &str, role: &str) -> String {
        let body = json!({ "name": name, "password": "correct horse", "role": role }).to_string();
        assert_eq!(self.json("POST", "/api/v1/accounts", &[JSON, OPERATOR], &body).await.0, 201);
        let body = json!({ "name": name, "password": "correct horse" }).to_string();
        let signed_in = self.ask("POST", "/api/v1/session", &[JSON], &body).await;
        let set = signed_in.headers()["set-cookie"].to_str().unwrap();
        set.split(';').next().unwrap().to_owned()
    }

    async fn status(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> u16 {
        self.ask(method, path, headers, body).await.status().as_u16()
    }

    async fn listed(&self, query: &str, headers: &[(&str, &str)]) -> Vec<String> {
        let (_, told) = self.json("GET", &format!("/api/v1/rooms{query}"), headers, "").await;
        let rooms = told["rooms"].as_array().unwrap();
        rooms.iter().map(|room| room["room"].as_str().unwrap().to_owned()).collect()
    }
}

#[tokio::test]
async fn an_account_follows_a_room_once_and_no_more() {
    let place = Place::new().await;
    place.newcomer("aino", "admin").await;
    let cookie = place.newcomer("ella", "viewer").await;
    let own = [("cookie", cookie.as_str())];
    let follow = format!("{ROOM}/follow");
    assert_eq!(place.status("PUT", &follow, &[], "").await, 401);
    assert_eq!(place.status("PUT", "/api/v1/rooms/none/follow", &own, "").await, 404);
    for _ in 0..2 {
        assert_eq!(place.status("PUT", &follow, &own, "").await, 204);
    }
    let (_, room) = place.json("GET", ROOM, &own, "").await;
    assert_eq!((&room["followed"], &room["followers"]), (&json!(true), &json!(1)));
    let (_, list) = place.json("GET", "/api/v1/account/followed", &own, "").await;
    assert_eq!((&list["rooms"][0]["room"], &list["rooms"][1]), (&json!("demo"), &Value::Null));
    let (_, all) = place.json("GET", "/api/v1/rooms", &own, "").await;
    assert_eq!(all["rooms"][0]["followed"], true);
    let (_, guest) = place.json("GET", ROOM, &[], "").await;
    assert_eq!((guest.get("followed"), &guest["followers"]), (None, &json!(1)));
    assert_eq!(place.status("DELETE", &follow, &own, "").await, 204);
    let (_, room) = place.json("GET", ROOM, &own, "").await;
    assert_eq!((&room["followed"], &room["followers"]), (&json!(false), &json!(0)));
}

#[tokio::test]
async fn an_archived_room_is_in_no_list_and_comes_back() {
    let place = Place::new().await;
    let set = async |archived: bool| {
        let change = json!({ "archived": archived }).to_string();
        place.json("PATCH", ROOM, &[JSON, OPERATOR], &change).await
    };
    let (status, room) = set(true).await;
    assert!(status == 200 && room["archived_at_ms"].is_i64(), "{room}");
    assert!(place.shared.doors.get(&"demo".parse().unwrap()).archived);
    assert_eq!(place.listed("", &[OPERATOR]).await, Vec::<String>::new());
    assert_eq!(place.listed("?archived=true", &[OPERATOR]).await, ["demo"]);
    assert_eq!(place.listed("?archived=true", &[]).await, Vec::<String>::new(), "a stranger's");
    assert_eq!(place.json("GET", ROOM, &[], "").await.0, 200, "its page and its recordings stay");
    assert_eq!(set(false).await.1["archived_at_ms"], Value::Null);
    assert_eq!(place.shared.doors.get(&"demo".parse().unwrap()), Door::default());
    assert_eq!(place.listed("", &[]).await, ["demo"]);
}

#[tokio::test]
async fn a_room_that_nobody_uses_is_archived_after_the_time_that_is_set() {
    let place = Place::new().await;
    let later = |days: i64| unix_ms() + days * 86_400_000 + 60_000;
    crate::archive::sweep(&place.shared, later(4_000)).await.unwrap();
    assert_eq!(place.listed("", &[]).await, ["demo"], "it is off by default");
    for bad in ["{\"archive_after_days\":0}", "{\"archive_after_days\":3651}", "{\"archive\":1}"] {
        let status = place.status("PATCH", "/api/v1/settings", &[JSON, OPERATOR], bad).await;
        assert!((400..500).contains(&status), "{bad}: {status}");
    }
    let set = "{\"archive_after_days\":30}";
    let (_, settings) = place.json("PATCH", "/api/v1/settings", &[JSON, OPERATOR], set).await;
    assert_eq!((&settings["archive_after_days"], &settings["registration"]), (&json!(30), &json!("invite")));
    crate::archive::sweep(&place.shared, later(29)).await.unwrap();
    assert_eq!(place.listed("", &[]).await, ["demo"]);
    crate::archive::sweep(&place.shared, later(30)).await.unwrap();
    assert_eq!(place.listed("", &[]).await, Vec::<String>::new());
    let back = json!({ "archived": false }).to_string();
    place.json("PATCH", ROOM, &[JSON, OPERATOR], &back).await;
    crate::archive::sweep(&place.shared, later(29)).await.unwrap();
    assert_eq!(place.listed("", &[]).await, ["demo"], "bringing it back is a use");
}

#[tokio::test]
async fn a_room_that_refuses_a_second_publisher_has_a_door() {
    let place = Place::new().await;
    let (_, room) = place.json("GET", ROOM, &[OPERATOR], "").await;
    assert_eq!(room["second_publisher"], "takes_over");
    let change = json!({ "second_publisher": "refused" }).to_string();
    let (status, room) = place.json("PATCH", ROOM, &[JSON, OPERATOR], &change).await;
    assert_eq!((status, room["second_publisher"].as_str()), (200, Some("refused")));
    assert_eq!(place.json("GET", ROOM, &[], "").await.1.get("second_publisher"), None, "it is the owner's");
    let stream = place.shared.streams.open(&"demo".parse().unwrap());
    let door = place.shared.doors.get(&"demo".parse().unwrap());
    let first = stream.admit(door, None).await.unwrap();
    let second = stream.admit(door, None).await.unwrap_err();
    assert_eq!(
        second.to_string(),
        "somebody publishes to this room already, and it takes no second publisher"
    );
    drop(first);
    stream.admit(door, None).await.unwrap();
}

#[tokio::test]
async fn a_room_has_the_picture_that_its_owner_gives_it() {
    let place = Place::new().await;
    let picture = format!("{ROOM}/picture");
    assert_eq!(place.json("GET", &picture, &[], "").await.0, 404);
    let (status, problem) = place.json("PUT", &picture, &[OPERATOR], "<svg onload='alert(1)'/>").await;
    assert_eq!((status, problem["code"].as_str()), (415, Some("picture_kind")));
    let png = crate::room_picture::test_png(40, 30);
    let request = axum::http::Request::builder().method("PUT").uri(&picture).header("host", "here");
    let request = request.header(OPERATOR.0, OPERATOR.1).header("content-type", "text/html");
    let request = request.body(axum::body::Body::from(png)).unwrap();
    let router = super::routes::router(std::sync::Arc::clone(&place.shared));
    let given = tower::ServiceExt::oneshot(router, request).await.unwrap();
    assert_eq!(given.status(), 200);
    let (_, room) = place.json("GET", ROOM, &[], "").await;
    let path = room["picture"].as_str().unwrap();
    assert!(path.starts_with("/api/v1/rooms/demo/picture?at="), "{path}");
    let shown = place.ask("GET", path, &[], "").await;
    let header = |name: &str| shown.headers()[name].to_str().unwrap();
    assert_eq!((header("content-type"), header("x-content-type-options")), ("image/jpeg", "nosniff"));
    assert!(header("cache-control").contains("immutable"));
    assert_eq!(place.status("DELETE", &picture, &[OPERATOR], "").await, 204);
    assert_eq!(place.json("GET", ROOM, &[], "").await.1.get("picture"), None);
    assert_eq!(place.status("DELETE", &picture, &[OPERATOR], "").await, 404);
}

#[tokio::test]
async fn only_the_player_alone_may_be_framed_by_others() {
    let place = Place::new().await;
    let policy = async |path: &str| {
        let answer = place.ask("GET", path, &[], "").await;
        answer.headers()["content-security-policy"].to_str().unwrap().to_owned()
    };
    assert!(policy("/embed/demo").await.ends_with("frame-ancestors *"));
    for own in ["/", "/r/demo", "/r/demo/settings", "/admin", "/signin", "/api/v1/rooms"] {
        assert!(policy(own).await.ends_with("frame-ancestors 'none'"), "{own}");
    }
}

#[tokio::test]
async fn the_servers_figures_are_for_administrators() {
    let place = Place::new().await;
    assert_eq!(place.status("GET", "/metrics", &[], "").await, 401, "from anywhere");
    let told = place.ask("GET", "/metrics", &[OPERATOR], "").await;
    assert!(told.headers()["content-type"].to_str().unwrap().starts_with("text/plain; version=0.0.4"));
    let text = axum::body::to_bytes(told.into_body(), 1 << 16).await.unwrap();
    let text = String::from_utf8(text.to_vec()).unwrap();
    assert!(text.contains("\nrostrum_publishers 0\n"), "{text}");
    let (status, health) = place.json("GET", "/api/v1/health", &[OPERATOR], "").await;
    assert!(status == 200 && health["cores"].as_u64() > Some(0), "{health}");
}

#[tokio::test]
async fn a_comment_on_a_recording_stands_at_its_moment() {
    let place = Place::new().await;
    place.newcomer("aino", "admin").await;
    let cookie = place.newcomer("ella", "viewer").await;
    let own = [JSON, ("cookie", cookie.as_str())];
    let (id, store) = ("ab".repeat(16), &place.shared.store);
    let started_ms = unix_ms() - 100_000;
    store.begin_recording(id.clone(), "demo".parse().unwrap(), Vec::new(), started_ms).await.unwrap();
    store.add_span(id.clone(), WallSpan { media_ms: 0, unix_ms: started_ms }).await.unwrap();
    let finished = Finished { duration_ms: 60_000, bytes: 1, parts: 1, note: None };
    store.finish_recording(id.clone(), finished).await.unwrap();
    let path = format!("/api/v1/recordings/{id}/comments");
    let comment = |text: &str, offset_ms: u64| json!({ "text": text, "offset_ms": offset_ms }).to_string();
    assert_eq!(place.status("POST", &path, &[JSON], &comment("hi", 1)).await, 401, "guests do not");
    let (status, done) = place.json("POST", &path, &own, &comment("here it is", 12_000)).await;
    assert_eq!(status, 201, "{done}");
    assert_eq!(place.status("POST", &path, &own, &comment("late", 60_001)).await, 400);
    let said = format!("/api/v1/recordings/{id}/messages");
    let (_, told) = place.json("GET", &said, &[], "").await;
    let first = &told["messages"][0];
    assert_eq!((&first["offset_ms"], &first["text"]), (&json!(12_000), &json!("here it is")));
    assert_eq!(first["from"]["name"], "ella");

    let rules = json!({ "who": "followers" }).to_string();
    let rules = place.json("PATCH", &format!("{ROOM}/chat/settings"), &[JSON, OPERATOR], &rules).await;
    assert_eq!(rules.0, 200, "{}", rules.1);
    let (status, problem) = place.json("POST", &path, &own, &comment("again", 1)).await;
    assert_eq!((status, problem["code"].as_str()), (403, Some("followers_only")), "{problem}");
    assert_eq!(place.status("PUT", &format!("{ROOM}/follow"), &own, "").await, 204);
    assert_eq!(place.status("POST", &path, &own, &comment("again", 1)).await, 201);

    let rules = json!({ "who": "everyone", "slow_mode_s": 60 }).to_string();
    assert_eq!(place.status("PATCH", &format!("{ROOM}/chat/settings"), &[JSON, OPERATOR], &rules).await, 200);
    let (status, problem) = place.json("POST", &path, &own, &comment("too soon", 1)).await;
    assert_eq!((status, problem["code"].as_str()), (429, Some("slow_mode")), "{problem}");
    assert!(problem["retry_after_ms"].as_u64().is_some_and(|wait| wait > 50_000), "{problem}");

    let taken = format!("{ROOM}/messages/{}", done["seq"]);
    assert_eq!(place.status("DELETE", &taken, &[OPERATOR], "").await, 200);
    let (_, told) = place.json("GET", &said, &[], "").await;
    assert_eq!(told["messages"].as_array().map(Vec::len), Some(1), "{told}");
}

#[tokio::test]
async fn a_room_that_is_deleted_takes_the_files_of_all_its_recordings_with_it() {
    let place = Place::new().await;
    let folder = place.shared.config.data.join("recordings");
    std::fs::create_dir(&folder).unwrap();
    // More than one list holds.
    for number in 0..510 {
        let (id, slug) = (format!("{number:032x}"), "demo".parse().unwrap());
        place.shared.store.begin_recording(id.clone(), slug, Vec::new(), number).await.unwrap();
        let finished = Finished { duration_ms: 1, bytes: 1, parts: 1, note: None };
        place.shared.store.finish_recording(id.clone(), finished).await.unwrap();
        std::fs::write(folder.join(format!("{id}-1.mp4")), "x").unwrap();
    }
    assert_eq!(place.status("DELETE", ROOM, &[OPERATOR], "").await, 204);
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
}

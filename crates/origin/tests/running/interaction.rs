//! Moderation, polls and class over real sockets and requests.

use serde_json::{Value, json};

use crate::harness::{Chat, Folder, Running, ask, config, soon};

/// A running origin with the local owner's room, and the owner's headers.
pub struct Class {
    pub running: Running,
    bearer: String,
}

impl Class {
    pub async fn start(folder: &Folder) -> Class {
        let origin = origin::Origin::start(config(folder)).await.unwrap();
        let owner = origin.ensure_local_owner("Mara", None).await.unwrap();
        drop(origin);
        let running = Running::start(folder).await;
        Class { running, bearer: format!("Bearer {}", owner.token) }
    }

    pub async fn owner(&self) -> Chat {
        Chat::join(self.running.addresses.http, "mara", "", &[("authorization", &self.bearer)]).await
    }

    pub async fn guest(&self, name: &str) -> Chat {
        Chat::join(self.running.addresses.http, "mara", &format!("?name={name}"), &[]).await
    }

    async fn ask(&self, method: &str, path: &str, body: &Value) -> (u16, String) {
        let headers = [("authorization", self.bearer.as_str()), ("content-type", "application/json")];
        let path = format!("/api/v1/rooms/mara{path}");
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let answer = ask(self.running.addresses.http, method, &path, &headers, &body).await;
        (answer.status, answer.text())
    }
}

fn read(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[tokio::test]
async fn a_moderator_takes_a_line_away_and_silences_its_writer_across_a_restart() {
    let folder = Folder::new();
    let class = Class::start(&folder).await;
    let (mut mara, mut ada) = (class.owner().await, class.guest("Ada").await);
    let cookie = ada.cookie.clone().unwrap();
    ada.send(&json!({"type": "send", "id": "c1", "text": "first", "danmaku": {"color": "#FFD166"}})).await;
    let line = mara.next("message").await;
    assert_eq!(line["danmaku"], json!({"color": "#ffd166", "position": "scroll"}));
    mara.send(&json!({"type": "delete", "id": "m1", "message": line["seq"]})).await;
    assert_eq!(ada.next("deleted").await["message"], line["seq"]);
    mara.send(&json!({"type": "timeout", "id": "m2", "member": line["from"]["id"], "seconds": 600})).await;
    assert_eq!(ada.next("standing").await["sanction"]["ban"], false);
    ada.send(&json!({"type": "send", "id": "c2", "text": "again"})).await;
    assert_eq!(ada.next("error").await["code"], "timed_out");
    let (_, bans) = class.ask("GET", "/bans", &Value::Null).await;
    assert_eq!(read(&bans)["bans"][0]["member"]["name"], "Ada");
    let Class { running, bearer } = class;
    running.stop().await;
    let class = Class { running: Running::start(&folder).await, bearer };
    let cookie = cookie.split(';').next().unwrap();
    let to = class.running.addresses.http;
    let mut ada = Chat::join(to, "mara", "?name=Ada", &[("cookie", cookie)]).await;
    assert_eq!(ada.welcome["history"], json!([]), "what was taken away stays away");
    ada.send(&json!({"type": "send", "id": "c3", "text": "again"})).await;
    assert_eq!(ada.next("error").await["code"], "timed_out");
    let member = line["from"]["id"].as_str().unwrap();
    assert_eq!(class.ask("DELETE", &format!("/bans/{member}"), &Value::Null).await.0, 200);
    ada.send(&json!({"type": "send", "id": "c4", "text": "thanks"})).await;
    ada.next("ack").await;
    let (_, audit) = class.ask("GET", "/audit", &Value::Null).await;
    let acts: Vec<Value> =
        read(&audit)["deeds"].as_array().unwrap().iter().map(|deed| deed["act"].clone()).collect();
    assert_eq!(acts, ["lift", "silence", "delete"]);
    class.running.stop().await;
}

#[tokio::test]
async fn what_is_the_moderators_is_refused_to_everybody_else() {
    let folder = Folder::new();
    let class = Class::start(&folder).await;
    let mut ada = class.guest("Ada").await;
    ada.send(&json!({"type": "settings", "id": "s", "locked": true})).await;
    assert_eq!(ada.next("error").await["code"], "not_allowed");
    let to = class.running.addresses.http;
    for path in ["bans", "audit", "attendance", "attendance.csv", "chat/settings"] {
        let answer = ask(to, "GET", &format!("/api/v1/rooms/mara/{path}"), &[], "").await;
        assert_eq!(answer.status, 401, "{path}");
    }
    let (status, _) = class.ask("POST", "/polls", &json!({"question": "?", "options": ["a"]})).await;
    assert_eq!(status, 400);
    assert_eq!(class.ask("POST", "/polls/7/close", &Value::Null).await.0, 404);
    assert_eq!(class.ask("POST", "/polls/x/close", &Value::Null).await.0, 404);
    assert_eq!(class.ask("POST", "/bans", &json!({"member": "nobody"})).await.0, 404);
    assert_eq!(class.ask("DELETE", "/messages/9", &Value::Null).await.0, 404);
    class.running.stop().await;
}

#[tokio::test]
async fn a_poll_by_request_is_voted_on_once_in_the_chat() {
    let folder = Folder::new();
    let class = Class::start(&folder).await;
    let mut ada = class.guest("Ada").await;
    let (status, opened) =
        class.ask("POST", "/polls", &json!({"question": "Tea?", "options": ["yes", "no"]})).await;
    assert_eq!(status, 201, "{opened}");
    let poll = ada.next("poll").await["poll"]["id"].clone();
    assert_eq!(read(&opened)["seq"], poll);
    ada.send(&json!({"type": "vote", "id": "v1", "poll": poll, "choices": [1]})).await;
    ada.next("ack").await;
    ada.send(&json!({"type": "vote", "id": "v1", "poll": poll, "choices": [1]})).await;
    ada.next("ack").await;
    ada.send(&json!({"type": "vote", "id": "v2", "poll": poll, "choices": [0]})).await;
    assert_eq!(ada.next("error").await["code"], "already_voted");
    let counted =
        ada.until("the vote", |frame| frame["type"] == "poll" && frame["poll"]["voters"] == 1).await;
    assert_eq!(counted["poll"]["counts"], json!([0, 1]));
    assert_eq!(class.ask("POST", &format!("/polls/{poll}/close"), &Value::Null).await.0, 200);
    ada.until("the end", |frame| frame["type"] == "poll" && frame["poll"]["closed"] == true).await;
    let shown = class.running.get("/api/v1/rooms/mara/polls").await;
    assert_eq!(shown.json()["polls"][0]["counts"], json!([0, 1]));
    class.running.stop().await;
}

#[tokio::test]
async fn a_class_has_a_roll_for_the_spreadsheet() {
    let folder = Folder::new();
    let class = Class::start(&folder).await;
    let (status, text) = class.ask("PATCH", "/chat/settings", &json!({"class": true})).await;
    assert_eq!(status, 200, "{text}");
    let (status, text) = class.ask("PATCH", "", &json!({"roster": ["=ada", " Ben ", ""]})).await;
    assert_eq!(status, 200, "{text}");
    let mut mara = class.owner().await;
    let mut ada = class.guest("=Ada").await;
    ada.send(&json!({"type": "hand", "up": true})).await;
    assert_eq!(ada.next("place").await["place"], 1);
    let queue = mara.next("hand").await;
    assert_eq!(queue["queue"][0]["member"]["name"], "=Ada");
    let (_, listed) = class.ask("GET", "/attendance", &Value::Null).await;
    let states: Vec<(Value, Value)> = read(&listed)["people"]
        .as_array()
        .unwrap()
        .iter()
        .map(|person| (person["name"].clone(), person["state"].clone()))
        .collect();
    assert_eq!(
        states,
        [(json!("=Ada"), json!("here")), (json!("Ben"), json!("missing"))],
        "the teacher is not on her own roll: {listed}"
    );
    drop(ada);
    let left = async {
        loop {
            let (_, csv) = class.ask("GET", "/attendance.csv?since_ms=0", &Value::Null).await;
            let row = csv.lines().nth(1).unwrap_or_default().to_owned();
            // The fifth column is filled once she has left.
            if row.starts_with("\"'=Ada\",g") && !row.contains(",,") {
                let missing: Vec<&str> = csv.lines().skip(2).collect();
                assert_eq!(missing, ["\"Ben\",,missing,,,0"]);
                return;
            }
        }
    };
    soon("the roll", left).await;
    class.running.stop().await;
}

//! An account that is deleted: what it said is nobody's, in rooms that run and in those that do not, and after a restart.

use serde_json::{Value, json};

use crate::harness::{Chat, Folder, Running, ask};

const JSON: (&str, &str) = ("content-type", "application/json");

/// Makes an account and signs it in; its cookie.
async fn ella(running: &Running) -> String {
    let who = json!({"name": "ella", "password": "correct horse"}).to_string();
    running.post("/api/v1/accounts", &who).await;
    let signed_in = ask(running.addresses.http, "POST", "/api/v1/session", &[JSON], &who).await;
    signed_in.header("set-cookie").split(';').next().unwrap().to_owned()
}

/// Everything that a newcomer with all rights is told of a room, and what its pages show.
async fn all_told(running: &Running, room: &str) -> String {
    let bearer = format!("Bearer {}", running.token);
    let headers = [("authorization", bearer.as_str())];
    let mut told = Chat::join(running.addresses.http, room, "", &headers).await.welcome.to_string();
    for page in ["messages", "audit", "bans"] {
        let path = format!("/api/v1/rooms/{room}/{page}");
        told += &ask(running.addresses.http, "GET", &path, &headers, "").await.text();
    }
    told
}

#[tokio::test]
async fn what_a_deleted_account_said_is_a_deleted_users_at_once_and_after_a_restart() {
    let folder = Folder::new();
    let running = Running::start(&folder).await;
    let to = running.addresses.http;
    for room in ["runs", "sleeps"] {
        running.room(room).await;
    }
    let cookie = ella(&running).await;
    let bearer = format!("Bearer {}", running.token);
    let headers = [("authorization", bearer.as_str())];
    let mut host = Chat::join(to, "runs", "", &headers).await;
    let mut page = Chat::join(to, "runs", "?name=Ada", &[]).await;
    for room in ["runs", "sleeps"] {
        let mut ella = Chat::join(to, room, "", &[("cookie", &cookie)]).await;
        ella.send(&json!({"type": "send", "id": "c1", "text": "kept words"})).await;
        let line = ella.next("message").await["seq"].clone();
        let mut host = Chat::join(to, room, "", &headers).await;
        host.send(&json!({"type": "pin", "id": "p", "message": line})).await;
        host.next("ack").await;
        let member = ella.welcome["member"]["id"].clone();
        host.send(&json!({"type": "timeout", "id": "t", "member": member, "seconds": 600})).await;
        host.next("ack").await;
    }
    // Of the two rooms, one begins again and is not visited.
    running.stop().await;
    let running = Running::start(&folder).await;
    let (to, bearer) = (running.addresses.http, format!("Bearer {}", running.token));
    drop((host, page));
    host = Chat::join(to, "runs", "", &[("authorization", &bearer)]).await;
    page = Chat::join(to, "runs", "?name=Ada", &[]).await;
    assert_eq!(page.welcome["floor"]["pinned"]["from"]["name"], "ella");
    let gone = json!({"password": "correct horse"}).to_string();
    let answer = ask(to, "DELETE", "/api/v1/account", &[("cookie", &cookie), JSON], &gone).await;
    assert_eq!(answer.status, 204, "{}", answer.text());
    for member in [&mut host, &mut page] {
        let told = member.next("forgotten").await;
        assert_eq!(told["member"]["name"], "deleted user", "{told}");
    }
    for room in ["runs", "sleeps"] {
        let told = all_told(&running, room).await;
        assert!(!told.contains("ella") && told.contains("kept words"), "{room}: {told}");
    }
    running.stop().await;
    let running = Running::start(&folder).await;
    for room in ["runs", "sleeps"] {
        let told = all_told(&running, room).await;
        assert!(!told.contains("ella") && told.contains("deleted user"), "{room} after a restart: {told}");
    }
    for name in ["Deleted User", "deleteduser"] {
        let guest =
            Chat::join(running.addresses.http, "runs", &format!("?name={}", name.replace(' ', "%20")), &[])
                .await;
        assert_ne!(
            guest.welcome["member"]["name"],
            Value::from(name),
            "nobody passes for somebody who is gone"
        );
    }
    running.stop().await;
}

//! `kill -9` while people write and vote: what was acknowledged is there, once.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::process::Stdio;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use crate::harness::{Chat, Folder, ask, soon};

/// People who write and vote at a time.
const WRITERS: usize = 40;
/// Messages of each a round: as many as pass at once.
const MESSAGES: usize = 5;

/// A run of the program that can be killed.
struct Program {
    child: Child,
    http: SocketAddr,
    bearer: String,
}

impl Program {
    async fn start(folder: &Folder) -> Program {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rostrum-origin"));
        command.args(["serve", "--http", "127.0.0.1:0", "--rtmp", "127.0.0.1:0", "--data"]).arg(&folder.0);
        command.env("ROSTRUM_SRT", "127.0.0.1:0").current_dir(std::env::temp_dir());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut http = None;
        soon("ready", async {
            while let Some(line) = lines.next_line().await.unwrap() {
                if let Some(address) = line.strip_prefix("http ") {
                    http = Some(address.trim().parse().unwrap());
                }
                if line == "ready" {
                    return;
                }
            }
            panic!("serve ended before it was ready");
        })
        .await;
        let run = std::fs::read_to_string(folder.0.join("run.json")).unwrap();
        let run: Value = serde_json::from_str(&run).unwrap();
        let bearer = format!("Bearer {}", run["token"].as_str().unwrap());
        Program { child, http: http.unwrap(), bearer }
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        let headers = [("authorization", self.bearer.as_str()), ("content-type", "application/json")];
        let answer = ask(self.http, "POST", path, &headers, &body.to_string()).await;
        assert!((200..300).contains(&answer.status), "{path}: {}", answer.text());
        answer.json()
    }

    /// Every stored message, by its sender and their own id, with how often it is there.
    async fn stored(&self) -> BTreeMap<(String, String), u32> {
        let mut found = BTreeMap::new();
        let mut before = u64::MAX >> 1;
        loop {
            let path = format!("/api/v1/rooms/demo/messages?before={before}");
            let page = ask(self.http, "GET", &path, &[], "").await.json();
            let messages = page["messages"].as_array().unwrap_or_else(|| panic!("{path}: {page}"));
            let Some(first) = messages.first() else { return found };
            before = first["seq"].as_u64().unwrap();
            for message in messages {
                let text = |value: &Value| value.as_str().unwrap().to_owned();
                *found.entry((text(&message["from"]["id"]), text(&message["id"]))).or_default() += 1;
            }
        }
    }

    async fn kill(mut self) {
        // SIGKILL.
        self.child.kill().await.unwrap();
    }
}

/// What one person was told to be stored.
#[derive(Debug)]
struct Told {
    member: String,
    cookie: String,
    acknowledged: BTreeSet<String>,
}

/// Writes and votes without waiting, and then reads until the connection is gone.
async fn write(to: SocketAddr, round: usize, number: usize, poll: u64) -> Told {
    let cookie = format!("rostrum_guest={number:032x}");
    let mut request = format!("ws://{to}/api/v1/rooms/demo/chat").into_client_request().unwrap();
    request.headers_mut().insert("cookie", cookie.parse().unwrap());
    let (mut socket, _) = soon("the upgrade", connect_async(request)).await.unwrap();
    let mut told = Told { member: String::new(), cookie, acknowledged: BTreeSet::new() };
    let mut frames = vec![json!({"type": "vote", "id": format!("v{round}"), "poll": poll, "choices": [0]})];
    for message in 0..MESSAGES {
        frames.push(json!({"type": "send", "id": format!("r{round}m{message}"), "text": "hi"}));
    }
    for frame in frames {
        // The origin may be gone already.
        let _ = socket.send(Message::text(frame.to_string())).await;
    }
    let reading = async {
        while let Some(Ok(message)) = socket.next().await {
            let Message::Text(text) = message else { continue };
            let frame: Value = serde_json::from_str(&text).unwrap();
            match frame["type"].as_str() {
                Some("welcome") => frame["member"]["id"].as_str().unwrap().clone_into(&mut told.member),
                Some("ack") => drop(told.acknowledged.insert(frame["id"].as_str().unwrap().to_owned())),
                _ => {}
            }
        }
    };
    soon("the end", reading).await;
    told
}

#[tokio::test]
async fn what_was_acknowledged_before_a_kill_is_there_once() {
    let folder = Folder::new();
    let rounds = if std::env::var_os("ROSTRUM_LONG").is_some() { 20 } else { 3 };
    let mut program = Program::start(&folder).await;
    program.post("/api/v1/rooms", &json!({"room": "demo"})).await;
    let mut acknowledged = 0;
    for round in 0..rounds {
        let poll = json!({"question": format!("Round {round}?"), "options": ["yes", "no"]});
        let poll = program.post("/api/v1/rooms/demo/polls", &poll).await["seq"].as_u64().unwrap();
        let mut writers = JoinSet::new();
        for number in 0..WRITERS {
            writers.spawn(write(program.http, round, number, poll));
        }
        // Killed somewhere in the middle: when the room has said about so much, another amount each round.
        let mut watcher = Chat::join(program.http, "demo", "", &[]).await;
        for _ in 0..WRITERS * (round % 4 + 1) {
            watcher.next("message").await;
        }
        program.kill().await;
        let told: Vec<Told> = writers.join_all().await;
        program = Program::start(&folder).await;
        let stored = program.stored().await;
        assert!(stored.values().all(|&times| times == 1), "something is there twice");
        for Told { member, cookie, acknowledged: ids } in told {
            acknowledged += ids.len();
            let again = Chat::join(program.http, "demo", "", &[("cookie", &cookie)]).await;
            for id in ids {
                if id.starts_with('v') {
                    let votes = again.welcome["floor"]["mine"]["votes"].to_string();
                    assert!(votes.contains(&format!("[{poll},[0]]")), "round {round}: {votes}");
                } else {
                    assert!(
                        stored.contains_key(&(member.clone(), id.clone())),
                        "round {round}: {id} is lost"
                    );
                }
            }
        }
        program.post(&format!("/api/v1/rooms/demo/polls/{poll}/close"), &Value::Null).await;
    }
    assert!(acknowledged >= rounds * WRITERS, "the test saw {acknowledged} acknowledgements only");
    program.kill().await;
}

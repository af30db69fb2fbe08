//! `kill -9` while people write, vote and give: what was acknowledged is there, once.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Duration, Instant};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::harness::{Chat, Folder, ask, soon};
use crate::program::Program;

/// How much happens.
#[derive(Clone, Copy)]
struct Form {
    rounds: usize,
    /// People who write and vote at a time.
    writers: usize,
    /// People who give gifts at a time, and how many each: so many as pass at once.
    givers: usize,
    gifts: usize,
    /// The kill comes after so many acknowledgements, gifts among them; in later rounds after some more.
    acks_min: usize,
    gifts_min: usize,
}

/// Messages of each a round: as many as pass at once.
const MESSAGES: usize = 5;
/// One message a second passes after those.
const WRITES_EVERY: Duration = Duration::from_millis(1_050);
/// What each giver has at first.
const POINTS: i64 = 100_000;

impl Program {
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
}

/// What one person was told to be stored.
#[derive(Debug)]
struct Told {
    member: String,
    cookie: String,
    /// Their own id, and the number of the line.
    acknowledged: BTreeMap<String, u64>,
}

/// What everybody was told so far.
#[derive(Default)]
struct Count {
    acks: AtomicUsize,
    gifts: AtomicUsize,
    told: Notify,
}

/// Sends frames without waiting, and then reads until the connection is gone; a guest goes on writing meanwhile. One
/// that was let go for its slowness comes back and asks again for what it was not told.
async fn ask_for(
    (to, round): (SocketAddr, usize),
    cookie: String,
    mut frames: Vec<Value>,
    count: Arc<Count>,
) -> Told {
    let mut told = Told { member: String::new(), cookie, acknowledged: BTreeMap::new() };
    loop {
        let mut request = format!("ws://{to}/api/v1/rooms/demo/chat").into_client_request().unwrap();
        request.headers_mut().insert("cookie", told.cookie.parse().unwrap());
        let Ok((socket, _)) = soon("the upgrade", connect_async(request)).await else { return told };
        soon("the end", talk(socket, round, &mut frames, &mut told, &count)).await;
        frames.retain(|frame| !told.acknowledged.contains_key(frame["id"].as_str().unwrap()));
    }
}

/// Until the connection is gone.
async fn talk(
    mut socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    round: usize,
    frames: &mut Vec<Value>,
    told: &mut Told,
    count: &Count,
) {
    for frame in &*frames {
        // The origin may be gone already.
        let _ = socket.send(Message::text(frame.to_string())).await;
    }
    // As often as a person may write without being slowed.
    let mut more = tokio::time::interval_at(Instant::now() + WRITES_EVERY, WRITES_EVERY);
    loop {
        let received = tokio::select! {
            received = socket.next() => received,
            _ = more.tick(), if told.member.starts_with('g') => {
                let id = format!("r{round}more{}", frames.len() + told.acknowledged.len());
                let say = json!({"type": "send", "id": id, "text": "hi"});
                let _ = socket.send(Message::text(say.to_string())).await;
                frames.push(say);
                continue;
            }
        };
        let Some(Ok(message)) = received else { return };
        // Of what everybody is told, nothing is read here: the origin is to be busy, and not the test.
        let Message::Text(text) = message else { continue };
        if !text.starts_with("{\"type\":\"ack\"") && !text.starts_with("{\"type\":\"welcome\"") {
            continue;
        }
        let frame: Value = serde_json::from_str(&text).unwrap();
        if let Some(member) = frame["member"]["id"].as_str() {
            member.clone_into(&mut told.member);
            continue;
        }
        let (id, seq) = (frame["id"].as_str().unwrap().to_owned(), frame["seq"].as_u64().unwrap());
        let is_gift = id.starts_with('g');
        if let Some(first) = told.acknowledged.insert(id, seq) {
            assert_eq!(first, seq, "a repeat was answered otherwise");
            continue;
        }
        count.gifts.fetch_add(usize::from(is_gift), Ordering::Relaxed);
        count.acks.fetch_add(1, Ordering::Relaxed);
        count.told.notify_one();
    }
}

/// A vote and some messages.
fn written(round: usize, poll: u64) -> Vec<Value> {
    let vote = json!({"type": "vote", "id": format!("v{round}"), "poll": poll, "choices": [0]});
    let say = |message| json!({"type": "send", "id": format!("r{round}m{message}"), "text": "hi"});
    std::iter::once(vote).chain((0..MESSAGES).map(say)).collect()
}

fn given(round: usize, gifts: usize) -> Vec<Value> {
    let give = |gift| json!({"type": "gift", "id": format!("g{round}n{gift}"), "gift": "clap", "count": 2});
    (0..gifts).map(give).collect()
}

impl Program {
    /// Makes the host, and givers with points; the givers' cookies.
    async fn people(&self, givers: usize) -> Vec<String> {
        let host = json!({"name": "host", "password": "correct horse", "role": "admin"});
        self.post("/api/v1/accounts", &host).await;
        self.post("/api/v1/rooms", &json!({"room": "demo"})).await;
        let mut cookies = Vec::new();
        for giver in 0..givers {
            let who = json!({"name": format!("giver{giver}"), "password": "correct horse"});
            let made = self.post("/api/v1/accounts", &who).await;
            let path = format!("/api/v1/accounts/{}/points", made["id"]);
            self.post(&path, &json!({ "points": POINTS })).await;
            let json = [("content-type", "application/json")];
            let signed_in = ask(self.http, "POST", "/api/v1/session", &json, &who.to_string()).await;
            let cookie = signed_in.header("set-cookie").split(';').next().unwrap().to_owned();
            cookies.push(cookie);
        }
        cookies
    }

    /// Every stored gift: its number, whose it was and what it cost.
    async fn gifts(&self) -> BTreeMap<u64, (String, i64)> {
        let mut found = BTreeMap::new();
        let mut before = u64::MAX >> 1;
        loop {
            let path = format!("/api/v1/rooms/demo/audit?before={before}");
            let page = ask(self.http, "GET", &path, &[("authorization", &self.bearer)], "").await.json();
            let deeds = page["deeds"].as_array().unwrap_or_else(|| panic!("{path}: {page}"));
            let Some(last) = deeds.last() else { return found };
            before = last["seq"].as_u64().unwrap();
            for deed in deeds.iter().filter(|deed| deed["act"] == "gift") {
                let points = deed["gift"]["points"].as_i64().unwrap() * deed["count"].as_i64().unwrap();
                let by = deed["by"]["id"].as_str().unwrap().to_owned();
                let seq = deed["seq"].as_u64().unwrap();
                assert!(found.insert(seq, (by, points)).is_none(), "line {seq} is there twice");
            }
        }
    }

    /// Everything that a round's people were told is there, once.
    async fn check(&self, round: usize, poll: u64, told: Vec<Told>) {
        let (stored, gifts) = (self.stored().await, self.gifts().await);
        assert!(stored.values().all(|&times| times == 1), "something is there twice");
        for Told { member, cookie, acknowledged } in told {
            let mut again = Chat::join(self.http, "demo", "", &[("cookie", &cookie)]).await;
            for (id, seq) in &acknowledged {
                if id.starts_with('v') {
                    let votes = again.welcome["floor"]["mine"]["votes"].to_string();
                    assert!(votes.contains(&format!("[{poll},[0]]")), "round {round}: {votes}");
                } else if id.starts_with('g') {
                    let by = gifts.get(seq).map(|(by, _)| by);
                    assert_eq!(by, Some(&member), "round {round}: {id} is lost");
                } else {
                    let key = (member.clone(), id.clone());
                    assert!(stored.contains_key(&key), "round {round}: {id} is lost");
                }
            }
            let Some((id, seq)) = acknowledged.iter().find(|(id, _)| id.starts_with('g')) else { continue };
            again.send(&json!({"type": "gift", "id": id, "gift": "clap", "count": 2})).await;
            let ack = again.until("the same answer", |frame| frame["id"] == id.as_str()).await;
            assert_eq!(ack["seq"], *seq, "round {round}: a repeat is another gift");
            let wallet = ask(self.http, "GET", "/api/v1/account/wallet", &[("cookie", &cookie)], "").await;
            let spent: i64 = gifts.values().filter(|(by, _)| *by == member).map(|(_, points)| points).sum();
            assert_eq!(wallet.json()["points"], POINTS - spent, "round {round}: {member}");
        }
    }
}

/// Kills the origin in the middle of all that again and again.
async fn killed(form: Form) {
    let folder = Folder::new();
    let mut program = Program::start(&folder).await;
    let givers = program.people(form.givers).await;
    for round in 0..form.rounds {
        let poll = json!({"question": format!("Round {round}?"), "options": ["yes", "no"]});
        let poll = program.post("/api/v1/rooms/demo/polls", &poll).await["seq"].as_u64().unwrap();
        let count = Arc::new(Count::default());
        let mut people = JoinSet::new();
        for number in 0..form.writers {
            let cookie = format!("rostrum_guest={number:032x}");
            people.spawn(ask_for((program.http, round), cookie, written(round, poll), Arc::clone(&count)));
        }
        for cookie in &givers {
            let frames = given(round, form.gifts);
            people.spawn(ask_for((program.http, round), cookie.clone(), frames, Arc::clone(&count)));
        }
        // Killed somewhere in the middle, another place each round.
        let acks_min = form.acks_min * (round % 4 + 8) / 8;
        let enough = async {
            let so_far = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
            while so_far(&count.acks) < acks_min || so_far(&count.gifts) < form.gifts_min {
                count.told.notified().await;
            }
        };
        soon("acknowledgements", enough).await;
        program.kill().await;
        let told = people.join_all().await;
        let acks: usize = told.iter().map(|told| told.acknowledged.len()).sum();
        assert!(acks >= acks_min, "round {round}: {acks} acknowledgements only");
        program = Program::start(&folder).await;
        program.check(round, poll, told).await;
        program.post(&format!("/api/v1/rooms/demo/polls/{poll}/close"), &Value::Null).await;
    }
    program.kill().await;
}

#[tokio::test]
async fn what_was_acknowledged_before_a_kill_is_there_once() {
    let (acks_min, gifts_min) = (60, 20);
    killed(Form { rounds: 3, writers: 40, givers: 3, gifts: 30, acks_min, gifts_min }).await;
}

#[tokio::test]
#[ignore = "20 kills, minutes: what `cargo xtask test --long` adds"]
async fn what_was_acknowledged_before_each_of_twenty_kills_is_there_once() {
    let (acks_min, gifts_min) = (1_000, 200);
    killed(Form { rounds: 20, writers: 120, givers: 10, gifts: 40, acks_min, gifts_min }).await;
}

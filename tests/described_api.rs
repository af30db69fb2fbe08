//! The API's description against the running program: every operation is granted once, and schemathesis asks whatever
//! the description allows.

use std::collections::BTreeSet;
use std::process::Command;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_tungstenite::tungstenite::Message;

use crate::harness::chat::Chat;
use crate::harness::environment::{root, schemathesis};
use crate::harness::http::{Answer, Http};
use crate::harness::machine::beside_others;
use crate::harness::mail::MailServer;
use crate::harness::origin_program::{OriginProgram, told};
use crate::harness::process::Process;
use crate::harness::publisher::push_pattern;
use crate::harness::wait::{seconds, until};

/// Test cases of one operation and phase; the long run asks more.
const EXAMPLES: u32 = 8;
const EXAMPLES_LONG: u32 = 60;

/// What schemathesis does not ask, since it would end its own run: it is an administrator, with a token. All of it is
/// asked here by hand.
const BY_HAND: [&str; 5] = [
    "/api/v1/account/tokens/{id}",
    "/api/v1/accounts/{id}",
    // These are WebSockets, which it does not speak.
    "/api/v1/rooms/{room}/chat",
    "/api/v1/ingest",
    // An operation for one moment in an origin's life.
    "/api/v1/setup",
];

/// What failed would be a defect.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
    response_headers_conformance,response_schema_conformance";

/// An origin with something of everything, and what was granted there.
struct World {
    http: Http,
    program: OriginProgram,
    token: String,
    description: Value,
    /// `GET /api/v1/rooms`, as the description writes it.
    granted: BTreeSet<String>,
    data: TempDir,
    mail: MailServer,
}

impl World {
    async fn new() -> World {
        let data = TempDir::new().expect("a temporary folder");
        let mail = MailServer::start().await;
        let program = OriginProgram::serve_with(data.path(), &mail.settings_file()).await;
        let http = Http::new();
        let description = http.get(&format!("http://{}/api/v1/openapi.json", program.http)).await.json();
        let granted = BTreeSet::new();
        let mut world = World { http, program, token: String::new(), description, granted, data, mail };
        world.sign_in().await;
        world
    }

    /// Makes the first administrator by the link of a new origin, and a token of theirs.
    async fn sign_in(&mut self) {
        let code = self.program.set_up_code().await;
        let person = json!({"code": code, "name": "aino", "password": PASSWORD});
        let made = self.grant("POST /api/v1/setup", &[], person).await;
        let cookie = made.header("set-cookie").split(';').next().unwrap_or_default().to_owned();
        let scopes = ["rooms:read", "rooms:write", "chat", "account", "admin"];
        let wanted = json!({"label": "tests", "scopes": scopes});
        let made = self.ask("POST", "/api/v1/account/tokens", &[("cookie", &cookie)], &wanted).await;
        self.token = made.json()["token"].as_str().expect("a token").to_owned();
    }

    async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
        let json = [headers, &[("content-type", "application/json")]].concat();
        match body {
            Value::Null => self.send(method, path, headers, Bytes::new()).await,
            Value::String(raw) => self.send(method, path, headers, Bytes::from(raw.clone())).await,
            body => self.send(method, path, &json, Bytes::from(body.to_string())).await,
        }
    }

    async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Bytes) -> Answer {
        let mut request =
            Request::builder().method(method).uri(format!("http://{}{path}", self.program.http));
        if !self.token.is_empty() && !headers.iter().any(|(name, _)| *name == "authorization") {
            request = request.header("authorization", format!("Bearer {}", self.token));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.http.ask(request.body(Full::from(body)).expect("tests make valid requests")).await
    }

    /// Asks for something that must be granted. The operation's names are filled in from those that stand behind it:
    /// `DELETE /api/v1/rooms/{room} doomed`.
    async fn grant(&mut self, operation: &str, headers: &[(&str, &str)], body: Value) -> Answer {
        let mut words = operation.split(' ');
        let (method, template) = (words.next().expect("a method"), words.next().expect("a path"));
        let mut path = template.to_owned();
        for name in words {
            let (begin, end) = (path.find('{').expect("a name to fill in"), path.find('}').expect("its end"));
            path.replace_range(begin..=end, name);
        }
        // Who asked for many before has to wait.
        let answer = until(&format!("{operation} to be granted"), seconds(90), async || {
            let answer = self.ask(method, &path, headers, &body).await;
            (answer.status.as_u16() != 429).then_some(answer)
        })
        .await;
        let status = answer.status;
        assert!(status.is_success() || status.as_u16() == 101, "{operation}: {status} {:?}", answer.body);
        self.note(method, template);
        answer
    }

    fn note(&mut self, method: &str, template: &str) {
        self.granted.insert(format!("{method} {template}"));
    }

    /// All operations of the description.
    fn operations(&self) -> BTreeSet<String> {
        let paths = self.description["paths"].as_object().expect("paths").iter();
        let all = paths.flat_map(|(path, item)| {
            let methods = item.as_object().expect("operations").keys();
            methods.map(move |method| format!("{} {path}", method.to_uppercase()))
        });
        all.collect()
    }

    /// Lets schemathesis ask operations of some methods, and notes what was granted to it.
    async fn let_ask(&mut self, methods: &[&str], examples: u32) {
        let folder = self.data.path().to_owned();
        let (calls, schema) = (folder.join("calls"), folder.join("openapi.json"));
        std::fs::write(&schema, self.description.to_string()).expect("the folder can be written");
        let mut command = Command::new(schemathesis());
        command.arg("run").arg(&schema).arg("--url").arg(format!("http://{}", self.program.http));
        command.args(["-H", &format!("Authorization: Bearer {}", self.token)]);
        command.args(["--phases", "examples,coverage,fuzzing", "--checks", CHECKS]);
        command.args(["--max-examples", &examples.to_string(), "--generation-deterministic", "--no-shrink"]);
        command.args(["--continue-on-failure", "--no-color", "--warnings", "off", "--workers", "1"]);
        for path in BY_HAND {
            command.args(["--exclude-path", path]);
        }
        for method in methods {
            command.args(["--include-method", method]);
        }
        command.env("SCHEMATHESIS_HOOKS", root().join("tests/schemathesis_hooks.py"));
        command.env("ROSTRUM_CALLS", &calls).env("PYTHONDONTWRITEBYTECODE", "1").current_dir(&folder);
        let mut process = Process::start("schemathesis", &mut command);
        let ended = process.wait(RUN_LIMIT).await;
        assert!(ended.success(), "schemathesis found:\n{}", process.output());
        let calls = std::fs::read_to_string(&calls).expect("the hooks note every answer");
        let mut answers = 0;
        for (status, operation) in calls.lines().filter_map(|line| line.split_once(' ')) {
            answers += 1;
            if status.starts_with('2') {
                self.granted.insert(operation.to_owned());
            }
        }
        println!("{methods:?}: {answers} answers, {} operations granted so far", self.granted.len());
    }
}

/// The room whose everything there is, with what the operations name in it.
struct Fixtures {
    room: Process,
    recording: String,
    upload: String,
    stream_key: String,
}

/// A room that is live, and was recorded before; a file of it.
async fn fill(world: &mut World) -> Fixtures {
    let made = world.grant("POST /api/v1/rooms", &[], json!({"room": "chess", "record": true})).await.json();
    let stream_key = made["stream_key"].as_str().expect("a key").to_owned();
    let url = format!("rtmp://{}/live/{stream_key}", world.program.rtmp);
    let mut room = push_pattern(&url);
    comes(world, "/api/v1/rooms/chess", |room| room["state"] == "live").await;
    comes(world, "/api/v1/rooms/chess", |room| room["recording"]["writing"].is_string()).await;
    world.grant("POST /api/v1/rooms/{room}/end chess", &[], Value::Null).await;
    drop(room);
    let recordings = "/api/v1/rooms/chess/recordings";
    let done = comes(world, recordings, |all| all["recordings"][0]["state"] == "done").await;
    let recording = done["recordings"][0]["id"].as_str().expect("an id").to_owned();
    room = push_pattern(&url);
    let upload = upload(world).await;
    Fixtures { room, recording, upload, stream_key }
}

/// Waits until what is at a path is as wanted.
async fn comes(world: &World, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    until(path, seconds(60), async || {
        let answer = world.ask("GET", path, &[], &Value::Null).await;
        let value = answer.status.is_success().then(|| answer.json())?;
        wanted(&value).then_some(value)
    })
    .await
}

/// Announces a file in a room and sends it whole.
async fn upload(world: &mut World) -> String {
    let file = world.data.path().join("lesson.mp4");
    let status = Command::new("ffmpeg")
        .args(
            "-nostdin -y -loglevel error -f lavfi -i testsrc2=size=320x180:rate=25 -t 2 -c:v libx264"
                .split(' '),
        )
        .args("-preset ultrafast -g 25 -pix_fmt yuv420p -movflags +faststart".split(' '))
        .arg(&file)
        .status();
    assert!(status.expect("ffmpeg starts").success(), "ffmpeg makes a file");
    let bytes = std::fs::read(&file).expect("the file is there");
    let length = bytes.len().to_string();
    let tus = ("tus-resumable", "1.0.0");
    let headers = [tus, ("upload-length", &*length), ("upload-metadata", "filename bGVzc29uLm1wNA==")];
    let made = world.grant("POST /api/v1/rooms/{room}/uploads chess", &headers, Value::Null).await;
    let location = made.header("location").to_owned();
    let id = location.rsplit('/').next().expect("an id").to_owned();
    let request = Request::patch(format!("http://{}{location}", world.program.http))
        .header("authorization", format!("Bearer {}", world.token))
        .header(tus.0, tus.1)
        .header("upload-offset", "0")
        .header("content-type", "application/offset+octet-stream");
    let request = request.body(Full::from(Bytes::from(bytes))).expect("a valid request");
    let sent = world.http.ask(request).await;
    assert_eq!(sent.status.as_u16(), 204, "{:?}", sent.body);
    world.note("PATCH", "/api/v1/rooms/{room}/uploads/{id}");
    comes(world, &location, |file| file["state"] == "ready").await;
    id
}

/// What schemathesis cannot be granted, or would be the end of what it asks about.
async fn by_hand(world: &mut World, fixtures: &Fixtures) {
    let Fixtures { recording, upload, stream_key, .. } = fixtures;
    let (none, tus) = (Value::Null, [("tus-resumable", "1.0.0")]);
    let key = format!("Bearer {stream_key}");
    let keyed = [("authorization", &*key)];
    world.grant("POST /api/v1/rooms/{room}/ingest-session chess", &keyed, none.clone()).await;
    let socket = [
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    world.grant("GET /api/v1/rooms/{room}/chat chess", &socket, none.clone()).await;
    let publishing = [&socket[..], &keyed[..]].concat();
    let path = "/api/v1/ingest?room=chess";
    assert_eq!(world.ask("GET", path, &publishing, &none).await.status.as_u16(), 101, "{path}");
    world.note("GET", "/api/v1/ingest");
    world.grant("GET /api/v1/setup", &[], none.clone()).await;

    let person = json!({"name": "bennet", "password": PASSWORD, "role": "viewer"});
    let made = world.grant("POST /api/v1/accounts", &[], person).await.json();
    let ben = made["id"].to_string();
    let change = json!({"role": "broadcaster"});
    world.grant(&format!("PATCH /api/v1/accounts/{{id}} {ben}"), &[], change).await;
    let signing = json!({"name": "bennet", "password": PASSWORD});
    let session = world.grant("POST /api/v1/session", &[("authorization", "")], signing.clone()).await;
    let cookie = session.header("set-cookie").split(';').next().unwrap_or_default().to_owned();
    let own = [("authorization", ""), ("cookie", &*cookie)];
    let token = json!({"label": "a bot", "scopes": ["chat"]});
    let token = world.grant("POST /api/v1/account/tokens", &own, token).await.json()["id"].to_string();
    world.grant(&format!("DELETE /api/v1/account/tokens/{{id}} {token}"), &own, none.clone()).await;
    let sessions = world.grant("GET /api/v1/account/sessions", &own, none.clone()).await.json();
    let number = sessions["sessions"][0]["id"].to_string();
    world.grant(&format!("DELETE /api/v1/account/sessions/{{id}} {number}"), &own, none.clone()).await;
    let session = world.ask("POST", "/api/v1/session", &[("authorization", "")], &signing).await;
    let cookie = session.header("set-cookie").split(';').next().unwrap_or_default().to_owned();
    let own = [("authorization", ""), ("cookie", &*cookie)];
    gifts_and_webhooks(world, &ben, &own).await;
    let own = forgotten_password(world, &own).await;
    let own = [("authorization", ""), ("cookie", &*own)];
    world.grant("DELETE /api/v1/account", &own, json!({"password": PASSWORD})).await;
    let person = json!({"name": "ottokar", "password": PASSWORD});
    let otto = world.grant("POST /api/v1/accounts", &[], person).await.json()["id"].to_string();
    world.grant(&format!("DELETE /api/v1/accounts/{{id}} {otto}"), &[], none.clone()).await;

    let invitation = world.grant("POST /api/v1/invitations", &[], json!({"label": "Ella"})).await.json();
    world.grant("POST /api/v1/invitation", &[], json!({"code": invitation["code"]})).await;
    let number = invitation["id"].to_string();
    world.grant(&format!("DELETE /api/v1/invitations/{{id}} {number}"), &[], none.clone()).await;

    world.grant("POST /api/v1/rooms", &[], json!({"room": "locked"})).await;
    let private = json!({"visibility": "private", "password": "open sesame"});
    world.grant("PATCH /api/v1/rooms/{room} locked", &[], private).await;
    world.grant("POST /api/v1/rooms/{room}/entry locked", &[], json!({"password": "open sesame"})).await;
    world.grant("DELETE /api/v1/rooms/{room} locked", &[], none.clone()).await;

    follow_picture_and_links(world).await;
    let poll = json!({"question": "Well?", "options": ["yes", "no"]});
    let poll =
        world.grant("POST /api/v1/rooms/{room}/polls chess", &[], poll).await.json()["seq"].to_string();
    world
        .grant(&format!("POST /api/v1/rooms/{{room}}/polls/{{poll}}/close chess {poll}"), &[], none.clone())
        .await;

    let later = json!({"at_ms": unix_ms() + 3_600_000});
    let schedule = format!("/api/v1/rooms/{{room}}/uploads/{{id}}/schedule chess {upload}");
    world.grant(&format!("PUT {schedule}"), &[], later).await;
    world.grant(&format!("DELETE {schedule}"), &[], none.clone()).await;
    for method in ["GET", "HEAD", "DELETE"] {
        let operation = format!("{method} /api/v1/rooms/{{room}}/uploads/{{id}} chess {upload}");
        world.grant(&operation, &tus, none.clone()).await;
    }
    for more in ["", "/messages", "/chapters"] {
        let operation = format!("GET /api/v1/recordings/{{id}}{more} {recording}");
        world.grant(&operation, &[], none.clone()).await;
    }
    let comment = json!({"text": "here", "offset_ms": 0});
    let comments = format!("POST /api/v1/recordings/{{id}}/comments {recording}");
    world.grant(&comments, &[], comment).await;
    world.grant(&format!("DELETE /api/v1/recordings/{{id}} {recording}"), &[], none).await;
}

/// Bennet's account gets an address, loses its password and gets it again by a letter; the new session's cookie.
async fn forgotten_password(world: &mut World, own: &[(&str, &str)]) -> String {
    let guest = [("authorization", "")];
    let address = "bennet@example.org";
    let offer = json!({"email": address, "current_password": PASSWORD});
    world.grant("PUT /api/v1/account/email", own, offer).await;
    let code = world.mail.code(address, "confirm").await;
    world.grant("POST /api/v1/email-confirmation", &guest, json!({"code": code})).await;
    world.grant("POST /api/v1/password-reset", &guest, json!({"name": "bennet"})).await;
    let code = world.mail.code(address, "reset").await;
    let choice = json!({"code": code, "password": PASSWORD});
    world.grant("PUT /api/v1/password-reset", &guest, choice).await;
    let signing = json!({"name": "bennet", "password": PASSWORD});
    let session = world.ask("POST", "/api/v1/session", &guest, &signing).await;
    let cookie = session.header("set-cookie").split(';').next().unwrap_or_default().to_owned();
    world.grant("DELETE /api/v1/account/email", &[guest[0], ("cookie", &cookie)], Value::Null).await;
    cookie
}

/// The room is followed, and has a picture and links for players for a while.
async fn follow_picture_and_links(world: &mut World) {
    world.grant("PUT /api/v1/rooms/{room}/follow chess", &[], Value::Null).await;
    world.grant("DELETE /api/v1/rooms/{room}/follow chess", &[], Value::Null).await;
    let png = Bytes::from_static(include_bytes!("../icons/32x32.png"));
    let octets = [("content-type", "application/octet-stream")];
    let given = world.send("PUT", "/api/v1/rooms/chess/picture", &octets, png).await;
    assert!(given.status.is_success(), "{} {:?}", given.status, given.body);
    world.note("PUT", "/api/v1/rooms/{room}/picture");
    world.grant("GET /api/v1/rooms/{room}/picture chess", &[], Value::Null).await;
    world.grant("DELETE /api/v1/rooms/{room}/picture chess", &[], Value::Null).await;
    world.grant("DELETE /api/v1/rooms/{room}/player-link chess", &[], Value::Null).await;
}

/// Somebody is granted points and gives them; another server is told.
async fn gifts_and_webhooks(world: &mut World, ben: &str, own: &[(&str, &str)]) {
    let none = Value::Null;
    let rose = json!({"emoji": "🌹", "name": "Rose", "name_zh": "玫瑰", "points": 5});
    world.grant("PUT /api/v1/gifts/{gift} rose", &[], rose).await;
    let points = json!({"note": "Welcome", "points": 100});
    world.grant(&format!("POST /api/v1/accounts/{{id}}/points {ben}"), &[], points).await;
    world.grant(&format!("GET /api/v1/accounts/{{id}}/points {ben}"), &[], none.clone()).await;
    let given = json!({"gift": "rose", "count": 1});
    world.grant("POST /api/v1/rooms/{room}/gifts chess", own, given).await;
    world.grant("DELETE /api/v1/gifts/{gift} rose", &[], none.clone()).await;
    // There are as many as may be when many were asked for.
    let hooks = world.grant("GET /api/v1/webhooks", &[], none.clone()).await.json();
    for made in hooks["webhooks"].as_array().expect("a list") {
        world.ask("DELETE", &format!("/api/v1/webhooks/{}", made["id"]), &[], &none).await;
    }
    let hook = json!({"url": "https://hooks.example/rostrum", "events": ["live"]});
    let hook = world.grant("POST /api/v1/webhooks", &[], hook).await.json()["id"].to_string();
    world.grant(&format!("GET /api/v1/webhooks/{{id}}/deliveries {hook}"), &[], none.clone()).await;
    world.grant(&format!("DELETE /api/v1/webhooks/{{id}} {hook}"), &[], none).await;
}

/// Everything that names a room of the description's examples names ours.
fn named(description: &mut Value, fixtures: &Fixtures) {
    for (path, item) in description["paths"].as_object_mut().expect("paths") {
        let id = if path.starts_with("/api/v1/recordings/") { &fixtures.recording } else { &fixtures.upload };
        for (_, operation) in item.as_object_mut().expect("operations") {
            let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
            for parameter in parameters.into_iter().flatten() {
                if parameter["name"] == "id" && parameter["schema"]["type"] == "string" {
                    parameter["example"] = json!(id);
                }
            }
        }
    }
}

async fn every_operation_is_granted_and_nothing_breaks(examples: u32) {
    let mut world = World::new().await;
    let mut fixtures = fill(&mut world).await;
    named(&mut world.description, &fixtures);
    world.let_ask(&["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH"], examples).await;
    assert!(
        fixtures.room.ended().is_none_or(|status| !status.success()),
        "the publisher has no end of its own"
    );
    let by_schemathesis = world.granted.clone();
    // It may have archived, locked or renamed what is needed now.
    let open = json!({"visibility": "public", "password": null, "viewer_limit": null, "archived": false});
    world.grant("PATCH /api/v1/rooms/{room} chess", &[], open).await;
    let rules = json!({"locked": false, "emotes_only": false});
    world.grant("PATCH /api/v1/rooms/{room}/chat/settings chess", &[], rules).await;
    fixtures.stream_key = {
        let made = world.grant("POST /api/v1/rooms/{room}/stream-key chess", &[], Value::Null).await;
        made.json()["stream_key"].as_str().expect("a key").to_owned()
    };
    fixtures.upload = upload(&mut world).await;
    by_hand(&mut world, &fixtures).await;
    world.let_ask(&["DELETE"], examples).await;
    keep_order(&mut world).await;
    let missing: Vec<String> = world.operations().difference(&world.granted).cloned().collect();
    println!("granted to schemathesis alone: {} of {}", by_schemathesis.len(), world.operations().len());
    assert_eq!(missing, Vec::<String>::new(), "never granted");
    assert!(!told(world.data.path(), &["room", "list"]).is_null(), "the program still answers");
}

/// A guest says something in a room of their own, and is kept from more.
async fn keep_order(world: &mut World) {
    world.grant("POST /api/v1/rooms", &[], json!({"room": "class"})).await;
    world.grant("DELETE /api/v1/rooms/{room}/moderators/{id} class 1", &[], Value::Null).await;
    let mut chat = Chat::join(world.program.http, "class", "guest").await;
    let hello = json!({"type": "send", "id": "c1", "text": "hello"}).to_string();
    chat.send(Message::text(hello)).await;
    let said = chat.frame("message").await.expect("the message comes back");
    let guest = said["from"]["id"].as_str().expect("an id").to_owned();
    world.grant("POST /api/v1/rooms/{room}/bans class", &[], json!({"member": guest})).await;
    let lift = format!("DELETE /api/v1/rooms/{{room}}/bans/{{member}} class {guest}");
    world.grant(&lift, &[], Value::Null).await;
    let take = format!("DELETE /api/v1/rooms/{{room}}/messages/{{message}} class {}", said["seq"]);
    world.grant(&take, &[], Value::Null).await;
}

fn unix_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.expect("it is after 1970").as_millis().try_into().expect("it is before the year 500 million")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_api_does_what_its_description_says() {
    beside_others(seconds(900), every_operation_is_granted_and_nothing_breaks(EXAMPLES)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: `cargo xtask test --long`"]
async fn the_api_does_what_its_description_says_at_length() {
    beside_others(seconds(3_000), every_operation_is_granted_and_nothing_breaks(EXAMPLES_LONG)).await;
}

const PASSWORD: &str = "correct horse battery";
/// For schemathesis to ask all it wants, on a busy machine.
const RUN_LIMIT: std::time::Duration = seconds(1_500);

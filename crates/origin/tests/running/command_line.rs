//! The command `rostrum-origin` as people and scripts use it.

use std::process::{Output, Stdio};

use origin::Addresses;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};

use crate::harness::{Chat, Folder, Publisher, ask, ready, soon};

fn command(folder: &Folder, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rostrum-origin"));
    // In a folder of its own, so that no settings file of this machine counts.
    command.args(arguments).arg("--data").arg(&folder.0).current_dir(std::env::temp_dir());
    command.stdin(Stdio::null()).kill_on_drop(true);
    command
}

async fn run(folder: &Folder, arguments: &[&str]) -> Output {
    soon("a command", command(folder, arguments).output()).await.unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// `serve` once it said `ready`, with what it said before.
struct Serving {
    child: Child,
    addresses: Addresses,
}

impl Serving {
    async fn start(folder: &Folder) -> Serving {
        let mut command = command(folder, &["serve", "--http", "127.0.0.1:0", "--rtmp", "127.0.0.1:0"]);
        command.env("ROSTRUM_SRT", "127.0.0.1:0");
        command.env("ROSTRUM_LOG", "trace").stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let addresses = ready(&mut child).await;
        Serving { addresses, child }
    }

    /// Ends it with a signal and answers its exit code and its log.
    async fn end(mut self, signal: &str) -> (Option<i32>, String) {
        let pid = self.child.id().unwrap().to_string();
        Command::new("kill").args([signal, &pid]).status().await.unwrap();
        let mut log = String::new();
        let mut stderr = self.child.stderr.take().unwrap();
        let status = soon("serve's end", async {
            stderr.read_to_string(&mut log).await.unwrap();
            self.child.wait().await.unwrap()
        })
        .await;
        (status.code(), log)
    }
}

#[tokio::test]
async fn a_backup_of_a_running_origin_is_one_to_start_on() {
    let (folder, place) = (Folder::new(), Folder::new());
    std::fs::create_dir_all(&place.0).unwrap();
    let serving = Serving::start(&folder).await;
    let made = run(&folder, &["room", "create", "demo"]).await;
    assert!(made.status.success(), "{}", text(&made.stderr));
    let file = place.0.join("rostrum.tar");
    let backed_up = run(&folder, &["backup", file.to_str().unwrap()]).await;
    assert!(backed_up.status.success(), "{}", text(&backed_up.stderr));
    assert!(text(&backed_up.stdout).starts_with("backup "), "{}", text(&backed_up.stdout));
    assert_eq!(serving.end("-TERM").await.0, Some(0));

    let restored = Folder::new();
    std::fs::create_dir_all(&restored.0).unwrap();
    let mut unpack = Command::new("tar");
    let unpacked = unpack.arg("-xf").arg(&file).arg("-C").arg(&restored.0).status().await.unwrap();
    assert!(unpacked.success());
    let serving = Serving::start(&restored).await;
    let listed = run(&restored, &["room", "list"]).await;
    assert!(text(&listed.stdout).contains("demo"), "{}", text(&listed.stdout));
    assert_eq!(serving.end("-TERM").await.0, Some(0));

    let nothing = run(&Folder::new(), &["backup", file.to_str().unwrap()]).await;
    assert_eq!(nothing.status.code(), Some(1));
    assert!(text(&nothing.stderr).contains("holds no database"), "{}", text(&nothing.stderr));
}

#[tokio::test]
async fn rooms_and_admins_are_made_without_a_running_origin() {
    let folder = Folder::new();
    let made = run(&folder, &["room", "create", "demo", "--title", "Demo", "--json"]).await;
    assert!(made.status.success(), "{}", text(&made.stderr));
    let made: Value = serde_json::from_slice(&made.stdout).unwrap();
    assert_eq!(made["watch"], "http://127.0.0.1:8080/r/demo");
    assert_eq!(made["rtmp"], "rtmp://127.0.0.1:1935/live");
    let admin = run(&folder, &["admin", "create", "mara"]).await;
    assert!(text(&admin.stdout).starts_with("admin mara\npassword "), "{}", text(&admin.stdout));
    let list = run(&folder, &["room", "list", "--json"]).await;
    let list: Value = serde_json::from_slice(&list.stdout).unwrap();
    assert_eq!(list["rooms"][0]["owner"], "mara");
    let again = run(&folder, &["room", "create", "demo"]).await;
    assert_eq!(again.status.code(), Some(1));
    assert_eq!(text(&again.stderr), "rostrum-origin: room \"demo\" exists already\n");
}

#[tokio::test]
async fn wrong_use_is_exit_code_two_and_wrong_settings_are_one() {
    let folder = Folder::new();
    for arguments in [&["room", "create", "No Slug"] as &[&str], &["dance"], &["serve", "--http", "nowhere"]]
    {
        assert_eq!(run(&folder, arguments).await.status.code(), Some(2), "{arguments:?}");
    }
    let missing = run(&folder, &["config", "check", "--config", "/nonexistent/rostrum.toml"]).await;
    assert_eq!(missing.status.code(), Some(1));
    assert!(text(&missing.stderr).contains("/nonexistent/rostrum.toml"), "{}", text(&missing.stderr));
    let good = run(&folder, &["config", "check"]).await;
    assert!(good.status.success() && text(&good.stdout).contains("[hls]"));
}

#[tokio::test]
async fn commands_go_through_the_running_origin() {
    let folder = Folder::new();
    let serving = Serving::start(&folder).await;
    let made = run(&folder, &["room", "create", "demo", "--json"]).await;
    assert!(made.status.success(), "{}", text(&made.stderr));
    let made: Value = serde_json::from_slice(&made.stdout).unwrap();
    assert_eq!(made["rtmp"], format!("rtmp://{}/live", serving.addresses.rtmp));
    let key = made["stream_key"].as_str().unwrap();
    assert_eq!(made["srt"], format!("srt://{}?streamid=publish:{key}", serving.addresses.srt));
    assert_eq!(made["watch"], format!("http://{}/r/demo", serving.addresses.http));
    let mut admin = command(&folder, &["admin", "create", "mara", "--password-stdin"]);
    let mut admin = admin.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    admin.stdin.take().unwrap().write_all(b"correct horse\n").await.unwrap();
    let admin = soon("admin create", admin.wait_with_output()).await.unwrap();
    assert_eq!(text(&admin.stdout), "admin mara\n");
    let list = run(&folder, &["room", "list"]).await;
    assert_eq!(text(&list.stdout), "demo\toffline\tmara\tdemo\n");
    let refused = run(&folder, &["room", "key", "none"]).await;
    assert_eq!(refused.status.code(), Some(1));
    assert_eq!(text(&refused.stderr), "rostrum-origin: there is no such room\n");
    let (code, _) = serving.end("-TERM").await;
    assert_eq!(code, Some(0));
    assert!(!folder.0.join("run.json").exists());
}

#[tokio::test]
async fn a_port_in_use_is_one_clear_line() {
    let folder = Folder::new();
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = run(&folder, &["serve", "--http", "127.0.0.1:0", "--rtmp", &address]).await;
    assert_eq!(output.status.code(), Some(1));
    let expected = format!(
        "rostrum-origin: rtmp address {address} is in use: stop the other program, or choose another address with --rtmp\n"
    );
    assert_eq!(text(&output.stderr), expected);
    assert_eq!(text(&output.stdout), "");
}

#[tokio::test]
async fn a_data_folder_in_use_is_one_clear_line() {
    let folder = Folder::new();
    let serving = Serving::start(&folder).await;
    let output = run(&folder, &["serve", "--http", "127.0.0.1:0", "--rtmp", "127.0.0.1:0"]).await;
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains("in use by another origin (process"), "{said}");
    serving.end("-TERM").await;
}

#[tokio::test]
async fn a_killed_origin_keeps_what_it_acknowledged_and_starts_again() {
    let folder = Folder::new();
    let serving = Serving::start(&folder).await;
    run(&folder, &["room", "create", "demo"]).await;
    let mut chat = Chat::join(serving.addresses.http, "demo", "?name=Ada", &[]).await;
    chat.send(&serde_json::json!({"type": "send", "id": "c1", "text": "kept"})).await;
    chat.next("ack").await;
    serving.end("-KILL").await;
    assert!(folder.0.join("run.json").exists(), "a killed process leaves its file");
    let list = run(&folder, &["room", "list"]).await;
    assert!(list.status.success(), "{}", text(&list.stderr));
    let serving = Serving::start(&folder).await;
    let chat = Chat::join(serving.addresses.http, "demo", "", &[]).await;
    assert_eq!(chat.welcome["history"][0]["text"], "kept");
    serving.end("-TERM").await;
}

#[tokio::test]
async fn no_stream_key_is_in_the_logs_or_the_api() {
    let folder = Folder::new();
    let serving = Serving::start(&folder).await;
    let made = run(&folder, &["room", "create", "demo", "--json"]).await;
    let made: Value = serde_json::from_slice(&made.stdout).unwrap();
    let key = made["stream_key"].as_str().unwrap().to_owned();
    let mut chat = Chat::join(serving.addresses.http, "demo", "", &[]).await;
    let publisher = Publisher::start(&format!("rtmp://{}/live/{key}", serving.addresses.rtmp));
    chat.notice("live").await;
    let wrong = format!("rtmp://{}/live/{}x", serving.addresses.rtmp, key);
    Publisher::start(&wrong).failure().await;
    let run = std::fs::read_to_string(folder.0.join("run.json")).unwrap();
    let token = serde_json::from_str::<Value>(&run).unwrap()["token"].as_str().unwrap().to_owned();
    let bearer = format!("Bearer {token}");
    for path in
        ["/api/v1/rooms", "/api/v1/rooms/demo", "/api/v1/rooms/demo/messages", "/live/demo/index.m3u8"]
    {
        let answer = ask(serving.addresses.http, "GET", path, &[("authorization", &bearer)], "").await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(!answer.text().contains(&key), "{path} holds the key");
    }
    publisher.finish().await;
    let (_, log) = serving.end("-TERM").await;
    assert!(log.contains("publisher admitted"), "the log says what happened:\n{log}");
    assert!(!log.contains(&key), "the log holds the key");
    assert!(!log.contains(&token), "the log holds the token");
}

#[tokio::test]
async fn rooms_are_listed_alike_with_and_without_a_running_origin() {
    let folder = Folder::new();
    let serving = Serving::start(&folder).await;
    for room in ["old", "new"] {
        run(&folder, &["room", "create", room]).await;
    }
    let file = std::fs::read_to_string(folder.0.join("run.json")).unwrap();
    let token = serde_json::from_str::<Value>(&file).unwrap()["token"].as_str().unwrap().to_owned();
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let archived =
        ask(serving.addresses.http, "PATCH", "/api/v1/rooms/old", &headers, "{\"archived\":true}").await;
    assert_eq!(archived.status, 200, "{}", archived.text());
    let list = async || text(&run(&folder, &["room", "list", "--json"]).await.stdout);
    let running = list().await;
    assert_eq!(serving.end("-TERM").await.0, Some(0));
    assert_eq!(running, list().await);
    let listed: Value = serde_json::from_str(&running).unwrap();
    let archived = listed["rooms"].as_array().unwrap().iter().map(|room| &room["archived"]);
    assert_eq!(archived.collect::<Vec<_>>(), [false, true]);
}

#[tokio::test]
async fn settings_are_not_good_when_their_certificate_is_not_there() {
    let folder = Folder::new();
    std::fs::create_dir_all(&folder.0).unwrap();
    let file = folder.0.join("rostrum.toml");
    std::fs::write(
        &file,
        "[tls]\ncertificate = \"/nonexistent/chain.pem\"\nkey = \"/nonexistent/key.pem\"\n",
    )
    .unwrap();
    let bad = run(&folder, &["config", "check", "--config", file.to_str().unwrap()]).await;
    assert_eq!(bad.status.code(), Some(1));
    assert!(text(&bad.stderr).contains("/nonexistent/chain.pem"), "{}", text(&bad.stderr));
}

//! The program in a process of its own.

use std::net::SocketAddr;
use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::harness::{Folder, ask, soon};

/// A run of the program that can be killed.
pub struct Program {
    child: Child,
    pub http: SocketAddr,
    pub rtmp: SocketAddr,
    pub bearer: String,
}

impl Program {
    pub async fn start(folder: &Folder) -> Program {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rostrum-origin"));
        command.args(["serve", "--http", "127.0.0.1:0", "--rtmp", "127.0.0.1:0", "--data"]).arg(&folder.0);
        command.env("ROSTRUM_SRT", "127.0.0.1:0").current_dir(std::env::temp_dir());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        soon("ready", async {
            while let Some(line) = lines.next_line().await.unwrap() {
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
        let address = |name: &str| run[name].as_str().unwrap().parse().unwrap();
        Program { child, http: address("http"), rtmp: address("rtmp"), bearer }
    }

    pub async fn post(&self, path: &str, body: &Value) -> Value {
        let headers = [("authorization", self.bearer.as_str()), ("content-type", "application/json")];
        let answer = ask(self.http, "POST", path, &headers, &body.to_string()).await;
        assert!((200..300).contains(&answer.status), "{path}: {}", answer.text());
        answer.json()
    }

    /// Memory that is resident, bytes.
    pub fn resident(&self) -> u64 {
        let status = format!("/proc/{}/status", self.child.id().unwrap());
        let status = std::fs::read_to_string(status).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    pub async fn kill(mut self) {
        // SIGKILL.
        self.child.kill().await.unwrap();
    }
}

//! A cable that is pulled and plugged in again: `rostrum-cast` does not wait for its next try.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::environment::program;
use crate::harness::machine::beside_others;
use crate::harness::origin_program::told;
use crate::harness::process::Process;
use crate::harness::wait::{look_again, seconds, until};

/// Two computers with a cable between them.
struct Cable {
    server: String,
    caster: String,
}

impl Cable {
    /// `None`, said aloud, where nobody may make networks.
    fn lay() -> Option<Cable> {
        let id = std::process::id();
        let (server, caster) = (format!("rostrum-s{id}"), format!("rostrum-c{id}"));
        if !ip(&format!("netns add {server}")) {
            println!("SKIPPED: making a network needs root");
            return None;
        }
        let cable = Cable { server, caster };
        let Cable { server, caster } = &cable;
        for line in [
            format!("netns add {caster}"),
            format!("-n {server} link add far type veth peer name near netns {caster}"),
            format!("-n {server} addr add {SERVER}/24 dev far"),
            format!("-n {caster} addr add {CASTER}/24 dev near"),
            format!("-n {server} link set lo up"),
            format!("-n {caster} link set lo up"),
            format!("-n {server} link set far up"),
            format!("-n {caster} link set near up"),
        ] {
            assert!(ip(&line), "ip {line}");
        }
        Some(cable)
    }

    fn pull(&self) {
        assert!(ip(&format!("-n {} link set near down", self.caster)));
    }

    fn plug_in(&self) {
        assert!(ip(&format!("-n {} link set near up", self.caster)));
    }

    /// A program on one of the two.
    fn on(computer: &str, variable: &str, name: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", computer]).arg(program(variable, name));
        command
    }

    /// An origin, and where it takes RTMP.
    async fn origin(&self, data: &Path) -> (Process, String) {
        let mut command = Cable::on(&self.server, "ROSTRUM_ORIGIN_BIN", "rostrum-origin");
        let any = format!("{SERVER}:0");
        command.args(["serve", "--http", &any, "--rtmp", &any, "--srt", &any, "--data"]).arg(data);
        let mut process = Process::start("rostrum-origin", &mut command);
        process.line(seconds(45), |line| (!line.is_error && line.text == "ready").then_some(())).await;
        let rtmp =
            process.printed(false).iter().find_map(|line| line.strip_prefix("rtmp ").map(str::to_owned));
        (process, rtmp.expect("it tells where it listens"))
    }

    fn cast(&self, to: &str) -> Process {
        let mut command = Cable::on(&self.caster, "ROSTRUM_CAST_BIN", "rostrum-cast");
        let arguments = ["--video", "test", "--audio", "tone", "--size", "320x180", "--bitrate", "800k"];
        command.args(arguments).args(["--bitrate-floor", "800k", "--stats", "json", "--to", to]);
        Process::start("rostrum-cast", &mut command)
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        ip(&format!("netns del {}", self.caster));
        ip(&format!("netns del {}", self.server));
    }
}

fn ip(arguments: &str) -> bool {
    let mut command = Command::new("ip");
    command.args(arguments.split(' ')).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// What the newest line of figures says of the destination.
fn destination(cast: &Process) -> Option<Value> {
    let lines = cast.printed(false);
    let line: Value = lines.iter().rev().find_map(|line| serde_json::from_str(line).ok())?;
    Some(line["destinations"][0].clone())
}

/// Waits until everything that is encoded leaves; tells how long that took.
async fn flows(cast: &Process) -> Duration {
    let begun = Instant::now();
    let before = destination(cast).map_or(0, |now| now["sent_frames"].as_u64().unwrap_or(0));
    until("a broadcast that flows", seconds(45), async || {
        let now = destination(cast)?;
        let short = now["queued_ms"].as_u64()? < 500 && now["sent_frames"].as_u64()? > before + 10;
        (now["state"] == "live" && short).then_some(())
    })
    .await;
    begun.elapsed()
}

fn said(cast: &Process, words: &str) -> bool {
    cast.printed(true).iter().any(|line| line.contains(words))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broadcast_is_back_when_the_link_is_and_not_when_its_next_try_is_due() {
    let returns = async {
        let Some(cable) = Cable::lay() else { return };
        let data = TempDir::new().expect("a temporary folder");
        let room = told(data.path(), &["room", "create", "cable"]);
        let key = room["stream_key"].as_str().unwrap_or_else(|| panic!("no key in {room}"));
        let (_origin, rtmp) = cable.origin(data.path()).await;
        let mut cast = cable.cast(&format!("rtmp://{rtmp}/live/{key}"));
        flows(&cast).await;

        // Out for so long that the next try is far away: the sixth in twelve seconds or more.
        cable.pull();
        let due = until("a next try that is far away", seconds(90), async || {
            let now = destination(&cast)?;
            let due = Duration::from_millis(now["retry_in_ms"].as_u64()?);
            (now["attempt"].as_u64()? >= 5 && due > seconds(9)).then_some(due)
        })
        .await;
        assert!(!said(&cast, RETURNED), "what goes was taken for what comes");
        cable.plug_in();
        let back = flows(&cast).await;
        println!("out for half a minute: flows {:.1} s after the link is up", back.as_secs_f64());
        // A line of figures comes each second, and what was sent is seen only with the next one.
        assert!(back < due - seconds(2), "back only after {back:?}, and the next try was due in {due:?}");
        assert!(said(&cast, RETURNED), "it did not notice that the network is back:\n{}", cast.output());

        // Out for a while that the connection survives, but TCP may repeat what was lost only seconds later: then another one is
        // made. By itself the dead one would be given up four seconds after the link is up.
        cable.pull();
        let pulled = Instant::now();
        while pulled.elapsed() < seconds(7) {
            look_again().await;
        }
        assert_eq!(destination(&cast).map(|now| now["state"].clone()), Some("live".into()));
        cable.plug_in();
        let back = flows(&cast).await;
        println!("out for 7 s: flows {:.1} s after the link is up", back.as_secs_f64());
        assert!(back < seconds(4), "back only after {back:?}:\n{}", cast.output());
        cast.signal("INT");
        assert!(cast.wait(seconds(10)).await.success(), "{}", cast.output());
    };
    beside_others(seconds(300), returns).await;
}

/// Addresses that nobody has.
const SERVER: &str = "192.0.2.1";
const CASTER: &str = "192.0.2.2";

/// What is logged when destinations are tried because of what the system reports.
const RETURNED: &str = "the network changed: destinations are tried now";

//! The desktop app in a real window, driven through tauri-driver and WebKit's driver.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;

use super::browser::Session;
use super::display::Display;
use super::environment::{keep_screenshot, program, tauri_driver};
use super::http::Http;
use super::process::Process;
use super::sealed;
use super::sound::SoundServer;
use super::wait::{seconds, until};

/// The app as a person starts it, with nobody at its window; dropping it ends it.
pub struct BareApp {
    /// The program.
    pub process: Process,
    _bus: Process,
}

impl BareApp {
    /// Starts the app with what is in a data folder.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start(display: &Display, sound: &SoundServer, data: &Path) -> BareApp {
        let (bus_process, bus) = session_bus().await;
        let mut command = Command::new(program("ROSTRUM_BIN", "rostrum"));
        command.envs(environment(display, sound, data, &bus)).env_remove("WAYLAND_DISPLAY");
        BareApp { process: Process::start("rostrum", &mut command), _bus: bus_process }
    }
}

/// The running app; dropping it ends it.
pub struct DesktopApp {
    /// The session with its window.
    pub session: Session,
    /// The bus that it talks to as its session's and its system's, and nobody else does.
    pub bus: String,
    environment: Vec<(&'static str, String)>,
    // The driver's process group has the app in it.
    _driver: Process,
    _bus: Process,
    data: TempDir,
}

impl DesktopApp {
    /// Starts the app on a display, with nothing of an earlier start but that the set-up is behind, and its origin on ports
    /// that the system chooses.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start(display: &Display, sound: &SoundServer) -> DesktopApp {
        let data = TempDir::new().expect("a temporary folder");
        let settings = json!({"origin": {"http": "127.0.0.1:0", "rtmp": "127.0.0.1:0"}});
        std::fs::write(data.path().join("settings.json"), settings.to_string())
            .expect("the folder can be written");
        DesktopApp::start_in(display, sound, data).await
    }

    /// Starts the app with what is in a data folder.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start_in(display: &Display, sound: &SoundServer, data: TempDir) -> DesktopApp {
        let app = program("ROSTRUM_BIN", "rostrum");
        let (bus_process, bus) = session_bus().await;
        // tauri-driver cannot choose ports by itself; between here and there, another program could take them.
        let [port, native_port] = free_ports();
        let environment = environment(display, sound, data.path(), &bus);
        let mut command = Command::new(tauri_driver());
        command.args(["--native-driver", "/usr/bin/WebKitWebDriver"]);
        command.args(["--port", &port.to_string(), "--native-port", &native_port.to_string()]);
        command.envs(environment.iter().cloned()).env_remove("WAYLAND_DISPLAY");
        let driver = Process::start("tauri-driver", &mut command);
        let http = Http::new();
        until("tauri-driver", seconds(45), async || {
            http.try_get(&format!("http://127.0.0.1:{port}/status")).await.ok()
        })
        .await;
        let capabilities = json!({"browserName": "wry", "tauri:options": {"application": app}});
        let (session, _) = Session::open(port, &capabilities).await;
        DesktopApp { session, bus, environment, _driver: driver, _bus: bus_process, data }
    }

    /// The app's program once more, as somebody starts it who has it open already.
    pub fn command(&self) -> Command {
        let mut command = Command::new(program("ROSTRUM_BIN", "rostrum"));
        command.envs(self.environment.iter().cloned()).env_remove("WAYLAND_DISPLAY");
        command
    }

    /// Ends the app where it is, as a power cut would, and gives its data folder back.
    pub fn cut_off(self) -> TempDir {
        self.data
    }

    /// The folders and links that the app gave to the system to open, the oldest first.
    pub fn opened(&self) -> Vec<String> {
        let opened = std::fs::read_to_string(self.data().join(OPENED)).unwrap_or_default();
        opened.lines().map(str::to_owned).collect()
    }

    /// The address of the app's origin, and the token of its owner.
    ///
    /// # Panics
    /// When the origin did not run yet, or the window does not show it.
    pub async fn origin(&self) -> (String, String) {
        let url = self.session.texts("local-url").await.concat();
        let (address, _) = url.split_once("/r/").unwrap_or_else(|| panic!("{url} is no watch page"));
        let owner = sealed::owner(self.data());
        (address.to_owned(), owner["token"].as_str().expect("a token").to_owned())
    }

    /// The app's data folder.
    pub fn data(&self) -> &Path {
        self.data.path()
    }

    /// Clicks an element with a `data-testid` until one of `effects` shows: a button that just changed is deaf for a
    /// moment, so that a double click does not press what came in its place.
    ///
    /// # Panics
    /// After ten seconds.
    pub async fn press(&self, test_id: &str, effects: &[&str]) {
        let mut clicked: Option<Instant> = None;
        until(&format!("an effect of {test_id}"), seconds(45), async || {
            for effect in effects {
                if self.session.shows(effect).await {
                    return Some(());
                }
            }
            let again = clicked.is_none_or(|clicked| clicked.elapsed() > seconds(1));
            if again && self.session.offers(test_id).await {
                match self.session.try_click(test_id).await {
                    Ok(()) => clicked = Some(Instant::now()),
                    // What the page shows for a moment only may be gone again.
                    Err(error) => println!("{test_id} was not clicked: {error}"),
                }
            }
            None
        })
        .await;
    }

    /// Waits until what the page holds is on screen and nothing moves any more, but for what turns for ever.
    pub async fn settles(&self) {
        let begin = "window.drawnTwice = false;
            requestAnimationFrame(() => requestAnimationFrame(() => { window.drawnTwice = true }))";
        self.session.run(begin, vec![]).await;
        let still = "return window.drawnTwice && document.getAnimations().every(
            (one) => one.playState !== 'running' || one.effect.getTiming().iterations === Infinity)";
        until("the page to be still", seconds(45), async || {
            (self.session.run(still, vec![]).await == json!(true)).then_some(())
        })
        .await;
    }

    /// Waits until the window shows an element with a `data-testid`; a button must be enabled.
    ///
    /// # Panics
    /// After `limit`, with what the window shows instead; a screenshot is kept.
    pub async fn comes_to_show(&self, test_id: &str, limit: Duration) {
        let shown = until(test_id, limit * 2, async || self.session.offers(test_id).await.then_some(()));
        if tokio::time::timeout(limit, shown).await.is_err() {
            keep_screenshot("app-stuck.png", &self.session.screenshot().await);
            let text = self.session.run("return document.body.innerText", vec![]).await;
            panic!(
                "the app's window shows no {test_id} within {limit:?}, but: {}",
                text.as_str().unwrap_or("")
            );
        }
    }
}

/// What an app finds around it that has a display, a sound server, a data folder and a bus of its own.
fn environment(
    display: &Display,
    sound: &SoundServer,
    data: &Path,
    bus: &str,
) -> Vec<(&'static str, String)> {
    let folder = data.display().to_string();
    let mut environment = vec![
        ("DISPLAY", display.name.clone()),
        ("LANG", "C.UTF-8".to_owned()),
        ("DBUS_SESSION_BUS_ADDRESS", bus.to_owned()),
        // What it would ask the system for, stand-ins answer.
        ("DBUS_SYSTEM_BUS_ADDRESS", bus.to_owned()),
        ("PULSE_SERVER", sound.address.clone()),
        ("ROSTRUM_DATA", folder.clone()),
    ];
    environment.push(("PATH", format!("{}:{}", stand_ins(data), std::env::var("PATH").unwrap_or_default())));
    // Whatever else the app or GTK keeps for a person is kept here too.
    let homes = ["HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"];
    environment.extend(homes.map(|name| (name, folder.clone())));
    environment.push(("XDG_STATE_HOME", data.join(sealed::STATE).display().to_string()));
    environment
}

/// Programs that answer for the desktop's, in a folder of their own: nothing is opened, but noted.
fn stand_ins(data: &Path) -> String {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = data.join("stand-ins");
    let opener = folder.join("xdg-open");
    std::fs::create_dir_all(&folder).expect("the folder can be written");
    let script = format!("#!/bin/sh\nprintf '%s\\n' \"$1\" >> '{}'\n", data.join(OPENED).display());
    std::fs::write(&opener, script).expect("it can be written");
    std::fs::set_permissions(&opener, std::fs::Permissions::from_mode(0o755)).expect("it is ours");
    folder.display().to_string()
}

/// What was opened, a line each.
const OPENED: &str = "opened";

/// A message bus of a test's own, and its address. It starts no service by itself: what is installed here, as a keychain, is
/// nothing that a test asked for.
async fn session_bus() -> (Process, String) {
    let folder = TempDir::new().expect("a temporary folder");
    let file = folder.path().join("bus.conf");
    std::fs::write(&file, BUS).expect("the folder can be written");
    let mut command = Command::new("dbus-daemon");
    command.arg(format!("--config-file={}", file.display()));
    command.args(["--nofork", "--nopidfile", "--print-address=1"]);
    let mut bus = Process::start("dbus-daemon", &mut command);
    let address =
        bus.line(seconds(45), |line| line.text.starts_with("unix:").then(|| line.text.clone())).await;
    (bus, address)
}

/// As the standard one for a session, but for the folders of services.
const BUS: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:tmpdir=/tmp</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"#;

fn free_ports() -> [u16; 2] {
    let listeners = [0, 1].map(|_| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    listeners.map(|listener| listener.local_addr().expect("a bound listener").port())
}

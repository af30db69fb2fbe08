//! Stand-ins for what a desktop offers over its message buses: a screen saver, the log-in service that puts the computer to
//! sleep, and a tray.

use std::collections::HashMap;
use std::io::Read as _;
use std::os::fd::OwnedFd as StdOwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};

use zbus::Connection;
use zbus::zvariant::{OwnedFd, OwnedValue, Value};

use super::wait::{seconds, until};

/// What the stand-ins were asked for.
#[derive(Default)]
struct Asked {
    /// Cookies that the screen saver gave and did not get back, with the program and its reason.
    screen: HashMap<u32, (String, String)>,
    cookies: u32,
    /// The other ends of what the log-in service gave, with what for.
    sleep: Vec<(UnixStream, String)>,
    /// Bus names of icons.
    icons: Vec<String>,
}

/// A desktop on a bus; dropping it takes it away.
pub struct DesktopServices {
    connection: Connection,
    asked: Arc<Mutex<Asked>>,
}

struct ScreenSaver(Arc<Mutex<Asked>>);
struct LogIn(Arc<Mutex<Asked>>);
struct Tray(Arc<Mutex<Asked>>);

#[zbus::interface(name = "org.freedesktop.ScreenSaver")]
impl ScreenSaver {
    fn inhibit(&self, program: String, reason: String) -> u32 {
        let mut asked = self.0.lock().expect("no holder panics");
        asked.cookies += 1;
        let cookie = asked.cookies;
        asked.screen.insert(cookie, (program, reason));
        cookie
    }

    fn un_inhibit(&self, cookie: u32) {
        self.0.lock().expect("no holder panics").screen.remove(&cookie);
    }
}

#[zbus::interface(name = "org.freedesktop.login1.Manager")]
impl LogIn {
    fn inhibit(&self, what: String, _who: String, _why: String, mode: String) -> OwnedFd {
        let (kept, given) = UnixStream::pair().expect("a pair of sockets");
        kept.set_nonblocking(true).expect("a socket can be asked without waiting");
        self.0.lock().expect("no holder panics").sleep.push((kept, format!("{what} {mode}")));
        OwnedFd::from(StdOwnedFd::from(given))
    }
}

#[zbus::interface(name = "org.kde.StatusNotifierWatcher")]
impl Tray {
    fn register_status_notifier_item(&self, name: String) {
        self.0.lock().expect("no holder panics").icons.push(name);
    }

    #[zbus(property)]
    fn is_status_notifier_host_registered(&self) -> bool {
        true
    }
}

/// An entry of the tray's menu.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// What clicks are sent to.
    id: i32,
    /// What people read.
    pub label: String,
    /// Whether it can be chosen.
    pub enabled: bool,
}

impl DesktopServices {
    /// Puts the stand-ins on a bus, all three or with the tray left out.
    ///
    /// # Panics
    /// When others are there already.
    pub async fn start(bus: &str) -> DesktopServices {
        let asked = Arc::new(Mutex::new(Asked::default()));
        let build = async || {
            zbus::connection::Builder::address(bus)?
                .serve_at("/org/freedesktop/ScreenSaver", ScreenSaver(asked.clone()))?
                .serve_at("/org/freedesktop/login1", LogIn(asked.clone()))?
                .serve_at("/StatusNotifierWatcher", Tray(asked.clone()))?
                .name("org.freedesktop.ScreenSaver")?
                .name("org.freedesktop.login1")?
                .name("org.kde.StatusNotifierWatcher")?
                .build()
                .await
        };
        DesktopServices { connection: build().await.expect("the bus takes the stand-ins"), asked }
    }

    /// Takes the tray away, as when a panel crashes.
    ///
    /// # Panics
    /// When the bus refuses.
    pub async fn lose_the_tray(&self) {
        self.connection.release_name("org.kde.StatusNotifierWatcher").await.expect("it was ours");
        self.asked.lock().expect("no holder panics").icons.clear();
    }

    /// Who keeps the screen on, and what else may not happen: `sleep:idle block`.
    pub fn held(&self) -> (Vec<String>, Vec<String>) {
        let asked = self.asked.lock().expect("no holder panics");
        let screen = asked.screen.values().map(|(program, _)| program.clone()).collect();
        let open = |mut kept: &UnixStream| {
            let mut byte = [0];
            // The end of the file means that the other side was closed.
            kept.read(&mut byte).is_err()
        };
        let sleep = asked.sleep.iter().filter(|(kept, _)| open(kept)).map(|(_, what)| what.clone());
        (screen, sleep.collect())
    }

    /// The menu of the icon in the tray.
    ///
    /// # Panics
    /// When no icon with a menu comes.
    pub async fn menu(&self) -> Vec<Entry> {
        let answer = until("the icon's menu", seconds(45), async || {
            // The icon may be one of a program that has just ended.
            let icon = self.icon().await;
            let (menu, nothing) = (Some("com.canonical.dbusmenu"), Vec::<&str>::new());
            let layout = (0_i32, -1_i32, nothing);
            self.connection
                .call_method(Some(icon.as_str()), "/MenuBar", menu, "GetLayout", &layout)
                .await
                .ok()
        })
        .await;
        type Layout = (u32, (i32, HashMap<String, OwnedValue>, Vec<OwnedValue>));
        let (_, (_, _, entries)): Layout = answer.body().deserialize().expect("a menu's layout");
        entries.iter().filter_map(entry_of).collect()
    }

    /// Chooses an entry of that menu by its text.
    ///
    /// # Panics
    /// When there is none that can be chosen.
    pub async fn choose(&self, label: &str) {
        let mut entries = Vec::new();
        let entry = until(&format!("{label} in the tray's menu"), seconds(45), async || {
            entries = self.menu().await;
            entries.iter().find(|entry| entry.label == label && entry.enabled).cloned()
        })
        .await;
        let icon = self.icon().await;
        let event = (entry.id, "clicked", Value::from(0_i32), 0_u32);
        let menu = Some("com.canonical.dbusmenu");
        let sent = self.connection.call_method(Some(icon.as_str()), "/MenuBar", menu, "Event", &event).await;
        sent.expect("the menu takes a click");
    }

    async fn icon(&self) -> String {
        until("an icon in the tray", seconds(45), async || {
            self.asked.lock().expect("no holder panics").icons.last().cloned()
        })
        .await
    }
}

fn entry_of(value: &OwnedValue) -> Option<Entry> {
    let Value::Structure(entry) = &**value else { return None };
    let (Value::I32(id), Value::Dict(properties)) = (entry.fields().first()?, entry.fields().get(1)?) else {
        return None;
    };
    let label: Option<String> = properties.get(&"label").ok().flatten();
    let enabled: Option<bool> = properties.get(&"enabled").ok().flatten();
    Some(Entry { id: *id, label: label?, enabled: enabled.unwrap_or(true) })
}

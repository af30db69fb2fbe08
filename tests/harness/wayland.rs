//! What shares the screen of a Wayland desktop, of a test's own: PipeWire and its session manager, the desktop's portal with
//! its store of permissions, and behind it a stand-in for the part that is the compositor's, whose screen GStreamer draws.
//!
//! A compositor without a screen would do as well (sway, with its own part for the portal), but Debian's needs a graphics card
//! to share anything.

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::Value as Json;
use tempfile::TempDir;
use zbus::Connection;
use zbus::fdo::DBusProxy;
use zbus::names::BusName;
use zbus::zvariant::{OwnedObjectPath, OwnedValue, Value};

use super::process::Process;
use super::wait::{seconds, until};

/// A running desktop. Dropping it ends all of it.
pub struct Wayland {
    screen: Option<Process>,
    _portal: Process,
    _session_manager: Process,
    _pipewire: Process,
    compositor: Connection,
    asked: Arc<Mutex<Asked>>,
    _bus: Process,
    // Removed last: the sockets are in it.
    folder: TempDir,
}

/// What the compositor's part was asked.
#[derive(Default)]
struct Asked {
    /// The node that the screen is, in PipeWire.
    node: u32,
    /// Times that a screen was asked for.
    starts: usize,
    /// Times that an earlier choice was handed in.
    restored: usize,
    session: Option<OwnedObjectPath>,
}

struct Compositor(Arc<Mutex<Asked>>);

impl Compositor {
    fn asked(&self) -> MutexGuard<'_, Asked> {
        self.0.lock().expect("no holder panics")
    }
}

type Options = HashMap<String, OwnedValue>;

#[zbus::interface(name = "org.freedesktop.impl.portal.ScreenCast")]
impl Compositor {
    fn create_session(
        &self,
        _request: OwnedObjectPath,
        session: OwnedObjectPath,
        _program: String,
        _options: Options,
    ) -> (u32, Options) {
        self.asked().session = Some(session);
        (DONE, Options::new())
    }

    fn select_sources(
        &self,
        _request: OwnedObjectPath,
        _session: OwnedObjectPath,
        _program: String,
        options: Options,
    ) -> (u32, Options) {
        self.asked().restored += usize::from(options.contains_key("restore_data"));
        (DONE, Options::new())
    }

    fn start(
        &self,
        _request: OwnedObjectPath,
        _session: OwnedObjectPath,
        _program: String,
        _parent: String,
        _options: Options,
    ) -> (u32, Options) {
        let mut asked = self.asked();
        asked.starts += 1;
        let streams = vec![(asked.node, HashMap::<String, Value<'_>>::new())];
        let choice = ("rostrum-test", 1_u32, Value::from("the one screen"));
        let told = [
            ("streams", Value::from(streams)),
            ("persist_mode", Value::from(UNTIL_REVOKED)),
            ("restore_data", Value::from(choice)),
        ];
        let owned = |(name, value): (&str, Value<'_>)| {
            (name.to_owned(), OwnedValue::try_from(value).expect("no descriptor is in it"))
        };
        (DONE, told.into_iter().map(owned).collect())
    }

    #[zbus(property)]
    fn available_source_types(&self) -> u32 {
        3
    }

    #[zbus(property)]
    fn available_cursor_modes(&self) -> u32 {
        3
    }

    #[zbus(property, name = "version")]
    fn version(&self) -> u32 {
        4
    }
}

impl Wayland {
    /// Starts a desktop without a screen.
    ///
    /// # Panics
    /// When a part of it does not start.
    pub async fn start() -> Wayland {
        let folder = TempDir::new().expect("a temporary folder");
        let at = |name: &str| folder.path().join(name);
        write(&at("services/permissions.service"), PERMISSIONS);
        write(&at("bus.conf"), &BUS.replace("FOLDER", &folder.path().to_string_lossy()));
        write(&at("portals/test.portal"), PORTAL);
        let mut bus = Command::new("dbus-daemon");
        bus.args(["--nofork", "--nopidfile", "--config-file"]).arg(at("bus.conf"));
        let bus = start(&folder, "dbus-daemon", &mut bus);
        until("the session bus", LIMIT, async || at("bus").exists().then_some(())).await;
        let asked = Arc::new(Mutex::new(Asked::default()));
        let compositor = zbus::connection::Builder::address(address(&folder).as_str())
            .and_then(|builder| builder.name(COMPOSITOR))
            .and_then(|builder| {
                builder.serve_at("/org/freedesktop/portal/desktop", Compositor(Arc::clone(&asked)))
            })
            .expect("a sound address, name and path");
        let compositor = compositor.build().await.expect("the bus takes a client");
        let pipewire = start(&folder, "pipewire", &mut Command::new("pipewire"));
        until("PipeWire", LIMIT, async || at("pipewire-0").exists().then_some(())).await;
        let session_manager = start(&folder, "wireplumber", &mut Command::new("wireplumber"));
        let portal =
            start(&folder, "xdg-desktop-portal", &mut Command::new("/usr/libexec/xdg-desktop-portal"));
        let names = DBusProxy::new(&compositor).await.expect("the bus answers");
        until("the portal", LIMIT, async || {
            let name = BusName::try_from("org.freedesktop.portal.Desktop").expect("a sound name");
            names.name_has_owner(name).await.ok()?.then_some(())
        })
        .await;
        Wayland {
            screen: None,
            _portal: portal,
            _session_manager: session_manager,
            _pipewire: pipewire,
            compositor,
            asked,
            _bus: bus,
            folder,
        }
    }

    /// Lets a program run on this desktop.
    pub fn on_it(&self, command: &mut Command) {
        environment(&self.folder, command);
        command.env("WAYLAND_DISPLAY", "wayland-of-a-test");
    }

    /// Replaces the screen, as if it were unplugged, by another: of one colour, drawn once a second.
    ///
    /// # Panics
    /// When PipeWire does not take it.
    pub async fn plug(&mut self, (width, height): (u32, u32), pixels: &str, [red, green, blue]: [u8; 3]) {
        self.screen = None;
        let colour = u32::from_be_bytes([0xff, red, green, blue]);
        let name = format!("screen-{width}x{height}-{colour:x}");
        let mut command = Command::new("gst-launch-1.0");
        command.args(["videotestsrc", "is-live=true", "pattern=solid-color"]);
        command.arg(format!("foreground-color={colour}")).arg("!");
        let size = format!("width={width},height={height},framerate=1/1");
        command.arg(format!("video/x-raw,format={pixels},{size}")).args([
            "!",
            "pipewiresink",
            "mode=provide",
        ]);
        command.arg(format!("stream-properties=p,media.class=Video/Source,node.name={name}"));
        self.screen = Some(start(&self.folder, "gst-launch (screen)", &mut command));
        let node = until("the screen in PipeWire", LIMIT, async || self.node(&name)).await;
        self.asked.lock().expect("no holder panics").node = node;
    }

    fn node(&self, name: &str) -> Option<u32> {
        let mut command = Command::new("pw-dump");
        environment(&self.folder, &mut command);
        let told: Json = serde_json::from_slice(&command.output().ok()?.stdout).ok()?;
        let is_it = |object: &&Json| {
            object["type"] == "PipeWire:Interface:Node" && object["info"]["props"]["node.name"] == name
        };
        u32::try_from(told.as_array()?.iter().find(is_it)?["id"].as_u64()?).ok()
    }

    /// Times that a screen was asked for, and those of them with an earlier choice.
    pub fn asked(&self) -> (usize, usize) {
        let asked = self.asked.lock().expect("no holder panics");
        (asked.starts, asked.restored)
    }

    /// Ends the sharing as the person would.
    ///
    /// # Panics
    /// When nothing was shared.
    pub async fn withdraw(&self) {
        let session = self.asked.lock().expect("no holder panics").session.clone().expect("it is shared");
        let told = self.compositor.emit_signal(
            None::<BusName<'_>>,
            session,
            "org.freedesktop.impl.portal.Session",
            "Closed",
            &(),
        );
        told.await.expect("the bus takes a signal");
    }
}

fn start(folder: &TempDir, name: &str, command: &mut Command) -> Process {
    environment(folder, command);
    Process::start(name, command)
}

/// Nothing of the person's own session, and all files in the folder.
fn environment(folder: &TempDir, command: &mut Command) {
    let at = |name: &str| folder.path().join(name);
    command.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY").env("XDG_RUNTIME_DIR", folder.path());
    for (name, place) in [
        ("HOME", "home"),
        ("XDG_CONFIG_HOME", "config"),
        ("XDG_DATA_HOME", "data"),
        ("XDG_STATE_HOME", "state"),
        ("XDG_DESKTOP_PORTAL_DIR", "portals"),
    ] {
        command.env(name, at(place));
    }
    command.env("DBUS_SESSION_BUS_ADDRESS", address(folder));
    command.env("XDG_CURRENT_DESKTOP", "test").env("XDG_SESSION_TYPE", "wayland");
}

fn address(folder: &TempDir) -> String {
    format!("unix:path={}", folder.path().join("bus").display())
}

fn write(file: &Path, text: &str) {
    let folder = file.parent().expect("a file in a folder");
    std::fs::create_dir_all(folder).expect("a temporary folder can be written");
    std::fs::write(file, text).expect("a temporary folder can be written");
}

const LIMIT: std::time::Duration = seconds(45);
/// The portal's word for success.
const DONE: u32 = 0;
/// The portal's word for a choice that is to outlive the session.
const UNTIL_REVOKED: u32 = 2;
const COMPOSITOR: &str = "org.freedesktop.impl.portal.desktop.test";

const PORTAL: &str = "[portal]
DBusName=org.freedesktop.impl.portal.desktop.test
Interfaces=org.freedesktop.impl.portal.ScreenCast;
UseIn=test;
";

/// A bus that starts nothing but the store of permissions, so that no service of the person's comes up.
const BUS: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path=FOLDER/bus</listen>
  <auth>EXTERNAL</auth>
  <servicedir>FOLDER/services</servicedir>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"#;

const PERMISSIONS: &str = "[D-BUS Service]
Name=org.freedesktop.impl.portal.PermissionStore
Exec=/usr/libexec/xdg-permission-store
";

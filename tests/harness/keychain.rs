//! The keychain of a desktop: GNOME's, with a folder of its own, on a message bus of a test's own.

use std::path::Path;
use std::process::Command;

use zbus::Connection;
use zbus::zvariant::OwnedObjectPath;

use super::process::Process;
use super::wait::{seconds, until};

/// The running keychain; dropping it takes it away, and what was put into it stays in its folder.
pub struct Keychain {
    connection: Connection,
    _daemon: Process,
}

impl Keychain {
    /// Starts it with what an earlier one left in `folder`, open or locked.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start(bus: &str, folder: &Path, open: bool) -> Keychain {
        let mut command = Command::new("sh");
        // A keychain that is unlocked at its start reads the password to the end of its input.
        let unlock = if open { "printf password | exec" } else { "exec" };
        let option = if open { "--unlock" } else { "" };
        command
            .arg("-c")
            .arg(format!("{unlock} gnome-keyring-daemon --foreground --components=secrets {option}"));
        command.env("DBUS_SESSION_BUS_ADDRESS", bus);
        for name in ["HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR"] {
            command.env(name, folder);
        }
        let daemon = Process::start("gnome-keyring-daemon", &mut command);
        let connection = zbus::connection::Builder::address(bus).expect("an address of a bus");
        let connection = connection.build().await.expect("the bus takes another program");
        let keychain = Keychain { connection, _daemon: daemon };
        until("the keychain", seconds(45), async || keychain.locked().await.filter(|locked| *locked != open))
            .await;
        keychain
    }

    async fn locked(&self) -> Option<bool> {
        let name: OwnedObjectPath = self.call(SERVICE, "ReadAlias", &("default",)).await?;
        let asked = ("org.freedesktop.Secret.Collection", "Locked");
        let properties = Some("org.freedesktop.DBus.Properties");
        let answer =
            self.connection.call_method(Some(NAME), name.as_str(), properties, "Get", &asked).await.ok()?;
        let value: zbus::zvariant::OwnedValue = answer.body().deserialize().ok()?;
        bool::try_from(value).ok()
    }

    /// What it has of this program, one text for each item.
    ///
    /// # Panics
    /// When it does not answer.
    pub async fn secrets(&self) -> Vec<String> {
        let (_, session): (zbus::zvariant::OwnedValue, OwnedObjectPath) = self
            .call(SERVICE, "OpenSession", &("plain", zbus::zvariant::Value::from("")))
            .await
            .expect("a session with the keychain");
        let asked = std::collections::HashMap::from([("xdg:schema", "org.rostrum.Destination")]);
        let (open, _): (Vec<OwnedObjectPath>, Vec<OwnedObjectPath>) =
            self.call(SERVICE, "SearchItems", &(asked,)).await.expect("the keychain is searched");
        type Secret = (OwnedObjectPath, Vec<u8>, Vec<u8>, String);
        let found: std::collections::HashMap<OwnedObjectPath, Secret> =
            self.call(SERVICE, "GetSecrets", &(open, session)).await.expect("the keychain gives secrets");
        found.into_values().map(|(_, _, text, _)| String::from_utf8_lossy(&text).into_owned()).collect()
    }

    async fn call<T: serde::de::DeserializeOwned + zbus::zvariant::Type>(
        &self,
        interface: &str,
        method: &str,
        asked: &(impl serde::Serialize + zbus::zvariant::DynamicType),
    ) -> Option<T> {
        let path = "/org/freedesktop/secrets";
        let answer =
            self.connection.call_method(Some(NAME), path, Some(interface), method, asked).await.ok()?;
        answer.body().deserialize().ok()
    }
}

const NAME: &str = "org.freedesktop.secrets";
const SERVICE: &str = "org.freedesktop.Secret.Service";

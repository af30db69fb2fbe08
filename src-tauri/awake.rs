//! Keeps the computer and its screen awake while something is sent or recorded.
//!
//! Two services of the desktop are asked, each for its own half: the session's screen saver, and the system's log-in
//! service, which puts the computer to sleep. Either may be missing; then the other half still holds. Both let go by
//! themselves when this process ends.

use std::time::Duration;

use tokio::sync::watch;
use tracing::{debug, info};
use zbus::Connection;
use zbus::zvariant::OwnedFd;

use crate::view::{PhaseView, View};

/// Holds the computer awake whenever the view says so, until the app closes.
pub(crate) async fn keep(mut view: watch::Receiver<View>) {
    let mut held: Option<Awake> = None;
    loop {
        let wanted = is_busy(&view.borrow_and_update());
        if wanted && held.is_none() {
            held = Some(Awake::hold().await);
        } else if !wanted && let Some(held) = held.take() {
            held.release().await;
        }
        if view.changed().await.is_err() {
            break;
        }
    }
    if let Some(held) = held {
        held.release().await;
    }
}

/// Whether people would lose something if the computer slept now.
fn is_busy(view: &View) -> bool {
    let on_air = matches!(
        view.live.phase,
        PhaseView::Connecting | PhaseView::Live { .. } | PhaseView::Reconnecting { .. } | PhaseView::Ending
    );
    on_air || view.recording.is_some()
}

/// What was got from the two services; dropping it gives it back at the latest with the connection.
struct Awake {
    screen: Option<(Connection, u32)>,
    sleep: Option<OwnedFd>,
}

impl Awake {
    async fn hold() -> Awake {
        let (screen, sleep) = tokio::join!(hold_screen(), hold_sleep());
        let noted = |what: &str, error: zbus::Error| debug!(%error, what, "not held awake");
        let screen = screen.inspect_err(|error| noted("screen", error.clone())).ok();
        let sleep = sleep.inspect_err(|error| noted("computer", error.clone())).ok();
        info!(screen = screen.is_some(), computer = sleep.is_some(), "kept awake");
        Awake { screen, sleep }
    }

    async fn release(self) {
        // The log-in service lets go when the descriptor is closed.
        drop(self.sleep);
        if let Some((connection, cookie)) = self.screen {
            let released =
                connection.call_method(SCREEN_NAME, SCREEN_PATH, SCREEN_NAME, "UnInhibit", &cookie);
            // A service that is gone holds nothing any more.
            let _ = released.await;
        }
        info!("may sleep again");
    }
}

async fn hold_screen() -> zbus::Result<(Connection, u32)> {
    let connection = zbus::connection::Builder::session()?.method_timeout(ANSWER_MAX).build().await?;
    let why = ("Rostrum", REASON);
    let call = connection.call_method(SCREEN_NAME, SCREEN_PATH, SCREEN_NAME, "Inhibit", &why);
    let cookie = call.await?.body().deserialize()?;
    Ok((connection, cookie))
}

async fn hold_sleep() -> zbus::Result<OwnedFd> {
    let connection = zbus::connection::Builder::system()?.method_timeout(ANSWER_MAX).build().await?;
    let why = ("sleep:idle", "Rostrum", REASON, "block");
    let call = connection.call_method(LOGIN_NAME, LOGIN_PATH, LOGIN_MANAGER, "Inhibit", &why);
    call.await?.body().deserialize()
}

/// What a desktop shows where it lists what keeps it awake.
const REASON: &str = "A broadcast or a recording is running";
/// The screen saver of the freedesktop.org: GNOME, KDE, Xfce and others answer to it. Also its interface.
const SCREEN_NAME: Option<&str> = Some("org.freedesktop.ScreenSaver");
const SCREEN_PATH: &str = "/org/freedesktop/ScreenSaver";
/// systemd-logind and elogind.
const LOGIN_NAME: Option<&str> = Some("org.freedesktop.login1");
const LOGIN_PATH: &str = "/org/freedesktop/login1";
const LOGIN_MANAGER: Option<&str> = Some("org.freedesktop.login1.Manager");
/// A service that does not answer must not keep the app from closing.
const ANSWER_MAX: Duration = Duration::from_secs(3);

//! The panel: a small window above all others, for the time in which another program has the whole screen. It shows what
//! the studio shows, and closing it changes nothing of that.
//!
//! Some window managers (Openbox, KWin) show a program that has both the whole screen and the keyboard above even such a
//! window: there the panel is seen again when it is chosen, or on another screen.

use tauri::{AppHandle, Manager as _, WebviewUrl, WebviewWindowBuilder, WindowEvent};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::app::{App, Error};
use crate::chat::{Chat, Heard, Target};
use crate::looks;
use crate::request::Request;
use crate::surroundings::Asked;

/// Opens the panel, or brings it to the front.
///
/// # Errors
/// [`Error::Window`] with what the window system says.
pub fn open(app: &AppHandle) -> Result<(), Error> {
    if let Some(panel) = app.get_webview_window(LABEL) {
        // The window manager may refuse either; then the panel stays where it is, which is above the others.
        let _ = panel.unminimize();
        let _ = panel.set_focus();
        return Ok(());
    }
    let panel = WebviewWindowBuilder::new(app, LABEL, WebviewUrl::default())
        .title(TITLE)
        .inner_size(340.0, 280.0)
        .min_inner_size(260.0, 220.0)
        .maximizable(false)
        .always_on_top(true)
        // A program that has the whole screen may have it on another desktop.
        .visible_on_all_workspaces(true)
        // The page knows the language.
        .on_document_title_changed(|panel, title| {
            // The one that it has stays.
            let _ = panel.set_title(&title);
        })
        .build()
        .map_err(|error| Error::Window(error.to_string()))?;
    // Asked for again now that it is on screen: not every window manager looks at what a window has before.
    let _ = panel.set_always_on_top(true);
    let size = tauri::async_runtime::spawn(looks::keep_size(app.clone(), panel.clone()));
    let handle = app.clone();
    panel.on_window_event(move |event| {
        if let WindowEvent::Destroyed = event {
            size.abort();
            let app = handle.state::<App>();
            app.leave(LABEL);
            // The app is closing if nobody listens.
            let _ = app.panel_shown(false);
        }
    });
    app.state::<App>().panel_shown(true)
}

/// Closes the panel; everything goes on.
pub fn close(app: &AppHandle) {
    if let Some(panel) = app.get_webview_window(LABEL) {
        // It is closing already otherwise.
        let _ = panel.close();
    }
}

/// Carries the chat to the panel until `show` answers `false`. The connection is the panel's own: the studio's would have to
/// be made anew whenever the panel opens, since only its beginning tells how the room is. The owner counts once.
pub(crate) async fn carry_chat(
    targets: watch::Receiver<Option<Target>>,
    mut show: impl FnMut(Heard) -> bool + Send + 'static,
) {
    let (chat, carrier) = Chat::new();
    let show_all = async {
        let mut heard = chat.follow().await;
        while let Some(heard) = heard.recv().await {
            if !show(heard) {
                return;
            }
        }
    };
    tokio::select! {
        () = carrier.run(targets, CancellationToken::new()) => {}
        () = show_all => {}
    }
}

/// Whether a window is the panel.
pub(crate) fn is(label: &str) -> bool {
    label == LABEL
}

impl App {
    /// The panel is open, or no more.
    fn panel_shown(&self, shown: bool) -> Result<(), Error> {
        self.ask(Request::Around(Asked::Panel(shown)))
    }
}

/// The panel's name inside Tauri; `capabilities/main.json` and `ui/studio/main.ts` have it too.
const LABEL: &str = "panel";
/// Until the page says it.
const TITLE: &str = "Rostrum";

#[cfg(test)]
mod tests {
    use futures_util::{SinkExt as _, StreamExt as _};
    use tokio::net::TcpListener;
    use tokio::sync::{mpsc, watch};
    use tokio_tungstenite::tungstenite::Message;

    use super::carry_chat;
    use crate::chat::{Heard, Target};

    #[tokio::test]
    async fn the_panels_connection_to_the_chat_ends_with_the_panel() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let http = listener.local_addr().unwrap();
        let target = Target { http, room: "live".to_owned(), token: "secret".to_owned() };
        let (_target, targets) = watch::channel(Some(target));
        let (told, mut heard) = mpsc::channel(4);
        let panel = tokio::spawn(carry_chat(targets, move |what| told.try_send(what).is_ok()));
        let (stream, _) = listener.accept().await.unwrap();
        let mut origin = tokio_tungstenite::accept_async(stream).await.unwrap();
        assert_eq!(heard.recv().await, Some(Heard::Opened));
        origin.send(Message::text("{}")).await.unwrap();
        assert_eq!(heard.recv().await, Some(Heard::Frames { frames: vec!["{}".to_owned()] }));
        drop(heard);
        origin.send(Message::text("{}")).await.unwrap();
        panel.await.unwrap();
        while let Some(Ok(_)) = origin.next().await {}
    }
}

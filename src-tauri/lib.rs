//! The desktop app: a window around a broadcast and an origin of one's own.
//!
//! The shell shows. What happens is decided in [`go_live`] (a machine without a clock) and carried out in
//! [`studio`] (one task); the page in `ui/studio` draws the [`view::View`] that comes out and calls the
//! [`commands`]. Pictures and levels take their own way, [`preview`]; so does the [`chat`].

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may panic"))]

pub mod apart;
pub mod app;
mod app_destinations;
pub mod app_origin;
mod autostart;
mod awake;
pub mod backup;
pub mod cause;
pub mod chat;
pub mod closing;
pub mod command_error;
pub mod commands;
pub mod destination;
pub mod disk;
pub mod first_run;
pub mod go_live;
mod history;
pub mod hosting;
pub mod hotkeys;
pub mod keeping_up;
pub mod keychain;
pub mod log;
pub mod looks;
mod mdns;
pub mod obs;
mod on_air;
mod origin_api;
pub mod origin_habits;
mod origin_runs;
pub mod origin_view;
pub mod output;
pub mod owner;
pub mod panel;
pub mod people_here;
mod port_owner;
pub mod preview;
pub mod push_to_talk;
pub mod recording;
pub mod replay;
pub mod report;
pub mod request;
mod resume;
mod router;
pub mod scenes;
mod seal;
pub mod service_advice;
pub mod settings;
pub mod sounds;
pub mod sources;
pub mod studio;
mod studio_view;
pub mod surroundings;
pub mod tray;
mod tray_words;
pub mod trouble;
pub mod view;
pub mod window;

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use tauri::plugin::TauriPlugin;
use tauri::{AppHandle, Manager as _, RunEvent};
use tokio::signal::unix::{SignalKind, signal};
use tracing::{error, info};

pub use app::App;

/// Runs the app until its window is closed.
#[must_use]
pub fn run() -> ExitCode {
    broadcast::encoder_trial();
    let folder = data_folder();
    let log = log::start(folder.as_deref().ok());
    match folder.and_then(|folder| try_run(folder, log)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn try_run(folder: PathBuf, log: log::Log) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().thread_name("rostrum").build()?;
    tauri::async_runtime::set(runtime.handle().clone());
    let commands = commands::builder();
    let app = tauri::Builder::default()
        .plugin(only_instance(&folder))
        .plugin(window::remembered(&folder))
        .plugin(tauri_plugin_dialog::init())
        .plugin(tauri_plugin_global_shortcut::Builder::new().build())
        .invoke_handler(commands.invoke_handler())
        .setup(move |app| Ok(set_up(app.handle(), folder, log)?))
        .build(tauri::generate_context!())
        .context("the window could not be opened")?;
    app.run(|app, event| {
        if let RunEvent::ExitRequested { api, code: None, .. } = event {
            // The last window is gone; what still runs decides when the process may end.
            api.prevent_exit();
            let _ = app.state::<App>().quit();
        }
    });
    runtime.shutdown_timeout(LEFTOVERS);
    Ok(())
}

/// Starts everything that lives as long as the window.
fn set_up(handle: &AppHandle, folder: PathBuf, log: log::Log) -> anyhow::Result<()> {
    let app =
        tauri::async_runtime::block_on(App::start(folder, log)).context("the preview could not be served")?;
    handle.manage(app);
    // What is found out is remembered; the first Go live would wait for it otherwise.
    drop(tauri::async_runtime::spawn_blocking(broadcast::encoders));
    let window = window::open(handle)?;
    tauri::async_runtime::spawn(looks::keep_size(handle.clone(), window.clone()));
    tauri::async_runtime::spawn(window::keep_title(handle.clone(), window));
    tauri::async_runtime::spawn(wait_for_end(handle.clone()));
    tauri::async_runtime::spawn(awake::keep(handle.state::<App>().view()));
    tauri::async_runtime::spawn(tray::keep(handle.clone()));
    tauri::async_runtime::spawn(hotkeys::background::keep(handle.clone()));
    follow_link(handle, &std::env::args().collect::<Vec<_>>());
    Ok(())
}

/// One Rostrum for a data folder: a second start hands its link over to the first, whose window comes to the front. Another
/// data folder is another Rostrum.
fn only_instance(folder: &Path) -> TauriPlugin<tauri::Wry> {
    let mut plugin = tauri_plugin_single_instance::Builder::new().callback(|app, arguments, _| {
        window::focus(app);
        follow_link(app, &arguments);
    });
    if std::env::var_os(DATA_VARIABLE).is_some() {
        let mut hasher = DefaultHasher::new();
        folder.hash(&mut hasher);
        // A part of a bus name may not begin with a digit.
        plugin = plugin.dbus_id(format!("org.rostrum.desktop.d{:016x}", hasher.finish()));
    }
    plugin.build()
}

/// Follows the link among a program's arguments.
fn follow_link(handle: &AppHandle, arguments: &[String]) {
    if let Some(link) = surroundings::link_in(arguments) {
        // The app is closing, or hundreds of links came at once.
        let _ = handle.state::<App>().follow_link(link);
    }
}

/// Ends the process when the studio has stopped, be it asked by the window or by a signal.
async fn wait_for_end(handle: AppHandle) {
    let app = handle.state::<App>();
    let signalled = async {
        let (Ok(mut terminate), Ok(mut interrupt)) =
            (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
        else {
            return std::future::pending().await;
        };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    let mut view = app.view();
    let gone = async { while view.changed().await.is_ok() {} };
    tokio::select! {
        () = signalled => {
            info!("asked to end by a signal");
            // Already ending: then that goes on.
            let _ = app.quit();
        }
        () = gone => {}
    }
    app.stopped().await;
    handle.exit(0);
}

/// `ROSTRUM_DATA`, else `rostrum` in the system's place for data. Only this user may look into it.
fn data_folder() -> anyhow::Result<PathBuf> {
    use std::os::unix::fs::DirBuilderExt as _;
    let folder = match std::env::var_os(DATA_VARIABLE) {
        Some(folder) => PathBuf::from(folder),
        None => dirs::data_dir()
            .context("this system names no folder for data: set ROSTRUM_DATA")?
            .join("rostrum"),
    };
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder)
        .with_context(|| format!("data folder {}", folder.display()))?;
    Ok(folder)
}

/// The page's view of the commands, as TypeScript.
///
/// # Panics
/// When a type cannot be said in TypeScript: a mistake of ours, found by the test below.
#[must_use]
pub fn bindings() -> String {
    let folder = std::env::temp_dir().join(format!("rostrum-bindings-{}", std::process::id()));
    let path = folder.join("bindings.ts");
    let language = specta_typescript::Typescript::default();
    commands::builder().export(language, &path).expect("every type of a command can be said in TypeScript");
    let text = std::fs::read_to_string(&path).expect("it was written just now");
    // A leftover in the system's temporary folder is no harm.
    let _ = std::fs::remove_dir_all(folder);
    text
}

/// Names another data folder.
const DATA_VARIABLE: &str = "ROSTRUM_DATA";
/// Tasks that do not end by themselves are cut off after this.
const LEFTOVERS: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    /// `ui/studio/bindings.ts` is what the page compiles against; run with `ROSTRUM_WRITE=1` to renew it.
    #[test]
    fn the_bindings_of_the_page_are_those_of_the_commands() {
        let made = super::bindings();
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/ui/studio/bindings.ts");
        if std::env::var_os("ROSTRUM_WRITE").is_some() {
            std::fs::write(path, &made).unwrap();
        }
        let kept = std::fs::read_to_string(path).unwrap_or_default();
        assert!(kept == made, "{path} is out of date: run this test with ROSTRUM_WRITE=1");
    }
}

//! What the page may ask for. Each command parses, calls one method of [`crate::App`] and converts the error.

mod broadcast;
mod destinations;
mod first_run;
mod hosting;
mod hotkeys;
mod origin;
mod panel;
mod scenes;
mod session;
mod sounds;
mod window;

use tauri_specta::{Builder, ErrorHandlingMode, collect_commands};

/// All commands, with the types that the page sees.
#[must_use]
pub fn builder() -> Builder<tauri::Wry> {
    Builder::new().error_handling(ErrorHandlingMode::Throw).disable_serde_phases().commands(
        collect_commands![
            broadcast::go_live,
            broadcast::cancel,
            broadcast::retry_now,
            broadcast::end,
            broadcast::new_broadcast,
            broadcast::ease_picture,
            broadcast::set_countdown,
            broadcast::set_muted,
            broadcast::choose_microphone,
            broadcast::choose_video,
            broadcast::retry_sources,
            broadcast::find_devices,
            destinations::switch_destination,
            destinations::save_destination,
            destinations::remove_destination,
            destinations::unlock_keychain,
            destinations::let_apart,
            destinations::services,
            destinations::encoders,
            destinations::obs_profiles,
            destinations::import_obs,
            destinations::set_output,
            destinations::record,
            destinations::show_recording,
            destinations::record_to,
            destinations::save_replay,
            destinations::show_replay,
            first_run::first_run,
            first_run::try_encoder,
            hosting::start_origin,
            hosting::stop_origin,
            hosting::restart_origin,
            hosting::set_audience,
            hosting::use_port,
            scenes::edit_scenes,
            scenes::undo_scenes,
            scenes::redo_scenes,
            scenes::choose_scene,
            scenes::take_break,
            scenes::set_transition,
            scenes::pick_file,
            hosting::origin_figures,
            hosting::set_autostart,
            hosting::open_folder,
            hosting::qr_code,
            hosting::open_admin_page,
            hosting::play_recording,
            hosting::remove_recording,
            hosting::set_replays,
            origin::set_habits,
            origin::origin_rules,
            origin::change_rule,
            hosting::attendance,
            hosting::save_attendance,
            hosting::people_here,
            hosting::save_backup,
            hosting::open_watch_page,
            hotkeys::set_hotkey,
            hotkeys::set_background_hotkey,
            hotkeys::set_single_letters,
            hotkeys::standard_hotkeys,
            hotkeys::hold_hotkeys,
            session::show_views,
            session::show_chat,
            session::say,
            panel::open_panel,
            panel::close_panel,
            window::save_report,
            sounds::use_push_to_talk,
            sounds::talk,
            sounds::add_sound,
            sounds::remove_sound,
            sounds::move_sound,
            sounds::change_sound,
            window::set_theme,
            window::set_looks,
            window::set_language,
            window::dismiss,
            window::ask_to_close,
            window::keep_open,
            window::keep_in_tray,
            window::arrived,
            window::quit,
        ],
    )
}

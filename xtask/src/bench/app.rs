//! How quick the desktop app is and what it takes, with its release build in a window.

use anyhow::Result;

use crate::build::{Profile, programs};
use crate::setup;
use crate::step::{execute, step};
use crate::workspace::{END_TO_END, Workspace, cargo};

/// What measures: tests of the end-to-end package that print what they saw.
const MEASUREMENTS: [&str; 3] = [
    "app_speed::the_window_and_the_preview_are_there_soon",
    "app_speed::the_window_stays_quick_in_a_busy_chat",
    "desktop_first_run::three_clicks_lead_from_a_first_start_to_a_broadcast_that_a_browser_plays",
];

/// Builds and measures.
///
/// # Errors
/// When set-up or a build fails, or the app does not do what is measured.
pub fn measure(workspace: &Workspace) -> Result<()> {
    setup::to_test(workspace)?;
    let built = programs(workspace, Profile::Release)?;
    for measurement in MEASUREMENTS {
        step(measurement, || {
            let mut command = cargo();
            command.args(["test", "--package", END_TO_END, "--test", END_TO_END, "--"]);
            command.args(["--include-ignored", "--exact", "--nocapture", measurement]);
            for (variable, program) in [
                ("ROSTRUM_BIN", "rostrum"),
                ("ROSTRUM_ORIGIN_BIN", "rostrum-origin"),
                ("ROSTRUM_CAST_BIN", "rostrum-cast"),
            ] {
                command.env(variable, built.join(program));
            }
            execute(&mut command)
        })?;
    }
    Ok(())
}

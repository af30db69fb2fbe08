//! `rostrum-cast devices` and `rostrum-cast encoders`.

use std::io::{Write, stdout};

use serde_json::json;

use super::Failure;

/// Prints what can be captured.
pub fn devices(as_json: bool) -> Result<(), Failure> {
    let devices = broadcast::devices();
    let mut out = stdout().lock();
    if as_json {
        let screens = devices
            .screens
            .iter()
            .map(|screen| json!({"id": screen.id, "width": screen.size.width, "height": screen.size.height}));
        let microphones = devices.microphones.iter().map(|device| {
            json!({"id": device.id, "name": device.name, "default": device.is_default, "monitor": device.is_monitor})
        });
        let object = json!({
            "screens": screens.collect::<Vec<_>>(),
            "microphones": microphones.collect::<Vec<_>>(),
        });
        writeln!(out, "{object}")?;
        return Ok(());
    }
    for screen in &devices.screens {
        writeln!(out, "screen      {}  {}x{}", screen.id, screen.size.width, screen.size.height)?;
    }
    for device in &devices.microphones {
        let kind = if device.is_monitor { "system sound" } else { "microphone" };
        let default = if device.is_default { "  (default)" } else { "" };
        writeln!(out, "{kind}  {}  {}{default}", device.id, device.name)?;
    }
    if devices.screens.is_empty() && devices.microphones.is_empty() {
        writeln!(out, "nothing found that could be captured")?;
    }
    Ok(())
}

/// Tries the video encoders, and prints them in the order in which `auto`, `hevc` and `av1` take them.
pub fn encoders(as_json: bool) -> Result<(), Failure> {
    let found = broadcast::encoders_anew();
    let mut out = stdout().lock();
    if as_json {
        let encoders = found.iter().map(|encoder| {
            json!({
                "name": encoder.name,
                "codec": encoder.codec.name(),
                "runs_on": encoder.runs_on,
                "usable": encoder.usable,
                "reason": encoder.reason,
            })
        });
        writeln!(out, "{}", json!({ "encoders": encoders.collect::<Vec<_>>() }))?;
        return Ok(());
    }
    for encoder in found {
        let verdict = encoder.reason.unwrap_or_else(|| "usable".to_owned());
        writeln!(
            out,
            "{:<6}  {:<17}  {:<31}  {verdict}",
            encoder.codec.name(),
            encoder.name,
            encoder.runs_on
        )?;
    }
    Ok(())
}

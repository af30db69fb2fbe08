//! `rostrum-cast devices` and `rostrum-cast encoders`.

use std::io::{Write, stdout};

use broadcast::CameraFormat;
use serde_json::json;

use super::Failure;

/// Prints what can be captured.
pub fn devices(as_json: bool) -> Result<(), Failure> {
    let devices = broadcast::devices();
    let mut out = stdout().lock();
    if as_json {
        let screens = devices.screens.iter().map(|screen| {
            let (width, height) = (screen.size.map(|size| size.width), screen.size.map(|size| size.height));
            json!({"id": screen.id, "width": width, "height": height})
        });
        let windows = devices.windows.iter().map(|window| {
            let size = window.size;
            json!({"id": window.id, "title": window.title, "width": size.width, "height": size.height})
        });
        let cameras = devices.cameras.iter().map(|camera| {
            let formats = camera.formats.iter().map(|format| {
                let size = format.size;
                json!({
                    "width": size.width,
                    "height": size.height,
                    "fps": format.fps,
                    "pixels": format.pixels.to_string(),
                })
            });
            json!({"id": camera.id, "name": camera.name, "formats": formats.collect::<Vec<_>>()})
        });
        let microphones = devices.microphones.iter().map(|device| {
            json!({"id": device.id, "name": device.name, "default": device.is_default, "monitor": device.is_monitor})
        });
        let object = json!({
            "screens": screens.collect::<Vec<_>>(),
            "windows": windows.collect::<Vec<_>>(),
            "cameras": cameras.collect::<Vec<_>>(),
            "microphones": microphones.collect::<Vec<_>>(),
        });
        writeln!(out, "{object}")?;
        return Ok(());
    }
    for screen in &devices.screens {
        match screen.size {
            Some(size) => writeln!(out, "screen      {}  {}x{}", screen.id, size.width, size.height)?,
            None => writeln!(
                out,
                "screen      {}  a screen or window, chosen in the desktop's dialog",
                screen.id
            )?,
        }
    }
    for window in &devices.windows {
        let size = window.size;
        writeln!(out, "window      {}  {}  {}x{}", window.id, plain(&window.title), size.width, size.height)?;
    }
    for camera in &devices.cameras {
        writeln!(out, "camera      {}  {}", camera.id, plain(&camera.name))?;
        for line in by_size(&camera.formats) {
            writeln!(out, "              {line}")?;
        }
    }
    for device in &devices.microphones {
        let kind = if device.is_monitor { "system sound" } else { "microphone" };
        let default = if device.is_default { "  (default)" } else { "" };
        writeln!(out, "{kind}  {}  {}{default}", device.id, plain(&device.name))?;
    }
    let pictures = devices.screens.len() + devices.windows.len() + devices.cameras.len();
    if pictures + devices.microphones.len() == 0 {
        writeln!(out, "nothing found that could be captured")?;
    }
    Ok(())
}

/// A name for a terminal. A web page chooses its window's title, and a terminal does what control characters in it say.
fn plain(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// One line for each size and format: `1280x720 MJPEG at 15, 30 fps`.
fn by_size(formats: &[CameraFormat]) -> Vec<String> {
    let same =
        |one: &CameraFormat, other: &CameraFormat| (one.size, one.pixels) == (other.size, other.pixels);
    let line = |rates: &[CameraFormat]| {
        let CameraFormat { size, pixels, .. } = rates[0];
        let rates: Vec<String> = rates.iter().map(|format| format.fps.to_string()).collect();
        format!("{}x{} {pixels} at {} fps", size.width, size.height, rates.join(", "))
    };
    formats.chunk_by(same).map(line).collect()
}

/// Prints the services that are known.
pub fn services(as_json: bool) -> Result<(), Failure> {
    let services = broadcast::Service::all();
    let mut out = stdout().lock();
    if as_json {
        let services = services.iter().map(|service| {
            json!({
                "id": service.id,
                "name": service.name,
                "servers": service.servers,
                "key_page": service.key_page,
                "keyframe_seconds": service.keyframe_seconds,
                "video_kbps_max": service.video_kbps_max,
                "sound_kbps_max": service.sound_kbps_max,
                "codecs": service.codecs,
            })
        });
        writeln!(out, "{}", json!({ "services": services.collect::<Vec<_>>() }))?;
        return Ok(());
    }
    for service in services {
        let (name, seconds, kbps) = (&service.name, service.keyframe_seconds, service.video_kbps_max);
        writeln!(
            out,
            "{name:<14} keyframes each {seconds} s, at most {kbps} kbit/s; key at {}",
            service.key_page
        )?;
        service.servers.iter().try_for_each(|server| writeln!(out, "    {server}"))?;
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
            "{:<6}  {:<17}  {:<32}  {verdict}",
            encoder.codec.name(),
            encoder.name,
            encoder.runs_on
        )?;
    }
    Ok(())
}

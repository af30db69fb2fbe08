//! What can be captured on this machine.

use cpal::traits::{DeviceTrait, HostTrait};
use media::Size;

use crate::Error;
use crate::camera::{Camera, cameras};
use crate::microphone::Wanted;
use crate::screen::ScreenCapture;

/// The devices found at one moment.
#[derive(Clone, Debug, Default)]
pub struct Devices {
    /// Displays.
    pub screens: Vec<Screen>,
    /// Windows with a title, the foremost last.
    pub windows: Vec<Window>,
    /// Cameras.
    pub cameras: Vec<Camera>,
    /// Recording devices, the default one first. Monitors of outputs are among them.
    pub microphones: Vec<AudioDevice>,
}

/// A display.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Screen {
    /// The display's name, e.g. `:0`; `wayland` for what a Wayland desktop shares.
    pub id: String,
    /// Size of the root window in pixels; `None` where the person chooses what is captured, in the desktop's dialog.
    pub size: Option<Size>,
}

/// A window on the display.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// What to ask for, in hexadecimal; a title serves too, and stays the same when the program is started again.
    pub id: String,
    /// What stands in its title bar.
    pub title: String,
    /// Its size in pixels.
    pub size: Size,
}

/// A device that records sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AudioDevice {
    /// What to ask for; stays the same across starts.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Whether it is used when nothing is asked for.
    pub is_default: bool,
    /// Whether it records what an output plays.
    pub is_monitor: bool,
}

/// Looks for displays, cameras and recording devices. Takes up to a few seconds when one of them hangs, so call
/// it off the threads that must not wait.
#[must_use]
pub fn devices() -> Devices {
    Devices {
        screens: screens(),
        windows: crate::window::found(),
        cameras: cameras(),
        microphones: microphones(),
    }
}

fn screens() -> Vec<Screen> {
    #[cfg(all(target_os = "linux", feature = "wayland"))]
    if crate::wayland_portal::answers() {
        return vec![Screen { id: crate::wayland_screen::WAYLAND.to_owned(), size: None }];
    }
    ScreenCapture::found().into_iter().collect()
}

fn microphones() -> Vec<AudioDevice> {
    let Some(host) = host() else { return Vec::new() };
    // ALSA's own default is not in its list.
    let default = default_input(&host);
    let default_id = default.as_ref().and_then(id_of);
    let others = host.devices().into_iter().flatten().filter(records);
    let others = others.filter(|device| id_of(device) != default_id);
    let told = |(device, is_default): (cpal::Device, bool)| {
        let id = id_of(&device).filter(|id| is_told(id))?;
        Some(AudioDevice { is_monitor: id.ends_with(MONITOR), name: device.to_string(), is_default, id })
    };
    let all = default.into_iter().map(|device| (device, true)).chain(others.map(|device| (device, false)));
    let mut found: Vec<AudioDevice> = all.filter_map(told).collect();
    found.sort_by_key(|device| (!device.is_default, device.is_monitor));
    found
}

/// The device that is wanted.
///
/// # Errors
/// When there is none, with what there is.
pub(crate) fn find_device(wanted: &Wanted) -> Result<cpal::Device, Error> {
    let nothing = "no PulseAudio or PipeWire server answers and ALSA has no card".to_owned();
    match wanted {
        Wanted::Default => {
            let host = host().ok_or_else(|| Error::NoMicrophone(nothing.clone()))?;
            default_input(&host).ok_or(Error::NoMicrophone(nothing))
        }
        Wanted::Id(id) => {
            let host = host().ok_or(Error::NoMicrophone(nothing))?;
            let inputs = host.devices().map_err(|error| Error::NoMicrophone(error.to_string()))?;
            let mut inputs = host.default_input_device().into_iter().chain(inputs.filter(records));
            inputs.find(|device| is_called(device, id)).ok_or_else(|| unknown(id))
        }
        Wanted::System => {
            let host = host().ok_or(Error::NoSystemSound(nothing))?;
            let output = host.default_output_device().and_then(|device| id_of(&device));
            let output = output.ok_or_else(|| Error::NoSystemSound("there is no output".to_owned()))?;
            let monitor = format!("{output}{MONITOR}");
            let inputs = host.devices().map_err(|error| Error::NoSystemSound(error.to_string()))?;
            let mut monitors =
                inputs.filter(records).filter(|device| id_of(device).as_ref() == Some(&monitor));
            monitors.next().ok_or_else(|| Error::NoSystemSound(format!("{output} has no monitor")))
        }
    }
}

/// The sound server's own name of a source, when `device` is one.
#[cfg(target_os = "linux")]
pub(crate) fn server_source(device: &cpal::Device) -> Option<String> {
    let id = device.id().ok()?;
    (id.host() == cpal::HostId::PulseAudio).then(|| id.id().to_owned())
}

/// The sound server's devices; the bare cards' where there is no server. A server's own ALSA plug-ins would
/// name each device a second time.
fn host() -> Option<cpal::Host> {
    #[cfg(target_os = "linux")]
    {
        crate::pulse::ensure_cookie();
        if let Ok(host) = cpal::host_from_id(cpal::HostId::PulseAudio) {
            return Some(host);
        }
    }
    #[cfg(target_os = "linux")]
    return cpal::host_from_id(cpal::HostId::Alsa).ok();
    #[cfg(not(target_os = "linux"))]
    return Some(cpal::default_host());
}

/// What records unless something else is asked for. ALSA's own default may be a way to a sound server that does not run:
/// then it is the first card.
fn default_input(host: &cpal::Host) -> Option<cpal::Device> {
    host.default_input_device().filter(records).or_else(|| {
        let is_card = |device: &cpal::Device| id_of(device).is_some_and(|id| is_card(&id));
        host.devices().ok()?.filter(records).find(is_card)
    })
}

/// Whether people are to choose from it. ALSA lists its converters too, and each card in a dozen ways.
fn is_told(id: &str) -> bool {
    !id.starts_with("alsa:") || id == "alsa:default" || is_card(id)
}

/// Whether it is a card of ALSA by its name, with rate and format converted as needed.
fn is_card(id: &str) -> bool {
    let card = id.strip_prefix("alsa:plughw:CARD=");
    card.is_some_and(|card| !card.starts_with(|first: char| first.is_ascii_digit()))
}

/// ALSA lists devices that cannot record; only a real one tells how it would. Its `null` device tells too, and
/// records zeros.
fn records(device: &cpal::Device) -> bool {
    device.default_input_config().is_ok() && id_of(device).is_none_or(|id| id != "alsa:null")
}

fn id_of(device: &cpal::Device) -> Option<String> {
    device.id().ok().map(|id| id.to_string())
}

/// The full id, or the part of it that the sound server itself uses.
fn is_called(device: &cpal::Device, name: &str) -> bool {
    id_of(device).is_some_and(|id| id == name || id.split_once(':').is_some_and(|(_, own)| own == name))
}

fn unknown(id: &str) -> Error {
    let known: Vec<String> = microphones().into_iter().map(|device| device.id).collect();
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    Error::UnknownDevice { id: id.to_owned(), known }
}

/// How PulseAudio and PipeWire call the recording side of an output.
pub(crate) const MONITOR: &str = ".monitor";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_alsa_each_card_is_told_once_and_no_converter() {
        for told in ["alsa:default", "alsa:plughw:CARD=Loopback,DEV=0", "pulseaudio:alsa_input.usb"] {
            assert!(is_told(told), "{told}");
        }
        for other in ["alsa:speex", "alsa:hw:CARD=Loopback,DEV=0", "alsa:plughw:CARD=0,DEV=0", "alsa:null"] {
            assert!(!is_told(other), "{other}");
        }
    }
}

//! What sources can be chosen from.

use serde::Serialize;
use specta::Type;

use broadcast::Devices;

/// A camera, or a window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Type)]
pub struct Device {
    /// What a source says of it.
    pub id: String,
    /// What people read.
    pub name: String,
}

/// The cameras.
#[must_use]
pub fn cameras(devices: &Devices) -> Vec<Device> {
    let device = |camera: &broadcast::Camera| Device { id: camera.id.clone(), name: camera.name.clone() };
    devices.cameras.iter().map(device).collect()
}

/// The windows, the foremost last.
#[must_use]
pub fn windows(devices: &Devices) -> Vec<Device> {
    let device = |window: &broadcast::Window| Device { id: window.id.clone(), name: window.title.clone() };
    devices.windows.iter().map(device).collect()
}

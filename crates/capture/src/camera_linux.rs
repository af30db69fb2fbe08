//! Cameras of Linux (V4L2): nokhwa opens and reads them; what it does not tell is asked of the device beside it.
//!
//! nokhwa knows whole frame rates only, so a device that offers nothing but 59.94 is not captured. Formats are listed
//! here and not by nokhwa, whose list changes the device's settings and guesses where a device offers ranges.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use media::{Colour, Size, Timestamp};
use nokhwa::utils::{
    ApiBackend, CameraFormat as Format, CameraIndex, FrameFormat, RequestedFormat, RequestedFormatType,
    Resolution,
};
use v4l::format::{Colorspace, Quantization};
use v4l::frameinterval::FrameIntervalEnum;
use v4l::framesize::FrameSizeEnum;
use v4l::video::Capture;
use v4l::video::capture::Parameters;
use v4l::{Device, FourCC};

use crate::Clock;
use crate::camera::Camera;
use crate::camera_format::{CameraFormat, CameraPixels};
use crate::time_of_day::session_time;

/// The cameras there are, with the number of their device nodes. The second list says which nodes cannot be asked.
pub(crate) fn found() -> (Vec<(usize, Camera)>, Vec<String>) {
    let (mut cameras, mut closed) = (Vec::new(), Vec::new());
    for node in nodes() {
        match Device::new(node) {
            Ok(device) => {
                let formats = formats(&device);
                // Outputs, and the nodes that carry a camera's other data, offer no pictures.
                if !formats.is_empty() {
                    let (name, place) = (name(node), place(node));
                    let id = format!("{name}@{place}");
                    cameras.push((node, Camera { id, name, formats }));
                }
            }
            Err(error) => closed.push(format!("/dev/video{node}: {error}")),
        }
    }
    (cameras, closed)
}

/// An open camera.
pub(crate) struct OpenCamera {
    camera: nokhwa::Camera,
    /// How its pictures are to be read.
    pub(crate) layout: Layout,
}

/// How the bytes of a picture are to be read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    pub(crate) format: CameraFormat,
    /// Bytes of a row; of no meaning for MJPEG.
    pub(crate) stride: usize,
    pub(crate) colour: Colour,
}

impl OpenCamera {
    /// Opens the camera of a device node and starts it.
    pub(crate) fn open(node: usize, format: CameraFormat) -> Result<OpenCamera, String> {
        let layout = prepare(node, format).map_err(in_words)?;
        let pixels = match format.pixels {
            CameraPixels::Nv12 => FrameFormat::NV12,
            CameraPixels::Yuyv => FrameFormat::YUYV,
            CameraPixels::Mjpeg => FrameFormat::MJPEG,
        };
        let resolution = Resolution::new(format.size.width, format.size.height);
        let exactly = RequestedFormatType::Exact(Format::new(resolution, pixels, format.fps));
        let decoders = [pixels];
        let requested = RequestedFormat::with_formats(exactly, &decoders);
        let index = CameraIndex::Index(u32::try_from(node).map_err(|error| error.to_string())?);
        let mut camera = nokhwa::Camera::with_backend(index, requested, ApiBackend::Video4Linux)
            .map_err(|error| error.to_string())?;
        camera.open_stream().map_err(|error| error.to_string())?;
        Ok(OpenCamera { camera, layout })
    }

    /// Waits for the next picture, as long as the camera takes, and copies it once.
    pub(crate) fn read(&mut self, clock: Clock) -> Result<(Timestamp, Bytes), String> {
        let buffer = self.camera.frame().map_err(|error| error.to_string())?;
        Ok((session_time(clock, buffer.capture_timestamp()), buffer.buffer_bytes()))
    }
}

/// Sets the format before nokhwa sees the device: it refuses one that another program left in a format it does not know.
fn prepare(node: usize, format: CameraFormat) -> std::io::Result<Layout> {
    let device = Device::new(node)?;
    let (width, height) = (format.size.width, format.size.height);
    let set = device.set_format(&v4l::Format::new(width, height, four_cc(format.pixels)))?;
    let got = device.set_params(&Parameters::with_fps(format.fps))?.interval;
    let is_wanted = (set.width, set.height, set.fourcc) == (width, height, four_cc(format.pixels));
    if !is_wanted || got.numerator.checked_mul(format.fps) != Some(got.denominator) {
        let reason = format!(
            "it was asked for {format} and set {}x{} {} at {}/{} fps",
            set.width, set.height, set.fourcc, got.denominator, got.numerator
        );
        return Err(std::io::Error::other(reason));
    }
    let colour = match (set.quantization, set.colorspace) {
        (Quantization::FullRange, _) | (Quantization::Default, Colorspace::JPEG) => Colour::Bt601Full,
        (_, Colorspace::Rec709) => Colour::Bt709Limited,
        _ => Colour::Bt601Limited,
    };
    Ok(Layout { format, stride: set.stride as usize, colour })
}

fn in_words(error: std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::ResourceBusy => "another program uses it".to_owned(),
        std::io::ErrorKind::PermissionDenied => {
            "permission denied (your user has to be in the group `video`)".to_owned()
        }
        _ => error.to_string(),
    }
}

/// The numbers of the nodes `/dev/videoN`, in order.
fn nodes() -> Vec<usize> {
    let Ok(entries) = std::fs::read_dir(CLASS) else { return Vec::new() };
    let number = |name: &str| name.strip_prefix("video")?.parse().ok();
    let mut nodes: Vec<usize> =
        entries.flatten().filter_map(|entry| number(entry.file_name().to_str()?)).collect();
    nodes.sort_unstable();
    nodes
}

fn attribute(path: &Path) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn name(node: usize) -> String {
    let name = attribute(&PathBuf::from(format!("{CLASS}/video{node}/name")));
    // Some webcams say their name twice.
    let name = name.unwrap_or_else(|| format!("video{node}"));
    match name.split_once(": ") {
        Some((first, second)) if first == second => first.to_owned(),
        _ => name,
    }
}

/// What tells two cameras of one name apart: the serial number, else where it is plugged in.
fn place(node: usize) -> String {
    let Ok(device) = std::fs::canonicalize(format!("{CLASS}/video{node}/device")) else {
        return format!("video{node}");
    };
    // The node hangs on a USB interface; the serial number stands at the device above it.
    let above = device.ancestors().take(2).find_map(|folder| attribute(&folder.join("serial")));
    above.unwrap_or_else(|| device.file_name().unwrap_or_default().to_string_lossy().into_owned())
}

/// Everything the device offers in the formats we read.
fn formats(device: &Device) -> Vec<CameraFormat> {
    let mut found = Vec::new();
    let offered = device.enum_formats().unwrap_or_default();
    for pixels in [CameraPixels::Nv12, CameraPixels::Yuyv, CameraPixels::Mjpeg] {
        let code = four_cc(pixels);
        if !offered.iter().any(|format| format.fourcc == code) {
            continue;
        }
        for frame_size in device.enum_framesizes(code).unwrap_or_default() {
            for size in sizes(&frame_size.size) {
                let rates = device.enum_frameintervals(code, size.width, size.height).unwrap_or_default();
                let rates = rates.iter().flat_map(|interval| rates_of(&interval.interval));
                found.extend(rates.map(|fps| CameraFormat { size, fps, pixels }));
            }
        }
    }
    found.sort_unstable_by_key(|format| (format.pixels, format.size.width, format.size.height, format.fps));
    found.dedup();
    found
}

/// The sizes themselves; of a range those that people use.
fn sizes(offered: &FrameSizeEnum) -> Vec<Size> {
    let within = |size: &Size, range: &v4l::framesize::Stepwise| {
        let fits = |side: u32, min: u32, max: u32, step: u32| {
            (min..=max).contains(&side) && (side - min).is_multiple_of(step.max(1))
        };
        fits(size.width, range.min_width, range.max_width, range.step_width)
            && fits(size.height, range.min_height, range.max_height, range.step_height)
    };
    match offered {
        FrameSizeEnum::Discrete(size) => vec![Size::new(size.width, size.height)],
        FrameSizeEnum::Stepwise(range) => {
            let used = SIZES.map(|(width, height)| Size::new(width, height));
            used.into_iter().filter(|size| within(size, range)).collect()
        }
    }
}

/// The whole rates; of a range those that people use.
fn rates_of(offered: &FrameIntervalEnum) -> Vec<u32> {
    match offered {
        FrameIntervalEnum::Discrete(interval) => {
            let is_whole = interval.numerator > 0 && interval.denominator.is_multiple_of(interval.numerator);
            if is_whole { vec![interval.denominator / interval.numerator] } else { Vec::new() }
        }
        FrameIntervalEnum::Stepwise(range) => {
            let seconds = |it: &v4l::Fraction| f64::from(it.numerator) / f64::from(it.denominator.max(1));
            let (shortest, longest) = (seconds(&range.min), seconds(&range.max));
            let fits = |fps: &u32| (shortest..=longest).contains(&(1.0 / f64::from(*fps)));
            RATES.into_iter().filter(fits).collect()
        }
    }
}

fn four_cc(pixels: CameraPixels) -> FourCC {
    FourCC::new(match pixels {
        CameraPixels::Nv12 => b"NV12",
        CameraPixels::Yuyv => b"YUYV",
        CameraPixels::Mjpeg => b"MJPG",
    })
}

/// Where the kernel describes its video devices.
const CLASS: &str = "/sys/class/video4linux";

/// Asked for where a device takes any size.
const SIZES: [(u32, u32); 6] = [(640, 360), (640, 480), (854, 480), (1280, 720), (1920, 1080), (3840, 2160)];

/// Asked for where a device takes any rate.
const RATES: [u32; 7] = [10, 15, 24, 25, 30, 50, 60];

/// From asking a device to its first answer: USB cameras wake up slowly.
pub(crate) const OPEN_LIMIT: Duration = Duration::from_secs(5);

//! The display, through FFmpeg's `x11grab` device.

use std::time::Duration;

use bytes::Bytes;
use ffmpeg_next as ffmpeg;
use ffmpeg_next::codec::packet::Packet;
use ffmpeg_next::format::context::Input;
use media::{Colour, PixelFormat, Plane, Size, VideoFrame};

use crate::devices::Screen;
use crate::input::{Grab, Region};
use crate::time_of_day::session_time;
use crate::{Clock, Error};

/// Grabs the root window, or a part of it.
pub struct ScreenCapture {
    display: String,
    grabber: Grabber,
}

impl ScreenCapture {
    /// Opens the display named by `DISPLAY`.
    pub(crate) fn open(grab: Grab, fps: u32, clock: Clock) -> Result<ScreenCapture, Error> {
        let display = display()?;
        let fault = |reason: String| Error::Screen { display: display.clone(), reason };
        if let Some(region) = grab.region {
            let whole = Grabber::open(&display, None, Grab::default(), 1, clock).map_err(fault)?.size;
            region.within(whole).map_err(fault)?;
        }
        let grabber = Grabber::open(&display, None, grab, fps, clock).map_err(fault)?;
        Ok(ScreenCapture { display, grabber })
    }

    /// The display that [`ScreenCapture::open`] would grab, when it can be grabbed.
    pub(crate) fn found() -> Option<Screen> {
        let screen = ScreenCapture::open(Grab::default(), 1, Clock::start()).ok()?;
        Some(Screen { id: screen.display, size: Some(screen.grabber.size) })
    }

    /// Waits for the next picture: the device keeps the pace.
    pub(crate) fn next(&mut self) -> Result<VideoFrame, Error> {
        let display = &self.display;
        self.grabber.next().map_err(|reason| Error::Screen { display: display.clone(), reason })
    }
}

/// The name of the display.
pub(crate) fn display() -> Result<String, Error> {
    std::env::var("DISPLAY")
        .ok()
        .filter(|name| !name.is_empty())
        .ok_or_else(|| Error::NoScreen(NO_DISPLAY.to_owned()))
}

#[cfg(feature = "wayland")]
const NO_DISPLAY: &str = "DISPLAY is not set, and no portal of a Wayland desktop answers";
#[cfg(not(feature = "wayland"))]
const NO_DISPLAY: &str = "DISPLAY is not set (this build does not capture Wayland)";

/// FFmpeg's device, open on the root window or on another.
pub(crate) struct Grabber {
    input: Input,
    pub(crate) size: Size,
    stride: usize,
    clock: Clock,
}

impl Grabber {
    /// Opens the root window, or the one with this id.
    pub(crate) fn open(
        display: &str,
        window: Option<u32>,
        grab: Grab,
        fps: u32,
        clock: Clock,
    ) -> Result<Grabber, String> {
        crate::start_ffmpeg().map_err(|error| error.to_string())?;
        let format = ffmpeg::device::input::video()
            .find(|format| format.name() == "x11grab")
            .ok_or("this FFmpeg was built without x11grab")?;
        let mut options = ffmpeg::Dictionary::new();
        options.set("framerate", &fps.to_string());
        options.set("draw_mouse", if grab.cursor { "1" } else { "0" });
        if let Some(window) = window {
            options.set("window_id", &window.to_string());
        }
        if let Some(Region { left, top, size }) = grab.region {
            options.set("grab_x", &left.to_string());
            options.set("grab_y", &top.to_string());
            options.set("video_size", &format!("{}x{}", size.width, size.height));
        }
        let opened = ffmpeg::format::open_with(&display, &format, options);
        let input = match opened {
            Ok(ffmpeg::format::Context::Input(input)) => input,
            Ok(ffmpeg::format::Context::Output(_)) => return Err("opened as an output".to_owned()),
            Err(error) => return Err(error.to_string()),
        };
        let size = {
            let stream = input.streams().next().ok_or("it has no picture")?;
            let parameters = stream.parameters();
            // SAFETY: the parameters belong to a stream of the open context.
            let (width, height, format) = unsafe {
                let raw = parameters.as_ptr();
                ((*raw).width, (*raw).height, (*raw).format)
            };
            let bgr0: ffmpeg::ffi::AVPixelFormat = ffmpeg::format::Pixel::BGRZ.into();
            if format != bgr0 as i32 {
                return Err("only displays of 24 bits a pixel are captured".to_owned());
            }
            Size::new(width.unsigned_abs(), height.unsigned_abs())
        };
        Ok(Grabber { input, size, stride: size.width as usize * 4, clock })
    }

    /// Waits for the next picture: the device keeps the pace.
    pub(crate) fn next(&mut self) -> Result<VideoFrame, String> {
        let mut packet = Packet::empty();
        packet.read(&mut self.input).map_err(|error| error.to_string())?;
        if packet.size() < self.stride * self.size.height as usize {
            return Err(format!("a picture of {} bytes is too short", packet.size()));
        }
        let micros = packet.pts().and_then(|micros| u64::try_from(micros).ok());
        let pts = session_time(self.clock, micros.map(Duration::from_micros));
        let plane = Plane { data: Bytes::from_owner(Grabbed(packet)), stride: self.stride };
        Ok(VideoFrame {
            pts,
            size: self.size,
            format: PixelFormat::Bgr0,
            planes: vec![plane],
            colour: Colour::Srgb,
        })
    }
}

/// The bytes of a packet, without copying them.
struct Grabbed(Packet);

impl AsRef<[u8]> for Grabbed {
    fn as_ref(&self) -> &[u8] {
        self.0.data().unwrap_or_default()
    }
}

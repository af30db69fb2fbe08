//! The display, through FFmpeg's `x11grab` device. The one file of this crate that is Linux's own.

use std::time::Duration;

use bytes::Bytes;
use ffmpeg_next as ffmpeg;
use ffmpeg_next::codec::packet::Packet;
use ffmpeg_next::format::context::Input;
use media::{Colour, PixelFormat, Plane, Size, VideoFrame};

use crate::devices::Screen;
use crate::time_of_day::session_time;
use crate::{Clock, Error};

/// Grabs the root window, cursor included.
pub struct ScreenCapture {
    display: String,
    input: Input,
    size: Size,
    stride: usize,
    clock: Clock,
}

impl ScreenCapture {
    /// Opens the display named by `DISPLAY`.
    pub(crate) fn open(fps: u32, clock: Clock) -> Result<ScreenCapture, Error> {
        let display = std::env::var("DISPLAY").ok().filter(|name| !name.is_empty()).ok_or_else(|| {
            Error::NoScreen("DISPLAY is not set (Wayland alone is not captured yet)".to_owned())
        })?;
        ScreenCapture::open_display(&display, fps, clock)
    }

    fn open_display(display: &str, fps: u32, clock: Clock) -> Result<ScreenCapture, Error> {
        let fault = |reason: String| Error::Screen { display: display.to_owned(), reason };
        crate::start_ffmpeg().map_err(|error| fault(error.to_string()))?;
        let format = ffmpeg::device::input::video()
            .find(|format| format.name() == "x11grab")
            .ok_or_else(|| fault("this FFmpeg was built without x11grab".to_owned()))?;
        let mut options = ffmpeg::Dictionary::new();
        options.set("framerate", &fps.to_string());
        options.set("draw_mouse", "1");
        let opened = ffmpeg::format::open_with(&display, &format, options);
        let input = match opened {
            Ok(ffmpeg::format::Context::Input(input)) => input,
            Ok(ffmpeg::format::Context::Output(_)) => return Err(fault("opened as an output".to_owned())),
            Err(error) => return Err(fault(error.to_string())),
        };
        let size = {
            let stream = input.streams().next().ok_or_else(|| fault("it has no picture".to_owned()))?;
            let parameters = stream.parameters();
            // SAFETY: the parameters belong to a stream of the open context.
            let (width, height, format) = unsafe {
                let raw = parameters.as_ptr();
                ((*raw).width, (*raw).height, (*raw).format)
            };
            let bgr0: ffmpeg::ffi::AVPixelFormat = ffmpeg::format::Pixel::BGRZ.into();
            if format != bgr0 as i32 {
                return Err(fault("only displays of 24 bits a pixel are captured".to_owned()));
            }
            Size::new(width.unsigned_abs(), height.unsigned_abs())
        };
        Ok(ScreenCapture { display: display.to_owned(), input, size, stride: size.width as usize * 4, clock })
    }

    /// The display that [`ScreenCapture::open`] would grab, when it can be grabbed.
    pub(crate) fn found() -> Option<Screen> {
        let screen = ScreenCapture::open(1, Clock::start()).ok()?;
        Some(Screen { id: screen.display, size: screen.size })
    }

    /// Waits for the next picture: the device keeps the pace.
    pub(crate) fn next(&mut self) -> Result<VideoFrame, Error> {
        let mut packet = Packet::empty();
        packet.read(&mut self.input).map_err(|error| self.fault(error.to_string()))?;
        if packet.size() < self.stride * self.size.height as usize {
            return Err(self.fault(format!("a picture of {} bytes is too short", packet.size())));
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

    fn fault(&self, reason: String) -> Error {
        Error::Screen { display: self.display.clone(), reason }
    }
}

/// The bytes of a packet, without copying them.
struct Grabbed(Packet);

impl AsRef<[u8]> for Grabbed {
    fn as_ref(&self) -> &[u8] {
        self.0.data().unwrap_or_default()
    }
}

//! Raw pictures and sound on their way to an encoder, a preview or a meter.

use bytes::Bytes;

use crate::codec::Size;
use crate::time::{Span, Timestamp};

/// One uncompressed picture. Cloning shares the pixels.
#[derive(Clone, Debug)]
pub struct VideoFrame {
    /// When it was captured, on the capture session's timeline.
    pub pts: Timestamp,
    /// Width and height in pixels.
    pub size: Size,
    /// Layout of `planes`.
    pub format: PixelFormat,
    /// One entry a plane, in the format's order.
    pub planes: Vec<Plane>,
    /// Matrix and range of the samples.
    pub colour: Colour,
}

/// The rows of one plane.
#[derive(Clone, Debug)]
pub struct Plane {
    /// At least `stride * rows` bytes.
    pub data: Bytes,
    /// Bytes from one row to the next; may be more than the row needs.
    pub stride: usize,
}

/// How samples lie in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PixelFormat {
    /// Packed B, G, R, unused: what X11 delivers.
    Bgr0,
    /// Packed R, G, B, A, not premultiplied.
    Rgba,
    /// Packed Y0 U Y1 V: what most cameras deliver.
    Yuyv422,
    /// Planar Y, then interleaved U and V at half size.
    Nv12,
    /// Planar Y, U, V; chroma at half size: what encoders take.
    I420,
}

/// How samples map to light. Written into the bitstream and honoured in every conversion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Colour {
    /// sRGB samples, full range.
    Srgb,
    /// BT.709 matrix, primaries and transfer, limited range: what Rostrum sends.
    Bt709Limited,
    /// BT.601 matrix, limited range: what most cameras and small files deliver.
    Bt601Limited,
    /// BT.601 matrix, full range: what MJPEG decodes to.
    Bt601Full,
}

/// A block of sound. Cloning shares the samples.
#[derive(Clone, Debug)]
pub struct AudioFrame {
    /// When the first sample was captured, on the capture session's timeline.
    pub pts: Timestamp,
    /// Samples per second and channel.
    pub sample_rate: u32,
    /// Channels, interleaved; not 0.
    pub channels: u8,
    /// Interleaved samples, full scale ±1.0.
    pub samples: std::sync::Arc<[f32]>,
}

impl AudioFrame {
    /// Samples per channel.
    #[must_use]
    pub fn frames(&self) -> usize {
        self.samples.len() / usize::from(self.channels.max(1))
    }

    /// How long it sounds.
    #[must_use]
    pub fn span(&self) -> Span {
        crate::Timescale::new(self.sample_rate)
            .map_or(Span::ZERO, |rate| Span::from_ticks(self.frames() as i64, rate))
    }
}

//! Single pictures as JPEG, for previews, thumbnails and posters.

use bytes::Bytes;
use ffmpeg_next as ffmpeg;
use ffmpeg_next::codec::Context;
use ffmpeg_next::codec::packet::Packet as Coded;
use ffmpeg_next::ffi;
use ffmpeg_next::format::Pixel;
use media::{Codec, Colour, Size, VideoFrame};

use crate::scaler::Scaler;
use crate::{Error, key_frame};

/// Makes JPEGs of frames of one size after the other, keeping scaler and encoder while the size stays.
pub struct Still {
    max: Size,
    quality: u8,
    open: Option<(Size, Scaler, ffmpeg::encoder::Video)>,
    /// FFmpeg's encoder wants times that rise, also where there is no time.
    next: i64,
}

/// One picture as JPEG, scaled down to fit into `max` in its own shape; `quality` is 1 to 100.
///
/// For more than one picture keep a [`Still`].
///
/// # Errors
/// When the frame cannot be converted.
pub fn jpeg(frame: &VideoFrame, max: Size, quality: u8) -> Result<Bytes, Error> {
    Still::new(max, quality).jpeg(frame)
}

/// A coded picture at which decoding can start as JPEG, scaled down to fit into `max`; `quality` is 1 to 100.
///
/// `data` is an access unit as `media::Packet` has it, `codec` its track's. Takes the time of decoding one picture: give it
/// a thread where others wait.
///
/// # Errors
/// When the codec has no decoder here, or the data cannot be decoded alone.
pub fn of_key_frame(codec: &Codec, data: &[u8], max: Size, quality: u8) -> Result<Bytes, Error> {
    jpeg(&key_frame::decode(codec, data)?, max, quality)
}

impl Still {
    /// For pictures that fit into `max`; `quality` is 1 (small) to 100 (fine).
    #[must_use]
    pub fn new(max: Size, quality: u8) -> Still {
        Still { max, quality: quality.clamp(1, 100), open: None, next: 0 }
    }

    /// The frame as JPEG. It is scaled down when it is larger than the limit, never up.
    ///
    /// # Errors
    /// When the frame cannot be converted.
    pub fn jpeg(&mut self, frame: &VideoFrame) -> Result<Bytes, Error> {
        let size = fit(frame.size, self.max);
        let (scaler, encoder) = match &mut self.open {
            Some((open_size, scaler, encoder)) if *open_size == size => (scaler, encoder),
            open => {
                let scaler = Scaler::new(size, Pixel::YUVJ420P, Colour::Bt601Full);
                let (_, scaler, encoder) = open.insert((size, scaler, open_encoder(size, self.quality)?));
                (scaler, encoder)
            }
        };
        scaler.take(frame)?;
        let picture = scaler.picture();
        picture.set_pts(Some(self.next));
        self.next += 1;
        // SAFETY: the frame is ours; ffmpeg-next has no setter for its quality.
        unsafe { (*picture.as_mut_ptr()).quality = scale_of(self.quality) };
        encoder.send_frame(picture).map_err(fault("taking a picture"))?;
        let mut coded = Coded::empty();
        encoder.receive_packet(&mut coded).map_err(fault("encoding"))?;
        Ok(Bytes::copy_from_slice(coded.data().unwrap_or_default()))
    }
}

fn open_encoder(size: Size, quality: u8) -> Result<ffmpeg::encoder::Video, Error> {
    crate::start_ffmpeg().map_err(fault("starting"))?;
    let codec = ffmpeg::encoder::find_by_name(NAME)
        .ok_or_else(|| Error::Unusable { name: NAME.to_owned(), reason: "not in this FFmpeg".to_owned() })?;
    let mut video = Context::new_with_codec(codec).encoder().video().map_err(fault("configuring"))?;
    video.set_width(size.width);
    video.set_height(size.height);
    video.set_format(Pixel::YUVJ420P);
    video.set_time_base((1, 25));
    // SAFETY: the context is ours and not open yet.
    unsafe {
        let raw = video.as_mut_ptr();
        (*raw).flags |= ffi::AV_CODEC_FLAG_QSCALE as i32;
        (*raw).global_quality = scale_of(quality);
        (*raw).color_range = ffi::AVColorRange::AVCOL_RANGE_JPEG;
    }
    video.open().map_err(fault("opening"))
}

/// FFmpeg's quantiser for a quality of 1 to 100: 31 is its coarsest, 2 its finest.
fn scale_of(quality: u8) -> i32 {
    let quantiser = 31 - (i32::from(quality) - 1) * 29 / 99;
    quantiser * ffi::FF_QP2LAMBDA
}

/// The largest even size of the frame's shape inside `max`, not above the frame's own.
fn fit(frame: Size, max: Size) -> Size {
    let (width, height) = (u64::from(frame.width.max(2)), u64::from(frame.height.max(2)));
    let (max_width, max_height) = (u64::from(max.width.max(2)), u64::from(max.height.max(2)));
    let (to_width, to_height) = if width <= max_width && height <= max_height {
        (width, height)
    } else if width * max_height >= height * max_width {
        (max_width, height * max_width / width)
    } else {
        (width * max_height / height, max_height)
    };
    let even = |side: u64| (side / 2 * 2).max(2) as u32;
    Size::new(even(to_width), even(to_height))
}

fn fault(step: &'static str) -> impl Fn(ffmpeg::Error) -> Error {
    move |source| Error::Ffmpeg { name: NAME, step, source }
}

const NAME: &str = "mjpeg";

#[cfg(test)]
mod tests {
    use media::{PixelFormat, Plane, Timestamp};

    use super::*;

    fn frame(size: Size) -> VideoFrame {
        let data: Vec<u8> = [200, 60, 20, 0].repeat((size.width * size.height) as usize);
        let plane = Plane { data: data.into(), stride: size.width as usize * 4 };
        VideoFrame {
            pts: Timestamp::ZERO,
            size,
            format: PixelFormat::Bgr0,
            planes: vec![plane],
            colour: Colour::Srgb,
        }
    }

    /// Width and height from the frame header (ITU-T T.81 §B.2.2).
    fn size_of(jpeg: &[u8]) -> Size {
        let at = jpeg.windows(2).position(|marker| marker == [0xff, 0xc0]).expect("a baseline frame");
        let side = |at: usize| u32::from(u16::from_be_bytes([jpeg[at], jpeg[at + 1]]));
        Size::new(side(at + 7), side(at + 5))
    }

    #[test]
    fn a_screen_becomes_a_jpeg_that_fits() {
        let mut still = Still::new(Size::new(960, 540), 80);
        for size in [Size::new(1920, 1080), Size::new(1920, 1080), Size::new(720, 1280), Size::new(320, 180)]
        {
            let jpeg = still.jpeg(&frame(size)).expect("a sound picture");
            assert_eq!(jpeg[..2], [0xff, 0xd8], "start of image");
            assert_eq!(jpeg[jpeg.len() - 2..], [0xff, 0xd9], "end of image");
            assert_eq!(size_of(&jpeg), fit(size, Size::new(960, 540)));
        }
    }

    /// One picture of this size as an encoder writes it.
    fn coded(size: Size) -> (Codec, Bytes) {
        let config = crate::Config {
            choice: crate::Choice::default(),
            size,
            fps: 30,
            bitrate_bps: 500_000,
            keyframe_interval: media::Span::from_secs(1),
        };
        let mut encoder = crate::Video::open(&config).expect("an H.264 encoder");
        let codec = encoder.track().codec;
        let mut packets = encoder.encode(Some(&frame(size)), 0, true).expect("a sound picture");
        packets.extend(encoder.finish().expect("a sound end"));
        (codec, packets.first().expect("one picture").data.clone())
    }

    #[test]
    fn a_coded_picture_becomes_a_jpeg_and_anything_else_an_error() {
        let (codec, packet) = coded(Size::new(64, 48));
        let jpeg = of_key_frame(&codec, &packet, Size::new(32, 32), 80).expect("a sound picture");
        assert_eq!(size_of(&jpeg), Size::new(32, 24));
        for cut in [0, 1, 5, packet.len() / 2] {
            // Half a picture may still be concealed; what matters is that nothing breaks.
            let _ = of_key_frame(&codec, &packet[..cut], Size::new(32, 32), 80);
        }
        assert!(of_key_frame(&codec, &[0, 0, 0, 1, 0x65], Size::new(32, 32), 80).is_err());
    }

    #[test]
    fn it_keeps_the_shape_and_never_enlarges() {
        let max = Size::new(960, 540);
        assert_eq!(fit(Size::new(1920, 1080), max), max);
        assert_eq!(fit(Size::new(720, 1280), max), Size::new(302, 540));
        assert_eq!(fit(Size::new(321, 181), max), Size::new(320, 180));
        assert_eq!(fit(Size::new(1, 1), max), Size::new(2, 2));
    }

    #[test]
    fn a_finer_quality_takes_more_bytes() {
        let mut noise = frame(Size::new(64, 64));
        let data: Vec<u8> =
            (0..64_u32 * 64 * 4).map(|index| (index.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        noise.planes[0].data = data.into();
        let len = |quality| jpeg(&noise, Size::new(64, 64), quality).expect("a sound picture").len();
        assert!(len(90) > 2 * len(10));
    }
}

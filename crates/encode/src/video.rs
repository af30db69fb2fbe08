//! Pictures to H.264.

use bytes::Bytes;
use ffmpeg_next as ffmpeg;
use ffmpeg_next::codec::packet::Packet as Coded;
use ffmpeg_next::codec::{Context, Flags};
use ffmpeg_next::ffi;
use ffmpeg_next::format::Pixel;
use media::nal;
use media::{Codec, Colour, H264, Packet, Size, Span, Timescale, Timestamp, Track, TrackId, VideoFrame};

use crate::list::resolve;
use crate::scaler::Scaler;
use crate::{Choice, Error};

/// How to encode pictures.
#[derive(Clone, Debug)]
pub struct Config {
    /// Size of what is sent; both sides even.
    pub size: Size,
    /// Frames per second, 1 to 120.
    pub fps: u32,
    /// Bits per second, held by a buffer of one second.
    pub bitrate_bps: u32,
    /// Longest distance between keyframes; there are none at scene changes.
    pub keyframe_interval: Span,
    /// Which encoder.
    pub choice: Choice,
}

/// An open H.264 encoder: no B-frames, no look-ahead, every keyframe an IDR.
pub struct Video {
    name: &'static str,
    encoder: ffmpeg::encoder::Video,
    scaler: Scaler,
    codec: H264,
    rate: Timescale,
    /// Ticks between keyframes.
    interval: i64,
    /// The interval the last picture lay in.
    group: Option<i64>,
}

impl Video {
    /// The track every video packet belongs to.
    pub const TRACK: TrackId = TrackId(0);

    /// Opens an encoder.
    ///
    /// # Errors
    /// When a setting is out of range or the encoder does not open.
    pub fn open(config: &Config) -> Result<Video, Error> {
        check(config)?;
        crate::start_ffmpeg().map_err(|source| Error::Ffmpeg { name: "FFmpeg", step: "starting", source })?;
        let name = resolve(&config.choice)?;
        let rate = Timescale::new(config.fps).unwrap_or(Timescale::MILLISECONDS);
        let encoder = open(name, config)?;
        let codec = read_parameters(name, extradata(&encoder))?;
        let scaler = Scaler::new(config.size, Pixel::YUV420P, Colour::Bt709Limited);
        Ok(Video { name, encoder, scaler, codec, rate, interval: interval_ticks(config), group: None })
    }

    /// FFmpeg's name of the encoder.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The track that the packets belong to.
    #[must_use]
    pub fn track(&self) -> Track {
        Track { id: Video::TRACK, codec: Codec::H264(self.codec.clone()), timescale: Timescale::MPEG }
    }

    /// Encodes `frame`, or the last picture again without one, as frame number `tick` of the session: its
    /// time is `tick` frame durations after the session's start. Ticks rise.
    ///
    /// # Errors
    /// When the frame cannot be converted or the encoder fails.
    pub fn encode(
        &mut self,
        frame: Option<&VideoFrame>,
        tick: i64,
        keyframe: bool,
    ) -> Result<Vec<Packet>, Error> {
        if let Some(frame) = frame {
            self.scaler.take(frame)?;
        }
        // The encoder counts pictures; keyframes stand on a grid of time, also where ticks were left out, so that
        // segments cut at them are equally long.
        let group = Some(tick.div_euclid(self.interval));
        let keyframe = keyframe || group != self.group;
        self.group = group;
        let picture = self.scaler.picture();
        picture.set_pts(Some(tick));
        picture.set_kind(if keyframe { ffmpeg::picture::Type::I } else { ffmpeg::picture::Type::None });
        let sent = self.encoder.send_frame(picture);
        sent.map_err(|source| Error::Ffmpeg { name: self.name, step: "taking a picture", source })?;
        self.drain()
    }

    /// Encodes what is still inside.
    ///
    /// # Errors
    /// When the encoder fails.
    pub fn finish(mut self) -> Result<Vec<Packet>, Error> {
        let sent = self.encoder.send_eof();
        sent.map_err(|source| Error::Ffmpeg { name: self.name, step: "ending", source })?;
        self.drain()
    }

    /// Aims at another bit rate from the next picture on, with its buffer of one second.
    ///
    /// Returns what was still inside when the encoder had to be opened anew for it; these packets come before
    /// everything that follows. Then [`Video::track`] may be another one, and the next picture is an IDR.
    ///
    /// # Errors
    /// [`Error::Range`] for a bit rate that [`Video::open`] would refuse; the encoder goes on with the old one.
    pub fn set_bitrate(&mut self, bps: u32) -> Result<Vec<Packet>, Error> {
        check_bitrate(bps)?;
        // SAFETY: the context is ours and open; libx264 looks at these fields before each picture.
        unsafe { set_rate(self.encoder.as_mut_ptr(), bps) };
        Ok(Vec::new())
    }

    fn drain(&mut self) -> Result<Vec<Packet>, Error> {
        let mut packets = Vec::new();
        loop {
            let mut coded = Coded::empty();
            match self.encoder.receive_packet(&mut coded) {
                Ok(()) => packets.extend(self.packet(&coded)),
                Err(ffmpeg::Error::Eof) => return Ok(packets),
                Err(ffmpeg::Error::Other { errno }) if errno == ffi::EAGAIN => return Ok(packets),
                Err(source) => return Err(Error::Ffmpeg { name: self.name, step: "encoding", source }),
            }
        }
    }

    fn packet(&self, coded: &Coded) -> Option<Packet> {
        let data = coded.data()?;
        let pts = coded.pts()?;
        let dts = coded.dts().unwrap_or(pts);
        let units = || nal::annex_b_units(data).filter(|unit| nal::belongs_in_packet(unit));
        Some(Packet {
            track: Video::TRACK,
            dts: Timestamp::from_ticks(dts, self.rate),
            pts: Timestamp::from_ticks(pts, self.rate),
            random_access: nal::is_idr_picture(units()),
            data: nal::to_length_prefixed(units()),
        })
    }
}

fn check(config: &Config) -> Result<(), Error> {
    let size = config.size;
    let side = |side: u32| side.is_multiple_of(2) && (2..=SIDE_MAX).contains(&side);
    if !side(size.width) || !side(size.height) {
        return Err(Error::Size { size, max: SIDE_MAX });
    }
    range("frames per second", config.fps.into(), 1, FPS_MAX)?;
    check_bitrate(config.bitrate_bps)?;
    range("keyframe interval in milliseconds", config.keyframe_interval.as_millis(), 100, KEYINT_MAX_MILLIS)
}

fn check_bitrate(bps: u32) -> Result<(), Error> {
    range("bits per second", bps.into(), BITRATE_MIN, BITRATE_MAX)
}

fn range(what: &'static str, value: i64, from: i64, to: i64) -> Result<(), Error> {
    if (from..=to).contains(&value) { Ok(()) } else { Err(Error::Range { what, value, from, to }) }
}

/// A constant bit rate with a buffer of one second: what services expect of CBR, and what a viewer's buffer stands.
///
/// # Safety
/// `context` is an encoder's that nobody else uses meanwhile.
unsafe fn set_rate(context: *mut ffi::AVCodecContext, bps: u32) {
    // SAFETY: the caller's.
    unsafe {
        (*context).bit_rate = bps.into();
        (*context).rc_max_rate = bps.into();
        (*context).rc_buffer_size = i32::try_from(bps).unwrap_or(i32::MAX);
    }
}

fn open(name: &'static str, config: &Config) -> Result<ffmpeg::encoder::Video, Error> {
    let fault = |step| move |source| Error::Ffmpeg { name, step, source };
    let codec = ffmpeg::encoder::find_by_name(name)
        .ok_or_else(|| Error::Unusable { name: name.to_owned(), reason: "not in this FFmpeg".to_owned() })?;
    let mut context = Context::new_with_codec(codec);
    context.set_flags(Flags::GLOBAL_HEADER);
    let mut video = context.encoder().video().map_err(fault("configuring"))?;
    let fps = config.fps as i32;
    video.set_width(config.size.width);
    video.set_height(config.size.height);
    video.set_format(Pixel::YUV420P);
    video.set_time_base((1, fps));
    video.set_frame_rate(Some((fps, 1)));
    video.set_aspect_ratio((1, 1));
    video.set_max_b_frames(0);
    let frames = interval_ticks(config);
    video.set_gop(frames as u32);
    // SAFETY: the context is ours and not open yet; ffmpeg-next has no setters for these fields.
    unsafe {
        let raw = video.as_mut_ptr();
        set_rate(raw, config.bitrate_bps);
        (*raw).keyint_min = frames as i32;
        (*raw).thread_count = 0;
        (*raw).color_primaries = ffi::AVColorPrimaries::AVCOL_PRI_BT709;
        (*raw).color_trc = ffi::AVColorTransferCharacteristic::AVCOL_TRC_BT709;
        (*raw).colorspace = ffi::AVColorSpace::AVCOL_SPC_BT709;
        (*raw).color_range = ffi::AVColorRange::AVCOL_RANGE_MPEG;
    }
    let mut options = ffmpeg::Dictionary::new();
    options.set("preset", "veryfast");
    options.set("tune", "zerolatency");
    options.set("forced-idr", "1");
    options.set("sc_threshold", "0");
    video.open_with(options).map_err(fault("opening"))
}

/// Frames from one keyframe to the next.
fn interval_ticks(config: &Config) -> i64 {
    let rate = Timescale::new(config.fps).unwrap_or(Timescale::MILLISECONDS);
    config.keyframe_interval.ticks(rate).clamp(1, i64::from(i32::MAX))
}

/// What the encoder wrote for a file's head.
pub(crate) fn extradata(context: &Context) -> Bytes {
    // SAFETY: an open context's extradata is `extradata_size` readable bytes, or null.
    unsafe {
        let raw = context.as_ptr();
        let (data, len) = ((*raw).extradata, (*raw).extradata_size);
        match usize::try_from(len) {
            Ok(len) if !data.is_null() => Bytes::copy_from_slice(std::slice::from_raw_parts(data, len)),
            _ => Bytes::new(),
        }
    }
}

pub(crate) fn read_parameters(name: &'static str, head: Bytes) -> Result<H264, Error> {
    let of_type = |wanted: u8| -> Vec<Bytes> {
        let units = nal::annex_b_units(&head).filter(|unit| nal::unit_type(unit) == wanted);
        units.map(Bytes::copy_from_slice).collect()
    };
    H264::from_parameter_sets(&of_type(nal::SPS), &of_type(nal::PPS))
        .map_err(|source| Error::Parameters { name, source })
}

/// Level 6.2, the highest, stops at 139 264 macroblocks; a side of 8 192 is 8K.
const SIDE_MAX: u32 = 8_192;

const FPS_MAX: i64 = 120;

/// Below 50 kbit/s not even a still picture is readable.
const BITRATE_MIN: i64 = 50_000;

/// No service takes more.
const BITRATE_MAX: i64 = 100_000_000;

/// HLS cuts segments at keyframes: longer ones than 20 s help nobody.
const KEYINT_MAX_MILLIS: i64 = 20_000;

#[cfg(test)]
mod tests {
    use media::{MediaEvent, StreamChecker};

    use super::*;

    fn config() -> Config {
        Config {
            size: Size::new(64, 48),
            fps: 25,
            bitrate_bps: 200_000,
            keyframe_interval: Span::from_secs(1),
            choice: Choice::Auto,
        }
    }

    /// The ticks of the keyframes when `ticks` are encoded.
    fn keyframes(ticks: impl Iterator<Item = i64>, ask_at: i64) -> Vec<i64> {
        let mut video = Video::open(&config()).expect("libx264 is there");
        let mut checker = StreamChecker::new();
        checker.check(&MediaEvent::Tracks([video.track()].into())).expect("one track");
        let mut packets = Vec::new();
        for tick in ticks {
            packets.extend(video.encode(None, tick, tick == ask_at).expect("a picture"));
        }
        let rate = video.rate;
        packets.extend(video.finish().expect("the end"));
        packets.iter().for_each(|packet| checker.check(&MediaEvent::Packet(packet.clone())).expect("sound"));
        packets.iter().filter(|packet| packet.random_access).map(|packet| packet.pts.ticks(rate)).collect()
    }

    #[test]
    fn keyframes_stand_on_a_grid_of_time() {
        assert_eq!(keyframes(10..80, -1), [10, 25, 50, 75]);
        let with_a_hole = (10..80).filter(|tick| !(40..60).contains(tick));
        assert_eq!(keyframes(with_a_hole, -1), [10, 25, 60, 75]);
    }

    #[test]
    fn a_keyframe_comes_when_asked_for() {
        assert_eq!(keyframes(0..40, 7), [0, 7, 25]);
    }

    #[test]
    fn the_track_tells_size_and_rate() {
        let track = Video::open(&config()).expect("libx264 is there").track();
        let Codec::H264(h264) = track.codec else { panic!("video is H.264") };
        assert_eq!(h264.size, Size::new(64, 48));
        assert_eq!(h264.frame_rate.map(media::Rational::as_f64), Some(25.0));
    }

    /// Pictures that differ in every block, so that the encoder needs all it may have.
    fn noise(seed: u64) -> VideoFrame {
        let size = Size::new(320, 180);
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 56) as u8
        };
        let data: Vec<u8> = (0..size.width * size.height * 4).map(|_| next()).collect();
        let plane = media::Plane { data: data.into(), stride: size.width as usize * 4 };
        let (format, colour) = (media::PixelFormat::Bgr0, Colour::Srgb);
        VideoFrame { pts: Timestamp::ZERO, size, format, planes: vec![plane], colour }
    }

    #[test]
    fn the_bit_rate_is_held_in_every_second_and_follows_a_change() {
        let asked = [2_000_000_u32, 500_000, 1_500_000];
        let mut config = Config { size: Size::new(320, 180), bitrate_bps: asked[0], ..config() };
        config.keyframe_interval = Span::from_secs(1);
        let mut video = Video::open(&config).expect("libx264 is there");
        let track = video.track();
        let pictures: Vec<VideoFrame> = (1..=5).map(noise).collect();
        let mut bits = [0_u64; 12];
        for tick in 0..12 * 25_usize {
            if tick % 100 == 0 {
                let left = video.set_bitrate(asked[tick / 100]).expect("a sound bit rate");
                assert!(left.is_empty(), "libx264 changes without being opened anew");
            }
            for packet in video.encode(Some(&pictures[tick % 5]), tick as i64, false).expect("a picture") {
                bits[tick / 25] += packet.data.len() as u64 * 8;
            }
        }
        for (second, &bits) in bits.iter().enumerate() {
            // The buffer may hold what was allowed before: the first second after a change does not count.
            let asked = f64::from(asked[second / 4]);
            let ratio = bits as f64 / asked;
            assert!(second % 4 == 0 || (0.8..=1.15).contains(&ratio), "second {second}: {ratio} of {asked}");
        }
        assert_eq!(video.track(), track);
        assert!(matches!(video.set_bitrate(10), Err(Error::Range { .. })));
    }

    #[test]
    fn settings_out_of_range_are_refused() {
        let open = |change: fn(&mut Config)| {
            let mut config = config();
            change(&mut config);
            Video::open(&config).err()
        };
        assert!(matches!(open(|config| config.size.width = 63), Some(Error::Size { .. })));
        assert!(matches!(open(|config| config.fps = 0), Some(Error::Range { .. })));
        assert!(matches!(open(|config| config.bitrate_bps = 10), Some(Error::Range { .. })));
        assert!(matches!(open(|config| config.keyframe_interval = Span::ZERO), Some(Error::Range { .. })));
    }
}

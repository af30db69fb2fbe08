//! The pictures of one rung to H.264.

use std::collections::VecDeque;

use ffmpeg_next as ffmpeg;
use ffmpeg_next::codec::packet::Packet as Coded;
use ffmpeg_next::codec::{Context, Flags};
use ffmpeg_next::format::Pixel;
use ffmpeg_next::{ffi, frame};
use media::{Codec, Packet, Rational, Span, Timescale, Timestamp, Track, TrackId, nal};

use crate::Error;
use crate::bitstream::h264_parameters;
use crate::encoder::extradata;
use crate::ladder::Rung;
use crate::ladder::stamps::Stamp;

/// An open encoder of one rung. Every picture gives one packet, at once.
pub(crate) struct Encoder {
    encoder: ffmpeg::encoder::Video,
    track: Track,
    rate: Rational,
    /// The tick and time of the latest picture.
    last: Option<(i64, Timestamp)>,
    /// Pictures inside, by tick.
    inside: VecDeque<(i64, Stamp)>,
}

/// How samples of the source map to light: kept, but where the source says nothing what players would assume by
/// its size, since a rendition of another size would be taken for something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tags {
    pub(crate) matrix: ffi::AVColorSpace,
    pub(crate) primaries: ffi::AVColorPrimaries,
    pub(crate) transfer: ffi::AVColorTransferCharacteristic,
}

/// What a rung keeps of the source.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    pub(crate) tags: Tags,
    pub(crate) sample_aspect_ratio: Rational,
    /// Pictures per second.
    pub(crate) rate: Rational,
}

impl Encoder {
    /// Opens libx264 for `rung`, whose packets will be of track `id`.
    ///
    /// # Errors
    /// When this FFmpeg has no libx264 or it does not open.
    pub(crate) fn open(rung: &Rung, look: Look, id: TrackId) -> Result<Encoder, Error> {
        let codec = ffmpeg::encoder::find_by_name(NAME).ok_or_else(|| Error::Unusable {
            name: NAME.to_owned(),
            reason: "not in this FFmpeg".to_owned(),
        })?;
        let rate = rate_of(rung, look.rate);
        let encoder = open(codec, rung, look, rate)?;
        let codec = h264_parameters(&extradata(&encoder));
        let codec = Codec::H264(codec.map_err(|source| Error::Parameters { name: NAME, source })?);
        let track = Track { id, codec, timescale: Timescale::MPEG };
        Ok(Encoder { encoder, track, rate, last: None, inside: VecDeque::new() })
    }

    /// The track that packets belong to.
    pub(crate) fn track(&self) -> &Track {
        &self.track
    }

    /// Encodes a picture; its packets are added to `packets`.
    ///
    /// # Errors
    /// When the encoder fails.
    pub(crate) fn encode(
        &mut self,
        picture: &frame::Video,
        stamp: Stamp,
        packets: &mut Vec<(Packet, Stamp)>,
    ) -> Result<(), Error> {
        let mut own = share(picture)?;
        let tick = self.tick(stamp.pts);
        self.last = Some((tick, stamp.pts));
        own.set_pts(Some(tick));
        let kind = if stamp.random_access { ffmpeg::picture::Type::I } else { ffmpeg::picture::Type::None };
        own.set_kind(kind);
        self.inside.push_back((tick, stamp));
        self.encoder.send_frame(&own).map_err(fault("taking a picture"))?;
        self.drain(packets)
    }

    /// Adds what is still inside.
    ///
    /// # Errors
    /// When the encoder fails.
    pub(crate) fn finish(mut self, packets: &mut Vec<(Packet, Stamp)>) -> Result<(), Error> {
        self.encoder.send_eof().map_err(fault("ending"))?;
        self.drain(packets)
    }

    /// The rate control counts in frames: a picture's tick is its time in them, and rises.
    fn tick(&self, pts: Timestamp) -> i64 {
        let Some((last, at)) = self.last else { return 0 };
        let step = (pts - at).max(Span::ZERO).min(STEP_MAX).as_secs_f64() * self.rate.as_f64();
        last + (step.round() as i64).max(1)
    }

    fn drain(&mut self, packets: &mut Vec<(Packet, Stamp)>) -> Result<(), Error> {
        loop {
            let mut coded = Coded::empty();
            match self.encoder.receive_packet(&mut coded) {
                Ok(()) => packets.extend(self.packet(&coded)),
                Err(ffmpeg::Error::Eof) => return Ok(()),
                Err(ffmpeg::Error::Other { errno }) if errno == ffi::EAGAIN => return Ok(()),
                Err(source) => return Err(fault("encoding")(source)),
            }
        }
    }

    fn packet(&mut self, coded: &Coded) -> Option<(Packet, Stamp)> {
        let tick = coded.pts()?;
        while self.inside.pop_front_if(|(of, _)| *of < tick).is_some() {}
        let (_, stamp) = self.inside.pop_front_if(|(of, _)| *of == tick)?;
        let units = || nal::annex_b_units(coded.data().unwrap_or_default());
        let data = nal::to_length_prefixed(units());
        let packet = Packet {
            track: self.track.id,
            dts: stamp.dts,
            pts: stamp.pts,
            random_access: nal::is_idr_picture(units()),
            data,
        };
        Some((packet, stamp)).filter(|(packet, _)| !packet.data.is_empty())
    }
}

fn open(
    codec: ffmpeg::Codec,
    rung: &Rung,
    look: Look,
    rate: Rational,
) -> Result<ffmpeg::encoder::Video, Error> {
    let mut context = Context::new_with_codec(codec);
    context.set_flags(Flags::GLOBAL_HEADER);
    let mut video = context.encoder().video().map_err(fault("configuring"))?;
    let (num, den) = (rate.num as i32, rate.den as i32);
    video.set_width(rung.size.width);
    video.set_height(rung.size.height);
    video.set_format(Pixel::YUV420P);
    video.set_time_base((den, num));
    video.set_frame_rate(Some((num, den)));
    let aspect = look.sample_aspect_ratio;
    video.set_aspect_ratio((aspect.num as i32, aspect.den as i32));
    video.set_max_bit_rate(rung.bitrate_bps as usize);
    video.set_max_b_frames(0);
    // Keyframes come where they are asked for, and nowhere else.
    video.set_gop(GOP_UNLIMITED);
    // SAFETY: the context is ours and not open yet; ffmpeg-next has no setters for these fields.
    unsafe {
        let raw = video.as_mut_ptr();
        (*raw).rc_buffer_size = i32::try_from(rung.bitrate_bps).unwrap_or(i32::MAX);
        // More threads would each hold a picture back or cut it into slices; the rungs are threads already.
        (*raw).thread_count = 1;
        (*raw).color_primaries = look.tags.primaries;
        (*raw).color_trc = look.tags.transfer;
        (*raw).colorspace = look.tags.matrix;
        (*raw).color_range = ffi::AVColorRange::AVCOL_RANGE_MPEG;
    }
    let mut options = ffmpeg::Dictionary::new();
    options.set("preset", "veryfast");
    options.set("tune", "zerolatency");
    options.set("profile", "main");
    options.set("forced-idr", "1");
    options.set("sc_threshold", "0");
    options.set("crf", QUALITY);
    video.open_with(options).map_err(fault("opening"))
}

/// The frame rate that the rate control counts with.
fn rate_of(rung: &Rung, source: Rational) -> Rational {
    let sound = (1..=300_000).contains(&source.num) && (1..=10_000).contains(&source.den);
    let believed = sound && (1.0..=240.0).contains(&source.as_f64());
    let rate = if believed { source } else { Rational { num: 30, den: 1 } };
    if rung.halved && rate.as_f64() > super::rungs::HALVED_ABOVE {
        return Rational { num: rate.num, den: rate.den * 2 };
    }
    rate
}

/// The same pixels with a head of its own.
fn share(picture: &frame::Video) -> Result<frame::Video, Error> {
    let mut own = frame::Video::empty();
    // SAFETY: both are frames of ours; the second is empty.
    let code = unsafe { ffi::av_frame_ref(own.as_mut_ptr(), picture.as_ptr()) };
    if code < 0 { Err(fault("sharing a picture")(code.into())) } else { Ok(own) }
}

fn fault(step: &'static str) -> impl Fn(ffmpeg::Error) -> Error {
    move |source| Error::Ffmpeg { name: NAME, step, source }
}

const NAME: &str = "libx264";

/// Constant quality below the bit rate, so that still pictures cost viewers little.
const QUALITY: &str = "24";

/// What libx264 takes for no limit.
const GOP_UNLIMITED: u32 = 1 << 30;

/// A longer step of the clock is a jump, not a long picture.
const STEP_MAX: Span = Span::from_secs(2);

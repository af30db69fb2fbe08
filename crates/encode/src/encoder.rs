//! One of FFmpeg's encoders, open: pictures of its own format to packets.

use bytes::Bytes;
use ffmpeg_next as ffmpeg;
use ffmpeg_next::codec::Context;
use ffmpeg_next::codec::packet::Packet as Coded;
use ffmpeg_next::ffi;
use ffmpeg_next::format::Pixel;
use ffmpeg_next::frame;
use media::{Codec, Colour, Packet, Size, Timescale, Timestamp};

use crate::family::Attempt;
use crate::hardware::Surfaces;
use crate::list::Known;
use crate::scaler::Scaler;
use crate::{Config, Error, Video, bitstream};

/// An open encoder: no B-frames, no look-ahead, every keyframe a start.
pub(crate) struct Encoder {
    pub(crate) known: &'static Known,
    inner: ffmpeg::encoder::Video,
    surfaces: Option<Surfaces>,
    /// What a decoder needs before its packets; there once it is handed out.
    codec: Option<Codec>,
    /// How the pictures it takes lie in memory.
    pub(crate) pixel: Pixel,
    rate: Timescale,
    /// Pictures it took.
    pub(crate) taken: u64,
    ended: bool,
}

impl Encoder {
    /// Opens it in the first way in which it opens.
    ///
    /// # Errors
    /// The last way's; when there is no way, that it cannot work here.
    pub(crate) fn open(known: &'static Known, config: &Config) -> Result<Encoder, Error> {
        let mut failure = Error::Unusable {
            name: known.name.to_owned(),
            reason: known.obvious_refusal().unwrap_or_else(|| "it does not open".to_owned()),
        };
        for attempt in known.family.attempts() {
            match Encoder::open_as(known, config, &attempt) {
                Ok(encoder) => return Ok(encoder),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    fn open_as(known: &'static Known, config: &Config, attempt: &Attempt) -> Result<Encoder, Error> {
        let mut encoder = Encoder::new(known, config, attempt)?;
        let mut head = extradata(&encoder.inner);
        if head.is_empty() {
            // It tells its parameters with the first picture only, and the tracks have to be known before: a black picture
            // goes through it, and what follows is encoded by one that has seen nothing yet.
            head = encoder.first_access_unit(config)?;
            drop(encoder);
            encoder = Encoder::new(known, config, attempt)?;
        }
        let codec = bitstream::parameters(known.codec, &head);
        encoder.codec = Some(codec.map_err(|source| Error::Parameters { name: known.name, source })?);
        Ok(encoder)
    }

    fn new(known: &'static Known, config: &Config, attempt: &Attempt) -> Result<Encoder, Error> {
        let (inner, surfaces) = open(known, config, attempt)?;
        let rate = Timescale::new(config.fps).unwrap_or(Timescale::MILLISECONDS);
        let pixel = attempt.pixel;
        Ok(Encoder { known, inner, surfaces, codec: None, pixel, rate, taken: 0, ended: false })
    }

    /// What a decoder needs before its packets.
    pub(crate) fn codec(&self) -> Codec {
        self.codec.clone().expect("`open` hands out no encoder without parameters")
    }

    /// Encodes `picture` as frame number `tick`.
    ///
    /// # Errors
    /// When it does not take the picture.
    pub(crate) fn send(
        &mut self,
        picture: &mut frame::Video,
        tick: i64,
        keyframe: bool,
    ) -> Result<(), Error> {
        picture.set_pts(Some(tick));
        picture.set_kind(if keyframe { ffmpeg::picture::Type::I } else { ffmpeg::picture::Type::None });
        #[cfg(feature = "stand-ins")]
        if let Some(defect) = self.known.defect {
            defect.strike(picture, self.taken)?;
        }
        let sent = match &self.surfaces {
            Some(surfaces) => {
                let surface = surfaces.upload(picture)?;
                self.inner.send_frame(&surface)
            }
            None => self.inner.send_frame(picture),
        };
        sent.map_err(self.fault("taking a picture"))?;
        self.taken += 1;
        Ok(())
    }

    /// The packets that are ready.
    ///
    /// # Errors
    /// When it fails.
    pub(crate) fn drain(&mut self) -> Result<Vec<Packet>, Error> {
        let mut packets = Vec::new();
        while let Some(coded) = self.receive()? {
            packets.extend(self.packet(&coded));
        }
        Ok(packets)
    }

    /// Tells it that no picture follows; what is inside comes out of [`Encoder::drain`].
    ///
    /// # Errors
    /// When it fails.
    pub(crate) fn end(&mut self) -> Result<(), Error> {
        self.ended = true;
        self.inner.send_eof().map_err(self.fault("ending"))
    }

    /// Aims at another bit rate; only where the family [changes it live](crate::family::Family::changes_rate_live).
    pub(crate) fn set_rate(&mut self, bps: u32) {
        // SAFETY: the context is ours and open; these encoders look at its rates before each picture.
        unsafe { set_rate(self.inner.as_mut_ptr(), bps, self.known.family.max_rate(bps)) };
    }

    fn receive(&mut self) -> Result<Option<Coded>, Error> {
        let mut coded = Coded::empty();
        match self.inner.receive_packet(&mut coded) {
            Ok(()) => Ok(Some(coded)),
            Err(ffmpeg::Error::Eof) => Ok(None),
            Err(ffmpeg::Error::Other { errno }) if errno == ffi::EAGAIN => Ok(None),
            Err(source) => Err(self.fault("encoding")(source)),
        }
    }

    fn packet(&self, coded: &Coded) -> Option<Packet> {
        // Pictures are coded in the order in which they are shown, so that some encoders' earlier DTS is not needed.
        let at = Timestamp::from_ticks(coded.pts()?, self.rate);
        let (data, random_access) = bitstream::access_unit(self.known.codec, coded.data()?);
        let packet = Packet { track: Video::TRACK, dts: at, pts: at, random_access, data };
        Some(packet).filter(|packet| !packet.data.is_empty())
    }

    /// What comes out first for black pictures.
    fn first_access_unit(&mut self, config: &Config) -> Result<Bytes, Error> {
        let mut black = Scaler::new(config.size, self.pixel, Colour::Bt709Limited);
        for tick in 0..FIRST_PICTURES_MAX {
            self.send(black.picture(), tick, tick == 0)?;
            if let Some(coded) = self.receive()? {
                return Ok(Bytes::copy_from_slice(coded.data().unwrap_or_default()));
            }
        }
        let reason = format!("nothing came out of it after {FIRST_PICTURES_MAX} pictures");
        Err(Error::Unusable { name: self.known.name.to_owned(), reason })
    }

    fn fault(&self, step: &'static str) -> impl Fn(ffmpeg::Error) -> Error + use<> {
        let name = self.known.name;
        move |source| Error::Ffmpeg { name, step, source }
    }
}

impl Drop for Encoder {
    /// SVT-AV1 never comes back from being closed when it was not brought to its end, with at least one picture.
    fn drop(&mut self) {
        if self.known.family != crate::family::Family::SvtAv1 || self.ended {
            return;
        }
        if self.taken == 0 {
            let size = Size::new(self.inner.width(), self.inner.height());
            let mut black = Scaler::new(size, self.pixel, Colour::Bt709Limited);
            if self.send(black.picture(), 0, true).is_err() {
                tracing::warn!(encoder = self.known.name, "does not take a last picture");
            }
        }
        if self.end().and_then(|()| self.drain()).is_err() {
            tracing::warn!(encoder = self.known.name, "does not come to its end");
        }
    }
}

fn open(
    known: &'static Known,
    config: &Config,
    attempt: &Attempt,
) -> Result<(ffmpeg::encoder::Video, Option<Surfaces>), Error> {
    let name = known.name;
    let fault = |step| move |source| Error::Ffmpeg { name, step, source };
    let codec = known
        .ffmpeg()
        .ok_or_else(|| Error::Unusable { name: name.to_owned(), reason: "not in this FFmpeg".to_owned() })?;
    let mut context = Context::new_with_codec(codec);
    context.set_flags(known.flags());
    let mut video = context.encoder().video().map_err(fault("configuring"))?;
    let fps = config.fps as i32;
    video.set_width(config.size.width);
    video.set_height(config.size.height);
    video.set_format(attempt.pixel);
    video.set_time_base((1, fps));
    video.set_frame_rate(Some((fps, 1)));
    video.set_aspect_ratio((1, 1));
    video.set_max_b_frames(0);
    let gop = match known.family.keyframes() {
        // Nothing but what is asked for.
        crate::family::Keyframes::Asked => config.fps.saturating_mul(GOP_SECONDS),
        crate::family::Keyframes::Counted => config.interval_ticks() as u32,
    };
    video.set_gop(gop);
    let surfaces = attempt.device.as_deref();
    let surfaces =
        surfaces.map(|device| Surfaces::open(name, device, config.size, attempt.pixel)).transpose()?;
    if let Some(surfaces) = &surfaces {
        video.set_format(Pixel::VAAPI);
        surfaces.attach(&mut video)?;
    }
    // SAFETY: the context is ours and not open yet; ffmpeg-next has no setters for these fields.
    unsafe {
        let raw = video.as_mut_ptr();
        set_rate(raw, config.bitrate_bps, known.family.max_rate(config.bitrate_bps));
        (*raw).keyint_min = gop as i32;
        (*raw).thread_count = 0;
        (*raw).color_primaries = ffi::AVColorPrimaries::AVCOL_PRI_BT709;
        (*raw).color_trc = ffi::AVColorTransferCharacteristic::AVCOL_TRC_BT709;
        (*raw).colorspace = ffi::AVColorSpace::AVCOL_SPC_BT709;
        (*raw).color_range = ffi::AVColorRange::AVCOL_RANGE_MPEG;
    }
    let mut options = known.family.options(known.codec, config);
    #[cfg(feature = "stand-ins")]
    if let Some(defect) = known.defect {
        defect.change(&mut options);
    }
    attempt.options.iter().for_each(|(key, value)| options.set(key, value));
    let encoder = video.open_with(options).map_err(fault("opening"))?;
    Ok((encoder, surfaces))
}

/// A constant bit rate with a buffer of one second: what services expect of CBR, and what a viewer's buffer stands.
///
/// # Safety
/// `context` is an encoder's that nobody else uses meanwhile.
unsafe fn set_rate(context: *mut ffi::AVCodecContext, bps: u32, max: i64) {
    // SAFETY: the caller's.
    unsafe {
        (*context).bit_rate = bps.into();
        (*context).rc_max_rate = max;
        (*context).rc_buffer_size = i32::try_from(bps).unwrap_or(i32::MAX);
    }
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

/// So far apart are keyframes that nobody asked for, in seconds: farther than any interval that can be set. At 120
/// pictures a second it still fits the 16 bits of Quick Sync.
const GOP_SECONDS: u32 = 60;

/// Boards keep some pictures before the first comes out; one that keeps more is no good for live.
const FIRST_PICTURES_MAX: i64 = 30;

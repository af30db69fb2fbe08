//! The source's packets to pictures.

use ffmpeg_next as ffmpeg;
use ffmpeg_next::codec::packet::Packet as Coded;
use ffmpeg_next::codec::{Context, Id, threading};
use ffmpeg_next::{ffi, frame};
use media::Codec;

use crate::Error;
use crate::ladder::stamps::{Source, Stamp, Stamps};

/// An open decoder of one video track.
pub(crate) struct Decoder {
    decoder: ffmpeg::decoder::Video,
    stamps: Stamps,
    /// Packets in a row of which no picture came.
    fruitless: u32,
}

impl Decoder {
    /// Opens FFmpeg's decoder for `codec`.
    ///
    /// # Errors
    /// When it has none, or it does not take the parameters.
    pub(crate) fn open(codec: &Codec) -> Result<Decoder, Error> {
        crate::start_ffmpeg().map_err(fault("starting"))?;
        let (id, parameters) = match codec {
            Codec::H264(h264) => (Id::H264, h264.avcc.clone()),
            Codec::Hevc(hevc) => (Id::HEVC, hevc.hvcc.clone()),
            // The sequence header stands in front of every key frame.
            Codec::Av1(_) => (Id::AV1, bytes::Bytes::new()),
            other => {
                let reason = format!("{} is no video that this program decodes", other.name());
                return Err(Error::Unusable { name: NAME.to_owned(), reason });
            }
        };
        let found = ffmpeg::decoder::find(id).ok_or_else(|| Error::Unusable {
            name: NAME.to_owned(),
            reason: format!("this FFmpeg cannot decode {}", codec.name()),
        })?;
        let mut context = Context::new_with_codec(found);
        set_extradata(&mut context, &parameters)?;
        // SAFETY: the context is ours and not open yet.
        unsafe {
            (*context.as_mut_ptr()).max_pixels = PIXELS_MAX;
        }
        context.set_threading(threading::Config {
            kind: threading::Type::Frame,
            count: threads(codec),
            ..threading::Config::default()
        });
        let decoder = context.decoder().video().map_err(fault("opening"))?;
        Ok(Decoder { decoder, stamps: Stamps::default(), fruitless: 0 })
    }

    /// Decodes a packet; pictures that are complete are added to `pictures`. Damaged ones are left out.
    ///
    /// # Errors
    /// When nothing could be decoded for long.
    pub(crate) fn decode(
        &mut self,
        source: &Source,
        pictures: &mut Vec<(frame::Video, Stamp)>,
    ) -> Result<(), Error> {
        let Some(key) = self.stamps.push(source) else { return Ok(()) };
        let mut coded = Coded::copy(&source.packet.data);
        coded.set_pts(Some(key));
        coded.set_dts(Some(key));
        let before = pictures.len();
        let sent = self.decoder.send_packet(&coded);
        self.receive(pictures);
        self.fruitless = if pictures.len() > before { 0 } else { self.fruitless + 1 };
        match sent {
            _ if self.fruitless < FRUITLESS_MAX => Ok(()),
            Err(source) => Err(fault("decoding")(source)),
            Ok(()) => Err(fault("decoding")(ffmpeg::Error::InvalidData)),
        }
    }

    /// Adds the pictures that are still inside.
    pub(crate) fn finish(mut self, pictures: &mut Vec<(frame::Video, Stamp)>) {
        if self.decoder.send_eof().is_ok() {
            self.receive(pictures);
        }
    }

    fn receive(&mut self, pictures: &mut Vec<(frame::Video, Stamp)>) {
        // A decoder gives out no more than it holds; the count ends the loop if one does otherwise.
        for _ in 0..AT_ONCE_MAX {
            let mut picture = frame::Video::empty();
            match self.decoder.receive_frame(&mut picture) {
                Ok(()) => {
                    let stamp = picture.pts().and_then(|key| self.stamps.take(key));
                    pictures.extend(stamp.map(|stamp| (picture, stamp)));
                }
                Err(ffmpeg::Error::Eof) => return,
                Err(ffmpeg::Error::Other { errno }) if errno == ffi::EAGAIN => return,
                // One picture was damaged; the next may be whole.
                Err(_) => {}
            }
        }
    }
}

/// One thread keeps up with 1080p at 30 a second many times over, and adds no delay.
fn threads(codec: &Codec) -> usize {
    let large = codec.picture().is_some_and(|picture| {
        let rate = picture.frame_rate.map_or(30.0, media::Rational::as_f64);
        f64::from(picture.size.width) * f64::from(picture.size.height) * rate > PIXELS_A_SECOND_FOR_ONE
    });
    if large { 2 } else { 1 }
}

fn set_extradata(context: &mut Context, bytes: &[u8]) -> Result<(), Error> {
    if bytes.is_empty() {
        return Ok(());
    }
    let length = i32::try_from(bytes.len()).map_err(|_| fault("configuring")(ffmpeg::Error::InvalidData))?;
    // SAFETY: the context is ours and not open yet; it frees what `av_mallocz` gave, which is as long as the
    // bytes and the padding that FFmpeg's readers want behind them.
    unsafe {
        let padded = bytes.len() + ffi::AV_INPUT_BUFFER_PADDING_SIZE as usize;
        let memory = ffi::av_mallocz(padded).cast::<u8>();
        if memory.is_null() {
            return Err(fault("configuring")(ffmpeg::Error::Other { errno: ffi::ENOMEM }));
        }
        std::ptr::copy_nonoverlapping(bytes.as_ptr(), memory, bytes.len());
        (*context.as_mut_ptr()).extradata = memory;
        (*context.as_mut_ptr()).extradata_size = length;
    }
    Ok(())
}

fn fault(step: &'static str) -> impl Fn(ffmpeg::Error) -> Error {
    move |source| Error::Ffmpeg { name: NAME, step, source }
}

const NAME: &str = "the decoder";

/// 8K: what no level of the codecs goes beyond is refused before memory is taken for it.
const PIXELS_MAX: i64 = 8_192 * 8_192;

/// 1080p at 35 a second.
const PIXELS_A_SECOND_FOR_ONE: f64 = 1_920.0 * 1_080.0 * 35.0;

/// Five seconds at 60 a second without one picture: it is not damage, it is something else than it claims.
const FRUITLESS_MAX: u32 = 300;

const AT_ONCE_MAX: usize = 64;

//! One rung: scales what comes from the rung above, and encodes it.

use std::sync::Arc;

use ffmpeg_next as ffmpeg;
use ffmpeg_next::format::Pixel;
use ffmpeg_next::software::scaling;
use ffmpeg_next::{ffi, frame};
use media::{Packet, Rational, Timestamp, Track, TrackId};

use crate::Error;
use crate::ladder::Rung;
use crate::ladder::encoder::{Encoder, Look, Tags};
use crate::ladder::stamps::Stamp;

/// A rung while it runs.
pub(crate) struct Rendition {
    rung: Rung,
    id: TrackId,
    sample_aspect_ratio: Rational,
    rate: Rational,
    scaler: Option<(Shape, scaling::Context)>,
    /// Pictures of this size that may be free again.
    pool: Vec<Arc<frame::Video>>,
    encoder: Option<Encoder>,
    last_shown: Option<Timestamp>,
}

// SAFETY: a scaling context has no tie to the thread that made it, and `Rendition` hands out no pointer to it.
unsafe impl Send for Rendition {}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shape {
    format: Pixel,
    width: u32,
    height: u32,
    matrix: ffi::AVColorSpace,
    full_range: bool,
}

impl Rendition {
    /// A rung of a source of `picture`, whose packets will be of track `id`.
    pub(crate) fn new(rung: Rung, picture: &media::Picture, id: TrackId) -> Rendition {
        Rendition {
            rung,
            id,
            sample_aspect_ratio: picture.sample_aspect_ratio,
            rate: picture.frame_rate.unwrap_or(Rational { num: 30, den: 1 }),
            scaler: None,
            pool: Vec::new(),
            encoder: None,
            last_shown: None,
        }
    }

    pub(crate) fn rung(&self) -> &Rung {
        &self.rung
    }

    /// The track, once the first picture was encoded.
    pub(crate) fn track(&self) -> Option<&Track> {
        self.encoder.as_ref().map(Encoder::track)
    }

    /// Whether the picture of `stamp` is shown here.
    pub(crate) fn shows(&mut self, stamp: Stamp) -> bool {
        let near = |last: Timestamp| (stamp.pts - last).abs() < Rung::PICTURE_DISTANCE_MIN;
        let left_out = self.rung.halved && !stamp.random_access && self.last_shown.is_some_and(near);
        if !left_out {
            self.last_shown = Some(stamp.pts);
        }
        !left_out
    }

    /// `picture` in the size of this rung.
    ///
    /// # Errors
    /// When FFmpeg has no conversion for it.
    pub(crate) fn scale(&mut self, picture: &frame::Video) -> Result<Arc<frame::Video>, Error> {
        let shape = Shape {
            format: picture.format(),
            width: picture.width(),
            height: picture.height(),
            matrix: tags(picture).matrix,
            full_range: is_full_range(picture),
        };
        if self.scaler.as_ref().is_none_or(|(made_for, _)| *made_for != shape) {
            self.scaler = Some((shape, open_scaler(shape, &self.rung)?));
        }
        let mut target = self.free_picture();
        let to = Arc::get_mut(&mut target).expect("nobody else has a picture that was found free");
        if let Some((_, scaler)) = &mut self.scaler {
            scaler.run(picture, to).map_err(fault("scaling"))?;
        }
        set_tags(to, tags(picture));
        if self.pool.len() < POOL_MAX {
            self.pool.push(Arc::clone(&target));
        }
        Ok(target)
    }

    /// Encodes what [`Rendition::scale`] gave; packets are added to `packets`.
    ///
    /// # Errors
    /// When the encoder does not open or fails.
    pub(crate) fn encode(
        &mut self,
        picture: &frame::Video,
        stamp: Stamp,
        packets: &mut Vec<(Packet, Stamp)>,
    ) -> Result<(), Error> {
        let encoder = match &mut self.encoder {
            Some(encoder) => encoder,
            // Until the first IDR picture there is nothing to begin with.
            None if !stamp.random_access => return Ok(()),
            slot => {
                let look = Look {
                    tags: tags(picture),
                    sample_aspect_ratio: self.sample_aspect_ratio,
                    rate: self.rate,
                };
                slot.insert(Encoder::open(&self.rung, look, self.id)?)
            }
        };
        encoder.encode(picture, stamp, packets)
    }

    /// Forgets the encoder, and what is inside it; the next IDR picture begins with another.
    pub(crate) fn close(&mut self) {
        self.encoder = None;
    }

    /// Adds what is still inside.
    ///
    /// # Errors
    /// When the encoder fails.
    pub(crate) fn finish(&mut self, packets: &mut Vec<(Packet, Stamp)>) -> Result<(), Error> {
        self.encoder.take().map_or(Ok(()), |encoder| encoder.finish(packets))
    }

    /// A picture that neither the encoder nor the rung below uses any more.
    fn free_picture(&mut self) -> Arc<frame::Video> {
        let free = self.pool.iter_mut().position(|picture| {
            // SAFETY: the frame is ours; libx264 may still refer to its buffers.
            Arc::get_mut(picture)
                .is_some_and(|own| unsafe { ffi::av_frame_is_writable(own.as_mut_ptr()) } > 0)
        });
        match free {
            Some(index) => self.pool.swap_remove(index),
            None => {
                let (width, height) = (self.rung.size.width, self.rung.size.height);
                Arc::new(frame::Video::new(Pixel::YUV420P, width, height))
            }
        }
    }
}

fn open_scaler(shape: Shape, rung: &Rung) -> Result<scaling::Context, Error> {
    let (width, height) = (rung.size.width, rung.size.height);
    let flags = scaling::Flags::BILINEAR;
    let Shape { format, width: from_width, height: from_height, .. } = shape;
    let mut context =
        scaling::Context::get(format, from_width, from_height, Pixel::YUV420P, width, height, flags)
            .map_err(fault("opening the scaler"))?;
    // SAFETY: the context is open, and the tables are FFmpeg's own constants.
    unsafe {
        let matrix = ffi::sws_getCoefficients(shape.matrix as i32);
        let from_range = i32::from(shape.full_range);
        // It answers -1 where no matrix applies.
        ffi::sws_setColorspaceDetails(context.as_mut_ptr(), matrix, from_range, matrix, 0, 0, UNITY, UNITY);
    }
    Ok(context)
}

fn is_full_range(picture: &frame::Video) -> bool {
    use ffmpeg::util::color::Range;
    let named = matches!(picture.format(), Pixel::YUVJ420P | Pixel::YUVJ422P | Pixel::YUVJ444P);
    named || picture.color_range() == Range::JPEG
}

/// The picture's own tags, or what players take a picture of its size for.
fn tags(picture: &frame::Video) -> Tags {
    // SAFETY: the frame is ours to read.
    let (matrix, primaries, transfer) = unsafe {
        ((*picture.as_ptr()).colorspace, (*picture.as_ptr()).color_primaries, (*picture.as_ptr()).color_trc)
    };
    let hd = picture.height().min(picture.width()) >= HD_FROM;
    use ffi::{AVColorPrimaries as P, AVColorSpace as M, AVColorTransferCharacteristic as T};
    let unsaid = matches!(matrix, M::AVCOL_SPC_UNSPECIFIED | M::AVCOL_SPC_RGB | M::AVCOL_SPC_RESERVED);
    let assumed = if hd { M::AVCOL_SPC_BT709 } else { M::AVCOL_SPC_SMPTE170M };
    let assumed_primaries = if hd { P::AVCOL_PRI_BT709 } else { P::AVCOL_PRI_SMPTE170M };
    let primaries_unsaid = matches!(primaries, P::AVCOL_PRI_UNSPECIFIED | P::AVCOL_PRI_RESERVED0);
    let transfer_unsaid = matches!(transfer, T::AVCOL_TRC_UNSPECIFIED | T::AVCOL_TRC_RESERVED0);
    Tags {
        matrix: if unsaid { assumed } else { matrix },
        primaries: if primaries_unsaid { assumed_primaries } else { primaries },
        transfer: if transfer_unsaid { T::AVCOL_TRC_BT709 } else { transfer },
    }
}

fn set_tags(picture: &mut frame::Video, tags: Tags) {
    // SAFETY: the frame is ours alone.
    unsafe {
        let raw = picture.as_mut_ptr();
        (*raw).colorspace = tags.matrix;
        (*raw).color_primaries = tags.primaries;
        (*raw).color_trc = tags.transfer;
        (*raw).color_range = ffi::AVColorRange::AVCOL_RANGE_MPEG;
    }
}

fn fault(step: &'static str) -> impl Fn(ffmpeg::Error) -> Error {
    move |source| Error::Ffmpeg { name: "swscale", step, source }
}

/// Pictures kept for another turn: one is scaled, one encoded, the others wait for the rung below.
const POOL_MAX: usize = 6;

/// From this height on a picture that does not say is BT.709 by custom, below it BT.601.
const HD_FROM: u32 = 720;

/// swscale's 1.0 for contrast and saturation.
const UNITY: i32 = 1 << 16;

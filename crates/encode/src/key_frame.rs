//! Coded pictures back to raw ones: those from which stills are made, and those that are compared.

use bytes::Bytes;
use ffmpeg_next as ffmpeg;
use ffmpeg_next::codec::Context;
use ffmpeg_next::codec::packet::Packet as Coded;
use ffmpeg_next::color;
use ffmpeg_next::ffi;
use ffmpeg_next::format::Pixel;
use ffmpeg_next::frame;
use ffmpeg_next::software::scaling;
use media::{Codec, Colour, PixelFormat, Plane, Size, Timestamp, VideoFrame};

use crate::Error;

/// Decodes an access unit at which decoding can start, with the parameters of its track.
///
/// # Errors
/// When FFmpeg has no decoder for the codec, or the data is no such picture.
pub(crate) fn decode(codec: &Codec, data: &[u8]) -> Result<VideoFrame, Error> {
    let nothing = || fault("decoding")(ffmpeg::Error::InvalidData);
    decode_all(codec, &[data])?.into_iter().next().ok_or_else(nothing)
}

/// Decodes access units that follow each other, the first one at which decoding can start.
///
/// # Errors
/// When FFmpeg has no decoder for the codec, or the data is no such stream.
pub(crate) fn decode_all(codec: &Codec, data: &[&[u8]]) -> Result<Vec<VideoFrame>, Error> {
    raw(codec, data)?.iter().map(planar).collect()
}

/// As [`decode_all`], as the decoder gives them.
///
/// # Errors
/// The same.
pub(crate) fn raw(codec: &Codec, data: &[&[u8]]) -> Result<Vec<frame::Video>, Error> {
    let mut decoder = open(codec)?;
    let mut pictures = Vec::new();
    for (index, data) in data.iter().enumerate() {
        let mut packet = Coded::copy(data);
        if index == 0 {
            packet.set_flags(ffmpeg::packet::Flags::KEY);
        }
        decoder.send_packet(&packet).map_err(fault("taking a picture"))?;
        receive(&mut decoder, &mut pictures)?;
    }
    decoder.send_eof().map_err(fault("ending"))?;
    receive(&mut decoder, &mut pictures)?;
    Ok(pictures)
}

/// Adds the pictures that are ready.
fn receive(decoder: &mut ffmpeg::decoder::Video, pictures: &mut Vec<frame::Video>) -> Result<(), Error> {
    loop {
        let mut picture = frame::Video::empty();
        match decoder.receive_frame(&mut picture) {
            Ok(()) => pictures.push(picture),
            Err(ffmpeg::Error::Eof) => return Ok(()),
            Err(ffmpeg::Error::Other { errno }) if errno == ffi::EAGAIN => return Ok(()),
            Err(source) => return Err(fault("decoding")(source)),
        }
    }
}

fn open(codec: &Codec) -> Result<ffmpeg::decoder::Video, Error> {
    let (id, parameters) = match codec {
        Codec::H264(h264) => (ffmpeg::codec::Id::H264, &h264.avcc),
        Codec::Hevc(hevc) => (ffmpeg::codec::Id::HEVC, &hevc.hvcc),
        Codec::Av1(av1) => (ffmpeg::codec::Id::AV1, &av1.av1c),
        other => {
            return Err(Error::Unusable { name: other.name().to_owned(), reason: "no picture".to_owned() });
        }
    };
    crate::start_ffmpeg().map_err(fault("starting"))?;
    let missing =
        || Error::Unusable { name: codec.name().to_owned(), reason: "not in this FFmpeg".to_owned() };
    let mut context = Context::new_with_codec(ffmpeg::decoder::find(id).ok_or_else(missing)?);
    set_parameters(&mut context, parameters)?;
    context.decoder().video().map_err(fault("opening"))
}

/// Gives the decoder its parameter sets, and one thread: there are few pictures.
fn set_parameters(context: &mut Context, parameters: &[u8]) -> Result<(), Error> {
    let padded = parameters.len() + ffi::AV_INPUT_BUFFER_PADDING_SIZE as usize;
    // SAFETY: FFmpeg allocates the buffer, zeroed and with the padding it asks for, the copy stays inside, and the context
    // owns and frees it.
    unsafe {
        let buffer = ffi::av_mallocz(padded).cast::<u8>();
        if buffer.is_null() {
            return Err(fault("keeping parameters")(ffmpeg::Error::Other { errno: ffmpeg::error::ENOMEM }));
        }
        std::ptr::copy_nonoverlapping(parameters.as_ptr(), buffer, parameters.len());
        let raw = context.as_mut_ptr();
        (*raw).extradata = buffer;
        (*raw).extradata_size = parameters.len() as i32;
        (*raw).thread_count = 1;
    }
    Ok(())
}

/// As 8 bits in planar 4:2:0, whatever it was.
pub(crate) fn planar(picture: &frame::Video) -> Result<VideoFrame, Error> {
    let (width, height) = (picture.width(), picture.height());
    let full = picture.color_range() == color::Range::JPEG || picture.format() == Pixel::YUVJ420P;
    let colour = match picture.color_space() {
        _ if full => Colour::Bt601Full,
        color::Space::BT709 => Colour::Bt709Limited,
        color::Space::BT470BG | color::Space::SMPTE170M => Colour::Bt601Limited,
        // Streams that say nothing mean what is usual for their size.
        _ if height >= HD_HEIGHT => Colour::Bt709Limited,
        _ => Colour::Bt601Limited,
    };
    let converted;
    let picture = if matches!(picture.format(), Pixel::YUV420P | Pixel::YUVJ420P) {
        picture
    } else {
        let flags = scaling::Flags::BILINEAR;
        let mut into =
            scaling::Context::get(picture.format(), width, height, Pixel::YUV420P, width, height, flags)
                .map_err(fault("opening the scaler"))?;
        let mut target = frame::Video::empty();
        into.run(picture, &mut target).map_err(fault("converting"))?;
        converted = target;
        &converted
    };
    let planes = (0..3).map(|index| Plane {
        data: Bytes::copy_from_slice(picture.data(index)),
        stride: picture.stride(index),
    });
    Ok(VideoFrame {
        pts: Timestamp::ZERO,
        size: Size::new(width, height),
        format: PixelFormat::I420,
        planes: planes.collect(),
        colour,
    })
}

fn fault(step: &'static str) -> impl Fn(ffmpeg::Error) -> Error {
    move |source| Error::Ffmpeg { name: "decoder", step, source }
}

/// From here on BT.709 is usual, below BT.601.
const HD_HEIGHT: u32 = 720;

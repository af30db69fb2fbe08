//! The pictures of cameras that send JPEG, decoded by FFmpeg.

use ffmpeg_next as ffmpeg;
use ffmpeg_next::codec::{self, packet::Packet};
use ffmpeg_next::frame;
use media::{Timestamp, VideoFrame};

use crate::Error;
use crate::decoded_picture::DecodedPictures;

/// A decoder of single pictures.
pub(crate) struct Mjpeg {
    decoder: codec::decoder::Video,
    pictures: DecodedPictures,
}

impl Mjpeg {
    /// A decoder.
    pub(crate) fn new() -> Result<Mjpeg, Error> {
        crate::start_ffmpeg().map_err(fault)?;
        let codec =
            codec::decoder::find(codec::Id::MJPEG).ok_or_else(|| fault(ffmpeg::Error::DecoderNotFound))?;
        let decoder = codec::Context::new_with_codec(codec).decoder().video().map_err(fault)?;
        Ok(Mjpeg { decoder, pictures: DecodedPictures::default() })
    }

    /// Decodes one picture; bytes after its end do not matter.
    pub(crate) fn decode(&mut self, jpeg: &[u8], taken: Timestamp) -> Result<VideoFrame, Error> {
        let mut decoded = frame::Video::empty();
        self.decoder.send_packet(&Packet::copy(jpeg)).map_err(fault)?;
        self.decoder.receive_frame(&mut decoded).map_err(fault)?;
        self.pictures.frame(decoded, taken)
    }
}

fn fault(error: ffmpeg::Error) -> Error {
    Error::Conversion { what: "a JPEG picture", reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use media::{Colour, PixelFormat, Size};

    use super::*;

    /// A red picture of 64×48 in full range, as cameras send them.
    fn red(pixels: &str) -> Vec<u8> {
        let output = Command::new("ffmpeg")
            .args(["-v", "error", "-f", "lavfi", "-i", "color=red:size=64x48,format=rgb24"])
            .args(["-vf", "scale=out_range=full", "-pix_fmt", pixels])
            .args(["-frames:v", "1", "-q:v", "2", "-f", "mjpeg", "-"])
            .output()
            .expect("ffmpeg is installed");
        assert!(output.status.success());
        output.stdout
    }

    #[test]
    fn a_camera_s_jpeg_becomes_a_full_range_picture() {
        let mut mjpeg = Mjpeg::new().expect("FFmpeg decodes JPEG");
        for pixels in ["yuvj422p", "yuvj420p", "yuvj444p"] {
            let frame = mjpeg.decode(&red(pixels), Timestamp::from_millis(40)).expect("a sound picture");
            assert_eq!(frame.pts, Timestamp::from_millis(40));
            assert_eq!((frame.size, frame.format), (Size::new(64, 48), PixelFormat::I420));
            assert_eq!(frame.colour, Colour::Bt601Full);
            // Red in BT.601 at full range: Y 76, U 85, V 255 (limited range would be 81, 90, 240).
            let middle =
                |plane: usize, row: usize| frame.planes[plane].data[row * frame.planes[plane].stride + 8];
            let got = [middle(0, 24), middle(1, 12), middle(2, 12)];
            for (got, wanted) in got.into_iter().zip([76_u8, 85, 255]) {
                assert!(got.abs_diff(wanted) <= 3, "{pixels}: {got} instead of {wanted}");
            }
        }
    }

    #[test]
    fn what_follows_a_picture_does_not_matter_and_a_broken_one_costs_only_itself() {
        let mut mjpeg = Mjpeg::new().expect("FFmpeg decodes JPEG");
        let sound = red("yuvj422p");
        assert!(mjpeg.decode(&sound[..20], Timestamp::ZERO).is_err());
        assert!(mjpeg.decode(&[], Timestamp::ZERO).is_err());
        let padded = [&sound[..], &[0x55; 4_096]].concat();
        assert!(mjpeg.decode(&padded, Timestamp::ZERO).is_ok());
    }
}

//! Whether AAC that announces nothing of it has an upper band made by spectral band replication (SBR).

use ffmpeg_next as ffmpeg;
use ffmpeg_next::codec::Id;
use ffmpeg_next::codec::packet::Packet as Coded;
use ffmpeg_next::frame;
use media::Aac;

use crate::Error;
use crate::recode::{fault, open_decoder};

/// Looks for SBR in the access units of a track.
pub struct UpperBand {
    decoder: ffmpeg::decoder::Audio,
    core_rate: u32,
}

impl UpperBand {
    /// # Errors
    /// When this FFmpeg has no decoder for AAC.
    pub fn open(aac: &Aac) -> Result<UpperBand, Error> {
        crate::start_ffmpeg().map_err(fault("starting"))?;
        let decoder = open_decoder(Id::AAC, "AAC", (aac.sample_rate, aac.channels), &aac.asc)?;
        Ok(UpperBand { decoder, core_rate: aac.sample_rate })
    }

    /// Whether an access unit has SBR; `None` when it cannot be decoded.
    pub fn in_unit(&mut self, data: &[u8]) -> Option<bool> {
        self.decoder.send_packet(&Coded::copy(data)).ok()?;
        let mut decoded = frame::Audio::empty();
        self.decoder.receive_frame(&mut decoded).ok()?;
        Some(decoded.rate() == self.core_rate * 2)
    }
}

impl std::fmt::Debug for UpperBand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UpperBand").field("core_rate", &self.core_rate).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Core 24 kHz: the second access unit of each fixture, without its ADTS header.
    fn found(adts: &[u8], asc: &'static [u8]) -> Option<bool> {
        let length = |header: &[u8]| {
            usize::from(header[3] & 3) << 11 | usize::from(header[4]) << 3 | usize::from(header[5]) >> 5
        };
        let unit = &adts[..length(adts)][7..];
        UpperBand::open(&Aac::from_asc(asc.into()).expect("a configuration")).expect("FFmpeg").in_unit(unit)
    }

    #[test]
    fn it_is_found_in_the_first_unit() {
        let stereo = include_bytes!("../../../tests/testdata/he_aac.adts");
        assert_eq!(found(stereo, &[0x13, 0x10]), Some(true));
        let parametric = include_bytes!("../../../tests/testdata/he_aac_v2.adts");
        assert_eq!(found(parametric, &[0x13, 0x08]), Some(true));
    }

    #[test]
    fn rubbish_tells_nothing_and_ends_nothing() {
        let mut looked =
            UpperBand::open(&Aac::from_asc(vec![0x13, 0x10].into()).expect("24 kHz")).expect("FFmpeg");
        assert_eq!(looked.in_unit(&[0xff; 40]), None);
        assert_eq!(looked.in_unit(&[]), None);
    }
}

//! What encoders write, as packets and parameters.

use bytes::Bytes;
use media::{Av1, Codec, H264, Hevc, ParameterError, nal, obu};

use crate::VideoCodec;

/// Reads the parameters of a track from what an encoder wrote for a file's head, or from its first access unit.
///
/// # Errors
/// When they are not there or cannot be read.
pub(crate) fn parameters(codec: VideoCodec, head: &[u8]) -> Result<Codec, ParameterError> {
    match codec {
        VideoCodec::H264 => h264_parameters(head).map(Codec::H264),
        VideoCodec::Hevc => {
            let of_type = |wanted| {
                let units = nal::annex_b_units(head).filter(|unit| nal::hevc::unit_type(unit) == wanted);
                units.map(Bytes::copy_from_slice).collect::<Vec<_>>()
            };
            let sets = [nal::hevc::VPS, nal::hevc::SPS, nal::hevc::PPS].map(of_type);
            Hevc::from_parameter_sets(&sets[0], &sets[1], &sets[2]).map(Codec::Hevc)
        }
        VideoCodec::Av1 if head.first() == Some(&AV1C_MARKER) => Av1::from_av1c(head).map(Codec::Av1),
        VideoCodec::Av1 => {
            let mut units = obu::units(head).flatten();
            let header = units.find(|unit| unit.kind == obu::SEQUENCE_HEADER);
            let header = header.ok_or(ParameterError::MissingHeader)?;
            Av1::from_sequence_header(header.payload).map(Codec::Av1)
        }
    }
}

/// Reads the parameter sets of H.264 from a byte stream.
///
/// # Errors
/// When they are not there or cannot be read.
pub(crate) fn h264_parameters(head: &[u8]) -> Result<H264, ParameterError> {
    let of_type = |wanted: u8| -> Vec<Bytes> {
        let units = nal::annex_b_units(head).filter(|unit| nal::unit_type(unit) == wanted);
        units.map(Bytes::copy_from_slice).collect()
    };
    H264::from_parameter_sets(&of_type(nal::SPS), &of_type(nal::PPS))
}

/// An access unit as a packet holds it, and whether decoding can start at it.
pub(crate) fn access_unit(codec: VideoCodec, coded: &[u8]) -> (Bytes, bool) {
    match codec {
        VideoCodec::H264 => {
            let units = || nal::annex_b_units(coded);
            (nal::to_length_prefixed(units()), nal::is_idr_picture(units()))
        }
        VideoCodec::Hevc => {
            let units = || nal::annex_b_units(coded);
            (nal::hevc::to_length_prefixed(units()), nal::hevc::is_random_access(units()))
        }
        VideoCodec::Av1 => {
            let units = || obu::units(coded).flatten();
            (obu::to_temporal_unit(units()), obu::is_random_access(units()))
        }
    }
}

/// The first byte of an `AV1CodecConfigurationRecord`: its marker and version 1.
const AV1C_MARKER: u8 = 0x81;

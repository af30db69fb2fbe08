//! The `AVCDecoderConfigurationRecord` of H.264, read and written.
//!
//! Spec: ISO/IEC 14496-15 §5.3.3.1.

use bytes::{BufMut, Bytes, BytesMut};

use crate::codec::{H264, ParameterError};
use crate::{nal, sps};

impl H264 {
    /// Reads an `AVCDecoderConfigurationRecord`.
    ///
    /// The kept record announces 4-byte NAL lengths whatever `avcc` announced, since that is what
    /// packets hold; [`H264::nal_length_size`] tells how the data beside `avcc` is framed.
    ///
    /// # Errors
    /// When the record is cut, is of another version, or lacks a readable SPS or a PPS.
    pub fn from_avcc(avcc: Bytes) -> Result<H264, ParameterError> {
        let (sps, pps) = read_record(&avcc)?;
        H264::from_parameter_sets(&sps, &pps)
    }

    /// The track whose parameter sets are these units, header bytes included, without start codes.
    ///
    /// # Errors
    /// When there is no SPS or PPS, the first SPS cannot be read, or there are more than the record holds.
    pub fn from_parameter_sets(sps: &[Bytes], pps: &[Bytes]) -> Result<H264, ParameterError> {
        let first = sps.first().ok_or(ParameterError::MissingParameterSet("sequence"))?;
        if pps.is_empty() {
            return Err(ParameterError::MissingParameterSet("picture"));
        }
        let picture = sps::parse(first)?;
        Ok(H264 {
            avcc: write_record(&picture, sps, pps)?,
            size: picture.size,
            sample_aspect_ratio: picture.sample_aspect_ratio,
            frame_rate: picture.frame_rate,
        })
    }

    /// The sequence and the picture parameter sets, without start codes; none where `avcc` was made by
    /// hand and cannot be read.
    #[must_use]
    pub fn parameter_sets(&self) -> (Vec<Bytes>, Vec<Bytes>) {
        read_record(&self.avcc).unwrap_or_default()
    }

    /// The profile's name where its pictures have more than 8 bits or finer colour than 4:2:0, which few browsers and hardly
    /// a phone show (ITU-T H.264 Annex A.2); `None` for all others.
    #[must_use]
    pub fn rare_profile(&self) -> Option<&'static str> {
        match self.avcc.get(1)? {
            110 => Some("High 10"),
            122 => Some("High 4:2:2"),
            244 => Some("High 4:4:4 Predictive"),
            44 => Some("CAVLC 4:4:4 Intra"),
            _ => None,
        }
    }

    /// Bytes of the length before each NAL unit, 1 to 4, in the data that comes with `avcc`.
    ///
    /// # Errors
    /// When the record is too short to tell.
    pub fn nal_length_size(avcc: &[u8]) -> Result<usize, ParameterError> {
        let byte = avcc.get(4).ok_or(ParameterError::Truncated { what: RECORD })?;
        Ok(usize::from(byte & 3) + 1)
    }
}

type ParameterSets = (Vec<Bytes>, Vec<Bytes>);

fn read_record(avcc: &Bytes) -> Result<ParameterSets, ParameterError> {
    let cut = ParameterError::Truncated { what: RECORD };
    let (&version, &sps_count) = avcc.first().zip(avcc.get(5)).ok_or(cut.clone())?;
    if version != 1 {
        return Err(ParameterError::UnknownVersion { what: RECORD, found: version, expected: 1 });
    }
    let mut at = 6;
    let sps = read_units(avcc, &mut at, u16::from(sps_count & 0x1f)).ok_or(cut.clone())?;
    let pps_count = *avcc.get(at).ok_or(cut.clone())?;
    at += 1;
    let pps = read_units(avcc, &mut at, u16::from(pps_count)).ok_or(cut)?;
    Ok((sps, pps))
}

/// `count` units behind 16-bit lengths; empty ones are left out.
pub(crate) fn read_units(record: &Bytes, at: &mut usize, count: u16) -> Option<Vec<Bytes>> {
    let mut units = Vec::new();
    for _ in 0..count {
        let prefix = record.get(*at..*at + 2)?;
        let start = *at + 2;
        let end = start + usize::from(u16::from_be_bytes([prefix[0], prefix[1]]));
        record.get(start..end)?;
        *at = end;
        if end > start {
            units.push(record.slice(start..end));
        }
    }
    Some(units)
}

fn write_record(picture: &sps::Sps, sps: &[Bytes], pps: &[Bytes]) -> Result<Bytes, ParameterError> {
    let mut record = BytesMut::with_capacity(64);
    record.put_slice(&[1, picture.profile_idc, picture.constraints, picture.level_idc]);
    record.put_u8(0xfc | 3); // reserved bits, then lengthSizeMinusOne
    record.put_u8(0xe0 | count(sps, 0x1f)?);
    write_units(&mut record, sps)?;
    record.put_u8(count(pps, 0xff)?);
    write_units(&mut record, pps)?;
    if matches!(picture.profile_idc, 100 | 110 | 122 | 144) {
        record.put_u8(0xfc | picture.chroma_format_idc);
        record.put_u8(0xf8 | (picture.bit_depth_luma - 8));
        record.put_u8(0xf8 | (picture.bit_depth_chroma - 8));
        record.put_u8(0); // no SPS extension
    }
    Ok(record.freeze())
}

fn count(units: &[Bytes], max: u8) -> Result<u8, ParameterError> {
    let too_many = ParameterError::TooManyParameterSets { count: units.len(), max: usize::from(max) };
    u8::try_from(units.len()).ok().filter(|&count| count <= max).ok_or(too_many)
}

fn write_units(record: &mut BytesMut, units: &[Bytes]) -> Result<(), ParameterError> {
    for unit in units {
        let unit_len = u16::try_from(unit.len()).map_err(|_| ParameterError::BadSps)?;
        if !nal::is_parameter_set(unit) {
            return Err(ParameterError::NotAParameterSet(nal::unit_type(unit)));
        }
        record.put_u16(unit_len);
        record.put_slice(unit);
    }
    Ok(())
}

const RECORD: &str = "AVCDecoderConfigurationRecord";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Rational, Size};

    /// 320×180 constrained baseline at 30 fps, as libx264 writes it.
    const SPS: &[u8] = &[
        0x67, 0x42, 0xc0, 0x0d, 0xd9, 0x01, 0x41, 0x9f, 0x9f, 0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10, 0x00,
        0x00, 0x03, 0x03, 0xc0, 0xf1, 0x42, 0xa4, 0x80,
    ];
    const PPS: &[u8] = &[0x68, 0xcb, 0x83, 0xcb, 0x20];

    fn h264() -> H264 {
        H264::from_parameter_sets(&[Bytes::from_static(SPS)], &[Bytes::from_static(PPS)]).expect("sound sets")
    }

    #[test]
    fn the_record_gives_its_parameter_sets_back() {
        assert_eq!(h264().parameter_sets(), (vec![Bytes::from_static(SPS)], vec![Bytes::from_static(PPS)]));
        assert_eq!(H264::from_avcc(h264().avcc), Ok(h264()));
    }

    #[test]
    fn size_and_rate_come_from_the_parameter_set() {
        let h264 = h264();
        assert_eq!(h264.size, Size::new(320, 180));
        assert_eq!(h264.frame_rate, Some(Rational { num: 30, den: 1 }));
    }

    #[test]
    fn two_byte_lengths_become_four() {
        let mut avcc = h264().avcc.to_vec();
        avcc[4] = 0xfc | 1;
        assert_eq!(H264::nal_length_size(&avcc), Ok(2));
        let kept = H264::from_avcc(avcc.into()).expect("sound but for the length size");
        assert_eq!(H264::nal_length_size(&kept.avcc), Ok(4));
    }

    #[test]
    fn a_cut_record_is_told() {
        let avcc = h264().avcc;
        let cut = ParameterError::Truncated { what: RECORD };
        assert_eq!(H264::from_avcc(avcc.slice(..avcc.len() - 1)), Err(cut));
        let version = ParameterError::UnknownVersion { what: RECORD, found: 0, expected: 1 };
        assert_eq!(H264::from_avcc(Bytes::from_static(&[0; 7])), Err(version));
    }

    proptest! {
        #[test]
        fn any_record_is_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..80), cut in 0_usize..48,
                                              at in 0_usize..48, value in any::<u8>()) {
            let _ = H264::from_avcc(bytes.into());
            let mut record = h264().avcc.to_vec();
            if let Some(byte) = record.get_mut(at) {
                *byte = value;
            }
            record.truncate(cut.max(at));
            let _ = H264::from_avcc(record.into());
        }
    }
}

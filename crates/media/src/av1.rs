//! AV1 and its `AV1CodecConfigurationRecord`, read and written.
//!
//! Spec: AV1 codec ISO media file format binding §2.3.

use bytes::{BufMut, Bytes, BytesMut};

use crate::av1_sequence_header::{self, SequenceHeader};
use crate::codec::{ParameterError, Rational, Size};
use crate::obu;

/// The parameters of an AV1 track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Av1 {
    /// `AV1CodecConfigurationRecord` with the sequence header as its only OBU.
    pub av1c: Bytes,
    /// The largest picture of the sequence, in pixels. The shape of a pixel is not told.
    pub size: Size,
    /// Frames per second as the sequence header promises them; `None` when it says nothing.
    pub frame_rate: Option<Rational>,
}

impl Av1 {
    /// Reads an `AV1CodecConfigurationRecord`.
    ///
    /// # Errors
    /// When it is cut, of another version, or without a readable sequence header: it may legally have
    /// none, then the first key frame brings it and [`Av1::from_sequence_header`] reads it.
    pub fn from_av1c(av1c: &[u8]) -> Result<Av1, ParameterError> {
        let units = av1c.get(FIXED_BYTES..).ok_or(ParameterError::Truncated { what: RECORD })?;
        if av1c[0] != VERSION {
            let found = av1c[0] & 0x7f;
            return Err(ParameterError::UnknownVersion { what: RECORD, found, expected: 1 });
        }
        let header = obu::units(units).flatten().find(|unit| unit.kind == obu::SEQUENCE_HEADER);
        let header = header.ok_or(ParameterError::MissingHeader)?;
        Av1::from_sequence_header(header.payload)
    }

    /// The track whose sequence header OBU has this payload.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn from_sequence_header(payload: &[u8]) -> Result<Av1, ParameterError> {
        let too_long = payload.len() > SEQUENCE_HEADER_BYTES_MAX;
        let sequence = av1_sequence_header::parse(payload).filter(|_| !too_long);
        let sequence = sequence.ok_or(ParameterError::Unreadable("sequence header of AV1"))?;
        let av1c = write_record(&sequence, payload);
        Ok(Av1 { av1c, size: sequence.size, frame_rate: sequence.frame_rate })
    }

    /// The sequence header OBU with its size, as packets carry it where decoding can start; empty where
    /// `av1c` was made by hand and has none.
    #[must_use]
    pub fn sequence_header(&self) -> Bytes {
        self.av1c.get(FIXED_BYTES..).map_or(Bytes::new(), |_| self.av1c.slice(FIXED_BYTES..))
    }
}

fn write_record(sequence: &SequenceHeader, payload: &[u8]) -> Bytes {
    let colour = sequence.colour;
    let flags = [
        sequence.high_tier,
        colour.high_bit_depth,
        colour.twelve_bit,
        colour.monochrome,
        colour.subsampling_x,
        colour.subsampling_y,
    ];
    let packed = flags.iter().fold(0, |bits, &flag| bits << 1 | u8::from(flag));
    let mut record = BytesMut::with_capacity(FIXED_BYTES + 3 + payload.len());
    record.put_u8(VERSION);
    record.put_u8(sequence.profile << 5 | sequence.level);
    record.put_u8(packed << 2 | colour.sample_position);
    record.put_u8(0); // no initial_presentation_delay
    let unit = obu::Obu { kind: obu::SEQUENCE_HEADER, extension: None, payload, whole: payload };
    record.put_slice(&obu::to_temporal_unit([unit]));
    record.freeze()
}

const RECORD: &str = "AV1CodecConfigurationRecord";

/// `marker` and `version`.
const VERSION: u8 = 0x81;

/// Bytes before the OBUs.
const FIXED_BYTES: usize = 4;

/// Bytes of one sequence header: 32 operating points with all their fields have about 500.
const SEQUENCE_HEADER_BYTES_MAX: usize = 1_024;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A camera's 1080×720, Main, level 3.1, as libaom wrote it.
    const RECORDED: &[u8] = &[
        0x81, 0x05, 0x0c, 0x00, 0x0a, 0x0b, 0x00, 0x00, 0x00, 0x2d, 0x4c, 0x37, 0xb3, 0xdf, 0xff, 0x98, 0x04,
    ];

    #[test]
    fn a_real_record_is_read_and_written_as_it_was() {
        let av1 = Av1::from_av1c(RECORDED).expect("a real record");
        assert_eq!((av1.size, av1.frame_rate), (Size::new(1_080, 720), None));
        assert_eq!(&av1.av1c[..], RECORDED);
        assert_eq!(&av1.sequence_header()[..], &RECORDED[4..]);
        assert_eq!(Av1::from_sequence_header(&RECORDED[6..]), Ok(av1));
    }

    #[test]
    fn what_is_missing_is_told() {
        let missing = ParameterError::MissingHeader;
        assert_eq!(Av1::from_av1c(&RECORDED[..4]), Err(missing));
        assert_eq!(Av1::from_av1c(&RECORDED[..3]), Err(ParameterError::Truncated { what: RECORD }));
        let version = ParameterError::UnknownVersion { what: RECORD, found: 2, expected: 1 };
        assert_eq!(Av1::from_av1c(&[0x82, 5, 12, 0]), Err(version));
        let unreadable = ParameterError::Unreadable("sequence header of AV1");
        assert_eq!(Av1::from_sequence_header(&RECORDED[6..10]), Err(unreadable));
    }

    proptest! {
        #[test]
        fn any_record_is_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..60),
                                              flips in prop::collection::vec((4_usize..17, any::<u8>()), 0..4)) {
            let _ = Av1::from_sequence_header(&bytes);
            let _ = Av1::from_av1c(&bytes);
            let mut record = RECORDED.to_vec();
            for (at, value) in flips {
                record[at] = value;
            }
            if let Ok(av1) = Av1::from_av1c(&record) {
                prop_assert_eq!(Av1::from_av1c(&av1.av1c), Ok(av1));
            }
        }
    }
}

//! The `AudioSpecificConfig` of AAC.
//!
//! Spec: ISO/IEC 14496-3 §1.6.2.1, §4.4.1.

use bytes::Bytes;

use crate::bits::Bits;
use crate::codec::{Aac, ParameterError};

impl Aac {
    /// Reads an `AudioSpecificConfig`. It is kept as it came, explicit SBR and PS signalling included.
    ///
    /// # Errors
    /// When it is cut, names a sample rate or channel layout that does not exist, or a codec whose access
    /// units do not have [`Aac::FRAME_SAMPLES`] samples.
    pub fn from_asc(asc: Bytes) -> Result<Aac, ParameterError> {
        if asc.len() > ASC_BYTES_MAX {
            return Err(ParameterError::BadAudioConfig { what: "length" });
        }
        let cut = ParameterError::Truncated { what: "AudioSpecificConfig" };
        let (sample_rate, channels) = read(&mut Bits::new(&asc)).ok_or(cut)??;
        Ok(Aac { asc, sample_rate, channels })
    }

    /// The same with its spectral band replication (SBR) announced, as HE-AAC; `None` where there can be none, or it is
    /// announced already.
    ///
    /// A configuration need not say that SBR is in the access units (ISO/IEC 14496-3 §1.6.5.3): ADTS cannot. Browsers
    /// leave the upper band away when it does not.
    #[must_use]
    pub fn with_sbr(&self) -> Option<Aac> {
        let bits = &mut Bits::new(&self.asc);
        let (object_type, core) = (bits.bits(5)? as u8, bits.bits(4)?);
        let channel_configuration = bits.bits(4)?;
        let plain =
            self.asc.len() == PLAIN_BYTES && object_type == LOW_COMPLEXITY && channel_configuration > 0;
        let doubled = self.sample_rate * 2;
        let output = SAMPLE_RATES.iter().position(|&rate| rate == doubled)? as u32;
        if !plain || doubled > SBR_RATE_MAX || core == EXPLICIT_RATE {
            return None;
        }
        // audioObjectType, samplingFrequencyIndex, channelConfiguration, extensionSamplingFrequencyIndex,
        // audioObjectType, three flags that are 0, and padding.
        let sbr = u32::from(SPECTRAL_BAND_REPLICATION);
        let packed = sbr << 27
            | core << 23
            | channel_configuration << 19
            | output << 15
            | u32::from(LOW_COMPLEXITY) << 10;
        Aac::from_asc(Bytes::copy_from_slice(&packed.to_be_bytes())).ok()
    }
}

type Layout = (u32, u8);

fn read(bits: &mut Bits<'_>) -> Option<Result<Layout, ParameterError>> {
    let mut object_type = read_object_type(bits)?;
    let Some(sample_rate) = read_sample_rate(bits)? else {
        return Some(Err(ParameterError::BadAudioConfig { what: "sample rate" }));
    };
    let channel_configuration = bits.bits(4)?;
    let parametric_stereo = object_type == PARAMETRIC_STEREO;
    if matches!(object_type, SPECTRAL_BAND_REPLICATION | PARAMETRIC_STEREO) {
        // The rate after SBR; the sample clock stays the core's.
        read_sample_rate(bits)?;
        object_type = read_object_type(bits)?;
    }
    if !matches!(object_type, 1..=4) {
        return Some(Err(ParameterError::UnsupportedAudioObject(object_type)));
    }
    if bits.flag()? {
        return Some(Err(ParameterError::BadAudioConfig { what: "frame length (960 samples)" }));
    }
    if bits.flag()? {
        bits.bits(14)?; // coreCoderDelay
    }
    bits.flag()?; // extensionFlag
    let channels = match channel_configuration {
        0 => read_program_channels(bits)?,
        1..=6 => channel_configuration as u8,
        7 | 12 | 14 => 8,
        11 => 7,
        _ => 0,
    };
    match channels {
        0 => Some(Err(ParameterError::BadAudioConfig { what: "channel configuration" })),
        1 if parametric_stereo => Some(Ok((sample_rate, 2))),
        _ => Some(Ok((sample_rate, channels))),
    }
}

fn read_object_type(bits: &mut Bits<'_>) -> Option<u8> {
    let object_type = bits.bits(5)? as u8;
    if object_type == ESCAPE { Some(32 + bits.bits(6)? as u8) } else { Some(object_type) }
}

/// The inner `None` is a rate that is reserved or out of range.
fn read_sample_rate(bits: &mut Bits<'_>) -> Option<Option<u32>> {
    let rate = match bits.bits(4)? {
        15 => Some(bits.bits(24)?),
        index => SAMPLE_RATES.get(index as usize).copied(),
    };
    Some(rate.filter(|rate| (SAMPLE_RATE_MIN..=SAMPLE_RATE_MAX).contains(rate)))
}

/// Channels of a `program_config_element`; 0 when it names none or too many.
fn read_program_channels(bits: &mut Bits<'_>) -> Option<u8> {
    bits.bits(4 + 2 + 4)?; // element_instance_tag, object_type, sampling_frequency_index
    let places = [bits.bits(4)?, bits.bits(4)?, bits.bits(4)?];
    let low_frequency = bits.bits(2)?;
    bits.bits(3 + 4)?; // num_assoc_data_elements, num_valid_cc_elements
    for mixdown_bits in [4, 4, 3] {
        if bits.flag()? {
            bits.bits(mixdown_bits)?;
        }
    }
    let mut channels = low_frequency;
    for _ in 0..places.iter().sum() {
        channels += if bits.flag()? { 2 } else { 1 };
        bits.bits(4)?; // element_tag_select
    }
    Some(u8::try_from(channels).ok().filter(|&channels| channels <= CHANNELS_MAX).unwrap_or(0))
}

/// Bytes of one configuration; a program config element with comment is the longest there is.
const ASC_BYTES_MAX: usize = 512;

/// Channels that anything plays: 22.2 is out of scope.
const CHANNELS_MAX: u8 = 16;

const SAMPLE_RATE_MIN: u32 = 7_350;
const SAMPLE_RATE_MAX: u32 = 96_000;

/// A configuration without any extension.
const PLAIN_BYTES: usize = 2;
/// The highest rate that SBR doubles to.
const SBR_RATE_MAX: u32 = 48_000;
/// The index that stands for a rate written out.
const EXPLICIT_RATE: u32 = 15;

const LOW_COMPLEXITY: u8 = 2;
const SPECTRAL_BAND_REPLICATION: u8 = 5;
const PARAMETRIC_STEREO: u8 = 29;
const ESCAPE: u8 = 31;

/// `samplingFrequencyIndex` (ISO/IEC 14496-3 table 1.18).
const SAMPLE_RATES: [u32; 13] =
    [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(asc: &'static [u8], expected: Result<Layout, ParameterError>) {
        let read = Aac::from_asc(Bytes::from_static(asc)).map(|aac| (aac.sample_rate, aac.channels));
        assert_eq!(read, expected);
    }

    #[test]
    fn low_complexity() {
        check(&[0x11, 0x90], Ok((48_000, 2)));
        check(&[0x12, 0x08], Ok((44_100, 1)));
        check(&[0x11, 0xb0], Ok((48_000, 6)));
    }

    #[test]
    fn sbr_is_announced_where_it_can_be() {
        let with_sbr = |asc: &'static [u8]| {
            Some(Aac::from_asc(Bytes::from_static(asc)).expect("a configuration").with_sbr()?.asc.to_vec())
        };
        assert_eq!(with_sbr(&[0x13, 0x10]), Some(vec![0x2b, 0x11, 0x88, 0x00]), "24 kHz, stereo");
        assert_eq!(with_sbr(&[0x13, 0x08]), Some(vec![0x2b, 0x09, 0x88, 0x00]), "24 kHz, mono");
        assert_eq!(with_sbr(&[0x13, 0x90]), Some(vec![0x2b, 0x92, 0x08, 0x00]), "22.05 kHz, stereo");
        assert_eq!(with_sbr(&[0x11, 0x90]), None, "48 kHz has no rate above");
        assert_eq!(with_sbr(&[0x2b, 0x11, 0x88, 0x00]), None, "it is announced");
    }

    #[test]
    fn explicit_sbr_keeps_the_clock_of_the_core() {
        // HE-AAC: object type 5, core 24 kHz, stereo, output 48 kHz, then AAC LC.
        check(&[0x2b, 0x11, 0x88, 0x00], Ok((24_000, 2)));
    }

    #[test]
    fn what_has_other_frames_is_refused() {
        check(&[0x11, 0x94], Err(ParameterError::BadAudioConfig { what: "frame length (960 samples)" }));
        // Object type 39, enhanced low delay.
        check(&[0xf8, 0xe6, 0x40, 0x00], Err(ParameterError::UnsupportedAudioObject(39)));
    }

    #[test]
    fn a_cut_configuration_is_told() {
        check(&[0x11], Err(ParameterError::Truncated { what: "AudioSpecificConfig" }));
        check(&[], Err(ParameterError::Truncated { what: "AudioSpecificConfig" }));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            if let Ok(aac) = Aac::from_asc(bytes.into()) {
                prop_assert!(aac.channels > 0 && aac.sample_rate >= SAMPLE_RATE_MIN);
            }
        }
    }
}

//! Opus: its parameters in the forms that MP4, Ogg and MPEG-TS know, and how long a packet lasts.
//!
//! Spec: RFC 6716 §3.1; RFC 7845 §5.1; Encapsulation of Opus in ISO Base Media File Format §4.3.2;
//! ETSI TS Opus 0.1.3-draft §4.

use bytes::{BufMut, Bytes, BytesMut};

use crate::codec::ParameterError;
use crate::time::{Span, Timescale};

/// The parameters of an Opus track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opus {
    /// The body of `OpusSpecificBox` (`dOps`): version 0, big-endian.
    pub dops: Bytes,
    /// Output channels, 1 to 255; 0 never occurs.
    pub channels: u8,
    /// Samples at 48 kHz that a decoder makes before the first that is to be heard.
    pub pre_skip: u16,
}

impl Opus {
    /// Samples per second of its clock, whatever was encoded.
    pub const SAMPLE_RATE: u32 = 48_000;

    /// Reads the body of `dOps`.
    ///
    /// # Errors
    /// When it is cut, of another version, or its channels cannot be.
    pub fn from_dops(dops: Bytes) -> Result<Opus, ParameterError> {
        const RECORD: &str = "OpusSpecificBox";
        let cut = ParameterError::Truncated { what: RECORD };
        let Some(&[version, channels, skip_high, skip_low, ..]) = dops.get(..HEADER_BYTES) else {
            return Err(cut);
        };
        if version != 0 {
            return Err(ParameterError::UnknownVersion { what: RECORD, found: version, expected: 0 });
        }
        let mapping = check_mapping(channels, &dops[HEADER_BYTES - 1..])?;
        let dops = dops.slice(..HEADER_BYTES + mapping);
        Ok(Opus { dops, channels, pre_skip: u16::from_be_bytes([skip_high, skip_low]) })
    }

    /// Reads an `OpusHead`, its eight letters included; RTMP and Matroska send it.
    ///
    /// # Errors
    /// When it is cut, of another version, or its channels cannot be.
    pub fn from_head(head: &[u8]) -> Result<Opus, ParameterError> {
        const RECORD: &str = "OpusHead";
        let cut = ParameterError::Truncated { what: RECORD };
        let fields =
            head.strip_prefix(MAGIC).ok_or(ParameterError::BadOpusConfig { what: "first letters" })?;
        let (fixed, mapping) = fields.split_first_chunk::<HEADER_BYTES>().ok_or(cut)?;
        let &[version, channels, s0, s1, r0, r1, r2, r3, g0, g1, family] = fixed;
        // The high half of the version is the one that breaks readers (RFC 7845 §5.1).
        if version >> 4 != 0 {
            return Err(ParameterError::UnknownVersion { what: RECORD, found: version, expected: 1 });
        }
        let mut dops = BytesMut::with_capacity(head.len());
        dops.put_slice(&[0, channels, s1, s0, r3, r2, r1, r0, g1, g0, family]);
        dops.put_slice(mapping);
        Opus::from_dops(dops.freeze())
    }

    /// The track of `channels` with the usual mapping: 1 and 2 of family 0, up to 8 in Vorbis order.
    ///
    /// # Errors
    /// For 0 and more than 8 channels.
    pub fn from_channels(channels: u8) -> Result<Opus, ParameterError> {
        let wrong = ParameterError::BadOpusConfig { what: "number of channels" };
        let mut dops = BytesMut::with_capacity(HEADER_BYTES + 10);
        dops.put_slice(&[0, channels]);
        dops.put_u16(PRE_SKIP);
        dops.put_u32(Opus::SAMPLE_RATE);
        dops.put_u16(0); // OutputGain
        match channels {
            1 | 2 => dops.put_u8(0),
            3..=8 => {
                let (coupled, order) = SURROUND[usize::from(channels) - 3];
                dops.put_slice(&[1, channels - coupled, coupled]);
                dops.put_slice(order);
            }
            _ => return Err(wrong),
        }
        Opus::from_dops(dops.freeze())
    }

    /// The track that the `channel_config_code` of MPEG-TS means: the number of channels in the usual
    /// mapping, 0 for two that are not coupled.
    ///
    /// # Errors
    /// For codes above 8, which need a mapping beside them.
    pub fn from_ts_channel_config(code: u8) -> Result<Opus, ParameterError> {
        if code > 0 {
            return Opus::from_channels(code);
        }
        let mut dops = Opus::from_channels(2)?.dops[..HEADER_BYTES - 1].to_vec();
        dops.extend_from_slice(&[255, 2, 0, 0, 1]);
        Opus::from_dops(dops.into())
    }

    /// The track as an `OpusHead`.
    #[must_use]
    pub fn head(&self) -> Bytes {
        let mut head = BytesMut::with_capacity(MAGIC.len() + self.dops.len());
        head.put_slice(MAGIC);
        if let Some((&[_, channels, s1, s0, r3, r2, r1, r0, g1, g0, family], mapping)) =
            self.dops.split_first_chunk::<HEADER_BYTES>()
        {
            head.put_slice(&[1, channels, s0, s1, r0, r1, r2, r3, g0, g1, family]);
            head.put_slice(mapping);
        }
        head.freeze()
    }

    /// How long a packet sounds, 2.5 to 120 ms; `None` where its first bytes cannot be.
    #[must_use]
    pub fn packet_duration(packet: &[u8]) -> Option<Span> {
        let toc = *packet.first()?;
        let frame = match toc >> 3 {
            config @ 0..=11 => [480, 960, 1_920, 2_880][usize::from(config & 3)],
            config @ 12..=15 => [480, 960][usize::from(config & 1)],
            config => [120, 240, 480, 960][usize::from(config & 3)],
        };
        let frames = match toc & 3 {
            0 => 1,
            1 | 2 => 2,
            _ => i64::from(packet.get(1)? & 0x3f),
        };
        let samples = Some(frame * frames).filter(|samples| (1..=PACKET_SAMPLES_MAX).contains(samples))?;
        Some(Span::from_ticks(samples, Timescale::new(Opus::SAMPLE_RATE)?))
    }
}

/// Bytes of the channel mapping table behind `family`, the first byte of `rest`.
fn check_mapping(channels: u8, rest: &[u8]) -> Result<usize, ParameterError> {
    let wrong = |what| Err(ParameterError::BadOpusConfig { what });
    match (rest.first(), channels) {
        (None, _) => Err(ParameterError::Truncated { what: "OpusSpecificBox" }),
        (_, 0) => wrong("number of channels"),
        (Some(0), 1 | 2) => Ok(0),
        (Some(0), _) => wrong("number of channels for mapping family 0"),
        (Some(_), _) => {
            let table_len = 2 + usize::from(channels);
            let Some(table) = rest.get(1..=table_len) else {
                return Err(ParameterError::Truncated { what: "channel mapping table of Opus" });
            };
            let (streams, coupled) = (u16::from(table[0]), u16::from(table[1]));
            let decoded = streams + coupled;
            let sound = streams > 0 && coupled <= streams && decoded <= 255;
            if !sound || table[2..].iter().any(|&index| index != 255 && u16::from(index) >= decoded) {
                return wrong("channel mapping table");
            }
            Ok(table_len)
        }
    }
}

const MAGIC: &[u8] = b"OpusHead";

/// Version to mapping family, in `dOps` and, little-endian, in `OpusHead`.
const HEADER_BYTES: usize = 11;

/// What libopus looks ahead at 48 kHz: taken where the stream does not say.
const PRE_SKIP: u16 = 312;

/// A packet lasts 120 ms at most (RFC 6716 §3.2.5), here in samples.
const PACKET_SAMPLES_MAX: i64 = 5_760;

/// Coupled streams and channel order of 3 to 8 channels (RFC 7845 §5.1.1.2).
const SURROUND: [(u8, &[u8]); 6] = [
    (1, &[0, 2, 1]),
    (2, &[0, 1, 2, 3]),
    (2, &[0, 4, 1, 2, 3]),
    (2, &[0, 4, 1, 2, 3, 5]),
    (2, &[0, 4, 1, 2, 3, 5, 6]),
    (3, &[0, 6, 1, 2, 3, 4, 5, 7]),
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_forms_of_mp4_and_ogg_say_the_same() {
        for channels in 1..=8 {
            let opus = Opus::from_channels(channels).expect("a usual layout");
            assert_eq!((opus.channels, opus.pre_skip), (channels, 312));
            assert_eq!(Opus::from_head(&opus.head()), Ok(opus.clone()));
            assert_eq!(Opus::from_dops(opus.dops.clone()), Ok(opus));
        }
    }

    #[test]
    fn the_codes_of_mpeg_ts_are_read() {
        assert_eq!(Opus::from_ts_channel_config(2), Opus::from_channels(2));
        let dual_mono = Opus::from_ts_channel_config(0).expect("two single channels");
        assert_eq!((dual_mono.channels, dual_mono.dops[10]), (2, 255));
        assert!(Opus::from_ts_channel_config(0x81).is_err());
    }

    #[test]
    fn a_packet_tells_how_long_it_lasts() {
        let check = |packet: &[u8], expected_us: Option<i64>| {
            let duration = Opus::packet_duration(packet);
            let rate = Timescale::new(Opus::SAMPLE_RATE).expect("not 0");
            let expected = expected_us.map(|us| Span::from_ticks(us * 48 / 1_000, rate));
            assert_eq!(duration, expected, "{packet:?}");
        };
        check(&[0xfc, 0xff, 0xfe], Some(20_000)); // CELT, 20 ms, one frame
        check(&[0x80], Some(2_500));
        check(&[0x18], Some(60_000)); // SILK, 60 ms
        check(&[0xf9, 0], Some(40_000)); // two frames of 20 ms
        check(&[0xfb, 3], Some(60_000)); // three of them
        check(&[0x1b, 3], None); // 180 ms are too long
        check(&[0xfb], None);
        check(&[0xfb, 0], None);
        check(&[], None);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        assert!(Opus::from_dops(Bytes::from_static(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])).is_err());
        assert!(Opus::from_dops(Bytes::from_static(&[0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0])).is_err());
        assert!(Opus::from_dops(Bytes::from_static(&[0, 2, 0, 0])).is_err());
        assert!(Opus::from_head(b"OpusTags").is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = Opus::packet_duration(&bytes);
            let _ = Opus::from_head(&[MAGIC, &bytes].concat());
            if let Ok(opus) = Opus::from_dops(bytes.into()) {
                prop_assert!(opus.channels > 0);
            }
        }
    }
}

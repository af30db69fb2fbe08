//! What packets hold, as a transport stream carries it: byte streams with parameter sets, ADTS, Opus with its
//! control header.
//!
//! Spec: ITU-T H.264 annex B; ISO/IEC 14496-3 §1.A.2.2 (ADTS); ETSI TS Opus 0.1.3-draft (Opus).

use bytes::{BufMut as _, Bytes, BytesMut};
use media::{Aac, Opus, Packet, nal};

/// Writes an access unit of H.264 or HEVC as a byte stream: a delimiter, `sets` where decoding can start, the units.
///
/// A length that passes the packet's end, which no packet of ours has, ends the unit there.
pub(super) fn byte_stream(packet: &Packet, delimiter: &[u8], sets: &[Bytes], out: &mut BytesMut) {
    let mut put = |unit: &[u8]| {
        out.put_slice(&[0, 0, 0, 1]);
        out.put_slice(unit);
    };
    put(delimiter);
    if packet.random_access {
        sets.iter().for_each(|set| put(set));
    }
    nal::length_prefixed_units(&packet.data, 4).flatten().for_each(put);
}

/// The fields of an ADTS header that stay the same.
#[derive(Clone, Copy, Debug)]
pub(super) struct Adts {
    profile: u8,
    rate_index: u8,
    channels: u8,
}

impl Adts {
    /// `None` for what ADTS has no fields for.
    pub(super) fn new(aac: &Aac) -> Option<Adts> {
        let object_type = aac.asc.first()? >> 3;
        let (profile, channels) = match object_type {
            1..=4 => (object_type - 1, aac.channels),
            // HE-AAC announces the core that it is built on; a decoder finds the rest by itself.
            SPECTRAL_BAND_REPLICATION => (LOW_COMPLEXITY, aac.channels),
            PARAMETRIC_STEREO => (LOW_COMPLEXITY, 1),
            _ => return None,
        };
        let rate_index = SAMPLE_RATES.iter().position(|&rate| rate == aac.sample_rate)? as u8;
        let channels = match channels {
            1..=6 => channels,
            8 => 7,
            _ => return None,
        };
        Some(Adts { profile, rate_index, channels })
    }

    /// Writes one access unit behind its header; `false` when it is too long for one.
    pub(super) fn write(self, data: &[u8], out: &mut BytesMut) -> bool {
        let bytes = data.len() + ADTS_BYTES;
        if bytes > ADTS_BYTES_MAX {
            return false;
        }
        out.put_slice(&[
            0xff,
            0xf1,
            self.profile << 6 | self.rate_index << 2 | self.channels >> 2,
            (self.channels & 3) << 6 | (bytes >> 11) as u8,
            (bytes >> 3) as u8,
            ((bytes & 7) as u8) << 5 | 0x1f,
            0xfc,
        ]);
        out.put_slice(data);
        true
    }
}

/// The `channel_config_code` of a track; `None` for mappings that have none.
pub(super) fn opus_channels(opus: &Opus) -> Option<u8> {
    let code = opus.channels;
    let usual =
        Opus::from_channels(code).ok().filter(|usual| usual.dops[DOPS_FAMILY..] == opus.dops[DOPS_FAMILY..]);
    usual.map(|_| code)
}

/// Writes one access unit of Opus behind its control header.
pub(super) fn opus(data: &[u8], out: &mut BytesMut) {
    out.put_slice(&[0x7f, 0xe0]);
    let mut rest = data.len();
    while rest >= 0xff {
        out.put_u8(0xff);
        rest -= 0xff;
    }
    out.put_u8(rest as u8);
    out.put_slice(data);
}

const SPECTRAL_BAND_REPLICATION: u8 = 5;
const PARAMETRIC_STEREO: u8 = 29;
/// AAC LC as ADTS counts profiles.
const LOW_COMPLEXITY: u8 = 1;
/// Bytes of an ADTS header without a CRC.
const ADTS_BYTES: usize = 7;
/// `aac_frame_length` has 13 bits.
const ADTS_BYTES_MAX: usize = 0x1fff;
/// Where the channel mapping stands in `dOps`.
const DOPS_FAMILY: usize = 10;
/// By `sampling_frequency_index`.
const SAMPLE_RATES: [u32; 13] =
    [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];

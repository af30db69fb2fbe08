//! Codec names for playlists and `MediaSource.isTypeSupported`.

use media::Codec;

/// The `codecs` parameter of a track: `avc1.64001f`, `mp4a.40.2`.
///
/// Spec: RFC 6381 §3.3, §3.4; ISO/IEC 14496-15 annex E.
#[must_use]
pub fn codec_string(codec: &Codec) -> String {
    match codec {
        Codec::H264(h264) => match h264.avcc.get(1..4) {
            Some(&[profile, constraints, level]) => format!("avc1.{profile:02x}{constraints:02x}{level:02x}"),
            _ => "avc1".to_owned(),
        },
        Codec::Aac(aac) => format!("mp4a.40.{}", object_type(&aac.asc)),
        _ => codec.name().to_lowercase(),
    }
}

/// `audioObjectType` of an `AudioSpecificConfig`; AAC LC when it is empty.
fn object_type(asc: &[u8]) -> u8 {
    match asc {
        [first, second, ..] if first >> 3 == 31 => 32 + ((first & 7) << 3 | second >> 5),
        [first, ..] => first >> 3,
        [] => 2,
    }
}

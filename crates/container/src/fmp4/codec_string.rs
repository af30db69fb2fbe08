//! Codec names for playlists and `MediaSource.isTypeSupported`.

use media::{Av1, Codec, Hevc};

/// The `codecs` parameter of a track: `avc1.64001f`, `hvc1.1.6.L93.90`, `av01.0.05M.08`, `mp4a.40.2`, `opus`.
///
/// Spec: RFC 6381 §3.3, §3.4; ISO/IEC 14496-15 annex E; AV1 codec ISO media file format binding §5.
#[must_use]
pub fn codec_string(codec: &Codec) -> String {
    match codec {
        Codec::H264(h264) => match h264.avcc.get(1..4) {
            Some(&[profile, constraints, level]) => format!("avc1.{profile:02x}{constraints:02x}{level:02x}"),
            _ => "avc1".to_owned(),
        },
        Codec::Hevc(hevc) => hevc_string(hevc),
        Codec::Av1(av1) => av1_string(av1),
        Codec::Aac(aac) => format!("mp4a.40.{}", object_type(&aac.asc)),
        _ => codec.name().to_lowercase(),
    }
}

/// Profile, compatibility flags in reverse order, tier and level, then the constraint flags without the
/// zero bytes at their end (ISO/IEC 14496-15 §E.3).
fn hevc_string(hevc: &Hevc) -> String {
    let Some(profile) = hevc.profile_tier_level() else { return "hvc1".to_owned() };
    let space = ["", "A", "B", "C"][usize::from(profile.profile_space & 3)];
    let tier = if profile.high_tier { 'H' } else { 'L' };
    let idc = profile.profile_idc;
    let compatibility = profile.compatibility.reverse_bits();
    let mut name = format!("hvc1.{space}{idc}.{compatibility:X}.{tier}{}", profile.level_idc);
    let told = profile.constraints.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    for byte in &profile.constraints[..told] {
        name.push_str(&format!(".{byte:X}"));
    }
    name
}

/// Profile, level, tier and bit depth; the colour is left to the bitstream.
fn av1_string(av1: &Av1) -> String {
    let Some(&[first, second]) = av1.av1c.get(1..3) else { return "av01".to_owned() };
    let (profile, level) = (first >> 5, first & 0x1f);
    let tier = if second & 0x80 == 0 { 'M' } else { 'H' };
    let depth = match (second & 0x40 != 0, second & 0x20 != 0) {
        (true, true) => 12,
        (true, false) => 10,
        (false, _) => 8,
    };
    format!("av01.{profile}.{level:02}{tier}.{depth:02}")
}

/// `audioObjectType` of an `AudioSpecificConfig`; AAC LC when it is empty.
fn object_type(asc: &[u8]) -> u8 {
    match asc {
        [first, second, ..] if first >> 3 == 31 => 32 + ((first & 7) << 3 | second >> 5),
        [first, ..] => first >> 3,
        [] => 2,
    }
}

//! The video usability information that H.264 and HEVC share.
//!
//! Spec: ITU-T H.264 Annex E; ITU-T H.265 Annex E.

use crate::bits::Bits;
use crate::codec::Rational;

/// Width to height of one pixel; 1:1 where the stream leaves it open.
pub(crate) fn read_sample_aspect_ratio(bits: &mut Bits<'_>) -> Option<Rational> {
    if !bits.flag()? {
        return Some(Rational::ONE);
    }
    let (num, den) = match bits.bits(8)? {
        ASPECT_EXTENDED => (bits.bits(16)?, bits.bits(16)?),
        known => *ASPECTS.get(known as usize).unwrap_or(&(0, 0)),
    };
    // 0 means unspecified, and so do the reserved codes.
    Some(Rational::new(num, den).filter(|ratio| ratio.num > 0).unwrap_or(Rational::ONE))
}

/// Passes over what stands between the shape of a pixel and the rest: overscan, signal type, chroma siting.
pub(crate) fn skip_signal(bits: &mut Bits<'_>) -> Option<()> {
    if bits.flag()? {
        bits.flag()?; // overscan_appropriate_flag
    }
    if bits.flag()? {
        bits.bits(4)?; // video_format, video_full_range_flag
        if bits.flag()? {
            bits.bits(24)?; // colour_primaries, transfer_characteristics, matrix_coefficients
        }
    }
    if bits.flag()? {
        bits.ue()?; // chroma_sample_loc_type_top_field
        bits.ue()?; // chroma_sample_loc_type_bottom_field
    }
    Some(())
}

/// Frames per second in lowest terms; `None` where nobody can mean it.
pub(crate) fn frame_rate(ticks_per_second: u32, ticks_per_frame: u32) -> Option<Rational> {
    let rate = Rational::new(ticks_per_second, ticks_per_frame)?;
    (FRAME_RATE_MIN..=FRAME_RATE_MAX).contains(&rate.as_f64()).then(|| reduced(rate))
}

fn reduced(ratio: Rational) -> Rational {
    let (mut a, mut b) = (ratio.num, ratio.den);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    let divisor = a.max(1);
    Rational { num: ratio.num / divisor, den: ratio.den / divisor }
}

/// Frames per second that are believed: encoders that do not know the rate write their time base
/// (1 000 for milliseconds, 90 000) instead.
const FRAME_RATE_MIN: f64 = 0.1;
const FRAME_RATE_MAX: f64 = 300.0;

const ASPECT_EXTENDED: u32 = 255;

/// `aspect_ratio_idc` (H.264 and H.265 table E-1).
const ASPECTS: [(u32, u32); 17] = [
    (0, 0),
    (1, 1),
    (12, 11),
    (10, 11),
    (16, 11),
    (40, 33),
    (24, 11),
    (20, 11),
    (32, 11),
    (80, 33),
    (18, 11),
    (15, 11),
    (64, 33),
    (160, 99),
    (4, 3),
    (3, 2),
    (2, 1),
];

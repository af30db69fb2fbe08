//! What the sequence parameter set of H.264 tells about the picture.
//!
//! Spec: ITU-T H.264 §7.3.2.1.1 and Annex E.

use crate::bits::Bits;
use crate::codec::{ParameterError, Rational, Size};
use crate::{nal, vui};

/// The part of a sequence parameter set that anything here asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sps {
    pub(crate) profile_idc: u8,
    pub(crate) constraints: u8,
    pub(crate) level_idc: u8,
    pub(crate) chroma_format_idc: u8,
    pub(crate) bit_depth_luma: u8,
    pub(crate) bit_depth_chroma: u8,
    pub(crate) size: Size,
    pub(crate) sample_aspect_ratio: Rational,
    pub(crate) frame_rate: Option<Rational>,
}

/// Reads the unit `sps`, header byte included.
pub(crate) fn parse(sps: &[u8]) -> Result<Sps, ParameterError> {
    if nal::unit_type(sps) != nal::SPS || sps.len() > SPS_BYTES_MAX {
        return Err(ParameterError::BadSps);
    }
    read(&mut Bits::of_payload(sps)).ok_or(ParameterError::BadSps)?
}

/// `None` when the bits end early or hold a value outside its range.
fn read(bits: &mut Bits<'_>) -> Option<Result<Sps, ParameterError>> {
    let profile_idc = bits.bits(8)? as u8;
    let constraints = bits.bits(8)? as u8;
    let level_idc = bits.bits(8)? as u8;
    bits.ue().filter(|&id| id < 32)?;
    let chroma = if has_chroma_info(profile_idc) { read_chroma(bits)? } else { Chroma::default() };
    bits.ue().filter(|&log2_max_frame_num_minus4| log2_max_frame_num_minus4 <= 12)?;
    skip_picture_order(bits)?;
    bits.ue()?; // max_num_ref_frames
    bits.flag()?; // gaps_in_frame_num_value_allowed_flag
    let width_mbs = bits.ue()?.checked_add(1)?;
    let height_map_units = bits.ue()?.checked_add(1)?;
    let frame_mbs_only = bits.flag()?;
    if !frame_mbs_only {
        bits.flag()?; // mb_adaptive_frame_field_flag
    }
    bits.flag()?; // direct_8x8_inference_flag
    let field_factor = if frame_mbs_only { 1 } else { 2 };
    let coded = Size {
        width: width_mbs.checked_mul(MACROBLOCK)?,
        height: height_map_units.checked_mul(MACROBLOCK * field_factor)?,
    };
    let size = crop(bits, coded, &chroma, field_factor)?;
    if size.width > SIDE_MAX || size.height > SIDE_MAX {
        return Some(Err(ParameterError::TooLarge { width: size.width, height: size.height, max: SIDE_MAX }));
    }
    // Writers of broken VUIs exist and decoders play them: what can be read counts.
    let (sample_aspect_ratio, frame_rate) = if bits.flag()? { read_vui(bits) } else { (Rational::ONE, None) };
    Some(Ok(Sps {
        profile_idc,
        constraints,
        level_idc,
        chroma_format_idc: chroma.format_idc,
        bit_depth_luma: chroma.bit_depth_luma,
        bit_depth_chroma: chroma.bit_depth_chroma,
        size,
        sample_aspect_ratio,
        frame_rate,
    }))
}

struct Chroma {
    format_idc: u8,
    separate_planes: bool,
    bit_depth_luma: u8,
    bit_depth_chroma: u8,
}

impl Default for Chroma {
    fn default() -> Chroma {
        Chroma { format_idc: 1, separate_planes: false, bit_depth_luma: 8, bit_depth_chroma: 8 }
    }
}

fn has_chroma_info(profile_idc: u8) -> bool {
    matches!(profile_idc, 100 | 110 | 122 | 244 | 44 | 83 | 86 | 118 | 128 | 138 | 139 | 134 | 135)
}

fn read_chroma(bits: &mut Bits<'_>) -> Option<Chroma> {
    let format_idc = bits.ue().filter(|&idc| idc <= 3)? as u8;
    let separate_planes = format_idc == 3 && bits.flag()?;
    let bit_depth_luma = 8 + bits.ue().filter(|&depth| depth <= 6)? as u8;
    let bit_depth_chroma = 8 + bits.ue().filter(|&depth| depth <= 6)? as u8;
    bits.flag()?; // qpprime_y_zero_transform_bypass_flag
    if bits.flag()? {
        let lists = if format_idc == 3 { 12 } else { 8 };
        for list in 0..lists {
            if bits.flag()? {
                skip_scaling_list(bits, if list < 6 { 16 } else { 64 })?;
            }
        }
    }
    Some(Chroma { format_idc, separate_planes, bit_depth_luma, bit_depth_chroma })
}

fn skip_scaling_list(bits: &mut Bits<'_>, size: u32) -> Option<()> {
    let mut last = 8;
    for _ in 0..size {
        let delta = bits.se().filter(|delta| (-128..=127).contains(delta))?;
        let next = (last + delta + 256) % 256;
        if next == 0 {
            return Some(());
        }
        last = next;
    }
    Some(())
}

fn skip_picture_order(bits: &mut Bits<'_>) -> Option<()> {
    match bits.ue()? {
        0 => {
            bits.ue()?; // log2_max_pic_order_cnt_lsb_minus4
        }
        1 => {
            bits.flag()?; // delta_pic_order_always_zero_flag
            bits.se()?; // offset_for_non_ref_pic
            bits.se()?; // offset_for_top_to_bottom_field
            let cycle = bits.ue().filter(|&frames| frames <= 255)?;
            for _ in 0..cycle {
                bits.se()?; // offset_for_ref_frame
            }
        }
        2 => {}
        _ => return None,
    }
    Some(())
}

/// The coded size without `frame_crop_*` (H.264 §7.4.2.1.1), which count chroma samples.
fn crop(bits: &mut Bits<'_>, coded: Size, chroma: &Chroma, field_factor: u32) -> Option<Size> {
    if !bits.flag()? {
        return Some(coded);
    }
    let (unit_x, unit_y) = match chroma.format_idc {
        _ if chroma.separate_planes => (1, field_factor),
        1 => (2, 2 * field_factor),
        2 => (2, field_factor),
        _ => (1, field_factor),
    };
    let mut edge = |unit: u32| bits.ue()?.checked_mul(unit);
    let across = edge(unit_x)?.checked_add(edge(unit_x)?)?;
    let down = edge(unit_y)?.checked_add(edge(unit_y)?)?;
    let width = coded.width.checked_sub(across).filter(|&width| width > 0)?;
    let height = coded.height.checked_sub(down).filter(|&height| height > 0)?;
    Some(Size { width, height })
}

fn read_vui(bits: &mut Bits<'_>) -> (Rational, Option<Rational>) {
    let Some(aspect) = vui::read_sample_aspect_ratio(bits) else { return (Rational::ONE, None) };
    (aspect, read_frame_rate(bits).flatten())
}

fn read_frame_rate(bits: &mut Bits<'_>) -> Option<Option<Rational>> {
    vui::skip_signal(bits)?;
    if !bits.flag()? {
        return Some(None);
    }
    let units_in_tick = bits.bits(32)?;
    let ticks_per_second = bits.bits(32)?;
    // One tick is one field, so a frame takes two (H.264 §E.2.1).
    Some(units_in_tick.checked_mul(2).and_then(|per_frame| vui::frame_rate(ticks_per_second, per_frame)))
}

const MACROBLOCK: u32 = 16;

/// Bytes in one parameter set: real ones have under 200, the length field of the record holds 65 535.
pub(crate) const SPS_BYTES_MAX: usize = 4_096;

/// Pixels in a row or column: level 6.2 reaches 16 888, as does HEVC's.
pub(crate) const SIDE_MAX: u32 = 16_888;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Big Buck Bunny at 800×640, High, level 3.1, 30 fps, with pixels of 64:45, as libx264 wrote it.
    const ANAMORPHIC: &[u8] = &[
        0x67, 0x64, 0x00, 0x1f, 0xac, 0xd9, 0x00, 0xc8, 0x14, 0x6f, 0xfc, 0x01, 0x00, 0x00, 0xb4, 0x40, 0x00,
        0x00, 0x03, 0x00, 0x40, 0x00, 0x00, 0x0f, 0x23, 0xc6, 0x0c, 0x65, 0x80,
    ];
    /// The same film at 426×238, High, 24000/1001 fps.
    const CROPPED: &[u8] = &[
        0x67, 0x64, 0x00, 0x15, 0xac, 0xec, 0x1b, 0x1f, 0xe4, 0xaf, 0xfc, 0x07, 0x24, 0x07, 0x30, 0x40, 0x00,
        0x00, 0xfa, 0x40, 0x00, 0x2e, 0xe0, 0x03, 0xc5, 0x8b, 0x4e,
    ];

    #[test]
    fn size_pixel_shape_and_rate_are_read() {
        let sps = parse(ANAMORPHIC).expect("a real parameter set");
        assert_eq!((sps.profile_idc, sps.level_idc), (100, 31));
        assert_eq!(sps.size, Size::new(800, 640));
        assert_eq!(sps.sample_aspect_ratio, Rational { num: 64, den: 45 });
        assert_eq!(sps.frame_rate, Some(Rational { num: 30, den: 1 }));
    }

    #[test]
    fn the_size_is_the_one_after_cropping() {
        let sps = parse(CROPPED).expect("a real parameter set");
        assert_eq!(sps.size, Size::new(426, 238));
        assert_eq!(sps.frame_rate, Some(Rational { num: 24_000, den: 1_001 }));
    }

    #[test]
    fn another_unit_is_refused() {
        assert_eq!(parse(&[0x68, 1, 2, 3]), Err(ParameterError::BadSps));
        assert_eq!(parse(&[]), Err(ParameterError::BadSps));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..64),
                                              cut in 0..ANAMORPHIC.len(), flips in prop::collection::vec((0..ANAMORPHIC.len(), any::<u8>()), 0..4)) {
            if let Some(first) = bytes.first_mut() {
                *first = 0x67;
            }
            let _ = parse(&bytes);
            let _ = parse(&ANAMORPHIC[..cut]);
            let mut mutated = ANAMORPHIC.to_vec();
            for (at, value) in flips {
                mutated[at] = value;
            }
            let _ = parse(&mutated);
        }
    }
}

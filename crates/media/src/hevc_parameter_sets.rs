//! What the sequence and the video parameter set of HEVC tell.
//!
//! Spec: ITU-T H.265 §7.3.2.1, §7.3.2.2, §7.3.3, §7.3.4, §7.3.7 and §E.2.1.

use crate::bits::Bits;
use crate::codec::{ParameterError, Rational, Size};
use crate::nal::hevc;
use crate::{sps, vui};

/// The part of a sequence parameter set that anything here asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sps {
    /// `general_profile_space` to `general_level_idc`, byte for byte as `hvcC` has them.
    pub(crate) profile_tier_level: [u8; 12],
    pub(crate) temporal_layers: u8,
    pub(crate) temporal_id_nested: bool,
    pub(crate) chroma_format_idc: u8,
    pub(crate) bit_depth_luma: u8,
    pub(crate) bit_depth_chroma: u8,
    pub(crate) size: Size,
    pub(crate) sample_aspect_ratio: Rational,
    pub(crate) frame_rate: Option<Rational>,
}

/// Reads the unit `sps`, header included.
pub(crate) fn parse_sps(sps: &[u8]) -> Result<Sps, ParameterError> {
    if hevc::unit_type(sps) != hevc::SPS || sps.len() > sps::SPS_BYTES_MAX {
        return Err(ParameterError::BadSps);
    }
    let parsed = read_sps(&mut payload(sps)).ok_or(ParameterError::BadSps)?;
    let Size { width, height } = parsed.size;
    if width > sps::SIDE_MAX || height > sps::SIDE_MAX {
        return Err(ParameterError::TooLarge { width, height, max: sps::SIDE_MAX });
    }
    Ok(parsed)
}

/// Frames per second as the unit `vps` promises them.
pub(crate) fn vps_frame_rate(vps: &[u8]) -> Option<Rational> {
    if vps.len() > sps::SPS_BYTES_MAX {
        return None;
    }
    let bits = &mut payload(vps);
    bits.skip(4 + 2 + 6)?; // id, base layer flags, vps_max_layers_minus1
    let sub_layers_minus1 = bits.bits(3)?;
    bits.skip(1 + 16)?; // vps_temporal_id_nesting_flag, reserved
    read_profile_tier_level(bits, sub_layers_minus1)?;
    skip_sub_layer_ordering(bits, sub_layers_minus1)?;
    let layer_ids = bits.bits(6)? as usize + 1;
    let layer_sets_minus1 = bits.ue().filter(|&sets| sets < 1_024)? as usize;
    bits.skip(layer_sets_minus1 * layer_ids)?;
    if bits.flag()? { read_timing(bits) } else { None }
}

/// The bits after the header of two bytes.
fn payload(unit: &[u8]) -> Bits<'static> {
    Bits::of_payload(unit.get(hevc::HEADER_BYTES - 1..).unwrap_or_default())
}

/// `None` when the bits end early or hold a value outside its range.
fn read_sps(bits: &mut Bits<'_>) -> Option<Sps> {
    bits.bits(4)?; // sps_video_parameter_set_id
    let sub_layers_minus1 = bits.bits(3).filter(|&layers| layers <= 6)?;
    let temporal_id_nested = bits.flag()?;
    let profile_tier_level = read_profile_tier_level(bits, sub_layers_minus1)?;
    bits.ue().filter(|&id| id < 16)?;
    let chroma_format_idc = bits.ue().filter(|&idc| idc <= 3)? as u8;
    let separate_planes = chroma_format_idc == 3 && bits.flag()?;
    let coded = Size { width: bits.ue()?, height: bits.ue()? };
    let size = crop(bits, coded, if separate_planes { 0 } else { chroma_format_idc })?;
    let bit_depth_luma = 8 + bits.ue().filter(|&depth| depth <= 8)? as u8;
    let bit_depth_chroma = 8 + bits.ue().filter(|&depth| depth <= 8)? as u8;
    // Writers of broken VUIs exist and decoders play them: what can be read counts.
    let (sample_aspect_ratio, frame_rate) =
        read_usability(bits, sub_layers_minus1).unwrap_or((Rational::ONE, None));
    Some(Sps {
        profile_tier_level,
        temporal_layers: sub_layers_minus1 as u8 + 1,
        temporal_id_nested,
        chroma_format_idc,
        bit_depth_luma,
        bit_depth_chroma,
        size,
        sample_aspect_ratio,
        frame_rate,
    })
}

fn read_profile_tier_level(bits: &mut Bits<'_>, sub_layers_minus1: u32) -> Option<[u8; 12]> {
    let mut general = [0; 12];
    for byte in &mut general {
        *byte = bits.bits(8)? as u8;
    }
    if sub_layers_minus1 == 0 {
        return Some(general);
    }
    let mut present_bits = 0;
    for layer in 0..8 {
        let (profile, level) = (bits.flag()?, bits.flag()?);
        if layer < sub_layers_minus1 {
            present_bits += usize::from(profile) * 88 + usize::from(level) * 8;
        }
    }
    bits.skip(present_bits)?;
    Some(general)
}

fn skip_sub_layer_ordering(bits: &mut Bits<'_>, sub_layers_minus1: u32) -> Option<()> {
    let layers = if bits.flag()? { sub_layers_minus1 + 1 } else { 1 };
    for _ in 0..layers * 3 {
        bits.ue()?; // max_dec_pic_buffering_minus1, max_num_reorder_pics, max_latency_increase_plus1
    }
    Some(())
}

/// The coded size without the conformance window, whose edges count chroma samples.
fn crop(bits: &mut Bits<'_>, coded: Size, chroma_format: u8) -> Option<Size> {
    let mut edges = [0; 4];
    if bits.flag()? {
        for edge in &mut edges {
            *edge = bits.ue()?;
        }
    }
    let unit_x = if matches!(chroma_format, 1 | 2) { 2 } else { 1 };
    let unit_y = if chroma_format == 1 { 2 } else { 1 };
    let across = edges[0].checked_add(edges[1])?.checked_mul(unit_x)?;
    let down = edges[2].checked_add(edges[3])?.checked_mul(unit_y)?;
    let width = coded.width.checked_sub(across).filter(|&width| width > 0)?;
    let height = coded.height.checked_sub(down).filter(|&height| height > 0)?;
    Some(Size { width, height })
}

/// The shape of a pixel and the frame rate, behind everything that describes the coding.
fn read_usability(bits: &mut Bits<'_>, sub_layers_minus1: u32) -> Option<(Rational, Option<Rational>)> {
    let order_bits = bits.ue().filter(|&log2_minus4| log2_minus4 <= 12)? as usize + 4;
    skip_sub_layer_ordering(bits, sub_layers_minus1)?;
    for _ in 0..6 {
        bits.ue()?; // sizes of coding and transform blocks, transform depths
    }
    if bits.flag()? && bits.flag()? {
        skip_scaling_lists(bits)?;
    }
    bits.skip(2)?; // amp_enabled_flag, sample_adaptive_offset_enabled_flag
    if bits.flag()? {
        bits.skip(4 + 4)?; // pcm_sample_bit_depth_luma_minus1, …_chroma_minus1
        bits.ue()?;
        bits.ue()?;
        bits.flag()?; // pcm_loop_filter_disabled_flag
    }
    skip_short_term_sets(bits)?;
    if bits.flag()? {
        let long_term = bits.ue().filter(|&pictures| pictures <= 32)? as usize;
        bits.skip(long_term * (order_bits + 1))?;
    }
    bits.skip(2)?; // sps_temporal_mvp_enabled_flag, strong_intra_smoothing_enabled_flag
    if !bits.flag()? {
        return Some((Rational::ONE, None));
    }
    let aspect = vui::read_sample_aspect_ratio(bits)?;
    Some((aspect, read_vui_timing(bits)))
}

fn read_vui_timing(bits: &mut Bits<'_>) -> Option<Rational> {
    vui::skip_signal(bits)?;
    bits.skip(3)?; // neutral_chroma_indication_flag, field_seq_flag, frame_field_info_present_flag
    if bits.flag()? {
        for _ in 0..4 {
            bits.ue()?; // the default display window is a hint that players ignore
        }
    }
    if bits.flag()? { read_timing(bits) } else { None }
}

/// One tick is one picture, unlike in H.264 (§E.3.1).
fn read_timing(bits: &mut Bits<'_>) -> Option<Rational> {
    let units_in_tick = bits.bits(32)?;
    vui::frame_rate(bits.bits(32)?, units_in_tick)
}

fn skip_scaling_lists(bits: &mut Bits<'_>) -> Option<()> {
    for size_id in 0..4_u32 {
        for _ in (0..6).step_by(if size_id == 3 { 3 } else { 1 }) {
            if !bits.flag()? {
                bits.ue()?; // scaling_list_pred_matrix_id_delta
                continue;
            }
            let coefficients = 64.min(1 << (4 + (size_id << 1)));
            for _ in 0..coefficients + u32::from(size_id > 1) {
                bits.se()?;
            }
        }
    }
    Some(())
}

fn skip_short_term_sets(bits: &mut Bits<'_>) -> Option<()> {
    let sets = bits.ue().filter(|&sets| sets <= 64)?;
    let mut pictures = 0;
    for set in 0..sets {
        pictures = if set > 0 && bits.flag()? {
            bits.flag()?; // delta_rps_sign
            bits.ue()?; // abs_delta_rps_minus1
            let mut kept = 0;
            for _ in 0..=pictures {
                // use_delta_flag stands only behind an unused picture.
                kept += u32::from(bits.flag()? || bits.flag()?);
            }
            kept
        } else {
            let before = bits.ue().filter(|&pictures| pictures <= 16)?;
            let after = bits.ue().filter(|&pictures| pictures <= 16)?;
            for _ in 0..before + after {
                bits.ue()?; // delta_poc_minus1
                bits.flag()?; // used_by_curr_pic_flag
            }
            before + after
        };
        if pictures > 16 {
            return None;
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(mut bytes in prop::collection::vec(any::<u8>(), 2..96)) {
            bytes[0] = hevc::SPS << 1;
            let _ = parse_sps(&bytes);
            let _ = vps_frame_rate(&bytes);
        }
    }
}

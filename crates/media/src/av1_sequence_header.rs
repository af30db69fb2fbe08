//! What the sequence header of AV1 tells.
//!
//! Spec: AV1 bitstream and decoding process §5.5.

use crate::bits::Bits;
use crate::codec::{Rational, Size};
use crate::vui;

/// The part of a sequence header that anything here asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SequenceHeader {
    pub(crate) profile: u8,
    /// `seq_level_idx[0]`.
    pub(crate) level: u8,
    /// `seq_tier[0]`: the high tier.
    pub(crate) high_tier: bool,
    /// Every frame is a shown key frame whose header does not say so.
    pub(crate) reduced_still_picture: bool,
    pub(crate) size: Size,
    pub(crate) frame_rate: Option<Rational>,
    pub(crate) colour: Colour,
}

/// `color_config()` as far as `av1C` repeats it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Colour {
    pub(crate) high_bit_depth: bool,
    pub(crate) twelve_bit: bool,
    pub(crate) monochrome: bool,
    pub(crate) subsampling_x: bool,
    pub(crate) subsampling_y: bool,
    pub(crate) sample_position: u8,
}

/// Reads the payload of a sequence header OBU; `None` when it ends early or holds a reserved value.
pub(crate) fn parse(payload: &[u8]) -> Option<SequenceHeader> {
    let bits = &mut Bits::new(payload);
    let profile = bits.bits(3).filter(|&profile| profile <= 2)? as u8;
    bits.flag()?; // still_picture
    let reduced = bits.flag()?;
    let (level, high_tier, frame_rate) =
        if reduced { (bits.bits(5)? as u8, false, None) } else { read_operating_points(bits)? };
    let width_bits = bits.bits(4)? + 1;
    let height_bits = bits.bits(4)? + 1;
    let size = Size { width: bits.bits(width_bits)? + 1, height: bits.bits(height_bits)? + 1 };
    skip_tools(bits, reduced)?;
    let colour = read_colour(bits, profile)?;
    bits.flag()?; // film_grain_params_present
    let sequence = SequenceHeader {
        profile,
        level,
        high_tier,
        reduced_still_picture: reduced,
        size,
        frame_rate,
        colour,
    };
    Some(sequence)
}

/// Level and tier of the first operating point, and the frame rate where the interval is equal.
fn read_operating_points(bits: &mut Bits<'_>) -> Option<(u8, bool, Option<Rational>)> {
    let mut frame_rate = None;
    let mut delay_bits = None;
    if bits.flag()? {
        let units_in_tick = bits.bits(32)?;
        let ticks_per_second = bits.bits(32)?;
        if bits.flag()? {
            let ticks_per_picture = read_uvlc(bits)?.checked_add(1)?;
            let per_frame = units_in_tick.checked_mul(ticks_per_picture);
            frame_rate = per_frame.and_then(|per_frame| vui::frame_rate(ticks_per_second, per_frame));
        }
        if bits.flag()? {
            delay_bits = Some(bits.bits(5)? as usize + 1);
            bits.skip(32 + 5 + 5)?; // num_units_in_decoding_tick and two lengths
        }
    }
    let display_delays = bits.flag()?;
    let points = bits.bits(5)? + 1;
    let mut first = None;
    for _ in 0..points {
        bits.bits(12)?; // operating_point_idc
        let level = bits.bits(5)? as u8;
        let high_tier = level > LEVEL_WITHOUT_TIER_MAX && bits.flag()?;
        if let Some(delay_bits) = delay_bits
            && bits.flag()?
        {
            bits.skip(2 * delay_bits + 1)?; // decoder_buffer_delay, encoder_buffer_delay, low_delay_mode_flag
        }
        if display_delays && bits.flag()? {
            bits.bits(4)?;
        }
        first.get_or_insert((level, high_tier));
    }
    let (level, high_tier) = first?;
    Some((level, high_tier, frame_rate))
}

fn skip_tools(bits: &mut Bits<'_>, reduced: bool) -> Option<()> {
    if !reduced && bits.flag()? {
        bits.skip(4 + 3)?; // lengths of frame ids
    }
    bits.skip(3)?; // use_128x128_superblock, enable_filter_intra, enable_intra_edge_filter
    if !reduced {
        bits.skip(4)?; // interintra, masked and warped compounds, dual filter
        let order_hint = bits.flag()?;
        if order_hint {
            bits.skip(2)?; // enable_jnt_comp, enable_ref_frame_mvs
        }
        let screen_content = bits.flag()? || bits.flag()?;
        if screen_content && !bits.flag()? {
            bits.flag()?; // seq_force_integer_mv
        }
        if order_hint {
            bits.bits(3)?; // order_hint_bits_minus_1
        }
    }
    bits.skip(3) // enable_superres, enable_cdef, enable_restoration
}

fn read_colour(bits: &mut Bits<'_>, profile: u8) -> Option<Colour> {
    let high_bit_depth = bits.flag()?;
    let twelve_bit = profile == 2 && high_bit_depth && bits.flag()?;
    let monochrome = profile != 1 && bits.flag()?;
    let description = if bits.flag()? { bits.bits(24)? } else { UNSPECIFIED };
    let mut colour = Colour { high_bit_depth, twelve_bit, monochrome, ..Colour::default() };
    if monochrome {
        bits.flag()?; // color_range
        (colour.subsampling_x, colour.subsampling_y) = (true, true);
        return Some(colour);
    }
    if description != SRGB {
        bits.flag()?; // color_range
        (colour.subsampling_x, colour.subsampling_y) = match profile {
            0 => (true, true),
            1 => (false, false),
            _ if twelve_bit => {
                let across = bits.flag()?;
                (across, across && bits.flag()?)
            }
            _ => (true, false),
        };
        if colour.subsampling_x && colour.subsampling_y {
            colour.sample_position = bits.bits(2)? as u8;
        }
    }
    bits.flag()?; // separate_uv_delta_q
    Some(colour)
}

/// `uvlc()` (§4.10.3).
fn read_uvlc(bits: &mut Bits<'_>) -> Option<u32> {
    let mut zeros = 0;
    while !bits.flag()? {
        zeros += 1;
        if zeros > 31 {
            return None;
        }
    }
    Some((1_u32 << zeros) - 1 + bits.bits(zeros)?)
}

/// Levels up to 3.3 have one tier.
const LEVEL_WITHOUT_TIER_MAX: u8 = 7;

/// `color_primaries`, `transfer_characteristics` and `matrix_coefficients`: not told, and those of sRGB.
const UNSPECIFIED: u32 = 0x02_02_02;
const SRGB: u32 = 0x01_0d_00;

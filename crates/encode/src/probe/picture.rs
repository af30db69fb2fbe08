//! A picture that is known to the sample, and how like it another one is.

use bytes::Bytes;
use media::{Colour, PixelFormat, Plane, Size, Timestamp, VideoFrame};

/// How like the known picture a decoded one is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Likeness {
    /// As alike as coding leaves it.
    Same,
    /// All of it green: what samples that were never written look like.
    Green,
    /// Something else.
    Wrong {
        /// Peak signal-to-noise ratio of its worst plane.
        decibels: f64,
    },
}

/// Eight colour bars, and below them a ramp in which a white block moves with `tick`.
pub(crate) fn known(size: Size, tick: i64) -> VideoFrame {
    let (width, height) = (size.width as usize, size.height as usize);
    let (floor, half) = (height / 4 * 3 / 2 * 2, width / 2);
    let bars = |plane: usize, width: usize| -> Vec<u8> {
        (0..width).map(|x| BARS[(x * BARS.len() / width).min(BARS.len() - 1)][plane]).collect()
    };
    let mut ramp: Vec<u8> =
        (0..width).map(|x| BLACK + (x * usize::from(WHITE - BLACK) / width) as u8).collect();
    let block = usize::try_from(tick).unwrap_or_default() * 8 % (width - width / 16);
    ramp[block..block + width / 16].fill(WHITE);
    let plane = |above: &[u8], rows: usize, below: &[u8], rows_below: usize| Plane {
        data: Bytes::from([above.repeat(rows), below.repeat(rows_below)].concat()),
        stride: above.len(),
    };
    let chroma = |index| plane(&bars(index, half), floor / 2, &vec![GREY; half], (height - floor) / 2);
    VideoFrame {
        pts: Timestamp::ZERO,
        size,
        format: PixelFormat::I420,
        planes: vec![plane(&bars(0, width), floor, &ramp, height - floor), chroma(1), chroma(2)],
        colour: Colour::Bt709Limited,
    }
}

/// Compares two pictures in planar 4:2:0.
pub(crate) fn compare(expected: &VideoFrame, got: &VideoFrame) -> Likeness {
    if expected.size != got.size || got.planes.len() != 3 {
        return Likeness::Wrong { decibels: 0.0 };
    }
    let decibels = (0..3).map(|plane| decibels(expected, got, plane)).fold(f64::INFINITY, f64::min);
    if decibels >= LIKENESS_MIN {
        return Likeness::Same;
    }
    let dark = |plane: usize| samples(got, plane).all(|sample| sample < GREEN_BELOW);
    if dark(1) && dark(2) { Likeness::Green } else { Likeness::Wrong { decibels } }
}

/// Peak signal-to-noise ratio of one plane.
fn decibels(expected: &VideoFrame, got: &VideoFrame, plane: usize) -> f64 {
    let pairs = samples(expected, plane).zip(samples(got, plane));
    let (count, squares) = pairs.fold((0_u64, 0_u64), |(count, squares), (a, b)| {
        (count + 1, squares + u64::from(a.abs_diff(b)).pow(2))
    });
    10.0 * (255.0 * 255.0 * count as f64 / squares.max(1) as f64).log10()
}

/// The samples of one plane that are seen.
fn samples(frame: &VideoFrame, plane: usize) -> impl Iterator<Item = u8> + '_ {
    let half = usize::from(plane > 0);
    let (width, height) = (frame.size.width as usize >> half, frame.size.height as usize >> half);
    let plane = &frame.planes[plane];
    let rows = plane.data.chunks(plane.stride.max(1)).take(height);
    rows.flat_map(move |row| row.iter().take(width).copied())
}

/// What every encoder reaches with the bits of a trial (30 dB and more), and no wrong picture does (20 and less).
pub(crate) const LIKENESS_MIN: f64 = 25.0;

/// Chroma that was never written is 0.
const GREEN_BELOW: u8 = 48;

/// White, yellow, cyan, green, magenta, red, blue and black at full level: Y, Cb, Cr in BT.709, limited range.
pub(crate) const BARS: [[u8; 3]; 8] = [
    [235, 128, 128],
    [219, 16, 138],
    [188, 154, 16],
    [173, 42, 26],
    [78, 214, 230],
    [63, 102, 240],
    [32, 240, 118],
    [16, 128, 128],
];

const WHITE: u8 = 235;
const BLACK: u8 = 16;
const GREY: u8 = 128;

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: Size = Size::new(64, 48);

    #[test]
    fn a_picture_is_like_itself_and_not_like_a_green_or_a_grey_one() {
        let picture = known(SIZE, 3);
        assert_eq!(compare(&picture, &picture), Likeness::Same);
        let filled = |value: u8| {
            let mut filled = known(SIZE, 3);
            for plane in &mut filled.planes {
                plane.data = vec![value; plane.data.len()].into();
            }
            filled
        };
        assert_eq!(compare(&picture, &filled(0)), Likeness::Green);
        assert!(matches!(compare(&picture, &filled(128)), Likeness::Wrong { decibels } if decibels < 20.0));
    }

    #[test]
    fn swapped_chroma_is_wrong() {
        let mut swapped = known(SIZE, 0);
        swapped.planes.swap(1, 2);
        assert!(matches!(compare(&known(SIZE, 0), &swapped), Likeness::Wrong { .. }));
    }
}

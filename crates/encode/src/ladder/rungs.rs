//! Which renditions a source gets.

use std::fmt;

use media::{Codec, Picture, Size};

/// The shorter side of a rendition, by which people name it: `480p`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Height(pub u32);

/// One rendition below the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rung {
    /// Its name.
    pub height: Height,
    /// Its picture; both sides even, the source's shape, upright or lying as the source.
    pub size: Size,
    /// Bits per second that a buffer of one second never sees exceeded.
    pub bitrate_bps: u32,
    /// Pictures closer to each other than [`Rung::PICTURE_DISTANCE_MIN`] are left out.
    pub halved: bool,
}

impl Rung {
    /// Above 45 pictures a second every second one is left out of small renditions: 60 become 30, 50 become 25,
    /// and 30 stay however much their stamps were rounded.
    pub const PICTURE_DISTANCE_MIN: media::Span = media::Span::from_millis(22);
}

impl fmt::Display for Height {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}p", self.0)
    }
}

/// The rungs for a source of `codec`, largest first: those of `wanted` that are clearly smaller than the source,
/// and for video that few players show one of its own size, which all do.
///
/// `cores` is how much of the processor they may take; rungs of the least value go first until it is enough.
/// Those that went are told second. Empty for sound, and for a picture too small to have anything below it.
#[must_use]
pub fn choose(codec: &Codec, wanted: &[Height], cores: f64) -> (Vec<Rung>, Vec<Rung>) {
    let Some(picture) = codec.picture() else { return (Vec::new(), Vec::new()) };
    let side = picture.size.width.min(picture.size.height);
    let mut heights: Vec<Height> =
        wanted.iter().copied().filter(|height| height.0 * 10 <= side * 8 && height.0 >= HEIGHT_MIN).collect();
    if is_rare(codec) && side >= HEIGHT_MIN {
        heights.push(Height(side));
    }
    heights.sort_unstable_by(|a, b| b.cmp(a));
    heights.dedup();
    let mut rungs: Vec<Rung> = heights.into_iter().map(|height| rung(&picture, height)).collect();
    let mut left_out = Vec::new();
    while cost_in_cores(&picture, &rungs) > cores {
        let all = vec![true; rungs.len()];
        let Some(least) = least_valuable(&rungs, &all) else { break };
        left_out.push(rungs.remove(least));
    }
    (rungs, left_out)
}

/// Whether there are players that do not show it.
fn is_rare(codec: &Codec) -> bool {
    match codec {
        Codec::H264(h264) => h264.rare_profile().is_some(),
        _ => true,
    }
}

/// The rung to give up next among those that are `active`: the smallest while it is tiny, since few need it; then
/// the largest, which costs most and is closest to the source.
#[must_use]
pub(crate) fn least_valuable(rungs: &[Rung], active: &[bool]) -> Option<usize> {
    let mut left = (0..rungs.len()).filter(|&index| active.get(index) == Some(&true));
    let first = left.next()?;
    let last = left.next_back().unwrap_or(first);
    Some(if rungs[last].height.0 < TINY { last } else { first })
}

/// What `rungs` of a source take, in processor cores: an estimate from measured figures.
#[must_use]
pub fn cost_in_cores(picture: &Picture, rungs: &[Rung]) -> f64 {
    if rungs.is_empty() {
        return 0.0;
    }
    let rate = picture.frame_rate.map_or(RATE_GUESS, media::Rational::as_f64).clamp(1.0, 120.0);
    let megapixels = |size: Size| f64::from(size.width) * f64::from(size.height) * rate / 1e6;
    let mut above = megapixels(picture.size);
    let mut cores = above * DECODING;
    for rung in rungs {
        let own = megapixels(rung.size) * if rung.halved && rate > HALVED_ABOVE { 0.5 } else { 1.0 };
        cores += above.min(own * 8.0) * SCALING + own * ENCODING;
        above = own;
    }
    cores
}

fn rung(picture: &Picture, height: Height) -> Rung {
    let Size { width, height: rows } = picture.size;
    let side = u64::from(width.min(rows).max(1));
    let scaled = |length: u32| {
        let exact = u64::from(length) * u64::from(height.0);
        // The nearest even number.
        let even = (exact + side) / (2 * side) * 2;
        u32::try_from(even.clamp(2, u64::from(SIDE_MAX))).unwrap_or(SIDE_MAX)
    };
    let halved = height.0 <= HALVED_UP_TO;
    let fast = !halved && picture.frame_rate.is_some_and(|rate| rate.as_f64() > HALVED_ABOVE);
    let bitrate_bps = bitrate(height);
    Rung {
        height,
        size: Size::new(scaled(width), scaled(rows)),
        bitrate_bps: if fast { bitrate_bps / 2 * 3 } else { bitrate_bps },
        halved,
    }
}

/// What such a picture needs at 30 a second to look clean with the settings of [`super::encoder`].
fn bitrate(height: Height) -> u32 {
    match height.0 {
        0..=240 => 400_000,
        241..=360 => 800_000,
        361..=480 => 1_400_000,
        481..=720 => 2_800_000,
        721..=1080 => 5_000_000,
        _ => 9_000_000,
    }
}

/// Below this nothing can be recognised.
const HEIGHT_MIN: u32 = 120;

/// A rung smaller than this is for the worst lines only.
const TINY: u32 = 300;

/// Rungs up to this size show every second picture of a fast source.
const HALVED_UP_TO: u32 = 480;

/// Pictures per second from which every second one is left out of small rungs.
pub(crate) const HALVED_ABOVE: f64 = 45.0;

/// Pictures per second where the stream does not tell.
const RATE_GUESS: f64 = 30.0;

/// Cores per million pixels a second, from `cargo run --release -p encode --example ladder` on a busy
/// machine of two cores: 720p at 30 a second to 480p and 240p took 36 s a minute, to 480p alone 30 s, to 240p alone 17 s.
const DECODING: f64 = 0.0064;
const SCALING: f64 = 0.0014;
const ENCODING: f64 = 0.0237;

const SIDE_MAX: u32 = 8_192;

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use media::{H264, Rational};

    use super::*;

    const WANTED: [Height; 3] = [Height(720), Height(480), Height(240)];

    fn source(width: u32, height: u32, fps: u32) -> Codec {
        Codec::H264(H264 {
            avcc: Bytes::new(),
            size: Size::new(width, height),
            sample_aspect_ratio: Rational::ONE,
            frame_rate: Rational::new(fps, 1),
        })
    }

    fn sizes(codec: &Codec) -> Vec<(u32, u32)> {
        let (rungs, _) = choose(codec, &WANTED, f64::INFINITY);
        rungs.iter().map(|rung| (rung.size.width, rung.size.height)).collect()
    }

    #[test]
    fn rungs_are_smaller_than_the_source_and_have_its_shape() {
        assert_eq!(sizes(&source(1920, 1080, 30)), [(1280, 720), (854, 480), (426, 240)]);
        assert_eq!(sizes(&source(1280, 720, 30)), [(854, 480), (426, 240)]);
        assert_eq!(sizes(&source(720, 1280, 30)), [(480, 854), (240, 426)]);
        assert_eq!(sizes(&source(640, 480, 30)), [(320, 240)]);
        assert_eq!(sizes(&source(518, 488, 30)), [(254, 240)]);
        assert_eq!(sizes(&source(426, 240, 30)), []);
    }

    #[test]
    fn strange_shapes_stay_even_and_within_limits() {
        for (width, height) in [(1, 1), (8192, 2), (8192, 300), (301, 8192), (4096, 2160), (16_384, 16_384)] {
            for (width, height) in sizes(&source(width, height, 30)) {
                assert!(width % 2 == 0 && height % 2 == 0, "{width}x{height}");
                assert!((2..=SIDE_MAX).contains(&width) && (2..=SIDE_MAX).contains(&height));
            }
        }
    }

    #[test]
    fn video_that_few_players_show_gets_a_rung_of_its_own_size() {
        let sequence_header = media::Av1::from_sequence_header(&[]);
        assert!(sequence_header.is_err(), "made by hand below");
        let codec = Codec::Hevc(media::Hevc {
            hvcc: Bytes::new(),
            size: Size::new(1280, 720),
            sample_aspect_ratio: Rational::ONE,
            frame_rate: None,
        });
        assert_eq!(sizes(&codec), [(1280, 720), (854, 480), (426, 240)]);
        for (profile, own) in [(100, false), (66, false), (110, true), (122, true), (244, true)] {
            let Codec::H264(mut h264) = source(1280, 720, 30) else { panic!("it is H.264") };
            h264.avcc = vec![1, profile, 0, 31].into();
            assert_eq!(sizes(&Codec::H264(h264)).contains(&(1280, 720)), own, "profile {profile}");
        }
    }

    #[test]
    fn what_the_processor_has_no_room_for_is_left_out_tiny_first_then_large() {
        let source = source(1920, 1080, 30);
        let (all, none) = choose(&source, &WANTED, f64::INFINITY);
        assert_eq!((all.len(), none.len()), (3, 0));
        let picture = source.picture().expect("a picture");
        let kept = |cores: f64| -> Vec<u32> {
            choose(&source, &WANTED, cores).0.iter().map(|rung| rung.height.0).collect()
        };
        let cost = cost_in_cores(&picture, &all);
        assert_eq!(kept(cost), [720, 480, 240]);
        assert_eq!(kept(cost - 0.001), [720, 480]);
        assert_eq!(kept(cost_in_cores(&picture, &all[..2]) - 0.001), [480]);
        assert_eq!(kept(0.0), [] as [u32; 0]);
        let (_, left_out) = choose(&source, &WANTED, 0.0);
        assert_eq!(left_out.iter().map(|rung| rung.height.0).collect::<Vec<_>>(), [240, 720, 480]);
    }

    #[test]
    fn fast_sources_cost_small_rungs_no_more_pictures() {
        let (rungs, _) = choose(&source(1920, 1080, 60), &WANTED, f64::INFINITY);
        assert_eq!(rungs.iter().map(|rung| rung.halved).collect::<Vec<_>>(), [false, true, true]);
        assert_eq!(rungs[0].bitrate_bps, 4_200_000);
    }
}

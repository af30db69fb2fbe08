//! A rendition shows what the source shows.

use ffmpeg_next as ffmpeg;
use ffmpeg_next::software::scaling;

use crate::clip;

/// Peak signal-to-noise ratio of the luma of two pictures of one size, in decibels.
fn psnr(a: &ffmpeg::frame::Video, b: &ffmpeg::frame::Video) -> f64 {
    let (width, height) = (a.width() as usize, a.height() as usize);
    let mut squares = 0_u64;
    for row in 0..height {
        let of =
            |picture: &ffmpeg::frame::Video| picture.data(0)[row * picture.stride(0)..][..width].to_vec();
        let differences = of(a).into_iter().zip(of(b)).map(|(a, b)| u64::from(a.abs_diff(b)).pow(2));
        squares += differences.sum::<u64>();
    }
    10.0 * (255.0 * 255.0 * (width * height) as f64 / (squares.max(1)) as f64).log10()
}

/// Every picture of every rung is like the source's of the same time, scaled by another filter.
fn check(name: &str, heights: &[u32], mean_min: f64) {
    let Some(clip) = clip::read(name, 4) else { return };
    let source = clip::decode(&clip.codec, &clip.packets);
    for made in clip.renditions(heights) {
        let (mut sum, mut worst) = (0.0, f64::INFINITY);
        let shown = clip::decode(&made.track.codec, &made.packets);
        for (pts, picture) in &shown {
            let of = source.iter().find(|(of, _)| of == pts).map(|(_, picture)| picture);
            let of = of.expect("the source shows a picture at that time");
            let (from, to) = ((of.format(), of.width(), of.height()), (picture.width(), picture.height()));
            let pixel = ffmpeg::format::Pixel::YUV420P;
            let flags = scaling::Flags::AREA;
            let scaler = scaling::Context::get(from.0, from.1, from.2, pixel, to.0, to.1, flags);
            let mut scaled = ffmpeg::frame::Video::empty();
            scaler.expect("a scaler").run(of, &mut scaled).expect("a scaled picture");
            let db = psnr(&scaled, picture);
            (sum, worst) = (sum + db, db.min(worst));
        }
        let mean = sum / shown.len() as f64;
        assert!(
            mean >= mean_min && worst >= mean_min - 8.0,
            "{name} {}: {mean:.1} dB, at worst {worst:.1}",
            made.rung.height
        );
    }
}

#[test]
fn renditions_look_like_their_source() {
    check("bbb_480p24_bframes_aac51.mp4", &[240], 32.0);
    check("bbb_800x640_bpyramid.mp4", &[480, 240], 32.0);
}

#[test]
fn upright_video_looks_like_its_source() {
    check("d_bbb_vertical_720x1280_30_mono441_jfk.mp4", &[480, 240], 30.0);
}

//! Renditions have the source's IDR pictures and its times.

use media::{Codec, Packet, Span, Timestamp};

use crate::clip::{self, Made};

fn times(packets: &[Packet]) -> Vec<(Timestamp, Timestamp)> {
    let mut dts: Vec<_> = packets.iter().map(|packet| packet.dts).collect();
    let mut pts: Vec<_> = packets.iter().map(|packet| packet.pts).collect();
    dts.sort_unstable();
    pts.sort_unstable();
    dts.into_iter().zip(pts).collect()
}

fn idrs(packets: &[Packet]) -> Vec<Timestamp> {
    packets.iter().filter(|packet| packet.random_access).map(|packet| packet.dts).collect()
}

/// Every rendition of the clip has the pictures that the source shows, at their times, and its IDR pictures.
fn check(name: &str, heights: &[u32], sizes: &[(u32, u32)]) -> Vec<Made> {
    let Some(clip) = clip::read(name, 6) else { return Vec::new() };
    let made = clip.renditions(heights);
    let got: Vec<_> = made.iter().map(|made| (made.rung.size.width, made.rung.size.height)).collect();
    assert_eq!(got, sizes, "{name}");
    for Made { rung, packets, track } in &made {
        let Codec::H264(h264) = &track.codec else { panic!("a rung is H.264") };
        assert_eq!(h264.size, rung.size, "{name}");
        assert_eq!(idrs(packets), idrs(&clip.packets), "{name}: IDR pictures of {}", rung.height);
        let (got, expected) = (times(packets), times(&clip.packets));
        assert!(got == expected, "{name}: times of {}: {got:?} for {expected:?}", rung.height);
        assert!(packets.is_sorted_by_key(|packet| packet.pts), "{name}: no B-frames");
        let shown = clip::decode(&track.codec, packets);
        assert_eq!(shown.len(), packets.len(), "{name}: {} decodes", rung.height);
    }
    made
}

#[test]
fn b_frames_of_the_source_are_shown_at_their_times() {
    check("bbb_480p24_bframes_aac51.mp4", &[240], &[(428, 240)]);
    check("bbb_800x640_bpyramid.mp4", &[480, 240], &[(600, 480), (300, 240)]);
}

#[test]
fn only_true_idr_pictures_of_an_open_gop_become_idr_pictures() {
    check("d_bbb_h264_opengop48_b3.mp4", &[240, 160], &[(428, 240), (284, 160)]);
}

#[test]
fn a_source_of_uneven_frames_keeps_its_times() {
    check("d_bbb_h264_vfr.mp4", &[160], &[(284, 160)]);
}

#[test]
fn upright_video_stays_upright() {
    check("d_bbb_vertical_720x1280_30_mono441_jfk.mp4", &[720, 480, 240], &[(480, 854), (240, 426)]);
}

#[test]
fn a_shape_of_pixels_that_are_not_square_is_kept() {
    let made = check("bbb_800x640_nonref_b.mp4", &[480], &[(600, 480)]);
    let aspects: Vec<_> =
        made.iter().filter_map(|made| Some(made.track.codec.picture()?.sample_aspect_ratio)).collect();
    assert!(aspects.iter().all(|aspect| (aspect.num, aspect.den) == (64, 45)), "{aspects:?}");
}

#[test]
fn odd_sizes_and_full_range_are_taken() {
    check("screen_518x488_short_gop.mp4", &[360, 240], &[(382, 360), (254, 240)]);
}

#[test]
fn av1_gets_a_rendition_of_its_own_size_that_every_player_shows() {
    check("unsup_av1.mp4", &[480], &[(1080, 720), (720, 480)]);
}

#[test]
fn hevc_gets_a_rendition_of_its_own_size_that_every_player_shows() {
    check("d_bbb_hevc_closed48_nob.mp4", &[240], &[(854, 480), (428, 240)]);
}

#[test]
fn small_rungs_of_a_fast_source_show_every_second_picture_and_all_idr_pictures() {
    let Some(clip) = clip::read("d_bbb_720p60_gop120.mp4", 5) else { return };
    let made = clip.renditions(&[480, 240]);
    assert_eq!(made.len(), 2);
    for Made { rung, packets, .. } in &made {
        assert_eq!(idrs(packets), idrs(&clip.packets), "IDR pictures of {}", rung.height);
        let (half, count) = (clip.packets.len() / 2, packets.len());
        assert!(count.abs_diff(half) <= 2 + idrs(packets).len(), "{count} of {}", clip.packets.len());
        let known = times(&clip.packets);
        assert!(
            packets.iter().all(|packet| known.contains(&(packet.dts, packet.pts))),
            "times of the source"
        );
    }
    let rate = |made: &Made| made.track.codec.picture()?.frame_rate;
    assert!(made.iter().all(|made| rate(made).is_some_and(|rate| rate.as_f64() < 31.0)));
}

#[test]
fn a_damaged_packet_costs_its_pictures_and_nothing_else() {
    let Some(clip) = clip::read("bbb_480p24_bframes_aac51.mp4", 8) else { return };
    let hurt = clip.packets[40].dts;
    let (made, notices) = clip.try_renditions(&[240], |packet| {
        let mut data = packet.data.to_vec();
        if packet.dts == hurt {
            data.iter_mut().skip(6).for_each(|byte| *byte ^= 0x5a);
        }
        Some(Packet { data: data.into(), ..packet.clone() })
    });
    assert_eq!(notices, []);
    assert_eq!(idrs(&made[0].packets), idrs(&clip.packets));
    let missing = clip.packets.len() - made[0].packets.len();
    assert!(missing <= 12, "{missing} pictures are missing");
}

#[test]
fn a_stream_that_is_no_video_ends_the_ladder_in_words() {
    let Some(clip) = clip::read("bbb_480p24_bframes_aac51.mp4", 30) else { return };
    let (_, notices) = clip.try_renditions(&[240], |packet| {
        let data = packet.data.iter().enumerate().map(|(at, byte)| if at < 5 { *byte } else { byte ^ 0x77 });
        Some(Packet { data: data.collect::<Vec<u8>>().into(), ..packet.clone() })
    });
    let words: Vec<String> = notices.iter().map(ToString::to_string).collect();
    assert!(words.len() <= 1 && words.iter().all(|words| words.contains("renditions stopped")), "{words:?}");
}

#[test]
fn a_clock_that_jumps_back_is_followed() {
    let Some(clip) = clip::read("bbb_800x640_nonref_b.mp4", 4) else { return };
    let mut twice = clip.packets.clone();
    let back = Span::from_secs(3_600);
    let shifted =
        |packet: &Packet| Packet { dts: packet.dts - back, pts: packet.pts - back, ..packet.clone() };
    twice.extend(clip.packets.iter().map(shifted));
    let (ladder, _) = encode::ladder::Ladder::start(&clip.codec, &clip::config(&[240])).expect("a ladder");
    let mut ladder = ladder.expect("a rung");
    let mut dts = Vec::new();
    for packet in &twice {
        ladder.push(packet, 0);
        while ladder.lag() > Span::from_millis(700) {
            dts.extend(ladder.wait_output(std::time::Duration::from_millis(50)));
        }
    }
    dts.extend(ladder.finish());
    let dts: Vec<Timestamp> = dts
        .into_iter()
        .filter_map(|output| match output {
            encode::ladder::Output::Packet { packet, .. } => Some(packet.dts),
            _ => None,
        })
        .collect();
    assert_eq!(dts, twice.iter().map(|packet| packet.dts).collect::<Vec<_>>());
}

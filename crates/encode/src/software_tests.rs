//! Every encoder that runs on the processor: what it makes is sound, looks as it should, and is marked as what it is.

use ffmpeg_next as ffmpeg;
use media::{Codec, Colour, MediaEvent, Packet, Size, Span, StreamChecker, Timescale, Track, VideoFrame};

use crate::probe::picture::{self, Likeness};
use crate::{Choice, Config, Video, VideoCodec, key_frame};

const SIZE: Size = Size::new(320, 180);
/// For what takes long.
const SMALL: Size = Size::new(160, 96);
const FPS: u32 = 25;
const BEST: [VideoCodec; 3] = [VideoCodec::H264, VideoCodec::Hevc, VideoCodec::Av1];

fn config(codec: VideoCodec) -> Config {
    let software = match codec {
        VideoCodec::H264 => "libx264",
        VideoCodec::Hevc => "libx265",
        VideoCodec::Av1 => "libsvtav1",
    };
    Config {
        size: SIZE,
        fps: FPS,
        bitrate_bps: 1_000_000,
        keyframe_interval: Span::from_secs(1),
        choice: Choice::Named(software.to_owned()),
    }
}

/// What an encoder made, tracks and packets in their order.
struct Made {
    events: Vec<MediaEvent>,
    track: Track,
}

impl Made {
    fn new(video: &Video) -> Made {
        let track = video.track();
        Made { events: vec![MediaEvent::Tracks([track.clone()].into())], track }
    }

    /// Takes packets, and the tracks before them where they have changed.
    fn take(&mut self, before: Vec<Packet>, video: &Video, packets: Vec<Packet>) {
        self.events.extend(before.into_iter().map(MediaEvent::Packet));
        if video.track() != self.track {
            self.track = video.track();
            self.events.push(MediaEvent::Tracks([self.track.clone()].into()));
        }
        self.events.extend(packets.into_iter().map(MediaEvent::Packet));
    }

    /// The packets, after a look whether they keep the rules of a stream.
    fn packets(&self) -> Vec<&Packet> {
        let mut checker = StreamChecker::new();
        self.events.iter().for_each(|event| checker.check(event).expect("a sound stream"));
        let packets = self.events.iter().filter_map(|event| match event {
            MediaEvent::Packet(packet) => Some(packet),
            _ => None,
        });
        packets.collect()
    }

    fn keyframes(&self) -> Vec<i64> {
        let rate = Timescale::new(FPS).expect("not 0");
        let packets = self.packets();
        packets.iter().filter(|packet| packet.random_access).map(|packet| packet.pts.ticks(rate)).collect()
    }
}

/// Encodes so many known pictures, the one at `ask_at` as a keyframe.
fn encode(codec: VideoCodec, pictures: i64, ask_at: i64) -> Made {
    let mut video = Video::open(&config(codec)).expect("it is there");
    let mut made = Made::new(&video);
    for tick in 0..pictures {
        let packets = video.encode(Some(&picture::known(SIZE, tick)), tick, tick == ask_at);
        let packets = packets.expect("a picture");
        made.take(Vec::new(), &video, packets);
    }
    let rest = video.finish().expect("the end");
    made.events.extend(rest.into_iter().map(MediaEvent::Packet));
    made
}

#[test]
fn every_codec_gives_back_every_picture_with_its_colours() {
    for codec in BEST {
        let made = encode(codec, 60, -1);
        let packets = made.packets();
        assert_eq!(packets.len(), 60, "{}", codec.name());
        let data: Vec<&[u8]> = packets.iter().map(|packet| &packet.data[..]).collect();
        let decoded = key_frame::decode_all(&made.track.codec, &data).expect("it decodes");
        assert_eq!(decoded.len(), 60, "{}", codec.name());
        for (tick, decoded) in (0..).zip(&decoded) {
            let likeness = picture::compare(&picture::known(SIZE, tick), decoded);
            assert_eq!(likeness, Likeness::Same, "{} picture {tick}", codec.name());
            // At this size a stream that does not say BT.709 would be taken for BT.601.
            assert_eq!(decoded.colour, Colour::Bt709Limited, "{}", codec.name());
        }
    }
}

/// The middle of each colour bar of a decoded picture.
fn bars(decoded: &VideoFrame) -> Vec<[u8; 3]> {
    let middle = |bar: usize, plane: usize| {
        let shift = usize::from(plane > 0);
        let (x, y) = ((bar * 2 + 1) * SIZE.width as usize / 16, SIZE.height as usize / 3);
        decoded.planes[plane].data[(y >> shift) * decoded.planes[plane].stride + (x >> shift)]
    };
    (0..8).map(|bar| [middle(bar, 0), middle(bar, 1), middle(bar, 2)]).collect()
}

#[test]
fn colour_bars_of_a_screen_come_out_as_bt709() {
    let rgb: [[u8; 3]; 8] = [
        [255, 255, 255],
        [255, 255, 0],
        [0, 255, 255],
        [0, 255, 0],
        [255, 0, 255],
        [255, 0, 0],
        [0, 0, 255],
        [0, 0, 0],
    ];
    let (width, height) = (SIZE.width as usize, SIZE.height as usize);
    let row = (0..width).flat_map(|x| {
        let [red, green, blue] = rgb[x * 8 / width];
        [blue, green, red, 0]
    });
    let data = row.collect::<Vec<u8>>().repeat(height);
    let screen = VideoFrame {
        pts: media::Timestamp::ZERO,
        size: SIZE,
        format: media::PixelFormat::Bgr0,
        planes: vec![media::Plane { data: data.into(), stride: width * 4 }],
        colour: Colour::Srgb,
    };
    for codec in BEST {
        let mut video = Video::open(&config(codec)).expect("it is there");
        let track = video.track();
        let mut packets = video.encode(Some(&screen), 0, true).expect("a picture");
        for tick in 1..10 {
            packets.extend(video.encode(None, tick, false).expect("a picture"));
        }
        packets.extend(video.finish().expect("the end"));
        let data: Vec<&[u8]> = packets.iter().map(|packet| &packet.data[..]).collect();
        let decoded = key_frame::decode_all(&track.codec, &data).expect("it decodes");
        let last = decoded.last().expect("a picture");
        for (got, expected) in bars(last).iter().zip(picture::BARS) {
            let far = got.iter().zip(expected).map(|(got, expected)| got.abs_diff(expected)).max();
            assert!(far <= Some(3), "{}: {got:?} for {expected:?}", codec.name());
        }
    }
}

#[test]
fn all_four_colour_tags_are_written() {
    for codec in BEST {
        let made = encode(codec, 30, -1);
        let tags = tags(&made);
        assert_eq!(tags, ["bt709", "bt709", "bt709", "tv"], "{}", codec.name());
    }
}

/// Matrix, primaries, transfer and range as FFmpeg's decoder reads them.
fn tags(made: &Made) -> [String; 4] {
    let data: Vec<&[u8]> = made.packets().iter().map(|packet| &packet.data[..]).collect();
    let picture = key_frame::raw(&made.track.codec, &data).expect("it decodes").pop().expect("a picture");
    let name = |name: Option<&'static str>| name.unwrap_or("nothing").to_owned();
    [
        name(picture.color_space().name()),
        name(picture.color_primaries().name()),
        name(picture.color_transfer_characteristic().name()),
        name(picture.color_range().name()),
    ]
}

#[test]
fn the_track_tells_codec_size_and_where_it_knows_the_rate() {
    for codec in BEST {
        let track = Video::open(&config(codec)).expect("it is there").track();
        let picture = track.codec.picture().expect("it is video");
        assert_eq!((track.codec.name(), picture.size), (codec.name(), SIZE));
        if codec == VideoCodec::H264 {
            assert_eq!(picture.frame_rate.map(media::Rational::as_f64), Some(f64::from(FPS)));
        }
    }
}

#[test]
fn keyframes_come_at_the_interval_and_when_asked_for() {
    for codec in BEST {
        assert_eq!(encode(codec, 80, -1).keyframes(), [0, 25, 50, 75], "{}", codec.name());
        let asked = encode(codec, 60, 7).keyframes();
        // One that counts pictures counts from the one that was asked for.
        let expected = if codec == VideoCodec::Av1 { [0, 7, 32, 57] } else { [0, 7, 25, 50] };
        assert_eq!(asked, expected, "{}", codec.name());
    }
}

/// Pictures that differ in every block, so that the encoder needs all it may have.
fn noise(seed: u64) -> VideoFrame {
    let mut picture = picture::known(SMALL, 0);
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    for plane in &mut picture.planes {
        let samples = (0..plane.data.len()).map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            64 + (state >> 57) as u8
        });
        plane.data = samples.collect::<Vec<u8>>().into();
    }
    picture
}

#[test]
fn the_bit_rate_is_held_in_every_second_and_follows_a_change() {
    let asked = [800_000_u32, 300_000, 600_000];
    for codec in BEST {
        let config = Config { size: SMALL, bitrate_bps: asked[0], ..config(codec) };
        let mut video = Video::open(&config).expect("it is there");
        let mut made = Made::new(&video);
        let pictures: Vec<VideoFrame> = (1..=5).map(noise).collect();
        for tick in 0..12 * i64::from(FPS) {
            let before = match tick % 100 {
                0 if tick > 0 => video.set_bitrate(asked[tick as usize / 100]).expect("a sound bit rate"),
                _ => Vec::new(),
            };
            let packets = video.encode(Some(&pictures[tick as usize % 5]), tick, false).expect("a picture");
            made.take(before, &video, packets);
        }
        let rest = video.finish().expect("the end");
        made.events.extend(rest.into_iter().map(MediaEvent::Packet));
        let rate = Timescale::new(FPS).expect("not 0");
        let mut bits = [0_u64; 12];
        for packet in made.packets() {
            bits[packet.pts.ticks(rate) as usize / FPS as usize] += packet.data.len() as u64 * 8;
        }
        for (second, &bits) in bits.iter().enumerate() {
            let name = codec.name();
            let ratio = bits as f64 / f64::from(asked[second / 4]);
            // The buffer may hold what was allowed before: the first second after a change does not count. After a raise
            // the quantiser takes another second to come down.
            let since = second % 4;
            assert!(since < 1 || ratio <= 1.2, "{name}, second {second}: {ratio}");
            assert!(since < 2 || ratio >= 0.75, "{name}, second {second}: {ratio}");
        }
    }
}

#[test]
fn an_encoder_that_is_closed_at_once_does_not_hold_anybody_up() {
    for codec in BEST {
        drop(Video::open(&config(codec)).expect("it is there"));
        let mut video = Video::open(&config(codec)).expect("it is there");
        video.encode(None, 0, false).expect("a picture");
        drop(video);
    }
}

#[test]
fn a_frame_that_is_not_there_repeats_the_last_one_after_a_replacement() {
    // What FFmpeg calls formats differ between encoders; the picture must survive the change.
    let mut scaler = crate::scaler::Scaler::new(SIZE, ffmpeg::format::Pixel::YUV420P, Colour::Bt709Limited);
    let expected = picture::known(SIZE, 4);
    scaler.take(&expected).expect("a sound picture");
    scaler.set_pixel(ffmpeg::format::Pixel::NV12).expect("a conversion");
    scaler.take(&expected).expect("a sound picture in another format");
    scaler.set_pixel(ffmpeg::format::Pixel::YUV420P).expect("a conversion");
    let got = key_frame::planar(scaler.picture()).expect("it is planar");
    assert_eq!(picture::compare(&expected, &got), Likeness::Same);
}

#[test]
fn what_a_track_holds_is_what_its_codec_is() {
    let of = |codec| Video::open(&config(codec)).expect("it is there").track().codec;
    assert!(matches!(of(VideoCodec::H264), Codec::H264(_)));
    assert!(matches!(of(VideoCodec::Hevc), Codec::Hevc(_)));
    assert!(matches!(of(VideoCodec::Av1), Codec::Av1(_)));
}

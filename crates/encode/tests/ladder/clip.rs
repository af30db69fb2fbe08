//! The pictures of a media file as packets, and what a ladder makes of them.

use std::time::Duration;

use bytes::Bytes;
use encode::ladder::{Config, Height, Ladder, Notice, Output, Rung};
use ffmpeg_next as ffmpeg;
use media::{
    Av1, Codec, H264, Hevc, MediaEvent, Packet, Span, StreamChecker, Timescale, Timestamp, Track, TrackId,
    nal, obu,
};

pub const SOURCE: TrackId = TrackId(0);

/// The video track of a file.
pub struct Clip {
    pub codec: Codec,
    pub packets: Vec<Packet>,
}

/// One rendition of it.
pub struct Made {
    pub rung: Rung,
    pub track: Track,
    pub packets: Vec<Packet>,
}

/// The clip of that name among the real ones, at most `seconds` of it; `None` where they may be missing.
pub fn read(name: &str, seconds: i64) -> Option<Clip> {
    let path = testkit::media_file(name)?;
    ffmpeg::init().expect("FFmpeg starts");
    let mut input = ffmpeg::format::input(&path).expect("a media file");
    let stream = input.streams().best(ffmpeg::media::Type::Video).expect("a picture");
    let (index, base) = (stream.index(), stream.time_base());
    let hz = u32::try_from(base.denominator()).ok().and_then(Timescale::new).expect("a time base");
    let per_tick = i64::from(base.numerator());
    let parameters = stream.parameters();
    // SAFETY: the parameters belong to the open file.
    let head = unsafe {
        let raw = parameters.as_ptr();
        std::slice::from_raw_parts(
            (*raw).extradata,
            usize::try_from((*raw).extradata_size).expect("a length"),
        )
    };
    let (codec, length_size) = codec_of(parameters.id(), head);
    let mut packets: Vec<Packet> = Vec::new();
    for (stream, coded) in input.packets() {
        let time = |ticks: Option<i64>| Timestamp::from_ticks(ticks.expect("a time") * per_tick, hz);
        if stream.index() != index {
            continue;
        }
        let (dts, pts) = (time(coded.dts()), time(coded.pts()));
        if packets.first().is_some_and(|first| dts - first.dts >= Span::from_secs(seconds)) {
            break;
        }
        let (random_access, data) = sample(&codec, coded.data().expect("data"), length_size);
        packets.push(Packet { track: SOURCE, dts, pts, random_access, data });
    }
    Some(Clip { codec, packets })
}

fn codec_of(id: ffmpeg::codec::Id, head: &[u8]) -> (Codec, usize) {
    let bytes = Bytes::copy_from_slice(head);
    match id {
        ffmpeg::codec::Id::H264 => {
            let length_size = H264::nal_length_size(head).expect("an avcC");
            (Codec::H264(H264::from_avcc(bytes).expect("an avcC")), length_size)
        }
        ffmpeg::codec::Id::HEVC => {
            let length_size = Hevc::nal_length_size(head).expect("an hvcC");
            (Codec::Hevc(Hevc::from_hvcc(bytes).expect("an hvcC")), length_size)
        }
        ffmpeg::codec::Id::AV1 => (Codec::Av1(Av1::from_av1c(head).expect("an av1C")), 0),
        other => panic!("{other:?}"),
    }
}

fn sample(codec: &Codec, data: &[u8], length_size: usize) -> (bool, Bytes) {
    let units = || nal::length_prefixed_units(data, length_size).map(|unit| unit.expect("a whole unit"));
    match codec {
        Codec::H264(_) => (nal::is_idr_picture(units()), nal::to_length_prefixed(units())),
        Codec::Hevc(_) => (nal::hevc::is_random_access(units()), nal::hevc::to_length_prefixed(units())),
        _ => {
            let units = || obu::units(data).map(|unit| unit.expect("a whole unit"));
            let random_access = obu::is_random_access(units());
            (random_access, Bytes::copy_from_slice(data))
        }
    }
}

impl Clip {
    /// All renditions of `heights`, made without hurry.
    pub fn renditions(&self, heights: &[u32]) -> Vec<Made> {
        let (made, notices) = self.try_renditions(heights, |packet| Some(packet.clone()));
        assert_eq!(notices, []);
        made
    }

    /// The same, with each packet changed on its way or left out.
    pub fn try_renditions(
        &self,
        heights: &[u32],
        change: impl Fn(&Packet) -> Option<Packet>,
    ) -> (Vec<Made>, Vec<Notice>) {
        let (ladder, notices) = Ladder::start(&self.codec, &config(heights)).expect("a ladder");
        assert_eq!(notices, []);
        let mut ladder = ladder.expect("rungs");
        let rungs = ladder.rungs().to_vec();
        let mut outputs = Vec::new();
        for packet in self.packets.iter().filter_map(change) {
            ladder.push(&packet, 7);
            while ladder.lag() > IN_FLIGHT_MAX {
                outputs.extend(ladder.wait_output(Duration::from_millis(50)));
            }
        }
        outputs.extend(ladder.finish());
        sort(&rungs, outputs)
    }
}

pub fn config(heights: &[u32]) -> Config {
    let heights = heights.iter().copied().map(Height).collect();
    Config { heights, cores_max: f64::INFINITY, track: TrackId(5) }
}

/// Outputs by rung, each held to the rules of a stream.
pub fn sort(rungs: &[Rung], outputs: Vec<Output>) -> (Vec<Made>, Vec<Notice>) {
    let mut made: Vec<Option<Made>> = rungs.iter().map(|_| None).collect();
    let mut checkers: Vec<StreamChecker> = rungs.iter().map(|_| StreamChecker::new()).collect();
    let mut notices = Vec::new();
    for output in outputs {
        match output {
            Output::Track { rung, track } => {
                checkers[rung].check(&MediaEvent::Tracks([track.clone()].into())).expect("one track");
                made[rung] = Some(Made { rung: rungs[rung], track, packets: Vec::new() });
            }
            Output::Packet { rung, tag, packet } => {
                assert_eq!(tag, 7);
                checkers[rung].check(&MediaEvent::Packet(packet.clone())).expect("a sound stream");
                made[rung].as_mut().expect("the track comes first").packets.push(packet);
            }
            Output::Ended { .. } => {}
            Output::Notice(notice) => notices.push(notice),
        }
    }
    (made.into_iter().flatten().collect(), notices)
}

/// The decoded luma of each picture, with its presentation time.
pub fn decode(codec: &Codec, packets: &[Packet]) -> Vec<(Timestamp, ffmpeg::frame::Video)> {
    let (id, head) = match codec {
        Codec::H264(h264) => (ffmpeg::codec::Id::H264, h264.avcc.clone()),
        Codec::Hevc(hevc) => (ffmpeg::codec::Id::HEVC, hevc.hvcc.clone()),
        _ => (ffmpeg::codec::Id::AV1, Bytes::new()),
    };
    let mut parameters = ffmpeg::codec::Parameters::new();
    // SAFETY: the parameters are ours and free what `av_mallocz` gave.
    unsafe {
        let raw = parameters.as_mut_ptr();
        (*raw).codec_type = ffmpeg::ffi::AVMediaType::AVMEDIA_TYPE_VIDEO;
        (*raw).codec_id = id.into();
        (*raw).extradata = ffmpeg::ffi::av_mallocz(head.len() + 64).cast();
        std::ptr::copy_nonoverlapping(head.as_ptr(), (*raw).extradata, head.len());
        (*raw).extradata_size = i32::try_from(head.len()).expect("short");
    }
    let context = ffmpeg::codec::Context::from_parameters(parameters).expect("parameters");
    let mut decoder = context.decoder().video().expect("a decoder");
    let mut pictures = Vec::new();
    let mut receive = |decoder: &mut ffmpeg::decoder::Video| loop {
        let mut picture = ffmpeg::frame::Video::empty();
        if decoder.receive_frame(&mut picture).is_err() {
            return;
        }
        let pts = picture.pts().expect("a time");
        // SAFETY: the frame is ours.
        let damage = unsafe { (*picture.as_ptr()).decode_error_flags };
        assert_eq!((damage, picture.is_corrupt()), (0, false), "at {pts}");
        pictures.push((Timestamp::from_flicks(pts), picture));
    };
    for packet in packets {
        let mut coded = ffmpeg::codec::packet::Packet::copy(&packet.data);
        coded.set_pts(Some(packet.pts.flicks()));
        coded.set_dts(Some(packet.dts.flicks()));
        decoder.send_packet(&coded).expect("a packet that can be decoded");
        receive(&mut decoder);
    }
    decoder.send_eof().expect("the end");
    receive(&mut decoder);
    pictures
}

/// Well below what a ladder skips at, however slow the machine.
const IN_FLIGHT_MAX: Span = Span::from_millis(700);

//! Whatever packets come, the packager neither panics nor breaks its playlist.

use hls::{Config, Input};
use media::{MediaEvent, Packet, Span, Timestamp};
use proptest::prelude::*;
use testkit::Source;
use testkit::playlist::Allowances;

use crate::reader::{Reader, UNIX_MS};

#[derive(Clone, Debug)]
enum Step {
    Packet { video: bool, step_ms: i64, composition_ms: i64, random_access: bool, len: usize },
    Jump(i64),
    Start,
    Finish,
    Tracks(Option<u32>),
}

fn step() -> impl Strategy<Value = Step> {
    let packet = (any::<bool>(), -20_i64..300, -100_i64..400, prop::bool::weighted(0.2), 1_usize..40);
    prop_oneof![
        60 => packet.prop_map(|(video, step_ms, composition_ms, random_access, len)| {
            Step::Packet { video, step_ms, composition_ms, random_access: random_access || !video, len }
        }),
        1 => any::<i64>().prop_map(Step::Jump),
        1 => (-30_000_i64..30_000).prop_map(Step::Jump),
        1 => Just(Step::Start),
        1 => Just(Step::Finish),
        1 => prop::option::of(prop::sample::select(vec![48_000_u32, 44_100])).prop_map(Step::Tracks),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn any_packets_leave_a_sound_playlist(steps in prop::collection::vec(step(), 1..600)) {
        package(steps);
    }
}

/// Sound without its track opened a segment beside a picture that had none, which never ended.
#[test]
fn sound_that_waits_for_a_picture_goes_with_its_track() {
    let packet = |video, step_ms, random_access| Step::Packet {
        video,
        step_ms,
        composition_ms: 0,
        random_access,
        len: 1,
    };
    let mut steps = vec![
        packet(true, 0, true),
        Step::Tracks(Some(44_100)),
        packet(false, 0, true),
        Step::Tracks(None),
        packet(true, 0, true),
    ];
    steps.extend((0..20).map(|_| packet(true, 200, false)));
    package(steps);
}

fn package(steps: Vec<Step>) {
    let mut reader = Reader::new(Config::default(), Allowances::default());
    reader.input(Input::Start { unix_ms: UNIX_MS });
    let (mut at_ms, mut live, mut sound) = (0_i64, true, true);
    reader.input(Input::Media(MediaEvent::Tracks(Source::default().tracks())));
    for step in steps {
        match step {
            Step::Start => {
                reader.input(Input::Start { unix_ms: UNIX_MS });
                live = true;
            }
            Step::Finish => {
                reader.input(Input::Finish);
                live = false;
            }
            Step::Tracks(sample_rate) if live => {
                sound = sample_rate.is_some();
                let source = Source { sample_rate, ..Source::default() };
                reader.input(Input::Media(MediaEvent::Tracks(source.tracks())));
            }
            Step::Jump(by_ms) => at_ms = at_ms.wrapping_add(by_ms),
            Step::Packet { video, step_ms, composition_ms, random_access, len }
                if live && (video || sound) =>
            {
                at_ms = at_ms.saturating_add(step_ms);
                let dts = Timestamp::from_millis(at_ms);
                let pts = dts + Span::from_millis(composition_ms);
                let track = if video { Source::VIDEO } else { Source::AUDIO };
                let data = vec![7; len].into();
                reader.input(Input::Media(MediaEvent::Packet(Packet {
                    track,
                    dts,
                    pts,
                    random_access,
                    data,
                })));
            }
            _ => {}
        }
    }
}

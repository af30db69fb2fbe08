//! A bare sound card, as on a computer without PulseAudio or PipeWire: Linux's driver `snd-aloop`, in the machine that
//! `cargo xtask camera-test` boots. What is played on its second device is recorded on its first, which is the default.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

use std::f32::consts::TAU;
use std::path::Path;

use capture::{AudioInput, AudioSource, AudioStep, Clock, SAMPLE_RATE, Stop, devices};
use cpal::traits::{DeviceTrait as _, HostTrait as _, StreamTrait as _};
use cpal::{BufferSize, StreamConfig};
use media::{Span, Timestamp};

/// A condition has this long in a machine made of software.
const LIMIT: Span = Span::from_secs(90);
/// What is listened to at once.
const STRETCH: usize = SAMPLE_RATE as usize / 4;
/// What is compared with a tone: ALSA's `dsnoop` above this driver gives a few milliseconds a second time now and then,
/// after which a tone stands elsewhere in its period. Tones 200 Hz apart are told from each other in so much.
const WINDOW: usize = SAMPLE_RATE as usize / 200;

/// Plays a tone into the other end of the card until dropped.
struct Playing(#[expect(dead_code, reason = "dropping it ends the tone")] cpal::Stream);

impl Playing {
    fn start(hertz: u32) -> Playing {
        let host = cpal::host_from_id(cpal::HostId::Alsa).unwrap();
        let ids: Vec<_> =
            host.devices().unwrap().filter_map(|it| Some((it.id().ok()?.to_string(), it))).collect();
        let other_end = |id: &str| id.contains("plughw:") && id.contains("Loopback") && id.ends_with("DEV=1");
        let known: Vec<&str> = ids.iter().map(|(id, _)| id.as_str()).collect();
        println!("cards: {known:?}");
        let (_, device) = ids.iter().find(|(id, _)| other_end(id)).unwrap();
        let mut at = 0_u32;
        let tone = move |samples: &mut [f32], _: &cpal::OutputCallbackInfo| {
            for frame in samples.as_chunks_mut::<2>().0 {
                *frame = [(TAU * (at * hertz % SAMPLE_RATE) as f32 / SAMPLE_RATE as f32).sin() * 0.5; 2];
                at = (at + 1) % SAMPLE_RATE;
            }
        };
        let config =
            StreamConfig { channels: 2, sample_rate: SAMPLE_RATE, buffer_size: BufferSize::Fixed(4_800) };
        let stream =
            device.build_output_stream(config, tone, |error| println!("playing: {error}"), None).unwrap();
        stream.play().unwrap();
        Playing(stream)
    }
}

/// A microphone, and its left channel as it arrives.
struct Listener {
    source: AudioSource,
    clock: Clock,
    heard: Vec<f32>,
}

impl Listener {
    fn open(input: &AudioInput) -> Listener {
        let clock = Clock::start();
        // Whoever had it before may not be through with closing it.
        let source = loop {
            match AudioSource::open(input, clock, clock.now()) {
                Ok(source) => break source.unwrap(),
                Err(error) => assert!(clock.now() - Timestamp::ZERO < LIMIT, "{error}"),
            }
            std::thread::yield_now();
        };
        Listener { source, clock, heard: Vec::new() }
    }

    /// One step; whether it brought sound.
    fn step(&mut self) -> bool {
        let AudioStep::Block(block) = self.source.next(&Stop::new()).unwrap() else { return false };
        self.heard.extend(block.samples.iter().step_by(2));
        true
    }

    /// Waits until this tone and nothing else is heard.
    fn hears(&mut self, hertz: u32) {
        let begun = self.clock.now();
        self.heard.clear();
        loop {
            self.step();
            let newest = &self.heard[self.heard.len().saturating_sub(STRETCH)..];
            let mut windows: Vec<f32> =
                newest.chunks_exact(WINDOW).map(|window| purity(window, hertz)).collect();
            windows.sort_by(f32::total_cmp);
            let pure = windows.get(windows.len() / 2).copied().unwrap_or_default();
            if newest.len() == STRETCH && pure > 0.9 {
                return;
            }
            let heard = self.heard.len();
            assert!(
                self.clock.now() - begun < LIMIT,
                "no tone of {hertz} Hz in {heard} samples: {pure} of it"
            );
        }
    }
}

/// How much of a sound's energy one frequency has, 0 to 1.
fn purity(samples: &[f32], hertz: u32) -> f32 {
    let angle = |at: usize| TAU * (at as u32 * hertz % SAMPLE_RATE) as f32 / SAMPLE_RATE as f32;
    let (mut cosine, mut sine, mut energy) = (0.0, 0.0, f32::MIN_POSITIVE);
    for (at, &sample) in samples.iter().enumerate() {
        cosine += sample * angle(at).cos();
        sine += sample * angle(at).sin();
        energy += sample * sample;
    }
    2.0 * (cosine * cosine + sine * sine) / samples.len().max(1) as f32 / energy
}

/// Pulls the card out (`unbind`) or plugs it in (`bind`).
fn plug(action: &str) {
    std::fs::write(Path::new("/sys/bus/platform/drivers/snd_aloop").join(action), "snd_aloop.0").unwrap();
}

#[test]
#[ignore = "needs a sound card without a sound server: cargo xtask camera-test"]
fn without_a_sound_server_the_card_itself_is_listed_and_heard() {
    assert!(cpal::host_from_id(cpal::HostId::PulseAudio).is_err(), "a sound server answers");
    let microphones = devices().microphones;
    println!("microphones: {microphones:?}");
    assert!(microphones.iter().all(|device| device.id.starts_with("alsa:")), "{microphones:?}");
    assert!(microphones.iter().any(|device| device.id.contains("Loopback")), "{microphones:?}");
    assert!(microphones.first().is_some_and(|device| device.is_default), "{microphones:?}");
    let mut listener = Listener::open(&AudioInput::Microphone(Some(microphones[0].id.clone())));
    // What plays follows the form of what records: ALSA's default has one of its own.
    let _playing = Playing::start(700);
    listener.hears(700);
}

#[test]
#[ignore = "needs a sound card without a sound server: cargo xtask camera-test"]
fn a_card_that_is_pulled_out_is_heard_again_when_it_is_back() {
    let playing = Playing::start(900);
    let mut listener = Listener::open(&AudioInput::Microphone(None));
    listener.hears(900);
    drop(playing);
    // The kernel waits in there until nobody has the card open.
    let unplugging = std::thread::spawn(|| plug("unbind"));
    let mut quiet_from = listener.clock.now();
    let begun = quiet_from;
    while !unplugging.is_finished() || listener.clock.now() - quiet_from < Span::from_secs(2) {
        assert!(listener.clock.now() - begun < LIMIT, "sound still comes, or the card is kept open");
        if listener.step() {
            quiet_from = listener.clock.now();
        }
    }
    plug("bind");
    let _playing = Playing::start(1_100);
    listener.hears(1_100);
}

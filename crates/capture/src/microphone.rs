//! Recording devices through cpal: microphones, and the monitor of what the computer plays.
//!
//! The audio system's callback thread copies each buffer into a ring of fixed size and never waits. A device that
//! falls silent or fails is reopened beside the reader, whose line [`crate::AvSync`] fills meanwhile; so is the default
//! device when another becomes it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use cpal::traits::{DeviceTrait, StreamTrait};
use cpal::{BufferSize, Data, SampleFormat, StreamConfig};
use media::{Span, Timescale, Timestamp};

use crate::audio::{AudioStep, CHANNELS, Captured, RATE, SAMPLE_RATE};
use crate::bounded::within;
use crate::device_clock::DeviceClock;
use crate::devices::find_device;
use crate::rate_estimate::RateEstimate;
use crate::resampler::Resampler;
use crate::{Clock, Error, Stop, Trouble};

/// A recording device that comes back by itself.
pub struct Microphone {
    wanted: Wanted,
    clock: Clock,
    /// `None` while it is being reopened.
    open: Option<OpenDevice>,
    /// What opens it, and when that is given up.
    reopening: Option<(mpsc::Receiver<Result<OpenDevice, Error>>, Timestamp)>,
    /// A block that waits for its time to leave.
    ready: Option<Captured>,
    last_heard: Timestamp,
    retry_at: Timestamp,
    /// Why it did not open when that was tried last.
    trouble: Option<Trouble>,
}

/// Which device.
#[derive(Clone, Debug)]
pub(crate) enum Wanted {
    /// The system's default.
    Default,
    /// The one with this id.
    Id(String),
    /// The monitor of the default output.
    System,
}

/// A running stream and the reader's end of its ring.
struct OpenDevice {
    name: String,
    ring: rtrb::Consumer<Block>,
    shared: Arc<Shared>,
    resampler: Option<Resampler>,
    channels: usize,
    rate: u32,
    rate_estimate: RateEstimate,
    device_clock: DeviceClock,
    /// Keeps the callback alive.
    _stream: Stream,
}

/// What calls the callback.
enum Stream {
    Card {
        _stream: cpal::Stream,
    },
    #[cfg(target_os = "linux")]
    Server {
        _recording: crate::pulse::Recording,
    },
}

/// What the callback tells beside the ring.
#[derive(Default)]
struct Shared {
    failed: AtomicBool,
    /// Frames that found the ring full since the last block that fitted.
    lost: AtomicUsize,
}

/// A piece of a callback's buffer.
struct Block {
    /// When the callback was called.
    arrived: Timestamp,
    lost: usize,
    len: usize,
    samples: [f32; BLOCK_VALUES],
}

impl OpenDevice {
    fn new(
        name: String,
        ring: rtrb::Consumer<Block>,
        shared: Arc<Shared>,
        (channels, rate): (usize, u32),
        stream: Stream,
    ) -> Result<OpenDevice, Error> {
        let mut open = OpenDevice {
            name,
            ring,
            shared,
            resampler: None,
            channels,
            rate,
            rate_estimate: RateEstimate::new(rate),
            device_clock: DeviceClock::new(RATE),
            _stream: stream,
        };
        open.set_rate(rate)?;
        Ok(open)
    }

    /// Takes what follows for sound of `rate` samples per second.
    fn set_rate(&mut self, rate: u32) -> Result<(), Error> {
        let is_ours = (self.channels, rate) == (CHANNELS, SAMPLE_RATE);
        self.resampler = if is_ours { None } else { Some(Resampler::for_interleaved(self.channels, rate)?) };
        self.rate = rate;
        self.device_clock = DeviceClock::new(Timescale::new(rate).unwrap_or(Timescale::MILLISECONDS));
        Ok(())
    }
}

impl Microphone {
    /// Opens the device with this id, or the default one.
    pub(crate) fn open(id: Option<&str>, clock: Clock) -> Result<Microphone, Error> {
        let wanted = id.map_or(Wanted::Default, |id| Wanted::Id(id.to_owned()));
        Microphone::open_wanted(wanted, clock)
    }

    /// Opens the monitor of the default output.
    pub(crate) fn open_system_sound(clock: Clock) -> Result<Microphone, Error> {
        Microphone::open_wanted(Wanted::System, clock)
    }

    fn open_wanted(wanted: Wanted, clock: Clock) -> Result<Microphone, Error> {
        let open = open_device(&wanted, clock)?;
        tracing::info!(device = open.name, "sound device opened");
        let mut microphone = Microphone::away(wanted, clock);
        microphone.open = Some(open);
        Ok(microphone)
    }

    /// The device with this id, or the default one; it opens when it is there.
    pub(crate) fn open_when_there(id: Option<&str>, clock: Clock) -> Microphone {
        let wanted = id.map_or(Wanted::Default, |id| Wanted::Id(id.to_owned()));
        Microphone::wait_for(wanted, clock)
    }

    /// The monitor of the default output; it opens when there is one.
    pub(crate) fn open_system_sound_when_there(clock: Clock) -> Microphone {
        Microphone::wait_for(Wanted::System, clock)
    }

    fn wait_for(wanted: Wanted, clock: Clock) -> Microphone {
        Microphone::open_wanted(wanted.clone(), clock).unwrap_or_else(|error| {
            let mut away = Microphone::away(wanted, clock);
            away.retry_at += RETRY;
            away.trouble = Some((&error).into());
            away
        })
    }

    fn away(wanted: Wanted, clock: Clock) -> Microphone {
        let now = clock.now();
        Microphone {
            wanted,
            clock,
            open: None,
            reopening: None,
            ready: None,
            last_heard: now,
            retry_at: now,
            trouble: None,
        }
    }

    /// Why it is not open, once opening it was tried.
    pub(crate) fn trouble(&self) -> Option<&Trouble> {
        self.trouble.as_ref()
    }

    /// Waits for the next block, at most [`WAIT`].
    pub(crate) fn next(&mut self, stop: &Stop) -> Result<AudioStep, Error> {
        let deadline = self.clock.now() + WAIT;
        loop {
            if self.ready.is_none() {
                self.ready = self.pop()?;
            }
            self.keep_open();
            let now = self.clock.now();
            let wait_for = match self.ready.take() {
                Some(block) if now >= block.device_time + SMOOTHING => return Ok(AudioStep::Block(block)),
                Some(block) => {
                    let due = block.device_time + SMOOTHING;
                    self.ready = Some(block);
                    due.min(deadline)
                }
                None => now + POLL,
            };
            if now >= deadline {
                return Ok(AudioStep::Idle);
            }
            if stop.wait_until(self.clock.instant(wait_for)) {
                return Ok(AudioStep::Ended);
            }
        }
    }

    fn pop(&mut self) -> Result<Option<Captured>, Error> {
        let Some(open) = &mut self.open else { return Ok(None) };
        let Ok(block) = open.ring.pop() else { return Ok(None) };
        self.last_heard = self.clock.now();
        let values = &block.samples[..block.len];
        let counted = block.lost + block.len / open.channels;
        if let Some(rate) = open.rate_estimate.observe(block.arrived, counted) {
            tracing::warn!(
                device = open.name,
                announced = open.rate,
                rate,
                "the device has another sample rate"
            );
            open.set_rate(rate)?;
        }
        let device_time = open.device_clock.stamp(block.arrived, block.lost, block.len / open.channels);
        let samples: Arc<[f32]> = match &mut open.resampler {
            None => values.into(),
            Some(resampler) => resampler.run_interleaved(values, open.channels, open.rate)?.into(),
        };
        // What is lost is told in samples of what is delivered.
        let lost = (block.lost as u64 * u64::from(SAMPLE_RATE) / u64::from(open.rate)) as usize;
        Ok(Some(Captured { device_time, arrived: block.arrived, lost, samples }))
    }

    /// Notices a device that failed or fell silent, and a reopening that is done.
    fn keep_open(&mut self) {
        let now = self.clock.now();
        if let Some(open) = &self.open {
            let failed = open.shared.failed.load(Ordering::Relaxed);
            if failed || now - self.last_heard > SILENT_MAX {
                tracing::warn!(
                    device = open.name,
                    failed,
                    "sound device is gone, silent or no longer the default, reopening"
                );
                self.start_reopening();
            }
            return;
        }
        let given_up = self.reopening.as_ref().is_some_and(|&(_, limit)| now > limit);
        let answer = self.reopening.as_ref().map(|(answer, _)| answer.try_recv());
        match answer {
            Some(Ok(Ok(open))) => {
                tracing::info!(device = open.name, "sound device is back");
                self.open = Some(open);
                (self.reopening, self.trouble) = (None, None);
                self.last_heard = now;
            }
            // A thread that hangs in the audio system is left behind, for the next one may not.
            Some(Err(mpsc::TryRecvError::Empty)) if given_up => self.start_reopening(),
            Some(Err(mpsc::TryRecvError::Empty)) => {}
            Some(answer) => {
                if let Ok(Err(error)) = answer {
                    self.trouble = Some((&error).into());
                }
                self.reopening = None;
                self.retry_at = now + RETRY;
            }
            None if now >= self.retry_at => self.start_reopening(),
            None => {}
        }
    }

    /// Closes and opens on a thread of its own: an audio system that hangs must not hold up the sound line.
    fn start_reopening(&mut self) {
        let (answer, receiver) = mpsc::sync_channel(1);
        let (wanted, clock, old) = (self.wanted.clone(), self.clock, self.open.take());
        let thread = std::thread::Builder::new().name("sound-reopen".to_owned()).spawn(move || {
            // A card opens only once it is closed; a server that stands still closes nothing.
            if let Some(old) = old {
                within(OPEN_LIMIT, "sound-close", move || drop(old));
            }
            // Nobody waits any more when the microphone was closed meanwhile.
            let _ = answer.send(open_device(&wanted, clock));
        });
        match thread {
            // The thread ends by itself, within the time limits of opening; its answer is polled for.
            Ok(_) => self.reopening = Some((receiver, self.clock.now() + REOPEN_LIMIT)),
            Err(error) => tracing::warn!(%error, "no thread to reopen the sound device"),
        }
        self.retry_at = self.clock.now() + RETRY;
    }
}

impl Drop for Microphone {
    /// Closing waits for the audio system's own threads, which wait for its server: that is left to a thread of
    /// its own, so that a server that hangs holds up nobody.
    fn drop(&mut self) {
        let Some(open) = self.open.take() else { return };
        let closing = std::thread::Builder::new().name("sound-close".to_owned()).spawn(move || drop(open));
        if let Err(error) = closing {
            tracing::warn!(%error, "no thread to close the sound device");
        }
    }
}

fn open_device(wanted: &Wanted, clock: Clock) -> Result<OpenDevice, Error> {
    let device = find_device(wanted)?;
    let name = device.to_string();
    let fault = |error: cpal::Error| Error::Device { device: name.clone(), reason: error.to_string() };
    #[cfg(target_os = "linux")]
    if let Some(source) = crate::devices::server_source(&device) {
        return open_source(name, &source, wanted.clone(), clock);
    }
    let default = device.default_input_config().map_err(fault)?;
    let own = StreamConfig {
        channels: CHANNELS as u16,
        sample_rate: SAMPLE_RATE,
        buffer_size: BufferSize::Fixed(BUFFER_FRAMES),
    };
    let device_own = StreamConfig {
        channels: default.channels(),
        sample_rate: default.sample_rate(),
        buffer_size: BufferSize::Default,
    };
    // A sound server converts to our format itself; a bare card only knows its own.
    let (config, (stream, ring, shared)) = match start(&device, own, SampleFormat::F32, clock) {
        Ok(started) => (own, started),
        Err(_) => (device_own, start(&device, device_own, default.sample_format(), clock).map_err(fault)?),
    };
    let (channels, rate) = (usize::from(config.channels.max(1)), config.sample_rate.max(1));
    let stream = Stream::Card { _stream: stream };
    OpenDevice::new(name, ring, shared, (channels, rate), stream)
}

/// Opens a source of the sound server, which converts to our format itself.
#[cfg(target_os = "linux")]
fn open_source(name: String, source: &str, wanted: Wanted, clock: Clock) -> Result<OpenDevice, Error> {
    let shared = Arc::new(Shared::default());
    let (mut writer, ring) = Writer::new(&shared, CHANNELS, SAMPLE_RATE, clock);
    let fault = |reason: String| Error::Device { device: name.clone(), reason };
    let mut recording =
        crate::pulse::record(source, move |bytes| writer.write_bytes(bytes), OPEN_LIMIT).map_err(fault)?;
    let from_watch = Arc::clone(&shared);
    recording
        .watch(source, wanted, move || from_watch.failed.store(true, Ordering::Relaxed))
        .map_err(fault)?;
    let stream = Stream::Server { _recording: recording };
    OpenDevice::new(name, ring, shared, (CHANNELS, SAMPLE_RATE), stream)
}

type Started = (cpal::Stream, rtrb::Consumer<Block>, Arc<Shared>);

fn start(
    device: &cpal::Device,
    config: StreamConfig,
    format: SampleFormat,
    clock: Clock,
) -> Result<Started, cpal::Error> {
    if !matches!(format, SampleFormat::F32 | SampleFormat::I16 | SampleFormat::I32 | SampleFormat::U8) {
        return Err(cpal::Error::new(cpal::ErrorKind::UnsupportedConfig));
    }
    let shared = Arc::new(Shared::default());
    let from_error = Arc::clone(&shared);
    let channels = usize::from(config.channels.max(1));
    let (mut writer, consumer) = Writer::new(&shared, channels, config.sample_rate, clock);
    let stream = device.build_input_stream_raw(
        config,
        format,
        move |data, _| writer.write(data),
        move |error| {
            let harmless = matches!(
                error.kind(),
                cpal::ErrorKind::Xrun | cpal::ErrorKind::RealtimeDenied | cpal::ErrorKind::DeviceChanged
            );
            if !harmless {
                from_error.failed.store(true, Ordering::Relaxed);
            }
        },
        Some(OPEN_LIMIT),
    )?;
    stream.play()?;
    Ok((stream, consumer, shared))
}

/// The callback's side. Allocates nothing, locks nothing, waits for nothing.
struct Writer {
    ring: rtrb::Producer<Block>,
    shared: Arc<Shared>,
    channels: usize,
    clock: Clock,
}

impl Writer {
    /// With a ring of [`RING_MILLIS`].
    fn new(
        shared: &Arc<Shared>,
        channels: usize,
        rate: u32,
        clock: Clock,
    ) -> (Writer, rtrb::Consumer<Block>) {
        let values = rate as usize * channels * RING_MILLIS / 1_000;
        let (ring, consumer) = rtrb::RingBuffer::new(values.div_ceil(BLOCK_VALUES / 2));
        (Writer { ring, shared: Arc::clone(shared), channels, clock }, consumer)
    }

    /// Native-endian `f32` samples.
    #[cfg(target_os = "linux")]
    fn write_bytes(&mut self, bytes: &[u8]) {
        let (samples, _) = bytes.as_chunks::<4>();
        self.push_all(samples, self.clock.now(), f32::from_ne_bytes);
    }

    fn write(&mut self, data: &Data) {
        let arrived = self.clock.now();
        if let Some(samples) = data.as_slice::<f32>() {
            self.push_all(samples, arrived, |sample| sample);
        } else if let Some(samples) = data.as_slice::<i16>() {
            self.push_all(samples, arrived, |sample| f32::from(sample) / 32_768.0);
        } else if let Some(samples) = data.as_slice::<i32>() {
            self.push_all(samples, arrived, |sample| sample as f32 / 2_147_483_648.0);
        } else if let Some(samples) = data.as_slice::<u8>() {
            self.push_all(samples, arrived, |sample| (f32::from(sample) - 128.0) / 128.0);
        }
    }

    fn push_all<T: Copy>(&mut self, values: &[T], arrived: Timestamp, to_f32: fn(T) -> f32) {
        let per_block = (BLOCK_VALUES / self.channels * self.channels).max(1);
        for piece in values.chunks(per_block) {
            let lost = self.shared.lost.swap(0, Ordering::Relaxed);
            let mut block = Block { arrived, lost, len: piece.len(), samples: [0.0; BLOCK_VALUES] };
            for (sample, &value) in block.samples.iter_mut().zip(piece) {
                *sample = to_f32(value);
            }
            if self.ring.push(block).is_err() {
                self.shared.lost.fetch_add(lost + piece.len() / self.channels, Ordering::Relaxed);
            }
        }
    }
}

/// 20 ms: what a card is asked for.
const BUFFER_FRAMES: u32 = 960;

/// Values in a piece of the ring: 10 ms of stereo.
const BLOCK_VALUES: usize = 960;

/// A sound server that stood still delivers what it kept at once: with 200 ms a burst after a stall was lost in part.
/// Full: the newest sound is lost, counted, and becomes silence. In ordinary use the ring holds one buffer.
const RING_MILLIS: usize = 1_000;

/// Sound leaves at a steady pace, two buffers after it was recorded, so that meters do not move in bursts.
const SMOOTHING: Span = Span::from_millis(40);

/// The reader looks again after this long: well below a buffer.
const POLL: Span = Span::from_millis(4);

/// How long the reader waits for a block before it says that there is none.
const WAIT: Span = Span::from_millis(40);

/// Without a callback for this long the device is reopened. ALSA's first data may come two seconds late.
const SILENT_MAX: Span = Span::from_secs(3);

/// Time between two tries to reopen.
const RETRY: Span = Span::from_secs(1);

/// Time from closing one device to the next one's being open: well more than each of both may take.
const REOPEN_LIMIT: Span = Span::from_secs(10);

/// Time a device has to open.
const OPEN_LIMIT: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    fn writer(blocks: usize) -> (Writer, rtrb::Consumer<Block>) {
        let (ring, consumer) = rtrb::RingBuffer::new(blocks);
        let shared = Arc::new(Shared::default());
        (Writer { ring, shared, channels: 2, clock: Clock::start() }, consumer)
    }

    #[test]
    fn a_buffer_is_cut_into_pieces() {
        let (mut writer, mut ring) = writer(4);
        let arrived = Timestamp::from_millis(500);
        writer.push_all(&[0.25_f32; 1_920], arrived, |sample| sample);
        for _ in 0..2 {
            let block = ring.pop().expect("two pieces");
            assert_eq!(block.arrived, arrived);
            assert_eq!(block.samples[..block.len], [0.25; 960]);
        }
        assert!(ring.pop().is_err());
    }

    #[test]
    fn an_overrun_is_counted_and_told_with_the_next_block_that_fits() {
        let (mut writer, mut ring) = writer(1);
        let start = Timestamp::ZERO;
        writer.push_all(&[0_i16; 960 * 3], start, f32::from);
        assert_eq!(ring.pop().expect("the first fitted").lost, 0);
        writer.push_all(&[0_i16; 960], start, f32::from);
        assert_eq!(ring.pop().expect("room again").lost, 960);
    }
}

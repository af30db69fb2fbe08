//! Sound in codecs that players do not take, to AAC.

use ffmpeg_next as ffmpeg;
use ffmpeg_next::codec::packet::Packet as Coded;
use ffmpeg_next::codec::{Context, Id};
use ffmpeg_next::format::Sample;
use ffmpeg_next::format::sample::Type;
use ffmpeg_next::software::resampling;
use ffmpeg_next::{ChannelLayout, ffi, frame};
use media::{
    AudioFrame, ForeignSound, Opus, Packet, SoundFormat, Span, Timescale, Timestamp, Track, TrackId,
};

use crate::{Audio, Error};

/// Re-encodes one track of sound. Synchronous and cheap: a second of sound takes a few milliseconds.
///
/// The times of the sound are those of the packets that it came with: what is shorter than [`SILENCE_MAX`] and
/// missing becomes silence, what is longer stays a gap.
pub struct Recoder {
    /// What is decoded, by its name, and its samples a second.
    from: &'static str,
    rate: u32,
    track: TrackId,
    decoder: ffmpeg::decoder::Audio,
    encoder: Audio,
    stretch: Option<Stretch>,
}

/// Sound without a gap.
struct Stretch {
    resampler: resampling::Context,
    /// Where the next decoded sample is expected.
    next: Timestamp,
    /// Where the first resampled sample belongs, and how many came.
    begun: Timestamp,
    resampled: i64,
}

impl Recoder {
    /// Begins to re-encode `sound`; the packets will be of `track`.
    ///
    /// # Errors
    /// When this FFmpeg has no decoder for it, or none for AAC.
    pub fn open(sound: ForeignSound, track: TrackId) -> Result<Recoder, Error> {
        crate::start_ffmpeg().map_err(fault("starting"))?;
        let (decoder, from, rate) = (open(sound)?, sound.format.name(), sound.sample_rate);
        Ok(Recoder { from, rate, track, decoder, encoder: open_encoder(rate)?, stretch: None })
    }

    /// The same of Opus, for players that do not take it.
    ///
    /// # Errors
    /// When this FFmpeg has no decoder for it, or none for AAC.
    pub fn open_opus(opus: &Opus, track: TrackId) -> Result<Recoder, Error> {
        crate::start_ffmpeg().map_err(fault("starting"))?;
        let (from, rate) = ("Opus", Opus::SAMPLE_RATE);
        let decoder = open_decoder(Id::OPUS, from, (rate, opus.channels), &opus.head())?;
        Ok(Recoder { from, rate, track, decoder, encoder: open_encoder(rate)?, stretch: None })
    }

    /// The track that the packets belong to.
    #[must_use]
    pub fn track(&self) -> Track {
        Track { id: self.track, ..self.encoder.track() }
    }

    /// The next packet; damaged ones are left out, and become silence.
    ///
    /// # Errors
    /// When the encoder fails.
    pub fn push(&mut self, packet: &Packet) -> Result<Vec<Packet>, Error> {
        let mut coded = Coded::copy(&packet.data);
        coded.set_pts(Some(packet.pts.flicks()));
        coded.set_dts(Some(packet.pts.flicks()));
        let mut packets = Vec::new();
        if self.decoder.send_packet(&coded).is_err() {
            return Ok(packets);
        }
        // A packet holds a frame; the count ends the loop if a decoder does otherwise.
        for _ in 0..AT_ONCE_MAX {
            let mut decoded = frame::Audio::empty();
            if self.decoder.receive_frame(&mut decoded).is_err() {
                break;
            }
            self.decoded(decoded, &mut packets)?;
        }
        Ok(packets)
    }

    /// Nothing follows: what is inside.
    ///
    /// # Errors
    /// When the encoder fails.
    pub fn finish(mut self) -> Result<Vec<Packet>, Error> {
        let mut packets = Vec::new();
        self.flush(&mut packets)?;
        packets.extend(self.encoder.finish()?);
        packets.iter_mut().for_each(|packet| packet.track = self.track);
        Ok(packets)
    }

    fn decoded(&mut self, mut decoded: frame::Audio, packets: &mut Vec<Packet>) -> Result<(), Error> {
        let Some(at) = decoded.pts().map(Timestamp::from_flicks) else { return Ok(()) };
        if decoded.samples() == 0 || decoded.rate() == 0 {
            return Ok(());
        }
        if decoded.channel_layout().is_empty() {
            decoded.set_channel_layout(ChannelLayout::default(i32::from(decoded.channels())));
        }
        let gap = self.stretch.as_ref().map(|stretch| at - stretch.next);
        if gap.is_some_and(|gap| gap.abs() > ROUNDING) {
            self.flush(packets)?;
            if gap.is_some_and(|gap| gap > SILENCE_MAX || gap < -SILENCE_MAX) {
                let before = std::mem::replace(&mut self.encoder, open_encoder(self.rate)?);
                self.give(before.finish()?, packets);
            }
        }
        let stretch = match &mut self.stretch {
            Some(stretch) if *stretch.resampler.input() == definition(&decoded) => stretch,
            slot => {
                let resampler = open_resampler(&decoded)?;
                slot.insert(Stretch { resampler, next: at, begun: at, resampled: 0 })
            }
        };
        let rate = Timescale::new(decoded.rate()).unwrap_or(Timescale::MILLISECONDS);
        stretch.next = at + Span::from_ticks(decoded.samples() as i64, rate);
        let room = decoded.samples() * Audio::SAMPLE_RATE as usize / decoded.rate() as usize + SLACK_FRAMES;
        let mut out = output(room);
        stretch.resampler.run(&decoded, &mut out).map_err(fault("resampling"))?;
        self.encode(&out, packets)
    }

    /// What the resampler keeps goes to the encoder.
    fn flush(&mut self, packets: &mut Vec<Packet>) -> Result<(), Error> {
        let Some(stretch) = &mut self.stretch else { return Ok(()) };
        let mut out = output(SLACK_FRAMES);
        stretch.resampler.flush(&mut out).map_err(fault("resampling"))?;
        let result = self.encode(&out, packets);
        self.stretch = None;
        result
    }

    fn encode(&mut self, out: &frame::Audio, packets: &mut Vec<Packet>) -> Result<(), Error> {
        let Some(stretch) = &mut self.stretch else { return Ok(()) };
        let pts = stretch.begun + Span::from_ticks(stretch.resampled, RATE);
        stretch.resampled += out.samples() as i64;
        let bytes = out.data(0).chunks_exact(4).take(out.samples() * CHANNELS);
        let samples = bytes.map(|b| f32::from_ne_bytes([b[0], b[1], b[2], b[3]])).collect();
        let block = AudioFrame { pts, sample_rate: Audio::SAMPLE_RATE, channels: CHANNELS as u8, samples };
        let encoded = self.encoder.encode(&block)?;
        self.give(encoded, packets);
        Ok(())
    }

    fn give(&self, encoded: Vec<Packet>, packets: &mut Vec<Packet>) {
        packets.extend(encoded.into_iter().map(|packet| Packet { track: self.track, ..packet }));
    }
}

impl std::fmt::Debug for Recoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recoder")
            .field("from", &self.from)
            .field("track", &self.track)
            .finish_non_exhaustive()
    }
}

fn open(sound: ForeignSound) -> Result<ffmpeg::decoder::Audio, Error> {
    let id = match sound.format {
        SoundFormat::Mp2 => Id::MP2,
        SoundFormat::Mp3 => Id::MP3,
        SoundFormat::ALaw => Id::PCM_ALAW,
        SoundFormat::MuLaw => Id::PCM_MULAW,
        SoundFormat::Ac3 => Id::AC3,
    };
    open_decoder(id, sound.format.name(), (sound.sample_rate, sound.channels), &[])
}

/// Opens a decoder for sound of so many samples a second and channels; `head` is what stands before its packets.
pub(crate) fn open_decoder(
    id: Id,
    name: &str,
    (rate, channels): (u32, u8),
    head: &[u8],
) -> Result<ffmpeg::decoder::Audio, Error> {
    let found = ffmpeg::decoder::find(id).ok_or_else(|| Error::Unusable {
        name: NAME.to_owned(),
        reason: format!("this FFmpeg cannot decode {name}"),
    })?;
    let mut context = Context::new_with_codec(found);
    // SAFETY: the context is ours and not open yet; it frees what `av_mallocz` gave. What has no header of its own
    // needs these.
    unsafe {
        let raw = context.as_mut_ptr();
        (*raw).sample_rate = i32::try_from(rate).unwrap_or(i32::MAX);
        ffi::av_channel_layout_default(&raw mut (*raw).ch_layout, i32::from(channels));
        let padded = ffi::av_mallocz(head.len() + ffi::AV_INPUT_BUFFER_PADDING_SIZE as usize);
        if !head.is_empty() && !padded.is_null() {
            std::ptr::copy_nonoverlapping(head.as_ptr(), padded.cast(), head.len());
            (*raw).extradata = padded.cast();
            (*raw).extradata_size = i32::try_from(head.len()).unwrap_or(0);
        } else {
            ffi::av_free(padded);
        }
    }
    context.decoder().audio().map_err(fault("opening"))
}

/// Speech of a telephone needs less than music.
fn open_encoder(rate: u32) -> Result<Audio, Error> {
    Audio::open(if rate <= TELEPHONE_RATE_MAX { TELEPHONE_BPS } else { Audio::BITRATE_BPS })
}

fn definition(decoded: &frame::Audio) -> resampling::context::Definition {
    let (format, channel_layout) = (decoded.format(), decoded.channel_layout());
    resampling::context::Definition { format, channel_layout, rate: decoded.rate() }
}

fn open_resampler(decoded: &frame::Audio) -> Result<resampling::Context, Error> {
    let (format, layout) = (Sample::F32(Type::Packed), ChannelLayout::STEREO);
    let from = definition(decoded);
    resampling::Context::get(from.format, from.channel_layout, from.rate, format, layout, Audio::SAMPLE_RATE)
        .map_err(fault("opening the resampler"))
}

fn output(frames: usize) -> frame::Audio {
    let mut out = frame::Audio::new(Sample::F32(Type::Packed), frames, ChannelLayout::STEREO);
    out.set_rate(Audio::SAMPLE_RATE);
    out
}

pub(crate) fn fault(step: &'static str) -> impl Fn(ffmpeg::Error) -> Error {
    move |source| Error::Ffmpeg { name: NAME, step, source }
}

const NAME: &str = "the re-encoding of sound";

const CHANNELS: usize = 2;

const RATE: Timescale = match Timescale::new(Audio::SAMPLE_RATE) {
    Some(rate) => rate,
    None => panic!("the sample rate is not 0"),
};

/// Stamps that are off by less follow each other.
const ROUNDING: Span = Span::from_millis(1);

/// Some lost packets are heard as a moment of silence; a longer gap of the publisher's stays one.
const SILENCE_MAX: Span = Span::from_millis(200);

/// What the resampler holds back, and more.
const SLACK_FRAMES: usize = 1_024;

const AT_ONCE_MAX: usize = 64;

const TELEPHONE_RATE_MAX: u32 = 16_000;
const TELEPHONE_BPS: u32 = 64_000;

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    const TELEPHONE: ForeignSound =
        ForeignSound { format: SoundFormat::MuLaw, sample_rate: 8_000, channels: 1 };

    /// A packet of 20 ms that begins at `at_ms`.
    fn packet(at_ms: i64) -> Packet {
        let at = Timestamp::from_millis(at_ms);
        Packet {
            track: TrackId(7),
            dts: at,
            pts: at,
            random_access: true,
            data: Bytes::from_static(&[0x9a; 160]),
        }
    }

    /// Where access units begin, in samples, of packets that begin at these milliseconds.
    fn recoded(begins_ms: impl Iterator<Item = i64>) -> Vec<i64> {
        let mut recoder = Recoder::open(TELEPHONE, TrackId(7)).expect("FFmpeg has both");
        let mut packets: Vec<Packet> =
            begins_ms.flat_map(|at| recoder.push(&packet(at)).expect("a packet")).collect();
        packets.extend(recoder.finish().expect("the end"));
        assert!(packets.iter().all(|packet| packet.track == TrackId(7)));
        packets.iter().map(|packet| packet.dts.ticks(RATE)).collect()
    }

    fn steps(times: &[i64]) -> Vec<i64> {
        times.windows(2).map(|pair| pair[1] - pair[0]).filter(|step| *step != 1_024).collect()
    }

    #[test]
    fn access_units_follow_each_other_and_last_as_long_as_the_sound() {
        let times = recoded((1_000..11_000).step_by(20));
        assert_eq!(times[0], 48_000 - 1_024, "the priming comes before the sound");
        assert_eq!(steps(&times), [] as [i64; 0]);
        let end = times[times.len() - 1] + 1_024;
        assert!((end - 11 * 48_000).abs() < 2_048, "{end}");
    }

    #[test]
    fn a_lost_packet_becomes_silence() {
        let times = recoded((0..10_000).step_by(20).filter(|at| *at != 5_000));
        assert_eq!(steps(&times), [] as [i64; 0]);
        assert!((times[times.len() - 1] - 10 * 48_000).abs() < 2_048);
    }

    #[test]
    fn a_long_gap_stays_a_gap_and_what_follows_is_on_time() {
        let times = recoded((0..2_000).chain(5_000..7_000).filter(|at| at % 20 == 0));
        let gap = times.windows(2).find(|pair| pair[1] - pair[0] != 1_024).expect("a gap");
        assert_eq!(gap[1], 5 * 48_000 - 1_024);
        assert!((gap[0] - 2 * 48_000).abs() < 2_048, "{gap:?}");
        assert_eq!(steps(&times).len(), 1);
    }

    #[test]
    fn damaged_packets_are_left_out() {
        let sound = ForeignSound { format: SoundFormat::Mp3, sample_rate: 48_000, channels: 2 };
        let mut recoder = Recoder::open(sound, TrackId(7)).expect("FFmpeg has both");
        for at in 0..20 {
            let data = Bytes::from(vec![at as u8; 300]);
            assert!(recoder.push(&Packet { data, ..packet(at * 24) }).is_ok());
        }
        assert!(recoder.finish().is_ok());
    }
}

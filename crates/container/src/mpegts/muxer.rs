//! Media events to transport packets.

use bytes::{BufMut as _, Bytes, BytesMut};
use media::{Codec, MediaEvent, Packet, Span, Timescale, Timestamp, Track, TrackId, nal};
use thiserror::Error;

use super::elementary::{self, Adts};
use super::section;
use super::transport_writer::{Adaptation, Stream, TIME_MASK};

/// Writes one stream as one program: H.264 or HEVC, AAC or Opus.
///
/// The tables come first, before each random access point, and at least each half second; the clock stands on the
/// video's packets (the sound's without video) at most 100 ms apart. Every access unit is a PES packet of its own,
/// so that a demuxer need not wait for the next.
#[derive(Debug)]
pub struct Muxer {
    association: Stream,
    map: Stream,
    map_version: u8,
    elementary: Vec<Elementary>,
    /// The time that is [`LEAD`] on the wire.
    base: Option<Timestamp>,
    tables_at: Option<Timestamp>,
    clock_at: Option<u64>,
    /// One access unit, kept for its room.
    unit: BytesMut,
}

/// A packet or track that MPEG-TS cannot carry.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum MuxError {
    /// A packet whose track was not announced.
    #[error("a packet of track {0}, which was not announced")]
    UnknownTrack(u8),
    /// A codec, or a form of it, that is not written.
    #[error("{codec} cannot be carried in MPEG-TS: H.264 or HEVC video and AAC or Opus audio can")]
    UnsupportedCodec {
        /// As people write it.
        codec: &'static str,
    },
    /// More tracks than PIDs are set aside for.
    #[error("{count} tracks: MPEG-TS is written with at most {TRACKS_MAX}")]
    TooManyTracks {
        /// How many there are.
        count: usize,
    },
    /// An access unit of AAC that ADTS cannot hold.
    #[error("an AAC frame of {bytes} bytes: ADTS holds at most 8184")]
    FrameTooLong {
        /// Its length.
        bytes: usize,
    },
}

#[derive(Debug)]
struct Elementary {
    track: TrackId,
    form: Form,
    stream: Stream,
}

#[derive(Debug)]
enum Form {
    H264 { sets: Vec<Bytes> },
    Hevc { sets: Vec<Bytes> },
    Aac(Adts),
    Opus { channels: u8 },
}

impl Default for Muxer {
    fn default() -> Muxer {
        Muxer::new()
    }
}

impl Muxer {
    /// A muxer before the first event.
    #[must_use]
    pub fn new() -> Muxer {
        Muxer {
            association: Stream::new(ASSOCIATION_PID),
            map: Stream::new(MAP_PID),
            map_version: 0,
            elementary: Vec::new(),
            base: None,
            tables_at: None,
            clock_at: None,
            unit: BytesMut::new(),
        }
    }

    /// Appends the transport packets of one event to `out`, always a multiple of 188 bytes.
    ///
    /// # Errors
    /// See [`MuxError`]; nothing is written then.
    ///
    /// Spec: ISO/IEC 13818-1 §2.4.3, §2.4.4.
    pub fn push(&mut self, event: &MediaEvent, out: &mut BytesMut) -> Result<(), MuxError> {
        match event {
            MediaEvent::Tracks(tracks) => self.announce(tracks),
            MediaEvent::Packet(packet) => self.packet(packet, out),
            MediaEvent::End(_) => Ok(()),
        }
    }

    fn announce(&mut self, tracks: &[Track]) -> Result<(), MuxError> {
        if tracks.len() > TRACKS_MAX {
            return Err(MuxError::TooManyTracks { count: tracks.len() });
        }
        let forms: Vec<Form> = tracks.iter().map(form).collect::<Result<_, _>>()?;
        let before = self.streams();
        let mut known = std::mem::take(&mut self.elementary).into_iter();
        let mut pid = FIRST_PID;
        for (track, form) in tracks.iter().zip(forms) {
            // A PID's counter goes on whatever it carries.
            let stream = known.next().map_or_else(|| Stream::new(pid), |known| known.stream);
            pid = stream.pid() + 1;
            self.elementary.push(Elementary { track: track.id, form, stream });
        }
        if !before.is_empty() && before != self.streams() {
            self.map_version = (self.map_version + 1) & 0x1f;
        }
        self.tables_at = None;
        Ok(())
    }

    fn packet(&mut self, packet: &Packet, out: &mut BytesMut) -> Result<(), MuxError> {
        let index = self.elementary.iter().position(|elementary| elementary.track == packet.track);
        let index = index.ok_or(MuxError::UnknownTrack(packet.track.0))?;
        self.unit.clear();
        let mut unit = std::mem::take(&mut self.unit);
        let written = self.elementary[index].form.write(packet, &mut unit);
        if written.is_ok() {
            self.write(index, packet, &unit, out);
        }
        self.unit = unit;
        written
    }

    fn write(&mut self, index: usize, packet: &Packet, unit: &[u8], out: &mut BytesMut) {
        let is_video = self.elementary[index].form.is_video();
        let entry = is_video && packet.random_access;
        let due = self.tables_at.is_none_or(|at| packet.dts - at >= TABLES_EVERY);
        if entry || due {
            self.tables(out);
            self.tables_at = Some(packet.dts);
        }
        let (pts, dts) = (self.ticks(packet.pts), self.ticks(packet.dts));
        // The other track may be a little behind, but a clock does not run backwards.
        let now = dts.saturating_sub(DECODER_LEAD_TICKS).max(self.clock_at.unwrap_or(0));
        let mut clock = None;
        if index == self.clock_stream() {
            clock = Some(now);
        } else if self.clock_at.is_none_or(|last| now - last >= CLOCK_EVERY_TICKS) {
            let at = self.clock_stream();
            self.elementary[at].stream.clock(now, out);
            self.clock_at = Some(now);
        }
        self.clock_at = clock.or(self.clock_at);
        let elementary = &mut self.elementary[index];
        let header = pes_header(elementary.form.stream_id(), pts, dts, unit.len());
        elementary.stream.payload(Adaptation { random_access: entry, clock }, &header, unit, out);
    }

    /// A time on the wire, not yet wrapped to its 33 bits.
    fn ticks(&mut self, at: Timestamp) -> u64 {
        let base = *self.base.get_or_insert(at);
        // What is more than the lead before the first packet of all has no time of its own.
        u64::try_from((at - base + LEAD).ticks(Timescale::MPEG)).unwrap_or(0)
    }

    /// The stream that carries the clock.
    fn clock_stream(&self) -> usize {
        self.elementary.iter().position(|elementary| elementary.form.is_video()).unwrap_or(0)
    }

    fn tables(&mut self, out: &mut BytesMut) {
        let [high, low] = (0xe000 | MAP_PID).to_be_bytes();
        let association = section::table(ASSOCIATION_TABLE, 0, &[0, PROGRAM, high, low]);
        self.association.section(&association, out);
        let map = section::table(MAP_TABLE, self.map_version, &self.streams());
        self.map.section(&map, out);
    }

    /// The body of the program map; empty before the first tracks.
    fn streams(&self) -> Vec<u8> {
        if self.elementary.is_empty() {
            return Vec::new();
        }
        let clock_pid = self.elementary[self.clock_stream()].stream.pid();
        let mut body = (0xe000 | clock_pid).to_be_bytes().to_vec();
        body.extend([0xf0, 0]); // no descriptors of the program
        for Elementary { form, stream, .. } in &self.elementary {
            let descriptors = form.descriptors();
            body.push(form.stream_type());
            body.extend((0xe000 | stream.pid()).to_be_bytes());
            body.extend((0xf000 | descriptors.len() as u16).to_be_bytes());
            body.extend(descriptors);
        }
        body
    }
}

fn form(track: &Track) -> Result<Form, MuxError> {
    let unsupported = || MuxError::UnsupportedCodec { codec: track.codec.name() };
    match &track.codec {
        Codec::H264(h264) => {
            let (sps, pps) = h264.parameter_sets();
            Ok(Form::H264 { sets: [sps, pps].concat() })
        }
        Codec::Hevc(hevc) => {
            let sets = hevc.parameter_sets();
            Ok(Form::Hevc { sets: [sets.vps, sets.sps, sets.pps].concat() })
        }
        Codec::Aac(aac) => Adts::new(aac).map(Form::Aac).ok_or_else(unsupported),
        Codec::Opus(opus) => {
            let channels = elementary::opus_channels(opus).ok_or_else(unsupported)?;
            Ok(Form::Opus { channels })
        }
        _ => Err(unsupported()),
    }
}

impl Form {
    fn write(&self, packet: &Packet, out: &mut BytesMut) -> Result<(), MuxError> {
        match self {
            Form::H264 { sets } => elementary::byte_stream(packet, &[nal::AUD, 0xf0], sets, out),
            Form::Hevc { sets } => {
                elementary::byte_stream(packet, &[nal::hevc::AUD << 1, 1, 0x50], sets, out);
            }
            Form::Aac(adts) => {
                if !adts.write(&packet.data, out) {
                    return Err(MuxError::FrameTooLong { bytes: packet.data.len() });
                }
            }
            Form::Opus { .. } => elementary::opus(&packet.data, out),
        }
        Ok(())
    }

    fn is_video(&self) -> bool {
        matches!(self, Form::H264 { .. } | Form::Hevc { .. })
    }

    /// Table 2-34.
    fn stream_type(&self) -> u8 {
        match self {
            Form::H264 { .. } => 0x1b,
            Form::Hevc { .. } => 0x24,
            Form::Aac(_) => 0x0f,
            Form::Opus { .. } => 0x06,
        }
    }

    /// Table 2-22.
    fn stream_id(&self) -> u8 {
        match self {
            Form::H264 { .. } | Form::Hevc { .. } => 0xe0,
            Form::Aac(_) => 0xc0,
            Form::Opus { .. } => 0xbd,
        }
    }

    fn descriptors(&self) -> Vec<u8> {
        match self {
            Form::Opus { channels } => [&[0x05, 4][..], b"Opus", &[0x7f, 2, 0x80, *channels]].concat(),
            Form::Hevc { .. } => [&[0x05, 4][..], b"HEVC"].concat(),
            Form::H264 { .. } | Form::Aac(_) => Vec::new(),
        }
    }
}

/// The header of a PES packet, with its length where 16 bits hold it, which only video may leave out.
fn pes_header(stream_id: u8, pts: u64, dts: u64, body: usize) -> Vec<u8> {
    let both = pts != dts;
    let fields = if both { 10 } else { 5 };
    let length = u16::try_from(3 + fields + body).unwrap_or(0);
    let [high, low] = length.to_be_bytes();
    // `data_alignment_indicator`: the payload begins with an access unit.
    let mut header = vec![0, 0, 1, stream_id, high, low, 0x84];
    header.extend([if both { 0xc0 } else { 0x80 }, fields as u8]);
    let prefix = if both { 3 } else { 2 };
    header.put_slice(&time(prefix, pts));
    if both {
        header.put_slice(&time(1, dts));
    }
    header
}

/// 33 bits between marker bits.
fn time(prefix: u8, ticks: u64) -> [u8; 5] {
    let ticks = ticks & TIME_MASK;
    let part = |shift: u32| (ticks >> shift) as u8;
    [prefix << 4 | part(29) & 0x0e | 1, part(22), part(14) | 1, part(7), part(0) << 1 | 1]
}

const ASSOCIATION_PID: u16 = 0;
const MAP_PID: u16 = 0x1000;
/// Of the first track; the next has the next.
const FIRST_PID: u16 = 0x100;
const ASSOCIATION_TABLE: u8 = 0;
const MAP_TABLE: u8 = 2;
/// The number of the one program.
const PROGRAM: u8 = 1;

/// So that the map fits one packet.
const TRACKS_MAX: usize = 8;

/// The first packet's time on the wire: room for sound that begins a little earlier.
const LEAD: Span = Span::from_secs(1);

/// How long before it is to be decoded an access unit arrives, in ticks of 90 kHz: a keyframe at a constant rate with
/// a buffer of a second takes the greater part of it.
const DECODER_LEAD_TICKS: u64 = 90_000 * 4 / 10;

/// A receiver may join at any time; entry points have the tables before them anyway.
const TABLES_EVERY: Span = Span::from_millis(500);

/// The clock may be silent for 100 ms (§2.7.2); sound comes each 20 ms.
const CLOCK_EVERY_TICKS: u64 = 90_000 * 75 / 1_000;

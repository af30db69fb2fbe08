//! The bytes of a Matroska or WebM file, in any cuts, to media events.
//!
//! Spec: RFC 9559 §5.

use bytes::{Buf as _, Bytes, BytesMut};
use media::{MediaEvent, Timescale, Timestamp, TrackKind, nal};

use super::Error;
use super::block::Block;
use super::ebml::{Header, elements, read_header, text, unsigned};
use super::order::Order;
use super::tracks::{Track, Tracks};
use crate::fmp4::{Counters, Sequence, Warning};

/// Reads one file from front to back; what it gives out keeps the invariants of [`media`].
///
/// The first video and the first audio track are read. Video before an IDR picture is dropped and counted. A frame that
/// cannot be read is left out and counted. There is no end.
///
/// Kept at most: 1 MiB of `Tracks`, one block of 8 MiB, 32 MiB of pictures whose decoding time is not known yet, and
/// what was pushed.
#[derive(Debug)]
pub struct Demuxer {
    inbox: BytesMut,
    /// Where the first byte of `inbox` stands in the file.
    at: u64,
    state: State,
    /// Nanoseconds of a tick.
    tick_ns: u64,
    /// Ticks at which the cluster begins.
    cluster: u64,
    tracks: Option<Tracks>,
    order: Order,
    sequence: Sequence,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Before the head of an element.
    Header,
    /// Within one that is read when it is whole.
    Whole { id: u32, at: u64, bytes: usize },
    /// Within one of no interest.
    Skip { left: u64 },
}

impl Default for Demuxer {
    fn default() -> Demuxer {
        Demuxer {
            inbox: BytesMut::new(),
            at: 0,
            state: State::Header,
            tick_ns: TICK_NS,
            cluster: 0,
            tracks: None,
            order: Order::default(),
            sequence: Sequence::default(),
        }
    }
}

impl Demuxer {
    /// Takes the next bytes; then drain [`Demuxer::poll`].
    ///
    /// # Errors
    /// When the bytes are no Matroska, hold another codec, or pass a limit: [`Error`] says where. Nothing of use comes
    /// after that.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.inbox.extend_from_slice(bytes);
        while self.step()? {}
        Ok(())
    }

    /// Nothing follows: pictures that waited for more go out.
    pub fn finish(&mut self) {
        self.give(true);
    }

    /// The next event, or `None` until more is pushed.
    pub fn poll(&mut self) -> Option<MediaEvent> {
        self.sequence.poll()
    }

    /// What was left out so far.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.sequence.counters
    }

    /// What whoever brought the file should know so far.
    #[must_use]
    pub fn warnings(&self) -> Vec<Warning> {
        self.sequence.counters.warnings()
    }

    /// One step ahead; `false` asks for more bytes.
    fn step(&mut self) -> Result<bool, Error> {
        match self.state {
            State::Header => {
                let at = self.at;
                let header = read_header(&self.inbox).map_err(|problem| Error::Element { at, problem })?;
                header.map_or(Ok(false), |header| self.enter(header).map(|()| true))
            }
            State::Whole { id, at, bytes } => {
                if self.inbox.len() < bytes {
                    return Ok(false);
                }
                let body = self.inbox.split_to(bytes).freeze();
                self.at += bytes as u64;
                self.state = State::Header;
                self.whole(id, at, &body).map(|()| true)
            }
            State::Skip { left } => {
                let dropped = self.inbox.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                self.inbox.advance(dropped);
                self.at += dropped as u64;
                let left = left - dropped as u64;
                self.state = if left == 0 { State::Header } else { State::Skip { left } };
                Ok(left == 0)
            }
        }
    }

    /// What stands within a segment, a cluster or a group is read as if it stood beside it: every id has one place
    /// only, and lengths of what is still written are not known.
    fn enter(&mut self, header: Header) -> Result<(), Error> {
        let Header { id, bytes, body_bytes } = header;
        let at = self.at;
        self.inbox.advance(bytes);
        self.at += bytes as u64;
        let max = match id {
            SEGMENT | CLUSTER | BLOCK_GROUP => return Ok(()),
            EBML | INFO | TRACKS => HEAD_BYTES_MAX,
            TIMESTAMP => 8,
            SIMPLE_BLOCK | BLOCK => BLOCK_BYTES_MAX,
            _ => {
                let unknown =
                    Error::Element { at, problem: "its length is not known, and what it holds neither" };
                self.state = State::Skip { left: body_bytes.ok_or(unknown)? };
                return Ok(());
            }
        };
        let bytes = body_bytes.unwrap_or(u64::MAX);
        if bytes > max {
            return Err(Error::TooLarge { id, at, bytes, max });
        }
        self.state = State::Whole { id, at, bytes: bytes as usize };
        Ok(())
    }

    fn whole(&mut self, id: u32, at: u64, body: &Bytes) -> Result<(), Error> {
        let wrong = |problem| Error::Element { at, problem };
        match id {
            EBML => {
                let kind =
                    elements(body).find_map(|element| Some(element.ok()?).filter(|it| it.0 == DOC_TYPE));
                let found = kind.map_or(String::new(), |(_, body)| text(body));
                if !matches!(&*found, "matroska" | "webm") {
                    return Err(Error::DocType { found });
                }
            }
            INFO => {
                for element in elements(body) {
                    if let (TIMESTAMP_SCALE, body) = element.map_err(wrong)? {
                        self.tick_ns = unsigned(body);
                    }
                }
            }
            // A file has one; others only repeat it.
            TRACKS if self.tracks.is_none() => {
                let tracks = Tracks::read(body, at)?;
                let coding = |track: &'_ Option<Track>| track.as_ref().map(|track| track.coding.clone());
                self.sequence.begin(coding(&tracks.video), coding(&tracks.audio));
                self.tracks = Some(tracks);
            }
            TIMESTAMP => self.cluster = unsigned(body),
            SIMPLE_BLOCK | BLOCK => self.block(body),
            _ => {}
        }
        Ok(())
    }

    fn block(&mut self, body: &Bytes) {
        let Some(tracks) = &self.tracks else { return };
        let Some(block) = Block::read(body) else {
            self.sequence.counters.malformed += 1;
            return;
        };
        let of = |track: &&Track| track.number == block.track;
        let (kind, track) = match (tracks.video.as_ref().filter(of), tracks.audio.as_ref().filter(of)) {
            (Some(track), _) => (TrackKind::Video, track),
            (None, Some(track)) => (TrackKind::Audio, track),
            (None, None) => return,
        };
        let Some(mut at) = time(self.cluster, block.time, self.tick_ns).map(|at| at - track.delay) else {
            self.sequence.counters.malformed += 1;
            return;
        };
        for frame in block.frames {
            let data = whole_frame(track, frame);
            let lasts = track.coding.sound_duration(&data);
            self.order.push(kind, at, data);
            at = lasts.map_or(at, |lasts| at + lasts);
        }
        self.give(false);
    }

    fn give(&mut self, last: bool) {
        while let Some(sample) = self.order.pop(last) {
            self.sequence.take(sample);
        }
    }
}

/// A frame with what the file leaves out, and with lengths where it has start codes.
fn whole_frame(track: &Track, frame: Bytes) -> Bytes {
    let frame =
        if track.stripped.is_empty() { frame } else { [&track.stripped[..], &frame[..]].concat().into() };
    if track.annex_b { nal::to_length_prefixed(nal::annex_b_units(&frame)) } else { frame }
}

/// The time of a block; `None` beyond all reason.
fn time(cluster: u64, block: i16, tick_ns: u64) -> Option<Timestamp> {
    let ticks = i64::try_from(cluster).ok()?.checked_add(block.into())?;
    let us = ticks.checked_mul(i64::try_from(tick_ns).ok()?)? / 1_000;
    (-TIME_US_MAX..TIME_US_MAX).contains(&us).then(|| Timestamp::from_ticks(us, MICROSECONDS))
}

const EBML: u32 = 0x1a45_dfa3;
const DOC_TYPE: u32 = 0x4282;
const SEGMENT: u32 = 0x1853_8067;
const INFO: u32 = 0x1549_a966;
const TIMESTAMP_SCALE: u32 = 0x002a_d7b1;
const TRACKS: u32 = 0x1654_ae6b;
const CLUSTER: u32 = 0x1f43_b675;
const TIMESTAMP: u32 = 0xe7;
const SIMPLE_BLOCK: u32 = 0xa3;
const BLOCK_GROUP: u32 = 0xa0;
const BLOCK: u32 = 0xa1;

/// A tick where the file does not tell, nanoseconds.
const TICK_NS: u64 = 1_000_000;

/// `Tracks` of real files have some hundred bytes.
const HEAD_BYTES_MAX: u64 = 1 << 20;
/// One picture at most, as in MP4, or a lace.
const BLOCK_BYTES_MAX: u64 = 8 << 20;

/// A hundred days; sums of such times never overflow.
const TIME_US_MAX: i64 = 100 * 86_400 * 1_000_000;

const MICROSECONDS: Timescale = match Timescale::new(1_000_000) {
    Some(scale) => scale,
    None => panic!("a million is not 0"),
};

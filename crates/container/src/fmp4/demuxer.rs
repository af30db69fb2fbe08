//! The bytes of a fragmented MP4, in any cuts, to media events.
//!
//! Spec: ISO/IEC 14496-12 §4.2, §8.8.

use std::collections::VecDeque;

use bytes::{Buf as _, Bytes, BytesMut};
use media::MediaEvent;

use super::movie::Movie;
use super::movie_fragment::{FragmentReader, SampleEntry};
use super::read_error::{BoxName, ReadError};
use super::reader::{Atom, Header, read_header};
use super::sequence::{Counters, Sample, Sequence, Warning};

/// Reads one publisher's fragmented MP4; what it gives out keeps the invariants of [`media`].
///
/// The first video and the first audio track are read. Packets leave as soon as their bytes and those of
/// all earlier ones of the fragment are there: a fragment whose tracks are interleaved is never held whole.
/// Video before an IDR picture is dropped and counted. Another `moov` begins other tracks, or the same
/// ones again, on a clock that goes on. There is no end.
///
/// Kept at most: 1 MiB of a `moov` or `moof`, 32 MiB of samples that wait for earlier ones, one sample of
/// 8 MiB, and what was pushed.
#[derive(Debug, Default)]
pub struct Demuxer {
    inbox: BytesMut,
    /// Where the first byte of `inbox` stands in the stream.
    at: u64,
    state: State,
    fragments: Option<FragmentReader>,
    waiting: Waiting,
    sequence: Sequence,
    turned: u16,
}

#[derive(Debug, Default)]
enum State {
    /// Before the first box.
    #[default]
    Start,
    /// Before the header of a box.
    Header,
    /// Within a box that is read when it is whole.
    Whole { name: BoxName, at: u64, bytes: usize },
    /// Within a box of no interest.
    Skip { left: u64 },
    /// Within `mdat`.
    Data { at: u64, left: u64 },
    /// After an error, which comes again.
    Failed(ReadError),
}

/// The samples of one fragment until they have gone out.
#[derive(Debug, Default)]
struct Waiting {
    /// By decoding time; those in front have gone out.
    samples: VecDeque<(SampleEntry, Option<Bytes>)>,
    /// Which of them come next in the stream, counted with those that have gone out.
    arriving: VecDeque<usize>,
    gone: usize,
    held: usize,
}

impl Demuxer {
    /// A demuxer before the first byte.
    #[must_use]
    pub fn new() -> Demuxer {
        Demuxer::default()
    }

    /// Takes the next bytes; then drain [`Demuxer::poll`].
    ///
    /// A sample that cannot be read is left out and counted.
    ///
    /// # Errors
    /// When the bytes are no fragmented MP4, hold another codec, or pass a limit: [`ReadError`] names the
    /// box. After that it answers the same to everything.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), ReadError> {
        if let State::Failed(error) = &self.state {
            return Err(error.clone());
        }
        self.inbox.extend_from_slice(bytes);
        while let Some(progress) = self.step().transpose() {
            if let Err(error) = progress {
                self.state = State::Failed(error.clone());
                (self.inbox, self.waiting) = (BytesMut::new(), Waiting::default());
                return Err(error);
            }
        }
        Ok(())
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

    /// By how many degrees players turn the picture clockwise, as the last `moov` says: 0, 90, 180 or 270. Packets
    /// hold the picture as it lies.
    #[must_use]
    pub fn turned(&self) -> u16 {
        self.turned
    }

    /// What the publisher should know so far.
    #[must_use]
    pub fn warnings(&self) -> Vec<Warning> {
        self.sequence.counters.warnings()
    }

    /// One step ahead; `None` asks for more bytes.
    fn step(&mut self) -> Result<Option<()>, ReadError> {
        match self.state {
            State::Start => self.start(),
            State::Header => {
                let header = read_header(&self.inbox, self.at)?;
                header.map(|header| self.enter(header)).transpose()
            }
            State::Whole { name, at, bytes } => self.whole(name, at, bytes),
            State::Skip { left } => {
                let left = left - self.discard(left);
                self.state = if left == 0 { State::Header } else { State::Skip { left } };
                Ok((left == 0).then_some(()))
            }
            State::Data { at, left } => self.data(at, left),
            State::Failed(_) => Ok(None),
        }
    }

    /// Looks whether this is MP4 at all, before a box of a senseless length is waited for.
    fn start(&mut self) -> Result<Option<()>, ReadError> {
        if self.inbox.starts_with(&EBML) {
            return Err(ReadError::WebM);
        }
        let Some(&[_, _, _, _, n0, n1, n2, n3]) = self.inbox.first_chunk::<8>() else { return Ok(None) };
        let found = BoxName([n0, n1, n2, n3]);
        if !FIRST_BOXES.contains(&&found.0) {
            return Err(ReadError::NotMp4 { found });
        }
        self.state = State::Header;
        Ok(Some(()))
    }

    fn enter(&mut self, header: Header) -> Result<(), ReadError> {
        let Header { name, bytes, body_bytes } = header;
        let at = self.at;
        self.discard(bytes as u64);
        // A length of 0 lasts to the end of the file, and a stream has none.
        let left = body_bytes.unwrap_or(u64::MAX - self.at);
        self.state = match &name.0 {
            b"moov" | b"moof" => {
                if left > INDEX_BYTES_MAX {
                    let (count, max) = (left, INDEX_BYTES_MAX);
                    return Err(ReadError::TooMany { name, at, count, what: "bytes", max });
                }
                State::Whole { name, at, bytes: left as usize }
            }
            b"mdat" if self.fragments.is_none() => {
                let problem = "it comes before 'moov', expected fragments behind it";
                return Err(ReadError::Box { name, at, problem });
            }
            b"mdat" => State::Data { at, left },
            _ => State::Skip { left },
        };
        Ok(())
    }

    fn whole(&mut self, name: BoxName, at: u64, bytes: usize) -> Result<Option<()>, ReadError> {
        if self.inbox.len() < bytes {
            return Ok(None);
        }
        let body = self.inbox.split_to(bytes);
        let atom = Atom::new(name, at, self.at, &body);
        self.at += bytes as u64;
        self.state = State::Header;
        if !self.waiting.arriving.is_empty() {
            return Err(atom.wrong("samples of the fragment before it are missing"));
        }
        if atom.is(b"moov") {
            let movie = Movie::read(&atom)?;
            let (video, audio) = movie.codings();
            self.sequence.begin(video, audio);
            self.turned = movie.video.as_ref().map_or(0, |video| video.turned);
            self.fragments = Some(FragmentReader::new(movie));
        } else {
            let before = || atom.wrong("it comes before 'moov'");
            let samples = self.fragments.as_mut().ok_or_else(before)?.read(&atom)?;
            self.waiting.begin(samples);
            self.give();
        }
        Ok(Some(()))
    }

    /// Takes samples out of `mdat`.
    fn data(&mut self, mdat_at: u64, left: u64) -> Result<Option<()>, ReadError> {
        let wrong = |problem| ReadError::Box { name: BoxName(*b"mdat"), at: mdat_at, problem };
        let end = self.at.saturating_add(left);
        let next = self.waiting.next().map(|sample| (sample.offset, sample.bytes));
        let Some((offset, bytes)) = next.filter(|(offset, _)| *offset < end) else {
            // Nothing more in this box belongs to a track that is read.
            self.state = State::Skip { left };
            return Ok(Some(()));
        };
        let gap = offset.checked_sub(self.at).ok_or_else(|| wrong("a sample begins before its data"))?;
        if gap.saturating_add(bytes as u64) > left {
            return Err(wrong("it ends within a sample"));
        }
        let left = left - self.discard(gap);
        self.state = State::Data { at: mdat_at, left };
        if self.at < offset || self.inbox.len() < bytes {
            return Ok(None);
        }
        let data = self.inbox.split_to(bytes).freeze();
        self.at += bytes as u64;
        self.state = State::Data { at: mdat_at, left: left - bytes as u64 };
        self.waiting.arrived(data);
        self.give();
        if self.waiting.held > HELD_BYTES_MAX {
            let (count, max) = (self.waiting.held as u64, HELD_BYTES_MAX as u64);
            let name = BoxName(*b"mdat");
            let what = "bytes that wait for samples of an earlier time";
            return Err(ReadError::TooMany { name, at: mdat_at, count, what, max });
        }
        Ok(Some(()))
    }

    fn give(&mut self) {
        while let Some(sample) = self.waiting.pop() {
            self.sequence.take(sample);
        }
    }

    /// Drops up to `bytes` from the front; answers how many.
    fn discard(&mut self, bytes: u64) -> u64 {
        let dropped = self.inbox.len().min(usize::try_from(bytes).unwrap_or(usize::MAX));
        self.inbox.advance(dropped);
        self.at += dropped as u64;
        dropped as u64
    }
}

impl Waiting {
    /// Another fragment, when all of the one before has gone out.
    fn begin(&mut self, mut samples: Vec<SampleEntry>) {
        // A sample without a byte holds nothing, and would be waited for at a place that is none.
        samples.retain(|sample| sample.bytes > 0);
        samples.sort_by_key(|sample| sample.dts);
        let mut arriving: Vec<usize> = (0..samples.len()).collect();
        arriving.sort_by_key(|&index| samples[index].offset);
        self.samples = samples.into_iter().map(|sample| (sample, None)).collect();
        self.arriving = arriving.into();
        (self.gone, self.held) = (0, 0);
    }

    /// The sample whose bytes come next.
    fn next(&self) -> Option<&SampleEntry> {
        let index = *self.arriving.front()?;
        self.samples.get(index - self.gone).map(|(sample, _)| sample)
    }

    fn arrived(&mut self, data: Bytes) {
        let Some(index) = self.arriving.pop_front() else { return };
        if let Some((_, place)) = self.samples.get_mut(index - self.gone) {
            self.held += data.len();
            *place = Some(data);
        }
    }

    /// The earliest sample, if it has arrived.
    fn pop(&mut self) -> Option<Sample> {
        let (SampleEntry { kind, dts, composition_offset, .. }, _) =
            *self.samples.front().filter(|(_, data)| data.is_some())?;
        let data = self.samples.pop_front()?.1?;
        self.gone += 1;
        self.held -= data.len();
        Some(Sample { kind, dts, composition_offset, data })
    }
}

/// The first bytes of WebM and Matroska.
const EBML: [u8; 4] = [0x1a, 0x45, 0xdf, 0xa3];

/// What an MP4 stream may begin with.
const FIRST_BOXES: [&[u8; 4]; 6] = [b"ftyp", b"styp", b"moov", b"moof", b"free", b"skip"];

/// Bytes of one `moov` or `moof`: 16 384 samples with all fields have a quarter.
const INDEX_BYTES_MAX: u64 = 1 << 20;

/// Samples that wait for earlier ones: ten seconds of 25 Mbit/s whose tracks are not interleaved.
const HELD_BYTES_MAX: usize = 32 << 20;

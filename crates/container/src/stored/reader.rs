//! The bytes of a file, asked for one piece after the other, to media events.
//!
//! Spec: ISO/IEC 14496-12 §4.2, §8.2.

use bytes::Bytes;
use media::MediaEvent;

use super::Error;
use super::Warning;
use super::stream::Stream;
use crate::fmp4::{Moov, ReadError, StoredMovie, read_header};

/// Reads one file; what it gives out keeps the invariants of [`media`].
///
/// Ask [`Reader::wanted`], give it those bytes with [`Reader::take`], drain [`Reader::poll`], and so on until nothing
/// is wanted any more. The first video and the first audio track are read; packets come by decoding time. Video before
/// an IDR picture is dropped. There is no end.
///
/// Kept at most: 64 MiB of a `moov`, one sample of 8 MiB, and what the readers of fragments and of streams keep.
#[derive(Debug)]
pub struct Reader {
    file_bytes: u64,
    state: State,
    format: Option<Format>,
    turned: u16,
}

/// Bytes of the file that are to be read next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Of the first byte, from the beginning of the file.
    pub at: u64,
    /// How many; never past the end, and 0 only of an empty file.
    pub bytes: usize,
}

/// The kinds of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// MP4 or QuickTime with its samples in tables.
    Mp4,
    /// The same in fragments.
    FragmentedMp4,
    /// Matroska or WebM.
    Matroska,
    /// MPEG transport stream.
    Mpegts,
    /// Flash video.
    Flv,
}

#[derive(Debug)]
enum State {
    /// Before the first bytes.
    Start,
    /// Looking for `moov`, at the header of a box.
    Boxes { at: u64, passed: u32 },
    /// At the body of `moov`.
    Movie { at: u64, body: Wanted },
    /// Its samples.
    Samples(Box<StoredMovie>),
    /// Bytes from front to back.
    Stream { at: u64, stream: Box<Stream> },
    /// Nothing more is read.
    Done,
}

impl Reader {
    /// A reader of a file of `file_bytes`, before its first byte.
    #[must_use]
    pub fn new(file_bytes: u64) -> Reader {
        Reader { file_bytes, state: State::Start, format: None, turned: 0 }
    }

    /// What to read next; `None` when the file is read.
    #[must_use]
    pub fn wanted(&self) -> Option<Wanted> {
        match &self.state {
            State::Start => Some(self.up_to(0, START_BYTES)),
            State::Boxes { at, .. } => Some(self.up_to(*at, HEADER_BYTES)),
            State::Movie { body, .. } => Some(*body),
            State::Samples(movie) => movie.wanted().map(|(at, bytes)| Wanted { at, bytes }),
            State::Stream { at, .. } => Some(self.up_to(*at, PIECE_BYTES)).filter(|next| next.bytes > 0),
            State::Done => None,
        }
        .filter(|wanted| wanted.bytes > 0 || matches!(self.state, State::Start))
    }

    /// Takes the bytes that were wanted; then drain [`Reader::poll`].
    ///
    /// # Errors
    /// [`Error`]: when the file is of no kind that is read, holds another codec, is damaged so that nothing behind can
    /// be read, or passes a limit. Nothing is wanted after that.
    pub fn take(&mut self, bytes: Bytes) -> Result<(), Error> {
        let taken = self.taken(bytes);
        if taken.is_err() {
            self.state = State::Done;
        }
        taken
    }

    /// The next event, or `None` until more is taken.
    pub fn poll(&mut self) -> Option<MediaEvent> {
        match &mut self.state {
            State::Samples(movie) => movie.poll(),
            State::Stream { stream, .. } => stream.poll(),
            State::Start | State::Boxes { .. } | State::Movie { .. } | State::Done => None,
        }
    }

    /// What kind of file it is, once the first bytes told.
    #[must_use]
    pub fn format(&self) -> Option<Format> {
        self.format
    }

    /// By how many degrees players of the file turn its picture clockwise: 0, 90, 180 or 270.
    #[must_use]
    pub fn turned(&self) -> u16 {
        self.turned
    }

    /// How many video packets were left out so far.
    #[must_use]
    pub fn dropped_pictures(&self) -> u64 {
        match &self.state {
            State::Samples(movie) => movie.counters().before_idr,
            State::Stream { stream, .. } => stream.dropped_pictures(),
            State::Start | State::Boxes { .. } | State::Movie { .. } | State::Done => 0,
        }
    }

    /// What whoever brought the file should know so far.
    #[must_use]
    pub fn warnings(&self) -> Vec<Warning> {
        match &self.state {
            State::Samples(movie) => movie.counters().warnings().into_iter().map(Warning::Mp4).collect(),
            State::Stream { stream, .. } => stream.warnings(),
            State::Start | State::Boxes { .. } | State::Movie { .. } | State::Done => Vec::new(),
        }
    }

    fn up_to(&self, at: u64, bytes: u64) -> Wanted {
        let left = self.file_bytes.saturating_sub(at).min(bytes);
        Wanted { at, bytes: usize::try_from(left).expect("at most a piece") }
    }

    fn taken(&mut self, bytes: Bytes) -> Result<(), Error> {
        let Some(wanted) = self.wanted() else { return Ok(()) };
        if bytes.len() != wanted.bytes {
            return Err(Error::Short { at: wanted.at, bytes: wanted.bytes });
        }
        match &mut self.state {
            State::Start => self.start(&bytes),
            State::Boxes { at, passed } => {
                let (at, passed) = (*at, *passed);
                self.header(at, passed, &bytes)
            }
            State::Movie { at, body } => {
                let (at, body_at) = (*at, body.at);
                self.movie(at, body_at, &bytes)
            }
            State::Samples(movie) => Ok(movie.take(bytes)?),
            State::Stream { at, stream } => {
                *at += bytes.len() as u64;
                let last = *at >= self.file_bytes;
                stream.push(&bytes)?;
                if last {
                    stream.finish();
                }
                Ok(())
            }
            State::Done => Ok(()),
        }
    }

    fn start(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let format = recognise(bytes)?;
        self.format = Some(format);
        self.state = match format {
            Format::Mp4 | Format::FragmentedMp4 => State::Boxes { at: 0, passed: 0 },
            Format::Matroska => State::Stream { at: 0, stream: Box::new(Stream::matroska()) },
            Format::Mpegts => State::Stream { at: 0, stream: Box::new(Stream::mpegts()) },
            Format::Flv => State::Stream { at: 0, stream: Box::new(Stream::flv()) },
        };
        Ok(())
    }

    /// Looks at the header of a box, and beyond the box for the next one.
    fn header(&mut self, at: u64, passed: u32, bytes: &[u8]) -> Result<(), Error> {
        let Some(header) = read_header(bytes, at)? else { return Err(Error::NoMovie) };
        let body_at = at + header.bytes as u64;
        // A length of 0 lasts to the end of the file.
        let body_bytes = header.body_bytes.unwrap_or(self.file_bytes.saturating_sub(body_at));
        let next = body_at.saturating_add(body_bytes);
        if header.name.0 == *b"moov" {
            if body_bytes > MOVIE_BYTES_MAX {
                let (name, count, max) = (header.name, body_bytes, MOVIE_BYTES_MAX);
                return Err(ReadError::TooMany { name, at, count, what: "bytes", max }.into());
            }
            if next > self.file_bytes || body_bytes == 0 {
                return Err(Error::NoMovie);
            }
            self.state = State::Movie { at, body: self.up_to(body_at, body_bytes) };
            return Ok(());
        }
        if passed >= BOXES_MAX {
            return Err(Error::TooManyBoxes { max: BOXES_MAX });
        }
        if next >= self.file_bytes {
            return Err(Error::NoMovie);
        }
        self.state = State::Boxes { at: next, passed: passed + 1 };
        Ok(())
    }

    fn movie(&mut self, at: u64, body_at: u64, body: &Bytes) -> Result<(), Error> {
        self.state = match Moov::read(body, at, body_at, self.file_bytes)? {
            Moov::Stored(movie) => {
                self.turned = movie.turned;
                State::Samples(movie)
            }
            Moov::Fragmented { turned } => {
                (self.turned, self.format) = (turned, Some(Format::FragmentedMp4));
                State::Stream { at: 0, stream: Box::new(Stream::mp4()) }
            }
        };
        Ok(())
    }
}

impl Format {
    /// As people call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Format::Mp4 => "MP4",
            Format::FragmentedMp4 => "fragmented MP4",
            Format::Matroska => "Matroska",
            Format::Mpegts => "MPEG-TS",
            Format::Flv => "FLV",
        }
    }
}

/// What kind of file begins like this.
fn recognise(bytes: &[u8]) -> Result<Format, Error> {
    if bytes.is_empty() {
        return Err(Error::Empty);
    }
    let name = bytes.get(4..8);
    if name.is_some_and(|name| FIRST_BOXES.iter().any(|known| name == *known)) {
        return Ok(Format::Mp4);
    }
    if bytes.starts_with(&EBML) {
        return Ok(Format::Matroska);
    }
    if bytes.starts_with(b"FLV") {
        return Ok(Format::Flv);
    }
    let in_step = |at: usize| bytes.get(at).is_none_or(|byte| *byte == TS_SYNC);
    if bytes.len() >= TS_PACKET_BYTES && (0..TS_PACKETS_SEEN).all(|packet| in_step(packet * TS_PACKET_BYTES))
    {
        return Ok(Format::Mpegts);
    }
    let other =
        OTHERS.iter().find(|(start, at, _)| bytes.get(*at..).is_some_and(|rest| rest.starts_with(start)));
    if let Some((_, _, found)) = other {
        return Err(Error::OtherFormat { found });
    }
    let mut found = [0; 8];
    for (place, byte) in found.iter_mut().zip(bytes) {
        *place = *byte;
    }
    Err(Error::Unknown { found })
}

/// What MP4 and QuickTime begin with.
const FIRST_BOXES: [&[u8; 4]; 9] =
    [b"ftyp", b"styp", b"moov", b"moof", b"mdat", b"free", b"skip", b"wide", b"pnot"];

/// What Matroska and WebM begin with (RFC 8794 §8.1).
const EBML: [u8; 4] = [0x1a, 0x45, 0xdf, 0xa3];

/// Other files that people have: how they begin, where that stands, and what they are called.
const OTHERS: [(&[u8], usize, &str); 11] = [
    (b"AVI ", 8, "an AVI file"),
    (b"WAVE", 8, "a WAV file"),
    (b"OggS", 0, "an Ogg file"),
    // Tags stand in front of either.
    (b"ID3", 0, "an MP3 or raw AAC file"),
    (&[0xff, 0xfb], 0, "an MP3 file"),
    (&[0xff, 0xf3], 0, "an MP3 file"),
    (&[0xff, 0xf1], 0, "a raw AAC file"),
    (&[0xff, 0xf9], 0, "a raw AAC file"),
    (b"fLaC", 0, "a FLAC file"),
    (&[0x30, 0x26, 0xb2, 0x75], 0, "a Windows Media file"),
    (&[0x00, 0x00, 0x01, 0xba], 0, "an MPEG program stream"),
];

/// `sync_byte` of a transport packet (ISO/IEC 13818-1 §2.4.3.2), and how many packets in a row tell the format.
const TS_SYNC: u8 = 0x47;
const TS_PACKET_BYTES: usize = 188;
const TS_PACKETS_SEEN: usize = 5;

/// Enough for the packets that tell a transport stream.
const START_BYTES: u64 = 1_024;
/// The longest header of a box.
const HEADER_BYTES: u64 = 16;
/// A `moov`: ten hours of 60 frames a second with all fields and their sound have 45 MB.
const MOVIE_BYTES_MAX: u64 = 64 << 20;
/// Boxes before `moov`: files have a handful.
const BOXES_MAX: u32 = 1_024;
/// One read of what is read from front to back.
const PIECE_BYTES: u64 = 128 << 10;

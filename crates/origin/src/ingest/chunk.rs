//! RTMP chunks to messages and back.
//!
//! Spec: Adobe RTMP 1.0 §5.3.

use std::collections::HashMap;

use bytes::{Buf as _, Bytes, BytesMut};
use thiserror::Error;

/// One RTMP message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    /// Milliseconds; wraps at 32 bits.
    pub(super) timestamp_ms: u32,
    /// Message type id.
    pub(super) kind: u8,
    /// Message stream id.
    pub(super) stream: u32,
    /// The payload.
    pub(super) body: Bytes,
}

/// Puts the chunks of interleaved chunk streams together, each with a buffer of its own.
#[derive(Debug)]
pub(super) struct Reader {
    chunk_size: usize,
    streams: HashMap<u32, ChunkStream>,
    /// Bytes of messages that are not complete, in all.
    held: usize,
}

/// Bytes that are no RTMP chunks, or more than is allowed.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(super) enum Error {
    #[error("chunk stream {0}: its first chunk has no full header")]
    NoHeader(u32),
    #[error("chunk stream {csid}: message of {len} bytes exceeds {MESSAGE_BYTES_MAX}")]
    MessageTooLong { csid: u32, len: usize },
    #[error("incomplete messages hold more than {MESSAGE_BYTES_MAX} bytes")]
    TooMuchHeld,
    #[error("more than {CHUNK_STREAMS_MAX} chunk streams")]
    TooManyStreams,
    #[error("chunk size of 0")]
    ChunkSize,
}

#[derive(Debug, Default)]
struct ChunkStream {
    timestamp: u32,
    /// Added once for each message whose header is left out.
    delta: u32,
    /// The time that its last header carried behind the fields, if it did.
    extended: Option<u32>,
    length: usize,
    kind: u8,
    stream: u32,
    partial: BytesMut,
}

impl Default for Reader {
    fn default() -> Reader {
        Reader { chunk_size: CHUNK_SIZE_INITIAL, streams: HashMap::new(), held: 0 }
    }
}

impl Reader {
    /// The peer announced another chunk size.
    pub(super) fn set_chunk_size(&mut self, announced: u32) -> Result<(), Error> {
        // The highest bit is reserved and must be 0 (§5.4.1).
        let size = (announced & 0x7fff_ffff) as usize;
        if size == 0 {
            return Err(Error::ChunkSize);
        }
        self.chunk_size = size.min(MESSAGE_BYTES_MAX);
        Ok(())
    }

    /// The peer gave up the message it had begun on a chunk stream.
    pub(super) fn abort(&mut self, csid: u32) {
        if let Some(stream) = self.streams.get_mut(&csid) {
            self.held -= stream.partial.len();
            stream.partial.clear();
        }
    }

    /// Takes chunks from the front of `inbox` until a message is complete; `None` asks for more bytes. A message
    /// in one chunk stays where it is, only one in several is put together.
    pub(super) fn read(&mut self, inbox: &mut BytesMut) -> Result<Option<Message>, Error> {
        while let Some(header) =
            Header::read(inbox, |csid| self.streams.get(&csid).and_then(ChunkStream::extended_next))
        {
            let csid = header.csid;
            if !self.streams.contains_key(&csid) {
                if header.format != 0 {
                    return Err(Error::NoHeader(csid));
                }
                if self.streams.len() == CHUNK_STREAMS_MAX {
                    return Err(Error::TooManyStreams);
                }
            }
            let begun = self.streams.get(&csid).map_or(0, |stream| stream.partial.len());
            // A full header in the middle of a message starts another one.
            let begun = if header.format == 3 { begun } else { 0 };
            let length = header.length.or_else(|| self.streams.get(&csid).map(|stream| stream.length));
            let length = length.unwrap_or_default();
            if length > MESSAGE_BYTES_MAX {
                return Err(Error::MessageTooLong { csid, len: length });
            }
            let payload = (length - begun).min(self.chunk_size);
            if inbox.len() < header.bytes + payload {
                return Ok(None);
            }
            inbox.advance(header.bytes);
            if header.format != 3 {
                self.abort(csid);
            }
            let stream = self.streams.entry(csid).or_default();
            if stream.partial.is_empty() {
                stream.begin(&header);
                if payload == stream.length {
                    return Ok(Some(stream.message(inbox.split_to(payload).freeze())));
                }
                stream.partial.reserve(stream.length.min(RESERVED_MAX));
            }
            stream.partial.extend_from_slice(&inbox[..payload]);
            inbox.advance(payload);
            self.held += payload;
            if stream.partial.len() == stream.length {
                self.held -= stream.length;
                let body = stream.partial.split().freeze();
                return Ok(Some(stream.message(body)));
            }
            if self.held > MESSAGE_BYTES_MAX {
                return Err(Error::TooMuchHeld);
            }
        }
        Ok(None)
    }
}

impl ChunkStream {
    /// What stands behind the header of a chunk that has none of the message's fields.
    fn extended_next(&self) -> Option<ExtendedNext> {
        let begun = !self.partial.is_empty();
        self.extended.map(|time| if begun { ExtendedNext::Only(time) } else { ExtendedNext::Any })
    }

    fn begin(&mut self, header: &Header) {
        match header.format {
            0 => {
                self.timestamp = header.time;
                // §5.3.1.2.4: after a full header the time itself serves as the delta.
                self.delta = header.time;
                self.stream = header.stream;
            }
            1 | 2 => self.delta = header.time,
            _ => {}
        }
        if header.format != 0 {
            self.timestamp = self.timestamp.wrapping_add(self.delta);
        }
        if header.format != 3 {
            self.extended = header.extended.then_some(header.time);
        }
        if let Some(length) = header.length {
            self.length = length;
            self.kind = header.kind;
        }
    }

    fn message(&self, body: Bytes) -> Message {
        Message { timestamp_ms: self.timestamp, kind: self.kind, stream: self.stream, body }
    }
}

/// The four bytes of an extended time in a chunk without fields of its own.
#[derive(Clone, Copy, Debug)]
enum ExtendedNext {
    /// A new message: they are there, whatever they say.
    Any,
    /// The rest of a message repeats this time; publishers that leave it out go on with the payload.
    Only(u32),
}

/// Basic, message and extended header of one chunk.
#[derive(Debug, Default)]
struct Header {
    format: u8,
    csid: u32,
    time: u32,
    extended: bool,
    /// With formats 0 and 1.
    length: Option<usize>,
    kind: u8,
    stream: u32,
    /// Its own length.
    bytes: usize,
}

impl Header {
    /// `None` when it is not there whole.
    fn read(bytes: &[u8], extended_next: impl Fn(u32) -> Option<ExtendedNext>) -> Option<Header> {
        let first = *bytes.first()?;
        let (csid, mut at) = match first & 0x3f {
            0 => (64 + u32::from(*bytes.get(1)?), 2),
            1 => (64 + u32::from(*bytes.get(1)?) + 256 * u32::from(*bytes.get(2)?), 3),
            csid => (u32::from(csid), 1),
        };
        let mut header = Header { format: first >> 6, csid, ..Header::default() };
        let length = [11, 7, 3, 0][usize::from(header.format)];
        let fields = bytes.get(at..at + length)?;
        at += length;
        let u24 = |at: usize| u32::from_be_bytes([0, fields[at], fields[at + 1], fields[at + 2]]);
        if header.format < 3 {
            header.time = u24(0);
            header.extended = header.time == EXTENDED;
        } else {
            header.extended = match extended_next(csid) {
                None => false,
                Some(ExtendedNext::Any) => true,
                Some(ExtendedNext::Only(time)) => *bytes.get(at..)?.first_chunk()? == time.to_be_bytes(),
            };
        }
        if header.format < 2 {
            header.length = Some(u24(3) as usize);
            header.kind = fields[6];
        }
        if header.format == 0 {
            header.stream = u32::from_le_bytes([fields[7], fields[8], fields[9], fields[10]]);
        }
        if header.extended {
            header.time = u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?);
            at += 4;
        }
        header.bytes = at;
        Some(header)
    }
}

/// Appends a message at time 0, cut into chunks of [`CHUNK_SIZE`] or, before that was announced, of the
/// initial size; `csid` is below 64.
pub(super) fn write(outbox: &mut Vec<u8>, csid: u8, kind: u8, stream: u32, body: &[u8], announced: bool) {
    let size = if announced { CHUNK_SIZE } else { CHUNK_SIZE_INITIAL };
    let length = u32::try_from(body.len()).expect("an answer is short").to_be_bytes();
    outbox.extend_from_slice(&[csid, 0, 0, 0, length[1], length[2], length[3], kind]);
    outbox.extend_from_slice(&stream.to_le_bytes());
    for (number, chunk) in body.chunks(size).enumerate() {
        if number > 0 {
            outbox.push(0xc0 | csid);
        }
        outbox.extend_from_slice(chunk);
    }
}

/// What this side announces, in bytes. Publishers such as FFmpeg take it over: a message in one chunk need not be
/// put together, and most are shorter.
pub(super) const CHUNK_SIZE: usize = 60_000;
/// What both sides start with, in bytes (§5.4.1).
const CHUNK_SIZE_INITIAL: usize = 128;
/// Stands in the time field when four more bytes hold the time.
const EXTENDED: u32 = 0x00ff_ffff;
/// A keyframe of 50 Mbit/s video at two seconds between keyframes stays below.
pub(super) const MESSAGE_BYTES_MAX: usize = 8 << 20;
/// What is made room for on the word of a header alone, in bytes; most keyframes fit.
const RESERVED_MAX: usize = 256 << 10;
/// Encoders use three to six.
const CHUNK_STREAMS_MAX: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    fn header(format: u8, csid: u8, time: u32, length: u32, kind: u8) -> Vec<u8> {
        let mut bytes = vec![format << 6 | csid];
        let time = time.to_be_bytes();
        if format < 3 {
            bytes.extend_from_slice(&time[1..]);
        }
        if format < 2 {
            bytes.extend_from_slice(&length.to_be_bytes()[1..]);
            bytes.push(kind);
        }
        if format == 0 {
            bytes.extend_from_slice(&1_u32.to_le_bytes());
        }
        bytes
    }

    fn read_all(bytes: &[u8]) -> Result<Vec<(u32, u8, usize)>, Error> {
        let mut reader = Reader::default();
        let mut inbox = BytesMut::new();
        let mut messages = Vec::new();
        // Byte by byte: a chunk may end anywhere in a read.
        for byte in bytes {
            inbox.extend_from_slice(&[*byte]);
            while let Some(message) = reader.read(&mut inbox)? {
                messages.push((message.timestamp_ms, message.kind, message.body.len()));
            }
        }
        Ok(messages)
    }

    #[test]
    fn interleaved_chunk_streams_do_not_mix() {
        let mut bytes = header(0, 4, 10, 200, 9);
        bytes.extend([1; 128]);
        bytes.extend(header(0, 5, 11, 3, 8));
        bytes.extend([2; 3]);
        bytes.extend(header(3, 4, 0, 0, 0));
        bytes.extend([1; 72]);
        assert_eq!(read_all(&bytes), Ok(vec![(11, 8, 3), (10, 9, 200)]));
    }

    #[test]
    fn a_message_without_header_repeats_the_last_delta() {
        let mut bytes = header(0, 4, 1_000, 1, 8);
        bytes.push(0);
        bytes.extend(header(2, 4, 21, 0, 0));
        bytes.push(0);
        bytes.extend(header(3, 4, 0, 0, 0));
        bytes.push(0);
        bytes.extend(header(3, 4, 0, 0, 0));
        bytes.push(0);
        assert_eq!(read_all(&bytes), Ok(vec![(1_000, 8, 1), (1_021, 8, 1), (1_042, 8, 1), (1_063, 8, 1)]));
    }

    #[test]
    fn extended_times_stand_in_every_chunk_and_wrap() {
        let mut bytes = header(0, 4, EXTENDED, 129, 9);
        bytes.extend(u32::MAX.to_be_bytes());
        bytes.extend([0; 128]);
        bytes.extend(header(3, 4, 0, 0, 0));
        bytes.extend(u32::MAX.to_be_bytes());
        bytes.push(0);
        bytes.extend(header(1, 4, 5, 1, 9));
        bytes.push(0);
        assert_eq!(read_all(&bytes), Ok(vec![(u32::MAX, 9, 129), (4, 9, 1)]));
    }

    #[test]
    fn an_extended_time_that_is_not_repeated_is_not_missed() {
        let mut bytes = header(0, 4, EXTENDED, 300, 9);
        bytes.extend(0x0100_0000_u32.to_be_bytes());
        bytes.extend([7; 128]);
        bytes.extend(header(3, 4, 0, 0, 0));
        bytes.extend([7; 128]);
        bytes.extend(header(3, 4, 0, 0, 0));
        bytes.extend([7; 44]);
        assert_eq!(read_all(&bytes), Ok(vec![(0x0100_0000, 9, 300)]));
    }

    #[test]
    fn a_shorter_message_inside_a_longer_one_replaces_it() {
        let mut bytes = header(0, 4, 0, 300, 9);
        bytes.extend([0; 128]);
        bytes.extend(header(1, 4, 1, 2, 8));
        bytes.extend([0; 2]);
        assert_eq!(read_all(&bytes), Ok(vec![(1, 8, 2)]));
    }

    #[test]
    fn limits_are_refused_before_anything_is_kept() {
        let long = header(0, 4, 0, 0x00ff_ffff, 9);
        assert_eq!(read_all(&long), Err(Error::MessageTooLong { csid: 4, len: 0x00ff_ffff }));
        assert_eq!(read_all(&header(1, 9, 0, 1, 8)), Err(Error::NoHeader(9)));
    }

    #[test]
    fn what_is_written_is_read() {
        let mut outbox = Vec::new();
        write(&mut outbox, 3, 20, 0, &[7; 500], false);
        assert_eq!(read_all(&outbox), Ok(vec![(0, 20, 500)]));
    }
}

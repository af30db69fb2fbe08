//! An RTMP publisher's bytes, written apart from the origin's reader, with every freedom the protocol gives.

use container::flv::{Tag, TagKind};

/// Writes what a publisher sends. Handshake answers of the server need not be awaited before more is sent.
#[derive(Clone, Debug)]
pub struct RtmpPublisher {
    /// Bytes of a chunk's payload, 1 to 0x7fff_ffff; told to the server before the media.
    pub chunk_size: u32,
    /// Video and audio chunks alternate where both have messages at once ([`RtmpPublisher::tags`]).
    pub interleaved: bool,
    /// Added to every stamp, modulo 2³².
    pub stamp_offset: u32,
}

impl Default for RtmpPublisher {
    fn default() -> RtmpPublisher {
        RtmpPublisher { chunk_size: 4_096, interleaved: false, stamp_offset: 0 }
    }
}

impl RtmpPublisher {
    /// Handshake, `connect`, `createStream` and `publish` for `rtmp://host/{app}/{key}`, then the chunk size.
    #[must_use]
    pub fn hello(&self, app: &str, key: &str) -> Vec<u8> {
        let mut bytes = vec![3];
        bytes.resize(1 + 2 * HANDSHAKE_BYTES, 0);
        let connect = [text("connect"), number(1.0), object(&[("app", text(app))])].concat();
        let create = [text("createStream"), number(2.0), vec![NULL]].concat();
        let publish = [text("publish"), number(3.0), vec![NULL], text(key), text("live")].concat();
        for (csid, stream, body) in [(3, 0, connect), (3, 0, create), (4, 1, publish)] {
            bytes.extend(chunks(csid, COMMAND, stream, 0, &body, DEFAULT_CHUNK_BYTES).concat());
        }
        let size = self.chunk_size.to_be_bytes();
        bytes.extend(chunks(2, SET_CHUNK_SIZE, 0, 0, &size, DEFAULT_CHUNK_BYTES).concat());
        bytes
    }

    /// These tags as messages, in their order.
    ///
    /// Interleaved: a message's chunks alternate with those of the next one when that is of another kind.
    #[must_use]
    pub fn tags(&self, tags: &[Tag]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut rest = tags;
        while let [first, following @ ..] = rest {
            rest = following;
            let mut one = self.message(first).into_iter();
            let mut other = Vec::new().into_iter();
            if let ([second, following @ ..], true) = (rest, self.interleaved)
                && second.kind != first.kind
            {
                (other, rest) = (self.message(second).into_iter(), following);
            }
            loop {
                let pair = (one.next(), other.next());
                if pair == (None, None) {
                    break;
                }
                bytes.extend(pair.0.into_iter().flatten());
                bytes.extend(pair.1.into_iter().flatten());
            }
        }
        bytes
    }

    /// `FCUnpublish` and `deleteStream`.
    #[must_use]
    pub fn goodbye(&self, key: &str) -> Vec<u8> {
        let unpublish = [text("FCUnpublish"), number(4.0), vec![NULL], text(key)].concat();
        let delete = [text("deleteStream"), number(5.0), vec![NULL], number(1.0)].concat();
        let both = [unpublish, delete];
        let size = self.chunk_size as usize;
        both.iter().flat_map(|body| chunks(3, COMMAND, 0, 0, body, size).concat()).collect()
    }

    fn message(&self, tag: &Tag) -> Vec<Vec<u8>> {
        let (csid, kind) = match tag.kind {
            TagKind::Audio => (4, 8),
            TagKind::Video => (6, 9),
            TagKind::Script => (5, 18),
        };
        let stamp = tag.timestamp_ms.wrapping_add(self.stamp_offset);
        chunks(csid, kind, 1, stamp, &tag.body, self.chunk_size as usize)
    }
}

/// One message: a chunk with a whole header, then such without one. An extended timestamp is repeated in each.
fn chunks(csid: u8, kind: u8, stream: u32, stamp: u32, body: &[u8], chunk_size: usize) -> Vec<Vec<u8>> {
    let extended = stamp >= EXTENDED;
    let mut head = vec![csid];
    head.extend_from_slice(&stamp.min(EXTENDED).to_be_bytes()[1..]);
    head.extend_from_slice(&(body.len() as u32).to_be_bytes()[1..]);
    head.push(kind);
    head.extend_from_slice(&stream.to_le_bytes());
    let mut heads = std::iter::once(head).chain(std::iter::repeat(vec![0xc0 | csid]));
    let pieces: Vec<&[u8]> = if body.is_empty() { vec![body] } else { body.chunks(chunk_size).collect() };
    let chunk = |piece: &[u8]| {
        let mut chunk = heads.next().expect("without end");
        if extended {
            chunk.extend_from_slice(&stamp.to_be_bytes());
        }
        chunk.extend_from_slice(piece);
        chunk
    };
    pieces.into_iter().map(chunk).collect()
}

fn number(value: f64) -> Vec<u8> {
    [&[0][..], &value.to_be_bytes()].concat()
}

fn text(value: &str) -> Vec<u8> {
    [&[2][..], &(value.len() as u16).to_be_bytes(), value.as_bytes()].concat()
}

fn object(properties: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = vec![3];
    for (name, value) in properties {
        bytes.extend_from_slice(&text(name)[1..]);
        bytes.extend_from_slice(value);
    }
    bytes.extend_from_slice(&[0, 0, 9]);
    bytes
}

const HANDSHAKE_BYTES: usize = 1_536;
const DEFAULT_CHUNK_BYTES: usize = 128;
const COMMAND: u8 = 20;
const SET_CHUNK_SIZE: u8 = 1;
const NULL: u8 = 5;
/// Stamps from here on stand behind the header (RTMP 1.0 §5.3.1.3).
const EXTENDED: u32 = 0x00ff_ffff;

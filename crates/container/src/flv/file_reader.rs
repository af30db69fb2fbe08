//! The bytes of an FLV file, in any cuts, to tags.
//!
//! Spec: Adobe FLV 10.1 §E.2 to §E.4.1.

use bytes::{Buf as _, BytesMut};
use thiserror::Error;

use super::{Tag, TagKind};

/// Reads the header and the tags of a file, or of a stream that is written like one; a
/// [`Demuxer`](super::Demuxer) reads the tags' bodies.
///
/// Kept at most: one tag of 8 MiB, and what was pushed.
#[derive(Debug, Default)]
pub struct FileReader {
    inbox: BytesMut,
    /// Where the first byte of `inbox` stands in the file.
    at: u64,
    /// Bytes that are passed over: the rest of the header and the sizes behind tags.
    skip: usize,
    begun: bool,
}

/// Bytes that are no FLV, or more than is allowed. Positions count from the first byte of the file.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileError {
    /// The first bytes.
    #[error("the stream begins with '{}', expected 'FLV' and version 1", .0.escape_ascii())]
    NotFlv([u8; 4]),
    /// The header is longer than any version of it.
    #[error("an FLV header of {bytes} bytes, expected 9")]
    Header {
        /// As it says.
        bytes: u32,
    },
    /// A tag whose first byte is none.
    #[error("FLV tag at byte {at}: type {found}, expected 8 (audio), 9 (video) or 18 (script)")]
    TagType {
        /// Where it begins.
        at: u64,
        /// Its type.
        found: u8,
    },
    /// A tag that needs a key.
    #[error("FLV tag at byte {at}: it is encrypted")]
    Encrypted {
        /// Where it begins.
        at: u64,
    },
    /// A tag above the limit.
    #[error("FLV tag at byte {at}: {bytes} bytes, at most {max}")]
    TooLarge {
        /// Where it begins.
        at: u64,
        /// Of its body.
        bytes: usize,
        /// The limit.
        max: usize,
    },
}

impl FileReader {
    /// A reader before the first byte.
    #[must_use]
    pub fn new() -> FileReader {
        FileReader::default()
    }

    /// Takes the next bytes; then drain [`FileReader::poll`].
    pub fn push(&mut self, bytes: &[u8]) {
        self.inbox.extend_from_slice(bytes);
    }

    /// The next tag, or `None` until more is pushed.
    ///
    /// # Errors
    /// When the bytes are no FLV or a tag passes a limit. What follows then has no meaning any more, and the
    /// error comes again.
    pub fn poll(&mut self) -> Result<Option<Tag>, FileError> {
        if !self.begun && !self.header()? {
            return Ok(None);
        }
        let skipped = self.skip.min(self.inbox.len());
        self.inbox.advance(skipped);
        (self.skip, self.at) = (self.skip - skipped, self.at + skipped as u64);
        let header = self.inbox.first_chunk::<TAG_HEADER_BYTES>().filter(|_| self.skip == 0);
        let Some(&[first, s2, s1, s0, t2, t1, t0, t3, ..]) = header else { return Ok(None) };
        let kind = match first & 0x1f {
            8 => TagKind::Audio,
            9 => TagKind::Video,
            18 => TagKind::Script,
            found => return Err(FileError::TagType { at: self.at, found }),
        };
        if first & ENCRYPTED != 0 {
            return Err(FileError::Encrypted { at: self.at });
        }
        let bytes = u32::from_be_bytes([0, s2, s1, s0]) as usize;
        if bytes > TAG_BYTES_MAX {
            return Err(FileError::TooLarge { at: self.at, bytes, max: TAG_BYTES_MAX });
        }
        if self.inbox.len() < TAG_HEADER_BYTES + bytes {
            return Ok(None);
        }
        let timestamp_ms = u32::from_be_bytes([t3, t2, t1, t0]);
        self.inbox.advance(TAG_HEADER_BYTES);
        let body = self.inbox.split_to(bytes).freeze();
        self.at += (TAG_HEADER_BYTES + bytes) as u64;
        self.skip = TAG_SIZE_BYTES;
        Ok(Some(Tag { kind, timestamp_ms, body }))
    }

    /// Reads the header; answers whether it was there.
    fn header(&mut self) -> Result<bool, FileError> {
        let Some(&[f, l, v, version, _, h3, h2, h1, h0]) = self.inbox.first_chunk::<HEADER_BYTES>() else {
            return Ok(false);
        };
        if [f, l, v, version] != *b"FLV\x01" {
            return Err(FileError::NotFlv([f, l, v, version]));
        }
        let bytes = u32::from_be_bytes([h3, h2, h1, h0]);
        // Other versions may have a longer one, and nobody wrote any.
        if bytes as usize != HEADER_BYTES {
            return Err(FileError::Header { bytes });
        }
        self.skip = HEADER_BYTES + TAG_SIZE_BYTES;
        self.begun = true;
        Ok(true)
    }
}

/// `Filter` in the first byte of a tag.
const ENCRYPTED: u8 = 0x20;

/// Bytes of the file's header.
const HEADER_BYTES: usize = 9;
/// Bytes of a tag's header.
const TAG_HEADER_BYTES: usize = 11;
/// Bytes of the size behind each tag.
const TAG_SIZE_BYTES: usize = 4;
/// Of one body: as one RTMP message may have.
const TAG_BYTES_MAX: usize = 8 << 20;

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::super::file_header;
    use super::*;

    fn tag(timestamp_ms: u32, body: &'static [u8]) -> Tag {
        Tag { kind: TagKind::Audio, timestamp_ms, body: Bytes::from_static(body) }
    }

    fn read(file: &[u8], cut: usize) -> Result<Vec<Tag>, FileError> {
        let (mut reader, mut tags) = (FileReader::new(), Vec::new());
        for piece in file.chunks(cut) {
            reader.push(piece);
            while let Some(tag) = reader.poll()? {
                tags.push(tag);
            }
        }
        Ok(tags)
    }

    #[test]
    fn tags_are_read_in_any_cuts() {
        let sent = [tag(0, b"first"), tag(0x0102_0304, b""), tag(5, b"third")];
        let framed = sent.iter().map(|tag| tag.framed().expect("a short tag"));
        let file = framed.fold(file_header(true, true).to_vec(), |file, tag| [&file[..], &tag].concat());
        for cut in 1..=file.len() {
            assert_eq!(read(&file, cut).as_deref(), Ok(&sent[..]), "pieces of {cut} bytes");
        }
    }

    #[test]
    fn what_is_no_flv_is_said_to_be_none() {
        let check = |file: &[u8], expected: FileError| assert_eq!(read(file, 4), Err(expected));
        check(b"RIFF0123456789", FileError::NotFlv(*b"RIFF"));
        check(b"FLV\x01\x05\0\0\x01\0", FileError::Header { bytes: 256 });
        let after_header = |tag: [u8; 11]| [&file_header(true, true)[..], &tag].concat();
        check(&after_header([7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), FileError::TagType { at: 13, found: 7 });
        check(&after_header([0x29, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), FileError::Encrypted { at: 13 });
        let (bytes, max) = (0xff_ffff, TAG_BYTES_MAX);
        let large = FileError::TooLarge { at: 13, bytes, max };
        check(&after_header([9, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0]), large);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(tail in prop::collection::vec(any::<u8>(), 0..200), cut in 1_usize..50) {
            let _ = read(&tail, cut);
            let _ = read(&[&file_header(true, true)[..], &tail].concat(), cut);
        }
    }
}

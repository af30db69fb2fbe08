//! FLV as a file or an endless answer: the header, then tags with their frames.
//!
//! Spec: Adobe FLV 10.1 §E.2 to §E.4.1.

use bytes::{BufMut, Bytes, BytesMut};

use super::{Tag, TagKind};

/// The first bytes of a file: its header, which says what to expect, and the size of no tag before the first.
#[must_use]
pub fn file_header(video: bool, audio: bool) -> [u8; 13] {
    let flags = if video { HAS_VIDEO } else { 0 } | if audio { HAS_AUDIO } else { 0 };
    [b'F', b'L', b'V', VERSION, flags, 0, 0, 0, FILE_HEADER_BYTES, 0, 0, 0, 0]
}

impl Tag {
    /// The tag as a file holds it: 11 bytes of header, the body, and the size of both.
    ///
    /// A body above 2²⁴ − 1 bytes, which the header cannot count, is `None`.
    #[must_use]
    pub fn framed(&self) -> Option<Bytes> {
        let size = u32::try_from(self.body.len()).ok().filter(|size| *size <= BODY_BYTES_MAX)?;
        let kind = match self.kind {
            TagKind::Audio => 8,
            TagKind::Video => 9,
            TagKind::Script => 18,
        };
        let mut framed = BytesMut::with_capacity(TAG_HEADER_BYTES + self.body.len() + 4);
        framed.put_u8(kind);
        framed.put_uint(u64::from(size), 3);
        // The low 24 bits first, then the high 8.
        framed.put_uint(u64::from(self.timestamp_ms & 0x00ff_ffff), 3);
        framed.put_u8((self.timestamp_ms >> 24) as u8);
        framed.put_uint(0, 3);
        framed.put_slice(&self.body);
        framed.put_u32(size + TAG_HEADER_BYTES as u32);
        Some(framed.freeze())
    }
}

const VERSION: u8 = 1;
const HAS_VIDEO: u8 = 1;
const HAS_AUDIO: u8 = 4;
const FILE_HEADER_BYTES: u8 = 9;
const TAG_HEADER_BYTES: usize = 11;
const BODY_BYTES_MAX: u32 = (1 << 24) - 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_framed_with_its_size_on_both_ends() {
        let tag = Tag { kind: TagKind::Video, timestamp_ms: 0x0102_0304, body: Bytes::from_static(b"abc") };
        let expected = [9, 0, 0, 3, 2, 3, 4, 1, 0, 0, 0, b'a', b'b', b'c', 0, 0, 0, 14];
        assert_eq!(tag.framed().as_deref(), Some(&expected[..]));
    }

    #[test]
    fn the_header_says_which_tracks_follow() {
        assert_eq!(file_header(true, true), *b"FLV\x01\x05\0\0\0\x09\0\0\0\0");
        assert_eq!(file_header(false, true)[4], 4);
    }
}

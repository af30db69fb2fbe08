//! Reads FLV files and makes tags, as far as tests need it.

use bytes::Bytes;
use container::flv::{Muxer, Tag, TagKind};
use media::MediaEvent;

/// The audio, video and script tags of an FLV file (Adobe FLV 10.1 §E.2 to §E.4).
///
/// # Panics
/// When `file` is not FLV; a cut last tag is left out.
#[must_use]
pub fn read_flv(file: &Bytes) -> Vec<Tag> {
    assert_eq!(file.get(..3), Some(&b"FLV"[..]), "an FLV file begins so");
    let header_len = u32::from_be_bytes([file[5], file[6], file[7], file[8]]) as usize;
    let mut at = header_len + PREVIOUS_TAG_SIZE_BYTES;
    let mut tags = Vec::new();
    while let Some(header) = file.get(at..at + TAG_HEADER_BYTES) {
        let data_len = usize::from(header[1]) << 16 | usize::from(header[2]) << 8 | usize::from(header[3]);
        let timestamp_ms = u32::from_be_bytes([header[7], header[4], header[5], header[6]]);
        let start = at + TAG_HEADER_BYTES;
        if file.len() < start + data_len {
            break;
        }
        let kind = match header[0] & 0x1f {
            8 => Some(TagKind::Audio),
            9 => Some(TagKind::Video),
            18 => Some(TagKind::Script),
            _ => None,
        };
        tags.extend(kind.map(|kind| Tag { kind, timestamp_ms, body: file.slice(start..start + data_len) }));
        at = start + data_len + PREVIOUS_TAG_SIZE_BYTES;
    }
    tags
}

/// These events as tags.
///
/// # Panics
/// When FLV cannot carry a codec among them.
#[must_use]
pub fn to_tags(events: &[MediaEvent]) -> Vec<Tag> {
    let mut muxer = Muxer::new();
    events.iter().flat_map(|event| muxer.push(event).expect("codecs that FLV carries")).collect()
}

const TAG_HEADER_BYTES: usize = 11;
const PREVIOUS_TAG_SIZE_BYTES: usize = 4;

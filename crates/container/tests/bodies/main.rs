//! FLV bodies and fragments, against a synthetic source and against anything at all.

mod demuxer;
mod enhanced;
mod fmp4;
mod fmp4_reading;
mod fuzzing;
mod recording;
mod round_trip;
mod weirdness;

use bytes::Bytes;
use container::flv::{Demuxer, TagKind};
use media::MediaEvent;

/// Every event of these tags.
fn demux(tags: &[(TagKind, u32, Bytes)]) -> (Vec<MediaEvent>, Demuxer) {
    let mut demuxer = Demuxer::new();
    let mut events = Vec::new();
    for (kind, timestamp_ms, body) in tags {
        demuxer.push(*kind, *timestamp_ms, body.clone()).expect("a body that can be read");
        events.extend(std::iter::from_fn(|| demuxer.poll()));
    }
    (events, demuxer)
}

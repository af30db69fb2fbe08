//! What all streams together carry.

use rooms::frame::State;

use super::Streams;

/// What all streams together carry just now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Load {
    pub(crate) publishers: u32,
    pub(crate) rooms_live: u32,
    /// Media that publishers send.
    pub(crate) ingest_bps: u64,
}

impl Streams {
    /// What they carry now.
    pub(crate) fn load(&self) -> Load {
        let mut load = Load::default();
        for stream in self.lock().values() {
            load.rooms_live += u32::from(stream.status().state == State::Live);
            if let Some(ingest) = stream.ingest() {
                load.publishers += 1;
                load.ingest_bps = load.ingest_bps.saturating_add(ingest.bitrate_bps);
            }
        }
        load
    }
}

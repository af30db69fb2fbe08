//! Files that are read from front to back, as they would come from a publisher.

use bytes::Bytes;
use media::MediaEvent;

use super::{Error, Warning};
use crate::{flv, fmp4, matroska, mpegts};

/// The readers of such files.
#[derive(Debug)]
pub(super) enum Stream {
    Mp4(Box<fmp4::Demuxer>),
    Matroska(Box<matroska::Demuxer>),
    Mpegts(Box<mpegts::Demuxer>),
    Flv { file: flv::FileReader, demuxer: Box<flv::Demuxer> },
}

impl Stream {
    pub(super) fn mp4() -> Stream {
        Stream::Mp4(Box::default())
    }

    pub(super) fn matroska() -> Stream {
        Stream::Matroska(Box::default())
    }

    pub(super) fn mpegts() -> Stream {
        Stream::Mpegts(Box::default())
    }

    pub(super) fn flv() -> Stream {
        Stream::Flv { file: flv::FileReader::new(), demuxer: Box::default() }
    }

    pub(super) fn push(&mut self, bytes: &Bytes) -> Result<(), Error> {
        match self {
            Stream::Mp4(demuxer) => demuxer.push(bytes)?,
            Stream::Matroska(demuxer) => demuxer.push(bytes)?,
            Stream::Mpegts(demuxer) => demuxer.push(bytes)?,
            Stream::Flv { file, demuxer } => {
                file.push(bytes);
                while let Some(tag) = file.poll()? {
                    demuxer.push(tag.kind, tag.timestamp_ms, tag.body)?;
                }
            }
        }
        Ok(())
    }

    /// Nothing follows.
    pub(super) fn finish(&mut self) {
        match self {
            Stream::Mpegts(demuxer) => demuxer.finish(),
            Stream::Matroska(demuxer) => demuxer.finish(),
            Stream::Mp4(_) | Stream::Flv { .. } => {}
        }
    }

    pub(super) fn poll(&mut self) -> Option<MediaEvent> {
        match self {
            Stream::Mp4(demuxer) => demuxer.poll(),
            Stream::Matroska(demuxer) => demuxer.poll(),
            Stream::Mpegts(demuxer) => demuxer.poll(),
            Stream::Flv { demuxer, .. } => demuxer.poll(),
        }
    }

    pub(super) fn dropped_pictures(&self) -> u64 {
        match self {
            Stream::Mp4(demuxer) => demuxer.counters().before_idr,
            Stream::Matroska(demuxer) => demuxer.counters().before_idr,
            Stream::Mpegts(demuxer) => demuxer.counters().before_idr,
            Stream::Flv { demuxer, .. } => demuxer.counters().dropped_video(),
        }
    }

    pub(super) fn warnings(&self) -> Vec<Warning> {
        match self {
            Stream::Mp4(demuxer) => demuxer.warnings().into_iter().map(Warning::Mp4).collect(),
            Stream::Matroska(demuxer) => demuxer.warnings().into_iter().map(Warning::Mp4).collect(),
            Stream::Mpegts(demuxer) => demuxer.warnings().into_iter().map(Warning::Mpegts).collect(),
            Stream::Flv { demuxer, .. } => demuxer.warnings().into_iter().map(Warning::Flv).collect(),
        }
    }
}

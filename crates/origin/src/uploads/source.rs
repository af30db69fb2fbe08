//! A file on the disk as media events. Everything here blocks: it is not for an async thread.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use bytes::{Bytes, BytesMut};
use container::stored::{self, Format, Reader, Warning};
use media::{MediaEvent, Span, Timestamp};
use thiserror::Error;

/// Reads one file from its beginning.
#[derive(Debug)]
pub(crate) struct Source {
    file: File,
    reader: Reader,
}

/// Why a file cannot be played.
#[derive(Debug, Error)]
pub(crate) enum SourceError {
    #[error("{0}")]
    File(#[from] stored::Error),
    #[error("the disk: {0}")]
    Disk(#[from] io::Error),
}

/// Some of a file's events, in order.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) events: Vec<MediaEvent>,
    /// Nothing follows.
    pub(crate) last: bool,
}

impl Source {
    /// The file from its beginning.
    pub(crate) fn new(file: File) -> io::Result<Source> {
        let bytes = file.metadata()?.len();
        Ok(Source { file, reader: Reader::new(bytes) })
    }

    /// The same file from its beginning again.
    pub(crate) fn again(self) -> io::Result<Source> {
        Source::new(self.file)
    }

    /// About a second of the media that follows.
    pub(crate) fn batch(&mut self) -> Result<Batch, SourceError> {
        let mut batch = Batch::default();
        let (mut first, mut bytes) = (None::<Timestamp>, 0);
        loop {
            let Some(wanted) = self.reader.wanted() else {
                batch.last = true;
                return Ok(batch);
            };
            let mut buffer = BytesMut::zeroed(wanted.bytes);
            read_exactly(&self.file, &mut buffer, wanted.at)?;
            self.reader.take(Bytes::from(buffer))?;
            while let Some(event) = self.reader.poll() {
                if let MediaEvent::Packet(packet) = &event {
                    let begun = *first.get_or_insert(packet.dts);
                    bytes += packet.data.len();
                    batch.last |= packet.dts - begun >= BATCH_SPAN || bytes >= BATCH_BYTES_MAX;
                }
                batch.events.push(event);
            }
            if std::mem::take(&mut batch.last) {
                return Ok(batch);
            }
        }
    }

    /// What kind of file it is, once it was begun.
    pub(crate) fn format(&self) -> Option<Format> {
        self.reader.format()
    }

    /// By how many degrees its players turn the picture clockwise.
    pub(crate) fn turned(&self) -> u16 {
        self.reader.turned()
    }

    /// What its owner should know so far.
    pub(crate) fn warnings(&self) -> Vec<Warning> {
        self.reader.warnings()
    }

    /// How many video packets were left out so far.
    pub(crate) fn dropped_pictures(&self) -> u64 {
        self.reader.dropped_pictures()
    }
}

/// Fills `buffer` as far as the file has bytes; the reader says what is wrong with a file that ends before.
fn read_exactly(file: &File, buffer: &mut BytesMut, at: u64) -> io::Result<()> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], at + filled as u64) {
            Ok(0) => break,
            Ok(bytes) => filled += bytes,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    buffer.truncate(filled);
    Ok(())
}

/// Media that is read at a time: enough that a disk's hiccup is not seen, little enough to keep two of them.
const BATCH_SPAN: Span = Span::from_secs(1);
/// The same in bytes: a second of 64 Mbit/s.
const BATCH_BYTES_MAX: usize = 8 << 20;

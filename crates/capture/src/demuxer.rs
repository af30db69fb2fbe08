//! One stream of a media file, decoded by FFmpeg and paced by its own timestamps.

use std::ops::DerefMut;
use std::path::{Path, PathBuf};

use ffmpeg_next as ffmpeg;
use ffmpeg_next::Frame;
use ffmpeg_next::codec::decoder::Opened;
use ffmpeg_next::codec::packet::Packet;
use ffmpeg_next::format::context::Input;
use ffmpeg_next::media::Type;
use media::{Span, Timescale, Timestamp};

use crate::Error;

/// The packets of one stream of a file, and times relative to the file's beginning.
pub(crate) struct Demuxer {
    path: PathBuf,
    input: Input,
    stream: usize,
    /// Ticks per second and per tick of the stream's time base.
    time_base: (i64, i64),
    /// The file's own time of its beginning.
    start: Timestamp,
    /// When the beginning plays, on the session's clock.
    begin: Timestamp,
}

impl Demuxer {
    /// Opens the best stream of `kind` (`what` in words), to be played from `begin`.
    pub(crate) fn open(
        path: &Path,
        kind: Type,
        what: &'static str,
        begin: Timestamp,
    ) -> Result<(Demuxer, ffmpeg::codec::Parameters), Error> {
        let fault = |reason: String| Error::File { path: path.to_owned(), reason };
        crate::start_ffmpeg().map_err(|error| fault(error.to_string()))?;
        if !path.is_file() {
            return Err(fault("no such file".into()));
        }
        if path.to_str().is_none() {
            return Err(fault("the path is not UTF-8".into()));
        }
        let input = ffmpeg::format::input(path).map_err(|error| fault(error.to_string()))?;
        let (stream, time_base, parameters) = {
            let best = input.streams().best(kind).ok_or(Error::Missing { path: path.to_owned(), what })?;
            let base = best.time_base();
            (
                best.index(),
                (i64::from(base.denominator()), i64::from(base.numerator())),
                best.parameters().to_owned(),
            )
        };
        // SAFETY: the context is open and owned by `input`.
        let start = unsafe { (*input.as_ptr()).start_time };
        let start = if start == ffmpeg::ffi::AV_NOPTS_VALUE { 0 } else { start };
        let demuxer = Demuxer {
            path: path.to_owned(),
            input,
            stream,
            time_base,
            start: Timestamp::ZERO + Span::from_ticks(start, MICROSECONDS),
            begin,
        };
        Ok((demuxer, parameters))
    }

    /// The next packet of the stream; `None` at the end of the file.
    pub(crate) fn read(&mut self) -> Result<Option<Packet>, Error> {
        loop {
            let mut packet = Packet::empty();
            match packet.read(&mut self.input) {
                Ok(()) if packet.stream() == self.stream => return Ok(Some(packet)),
                Ok(()) => {}
                Err(ffmpeg::Error::Eof) => return Ok(None),
                Err(error) => return Err(self.fault(&error.to_string())),
            }
        }
    }

    /// When `ticks` of the stream's time base plays, on the session's clock.
    pub(crate) fn time(&self, ticks: i64) -> Timestamp {
        let (hz, per_tick) = self.time_base;
        let own = match u32::try_from(hz).ok().and_then(Timescale::new) {
            Some(timescale) => Timestamp::from_ticks(ticks.saturating_mul(per_tick), timescale),
            None => Timestamp::ZERO,
        };
        self.begin + (own - self.start)
    }

    /// An error about this file.
    pub(crate) fn fault(&self, reason: &str) -> Error {
        Error::File { path: self.path.clone(), reason: reason.to_owned() }
    }
}

/// The frames of one stream of a file.
pub(crate) struct Decoding<D> {
    pub(crate) demuxer: Demuxer,
    decoder: D,
    /// The file has ended, and the decoder gives out what it still has.
    draining: bool,
}

impl<D: DerefMut<Target = Opened>> Decoding<D> {
    /// `decoder` decodes what `demuxer` reads.
    pub(crate) fn new(demuxer: Demuxer, decoder: D) -> Decoding<D> {
        Decoding { demuxer, decoder, draining: false }
    }

    /// Decodes the next frame into `frame`; `false` at the end of the file.
    pub(crate) fn next(&mut self, frame: &mut Frame) -> Result<bool, Error> {
        loop {
            match self.decoder.receive_frame(frame) {
                Ok(()) => return Ok(true),
                Err(ffmpeg::Error::Eof) => return Ok(false),
                Err(error) if !wants_more(&error) => return Err(self.demuxer.fault(&error.to_string())),
                Err(_) if self.draining => return Ok(false),
                Err(_) => {}
            }
            match self.demuxer.read()? {
                // A damaged packet costs its frames, not the file.
                Some(packet) => drop(self.decoder.send_packet(&packet)),
                None => {
                    self.draining = true;
                    self.decoder.send_eof().map_err(|error| self.demuxer.fault(&error.to_string()))?;
                }
            }
        }
    }
}

fn wants_more(error: &ffmpeg::Error) -> bool {
    matches!(error, ffmpeg::Error::Other { errno } if *errno == ffmpeg::ffi::EAGAIN)
}

const MICROSECONDS: Timescale = match Timescale::new(1_000_000) {
    Some(scale) => scale,
    None => panic!("a million is not 0"),
};

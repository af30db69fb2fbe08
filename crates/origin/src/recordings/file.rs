//! The files of a recording: read again for what they hold, and finished.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use container::fmp4::{self, BoxHeader, FileTrack, RunSummary};

/// What a file of fragments holds, up to its last whole one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Contents {
    /// `ftyp` and `moov`, from the file's beginning.
    pub(crate) init_bytes: u64,
    /// The leading track: the picture if there is one.
    pub(crate) lead: FileTrack,
    pub(crate) fragments: Vec<FragmentPlace>,
}

/// One fragment in a file; times of the leading track, in its ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FragmentPlace {
    pub(crate) at: u64,
    pub(crate) bytes: u64,
    pub(crate) begins: u64,
    pub(crate) ends: u64,
    /// Decoding can start here.
    pub(crate) sync: bool,
}

impl Contents {
    /// Reads a file's boxes, not its media. Whatever follows the last whole fragment is left out.
    ///
    /// # Errors
    /// When the file cannot be read, or does not begin as a recording does.
    pub(crate) fn read(path: &Path) -> io::Result<Contents> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        let mut reader = Boxes { file: BufReader::with_capacity(READ_BYTES, file), at: 0, length };
        let (moov_at, moov) = reader.find(b"moov")?.ok_or_else(|| unreadable("no moov"))?;
        let tracks = fmp4::read_tracks(&moov).ok_or_else(|| unreadable("moov"))?;
        let lead = tracks.iter().find(|track| track.video).or_else(|| tracks.first());
        let lead = *lead.ok_or_else(|| unreadable("no tracks"))?;
        let mut fragments = Vec::new();
        while let Some((at, moof)) = readable(reader.find(b"moof"))? {
            let Some(runs) = fmp4::read_runs(&moof) else { break };
            let Some(mdat) = readable(reader.skip(b"mdat"))? else { break };
            // A fragment without the leading track belongs to the one before.
            let run = runs.iter().find(|run| run.track == lead.id);
            let ends = fragments.last().map_or(0, |place: &FragmentPlace| place.ends);
            let quiet = RunSummary { track: lead.id, begins: ends, duration: 0, sync: false };
            let run = run.unwrap_or(&quiet);
            let bytes = moof.len() as u64 + mdat;
            let (begins, ends) = (run.begins, run.begins + run.duration);
            fragments.push(FragmentPlace { at, bytes, begins, ends, sync: run.sync });
        }
        Ok(Contents { init_bytes: moov_at + moov.len() as u64, lead, fragments })
    }

    /// The end of the last whole fragment, in bytes.
    pub(crate) fn end(&self) -> u64 {
        self.fragments.last().map_or(self.init_bytes, |last| last.at + last.bytes)
    }

    /// From the first fragment to the last, in milliseconds.
    pub(crate) fn duration_ms(&self) -> u64 {
        let ends = self.fragments.last().map_or(0, |last| last.ends);
        ends.saturating_mul(1_000) / u64::from(self.lead.timescale)
    }
}

/// Ends a file: cuts off what is not whole, writes its duration into the room that was left for it, and the index
/// behind its last fragment. Answers what it holds and its bytes. A finished file is left as it is; one that cannot
/// be written any more plays all the same.
///
/// # Errors
/// `InvalidData` when the file does not begin as a recording does; others when the disk does not give it.
pub(crate) fn finish(path: &Path) -> io::Result<(Contents, u64)> {
    let contents = Contents::read(path)?;
    if let Err(error) = complete(path, &contents) {
        tracing::warn!(file = %path.display(), %error, "recording without its duration or index");
    }
    Ok((contents, std::fs::metadata(path)?.len()))
}

fn complete(path: &Path, contents: &Contents) -> io::Result<()> {
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    file.set_len(contents.end())?;
    let mut init = vec![0; usize::try_from(contents.init_bytes).map_err(io::Error::other)?];
    file.read_exact(&mut init)?;
    if let Some((at, duration)) = fmp4::duration_box(&init, contents.duration_ms()) {
        file.seek(SeekFrom::Start(at))?;
        file.write_all(&duration)?;
    }
    let points = contents.fragments.iter().filter(|place| place.sync).map(|place| (place.begins, place.at));
    let index = fmp4::index(contents.lead.id, &points.collect::<Vec<_>>());
    file.seek(SeekFrom::End(0))?;
    file.write_all(&index).and_then(|()| file.sync_all()).or_else(|error| {
        file.set_len(contents.end())?;
        Err(error)
    })
}

/// Walks the boxes of a file.
struct Boxes {
    file: BufReader<File>,
    at: u64,
    length: u64,
}

impl Boxes {
    /// The next box of this kind with its header, and where it stands; other boxes are passed over. `None` at the end
    /// of what is whole.
    fn find(&mut self, wanted: &[u8; 4]) -> io::Result<Option<(u64, Vec<u8>)>> {
        while let Some((header, raw)) = self.header()? {
            let at = self.at;
            if header.kind != *wanted {
                self.pass(header.len)?;
                continue;
            }
            if header.len > HEAD_BYTES_MAX {
                return Err(unreadable("a box larger than any that is written"));
            }
            let mut bytes = raw.to_vec();
            bytes.resize(header.len as usize, 0);
            self.file.read_exact(&mut bytes[BoxHeader::BYTES..])?;
            self.at += header.len;
            return Ok(Some((at, bytes)));
        }
        Ok(None)
    }

    /// Passes over the next box, which must be of this kind, and answers its length.
    fn skip(&mut self, wanted: &[u8; 4]) -> io::Result<Option<u64>> {
        let Some((header, _)) = self.header()?.filter(|(header, _)| header.kind == *wanted) else {
            return Ok(None);
        };
        self.pass(header.len)?;
        Ok(Some(header.len))
    }

    /// The next box's header, when the box is whole.
    fn header(&mut self) -> io::Result<Option<(BoxHeader, [u8; BoxHeader::BYTES])>> {
        if self.at + BoxHeader::BYTES as u64 > self.length {
            return Ok(None);
        }
        let mut raw = [0; BoxHeader::BYTES];
        self.file.read_exact(&mut raw)?;
        let header = BoxHeader::read(raw).ok_or_else(|| unreadable("a box without a length"))?;
        Ok((self.at + header.len <= self.length).then_some((header, raw)))
    }

    /// Leaves the body of the box whose header was just read.
    fn pass(&mut self, len: u64) -> io::Result<()> {
        let body = i64::try_from(len).map_err(io::Error::other)? - BoxHeader::BYTES as i64;
        self.file.seek_relative(body)?;
        self.at += len;
        Ok(())
    }
}

/// What follows a box that is none is left out; that the disk does not give it is another matter.
fn readable<T>(found: io::Result<Option<T>>) -> io::Result<Option<T>> {
    found.or_else(|error| if error.kind() == io::ErrorKind::InvalidData { Ok(None) } else { Err(error) })
}

fn unreadable(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("not a recording: {what}"))
}

/// The head of a fragment of half a second is below 4 KiB; one of a minute at 60 frames below 128 KiB.
const HEAD_BYTES_MAX: u64 = 1 << 20;
/// One read holds a fragment's head; its media is passed over.
const READ_BYTES: usize = 8 << 10;

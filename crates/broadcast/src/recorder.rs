//! A recording on this computer, beside the destinations and independent of them.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use bytes::Bytes;
use container::fmp4::{Fragmenter, Piece, PlainIndex};
use media::MediaEvent;

use crate::{Error, threads};

/// What a recording is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordingStatus {
    /// The file that is written, or was written last.
    pub file: PathBuf,
    /// Bytes written so far, of all files.
    pub bytes: u64,
    /// Whether it goes on.
    pub state: RecordingState,
}

/// Whether a recording goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordingState {
    /// It does.
    Recording,
    /// It was ended, and every file is a plain MP4.
    Finished,
    /// It broke off: what was written up to there plays.
    Failed {
        /// Why, in words.
        reason: String,
    },
}

/// The way to a recording's thread. Dropping it finishes the recording with all that was taken.
pub(crate) struct Recorder {
    events: SyncSender<MediaEvent>,
    shared: Arc<Shared>,
}

struct Shared {
    file: Mutex<(PathBuf, RecordingState)>,
    bytes: AtomicU64,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, (PathBuf, RecordingState)> {
        // Both values are replaced one at a time, and each is sound by itself.
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fail(&self, reason: String) {
        let mut file = self.lock();
        if file.1 == RecordingState::Recording {
            tracing::warn!(file = %file.0.display(), reason, "the recording ends; the broadcast goes on");
            file.1 = RecordingState::Failed { reason };
        }
    }
}

impl Recorder {
    /// Makes the file, which must not be there, and starts the thread.
    ///
    /// # Errors
    /// [`Error::Recording`] when the file cannot be made, [`Error::Thread`].
    pub(crate) fn start(file: &Path) -> Result<(Recorder, JoinHandle<()>), Error> {
        let line = Line::begin(file)?;
        let (events, receiver) = sync_channel(QUEUE_EVENTS);
        let shared = Arc::clone(&line.shared);
        let thread = threads::spawn("recording", move || line.run(receiver))?;
        Ok((Recorder { events, shared }, thread))
    }

    /// Makes the file, which must not be there, of a stream that is there already, on a thread of its own.
    ///
    /// # Errors
    /// As [`Recorder::start`].
    pub(crate) fn save(
        file: &Path,
        events: Vec<MediaEvent>,
    ) -> Result<(RecordingWatch, JoinHandle<()>), Error> {
        let line = Line::begin(file)?;
        let watch = RecordingWatch(Arc::clone(&line.shared));
        let thread = threads::spawn("replay", move || line.run(events))?;
        Ok((watch, thread))
    }

    /// Hands over the next event of the stream; never waits. What a disk cannot follow ends the recording.
    pub(crate) fn push(&self, event: &MediaEvent) {
        if let Err(TrySendError::Full(_)) = self.events.try_send(event.clone()) {
            self.shared.fail("the disk is too slow".to_owned());
        }
    }

    /// What it is doing, from now on, also when the recorder is gone.
    pub(crate) fn watch(&self) -> RecordingWatch {
        RecordingWatch(Arc::clone(&self.shared))
    }
}

/// Tells what a recording is doing.
#[derive(Clone)]
pub(crate) struct RecordingWatch(Arc<Shared>);

impl RecordingWatch {
    /// What it is doing now.
    pub(crate) fn status(&self) -> RecordingStatus {
        let (file, state) = self.0.lock().clone();
        RecordingStatus { file, bytes: self.0.bytes.load(Ordering::Relaxed), state }
    }
}

/// The thread.
struct Line {
    shared: Arc<Shared>,
    /// Made and not begun.
    made: Option<File>,
    parts: u32,
    open: Option<Open>,
}

/// One file.
struct Open {
    file: File,
    /// How many it had at first.
    names: u64,
    init: Bytes,
    index: PlainIndex,
    end: u64,
}

impl Open {
    /// Whether somebody took its last name away: what is written then, nobody finds.
    fn is_removed(&self) -> bool {
        self.names > 0 && names(&self.file) == 0
    }
}

impl Line {
    fn begin(file: &Path) -> Result<Line, Error> {
        let made = make(file).map_err(|source| Error::Recording { file: file.to_owned(), source })?;
        let file = Mutex::new((file.to_owned(), RecordingState::Recording));
        let shared = Arc::new(Shared { file, bytes: AtomicU64::new(0) });
        Ok(Line { shared, made: Some(made), parts: 0, open: None })
    }

    fn run(mut self, events: impl IntoIterator<Item = MediaEvent>) {
        let mut fragmenter = Fragmenter::new();
        let result = self.write(events, &mut fragmenter);
        if let Err(error) = &result {
            self.shared.fail(error.to_string());
        }
        // A file that broke off is made plain too where the disk still lets it.
        let finished = self.finish();
        if let Err(error) = finished {
            self.shared.fail(format!("the recording plays, but was not finished: {error}"));
        }
        let mut file = self.shared.lock();
        if file.1 == RecordingState::Recording {
            file.1 = RecordingState::Finished;
        }
    }

    fn write(
        &mut self,
        events: impl IntoIterator<Item = MediaEvent>,
        fragmenter: &mut Fragmenter,
    ) -> io::Result<()> {
        for event in events {
            for piece in fragmenter.push(&event).map_err(io::Error::other)? {
                self.piece(piece)?;
            }
            if self.shared.lock().1 != RecordingState::Recording {
                break;
            }
        }
        fragmenter.flush().map_err(io::Error::other)?.into_iter().try_for_each(|piece| self.piece(piece))
    }

    fn piece(&mut self, piece: Piece) -> io::Result<()> {
        match piece {
            Piece::Init(init) => {
                self.finish()?;
                let mut file = self.next_file()?;
                file.write_all(&init)?;
                self.count(init.len());
                let end = init.len() as u64;
                let names = names(&file);
                self.open = Some(Open { file, names, init, index: PlainIndex::new(), end });
            }
            Piece::Fragment(fragment) => {
                let Some(open) = &mut self.open else { return Ok(()) };
                if open.is_removed() {
                    return Err(io::Error::new(ErrorKind::NotFound, "its file was removed"));
                }
                // One write call for each piece: what the kernel has survives the death of this process.
                open.file.write_all(&fragment)?;
                open.index
                    .push(open.end, &fragment)
                    .ok_or_else(|| io::Error::other("a fragment has no index"))?;
                open.end += fragment.len() as u64;
                self.count(fragment.len());
            }
        }
        Ok(())
    }

    /// The file that was made at the start; other parameters begin `NAME-2.mp4`, `NAME-3.mp4` and so on.
    fn next_file(&mut self) -> io::Result<File> {
        self.parts += 1;
        if let Some(file) = self.made.take() {
            return Ok(file);
        }
        let mut path = self.shared.lock().0.clone();
        loop {
            path = numbered(&path, self.parts);
            match make(&path) {
                // Somebody else's: no reason to end the recording.
                Err(error) if error.kind() == ErrorKind::AlreadyExists && self.parts < PARTS_MAX => {
                    self.parts += 1;
                }
                made => {
                    let file = made?;
                    self.shared.lock().0 = path;
                    return Ok(file);
                }
            }
        }
    }

    /// Makes the open file a plain MP4: first its tables at the end, then, when they are on the disk, the one header that
    /// puts them in force.
    fn finish(&mut self) -> io::Result<()> {
        let Some(Open { mut file, init, index, end, .. }) = self.open.take() else { return Ok(()) };
        // A fragment that a full disk broke off takes the place that the tables need, and longer than them it would stand behind
        // them.
        file.set_len(end)?;
        let Some((moov, at, header)) = index.finish(&init, end) else { return Ok(()) };
        file.seek(SeekFrom::Start(end))?;
        if let Err(error) = file.write_all(&moov).and_then(|()| file.sync_data()) {
            file.set_len(end)?;
            return Err(error);
        }
        file.seek(SeekFrom::Start(at))?;
        file.write_all(&header)?;
        file.sync_data()
    }

    fn count(&self, bytes: usize) {
        self.shared.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

fn make(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

/// How many names a file has in its folders; 0 where nobody tells, as on some network disks.
fn names(file: &File) -> u64 {
    #[cfg(unix)]
    return file.metadata().map_or(0, |known| std::os::unix::fs::MetadataExt::nlink(&known));
    #[cfg(not(unix))]
    return 0;
}

/// `NAME.mp4`, or `NAME-n.mp4` where `n` is one less, as the file number `part`: `NAME-part.mp4`. `part` is 2 or more.
#[must_use]
pub fn numbered(path: &Path, part: u32) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let before = format!("-{}", part.saturating_sub(1));
    let name = stem.strip_suffix(&before).filter(|_| part > 2).unwrap_or(&stem);
    let extension = path.extension().map(|extension| format!(".{}", extension.to_string_lossy()));
    path.with_file_name(format!("{name}-{part}{}", extension.unwrap_or_default()))
}

/// More files of one recording are a mistake.
const PARTS_MAX: u32 = 9_999;

/// A pause of the disk of some ten seconds, at 30 pictures and 47 packets of sound a second. Full: the recording ends.
const QUEUE_EVENTS: usize = 1_024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn further_files_are_numbered() {
        let name = |path: &str, part| numbered(Path::new(path), part).display().to_string();
        assert_eq!(name("a/b.mp4", 2), "a/b-2.mp4");
        assert_eq!(name("a/b-2.mp4", 3), "a/b-3.mp4");
        assert_eq!(name("a/b-2.mp4", 2), "a/b-2-2.mp4");
    }

    #[test]
    fn a_recording_whose_file_is_removed_says_so_instead_of_writing_where_nobody_finds_it() {
        let path = std::env::temp_dir().join(format!("rostrum-removed-{}.mp4", std::process::id()));
        let events = testkit::Source::default().events();
        let (before, after) = events.split_at(events.len() / 2);
        let (recorder, thread) = Recorder::start(&path).expect("a temporary file");
        let watch = recorder.watch();
        before.iter().for_each(|event| recorder.push(event));
        while watch.status().bytes == 0 {
            std::thread::yield_now();
        }
        std::fs::remove_file(&path).expect("ours");
        after.iter().for_each(|event| recorder.push(event));
        drop(recorder);
        thread.join().expect("it ends");
        let state = watch.status().state;
        assert!(
            matches!(&state, RecordingState::Failed { reason } if reason == "its file was removed"),
            "{state:?}"
        );
    }

    /// A stream whose picture is another from the middle on, as after a change of its size.
    fn changing() -> Vec<MediaEvent> {
        let source = testkit::Source::default();
        let tracks = source.tracks().iter().take(1).cloned().collect();
        let mut events = source.events();
        let is_keyframe = |event: &MediaEvent| matches!(event, MediaEvent::Packet(packet) if packet.random_access && packet.track == testkit::Source::VIDEO);
        let middle = events.iter().rposition(is_keyframe).expect("it has keyframes");
        events.insert(middle, MediaEvent::Tracks(tracks));
        events
    }

    #[test]
    fn a_further_file_whose_name_is_taken_gets_the_next_number() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("a-2.mp4"), "mine").expect("a file in it");
        let (watch, thread) = Recorder::save(&path("a.mp4"), changing()).expect("a free name");
        thread.join().expect("it ends");
        let status = watch.status();
        assert_eq!((status.file, status.state), (path("a-3.mp4"), RecordingState::Finished));
        assert_eq!(std::fs::read(path("a-2.mp4")).expect("it is still there"), b"mine");
        assert!(std::fs::metadata(path("a-3.mp4")).expect("it is there").len() > 0);
    }

    #[test]
    fn what_a_full_disk_broke_off_does_not_stand_behind_the_tables() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = |name: &str| folder.path().join(name);
        let events = testkit::Source::default().events();
        let record = |name: &str, broken_off: &[u8]| {
            let mut line = Line::begin(&path(name)).expect("a free name");
            line.write(events.clone(), &mut Fragmenter::new()).expect("it is written");
            let open = line.open.as_mut().expect("it has begun");
            open.file.write_all(broken_off).expect("it is written");
            line.finish().expect("it is made plain");
            std::fs::read(path(name)).expect("it is there")
        };
        let whole = record("whole.mp4", b"");
        assert!(record("broken-off.mp4", &vec![7; 1 << 20]) == whole);
    }

    #[test]
    fn a_file_that_is_there_is_not_touched() {
        let path = std::env::temp_dir().join(format!("rostrum-recorder-{}.mp4", std::process::id()));
        std::fs::write(&path, "mine").expect("a temporary file");
        assert!(matches!(Recorder::start(&path), Err(Error::Recording { .. })));
        assert_eq!(std::fs::read(&path).expect("it is still there"), b"mine");
        std::fs::remove_file(&path).expect("ours");
    }
}

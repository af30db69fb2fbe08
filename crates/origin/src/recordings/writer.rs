//! The thread that writes one recording, behind a bounded queue.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use bytes::Bytes;
use container::fmp4::Piece;
use rooms::Slug;
use thiserror::Error;
use tokio::runtime::Handle;

use super::{Recordings, Status, part_path, poster_path};
use crate::clock::unix_ms;
use crate::secret;
use crate::still::KeyFrame;
use crate::store::{StoreError, WallSpan};

/// The way to a recording's thread. Dropping it finishes the recording with all that was taken.
#[derive(Debug)]
pub(crate) struct Writer {
    commands: SyncSender<Command>,
    /// Bytes on their way to the disk.
    queued: Arc<AtomicUsize>,
}

/// Why a recording takes nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The disk is behind by [`QUEUE_BYTES_MAX`].
    TooSlow,
    /// The thread has ended; the status says why.
    Ended,
}

#[derive(Debug)]
enum Command {
    Piece(Piece),
    Span(WallSpan),
    Poster(KeyFrame),
}

/// What made a recording stop.
#[derive(Debug, Error)]
enum Stop {
    #[error("{0}")]
    Disk(#[from] io::Error),
    #[error("the disk is nearly full: less than {} MiB are left", .0 >> 20)]
    NearlyFull(u64),
    #[error("the store: {0}")]
    Store(#[from] StoreError),
}

impl Writer {
    /// Begins a recording of a room with these tracks. The thread tells `status` what becomes of it.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub(crate) fn start(
        recordings: &Arc<Recordings>,
        slug: &Slug,
        tracks: Vec<String>,
        status: &Arc<Status>,
    ) -> io::Result<Writer> {
        let (commands, receiver) = sync_channel(QUEUE_PIECES_MAX);
        let queued = Arc::new(AtomicUsize::new(0));
        let job = Job {
            id: secret::random(),
            recordings: Arc::clone(recordings),
            slug: slug.clone(),
            status: Arc::clone(status),
            queued: Arc::clone(&queued),
            runtime: Handle::current(),
            file: None,
            parts: 0,
            unchecked: 0,
        };
        status.expect_another();
        let thread = std::thread::Builder::new().name("recording".to_owned());
        recordings.keep(thread.spawn(move || job.run(receiver, tracks))?);
        Ok(Writer { commands, queued })
    }

    /// Hands over a piece without waiting.
    pub(crate) fn piece(&self, piece: Piece) -> Result<(), Refused> {
        let bytes = len(&piece);
        if self.queued.fetch_add(bytes, Ordering::Relaxed) + bytes > QUEUE_BYTES_MAX {
            return Err(Refused::TooSlow);
        }
        self.send(Command::Piece(piece))
    }

    /// Says when the media from `span` on was received.
    pub(crate) fn span(&self, span: WallSpan) -> Result<(), Refused> {
        self.send(Command::Span(span))
    }

    /// The recording's picture from now on.
    pub(crate) fn poster(&self, key_frame: KeyFrame) -> Result<(), Refused> {
        self.send(Command::Poster(key_frame))
    }

    fn send(&self, command: Command) -> Result<(), Refused> {
        self.commands.try_send(command).map_err(|error| match error {
            TrySendError::Full(_) => Refused::TooSlow,
            TrySendError::Disconnected(_) => Refused::Ended,
        })
    }
}

struct Job {
    id: String,
    recordings: Arc<Recordings>,
    slug: Slug,
    status: Arc<Status>,
    queued: Arc<AtomicUsize>,
    runtime: Handle,
    file: Option<File>,
    parts: u32,
    /// Bytes written since the disk was last asked how full it is.
    unchecked: u64,
}

impl Job {
    fn run(mut self, commands: Receiver<Command>, tracks: Vec<String>) {
        let stopped = self.write(&commands, tracks).err();
        // Before the files are finished, which may take a moment: whoever streams learns that nothing more is taken.
        drop(commands);
        if let Some(stop) = &stopped {
            tracing::warn!(room = %self.slug, recording = self.id, reason = %stop, "recording stopped; the broadcast goes on");
            self.status.stop(format!("recording stopped: {stop}"));
        }
        self.file = None;
        let note = self.status.note();
        let finished = self.recordings.finish_files(&self.id, self.parts, note);
        let ended = self.runtime.block_on(self.recordings.settle(&self.id, finished));
        self.status.end(&self.id);
        match ended {
            Ok(0) => tracing::info!(room = %self.slug, recording = self.id, "nothing was recorded"),
            Ok(duration_ms) => {
                tracing::info!(room = %self.slug, recording = self.id, duration_ms, "recording finished");
            }
            Err(error) => {
                tracing::error!(room = %self.slug, recording = self.id, %error, "recording not finished")
            }
        }
    }

    fn write(&mut self, commands: &Receiver<Command>, tracks: Vec<String>) -> Result<(), Stop> {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.recordings.folder)?;
        self.check_room()?;
        let begun =
            self.recordings.store.begin_recording(self.id.clone(), self.slug.clone(), tracks, unix_ms());
        self.runtime.block_on(begun)?;
        self.status.begin(&self.id);
        tracing::info!(room = %self.slug, recording = self.id, "recording");
        while let Ok(command) = commands.recv() {
            match command {
                Command::Span(span) => {
                    self.runtime.block_on(self.recordings.store.add_span(self.id.clone(), span))?;
                }
                Command::Poster(key_frame) => self.poster(&key_frame),
                Command::Piece(piece) => {
                    let bytes = len(&piece);
                    self.piece(&piece)?;
                    self.queued.fetch_sub(bytes, Ordering::Relaxed);
                }
            }
        }
        Ok(())
    }

    fn piece(&mut self, piece: &Piece) -> Result<(), Stop> {
        if let Piece::Init(_) = piece {
            let path = part_path(&self.recordings.folder, &self.id, self.parts + 1);
            self.file = Some(OpenOptions::new().create_new(true).write(true).mode(0o600).open(path)?);
            self.parts += 1;
        }
        let (Piece::Init(bytes) | Piece::Fragment(bytes)) = piece;
        if let Some(file) = &mut self.file {
            // One write call for each piece: what the kernel has survives the death of this process.
            file.write_all(bytes)?;
        }
        self.unchecked += bytes.len() as u64;
        if self.unchecked >= CHECK_BYTES {
            self.unchecked = 0;
            self.check_room()?;
        }
        Ok(())
    }

    /// Writes the picture; a recording without one is none the worse.
    fn poster(&self, key_frame: &KeyFrame) {
        let Some(jpeg) = key_frame.jpeg() else { return };
        let path = poster_path(&self.recordings.folder, &self.id);
        let part = path.with_extension("new");
        let written = std::fs::write(&part, &jpeg).and_then(|()| std::fs::rename(&part, &path));
        if let Err(error) = written {
            let _ = std::fs::remove_file(&part);
            tracing::warn!(file = %path.display(), %error, "recording without a picture");
        }
    }

    /// The database needs the disk too: what is left for it is not recorded on.
    fn check_room(&self) -> Result<(), Stop> {
        let reserve = self.recordings.reserve_bytes;
        let disk = rustix::fs::statvfs(&self.recordings.folder).map_err(io::Error::from)?;
        let left = disk.f_bavail.saturating_mul(disk.f_frsize);
        if left < reserve { Err(Stop::NearlyFull(reserve)) } else { Ok(()) }
    }
}

fn len(piece: &Piece) -> usize {
    let (Piece::Init(bytes) | Piece::Fragment(bytes)) = piece;
    Bytes::len(bytes)
}

/// Pieces on their way to the disk: two minutes of fragments, which the bytes bound sooner for most streams.
const QUEUE_PIECES_MAX: usize = 256;
/// Bytes on their way to the disk: about a minute of 8 Mbit/s. When the disk is further behind, recording stops: media
/// that is left out would be a hole that nobody was told of.
const QUEUE_BYTES_MAX: usize = 64 << 20;
/// Between two looks at how full the disk is.
const CHECK_BYTES: u64 = 8 << 20;

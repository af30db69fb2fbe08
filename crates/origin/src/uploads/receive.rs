//! The bytes of a file, as they come, to the disk: one request at a time, the newest one first.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use thiserror::Error;
use tokio::fs::OpenOptions;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::OwnedMutexGuard;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::check::{CheckError, check};
use super::source::{Source, SourceError};
use super::{Change, State, UploadError, Uploads};
use crate::clock::unix_ms;
use crate::store::Upload;

/// Who may write a file. A request that comes later interrupts the one before: a client that was cut off is back before
/// the origin has noticed, and must not find its own file taken.
#[derive(Debug, Default)]
pub(super) struct Turns(Mutex<HashMap<String, Place>>);

#[derive(Debug, Clone)]
struct Place {
    order: Arc<tokio::sync::Mutex<()>>,
    newest: CancellationToken,
}

/// The right to write one file; dropping it gives it back.
#[derive(Debug)]
pub(super) struct Turn {
    interrupted: CancellationToken,
    _held: OwnedMutexGuard<()>,
}

/// Why bytes were not taken, or not all of them. What came before is kept.
#[derive(Debug, Error)]
pub(crate) enum ReceiveError {
    #[error("the file is whole already")]
    Whole,
    #[error("the bytes begin at {sent}, expected {expected}")]
    Offset { sent: u64, expected: u64 },
    #[error("more bytes than the {bytes} that were announced")]
    TooMany { bytes: u64 },
    #[error("a newer request goes on with this file")]
    Interrupted,
    #[error("the connection was lost, or nothing came for {} s", SILENCE_MAX.as_secs())]
    Lost,
    #[error("the origin stops")]
    Stopped,
    #[error("{0}")]
    Upload(#[from] UploadError),
}

impl Turns {
    /// Interrupts whoever writes a file, and waits for the end of that.
    pub(super) async fn take(&self, id: &str) -> Turn {
        let interrupted = CancellationToken::new();
        let order = {
            let mut places = self.0.lock().expect("nothing panics while it holds the turns");
            // Places that nobody holds are forgotten.
            places.retain(|_, place| Arc::strong_count(&place.order) > 1);
            let place = places
                .entry(id.to_owned())
                .or_insert_with(|| Place { order: Arc::default(), newest: CancellationToken::new() });
            std::mem::replace(&mut place.newest, interrupted.clone()).cancel();
            Arc::clone(&place.order)
        };
        Turn { interrupted, _held: order.lock_owned().await }
    }
}

impl Uploads {
    /// How much of a file is there, when nobody writes it any more.
    pub(crate) async fn settled(&self, upload: &Upload) -> u64 {
        let turn = self.turns.take(&upload.id).await;
        // The last byte may have come meanwhile.
        let now = self.store.upload(upload.id.clone()).await.ok().flatten();
        let received = self.received(now.as_ref().unwrap_or(upload)).await;
        drop(turn);
        received
    }

    /// Takes bytes of a file from `offset` on; answers how many are there then. It goes on by itself when nobody waits
    /// for the answer any more.
    ///
    /// # Errors
    /// [`ReceiveError`].
    pub(crate) async fn receive<E: Send + 'static>(
        self: &Arc<Uploads>,
        upload: Upload,
        offset: u64,
        body: impl Stream<Item = Result<Bytes, E>> + Send + Unpin + 'static,
    ) -> Result<u64, ReceiveError> {
        let this = Arc::clone(self);
        let writing = self.tasks.track_future(async move {
            let turn = this.turns.take(&upload.id).await;
            // What was known of it before the turn came may be old.
            let now = this.store.upload(upload.id.clone()).await.map_err(UploadError::Store)?;
            if now.is_none_or(|now| now.state != State::Receiving) {
                return Err(ReceiveError::Whole);
            }
            let end = this.write(&upload, offset, body, &turn).await;
            let received = this.received(&upload).await;
            this.store.hear_upload(upload.id.clone(), unix_ms()).await.map_err(UploadError::Store)?;
            if received == upload.bytes && end.is_ok() {
                this.whole(upload).await?;
            }
            end.map(|()| received)
        });
        tokio::spawn(writing).await.unwrap_or(Err(ReceiveError::Stopped))
    }

    async fn write<E>(
        &self,
        upload: &Upload,
        offset: u64,
        mut body: impl Stream<Item = Result<Bytes, E>> + Unpin,
        turn: &Turn,
    ) -> Result<(), ReceiveError> {
        let disk = |error| ReceiveError::Upload(UploadError::Disk(error));
        let mut file = OpenOptions::new().append(true).open(self.path(&upload.id)).await.map_err(disk)?;
        let mut at = file.metadata().await.map_err(disk)?.len();
        if at != offset {
            return Err(ReceiveError::Offset { sent: offset, expected: at });
        }
        let (mut unchecked, mut end) = (CHECK_BYTES, Ok(()));
        while at < upload.bytes {
            let chunk = tokio::select! {
                biased;
                () = turn.interrupted.cancelled() => Err(ReceiveError::Interrupted),
                () = self.stop.cancelled() => Err(ReceiveError::Stopped),
                next = timeout(SILENCE_MAX, body.next()) => match next {
                    Ok(Some(Ok(chunk))) => Ok(chunk),
                    Ok(None) => break,
                    Ok(Some(Err(_))) | Err(_) => Err(ReceiveError::Lost),
                },
            };
            let chunk = match chunk {
                Ok(chunk) if chunk.len() as u64 > upload.bytes - at => {
                    Err(ReceiveError::TooMany { bytes: upload.bytes })
                }
                other => other,
            };
            let Ok(chunk) = chunk else {
                end = chunk.map(drop);
                break;
            };
            unchecked += chunk.len() as u64;
            if unchecked >= CHECK_BYTES {
                unchecked = 0;
                let (bytes, free) = (upload.bytes - at, self.free_bytes().map_err(disk)?);
                if free < CHECK_BYTES.min(bytes) {
                    end = Err(UploadError::DiskFull { bytes, free }.into());
                    break;
                }
            }
            file.write_all(&chunk).await.map_err(disk)?;
            at += chunk.len() as u64;
        }
        // What the next request is told is there has to be there.
        file.flush().await.map_err(disk)?;
        if at == upload.bytes {
            file.sync_all().await.map_err(disk)?;
        }
        end
    }

    /// All of a file is there: it is read through.
    async fn whole(self: &Arc<Uploads>, upload: Upload) -> Result<(), UploadError> {
        let (id, change) = (upload.id.clone(), Change::default());
        if self.store.change_upload(id, &[State::Receiving], State::Checking, change).await? {
            self.begin_check(upload);
        }
        Ok(())
    }

    /// Reads a file through beside everything else.
    pub(super) fn begin_check(self: &Arc<Uploads>, upload: Upload) {
        let this = Arc::clone(self);
        let checking = async move {
            let place = Arc::clone(&this.checks).acquire_owned().await;
            let (path, stop) = (this.path(&upload.id), this.stop.clone());
            let checking = tokio::task::spawn_blocking(move || {
                let file = std::fs::File::open(path).and_then(Source::new).map_err(SourceError::Disk)?;
                check(file, &stop)
            });
            let checked = checking.await.unwrap_or(Err(CheckError::Stopped));
            drop(place);
            let (state, change) = match checked {
                Ok(facts) => (State::Ready, Change { facts: Some(facts), ..Change::default() }),
                // The next origin reads it through again.
                Err(CheckError::Stopped) => return,
                Err(refused) => {
                    this.discard(&upload.id).await;
                    (State::Refused, Change { note: Some(refused.to_string()), ..Change::default() })
                }
            };
            tracing::info!(room = %upload.slug, upload = upload.id, ?state, note = ?change.note, "file read through");
            let changed = this.store.change_upload(upload.id, &[State::Checking], state, change).await;
            if let Err(error) = changed {
                tracing::error!(%error, "what was found in a file is not kept");
            }
        };
        tokio::spawn(self.tasks.track_future(checking));
    }
}

/// Without a byte for so long a connection counts as lost.
const SILENCE_MAX: Duration = Duration::from_secs(30);
/// Between two looks at how full the disk is; so much must be free at least, while so much is to come.
const CHECK_BYTES: u64 = 8 << 20;

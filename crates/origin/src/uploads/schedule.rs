//! Files go live at their hour.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use tokio::task::JoinSet;

use super::{Change, Ended, Position, Source, State, Uploads};
use crate::clock::unix_ms;
use crate::ingest::stored_file::{self, End, Playing};
use crate::state::Shared;
use crate::store::{StoreError, Upload};

/// Lets files go live until the origin stops, and waits for those on air.
pub(crate) async fn serve(shared: Arc<Shared>) {
    let uploads = Arc::clone(&shared.uploads);
    if let Err(error) = uploads.recover().await {
        tracing::error!(%error, "uploads of the origin before are not known");
    }
    let mut on_air = JoinSet::new();
    let mut sweeps = tokio::time::interval(SWEEP_INTERVAL);
    loop {
        let Due { begun, wait } = uploads.due().await.unwrap_or_else(|error| {
            tracing::error!(%error, "what goes live next is not known");
            Due { begun: Vec::new(), wait: LOOK_INTERVAL }
        });
        for upload in begun {
            on_air.spawn(go_live(Arc::clone(&shared), upload));
        }
        tokio::select! {
            () = uploads.stop.cancelled() => break,
            () = uploads.changed.notified() => {}
            () = tokio::time::sleep(wait) => {}
            Some(_) = on_air.join_next() => {}
            _ = sweeps.tick() => {
                if let Err(error) = uploads.sweep().await {
                    tracing::error!(%error, "uploads that were given up are not known");
                }
            }
        }
    }
    while on_air.join_next().await.is_some() {}
}

/// What goes live now, and how long nothing else does.
#[derive(Debug)]
pub(super) struct Due {
    pub(super) begun: Vec<Upload>,
    wait: Duration,
}

/// Plays a file to its end, or until it has to go.
async fn go_live(shared: Arc<Shared>, upload: Upload) {
    let uploads = &shared.uploads;
    let position = Arc::new(Position::default());
    uploads.lock_live().insert(upload.id.clone(), Arc::clone(&position));
    let opened = std::fs::File::open(uploads.path(&upload.id)).and_then(Source::new);
    let end = match (opened, shared.store.room(upload.slug.clone()).await) {
        (Ok(source), Ok(Some(room))) => {
            let playing = Playing { source, repeat: upload.repeat, position };
            stored_file::publish(&shared, &room, playing).await
        }
        (Err(error), _) => End::Source(error.into()),
        (_, Ok(None)) => End::NoRoom,
        (_, Err(error)) => End::Store(error),
    };
    tracing::info!(room = %upload.slug, upload = upload.id, %end, "file off air");
    uploads.lock_live().remove(&upload.id);
    let (ended, note) = (end.ended(), end.to_string());
    let note = (ended != Ended::Finished).then_some(note);
    let change = Change { ended: Some(ended), note, ..Change::default() };
    let changed = uploads.store.change_upload(upload.id, &[State::Live], State::Done, change).await;
    if let Err(error) = changed {
        tracing::error!(%error, "the end of a file's broadcast is not kept");
    }
}

impl Uploads {
    /// Takes what is due to its next state.
    pub(super) async fn due(&self) -> Result<Due, StoreError> {
        let (now_ms, mut hours) = (unix_ms(), HashMap::new());
        let mut due = Due { begun: Vec::new(), wait: LOOK_INTERVAL };
        for upload in self.store.uploads_in(State::Scheduled).await? {
            let at_ms = upload.live_at_ms.unwrap_or(now_ms);
            let (id, from) = (upload.id.clone(), &[State::Scheduled]);
            if at_ms > now_ms {
                due.wait = due.wait.min(Duration::from_millis(u64::try_from(at_ms - now_ms).unwrap_or(0)));
                hours.entry(upload.slug.clone()).or_insert(at_ms);
            } else if now_ms - at_ms > LATE_MAX_MS {
                let (ended, note) = (Some(Ended::Missed), Some(missed_words()));
                let change = Change { ended, note, ..Change::default() };
                self.store.change_upload(id, from, State::Ready, change).await?;
                tracing::warn!(room = %upload.slug, "a file's hour was missed");
            } else if self.store.change_upload(id, from, State::Live, Change::default()).await? {
                due.begun.push(upload);
            }
        }
        *self.hours.lock().expect(super::UNBROKEN) = hours;
        Ok(due)
    }

    /// Goes on where the origin before this one stopped.
    async fn recover(self: &Arc<Uploads>) -> Result<(), StoreError> {
        for upload in self.store.uploads_in(State::Live).await? {
            let (ended, note) = (Some(Ended::OriginStopped), Some("the origin stopped".to_owned()));
            let change = Change { ended, note, ..Change::default() };
            self.store.change_upload(upload.id, &[State::Live], State::Done, change).await?;
        }
        for upload in self.store.uploads_in(State::Receiving).await? {
            // The last byte may have come right before the end.
            if self.received(&upload).await == upload.bytes {
                self.store
                    .change_upload(upload.id, &[State::Receiving], State::Checking, Change::default())
                    .await?;
            }
        }
        for upload in self.store.uploads_in(State::Checking).await? {
            self.begin_check(upload);
        }
        Ok(())
    }

    /// Removes what was begun and given up, and files that nothing tells of any more.
    pub(super) async fn sweep(&self) -> Result<(), StoreError> {
        for upload in self.store.uploads_in(State::Receiving).await? {
            if self.expires_ms(&upload) < unix_ms() {
                let turn = self.turns.take(&upload.id).await;
                self.store.forget_upload(upload.id.clone()).await?;
                self.discard(&upload.id).await;
                drop(turn);
                tracing::info!(room = %upload.slug, upload = upload.id, "an upload was given up");
            }
        }
        let Ok(mut folder) = tokio::fs::read_dir(&self.folder).await else { return Ok(()) };
        while let Ok(Some(entry)) = folder.next_entry().await {
            let name = entry.file_name();
            let Some(id) = name.to_str().and_then(|name| name.strip_suffix(".media")) else { continue };
            if self.store.upload(id.to_owned()).await?.is_none() && self.is_old(&entry).await {
                self.discard(id).await;
            }
        }
        Ok(())
    }

    /// Whether a file is there for longer than its announcement takes.
    async fn is_old(&self, entry: &tokio::fs::DirEntry) -> bool {
        let modified = entry.metadata().await.and_then(|file| file.modified());
        let since = modified.ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        let now = Duration::from_millis(u64::try_from(unix_ms()).unwrap_or(0));
        since.is_some_and(|since| now > since + SWEEP_INTERVAL)
    }
}

fn missed_words() -> String {
    let minutes = LATE_MAX_MS / 60_000;
    format!("its hour passed more than {minutes} minutes before the origin was back")
}

/// A file whose hour passed while the origin was off goes live at once when it is no later than this.
const LATE_MAX_MS: i64 = 10 * 60_000;
/// The wall clock may be set meanwhile.
const LOOK_INTERVAL: Duration = Duration::from_secs(30);
/// Uploads that were given up take room on the disk, and no more.
const SWEEP_INTERVAL: Duration = Duration::from_secs(600);

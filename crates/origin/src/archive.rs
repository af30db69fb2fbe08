//! Rooms that nobody used for a time the administrator sets rest from then on; their owners bring them back.

use std::sync::Arc;
use std::time::Duration;

use rooms::frame::State;
use tokio_util::sync::CancellationToken;

use crate::clock::unix_ms;
use crate::state::Shared;
use crate::store::StoreError;

/// Looks for unused rooms until `stop`.
pub(crate) async fn serve(shared: Arc<Shared>, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(LOOK_INTERVAL);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {
                if let Err(error) = sweep(&shared, unix_ms()).await {
                    tracing::warn!(%error, "unused rooms were not looked for");
                }
            }
        }
    }
}

/// Archives the rooms that were not used for as long as the settings say; none while they say nothing. A room is used
/// by a broadcast, by anything said or done in it, and by a change of its settings.
pub(crate) async fn sweep(shared: &Shared, now_ms: i64) -> Result<(), StoreError> {
    let Some(days) = shared.store.archive_after_days().await? else { return Ok(()) };
    let mut any = false;
    for slug in shared.store.unused_rooms(now_ms - i64::from(days) * DAY_MS).await? {
        // A broadcast's first line may be older than that, and it is used all the same; so is one that is planned.
        let live = shared.streams.status(&slug).state != State::Offline;
        if live || shared.uploads.next_live_ms(&slug).is_some() {
            continue;
        }
        shared.store.archive_room(slug.clone(), now_ms).await?;
        tracing::info!(room = %slug, days, "room archived: nobody used it");
        any = true;
    }
    if any {
        shared.refresh_gates().await?;
    }
    Ok(())
}

/// Days matter here, so an hour late is in time.
const LOOK_INTERVAL: Duration = Duration::from_secs(60 * 60);
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
/// The longest time that may be set: ten years of days.
pub(crate) const ARCHIVE_DAYS_MAX: u32 = 3_650;

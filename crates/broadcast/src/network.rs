//! When the network returns, destinations do not wait for their next try.

use std::sync::Arc;

use publish::{NetworkWatch, State};
use tracing::{info, warn};

use crate::outlets::Outlets;

/// Makes every destination try now whenever the system reports that its network has come back. Ends where no system reports
/// that; then the back-off alone decides.
pub(crate) async fn follow(outlets: Arc<Outlets>) {
    let ended = match NetworkWatch::start() {
        Ok(watch) => retry_at_each(watch, &outlets).await,
        Err(error) => error,
    };
    warn!(%ended, "whether the network is back is not told: destinations are tried again by the clock");
}

async fn retry_at_each(mut watch: NetworkWatch, outlets: &Outlets) -> std::io::Error {
    loop {
        if let Err(error) = watch.returned().await {
            return error;
        }
        let all = outlets.all();
        let waiting =
            all.iter().filter(|outlet| matches!(*outlet.state.borrow(), State::Retrying { .. })).count();
        if waiting > 0 {
            info!(waiting, "the network changed: destinations are tried now");
        }
        all.iter().for_each(|outlet| outlet.feed.retry_now());
    }
}

//! The machine that the tests share: who may run beside whom, and for how long.

use std::future::Future;
use std::time::Duration;

use tokio::sync::RwLock;

/// Tests whose figures the others' load would spoil run alone.
static MACHINE: RwLock<()> = RwLock::const_new(());

/// Runs a test beside others, within a limit that begins when no test that needs the whole machine is left before it.
///
/// # Panics
/// After `limit`.
pub async fn beside_others<T>(limit: Duration, test: impl Future<Output = T>) -> T {
    let _shared = MACHINE.read().await;
    bounded(limit, test).await
}

/// Runs a test with no other on the machine, within a limit that begins when the others have ended.
///
/// # Panics
/// After `limit`.
pub async fn alone<T>(limit: Duration, test: impl Future<Output = T>) -> T {
    let _whole = MACHINE.write().await;
    bounded(limit, test).await
}

async fn bounded<T>(limit: Duration, test: impl Future<Output = T>) -> T {
    tokio::time::timeout(limit, test).await.unwrap_or_else(|_| panic!("the test took more than {limit:?}"))
}

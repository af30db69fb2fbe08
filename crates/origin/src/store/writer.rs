//! The one thread that writes.

use std::sync::Mutex;
use std::thread::JoinHandle;

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::StoreError;

/// The way to the writing thread. Dropping it waits until everything taken so far is committed.
#[derive(Debug)]
pub(super) struct Writer {
    changes: Option<mpsc::Sender<Change>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// A change that runs in the group's transaction and returns what to answer once that is committed.
type Change = Box<dyn FnOnce(&Connection) -> Answer + Send>;
/// Told whether the group was committed.
type Answer = Box<dyn FnOnce(bool) + Send>;

impl Writer {
    pub(super) fn start(connection: Connection) -> Result<Writer, StoreError> {
        let (changes, receiver) = mpsc::channel(CHANGES_WAITING_MAX);
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || run(connection, receiver))
            .map_err(StoreError::Thread)?;
        Ok(Writer { changes: Some(changes), thread: Mutex::new(Some(thread)) })
    }

    /// Waits for room among the waiting changes, then for the commit.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        change: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (sender, receiver) = oneshot::channel();
        let boxed: Change = Box::new(move |connection| {
            let result = in_savepoint(connection, change);
            Box::new(move |committed| {
                let answer = if committed || result.is_err() { result } else { Err(StoreError::Closed) };
                // Whoever asked may be gone; the change stands all the same.
                let _ = sender.send(answer);
            })
        });
        let changes = self.changes.as_ref().ok_or(StoreError::Closed)?;
        changes.send(boxed).await.map_err(|_| StoreError::Closed)?;
        receiver.await.unwrap_or(Err(StoreError::Closed))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.changes = None;
        if let Ok(mut thread) = self.thread.lock()
            && let Some(thread) = thread.take()
        {
            let _ = thread.join();
        }
    }
}

fn run(mut connection: Connection, mut changes: mpsc::Receiver<Change>) {
    while let Some(first) = changes.blocking_recv() {
        if let Err(error) = commit_group(&mut connection, first, &mut changes) {
            tracing::error!(%error, "a group of changes was not committed");
        }
    }
}

fn commit_group(
    connection: &mut Connection,
    first: Change,
    changes: &mut mpsc::Receiver<Change>,
) -> Result<(), rusqlite::Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut answers = Vec::new();
    let mut next = Some(first);
    while let Some(change) = next {
        answers.push(change(&transaction));
        // A full disk, or one that fails, ends the whole transaction. What came after it would be kept change by change,
        // and be refused all the same: its asker would ask again, and have it twice.
        let goes_on = !transaction.is_autocommit() && answers.len() < GROUP_MAX;
        next = if goes_on { changes.try_recv().ok() } else { None };
    }
    let committed = transaction.commit();
    for answer in answers {
        answer(committed.is_ok());
    }
    committed
}

/// One change that fails leaves the others of its group alone.
fn in_savepoint<T>(
    connection: &Connection,
    change: impl FnOnce(&Connection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    connection.execute_batch("savepoint change")?;
    let result = change(connection);
    let end = if result.is_ok() { "release change" } else { "rollback to change; release change" };
    connection.execute_batch(end)?;
    result
}

/// Changes that wait for the writer; a full queue makes rooms wait, and through them their members.
const CHANGES_WAITING_MAX: usize = 1_024;
/// Changes in one transaction: bounds how long the first of a group waits for its commit to about 50 ms.
const GROUP_MAX: usize = 512;

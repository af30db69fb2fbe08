//! What outlives the process: accounts, rooms, keys and what was said. The only module with SQL.
//!
//! One thread writes. It takes whatever waits, up to [`GROUP_MAX`] changes, into one transaction and
//! answers each after the commit: under load a commit serves many, idle it serves one at once. Readers
//! have connections of their own, which WAL lets run beside the writer.

mod accounts;
mod archive;
mod broadcasts;
mod chapters;
mod followers;
mod forgotten;
mod gifts;
mod health;
mod invitations;
mod keys;
mod log;
mod mail_links;
mod moderators;
mod on_air;
mod pictures;
mod player_links;
mod points;
mod recordings;
mod room_settings;
mod rooms;
mod sessions;
mod settings;
mod tokens;
mod uploads;
mod webhooks;
mod writer;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rusqlite::{Connection, ErrorCode, OpenFlags};
use thiserror::Error;
use tokio::sync::Notify;

pub use accounts::{Account, NewAccount, Role};
pub(crate) use accounts::{AccountChange, AccountFilter};
pub(crate) use broadcasts::Broadcast;
pub(crate) use chapters::{Mark, Marked};
pub(crate) use invitations::{Invitation, NewInvitation};
pub use log::Kept;
pub(crate) use mail_links::{Addressee, NewMailLink, Purpose};
pub(crate) use points::{Booking, Grant, Wallet, account_of};
pub use recordings::Recording;
pub(crate) use recordings::{Finished, WallSpan};
pub(crate) use room_settings::{Lock, RoomChange, RoomSettings, SecondPublisher, Visibility};
pub use rooms::{NewRoom, RoomRecord};
pub(crate) use sessions::{LASTING_MS, NewSession, Session};
pub(crate) use tokens::{NewToken, Scope, Token};
pub(crate) use uploads::{Change, NewUpload, Upload};
pub(crate) use webhooks::{Delivery, Event, NewWebhook, Told, Tried, Webhook};

use keys::Keys;
use writer::Writer;

/// A handle to the database; clones share it.
#[derive(Clone, Debug)]
pub struct Store {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    /// Idle readers; one is opened when none is. Dropped before the writer, whose connection then is the
    /// last and folds the write-ahead log into the database.
    readers: Mutex<Vec<Connection>>,
    writer: Writer,
    keys: Arc<Keys>,
    /// Something was queued for a webhook.
    announced: Notify,
}

/// Why something was not stored or found.
#[derive(Debug, Error)]
pub enum StoreError {
    /// SQLite refused.
    #[error("database: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The database cannot be opened.
    #[error("database {}: {source}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The database's file cannot be made.
    #[error("database {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The database is of a later version of the program.
    #[error("database {}: its version is {found}, this program knows up to {known}", path.display())]
    TooNew {
        /// The file.
        path: PathBuf,
        /// `user_version` in it.
        found: u32,
        /// The latest that is known here.
        known: u32,
    },
    /// A name is in use.
    #[error("{what} \"{name}\" exists already")]
    Exists {
        /// "account" or "room".
        what: &'static str,
        /// The name.
        name: String,
    },
    /// A name is not known.
    #[error("there is no {what} \"{name}\"")]
    Missing {
        /// "account" or "room".
        what: &'static str,
        /// The name.
        name: String,
    },
    /// Nobody would be left to administer.
    #[error("this is the only administrator: make another one first")]
    LastAdmin,
    /// There are as many as there may be.
    #[error("there are {max} {what} already: remove some first")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// So many may be.
        max: i64,
    },
    /// A wallet holds fewer points than something costs.
    #[error("the wallet holds fewer points than that")]
    NotEnough,
    /// A gift was given before under the same id.
    #[error("it was given before, as line {first}")]
    Given {
        /// The line of the room's log that it was given with.
        first: u64,
    },
    /// A stored value is not what this program writes.
    #[error("database: {column} holds \"{found}\"")]
    Value {
        /// Table and column.
        column: &'static str,
        /// What stands there.
        found: String,
    },
    /// The writer is gone: the origin is stopping, or its thread could not go on.
    #[error("the store is closed")]
    Closed,
    /// The thread cannot be started.
    #[error("store thread: {0}")]
    Thread(std::io::Error),
}

impl StoreError {
    /// What it comes from, as the system calls it; [`io::ErrorKind::Other`] for what is the database's own.
    pub(crate) fn kind(&self) -> io::ErrorKind {
        match self {
            StoreError::File { source, .. } | StoreError::Thread(source) => source.kind(),
            StoreError::Sqlite(error) | StoreError::Open { source: error, .. }
                if error.sqlite_error_code() == Some(ErrorCode::DiskFull) =>
            {
                io::ErrorKind::StorageFull
            }
            _ => io::ErrorKind::Other,
        }
    }
}

impl Store {
    /// Opens the database at `path`, making or migrating it as needed.
    ///
    /// # Errors
    /// [`StoreError::Open`], [`StoreError::TooNew`] or [`StoreError::Thread`].
    pub fn open(path: &Path) -> Result<Store, StoreError> {
        let open_error = |source| StoreError::Open { path: path.to_owned(), source };
        make_private(path)?;
        let mut connection = Connection::open(path).map_err(open_error)?;
        connection
            .execute_batch(
                "pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on;
                 pragma busy_timeout = 5000; pragma journal_size_limit = 67108864;",
            )
            .map_err(open_error)?;
        migrate(&mut connection, path)?;
        accounts::fold_names(&connection)?;
        let keys = Arc::<Keys>::default();
        keys.load(&connection)?;
        let writer = Writer::start(connection)?;
        let readers = Mutex::default();
        Ok(Store {
            inner: Arc::new(Inner { path: path.to_owned(), readers, writer, keys, announced: Notify::new() }),
        })
    }

    /// Waits until something is queued for a webhook that was not when this was last asked.
    pub(crate) async fn announced(&self) {
        self.inner.announced.notified().await;
    }

    /// Runs `change` in the next group, and answers when that is committed.
    async fn write<T: Send + 'static>(
        &self,
        change: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.inner.writer.write(change).await
    }

    /// Runs `query` on a reader, off the async threads.
    async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let inner = Arc::clone(&self.inner);
        let read = move || {
            let idle = inner.readers.lock().expect("no reader panics while it holds the list").pop();
            let connection = match idle {
                Some(connection) => connection,
                None => open_reader(&inner.path)?,
            };
            let answer = query(&connection);
            let mut readers = inner.readers.lock().expect("no reader panics while it holds the list");
            if readers.len() < READERS_MAX {
                readers.push(connection);
            }
            answer
        };
        tokio::task::spawn_blocking(read).await.unwrap_or(Err(StoreError::Closed))
    }
}

/// Copies the database at `path`, as it is at one moment, to `to`; whoever uses it goes on.
///
/// # Errors
/// [`StoreError`].
pub(crate) fn copy(path: &Path, to: &Path) -> Result<(), StoreError> {
    let open_error = |source| StoreError::Open { path: path.to_owned(), source };
    let connection =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(open_error)?;
    connection.execute_batch("pragma busy_timeout = 5000;")?;
    // SQLite fills an empty file, which keeps its mode.
    make_private(to)?;
    let name = to.to_str().ok_or(io::ErrorKind::InvalidFilename);
    let name = name.map_err(|kind| StoreError::File { path: to.to_owned(), source: kind.into() })?;
    connection.execute("vacuum into ?1", [name])?;
    Ok(())
}

/// Takes the recordings out of the database at `path`, which nobody uses.
///
/// # Errors
/// [`StoreError`].
pub(crate) fn without_recordings(path: &Path) -> Result<(), StoreError> {
    let open_error = |source| StoreError::Open { path: path.to_owned(), source };
    let connection =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(open_error)?;
    connection.execute_batch("pragma foreign_keys = on; delete from recordings;")?;
    // Here, where it can be told that it failed.
    connection.close().map_err(|(_, error)| error)?;
    Ok(())
}

/// SQLite gives its side files the mode of the database.
fn make_private(path: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let made = std::fs::OpenOptions::new().create(true).append(true).mode(0o600).open(path);
    made.map(drop).map_err(|source| StoreError::File { path: path.to_owned(), source })
}

fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)
        .map_err(|source| StoreError::Open { path: path.to_owned(), source })?;
    connection.execute_batch("pragma busy_timeout = 5000;")?;
    Ok(connection)
}

/// Brings the database to the latest version; each step is one transaction with its version number.
fn migrate(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let found: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let known = u32::try_from(MIGRATIONS.len()).expect("a handful of migrations");
    if found > known {
        return Err(StoreError::TooNew { path: path.to_owned(), found, known });
    }
    for (step, sql) in (found..).zip(&MIGRATIONS[found as usize..]) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(sql)?;
        transaction.pragma_update(None, "user_version", step + 1)?;
        transaction.commit()?;
    }
    Ok(())
}

/// `user_version` n means that the first n are applied. `schema.sql` is the first: a database made anew
/// and one that was migrated are the same.
const MIGRATIONS: [&str; 16] = [
    include_str!("schema.sql"),
    include_str!("recordings.sql"),
    include_str!("accounts.sql"),
    include_str!("uploads.sql"),
    include_str!("deeds.sql"),
    include_str!("room_settings.sql"),
    include_str!("gifts.sql"),
    include_str!("webhooks.sql"),
    include_str!("room_life.sql"),
    include_str!("account_life.sql"),
    include_str!("class_list.sql"),
    include_str!("mail_links.sql"),
    include_str!("on_air.sql"),
    include_str!("room_numbers.sql"),
    include_str!("player_links.sql"),
    include_str!("health.sql"),
];
/// Idle readers kept; each is a file handle and 2 MB of page cache at most.
const READERS_MAX: usize = 4;

#[cfg(test)]
mod tests;

//! The digests of all stream keys, in memory, for whoever has to answer without waiting.

use std::collections::HashMap;
use std::sync::{RwLock, RwLockReadGuard};

use ::rooms::Slug;
use rusqlite::Connection;

use super::{Store, StoreError};
use crate::secret::Digest;

/// Which key belongs to which room.
#[derive(Debug, Default)]
pub(super) struct Keys(RwLock<HashMap<Digest, Slug>>);

impl Keys {
    /// Reads them all.
    pub(super) fn load(&self, connection: &Connection) -> Result<(), StoreError> {
        let mut statement = connection.prepare("select key_digest, slug from rooms")?;
        let rows =
            statement.query_map([], |row| Ok((row.get::<_, [u8; 32]>(0)?, row.get::<_, String>(1)?)))?;
        let mut keys = HashMap::new();
        for row in rows {
            let (digest, slug) = row?;
            let slug = slug.parse().map_err(|_| StoreError::Value { column: "rooms.slug", found: slug })?;
            keys.insert(Digest(digest), slug);
        }
        *self.0.write().expect(UNBROKEN) = keys;
        Ok(())
    }

    /// The room has this key and no other. To be called by the writer, so that it happens in order.
    pub(super) fn replace(&self, slug: &Slug, digest: Digest) {
        let mut keys = self.0.write().expect(UNBROKEN);
        keys.retain(|_, of| of != slug);
        keys.insert(digest, slug.clone());
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<Digest, Slug>> {
        self.0.read().expect(UNBROKEN)
    }
}

impl Store {
    /// The room that a stream key with this digest admits to, without waiting for the database.
    ///
    /// A key that is just being changed may be taken for known; [`Store::room_of_key`] has the last word.
    pub(crate) fn slug_of_key(&self, digest: Digest) -> Option<Slug> {
        self.inner.keys.read().get(&digest).cloned()
    }

    /// What the writer noted may not have been committed: the database says how it is. Read by the writer too, since a
    /// reader would not see the change of another room's key that is just being committed, and take it back.
    pub(super) async fn reload_keys(&self) -> Result<(), StoreError> {
        let keys = std::sync::Arc::clone(&self.inner.keys);
        self.write(move |connection| keys.load(connection)).await
    }
}

const UNBROKEN: &str = "nothing panics while it holds the keys";

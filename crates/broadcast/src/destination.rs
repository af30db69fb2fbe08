//! Where a broadcast goes.

/// One remote ingest.
#[derive(Clone, PartialEq, Eq)]
pub struct Destination {
    /// What people call it; appears in [`crate::DestinationStatus`] and in logs.
    pub name: String,
    /// `rtmp://host[:port]/app`, or with the key as the last path segment when `key` is `None`.
    pub url: String,
    /// The stream key. Never logged.
    pub key: Option<String>,
}

impl std::fmt::Debug for Destination {
    /// Leaves out the key and everything of the URL that may hold it (DESIGN §8 rule 2).
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Destination").field("name", &self.name).finish_non_exhaustive()
    }
}

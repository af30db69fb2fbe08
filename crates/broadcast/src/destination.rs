//! Where a broadcast goes.

use publish::{Target, Trust};

use crate::{Config, Error};

/// One remote ingest.
#[derive(Clone, PartialEq, Eq)]
pub struct Destination {
    /// What people call it; appears in [`crate::DestinationStatus`] and in logs.
    pub name: String,
    /// `rtmp[s]://host[:port]/app`, or with the key as the last path segment when `key` is `None`;
    /// `srt://host:port[?streamid=…&passphrase=…&pbkeylen=16|24|32&latency=MILLISECONDS]`, where a key stands for the
    /// stream id `publish:KEY`.
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

/// Names and targets of all.
pub(crate) fn targets(config: &Config) -> Result<Vec<(String, Target)>, Error> {
    let count = config.destinations.len();
    if count == 0 || count > DESTINATIONS_MAX {
        return Err(Error::DestinationCount { count, max: DESTINATIONS_MAX });
    }
    let trust = config.certificates.as_deref().map(Trust::with_file).transpose()?.unwrap_or_default();
    let parse = |destination: &Destination| {
        let name = destination.name.clone();
        match Target::parse(&destination.url, destination.key.as_deref()) {
            Ok(target) => Ok((name, target.trusting(trust.clone()))),
            Err(source) => Err(Error::Destination { name, source }),
        }
    };
    config.destinations.iter().map(parse).collect()
}

/// One encode serves several destinations; each costs a copy of the stream's bytes and a connection.
const DESTINATIONS_MAX: usize = 8;

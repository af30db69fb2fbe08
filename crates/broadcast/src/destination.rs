//! Where a broadcast goes.

use media::Size;
use publish::{Target, TargetError, Trust};

use crate::{EncoderChoice, Error};

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
    /// What it gets instead of the broadcast's picture: one encode more, shared by all destinations that get the same.
    pub picture: Option<PictureSettings>,
}

/// How the picture is encoded for some destinations; the keyframe interval and the sound are the broadcast's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PictureSettings {
    /// Pixels; the picture is scaled to it, with black bars where the shapes differ. Both sides even.
    pub size: Size,
    /// Frames per second, 1 to 120.
    pub fps: u32,
    /// As [`crate::Config::bitrate_bps`].
    pub bitrate_bps: u32,
    /// As [`crate::Config::bitrate_floor_bps`].
    pub bitrate_floor_bps: u32,
    /// Which video encoder.
    pub encoder: EncoderChoice,
}

impl std::fmt::Debug for Destination {
    /// Leaves out the key and everything of the URL that may hold it (DESIGN §8 rule 2).
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Destination").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Destination {
    /// Host and port, to show people: nothing that may be secret.
    ///
    /// # Errors
    /// When the address cannot be published to.
    pub fn server(&self) -> Result<String, TargetError> {
        Target::parse(&self.url, self.key.as_deref()).map(|target| target.server())
    }

    /// Where to publish to.
    pub(crate) fn target(&self, trust: &Trust) -> Result<Target, Error> {
        let wrong = |source| Error::Destination { name: self.name.clone(), source };
        let target = Target::parse(&self.url, self.key.as_deref()).map_err(wrong)?;
        Ok(target.trusting(trust.clone()))
    }
}

/// Whether so many can be served, of which a broadcast that is recorded may have none.
pub(crate) fn check_count(count: usize, recorded: bool) -> Result<(), Error> {
    if (count == 0 && !recorded) || count > DESTINATIONS_MAX {
        return Err(Error::DestinationCount { count, max: DESTINATIONS_MAX });
    }
    Ok(())
}

/// One encode serves several destinations; each costs a copy of the stream's bytes and a connection.
const DESTINATIONS_MAX: usize = 8;

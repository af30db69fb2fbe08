//! What can go wrong before a broadcast runs; later failures are states of a destination.

use thiserror::Error;

/// Why sources could not be opened or a broadcast could not start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// A picture or sound source did not open.
    #[error(transparent)]
    Capture(#[from] capture::Error),
    /// A scene cannot be shown.
    #[error(transparent)]
    Scene(#[from] crate::scene::SceneError),
    /// No encoder could be opened.
    #[error(transparent)]
    Encode(#[from] encode::Error),
    /// A destination's address cannot be used.
    #[error("destination {name}: {source}")]
    Destination {
        /// The destination's name.
        name: String,
        /// What is wrong with it.
        source: publish::TargetError,
    },
    /// A service does not take what the encoder makes.
    #[error(
        "destination {destination}: {service} takes {codecs}, not {codec}: choose another encoder, or give it a picture of its own"
    )]
    CodecRefused {
        /// The destination's name.
        destination: String,
        /// As the service calls itself.
        service: &'static str,
        /// What was to be sent.
        codec: &'static str,
        /// What it takes.
        codecs: String,
    },
    /// The file of certificates cannot be used.
    #[error(transparent)]
    Certificates(#[from] publish::TrustError),
    /// The file to record to cannot be made.
    #[error("recording to {}: {source}", file.display())]
    Recording {
        /// The file.
        file: std::path::PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// There is nothing to save: no replay is kept, or nothing has been encoded yet.
    #[error("there is no replay to save: none is kept, or nothing has been encoded yet")]
    NoReplay,
    /// A length that cannot be.
    #[error("a {what} of {given:?}: it can be {} s to {} s", least.as_secs(), most.as_secs())]
    Length {
        /// Of what.
        what: &'static str,
        /// What was asked for.
        given: std::time::Duration,
        /// The least.
        least: std::time::Duration,
        /// The most.
        most: std::time::Duration,
    },
    /// No destination, or more than can be served.
    #[error("{count} destinations: a broadcast takes 1 to {max}")]
    DestinationCount {
        /// How many were asked for.
        count: usize,
        /// The limit.
        max: usize,
    },
    /// More different pictures than can be encoded.
    #[error("at most {max} different pictures can be encoded at a time")]
    EncodeCount {
        /// The limit.
        max: usize,
    },
    /// More sounds than can be mixed.
    #[error("{count} sounds: at most {max} can be mixed")]
    SoundCount {
        /// How many were asked for.
        count: usize,
        /// The limit.
        max: usize,
    },
    /// A sound that is not there.
    #[error("there is no sound {index}: {count} are mixed, counted from 0")]
    NoSuchSound {
        /// The one that was asked for.
        index: usize,
        /// How many there are.
        count: usize,
    },
    /// A sound's setting that cannot be.
    #[error("a sound's {name} is {value}, it can be {least} to {most}")]
    SoundSetting {
        /// What was set, and its unit.
        name: &'static str,
        /// To what.
        value: f32,
        /// The least it can be.
        least: f32,
        /// The most it can be.
        most: f32,
    },
    /// These sources already feed a broadcast.
    #[error("these sources are already on air")]
    AlreadyLive,
    /// Neither picture nor sound was asked for.
    #[error("there is neither picture nor sound to send")]
    NothingToSend,
    /// The operating system refused a thread.
    #[error("thread {name} could not be started: {source}")]
    Thread {
        /// The thread's name.
        name: &'static str,
        /// The operating system's reason.
        source: std::io::Error,
    },
}

impl Error {
    /// The media file that it is about, where it is about one.
    #[must_use]
    pub fn file(&self) -> Option<&std::path::Path> {
        match self {
            Error::Capture(capture::Error::File { path, .. } | capture::Error::Missing { path, .. }) => {
                Some(path)
            }
            _ => None,
        }
    }

    /// Whether something was asked for that cannot be, rather than something that failed.
    #[must_use]
    pub fn is_wrong_use(&self) -> bool {
        use encode::Error::{Range, Size, Unusable};
        match self {
            Error::Encode(Unusable { .. } | Size { .. } | Range { .. }) => true,
            Error::Scene(_)
            | Error::Destination { .. }
            | Error::CodecRefused { .. }
            | Error::Certificates(_)
            | Error::Recording { .. }
            | Error::DestinationCount { .. }
            | Error::NoReplay
            | Error::Length { .. }
            | Error::EncodeCount { .. }
            | Error::SoundCount { .. }
            | Error::NoSuchSound { .. }
            | Error::SoundSetting { .. }
            | Error::NothingToSend => true,
            Error::Capture(_) | Error::Encode(_) | Error::AlreadyLive | Error::Thread { .. } => false,
        }
    }
}

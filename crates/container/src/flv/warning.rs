//! What is left out of a publisher's stream, counted, and told in words.

use std::fmt;

/// What was not passed on, and why; all count from the start of the stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Video packets before an IDR picture.
    pub before_idr: u64,
    /// Bodies that could not be read.
    pub malformed: u64,
    /// Packets whose stamps belonged to an older clock, or whose time was taken.
    pub misplaced: u64,
    /// Sound that came before its track could be given out.
    pub early_audio: u64,
    /// Gaps in the sound.
    pub audio_gaps: u64,
    /// Frames flagged as keyframes that are no IDR pictures.
    pub keyframes_not_idr: u64,
    /// How often the publisher's clock was set back.
    pub clock_restarts: u64,
    /// Video packets that came while no parameters were known.
    pub without_parameters: u64,
    /// Packets of further tracks.
    pub further_tracks: u64,
}

impl Counters {
    /// Video packets that were lost to viewers.
    #[must_use]
    pub fn dropped_video(&self) -> u64 {
        self.before_idr + self.without_parameters + self.malformed + self.misplaced
    }

    pub(super) fn warnings(&self) -> Vec<Warning> {
        let all = [
            (self.keyframes_not_idr, Warning::OpenGop { keyframes: self.keyframes_not_idr }),
            (self.without_parameters, Warning::NoParameters { packets: self.without_parameters }),
            (self.further_tracks, Warning::FurtherTracks),
            (self.malformed, Warning::Malformed { bodies: self.malformed }),
            (self.audio_gaps, Warning::AudioGaps { gaps: self.audio_gaps }),
            (self.clock_restarts, Warning::ClockRestarts { times: self.clock_restarts }),
        ];
        all.into_iter().filter(|(count, _)| *count > 0).map(|(_, warning)| warning).collect()
    }
}

/// A fact the publisher should know, in words by `Display`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// Keyframes that are no IDR pictures.
    OpenGop {
        /// How many so far.
        keyframes: u64,
    },
    /// Video that came before the parameters without which it cannot be decoded.
    NoParameters {
        /// Packets so far.
        packets: u64,
    },
    /// More tracks than one of a kind.
    FurtherTracks,
    /// Bodies that could not be read.
    Malformed {
        /// How many so far.
        bodies: u64,
    },
    /// Gaps in the sound.
    AudioGaps {
        /// How many so far.
        gaps: u64,
    },
    /// The clock was set back.
    ClockRestarts {
        /// How often so far.
        times: u64,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Warning::OpenGop { keyframes } => {
                write!(f, "{keyframes} keyframes cannot be joined at (open GOP): switch to closed GOP")
            }
            Warning::NoParameters { packets } => write!(
                f,
                "{packets} video packets came without the parameter sets that decoders need: \
                 let the encoder send its headers"
            ),
            Warning::FurtherTracks => {
                write!(f, "only the first video and the first audio track are taken: switch multitrack off")
            }
            Warning::Malformed { bodies } => {
                write!(f, "{bodies} packets could not be read and were left out")
            }
            Warning::AudioGaps { gaps } => write!(f, "the sound has {gaps} gaps"),
            Warning::ClockRestarts { times } => write!(f, "the timestamps were set back {times} times"),
        }
    }
}

//! What a running broadcast tells.

use std::time::Duration;

use crate::{DestinationState, LinkStatistics, NoRoom, RecordingStatus, ReplacedEncoder, Shape};

/// The state of a broadcast; a new one is published once a second and at every change of a destination.
#[derive(Clone, Debug)]
pub struct Status {
    /// One entry for each destination, in the order of the configuration.
    pub destinations: Vec<DestinationStatus>,
    /// The video encoder's name, e.g. `libx264`; `None` when only sound is sent.
    pub encoder: Option<String>,
    /// The video encoder that failed, and that [`Status::encoder`] took over from at a keyframe.
    pub replaced_encoder: Option<ReplacedEncoder>,
    /// What the picture encoder aims at, which follows a weak network; of no meaning when only sound is sent.
    pub picture: Shape,
    /// What [`crate::Broadcast::ease`] would make of it; `None` when nothing is smaller.
    pub easier: Option<Shape>,
    /// Frames encoded a second, over the last second.
    pub fps: f64,
    /// Bits encoded a second, over the last second, video and audio together.
    pub bitrate_bps: u64,
    /// The recording on this computer, while there is one and after it.
    pub recording: Option<RecordingStatus>,
    /// The replay that was saved last.
    pub replay: Option<RecordingStatus>,
    /// Frames encoded since the start.
    pub frames: u64,
    /// Frames that were captured, or were due, and not encoded because the encoder was late.
    pub dropped_frames: u64,
    /// Ticks for which no new frame was there, so the last one was sent again.
    pub repeated_frames: u64,
    /// Samples per channel replaced by silence because the device or the machine was late.
    pub silent_samples: u64,
    /// Time since the start.
    pub duration: Duration,
    /// The picture source (the sound source, where there is no picture) has come to its end, or an encoder
    /// failed. After a picture's end its last one is sent until another scene is shown; after a failure nothing follows.
    pub source_ended: bool,
    /// Why an encoder failed, in words.
    pub failure: Option<String>,
}

/// One destination of a broadcast.
#[derive(Clone, Debug)]
pub struct DestinationStatus {
    /// Its name in the configuration.
    pub name: String,
    /// What it is doing.
    pub state: DestinationState,
    /// Bytes handed to the network.
    pub sent_bytes: u64,
    /// Video frames handed to the network.
    pub sent_frames: u64,
    /// Video frames left out because this destination's network was too slow or away.
    pub dropped_frames: u64,
    /// Media waiting to be sent, here and in the system's own buffers; over SRT also what is not acknowledged.
    pub queued: Duration,
    /// Bits handed to the network each second, over the last second.
    pub sent_bps: u64,
    /// What the network says of the present connection; `None` while there is none.
    pub link: Option<LinkStatistics>,
    /// Which encode it gets.
    pub encode: DestinationEncode,
}

/// Which encode a destination gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DestinationEncode {
    /// The broadcast's, [`Status::picture`].
    Shared,
    /// The broadcast's, and loses pictures, since its network carries less than that while another destination's carries it.
    TooMuch {
        /// Why it cannot have an encode of its own; without a reason [`crate::Broadcast::let_apart`] gives it one.
        no_room: Option<NoRoom>,
    },
    /// Another one than the broadcast's.
    Own {
        /// What it aims at.
        picture: Shape,
        /// The encoder's name.
        encoder: Option<String>,
        /// Because its network carries less than the others'; else because it was asked for ([`crate::Destination::picture`]).
        while_weak: bool,
    },
}

impl Status {
    /// Whether every destination has given up.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.destinations
            .iter()
            .all(|destination| matches!(destination.state, DestinationState::Failed { .. }))
    }
}

/// What a broadcast did.
#[derive(Clone, Debug)]
pub struct Summary {
    /// The last status; its destinations are `Ended` or `Failed`.
    pub status: Status,
    /// The teardown took longer than allowed, so connections were cut instead of closed.
    pub cut_short: bool,
}

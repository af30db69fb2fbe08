//! One live session: sources, pacing, encoders and destinations, wired together.
//!
//! [`Sources::open`] starts capture and gives a preview and a meter; [`Broadcast::start`] puts what
//! they deliver on air, and [`Broadcast::end`] takes it off again within two seconds, whatever the
//! network does. `rostrum-cast`, the desktop app and the tests call exactly these.
//!
//! Threads and tasks all have an owner: capture threads belong to [`Sources`], encoder threads and
//! one task for each destination to [`Broadcast`]. Dropping the owner stops them.
//!
//! Sound is the timing master: [`capture::AvSync`] makes one gap-free line of each sound's samples, the mixer adds them, pictures are moved by its
//! distance from the clock and leave on an absolute grid, and the packets of both encoders are merged by time.

mod adaptation;
mod delay_line;
mod destination;
mod encoder_speed;
mod encoder_state;
mod encodes;
mod encoding;
mod error;
mod frame_queue;
mod interleaver;
mod ladder;
mod levels;
mod live;
mod mixer;
mod network;
mod obs_profile;
mod outlets;
mod pacer;
mod picture;
mod picture_encoder;
mod program;
mod recorder;
mod replay;
mod reporter;
pub mod scene;
mod service_rules;
mod sound;
mod sounds;
mod sources;
mod status;
mod threads;

pub use capture::{
    AudioDevice, AudioInput, Camera, CameraFormat, CameraPixels, Devices, Grab, InputError, Region, Screen,
    ScreenPermission, Trouble, TroubleKind, VideoInput, Window, devices,
};
pub use destination::{Destination, PictureSettings};
pub use encode::probe::child_main as encoder_trial;
pub use encode::still::Still;
pub use encode::{
    Choice as EncoderChoice, Found as FoundEncoder, Speed as EncoderSpeed, VideoCodec, encoders,
    encoders_anew,
};
pub use encoder_speed::encoder_speed;
pub use encoder_state::ReplacedEncoder;
pub use encodes::NoRoom;
pub use error::Error;
pub use ladder::Shape;
pub use levels::{Levels, Loudness, SoundLevels};
pub use live::{Broadcast, Config};
pub use media::{Size, Span, VideoFrame};
pub use mixer::{Sound, SoundSettings};
pub use obs_profile::{ObsProfile, ObsProfileError};
pub use publish::{
    Cause, CauseKind, LinkStatistics, Service, State as DestinationState, TargetError, with_srt_option,
};
pub use recorder::{RecordingState, RecordingStatus, numbered};
pub use service_rules::ServiceAdvice;
pub use sources::{Sources, SourcesConfig};
pub use status::{DestinationEncode, DestinationStatus, Status, Summary};

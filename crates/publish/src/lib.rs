//! Packets to one remote ingest; owns dropping and reconnecting.
//!
//! A [`Publisher`] is one task with one [`SendQueue`]. Whoever encodes pushes into it and is never held up;
//! what the network does is a [`State`]. [`SendQueue`], [`Reconnect`] and [`Adaptive`] are sans-IO: what to drop, how
//! long to wait and how many bits to aim at is decided without a clock or a socket. `rtmp.rs` alone knows the RTMP library, `srt_caller.rs`
//! crate `srt`, `tcp.rs` TLS and what the system tells of a connection, `network/` what the system reports of the network.

mod adaptive;
mod cause;
mod driver;
mod keyframe_request;
mod link;
mod network;
mod publisher;
mod reconnect;
mod rtmp;
mod send_queue;
mod services;
mod srt_caller;
mod srt_path;
mod state;
mod target;
mod tcp;
mod trust;
mod under_way;

pub use adaptive::{Adaptive, Limits, Look};
pub use cause::{Cause, CauseKind};
pub use keyframe_request::KeyframeRequest;
pub use link::LinkStatistics;
pub use network::NetworkWatch;
pub use publisher::{Feed, Progress, Publisher};
pub use reconnect::{Reconnect, Try};
pub use send_queue::SendQueue;
pub use services::Service;
pub use state::State;
pub use target::{Target, TargetError, with_srt_option};
pub use trust::{Trust, TrustError};

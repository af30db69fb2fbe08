//! Packets to one remote ingest; owns dropping and reconnecting.
//!
//! A [`Publisher`] is one task with one [`SendQueue`]. Whoever encodes pushes into it and is never held up;
//! what the network does is a [`State`]. [`SendQueue`] and [`Reconnect`] are sans-IO: what to drop and how
//! long to wait is decided without a clock or a socket. `rtmp.rs` alone knows the RTMP library.

mod keyframe_request;
mod publisher;
mod reconnect;
mod rtmp;
mod send_queue;
mod state;
mod target;

pub use keyframe_request::KeyframeRequest;
pub use publisher::{Feed, Progress, Publisher};
pub use reconnect::{Reconnect, Try};
pub use send_queue::SendQueue;
pub use state::State;
pub use target::{Target, TargetError};

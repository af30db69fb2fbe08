//! Adaptive renditions: one coded picture stream to several smaller ones, aligned with it.
//!
//! [`Ladder`] decodes the source's packets once, scales each rung from the next larger one and encodes every
//! rung as H.264, on threads of its own. What leaves has no B-frames, an IDR picture for each of the source's
//! and no other, the source's presentation times and its decoding times: a segment cut at an IDR picture
//! of the source begins at the same media time in every rung, and a player may change between them there.
//!
//! Nobody waits for the ladder: [`Ladder::push`] gives a packet away or leaves it out. When the processor cannot
//! keep up, the rung of least value is dropped with a [`Notice`]. It comes back, at an IDR picture, when there has been room
//! for it for a minute; longer each time that this was too soon, since a rendition that comes and goes disturbs its viewers
//! more than one that is not there.

mod budget;
mod decoder;
mod encoder;
mod notice;
mod rendition;
mod rungs;
mod stamps;
mod threads;
mod transcoder;
mod worker;

pub use notice::Notice;
pub use rungs::{Height, Rung, choose, cost_in_cores};
pub use transcoder::{Config, Ladder, Output};

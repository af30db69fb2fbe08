//! Two ends of SRT on this machine.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod both_ways;
mod harness;
mod hostile;
mod loss;
mod refusal;
mod second_implementation;

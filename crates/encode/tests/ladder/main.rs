//! Renditions of real clips: aligned with their source, decodable, alike, and given up in time.

mod alignment;
mod clip;
mod likeness;
mod overload;

//! What a viewer gets: playlists that keep the rules, and every packet once.

mod decoding;
mod fuzzing;
mod reader;
mod rules;
mod rungs;
mod sessions;
mod snapshots;

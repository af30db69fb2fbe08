//! An origin on real sockets, with FFmpeg as the publisher.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod chat;
mod command_line;
mod deleted_account;
mod flv;
mod full_disk;
mod gates;
mod gifts;
mod harness;
mod hostile;
mod hostile_chat;
mod interaction;
mod killed;
mod lane;
mod leaving_rooms;
mod lossy_network;
mod on_air;
mod over_srt;
mod presence;
mod program;
mod publishing;
mod recording;
mod recording_parts;
mod retention;
mod tls;
mod uploads;
mod webhooks;
mod websocket;
mod without_delimiters;
mod wrong_keys;

//! End-to-end tests: whole programs, real browsers, real publishers and players. No two of them share a port, a folder,
//! a display or a sound server.

// What a test prints is shown when it fails, and is how it tells a person what it measured.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

mod accounts;
mod app_speed;
mod architecture;
mod bad_input;
mod browser_broadcast;
mod browser_sources;
mod cast;
mod described_api;
mod desktop;
mod desktop_breaks;
mod desktop_class;
mod desktop_destinations;
mod desktop_first_run;
mod desktop_hotkeys;
mod desktop_internet;
mod desktop_keychain;
mod desktop_mixer;
mod desktop_origin;
mod desktop_replay;
mod desktop_report;
mod desktop_rows;
mod desktop_scenes;
mod desktop_sources;
mod desktop_system;
mod desktop_views;
mod foreign_sound;
mod full_class;
mod gifts;
mod harness;
mod he_aac;
mod interaction;
mod newer_codecs;
mod obs;
mod outgoing_tls;
mod owner_pages;
mod page_looks;
mod page_weight;
mod players;
mod playlist_lint;
mod publish_to_playback;
mod reconnect;
mod renditions;
mod replay;
mod room_life;
mod room_tools;
mod soak;
mod sources;
mod switching;
mod video_file;
mod wayland_screen;
mod weak_destination;
mod weak_network;

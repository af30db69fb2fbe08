//! Ingest, Low-Latency HLS, rooms, chat and accounts in one server.
//!
//! [`Origin::start`] opens the data folder and binds the listeners, [`Origin::run`] drives them until
//! it is told to stop. The command `rostrum-origin`, the desktop app and the tests call exactly these.
//!
//! The parts meet in few places: [`store`] is the only SQL, `streams` is where a publisher's window
//! and its viewers meet, `people` is where sockets and the rules of crate `rooms` meet. Chat never
//! touches a packet and packets never touch the store.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may panic"))]

mod accounts;
mod archive;
mod attendance;
mod audience;
pub mod backup;
mod callers;
pub mod cli;
mod clock;
mod config;
mod data_folder;
mod doors;
mod facts;
mod gates;
mod health;
mod http;
mod ingest;
mod memory_file;
mod observer;
mod origin;
mod outlets;
mod people;
mod people_here;
mod player_link;
mod recordings;
mod room_picture;
mod secret;
mod state;
mod still;
pub mod store;
mod streams;
mod threads;
mod thumbnail;
mod tls;
#[cfg(feature = "transcode")]
mod transcode;
#[cfg(not(feature = "transcode"))]
#[path = "transcode_off.rs"]
mod transcode;
mod uploads;
mod webhooks;
mod wire;

pub use config::{
    AccountSettings, Config, ConfigError, HlsSettings, Limits, MailSettings, Network, NetworkError,
    Overrides, RecordingSettings, Registration, TlsSettings, TranscodeSettings, UploadSettings,
};
pub use data_folder::{Folder, FolderError, RunFile};
pub use http::api_description;
pub use observer::{Observer, Overview, RoomOverview};
pub use origin::{Addresses, LocalOwner, Origin, StartError};
pub use people_here::{PersonHere, Silenced};
pub use rooms::frame::Role;
pub use tls::{OwnCertificate, TlsError};

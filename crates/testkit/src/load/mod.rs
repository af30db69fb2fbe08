//! Load for measurements: many players, many waiters, many publishers, as cheap for the machine as can be.

mod chat;
mod http;
mod players;
mod publisher;
mod waiters;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::Parser;
use serde_json::Value;

/// One measurement.
#[derive(Debug, Parser)]
pub enum Load {
    /// Players that follow a live playlist and throw away what they receive.
    Play {
        /// The multivariant or media playlist: `http://HOST:PORT/PATH`.
        url: String,
        /// How many.
        #[arg(long, default_value_t = 100)]
        players: usize,
        /// For how long they play, seconds, from the moment the last has joined.
        #[arg(long, default_value_t = 20)]
        seconds: u64,
        /// Parts and blocking reloads instead of whole segments.
        #[arg(long)]
        low_latency: bool,
    },
    /// Requests that all wait for the same next part, and how long after the publisher's frame each is answered.
    Wait {
        /// The multivariant or media playlist.
        url: String,
        /// Where the clip is published: `rtmp://HOST:PORT/APP/KEY`.
        #[arg(long)]
        publish: String,
        /// An FLV file; it is published again and again.
        #[arg(long)]
        clip: PathBuf,
        /// How many wait.
        #[arg(long, default_value_t = 200)]
        waiters: usize,
        /// For how many parts.
        #[arg(long, default_value_t = 30)]
        parts: usize,
    },
    /// Many who read a chat and some who write, and how late each line comes.
    Chat {
        /// The WebSocket, as `http://HOST:PORT/PATH`.
        url: String,
        /// Where lines are posted, when they are not written over the WebSocket.
        #[arg(long)]
        post: Option<String>,
        /// The server's process.
        #[arg(long)]
        pid: u32,
        /// How many read.
        #[arg(long, default_value_t = 2_000)]
        sockets: usize,
        /// Lines a second.
        #[arg(long, default_value_t = 20)]
        rate: usize,
        /// For how long lines are written, seconds.
        #[arg(long, default_value_t = 20)]
        seconds: u64,
    },
    /// Publishers that come, send a second of media as fast as it is taken, and go; one after the other.
    Cycle {
        /// Where: `rtmp://HOST:PORT/APP/KEY`.
        url: String,
        /// An FLV file whose first second is sent.
        #[arg(long)]
        clip: PathBuf,
        /// How many.
        #[arg(long, default_value_t = 1_000)]
        count: usize,
    },
}

/// Runs a measurement and prints what it found.
///
/// # Errors
/// When the server cannot be reached or does not answer as the measurement needs.
#[expect(clippy::print_stdout, reason = "the figures are what the program is for")]
pub fn run(load: Load) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let figures: Value = match load {
        Load::Play { url, players, seconds, low_latency } => {
            runtime.block_on(players::play(&url, players, Duration::from_secs(seconds), low_latency))?
        }
        Load::Wait { url, publish, clip, waiters, parts } => {
            let clip = publisher::Clip::read(&clip)?;
            runtime.block_on(waiters::wait(&url, &publish, clip, waiters, parts))?
        }
        Load::Chat { url, post, pid, sockets, rate, seconds } => {
            let length = Duration::from_secs(seconds);
            runtime.block_on(chat::chat(chat::Plan { url, post, sockets, rate, length, pid }))?
        }
        Load::Cycle { url, clip, count } => {
            let clip = publisher::Clip::read(&clip)?;
            runtime.block_on(publisher::cycle(&url, &clip, count))?
        }
    };
    println!("{figures}");
    Ok(())
}

//! What a person asks of a running command by signals.

use std::io;
use std::path::PathBuf;

use broadcast::{Broadcast, Error, numbered};
#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Ctrl-C, or a polite kill.
pub struct Interrupts {
    #[cfg(unix)]
    signals: [Signal; 2],
}

impl Interrupts {
    /// From now on.
    pub fn new() -> io::Result<Interrupts> {
        #[cfg(unix)]
        let signals = [signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?];
        Ok(Interrupts {
            #[cfg(unix)]
            signals,
        })
    }

    /// Waits for the next one.
    pub async fn next(&mut self) {
        #[cfg(unix)]
        {
            let [interrupt, terminate] = &mut self.signals;
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        }
        #[cfg(not(unix))]
        // Without a console there is no Ctrl-C to wait for.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    }
}

/// USR1: the replay is to be saved.
pub struct Replays {
    /// The next file, and its number.
    next: Option<(PathBuf, u32)>,
    #[cfg(unix)]
    signal: Option<Signal>,
}

impl Replays {
    /// To this file first; never without one.
    pub fn new(file: Option<PathBuf>) -> io::Result<Replays> {
        Ok(Replays {
            #[cfg(unix)]
            signal: file.is_some().then(|| signal(SignalKind::user_defined1())).transpose()?,
            next: file.map(|file| (file, 1)),
        })
    }

    /// Waits until somebody asks.
    pub async fn asked(&mut self) {
        #[cfg(unix)]
        if let Some(signal) = &mut self.signal {
            signal.recv().await;
            return;
        }
        std::future::pending().await
    }

    /// Saves to the next file that is not there yet. What goes wrong is told, and the broadcast goes on.
    pub fn save(&mut self, live: &mut Broadcast) {
        let Some((file, number)) = &mut self.next else { return };
        loop {
            let saved = live.save_replay(file);
            let taken = matches!(&saved, Err(Error::Recording { source, .. }) if source.kind() == io::ErrorKind::AlreadyExists);
            match saved {
                Ok(()) => tracing::info!(file = %file.display(), "the replay is saved"),
                Err(error) if !taken => return tracing::warn!(%error, "no replay"),
                Err(_) => {}
            }
            *number += 1;
            *file = numbered(file, *number);
            if !taken || *number > FILES_MAX {
                return;
            }
        }
    }
}

/// More replays than this in one folder are a mistake.
const FILES_MAX: u32 = 9_999;

//! The command `rostrum-cast`: what it accepts, what it prints, how it ends.

mod args;
mod lists;
mod picture_arg;
mod run;
mod signals;
mod sound_arg;
mod stats;

use std::io::{IsTerminal as _, Write};
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser};

use args::{Args, Command};

/// Exit codes: 0 done, 1 failed, 2 wrong use.
pub fn main() -> ExitCode {
    // clap prints and exits with 2 itself when the arguments cannot be read.
    let args = Args::parse();
    let log = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(LOG_FILTER));
    tracing_subscriber::fmt()
        .with_env_filter(log)
        .with_writer(std::io::stderr)
        // A file or a journal would keep the colours as characters.
        .with_ansi(
            std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty()),
        )
        .with_target(false)
        .init();
    let result = match args.command {
        Some(Command::Devices { json }) => lists::devices(json),
        Some(Command::Services { json }) => lists::services(json),
        Some(Command::Encoders { json }) => lists::encoders(json),
        Some(Command::Man { folder }) => {
            clap_mangen::generate_to(Args::command(), folder).map_err(Failure::from)
        }
        None => run::broadcast(args.broadcast),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Nobody is left to tell when stderr is closed.
            let _ = writeln!(std::io::stderr(), "rostrum-cast: {failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}

/// Why the command did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Wrong use.
    #[error("{0}")]
    Use(String),
    /// It was used rightly and failed.
    #[error("{0}")]
    Failed(String),
}

impl Failure {
    fn exit_code(&self) -> u8 {
        match self {
            Failure::Use(_) => 2,
            Failure::Failed(_) => 1,
        }
    }
}

impl From<broadcast::Error> for Failure {
    fn from(error: broadcast::Error) -> Failure {
        if error.is_wrong_use() {
            Failure::Use(error.to_string())
        } else {
            Failure::Failed(error.to_string())
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Failure {
        Failure::Failed(error.to_string())
    }
}

/// The PulseAudio client calls every closed connection an error, and the client of D-Bus warns of a portal's objects that have no
/// properties; ours are told by `capture`.
const LOG_FILTER: &str = "info,pulseaudio=off,zbus=error";

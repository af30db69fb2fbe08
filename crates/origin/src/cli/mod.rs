//! The command line of `rostrum-origin`.

mod admin;
mod client;
mod room;
mod serve;

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, CommandFactory as _, Parser, Subcommand};
use rooms::Slug;
use thiserror::Error;

use crate::accounts::AccountError;
use crate::backup::{self, Contents};
use crate::config::{Config, ConfigError, Overrides};
use crate::data_folder::{Folder, FolderError};
use crate::origin::StartError;
use crate::store::{Store, StoreError};
use crate::tls::Tls;
use client::{Client, ClientError};

/// Rostrum's origin: takes a stream, serves it as Low-Latency HLS, and hosts the rooms around it.
#[derive(Debug, Parser)]
#[command(name = "rostrum-origin", version)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    place: Place,
}

/// What every command takes.
#[derive(Debug, Args)]
struct Place {
    /// The data folder
    #[arg(long, global = true, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The settings file; without it, rostrum.toml in the working folder if there is one
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the origin
    Serve {
        /// Where HTTP listens; port 0 takes a free one
        #[arg(long, value_name = "ADDR")]
        http: Option<SocketAddr>,
        /// Where RTMP listens; port 0 takes a free one
        #[arg(long, value_name = "ADDR")]
        rtmp: Option<SocketAddr>,
        /// Where HTTP over TLS listens (8443 is usual); without it, nowhere
        #[arg(long, value_name = "ADDR")]
        https: Option<SocketAddr>,
        /// Where RTMP over TLS listens (1936 is usual); without it, nowhere
        #[arg(long, value_name = "ADDR")]
        rtmps: Option<SocketAddr>,
        /// Where SRT listens, UDP; port 0 takes a free one
        #[arg(long, value_name = "ADDR")]
        srt: Option<SocketAddr>,
    },
    /// Administrators
    #[command(subcommand)]
    Admin(Admin),
    /// Rooms and their stream keys
    #[command(subcommand)]
    Room(Room),
    /// Write everything that the data folder holds to one file (tar), while an origin runs on it or not
    Backup {
        /// The file; one that is there is replaced
        file: PathBuf,
    },
    /// The settings
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Write the manual pages, one for each command
    #[command(hide = true)]
    Man {
        /// A folder that exists
        folder: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
enum Admin {
    /// Make an administrator; without --password-stdin a password is made up and printed
    Create {
        /// 1 to 32 letters or digits of any script, _ or -
        name: String,
        /// Read the password from the first line of standard input
        #[arg(long)]
        password_stdin: bool,
    },
}

#[derive(Debug, Subcommand)]
enum Room {
    /// Make a room and print its stream key, the only time that it is shown
    Create {
        /// 1 to 64 of a-z, 0-9, -
        slug: Slug,
        /// Its name for people
        #[arg(long)]
        title: Option<String>,
        /// The owner's account; without it, the first admin or whoever becomes that
        #[arg(long, value_name = "NAME")]
        owner: Option<String>,
        /// Record its broadcasts
        #[arg(long)]
        record: bool,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Make a new stream key; a publisher that uses the old one is disconnected
    Key {
        /// The room
        slug: Slug,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// List all rooms
    List {
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Say whether the settings are good, and print them as they are merged
    Check,
}

/// Why a command failed.
#[derive(Debug, Error)]
#[expect(missing_docs, reason = "each message says it")]
pub enum CliError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Folder(#[from] FolderError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{0}")]
    Backup(String),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Account(#[from] AccountErrorText),
    #[error(transparent)]
    Client(#[from] ClientErrorText),
    #[error("standard input or output: {0}")]
    Stdio(#[from] std::io::Error),
    #[error("signal handling: {0}")]
    Signal(std::io::Error),
}

/// An account that was not made, in words.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct AccountErrorText(String);

/// What the running origin, or the way to it, said.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct ClientErrorText(String);

impl From<AccountError> for CliError {
    fn from(error: AccountError) -> CliError {
        CliError::Account(AccountErrorText(error.to_string()))
    }
}

impl From<ClientError> for CliError {
    fn from(error: ClientError) -> CliError {
        CliError::Client(ClientErrorText(error.to_string()))
    }
}

impl CliError {
    /// One clear line on standard error; the exit code is 1.
    #[must_use]
    pub fn report(&self) -> ExitCode {
        // When even standard error is gone, the exit code has to do.
        let _ = writeln!(std::io::stderr(), "rostrum-origin: {self}");
        ExitCode::from(1)
    }
}

/// Does what the command line says. Wrong use has ended the program before, with exit code 2.
///
/// # Errors
/// [`CliError`], in one line.
pub async fn run(cli: Cli) -> Result<(), CliError> {
    let Cli { command, place } = cli;
    if let Command::Man { folder } = command {
        return Ok(clap_mangen::generate_to(Cli::command(), folder)?);
    }
    let mut overrides = Overrides { config: place.config, data: place.data, ..Overrides::default() };
    if let Command::Serve { http, rtmp, srt, https, rtmps } = command {
        (overrides.http, overrides.rtmp, overrides.srt) = (http, rtmp, srt);
        (overrides.https, overrides.rtmps) = (https, rtmps);
        return serve::run(Config::load(&overrides)?).await;
    }
    let config = Config::load(&overrides)?;
    match command {
        Command::Serve { .. } | Command::Man { .. } => unreachable!("done above"),
        Command::Config(ConfigCommand::Check) => check(&config),
        Command::Backup { file } => back_up(&config, &file),
        Command::Admin(Admin::Create { name, password_stdin }) => {
            admin::create(&config, &name, password_stdin).await
        }
        Command::Room(Room::Create { slug, title, owner, record, json }) => {
            room::create(&config, room::New { slug, title, owner, record }, json).await
        }
        Command::Room(Room::Key { slug, json }) => room::key(&config, slug, json).await,
        Command::Room(Room::List { json }) => room::list(&config, json).await,
    }
}

fn back_up(config: &Config, file: &Path) -> Result<(), CliError> {
    let size = backup::write(&config.data, file, Contents::Everything)
        .map_err(|error| CliError::Backup(error.to_string()))?;
    writeln!(std::io::stdout(), "backup {} ({size} bytes)", file.display())?;
    Ok(())
}

fn check(config: &Config) -> Result<(), CliError> {
    Tls::check(&config.tls).map_err(StartError::from)?;
    Ok(write!(std::io::stdout(), "{}", config.to_text())?)
}

/// The origin that runs on the data folder, or the folder itself when none does.
enum Target {
    Running(Client),
    Store { store: Store, _folder: Folder },
}

fn target(config: &Config) -> Result<Target, CliError> {
    match Folder::lock(&config.data) {
        Ok(folder) => Ok(Target::Store { store: Store::open(&folder.database())?, _folder: folder }),
        Err(FolderError::Locked { path, pid }) => match crate::data_folder::read_run(&config.data) {
            Some(run) => Ok(Target::Running(Client::new(run))),
            // It is starting or stopping, or another command has the folder.
            None => Err(FolderError::Locked { path, pid }.into()),
        },
        Err(error) => Err(error.into()),
    }
}

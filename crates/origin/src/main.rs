//! The command `rostrum-origin`.

use std::process::ExitCode;

use clap::Parser as _;
use origin::cli::{Cli, run};

#[tokio::main]
async fn main() -> ExitCode {
    match run(Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error.report(),
    }
}

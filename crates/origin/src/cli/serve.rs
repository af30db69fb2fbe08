//! `rostrum-origin serve`.

use std::io::{IsTerminal as _, Write as _};

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use super::CliError;
use crate::config::Config;
use crate::origin::Origin;

/// Runs until SIGINT or SIGTERM. Addresses and `ready` go to standard output, logs to standard error.
pub(super) async fn run(config: Config) -> Result<(), CliError> {
    let filter = EnvFilter::try_from_env("ROSTRUM_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let coloured = std::io::stderr().is_terminal();
    let logs = tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(coloured);
    logs.with_env_filter(filter).init();
    let mut interrupt = signal(SignalKind::interrupt()).map_err(CliError::Signal)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(CliError::Signal)?;
    let origin = Origin::start(config).await?;
    let addresses = origin.addresses();
    if let Some(link) = origin.set_up_link().await? {
        writeln!(
            std::io::stderr(),
            "nobody administers this origin yet: open {link} once, or run `rostrum-origin admin create NAME` with \
             the same --data"
        )?;
    }
    let mut out = std::io::stdout();
    writeln!(out, "http {}\nrtmp {}\nsrt {}", addresses.http, addresses.rtmp, addresses.srt)?;
    for (protocol, address) in [("https", addresses.https), ("rtmps", addresses.rtmps)] {
        if let Some(address) = address {
            writeln!(out, "{protocol} {address}")?;
        }
    }
    writeln!(out, "ready")?;
    out.flush()?;
    let shutdown = CancellationToken::new();
    let running = origin.run(shutdown.clone());
    tokio::pin!(running);
    tokio::select! {
        () = &mut running => return Ok(()),
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    shutdown.cancel();
    running.await;
    Ok(())
}

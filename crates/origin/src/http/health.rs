//! How the server does, for its administrators and for programs that watch it.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::{HeaderMap, header};
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::access::{Admin, Caller, Identity};
use super::client_address::ClientAddress;
use super::problem::Problem;
use super::rooms::fresh;
use crate::clock::unix_ms;
use crate::health::{self, Sample, Span, Usage};
use crate::state::Shared;

/// How far back to look.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct HealthSpan {
    /// An hour, a day or a week; an hour when it is not said.
    #[serde(default)]
    #[param(inline)]
    span: Span,
}

/// The figures of some time.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HealthAnswer {
    /// Between two samples, where the server ran. Over a day or a week each of them is the mean of that time; viewers,
    /// publishers and rooms are the most that there were.
    interval_ms: i64,
    /// Unix time in milliseconds at which the figures begin, had the server run all the time.
    from_ms: i64,
    /// And end.
    to_ms: i64,
    /// Cores of the machine.
    cores: usize,
    /// The oldest first.
    samples: Vec<Sample>,
}

/// What the server uses and serves, over the last hour, day or week.
#[utoipa::path(
    get,
    path = "/api/v1/health",
    tag = "server",
    params(HealthSpan),
    responses(
        (status = 200, description = "A sample every ten seconds, five minutes or half an hour.", body = HealthAnswer),
        (status = 403, description = "Only administrators may."),
    ),
)]
pub(crate) async fn show(
    State(shared): State<Arc<Shared>>,
    Admin(_): Admin,
    Query(HealthSpan { span }): Query<HealthSpan>,
) -> Result<impl IntoResponse, Problem> {
    let (interval_ms, to_ms) = (span.interval_ms(), unix_ms());
    let from_ms = to_ms - span.length_ms();
    let samples = health::over(&shared, span, to_ms).await?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Ok(fresh(HealthAnswer { interval_ms, from_ms, to_ms, cores, samples }))
}

/// The figures of now, for Prometheus.
///
/// To programs of this machine, and to administrators. Prometheus text format 0.0.4.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "health",
    responses(
        (status = 200, description = "The figures.", body = String, content_type = "text/plain"),
        (status = 401, description = "Nobody known asks from elsewhere."),
        (status = 403, description = "Whoever asks is neither here nor an administrator."),
    ),
)]
pub(crate) async fn metrics(
    State(shared): State<Arc<Shared>>,
    Caller(caller): Caller,
    ClientAddress(address): ClientAddress,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Problem> {
    // What a proxy that is not configured passes on comes from anywhere.
    let passed_on = shared.config.proxies.is_empty() && headers.contains_key("x-forwarded-for");
    let here = address.to_canonical().is_loopback() && !passed_on;
    if !here && !caller.as_ref().is_some_and(Identity::is_admin) {
        return Err(match caller {
            Some(_) => Problem::forbidden("these figures are for this machine, and for administrators"),
            None => Problem::unknown_caller(),
        });
    }
    let usage = health::usage(shared.config.data.clone()).await.unwrap_or_default();
    let headers = [
        (header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, text(usage, health::sample(&shared, usage, usage, Duration::ZERO))))
}

fn text(usage: Usage, now: Sample) -> String {
    let mut text = String::new();
    let mut tell = |name: &str, kind: &str, help: &str, value: f64| {
        // Writing to a text does not fail.
        let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n");
    };
    let cpu = "Processor time of the origin since its start.";
    tell("process_cpu_seconds_total", "counter", cpu, usage.cpu_ms as f64 / 1_000.0);
    tell("process_resident_memory_bytes", "gauge", "Memory of the origin.", now.memory_bytes as f64);
    tell("rostrum_disk_bytes", "gauge", "Size of the data folder's disk.", now.disk_bytes as f64);
    tell("rostrum_disk_used_bytes", "gauge", "Used of the data folder's disk.", now.disk_used_bytes as f64);
    tell("rostrum_viewers", "gauge", "Viewers of all rooms.", f64::from(now.viewers));
    tell("rostrum_publishers", "gauge", "Publishers.", f64::from(now.publishers));
    tell("rostrum_rooms_live", "gauge", "Rooms that are live.", f64::from(now.rooms_live));
    let ingest = "Media that publishers send, bits per second.";
    tell("rostrum_ingest_bits_per_second", "gauge", ingest, now.ingest_bps as f64);
    let sent = "Sent by the machine, loopback not counted.";
    tell("rostrum_machine_sent_bytes_total", "counter", sent, usage.sent_bytes as f64);
    let received = "Received by the machine, loopback not counted.";
    tell("rostrum_machine_received_bytes_total", "counter", received, usage.received_bytes as f64);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_has_its_help_its_type_and_a_number() {
        let text =
            text(Usage { cpu_ms: 1_500, ..Usage::default() }, Sample { viewers: 7, ..Sample::default() });
        assert!(text.contains("\nprocess_cpu_seconds_total 1.5\n") && text.contains("\nrostrum_viewers 7\n"));
        for lines in text.lines().collect::<Vec<_>>().chunks(3) {
            let [help, kind, value] = lines else { panic!("{lines:?}") };
            let (name, number) = value.split_once(' ').unwrap();
            assert!(
                help.starts_with(&format!("# HELP {name} ")) && kind.starts_with(&format!("# TYPE {name} "))
            );
            number.parse::<f64>().unwrap();
        }
    }
}

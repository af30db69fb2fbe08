//! What only a room's owner and admins are told and what does not change while they look: where an encoder connects,
//! and how long recordings stay.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::IntoResponse;
use serde::Serialize;
use utoipa::ToSchema;

use super::access::Known;
use super::description::RoomPath;
use super::ingest::without_port;
use super::problem::Problem;
use super::rooms::{fresh, managed};
use super::secure::Scheme;
use crate::recordings::Keeping;
use crate::state::Shared;

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OwnerAnswer {
    /// The stream key's last four characters.
    key_last_four: String,
    addresses: Addresses,
    keeping: Keeping,
}

/// Where encoders connect, by protocol. The key follows RTMP's; in the others it stands as `{key}`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EncoderAddresses)]
struct Addresses {
    rtmp: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    rtmps: Option<String>,
    srt: String,
    websocket: String,
}

/// What only the owner is told.
///
/// Where an encoder connects, and how long recordings stay.
#[utoipa::path(
    get,
    path = "/api/v1/rooms/{room}/owner",
    tag = "rooms",
    params(RoomPath),
    responses(
        (status = 200, description = "For the owner and administrators.", body = OwnerAnswer),
        (status = 403, description = "The room is somebody else's."),
    ),
)]
pub(crate) async fn show(
    State(shared): State<Arc<Shared>>,
    Path(slug): Path<String>,
    Known(identity): Known,
    Scheme(scheme): Scheme,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Problem> {
    let record = managed(&shared, &slug, &identity).await?;
    let bound = shared.addresses;
    let asked = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let authority = asked.map_or_else(|| bound.http.to_string(), str::to_owned);
    let socket = if scheme == "https" { "wss" } else { "ws" };
    let addresses = Addresses {
        rtmp: format!("rtmp://{}/live", reached(bound.rtmp, asked)),
        rtmps: bound.rtmps.map(|address| format!("rtmps://{}/live", reached(address, asked))),
        srt: format!("srt://{}?streamid=publish:{{key}}", reached(bound.srt, asked)),
        websocket: format!("{socket}://{authority}/api/v1/ingest?room={}", record.slug),
    };
    let keeping = shared.recordings.keeping().await?;
    Ok(fresh(OwnerAnswer { key_last_four: record.key_last_four, addresses, keeping }))
}

/// How a listener is reached by whoever reached this origin under `asked`: one that listens everywhere under the
/// same name, one that listens at an address at that.
pub(super) fn reached(bound: SocketAddr, asked: Option<&str>) -> String {
    match asked.map(without_port) {
        Some(host) if bound.ip().is_unspecified() => format!("{host}:{}", bound.port()),
        _ if bound.ip().is_unspecified() => format!("127.0.0.1:{}", bound.port()),
        _ => bound.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_is_reached_as_the_page_was() {
        for (bound, asked, expected) in [
            ("0.0.0.0:1935", Some("live.example:8080"), "live.example:1935"),
            ("[::]:1935", Some("[2001:db8::7]:8080"), "[2001:db8::7]:1935"),
            ("0.0.0.0:1935", Some("[2001:db8::7]"), "[2001:db8::7]:1935"),
            ("0.0.0.0:1935", Some("live.example"), "live.example:1935"),
            ("127.0.0.1:1935", Some("live.example"), "127.0.0.1:1935"),
            ("0.0.0.0:1935", None, "127.0.0.1:1935"),
        ] {
            assert_eq!(reached(bound.parse().unwrap(), asked), expected, "{bound} asked as {asked:?}");
        }
    }
}

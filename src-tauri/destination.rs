//! The destination there is today, the origin inside the app, and what it reports.

use broadcast::Summary;

use crate::go_live;
use crate::hosting::Hosted;

/// The one destination there is today.
pub(crate) fn this_computer(hosted: &Hosted) -> broadcast::Destination {
    broadcast::Destination {
        name: THIS_COMPUTER.to_owned(),
        url: hosted.ingest_url(),
        key: Some(hosted.owner.stream_key().to_owned()),
    }
}

/// The figures of a broadcast that has ended.
pub(crate) fn outcome(summary: &Summary) -> go_live::Outcome {
    let sent = summary.status.destinations.first();
    let seconds = summary.status.duration.as_secs_f64().max(1.0);
    let bits = sent.map_or(0, |sent| sent.sent_bytes * 8);
    go_live::Outcome {
        average_bitrate_bps: (bits as f64 / seconds) as u64,
        dropped_frames: summary.status.dropped_frames + sent.map_or(0, |sent| sent.dropped_frames),
    }
}

/// The origin inside the app; the window has its own words for it.
pub(crate) const THIS_COMPUTER: &str = "This computer";

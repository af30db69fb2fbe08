//! What a connection counts.

use std::time::Duration;

use crate::ffi::TraceStatistics;

/// A connection's figures; counts are from its beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Statistics {
    /// Since the socket was made.
    pub age: Duration,
    /// There and back, smoothed.
    pub round_trip: Duration,
    /// What the path is estimated to carry, in bits per second.
    pub capacity_bps: u64,
    /// From this end to the peer.
    pub sent: Direction,
    /// From the peer to this end.
    pub received: Direction,
    /// Packets that could not be decrypted.
    pub undecrypted: u64,
    /// Packets sent and not acknowledged.
    pub in_flight: u64,
}

/// One direction of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Direction {
    /// Packets, repeated ones too.
    pub packets: u64,
    /// Bytes of them with their headers.
    pub bytes: u64,
    /// Packets that were missing when they were looked for, most of which came when repeated.
    pub lost: u64,
    /// Packets that were repeated.
    pub retransmitted: u64,
    /// Packets that came too late or never, so that what they carried is gone.
    pub dropped: u64,
    /// What waits: to be acknowledged when sent, to be read when received.
    pub buffered: Duration,
    /// The same in bytes, with the headers of its packets.
    pub buffered_bytes: u64,
    /// How long each packet is kept back so that a lost one can be repeated.
    pub latency: Duration,
    /// Bits per second, from the beginning.
    pub rate_bps: u64,
}

impl Statistics {
    pub(crate) fn read(raw: &TraceStatistics) -> Statistics {
        Statistics {
            age: milliseconds(raw.msTimeStamp),
            round_trip: Duration::try_from_secs_f64(raw.msRTT / 1_000.0).unwrap_or_default(),
            capacity_bps: bits(raw.mbpsBandwidth),
            sent: Direction {
                packets: count(raw.pktSentTotal),
                bytes: raw.byteSentTotal,
                lost: count(raw.pktSndLossTotal),
                retransmitted: count(raw.pktRetransTotal),
                dropped: count(raw.pktSndDropTotal),
                buffered: milliseconds(raw.msSndBuf),
                buffered_bytes: count(raw.byteSndBuf),
                latency: milliseconds(raw.msSndTsbPdDelay),
                rate_bps: bits(raw.mbpsSendRate),
            },
            received: Direction {
                packets: count(raw.pktRecvTotal),
                bytes: raw.byteRecvTotal,
                lost: count(raw.pktRcvLossTotal),
                retransmitted: count(raw.pktRcvRetrans),
                dropped: count(raw.pktRcvDropTotal),
                buffered: milliseconds(raw.msRcvBuf),
                buffered_bytes: count(raw.byteRcvBuf),
                latency: milliseconds(raw.msRcvTsbPdDelay),
                rate_bps: bits(raw.mbpsRecvRate),
            },
            undecrypted: count(raw.pktRcvUndecryptTotal),
            in_flight: count(raw.pktFlight[2]),
        }
    }
}

/// A count as libsrt has it; below zero it has passed the end of its type and says nothing.
fn count(raw: impl Into<i64>) -> u64 {
    u64::try_from(raw.into()).unwrap_or(0)
}

fn milliseconds(raw: impl Into<i64>) -> Duration {
    Duration::from_millis(count(raw))
}

/// Bits per second of libsrt's megabits; what is no number becomes 0.
fn bits(megabits: f64) -> u64 {
    (megabits * 1e6) as u64
}

//! One connection, whatever it speaks.

use std::time::Duration;

use media::MediaEvent;

use crate::target::Way;
use crate::tcp::{self, Stream, Watch};
use crate::{Cause, Target, rtmp, srt_caller};

/// A connection on which the server has accepted our stream.
pub(crate) enum Link {
    Rtmp(Box<rtmp::Connection<Box<dyn Stream>>>, Watch),
    Srt(Box<srt_caller::Connection>),
}

/// What the network says of a connection; counts are from its beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkStatistics {
    /// There and back, smoothed.
    pub round_trip: Duration,
    /// Packets that were repeated.
    pub retransmitted: u64,
    /// Packets sent and not acknowledged.
    pub in_flight: u64,
    /// Packets that the other end missed, most of which were repeated in time; SRT only.
    pub lost: u64,
    /// Packets that could not be repeated in time, so that what they carried is gone; SRT only.
    pub dropped: u64,
    /// How long the other end keeps each packet back so that a lost one can be repeated; SRT only.
    pub latency: Duration,
}

/// What was accepted from us and has not left, or not arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Behind {
    /// Bytes that the kernel has not sent.
    Bytes(usize),
    /// Media that is not acknowledged.
    Time(Duration),
}

impl Link {
    /// Connects and asks to publish. The caller limits the time.
    pub(crate) async fn connect(target: &Target) -> Result<Link, Cause> {
        match &target.way {
            Way::Rtmp(rtmp) => {
                let (stream, watch) = tcp::connect(rtmp, &target.trust).await?;
                let connection = rtmp::Connection::publish(stream, rtmp).await?;
                Ok(Link::Rtmp(Box::new(connection), watch))
            }
            Way::Srt(srt) => Ok(Link::Srt(Box::new(srt_caller::Connection::call(srt).await?))),
        }
    }

    /// Queues one event for sending.
    pub(crate) fn queue(&mut self, event: &MediaEvent) -> Result<(), Cause> {
        match self {
            Link::Rtmp(connection, _) => connection.queue(event),
            Link::Srt(connection) => connection.queue(event),
        }
    }

    /// Bytes that wait for the socket.
    pub(crate) fn pending(&self) -> usize {
        match self {
            Link::Rtmp(connection, _) => connection.pending(),
            Link::Srt(connection) => connection.pending(),
        }
    }

    /// Does what the socket is ready for; returns the bytes sent. May be dropped at any await.
    pub(crate) async fn turn(&mut self) -> Result<usize, Cause> {
        match self {
            Link::Rtmp(connection, _) => connection.turn().await,
            Link::Srt(connection) => connection.turn().await,
        }
    }

    /// Says goodbye. The caller limits the time.
    pub(crate) async fn goodbye(self) -> Result<(), Cause> {
        match self {
            Link::Rtmp(connection, _) => connection.goodbye().await,
            Link::Srt(connection) => {
                connection.goodbye().await;
                Ok(())
            }
        }
    }

    /// What the network says, and how far it is behind.
    pub(crate) fn statistics(&self) -> (LinkStatistics, Behind) {
        match self {
            Link::Rtmp(_, watch) => {
                let figures = watch.figures();
                let statistics = LinkStatistics {
                    round_trip: figures.round_trip,
                    retransmitted: figures.retransmitted,
                    in_flight: figures.in_flight,
                    ..LinkStatistics::default()
                };
                (statistics, Behind::Bytes(figures.unsent_bytes))
            }
            Link::Srt(connection) => {
                let Ok(figures) = connection.statistics() else {
                    return (LinkStatistics::default(), Behind::Time(Duration::ZERO));
                };
                let statistics = LinkStatistics {
                    round_trip: figures.round_trip,
                    retransmitted: figures.sent.retransmitted,
                    in_flight: figures.in_flight,
                    lost: figures.sent.lost,
                    dropped: figures.sent.dropped,
                    latency: figures.sent.latency,
                };
                (statistics, Behind::Time(figures.sent.buffered))
            }
        }
    }
}

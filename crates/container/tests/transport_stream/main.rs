//! MPEG-TS, from a synthetic source, from real encoders, and from anything at all.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod clips;
mod damage;
mod fuzzing;
mod sound;
mod tables;
mod writing;

use container::mpegts::{Demuxer, Error};
use media::{MediaEvent, Packet, StreamChecker, Track};

/// Every event of these bytes, handed in as SRT does, and held to the invariants.
fn demux(bytes: &[u8]) -> Result<(Vec<MediaEvent>, Demuxer), Error> {
    let (mut demuxer, mut checker) = (Demuxer::new(), StreamChecker::new());
    let mut events = Vec::new();
    let mut drain = |demuxer: &mut Demuxer| {
        while let Some(event) = demuxer.poll() {
            checker.check(&event).expect("the invariants of media");
            events.push(event);
        }
    };
    for message in bytes.chunks(1_316) {
        demuxer.push(message)?;
        drain(&mut demuxer);
    }
    demuxer.finish();
    drain(&mut demuxer);
    Ok((events, demuxer))
}

/// The tracks, each time they were given out.
fn tracks(events: &[MediaEvent]) -> Vec<Vec<Track>> {
    let tracks = events.iter().filter_map(|event| match event {
        MediaEvent::Tracks(tracks) => Some(tracks.to_vec()),
        _ => None,
    });
    tracks.collect()
}

/// The packets of pictures, or of sound.
fn packets(events: &[MediaEvent], video: bool) -> Vec<Packet> {
    let packets = events.iter().filter_map(|event| match event {
        MediaEvent::Packet(packet) if (packet.track.0 == 0) == video => Some(packet.clone()),
        _ => None,
    });
    packets.collect()
}

//! HTTP-FLV: what viewers of one broadcast are sent as one endless file.
//!
//! While nobody watches, only the packets since the last IDR are kept, which costs a reference each. The first
//! viewer has them written as tags; from then on each tag is written once and shared by all.
//!
//! Tags stand in a ring. A viewer holds a place in it, takes what is there, and waits; the one whose place
//! has left the ring was too slow. So a viewer can hold nothing up, and costs no queue of its own.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use container::flv::{self, Muxer};
use media::{MediaEvent, Packet, Span, Track};
use thiserror::Error;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::still::KeyFrame;

/// One broadcast's tags.
#[derive(Debug)]
pub(crate) struct Feed {
    inner: Mutex<Inner>,
    /// Counts what was added, for those who wait; `None` when nothing more comes.
    added: watch::Sender<Option<u64>>,
}

#[derive(Debug, Default)]
struct Inner {
    tracks: Option<Arc<[Track]>>,
    /// The packets since the last IDR: what the next viewer begins with when nobody watches.
    gop: Vec<Packet>,
    gop_bytes: usize,
    /// The newest picture that can be decoded alone.
    key_frame: Option<KeyFrame>,
    /// The tags, while somebody watches.
    ring: Option<Ring>,
    viewers: usize,
}

#[derive(Debug)]
struct Ring {
    muxer: Muxer,
    /// The file header and the sequence headers of the tracks from `join` on.
    header: Bytes,
    tags: VecDeque<Entry>,
    bytes: usize,
    /// The number of the first tag in the ring; numbers rise by one.
    first: u64,
    /// Where somebody who comes now begins: the last IDR. It may have left the ring.
    join: u64,
}

#[derive(Debug)]
struct Entry {
    at_ms: u32,
    tag: Bytes,
}

/// One viewer's place. Dropping it lets the feed forget its tags when it was the last.
#[derive(Debug)]
pub(crate) struct Viewer {
    feed: Arc<Feed>,
    added: watch::Receiver<Option<u64>>,
    at: Option<u64>,
    header: Option<Bytes>,
}

/// Why a viewer gets nothing more, or nothing at all.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(crate) enum Cut {
    #[error("the viewer was more than {} s or {} MiB behind", RING_SPAN.as_millis() / 1_000, RING_BYTES_MAX >> 20)]
    TooSlow,
}

impl Feed {
    pub(super) fn new() -> Arc<Feed> {
        Arc::new(Feed { inner: Mutex::default(), added: watch::Sender::new(Some(0)) })
    }

    /// Takes an event on the broadcast's clock.
    pub(super) fn push(&self, event: &MediaEvent) {
        let mut inner = self.lock();
        match event {
            MediaEvent::Tracks(tracks) => inner.announce(tracks),
            MediaEvent::Packet(packet) => inner.packet(packet),
            MediaEvent::End(_) => return,
        }
        let next = inner.ring.as_ref().map(Ring::next);
        drop(inner);
        if next.is_some() {
            self.added.send_replace(next);
        }
    }

    /// Nothing more comes: viewers end when they have what is there.
    pub(super) fn end(&self) {
        self.added.send_replace(None);
    }

    /// The newest picture that can be decoded alone.
    pub(crate) fn key_frame(&self) -> Option<KeyFrame> {
        self.lock().key_frame.clone()
    }

    /// Whether nothing more comes.
    pub(crate) fn has_ended(&self) -> bool {
        self.added.borrow().is_none()
    }

    /// Lets a viewer in. FLV has no word for some codecs; then it answers `None`.
    pub(crate) fn join(self: &Arc<Feed>) -> Option<Viewer> {
        let mut inner = self.lock();
        if inner.ring.is_none() {
            inner.ring = inner.written();
        }
        let ring = inner.ring.as_ref()?;
        // A GOP that has outgrown the ring cannot be begun: its viewer waits for the next.
        let at = Some(ring.join).filter(|join| *join >= ring.first);
        let header = Some(ring.header.clone()).filter(|_| at.is_some());
        inner.viewers += 1;
        drop(inner);
        Some(Viewer { feed: Arc::clone(self), added: self.added.subscribe(), at, header })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("nothing panics while it holds the feed")
    }
}

impl Inner {
    fn announce(&mut self, tracks: &Arc<[Track]>) {
        self.tracks = Some(Arc::clone(tracks));
        self.gop.clear();
        self.gop_bytes = 0;
        if let Some(ring) = &mut self.ring {
            ring.announce(tracks);
        }
    }

    fn packet(&mut self, packet: &Packet) {
        let tracks = self.tracks.as_deref().unwrap_or_default();
        let video = tracks.iter().find(|track| track.is_video());
        let begins = packet.random_access && video.is_none_or(|video| video.id == packet.track);
        if begins && let (Some(_), Some(tracks)) = (video, &self.tracks) {
            self.key_frame = Some(KeyFrame { tracks: Arc::clone(tracks), packet: packet.clone() });
        }
        if let Some(ring) = &mut self.ring {
            if begins {
                ring.join = ring.next();
            }
            ring.write(&MediaEvent::Packet(packet.clone()));
            ring.trim();
        }
        let outgrown = self.gop.first().is_some_and(|first| packet.dts - first.dts > RING_SPAN)
            || self.gop_bytes + packet.data.len() > RING_BYTES_MAX;
        if begins || outgrown {
            self.gop.clear();
            self.gop_bytes = 0;
        }
        // What follows a GOP that was given up is of no use before the next.
        if begins || !self.gop.is_empty() {
            self.gop_bytes += packet.data.len();
            self.gop.push(packet.clone());
        }
    }

    /// The kept packets as tags; `None` when FLV cannot hold the tracks, or there are none.
    fn written(&self) -> Option<Ring> {
        let tracks = self.tracks.as_ref()?;
        let mut ring = Ring {
            muxer: Muxer::new(),
            header: Bytes::new(),
            tags: VecDeque::new(),
            bytes: 0,
            first: 0,
            join: 0,
        };
        ring.header = ring.header_of(tracks)?;
        for packet in &self.gop {
            ring.write(&MediaEvent::Packet(packet.clone()));
        }
        if self.gop.is_empty() {
            // Nothing to begin with: an IDR will say where.
            ring.first = 1;
        }
        Some(ring)
    }
}

impl Ring {
    fn next(&self) -> u64 {
        self.first + self.tags.len() as u64
    }

    fn header_of(&mut self, tracks: &Arc<[Track]>) -> Option<Bytes> {
        let video = tracks.iter().any(Track::is_video);
        let audio = tracks.iter().any(|track| !track.is_video());
        let mut header = flv::file_header(video, audio).to_vec();
        for tag in self.muxer.push(&MediaEvent::Tracks(Arc::clone(tracks))).ok()? {
            header.extend_from_slice(&tag.framed()?);
        }
        Some(header.into())
    }

    fn announce(&mut self, tracks: &Arc<[Track]>) {
        // Viewers who came before read the new sequence headers between the tags.
        self.write(&MediaEvent::Tracks(Arc::clone(tracks)));
        if let Some(header) = self.header_of(tracks) {
            self.header = header;
        }
        self.join = self.next();
    }

    fn write(&mut self, event: &MediaEvent) {
        for tag in self.muxer.push(event).unwrap_or_default() {
            if let Some(framed) = tag.framed() {
                self.bytes += framed.len();
                self.tags.push_back(Entry { at_ms: tag.timestamp_ms, tag: framed });
            }
        }
    }

    fn trim(&mut self) {
        let newest = self.tags.back().map_or(0, |entry| entry.at_ms);
        let span_ms = RING_SPAN.as_millis() as u32;
        while let Some(entry) = self.tags.front() {
            // The stamps wrap; their distance does not.
            let behind = newest.wrapping_sub(entry.at_ms) as i32;
            if self.bytes <= RING_BYTES_MAX && behind <= span_ms as i32 {
                break;
            }
            self.bytes -= entry.tag.len();
            self.tags.pop_front();
            self.first += 1;
        }
    }
}

impl Viewer {
    /// The next tags, each whole; the first begin with the file's header. `None` when the broadcast has ended.
    ///
    /// # Errors
    /// [`Cut::TooSlow`] when the next tag has left the ring.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<Bytes>>, Cut> {
        loop {
            let ended = self.added.borrow_and_update().is_none();
            let tags = self.take()?;
            if !tags.is_empty() {
                return Ok(Some(tags));
            }
            // A publisher sends media or is ended, so that silence means that there is none.
            let more = timeout(RETURN_MAX, self.added.changed()).await;
            if ended || !matches!(more, Ok(Ok(()))) {
                return Ok(None);
            }
        }
    }

    /// Whether its next tag has left the ring.
    pub(crate) fn is_behind(&self) -> bool {
        let inner = self.feed.lock();
        inner.ring.as_ref().zip(self.at).is_some_and(|(ring, at)| at < ring.first)
    }

    fn take(&mut self) -> Result<Vec<Bytes>, Cut> {
        let inner = self.feed.lock();
        let Some(ring) = &inner.ring else { return Ok(Vec::new()) };
        let at = match self.at {
            Some(at) => at,
            // It waits for the next IDR, which is there when the place to begin is in the ring.
            None if ring.join >= ring.first && ring.join < ring.next() => {
                self.header = Some(ring.header.clone());
                ring.join
            }
            None => return Ok(Vec::new()),
        };
        let skip = at.checked_sub(ring.first).ok_or(Cut::TooSlow)?;
        let mut tags: Vec<Bytes> = self.header.take().into_iter().collect();
        tags.extend(ring.tags.iter().skip(skip as usize).map(|entry| entry.tag.clone()));
        self.at = Some(ring.next());
        Ok(tags)
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        let mut inner = self.feed.lock();
        inner.viewers -= 1;
        if inner.viewers == 0 {
            inner.ring = None;
        }
    }
}

/// How far a viewer may fall behind, and how old the IDR may be that one begins with.
const RING_SPAN: Span = Span::from_secs(10);
/// The same in bytes: ten seconds of 12 Mbit/s.
const RING_BYTES_MAX: usize = 16 << 20;
/// A publisher that returns later than this finds its viewers gone: they end, and may ask again.
const RETURN_MAX: Duration = Duration::from_secs(20);

#[cfg(test)]
#[path = "flv_tests.rs"]
mod tests;

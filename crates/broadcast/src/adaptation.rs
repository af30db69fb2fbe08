//! The task that lets an encode follow the network.
#![allow(clippy::disallowed_methods, reason = "this driver module looks at the network at intervals")]

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use media::Span;
use publish::{Adaptive, Limits};
use tokio::time::MissedTickBehavior;

use crate::encoding::Output;
use crate::ladder::{self, Ladder, Shape};
use crate::outlets::Outlet;

/// What the picture encoder is asked for, and what it was asked for last.
#[derive(Debug)]
pub(crate) struct Wanted(Mutex<Asked>);

#[derive(Debug)]
struct Asked {
    shape: Shape,
    is_news: bool,
    ceiling_bps: u32,
    /// What it was opened with.
    full: Shape,
    /// Steps from there that the computer was spared.
    eased: usize,
}

impl Asked {
    /// `shape`, no larger and no faster than the computer is to make it.
    fn within(&self, shape: Shape) -> Shape {
        let most = ladder::eased(self.full, self.eased).unwrap_or(self.full);
        let size = if shape.size.width > most.size.width { most.size } else { shape.size };
        Shape { size, fps: shape.fps.min(most.fps), ..shape }
    }

    /// The present shape within one step more.
    fn easier(&self) -> Option<Shape> {
        ladder::eased(self.full, self.eased + 1)?;
        let next = Asked { eased: self.eased + 1, ..*self };
        Some(next.within(self.shape))
    }
}

impl Wanted {
    /// What it was opened with; its bit rate is the ceiling.
    pub(crate) fn new(shape: Shape) -> Wanted {
        let ceiling_bps = shape.bitrate_bps;
        Wanted(Mutex::new(Asked { shape, is_news: false, ceiling_bps, full: shape, eased: 0 }))
    }

    /// Asks for another shape from the next picture on; the latest word counts.
    pub(crate) fn ask(&self, shape: Shape) {
        let mut asked = self.lock();
        let shape = asked.within(shape);
        asked.is_news |= asked.shape != shape;
        asked.shape = shape;
    }

    /// Asks for a smaller picture, or one with fewer frames, from the next one on. It stays so, whatever the network carries.
    pub(crate) fn ease(&self) {
        let mut asked = self.lock();
        if let Some(shape) = asked.easier() {
            asked.eased += 1;
            (asked.shape, asked.is_news) = (shape, true);
        }
    }

    /// What [`Wanted::ease`] would make of it; `None` when there is nothing smaller.
    pub(crate) fn easier(&self) -> Option<Shape> {
        self.lock().easier()
    }

    /// `shape` as far as it would be asked for.
    pub(crate) fn within(&self, shape: Shape) -> Shape {
        self.lock().within(shape)
    }

    /// Sets the most that a good network gets, and asks for it; what no encoder takes changes nothing.
    pub(crate) fn set_ceiling(&self, bitrate_bps: u32) {
        if !encode::BITRATES_BPS.contains(&bitrate_bps) {
            return;
        }
        let mut asked = self.lock();
        asked.is_news |= asked.shape.bitrate_bps != bitrate_bps;
        (asked.shape.bitrate_bps, asked.ceiling_bps) = (bitrate_bps, bitrate_bps);
    }

    /// What was asked for since the last time; `None` when nothing was.
    pub(crate) fn take(&self) -> Option<Shape> {
        let mut asked = self.lock();
        std::mem::take(&mut asked.is_news).then_some(asked.shape)
    }

    /// What was asked for last.
    pub(crate) fn shape(&self) -> Shape {
        self.lock().shape
    }

    /// The most that a good network gets.
    pub(crate) fn ceiling_bps(&self) -> u32 {
        self.lock().ceiling_bps
    }

    fn lock(&self) -> MutexGuard<'_, Asked> {
        // Each value is sound by itself, whatever happened to another thread.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looks at every destination of one encode and asks the encoder for what the best of them carries.
///
/// One encode serves all: as long as one network carries everything, the weak ones drop frames instead of making the
/// picture worse for everybody. Only when all are weak does the encode follow.
pub(crate) struct Adaptation {
    links: Vec<(Arc<Outlet>, Adaptive)>,
    ladder: Ladder,
    limits: Limits,
    output: Arc<Output>,
    started: Instant,
}

impl Adaptation {
    /// From what the output's encoder is opened with down to `floor_bps` of it.
    pub(crate) fn new(output: Arc<Output>, floor_bps: u32) -> Adaptation {
        let full = output.wanted.shape();
        let ladder = Ladder::new(full, floor_bps);
        let limits = Limits {
            floor_bps: ladder.least_bps().min(full.bitrate_bps),
            ceiling_bps: full.bitrate_bps,
            beside_bps: BESIDE_BPS,
            delay: output.stream_delay(),
        };
        Adaptation { links: Vec::new(), ladder, limits, output, started: Instant::now() }
    }

    /// Until it is dropped.
    pub(crate) async fn run(mut self) {
        let mut interval = tokio::time::interval(Adaptive::EVERY.into());
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            interval.tick().await;
            let at = self.started.elapsed().into();
            self.follow_the_ceiling(at);
            self.follow_the_outlets(at);
            let before = self.output.wanted.shape();
            let Some(shape) = self.look(at) else { continue };
            let shape = self.output.wanted.within(shape);
            if shape != before {
                let Shape { size, fps, bitrate_bps } = shape;
                tracing::info!(
                    bitrate_bps,
                    width = size.width,
                    height = size.height,
                    fps,
                    "following the network"
                );
                self.output.wanted.ask(shape);
            }
        }
    }

    fn follow_the_ceiling(&mut self, at: Span) {
        let (before, ceiling_bps) = (self.limits.ceiling_bps, self.output.wanted.ceiling_bps());
        if ceiling_bps == before {
            return;
        }
        self.ladder.set_ceiling(ceiling_bps);
        let floor_bps = self.ladder.least_bps().min(ceiling_bps);
        self.limits = Limits { floor_bps, ceiling_bps, ..self.limits };
        for (outlet, adaptive) in &mut self.links {
            // Who carried all there was may carry more.
            let carried_bps = outlet.carried_bps().filter(|&carried| carried < before);
            *adaptive = begun(self.limits, carried_bps, at);
        }
    }

    /// What is known of a destination stays with it.
    fn follow_the_outlets(&mut self, now: Span) {
        let mut known = std::mem::take(&mut self.links);
        let link = |outlet: Arc<Outlet>| {
            let at = known.iter().position(|(other, _)| Arc::ptr_eq(other, &outlet));
            // What is known of the network from another encode holds for this one too.
            let begin = || begun(self.limits, outlet.carried_bps(), now);
            let adaptive = at.map_or_else(begin, |at| known.swap_remove(at).1);
            (outlet, adaptive)
        };
        let all = self.output.outlets.all().into_iter();
        self.links = all.filter(|outlet| outlet.encode() == self.output.id).map(link).collect();
    }

    /// The shape for now; `None` while nobody is reached, since nothing is known then.
    fn look(&mut self, at: Span) -> Option<Shape> {
        let mut best = None;
        for (outlet, adaptive) in &mut self.links {
            if !outlet.is_live() {
                adaptive.reconnected();
                continue;
            }
            let Some((when, look)) = outlet.feed.progress().look else { continue };
            let at = when.saturating_duration_since(self.started).into();
            let aimed_bps = adaptive.look(at, &look);
            outlet.set_carried_bps(adaptive.sustained_bps());
            best = best.max(Some((aimed_bps, adaptive.sustained_bps())));
        }
        let (aimed_bps, sustained_bps) = best?;
        Some(self.ladder.look(at, sustained_bps, aimed_bps))
    }
}

fn begun(limits: Limits, carried_bps: Option<u32>, at: Span) -> Adaptive {
    carried_bps.map_or_else(|| Adaptive::new(limits), |bps| Adaptive::starting_at(limits, bps, at))
}

/// Sound as it is sent when nobody asks for less, and what containers and their headers add.
const BESIDE_BPS: u32 = encode::Audio::BITRATE_BPS + 32_000;

#[cfg(test)]
mod tests {
    use media::Size;

    use super::*;

    const FULL: Shape = Shape { size: Size::new(1_280, 720), fps: 30, bitrate_bps: 2_500_000 };

    #[test]
    fn a_picture_that_spares_the_computer_stays_small_whatever_the_network_carries() {
        let wanted = Wanted::new(FULL);
        wanted.ease();
        let small = Shape { size: Size::new(960, 540), ..FULL };
        assert_eq!(wanted.take(), Some(small));
        wanted.ask(FULL);
        assert_eq!((wanted.take(), wanted.shape()), (None, small));
        wanted.ask(Shape { size: Size::new(640, 360), bitrate_bps: 300_000, ..FULL });
        assert_eq!(wanted.take().map(|shape| shape.size.height), Some(360));
        wanted.ask(FULL);
        assert_eq!(wanted.take(), Some(small));
    }

    #[test]
    fn a_bit_rate_that_no_encoder_takes_changes_nothing() {
        let wanted = Wanted::new(FULL);
        [0, 49_999, 100_000_001].into_iter().for_each(|bps| wanted.set_ceiling(bps));
        assert_eq!((wanted.take(), wanted.shape(), wanted.ceiling_bps()), (None, FULL, FULL.bitrate_bps));
        wanted.set_ceiling(50_000);
        assert_eq!(wanted.take().map(|shape| shape.bitrate_bps), Some(50_000));
    }

    #[test]
    fn sparing_the_computer_ends_where_nothing_is_smaller() {
        let wanted = Wanted::new(FULL);
        let all: Vec<(u32, u32)> = std::iter::from_fn(|| {
            let easier = wanted.easier()?;
            wanted.ease();
            assert_eq!(wanted.shape(), easier);
            Some((easier.size.height, easier.fps))
        })
        .collect();
        assert_eq!(all, [(540, 30), (360, 30), (360, 15)]);
        wanted.take();
        wanted.ease();
        assert_eq!(wanted.take(), None);
    }
}

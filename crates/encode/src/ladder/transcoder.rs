//! A ladder: its threads, what goes in and out of them, and which rungs run.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use media::{Codec, Packet, Picture, Span, Timestamp, Track, TrackId};

use crate::Error;
use crate::ladder::budget::{Budget, LAG_MAX, Use, Verdict};
use crate::ladder::decoder::Decoder;
use crate::ladder::rendition::Rendition;
use crate::ladder::rungs::{self, Rung};
use crate::ladder::stamps::Source;
use crate::ladder::worker::{Shared, Worker, decode};
use crate::ladder::{Height, Notice};

/// How to make renditions.
#[derive(Clone, Debug)]
pub struct Config {
    /// Which, as far as they are clearly smaller than the source.
    pub heights: Vec<Height>,
    /// How much of the processor they may take together.
    pub cores_max: f64,
    /// The track that their packets will belong to.
    pub track: TrackId,
}

/// What a ladder gives out.
#[derive(Clone, Debug)]
pub enum Output {
    /// The parameters of a rung; before its packets, and again when it comes back.
    Track {
        /// Which of [`Ladder::rungs`].
        rung: usize,
        /// Its track.
        track: Track,
    },
    /// A picture of a rung, with the source's times.
    Packet {
        /// Which of [`Ladder::rungs`].
        rung: usize,
        /// What [`Ladder::push`] was given with the source's packet.
        tag: u32,
        /// The picture.
        packet: Packet,
    },
    /// A rung ended: nothing more will come of it, unless its track is told again.
    Ended {
        /// Which of [`Ladder::rungs`].
        rung: usize,
    },
    /// Something to be told.
    Notice(Notice),
}

/// Renditions of one video track while it runs: a thread that decodes, and one for each rung.
///
/// Dropping it ends the threads, within the time one picture takes.
pub struct Ladder {
    rungs: Vec<Rung>,
    input: Option<SyncSender<Source>>,
    /// Locked by nobody: the lock only lets the ladder be referred to from several threads.
    output: Option<Mutex<Receiver<Output>>>,
    own: VecDeque<Output>,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    budget: Budget,
    dropped: Vec<Dropped>,
    /// How much media came.
    clock: Span,
    /// The same when a packet went into the decoder last.
    sent: Span,
    last_dts: Option<Timestamp>,
    /// Packets are left out up to the next IDR picture.
    skipping: bool,
    told_behind: bool,
}

/// A rung that may come back.
#[derive(Clone, Copy, Debug)]
struct Dropped {
    rung: usize,
    /// What it took of the processor.
    cores: f64,
}

impl Ladder {
    /// Begins renditions of a video track of `codec`; `None` when there is nothing to make. What the processor has
    /// no room for is told as a [`Notice`].
    ///
    /// # Errors
    /// When there is no decoder for it or a thread cannot be started.
    pub fn start(codec: &Codec, config: &Config) -> Result<(Option<Ladder>, Vec<Notice>), Error> {
        let (rungs, left_out) = rungs::choose(codec, &config.heights, config.cores_max);
        let notices = left_out.iter().map(|rung| Notice::NoRoom { rung: rung.height }).collect();
        let Some(picture) = codec.picture().filter(|_| !rungs.is_empty()) else {
            return Ok((None, notices));
        };
        let decoder = Decoder::open(codec)?;
        let flags = || rungs.iter().map(|_| AtomicI64::new(0));
        let shared = Arc::new(Shared {
            stop: AtomicBool::new(false),
            active: rungs.iter().map(|_| AtomicBool::new(true)).collect(),
            taken: AtomicI64::new(0),
            decoded: AtomicI64::new(0),
            done: flags().collect(),
            cpu: flags().chain([AtomicI64::new(0)]).collect(),
        });
        let (output, outputs) = sync_channel(OUTPUT_MAX);
        let (input, jobs) = sync_channel(INPUT_MAX);
        let mut ladder = Ladder {
            input: Some(input),
            output: Some(Mutex::new(outputs)),
            own: VecDeque::new(),
            shared,
            threads: Vec::with_capacity(rungs.len() + 1),
            budget: Budget::new(config.cores_max),
            dropped: Vec::new(),
            clock: Span::ZERO,
            sent: Span::ZERO,
            last_dts: None,
            skipping: true,
            told_behind: false,
            rungs,
        };
        ladder.spawn(decoder, jobs, &output, &picture, config.track)?;
        Ok((Some(ladder), notices))
    }

    /// The rungs, largest first; those that were dropped included.
    #[must_use]
    pub fn rungs(&self) -> &[Rung] {
        &self.rungs
    }

    /// Whether a rung is still made.
    #[must_use]
    pub fn is_active(&self, rung: usize) -> bool {
        self.shared.active.get(rung).is_some_and(|active| active.load(Ordering::Relaxed))
    }

    /// How much media waits for the processor: before the decoder, and for the slowest rung. Pictures that the
    /// decoder keeps until it is their turn do not count.
    #[must_use]
    pub fn lag(&self) -> Span {
        let flicks = |of: &AtomicI64| of.load(Ordering::Acquire);
        let active = (0..self.rungs.len()).filter(|&rung| self.is_active(rung));
        let done = active.map(|rung| flicks(&self.shared.done[rung])).min();
        let decoded = flicks(&self.shared.decoded);
        let Some(after) = done.map(|done| (decoded - done).max(0)) else { return Span::ZERO };
        self.sent - Span::from_flicks(flicks(&self.shared.taken)) + Span::from_flicks(after)
    }

    /// Processor time that was taken so far.
    #[must_use]
    pub fn cpu_time(&self) -> Span {
        Span::from_flicks(self.shared.cpu.iter().map(|cpu| cpu.load(Ordering::Relaxed)).sum())
    }

    /// The next packet of the track. Never waits: when the rungs are too far behind it is left out, and all that
    /// follow up to an IDR picture. `tag` comes back with what is made of it.
    pub fn push(&mut self, packet: &Packet, tag: u32) {
        self.push_with(packet, tag, false);
    }

    /// The same; `begins`: a segment of the source begins with it, and so the rungs have an IDR picture there even
    /// where the source has none.
    pub fn push_with(&mut self, packet: &Packet, tag: u32, begins: bool) {
        let step = self.last_dts.map_or(Span::ZERO, |last| packet.dts - last);
        self.last_dts = Some(packet.dts);
        self.clock += step.max(Span::ZERO).min(STEP_MAX);
        self.judge();
        if !self.shared.any_active(0) {
            self.skipping = true;
            return;
        }
        let lag = self.lag();
        if self.skipping && (!packet.random_access || lag > LAG_MAX) {
            return;
        }
        self.skipping = false;
        if lag > SKIP_FROM {
            self.skip();
            return;
        }
        let Some(input) = &self.input else { return };
        match input.try_send(Source { packet: packet.clone(), tag, clock: self.clock, begins }) {
            Ok(()) => self.sent = self.clock,
            Err(TrySendError::Full(_)) => self.skip(),
            // The decoder has given up, and said why.
            Err(TrySendError::Disconnected(_)) => self.input = None,
        }
    }

    /// The next output, or `None` when there is none yet.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.own.pop_front().or_else(|| self.outputs()?.try_recv().ok())
    }

    /// The next output; waits for it at most `timeout`.
    pub fn wait_output(&mut self, timeout: Duration) -> Option<Output> {
        self.own.pop_front().or_else(|| self.outputs()?.recv_timeout(timeout).ok())
    }

    /// No more packets come: everything that is inside, made ready. Waits for it.
    #[must_use]
    pub fn finish(mut self) -> Vec<Output> {
        self.input = None;
        let mut outputs: Vec<Output> = self.own.drain(..).collect();
        if let Some(output) = self.outputs() {
            outputs.extend(output.iter());
        }
        outputs
    }

    fn outputs(&mut self) -> Option<&mut Receiver<Output>> {
        Some(self.output.as_mut()?.get_mut().unwrap_or_else(PoisonError::into_inner))
    }

    fn skip(&mut self) {
        self.skipping = true;
        if !std::mem::replace(&mut self.told_behind, true) {
            self.own.push_back(Output::Notice(Notice::Behind));
        }
    }

    fn judge(&mut self) {
        // Before the first IDR picture nothing is late, and where nothing is made.
        let behind = self.skipping && self.sent > Span::ZERO && self.shared.any_active(0);
        let lag = if behind { self.lag().max(SKIP_FROM) } else { self.lag() };
        let returning = self.dropped.last().map(|dropped| dropped.cores);
        let now = Use { clock: self.clock, lag, cpu: self.cpu_time(), returning };
        match self.budget.judge(now) {
            Some(Verdict::Late) => self.drop_one(|rung| Notice::Dropped { rung }),
            Some(Verdict::TooDear) => self.drop_one(|rung| Notice::TooDear { rung }),
            Some(Verdict::Room) => self.bring_back(),
            None => {}
        }
    }

    fn drop_one(&mut self, notice: impl Fn(Height) -> Notice) {
        let active: Vec<bool> = (0..self.rungs.len()).map(|rung| self.is_active(rung)).collect();
        let Some(rung) = rungs::least_valuable(&self.rungs, &active) else { return };
        self.shared.active[rung].store(false, Ordering::Relaxed);
        let taken = Span::from_flicks(self.shared.cpu[rung].load(Ordering::Relaxed)).as_secs_f64();
        let cores = taken / self.clock.as_secs_f64().max(1.0);
        self.dropped.push(Dropped { rung, cores });
        self.own.extend([Output::Notice(notice(self.rungs[rung].height)), Output::Ended { rung }]);
    }

    /// The rung that was dropped last is the one of most value. Its track is told when its first picture is made.
    fn bring_back(&mut self) {
        let Some(Dropped { rung, .. }) = self.dropped.pop() else { return };
        // What went by meanwhile is not late.
        let decoded = self.shared.decoded.load(Ordering::Acquire);
        self.shared.done[rung].fetch_max(decoded, Ordering::Release);
        self.shared.active[rung].store(true, Ordering::Relaxed);
        self.own.push_back(Output::Notice(Notice::Returned { rung: self.rungs[rung].height }));
    }

    fn spawn(
        &mut self,
        decoder: Decoder,
        jobs: Receiver<Source>,
        output: &SyncSender<Output>,
        picture: &Picture,
        track: TrackId,
    ) -> Result<(), Error> {
        let mut below = None;
        for (index, rung) in self.rungs.clone().into_iter().enumerate().rev() {
            let (above, steps) = sync_channel(STEPS_MAX);
            let worker = Worker {
                index,
                rendition: Rendition::new(rung, picture, track),
                below: below.replace(above),
                output: output.clone(),
                shared: Arc::clone(&self.shared),
                announced: false,
            };
            self.thread(format!("ladder-{}", rung.height), move || worker.run(&steps))?;
        }
        let Some(top) = below else { return Ok(()) };
        let (shared, output) = (Arc::clone(&self.shared), output.clone());
        self.thread("ladder-decode".to_owned(), move || decode(decoder, &jobs, &top, &output, &shared))
    }

    fn thread(&mut self, name: String, run: impl FnOnce() + Send + 'static) -> Result<(), Error> {
        let spawned = std::thread::Builder::new().name(name.clone()).spawn(run);
        let unusable = |error: std::io::Error| Error::Unusable { name, reason: error.to_string() };
        self.threads.push(spawned.map_err(unusable)?);
        Ok(())
    }
}

impl std::fmt::Debug for Ladder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ladder")
            .field("rungs", &self.rungs)
            .field("clock", &self.clock)
            .finish_non_exhaustive()
    }
}

impl Drop for Ladder {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        // Without their other ends threads that wait are woken.
        self.input = None;
        self.output = None;
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the renditions panicked");
            }
        }
    }
}

/// Packets before the decoder: media is limited by [`SKIP_FROM`], this only against absurd frame rates.
const INPUT_MAX: usize = 512;

/// Pictures between two rungs; more would only be memory, up to 12 MB for each of 4K.
const STEPS_MAX: usize = 4;

/// Packets that the caller has not taken; then the rungs wait.
const OUTPUT_MAX: usize = 1_024;

/// Renditions further behind leave out what comes up to the next IDR picture.
const SKIP_FROM: Span = Span::from_millis(2_500);

/// A longer step is a jump of the publisher's clock.
const STEP_MAX: Span = Span::from_secs(1);

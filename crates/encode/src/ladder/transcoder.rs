//! The threads of a ladder, and what goes in and out of them.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use ffmpeg_next::frame;
use media::{Codec, Packet, Picture, Span, Timestamp, Track, TrackId};

use crate::Error;
use crate::ladder::budget::{Budget, LAG_MAX, Use, Verdict};
use crate::ladder::decoder::Decoder;
use crate::ladder::rendition::Rendition;
use crate::ladder::rungs::{self, Rung};
use crate::ladder::stamps::{Source, Stamp};
use crate::ladder::threads::cpu_time;
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
    /// The parameters of a rung; comes before its packets, and once.
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
    /// A rung ended: nothing more will come of it.
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
    /// How much media came.
    clock: Span,
    /// The same when a packet went into the decoder last.
    sent: Span,
    last_dts: Option<Timestamp>,
    /// Packets are left out up to the next IDR picture.
    skipping: bool,
    told_behind: bool,
}

/// A picture on its way down the rungs.
struct Step {
    picture: Arc<frame::Video>,
    stamp: Stamp,
}

/// What all threads see.
struct Shared {
    stop: AtomicBool,
    /// Which rungs are encoded.
    active: Vec<AtomicBool>,
    /// How much media the decoder has taken, in flicks.
    taken: AtomicI64,
    /// How much of it the decoder has given out: the rest waits inside for pictures that are shown earlier.
    decoded: AtomicI64,
    /// How much media each rung has put out, in flicks.
    done: Vec<AtomicI64>,
    /// Processor time of each thread, the decoder's last, in flicks.
    cpu: Vec<AtomicI64>,
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
        let after = done.map_or(0, |done| (decoded - done).max(0));
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
        // Before the first IDR picture nothing is late.
        let behind = self.skipping && self.sent > Span::ZERO;
        let lag = if behind { self.lag().max(SKIP_FROM) } else { self.lag() };
        let now = Use { clock: self.clock, lag, cpu: self.cpu_time() };
        let Some(verdict) = self.budget.judge(now) else { return };
        let active: Vec<bool> = (0..self.rungs.len()).map(|rung| self.is_active(rung)).collect();
        let Some(rung) = rungs::least_valuable(&self.rungs, &active) else { return };
        self.shared.active[rung].store(false, Ordering::Relaxed);
        let height = self.rungs[rung].height;
        let notice = match verdict {
            Verdict::Late => Notice::Dropped { rung: height },
            Verdict::TooDear => Notice::TooDear { rung: height },
        };
        self.own.extend([Output::Notice(notice), Output::Ended { rung }]);
        if active.iter().filter(|active| **active).count() == 1 {
            self.input = None;
        }
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

impl Shared {
    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn any_active(&self, from: usize) -> bool {
        self.active.iter().skip(from).any(|active| active.load(Ordering::Relaxed))
    }
}

fn decode(
    mut decoder: Decoder,
    jobs: &Receiver<Source>,
    top: &SyncSender<Step>,
    output: &SyncSender<Output>,
    shared: &Shared,
) {
    let mut pictures = Vec::new();
    let hand_down = |pictures: &mut Vec<(frame::Video, Stamp)>| {
        pictures.drain(..).all(|(picture, stamp)| {
            // The clock of reordered pictures goes to and fro; the newest counts.
            shared.decoded.fetch_max(stamp.clock.flicks(), Ordering::Release);
            top.send(Step { picture: Arc::new(picture), stamp }).is_ok()
        })
    };
    for source in jobs {
        if shared.is_stopped() {
            return;
        }
        if let Err(error) = decoder.decode(&source, &mut pictures) {
            let failed = Output::Notice(Notice::Failed { reason: error.to_string() });
            // Where nobody listens there is nobody to tell.
            let _ = output.send(failed);
            return;
        }
        shared.cpu[shared.active.len()].store(cpu_time().flicks(), Ordering::Relaxed);
        if !hand_down(&mut pictures) {
            return;
        }
        shared.taken.store(source.clock.flicks(), Ordering::Release);
    }
    if !shared.is_stopped() {
        decoder.finish(&mut pictures);
        hand_down(&mut pictures);
    }
}

/// The thread of one rung.
struct Worker {
    index: usize,
    rendition: Rendition,
    below: Option<SyncSender<Step>>,
    output: SyncSender<Output>,
    shared: Arc<Shared>,
    announced: bool,
}

impl Worker {
    fn run(mut self, steps: &Receiver<Step>) {
        let mut packets = Vec::new();
        for step in steps {
            if self.shared.is_stopped() || !self.shared.any_active(self.index) {
                return;
            }
            match self.step(&step, &mut packets) {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => return self.fail(&error),
            }
            let cpu = &self.shared.cpu[self.index];
            cpu.store(cpu_time().flicks(), Ordering::Relaxed);
        }
        self.end(packets);
    }

    /// Scales and encodes a picture; `false` when nobody listens any more.
    fn step(&mut self, step: &Step, packets: &mut Vec<(Packet, Stamp)>) -> Result<bool, Error> {
        let active = self.shared.active[self.index].load(Ordering::Relaxed);
        if self.rendition.shows(step.stamp) {
            let scaled = self.rendition.scale(&step.picture)?;
            if let Some(below) = &self.below {
                let sent = below.send(Step { picture: Arc::clone(&scaled), stamp: step.stamp });
                // The rung below has ended.
                self.below = self.below.take().filter(|_| sent.is_ok());
            }
            if active {
                self.rendition.encode(&scaled, step.stamp, packets)?;
            }
        }
        let listening = self.give_out(packets);
        let done = &self.shared.done[self.index];
        done.fetch_max(step.stamp.clock.flicks(), Ordering::Release);
        Ok(listening)
    }

    fn give_out(&mut self, packets: &mut Vec<(Packet, Stamp)>) -> bool {
        let rung = self.index;
        if !self.announced
            && let Some(track) = self.rendition.track()
        {
            self.announced = true;
            if self.output.send(Output::Track { rung, track: track.clone() }).is_err() {
                return false;
            }
        }
        let mut outputs =
            packets.drain(..).map(|(packet, stamp)| Output::Packet { rung, tag: stamp.tag, packet });
        outputs.all(|output| self.output.send(output).is_ok())
    }

    fn end(mut self, mut packets: Vec<(Packet, Stamp)>) {
        let rung = self.index;
        if self.rendition.finish(&mut packets).is_ok() {
            for (packet, stamp) in packets {
                let _ = self.output.send(Output::Packet { rung, tag: stamp.tag, packet });
            }
        }
        self.leave();
    }

    /// What fails here would fail again: the rung ends. Those below it, which are made of it, end with it.
    fn fail(self, error: &Error) {
        let reason = format!("{}: {error}", self.rendition.rung().height);
        let _ = self.output.send(Output::Notice(Notice::Failed { reason }));
        self.leave();
    }

    /// A rung that was dropped is told as ended by who dropped it.
    fn leave(self) {
        if self.shared.active[self.index].swap(false, Ordering::Relaxed) {
            let _ = self.output.send(Output::Ended { rung: self.index });
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

//! The threads' own work: the decoder's, and each rung's.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender};

use ffmpeg_next::frame;
use media::Packet;

use crate::Error;
use crate::ladder::decoder::Decoder;
use crate::ladder::rendition::Rendition;
use crate::ladder::stamps::{Source, Stamp};
use crate::ladder::threads::cpu_time;
use crate::ladder::{Notice, Output};

/// A picture on its way down the rungs.
pub(crate) struct Step {
    pub(crate) picture: Arc<frame::Video>,
    pub(crate) stamp: Stamp,
}

/// What all threads see.
pub(crate) struct Shared {
    pub(crate) stop: AtomicBool,
    /// Which rungs are encoded. One that is not may be again: its thread stays.
    pub(crate) active: Vec<AtomicBool>,
    /// How much media the decoder has taken, in flicks.
    pub(crate) taken: AtomicI64,
    /// How much of it the decoder has given out: the rest waits inside for pictures that are shown earlier.
    pub(crate) decoded: AtomicI64,
    /// How much media each rung has put out, in flicks.
    pub(crate) done: Vec<AtomicI64>,
    /// Processor time of each thread, the decoder's last, in flicks.
    pub(crate) cpu: Vec<AtomicI64>,
}

/// The thread of one rung.
pub(crate) struct Worker {
    pub(crate) index: usize,
    pub(crate) rendition: Rendition,
    pub(crate) below: Option<SyncSender<Step>>,
    pub(crate) output: SyncSender<Output>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) announced: bool,
}

impl Shared {
    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    pub(crate) fn any_active(&self, from: usize) -> bool {
        self.active.iter().skip(from).any(|active| active.load(Ordering::Relaxed))
    }
}

/// The decoder's thread.
pub(crate) fn decode(
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

impl Worker {
    pub(crate) fn run(mut self, steps: &Receiver<Step>) {
        let mut packets = Vec::new();
        for step in steps {
            if self.shared.is_stopped() {
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

    /// Scales and encodes a picture, as far as somebody needs it; `false` when nobody listens any more.
    fn step(&mut self, step: &Step, packets: &mut Vec<(Packet, Stamp)>) -> Result<bool, Error> {
        let active = self.shared.active[self.index].load(Ordering::Relaxed);
        if !active {
            // Begun anew at an IDR picture when there is room again.
            self.rendition.close();
            self.announced = false;
        }
        if self.shared.any_active(self.index) && self.rendition.shows(step.stamp) {
            let scaled = self.rendition.scale(&step.picture)?;
            if let Some(below) = self.below.take_if(|_| self.shared.any_active(self.index + 1)) {
                let sent = below.send(Step { picture: Arc::clone(&scaled), stamp: step.stamp });
                // Else the rung below has ended.
                self.below = sent.is_ok().then_some(below);
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

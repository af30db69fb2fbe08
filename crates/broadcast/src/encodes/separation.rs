//! The task that gives weak destinations an encode of their own, takes it back, and stops encodes that nobody has.
#![allow(clippy::disallowed_methods, reason = "this driver module looks at the destinations at intervals")]

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use media::Span;
use tokio::time::MissedTickBehavior;

use super::weakness::{Others, Sight, Step, WEAK_SHARE};
use super::{EncodeId, Encodes, NoRoom, Running, room};
use crate::Shape;
use crate::encoding::{Counters, Output};
use crate::outlets::Outlet;

impl Encodes {
    /// Until it is dropped.
    pub(crate) async fn look_after(self: Arc<Encodes>) {
        let started = Instant::now();
        let mut interval = tokio::time::interval(EVERY);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            interval.tick().await;
            let at = started.elapsed().into();
            self.leave_failed(at);
            self.leave_slow(at);
            for outlet in self.shared.outlets.all() {
                self.look(at, &outlet).await;
            }
            self.stop_idle();
        }
    }

    /// What `outlet` has when its network is well.
    fn home(&self, outlet: &Outlet) -> (Arc<Output>, encode::Config, u32) {
        let list = self.lock();
        let is_home = |it: &&Running| it.output.id == outlet.home && it.output.failure().is_none();
        match list.running.iter().find(is_home) {
            Some(home) => (Arc::clone(&home.output), home.settings.clone(), home.floor_bps),
            None => (Arc::clone(&self.shared), self.settings.clone(), self.floor_bps),
        }
    }

    async fn look(self: &Arc<Encodes>, at: Span, outlet: &Arc<Outlet>) {
        let (home, settings, floor_bps) = self.home(outlet);
        let sight = self.sight(outlet, &home);
        let step = outlet.weakness().look(at, &sight);
        match step {
            Step::Stay => {}
            Step::Rejoin => {
                tracing::info!(destination = outlet.name, "back to the encode that all share");
                home.take_over(outlet);
            }
            Step::Separate => {
                let (encodes, id) = (Arc::clone(self), home.id);
                let settings = encode::Config { bitrate_bps: home.wanted.ceiling_bps(), ..settings };
                let begun = tokio::task::spawn_blocking(move || encodes.begin(settings, floor_bps, Some(id)));
                match begun.await {
                    Ok(Ok(own)) => {
                        let bitrate_bps = sight.carried_bps.unwrap_or(sight.shared_bps).max(floor_bps);
                        let shape = own.wanted.shape();
                        own.wanted.ask(Shape { bitrate_bps: bitrate_bps.min(shape.bitrate_bps), ..shape });
                        own.take_over(outlet);
                        tracing::info!(destination = outlet.name, bitrate_bps, "an encode of its own");
                    }
                    Ok(Err(error)) => {
                        tracing::warn!(destination = outlet.name, %error, "no encode of its own");
                        outlet.weakness().refuse(at, NoRoom::Encoder);
                    }
                    Err(error) => tracing::error!(%error, "opening an encoder failed"),
                }
            }
        }
    }

    fn sight(&self, outlet: &Arc<Outlet>, home: &Output) -> Sight {
        let shared_bps = home.wanted.shape().bitrate_bps;
        let carries = |other: &Outlet| {
            let least = f64::from(shared_bps) * WEAK_SHARE;
            other.is_live() && other.carried_bps().is_none_or(|carried| f64::from(carried) >= least)
        };
        let mut others = Others::None;
        for other in self.shared.outlets.all() {
            if Arc::ptr_eq(&other, outlet) || other.next_encode() != home.id || other.is_over() {
                continue;
            }
            if carries(&other) {
                others = Others::Well;
            } else if others == Others::None {
                others = Others::Weak;
            }
        }
        Sight {
            is_apart: outlet.next_encode() != home.id,
            carried_bps: outlet.carried_bps().filter(|_| outlet.is_live()),
            shared_bps,
            others,
            room: self.room(home),
        }
    }

    fn room(&self, home: &Output) -> Result<(), NoRoom> {
        let outputs = self.outputs();
        let beside = outputs.iter().chain([&self.shared]).filter(|output| output.id != home.id);
        let beside: Vec<&Counters> = beside.map(|output| &output.counters).collect();
        room::room([&home.counters].into_iter().chain(beside))
    }

    /// Destinations of an encode without an encoder that works have the shared one.
    fn leave_failed(&self, at: Span) {
        let failed = self.outputs().into_iter().filter(|output| output.failure().is_some());
        for output in failed {
            self.leave(&output, at, NoRoom::Encoder);
        }
    }

    /// An encode that a weak destination has alone must not make the others stutter, nor stutter itself.
    fn leave_slow(&self, at: Span) {
        let slow: Vec<Arc<Output>> = {
            let mut list = self.lock();
            let skipped = |id: EncodeId, running: &[Running]| {
                let output = running.iter().map(|it| &it.output).find(|output| output.id == id);
                output.unwrap_or(&self.shared).counters.skipped.load(Ordering::Relaxed)
            };
            let now: Vec<Option<u64>> = list
                .running
                .iter()
                .map(|it| {
                    it.instead_of
                        .map(|home| skipped(home, &list.running) + skipped(it.output.id, &list.running))
                })
                .collect();
            let looked = list.running.iter_mut().zip(now);
            looked.filter_map(|(it, now)| it.is_slow(at, now?).then(|| Arc::clone(&it.output))).collect()
        };
        slow.iter().for_each(|output| self.leave(output, at, NoRoom::Machine));
    }

    fn leave(&self, output: &Output, at: Span, reason: NoRoom) {
        let with_it = self.shared.outlets.all().into_iter().filter(|it| it.next_encode() == output.id);
        for outlet in with_it {
            tracing::warn!(destination = outlet.name, %reason, "back to the encode that all share");
            outlet.weakness().refuse(at, reason);
            let (home, ..) = self.home(&outlet);
            home.take_over(&outlet);
        }
    }

    /// Stops what no destination has any more.
    fn stop_idle(&self) {
        let outlets = self.shared.outlets.all();
        let mut list = self.lock();
        let list = &mut *list;
        for at in (0..list.running.len()).rev() {
            let running = &mut list.running[at];
            let (id, failed) = (running.output.id, running.output.failure().is_some());
            let has_it = |it: &Arc<Outlet>| {
                [it.encode(), it.next_encode()].contains(&id) || (it.home == id && !failed)
            };
            running.idle_looks = if outlets.iter().any(has_it) { 0 } else { running.idle_looks + 1 };
            if running.idle_looks > IDLE_LOOKS_MAX {
                let gone = list.running.swap_remove(at);
                gone.stop.stop();
                list.leaving.retain(|thread| !thread.is_finished());
                list.leaving.extend(gone.thread);
            }
        }
    }
}

impl Running {
    /// Whether too many pictures were left out since the last measurement, of all that were until `now`.
    fn is_slow(&mut self, at: Span, now: u64) -> bool {
        let (since, before) = *self.skipped.get_or_insert((at, now));
        let seconds = (at - since).as_secs_f64();
        if seconds < SLOW_SECONDS {
            return false;
        }
        self.skipped = Some((at, now));
        (now - before.min(now)) as f64 > f64::from(self.settings.fps) * seconds * SLOW_SHARE
    }
}

/// What is decided here takes seconds.
const EVERY: Duration = Duration::from_millis(500);

/// One that was just begun is nobody's for a moment.
const IDLE_LOOKS_MAX: u32 = 2;

/// For so long pictures are counted.
const SLOW_SECONDS: f64 = 10.0;

/// So many of them may be left out.
const SLOW_SHARE: f64 = 0.05;

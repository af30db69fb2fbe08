//! Sound that comes later.

use std::collections::VecDeque;

use super::CHANNELS;
use super::ramp::{RAMP_FRAMES, Ramp};

/// Gives out what came in some frames ago; a change fades from one moment to the other.
#[derive(Debug)]
pub(crate) struct Delay {
    /// Frames.
    now: usize,
    wanted: usize,
    /// Frames of the fade that are done.
    faded: usize,
    /// Interleaved samples that came in, of as many frames as any delay since the last rest needed.
    past: VecDeque<f32>,
    /// What comes in first rises out of the silence that is heard until then.
    rising: Ramp,
}

impl Delay {
    /// Nothing is late.
    pub(crate) fn new() -> Delay {
        Delay { now: 0, wanted: 0, faded: 0, past: VecDeque::new(), rising: Ramp::new(0.0) }
    }

    /// How late, in frames.
    pub(crate) fn set(&mut self, frames: usize) {
        // A fade that runs is finished first.
        if self.now == self.wanted {
            self.wanted = frames;
        }
    }

    /// Whether nothing is late.
    pub(crate) fn is_idle(&self) -> bool {
        self.now == 0 && self.wanted == 0
    }

    /// Puts what is due in the place of interleaved samples.
    pub(crate) fn process(&mut self, samples: &mut [f32]) {
        if self.is_idle() {
            self.past = VecDeque::new();
            self.rising = Ramp::new(0.0);
            return;
        }
        self.rising.set(1.0);
        // Before the first sound there was silence.
        let kept = self.now.max(self.wanted) * CHANNELS;
        let missing = kept.saturating_sub(self.past.len());
        (0..missing).for_each(|_| self.past.push_front(0.0));
        for frame in samples.as_chunks::<CHANNELS>().0 {
            let rise = self.rising.step();
            self.past.extend(frame.map(|sample| sample * rise));
        }
        let frames = samples.len() / CHANNELS;
        for (at, frame) in samples.chunks_exact_mut(CHANNELS).enumerate() {
            let newest = self.past.len() / CHANNELS - frames + at;
            let fade = self.next_fade();
            for (channel, sample) in frame.iter_mut().enumerate() {
                let ago = |delay: usize| self.past[(newest - delay) * CHANNELS + channel];
                if self.now > 0 {
                    *sample = ago(self.now);
                }
                if fade > 0.0 {
                    *sample += (ago(self.wanted) - *sample) * fade;
                }
            }
            if self.faded == RAMP_FRAMES {
                (self.now, self.faded) = (self.wanted, 0);
            }
        }
        let kept = self.now.max(self.wanted) * CHANNELS;
        self.past.drain(..self.past.len().saturating_sub(kept));
    }

    /// How far the fade is at the next frame.
    fn next_fade(&mut self) -> f32 {
        if self.now == self.wanted {
            return 0.0;
        }
        self.faded += 1;
        self.faded as f32 / RAMP_FRAMES as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(delay: &mut Delay, from: usize, frames: usize) -> Vec<f32> {
        let mut out = Vec::new();
        for block in (from..from + frames).collect::<Vec<_>>().chunks(100) {
            let mut samples: Vec<f32> = block.iter().flat_map(|&at| [at as f32, -(at as f32)]).collect();
            delay.process(&mut samples);
            out.extend(samples.chunks_exact(2).map(|frame| frame[0]));
        }
        out
    }

    #[test]
    fn sound_comes_as_late_as_was_asked() {
        let mut delay = Delay::new();
        delay.set(700);
        let out = run(&mut delay, 1_000, 2_000);
        assert!(out[RAMP_FRAMES..700].iter().all(|&sample| sample == 0.0), "before it there is silence");
        let late = 700 + RAMP_FRAMES;
        assert_eq!(out[late..], (1_480..2_300).map(|at| at as f32).collect::<Vec<_>>());
    }

    #[test]
    fn a_change_fades_and_is_exact_afterwards() {
        let mut delay = Delay::new();
        delay.set(700);
        run(&mut delay, 0, 2_000);
        delay.set(200);
        let out = run(&mut delay, 2_000, 1_000);
        assert!(out.windows(2).all(|pair| (pair[1] - pair[0]).abs() < 4.0), "500 frames within 480, no jump");
        assert_eq!(out[RAMP_FRAMES], (2_000 + RAMP_FRAMES - 200) as f32);
        delay.set(0);
        run(&mut delay, 3_000, 1_000);
        assert!(delay.is_idle());
        assert_eq!(run(&mut delay, 4_000, 100)[0], 4_000.0);
    }
}

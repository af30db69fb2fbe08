//! A factor that never jumps.

use super::CHANNELS;

/// Multiplies samples; a new factor is reached within [`RAMP_FRAMES`].
#[derive(Debug)]
pub(crate) struct Ramp {
    now: f32,
    target: f32,
    /// Frames until `now` is `target`.
    left: usize,
}

impl Ramp {
    /// Begins at `factor`.
    pub(crate) fn new(factor: f32) -> Ramp {
        Ramp { now: factor, target: factor, left: 0 }
    }

    /// Goes to `factor` from the next frame on.
    pub(crate) fn set(&mut self, factor: f32) {
        if factor != self.target {
            self.target = factor;
            self.left = RAMP_FRAMES;
        }
    }

    /// Whether it has reached `factor`, and stays.
    pub(crate) fn rests_at(&self, factor: f32) -> bool {
        self.left == 0 && self.target == factor
    }

    /// The factor of the next frame.
    pub(crate) fn step(&mut self) -> f32 {
        if self.left > 0 {
            self.now += (self.target - self.now) / self.left as f32;
            self.left -= 1;
            if self.left == 0 {
                self.now = self.target;
            }
        }
        self.now
    }

    /// Multiplies interleaved samples. A factor of exactly one changes no bit.
    pub(crate) fn apply(&mut self, samples: &mut [f32]) {
        if self.rests_at(1.0) {
            return;
        }
        let moving = (self.left * CHANNELS).min(samples.len());
        let (moving, resting) = samples.split_at_mut(moving);
        for frame in moving.chunks_exact_mut(CHANNELS) {
            let factor = self.step();
            frame.iter_mut().for_each(|sample| *sample *= factor);
        }
        resting.iter_mut().for_each(|sample| *sample *= self.now);
    }
}

/// An amplitude as a factor.
pub(crate) fn factor(db: f32) -> f32 {
    if db == 0.0 { 1.0 } else { 10.0_f32.powf(db / 20.0) }
}

/// 10 ms: too short to be heard as a fade, too long to click.
pub(crate) const RAMP_FRAMES: usize = 480;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resting_ramp_is_exact() {
        let mut samples = vec![0.3, -0.7, 0.1, 0.9];
        Ramp::new(1.0).apply(&mut samples);
        assert_eq!(samples, [0.3, -0.7, 0.1, 0.9]);
        Ramp::new(factor(-6.0)).apply(&mut samples);
        assert_eq!(samples, [0.3, -0.7, 0.1, 0.9].map(|sample: f32| sample * 10.0_f32.powf(-0.3)));
    }

    #[test]
    fn a_change_takes_ten_milliseconds_in_equal_steps() {
        let mut ramp = Ramp::new(1.0);
        ramp.set(0.0);
        let mut samples = vec![1.0; 2 * 600];
        // In uneven pieces, as blocks come.
        let (head, tail) = samples.split_at_mut(2 * 7);
        ramp.apply(head);
        ramp.apply(tail);
        let left: Vec<f32> = samples.chunks_exact(2).map(|frame| frame[0]).collect();
        let steps = left.windows(2).map(|pair| pair[0] - pair[1]);
        assert!(steps.clone().take(479).all(|step| (step * 480.0 - 1.0).abs() < 0.01));
        assert!(left[479..].iter().all(|&sample| sample == 0.0));
        assert!(ramp.rests_at(0.0));
    }
}

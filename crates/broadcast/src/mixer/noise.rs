//! Noise suppression by RNNoise.

use nnnoiseless::DenoiseState;

use super::CHANNELS;
use super::ramp::Ramp;

/// Takes out what is not speech, or lets everything through.
///
/// RNNoise works in frames of 10 ms and answers with the frame before. What it still holds is not yet given out; so the
/// sound keeps its time, and comes in larger pieces for a moment when the suppression ends.
pub(crate) struct Noise {
    wanted: bool,
    /// How much of what comes out is RNNoise's.
    share: Ramp,
    denoiser: Option<Denoiser>,
    /// Interleaved samples as they came in that have not gone out, and how many of them the denoiser has seen.
    dry: Vec<f32>,
    seen: usize,
}

/// One state for each channel; one for both while they are the same, as a microphone's mostly are.
struct Denoiser {
    left: Box<DenoiseState<'static>>,
    right: Option<Box<DenoiseState<'static>>>,
}

impl Noise {
    pub(crate) fn new() -> Noise {
        Noise { wanted: false, share: Ramp::new(0.0), denoiser: None, dry: Vec::new(), seen: 0 }
    }

    /// Begins or ends to suppress.
    pub(crate) fn set(&mut self, wanted: bool) {
        self.wanted = wanted;
        self.share.set(if wanted { 1.0 } else { 0.0 });
        if wanted && self.denoiser.is_none() {
            self.denoiser = Some(Denoiser { left: DenoiseState::new(), right: None });
        }
    }

    /// Whether it lets everything through at once.
    pub(crate) fn is_idle(&self) -> bool {
        self.denoiser.is_none()
    }

    /// Takes interleaved samples, and appends to `out` what is done.
    pub(crate) fn process(&mut self, samples: &[f32], out: &mut Vec<f32>) {
        let Some(denoiser) = &mut self.denoiser else {
            out.extend_from_slice(samples);
            return;
        };
        self.dry.extend_from_slice(samples);
        while self.dry.len() - self.seen >= FRAME_VALUES {
            let wet = denoiser.process(&self.dry[self.seen..self.seen + FRAME_VALUES]);
            self.seen += FRAME_VALUES;
            // The first answer is of what was before the first frame.
            if self.seen < 2 * FRAME_VALUES {
                continue;
            }
            for (dry, wet) in self.dry.chunks_exact(CHANNELS).zip(wet.chunks_exact(CHANNELS)) {
                let share = self.share.step();
                out.extend(dry.iter().zip(wet).map(|(&dry, &wet)| dry + (wet - dry) * share));
            }
            self.dry.drain(..FRAME_VALUES);
            self.seen -= FRAME_VALUES;
        }
        if !self.wanted && self.share.rests_at(0.0) {
            out.append(&mut self.dry);
            (self.denoiser, self.seen) = (None, 0);
        }
    }
}

impl Denoiser {
    fn process(&mut self, frame: &[f32]) -> [f32; FRAME_VALUES] {
        let same = frame.chunks_exact(CHANNELS).all(|pair| pair[0] == pair[1]);
        if !same && self.right.is_none() {
            self.right = Some(self.left.clone());
        }
        let mut out = [0.0; FRAME_VALUES];
        run(&mut self.left, frame, &mut out, 0);
        match &mut self.right {
            Some(right) => run(right, frame, &mut out, 1),
            None => out.chunks_exact_mut(CHANNELS).for_each(|pair| pair[1] = pair[0]),
        }
        out
    }
}

/// One channel through its state, which wants the range of 16-bit sound.
fn run(state: &mut DenoiseState<'static>, frame: &[f32], out: &mut [f32], channel: usize) {
    let mut input = [0.0; DenoiseState::FRAME_SIZE];
    let mut output = [0.0; DenoiseState::FRAME_SIZE];
    for (to, pair) in input.iter_mut().zip(frame.chunks_exact(CHANNELS)) {
        *to = pair[channel] * FULL_SCALE;
    }
    state.process_frame(&mut output, &input);
    for (pair, from) in out.chunks_exact_mut(CHANNELS).zip(output) {
        pair[channel] = from / FULL_SCALE;
    }
}

const FRAME_VALUES: usize = DenoiseState::FRAME_SIZE * CHANNELS;

const FULL_SCALE: f32 = 32_768.0;

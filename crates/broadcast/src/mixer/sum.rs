//! Several lines of samples into one.

use std::collections::VecDeque;
use std::sync::Arc;

use super::CHANNELS;
use super::limiter::Limiter;
use super::ramp::Ramp;

/// Adds the lines of all sounds, on one timeline, as soon as all of them have come. Sans-IO.
///
/// A line that is more than [`WAIT`] behind the one that is furthest is not waited for: it counts as silent, and what comes
/// too late is left out. Lines come and go meanwhile, with a fade of 10 ms each; the others notice nothing. Several sounds, or
/// one that was made louder, pass a limiter at -1 dBFS; a single one that was not goes through untouched.
pub(crate) struct Sum {
    lines: Vec<Line>,
    /// The number of the line that comes next.
    next: usize,
    /// Position of the next frame of the mix; `None` before the first.
    at: Option<i64>,
    /// Position of the next frame that leaves, behind what the limiter holds.
    out_at: i64,
    limiting: bool,
    limiter: Limiter,
    heard: Ramp,
}

/// One sound. `waiting` begins at the mix's position, or is empty.
struct Line {
    number: usize,
    waiting: VecDeque<f32>,
    /// Where the next pushed frame goes; `None` before the first.
    end: Option<i64>,
    /// How it comes and goes.
    fade: Ramp,
    state: LineState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LineState {
    /// Came while others sounded, which do not wait for its first piece.
    Coming,
    Here,
    /// Fades with its next piece.
    Leaving,
    /// What waits is its last.
    Gone,
}

/// A piece of the mix.
#[derive(Debug)]
pub(crate) struct Mixed {
    /// Samples since the timeline's origin.
    pub(crate) at: i64,
    /// Interleaved.
    pub(crate) samples: Arc<[f32]>,
    /// Samples per channel that a sound should have had and that came too late.
    pub(crate) missing: usize,
}

impl Sum {
    /// Of so many sounds, numbered from 0; the first one that comes begins the timeline.
    pub(crate) fn new(sounds: usize) -> Sum {
        let limiting = sounds > 1;
        Sum {
            lines: (0..sounds).map(Line::new).collect(),
            next: sounds,
            at: None,
            out_at: 0,
            limiting,
            limiter: Limiter::new(limiting.then_some(CEILING_DB)),
            heard: Ramp::new(1.0),
        }
    }

    /// Makes room for one more; returns its number.
    pub(crate) fn join(&mut self) -> usize {
        let mut line = Line::new(self.next);
        if self.at.is_some() {
            line.state = LineState::Coming;
            line.fade = Ramp::new(0.0);
            line.fade.set(1.0);
        }
        self.lines.push(line);
        self.next += 1;
        self.next - 1
    }

    /// Lets a line fade with what it is given next; with nothing more than waits when it had been given nothing.
    pub(crate) fn leave(&mut self, number: usize) {
        if let Some(line) = self.lines.iter_mut().find(|line| line.number == number) {
            line.fade.set(0.0);
            line.state = if line.end.is_some() { LineState::Leaving } else { LineState::Gone };
        }
    }

    /// Gives up a line from which nothing more comes; what waits of it is still heard.
    pub(crate) fn close(&mut self, number: usize) {
        if let Some(line) = self.lines.iter_mut().find(|line| line.number == number) {
            line.state = LineState::Gone;
        }
    }

    /// Whether anything more of this line would be heard.
    pub(crate) fn takes(&self, number: usize) -> bool {
        self.lines.iter().any(|line| line.number == number && line.state != LineState::Gone)
    }

    /// Keeps peaks below -1 dBFS from now on.
    pub(crate) fn limit(&mut self) {
        if !self.limiting {
            self.limiting = true;
            self.limiter.set(Some(CEILING_DB));
        }
    }

    /// Where the next frame of the mix goes; `None` before the first.
    pub(crate) fn position(&self) -> Option<i64> {
        self.at
    }

    /// Silence, or sound again.
    pub(crate) fn set_heard(&mut self, heard: bool) {
        self.heard.set(if heard { 1.0 } else { 0.0 });
    }

    /// Takes the next interleaved samples of a line, the first of which belong at `at`. Returns what is mixed by them.
    pub(crate) fn push(&mut self, number: usize, at: i64, samples: Arc<[f32]>) -> Option<Mixed> {
        let mixed = self.at;
        let alone = self.lines.len() == 1;
        let line = self.lines.iter_mut().find(|line| line.number == number)?;
        if samples.is_empty() || line.state == LineState::Gone {
            return None;
        }
        let first = *line.end.get_or_insert(at);
        let end = first + frames(&samples);
        line.end = Some(end);
        if alone && line.is_plain() && mixed.is_none_or(|mixed| mixed == first) {
            self.begin(first);
            self.at = Some(end);
            return self.finish(samples, 0);
        }
        match mixed {
            Some(mixed) => line.append(first - mixed, &samples),
            None => line.waiting.extend(samples.iter()),
        }
        line.state = match line.state {
            LineState::Coming => LineState::Here,
            LineState::Leaving if line.fade.rests_at(0.0) => LineState::Gone,
            state => state,
        };
        self.mix()
    }

    /// Adds what has come of all.
    fn mix(&mut self) -> Option<Mixed> {
        let furthest = self.lines.iter().filter_map(|line| line.end).max()?;
        let awaited = self.lines.iter().filter(|line| line.is_awaited()).map(|line| line.end).min();
        // Where nobody is waited for, all that is there is heard.
        let nearest = awaited.unwrap_or(Some(furthest));
        if self.at.is_none() {
            // All begin together, as late as the first piece of the latest.
            let begun = self.lines.iter().filter_map(Line::begin);
            let at = begun.max().filter(|&at| nearest.is_some() || furthest - at > WAIT)?;
            self.begin(at);
            self.lines.iter_mut().for_each(|line| line.align(at));
        }
        let at = self.at?;
        let until = nearest.unwrap_or(i64::MIN).max(furthest - WAIT);
        let count = usize::try_from(until - at).ok().filter(|&count| count > 0)?;
        let mut sum = vec![0.0; count * CHANNELS];
        let mut missing = 0;
        for line in &mut self.lines {
            let there = line.waiting.len().min(sum.len());
            if line.is_awaited() {
                missing += count - there / CHANNELS;
            }
            sum.iter_mut().zip(line.waiting.drain(..there)).for_each(|(to, sample)| *to += sample);
        }
        self.lines.retain(|line| line.state != LineState::Gone || !line.waiting.is_empty());
        self.at = Some(until);
        self.finish(sum.into(), missing)
    }

    fn begin(&mut self, at: i64) {
        if self.at.is_none() {
            (self.at, self.out_at) = (Some(at), at);
        }
    }

    fn finish(&mut self, samples: Arc<[f32]>, missing: usize) -> Option<Mixed> {
        let mut samples = samples;
        if self.limiting {
            let mut limited = Vec::with_capacity(samples.len());
            self.limiter.process(&samples, &mut limited);
            samples = limited.into();
        }
        if !self.heard.rests_at(1.0) {
            let mut fading = samples.to_vec();
            self.heard.apply(&mut fading);
            samples = fading.into();
        }
        let at = self.out_at;
        self.out_at += frames(&samples);
        (!samples.is_empty()).then_some(Mixed { at, samples, missing })
    }
}

impl Line {
    fn new(number: usize) -> Line {
        let (waiting, fade) = (VecDeque::new(), Ramp::new(1.0));
        Line { number, waiting, end: None, fade, state: LineState::Here }
    }

    /// Whether the others wait for it.
    fn is_awaited(&self) -> bool {
        matches!(self.state, LineState::Here | LineState::Leaving)
    }

    /// Whether what comes is heard as it is, and at once.
    fn is_plain(&self) -> bool {
        self.waiting.is_empty() && self.fade.rests_at(1.0)
    }

    /// Where what waits begins.
    fn begin(&self) -> Option<i64> {
        self.end.map(|end| end - (self.waiting.len() / CHANNELS) as i64)
    }

    /// Puts what waits so that it begins at `at`.
    fn align(&mut self, at: i64) {
        let Some(begin) = self.begin() else { return };
        let waiting: Vec<f32> = std::mem::take(&mut self.waiting).into();
        self.append(begin - at, &waiting);
    }

    /// Appends samples that belong `ahead` frames after the mix's position; those before it are too late.
    fn append(&mut self, ahead: i64, samples: &[f32]) {
        let late = usize::try_from(-ahead).unwrap_or(0).saturating_mul(CHANNELS).min(samples.len());
        let there = usize::try_from(ahead).unwrap_or(0) * CHANNELS;
        let silence = there.saturating_sub(self.waiting.len());
        self.waiting.extend(std::iter::repeat_n(0.0, silence));
        if self.fade.rests_at(1.0) {
            return self.waiting.extend(&samples[late..]);
        }
        let mut fading = samples[late..].to_vec();
        self.fade.apply(&mut fading);
        self.waiting.extend(fading);
    }
}

fn frames(samples: &[f32]) -> i64 {
    (samples.len() / CHANNELS) as i64
}

/// 400 ms: longer than a line that goes on without its device stays behind the clock, shorter than a player's buffer.
const WAIT: i64 = 19_200;

/// What a coder adds to a peak fits above it.
const CEILING_DB: f32 = -1.0;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn block(value: f32, frames: usize) -> Arc<[f32]> {
        vec![value; frames * CHANNELS].into()
    }

    /// All that left, without a gap, and where it began.
    #[derive(Default)]
    struct Out {
        begin: Option<i64>,
        samples: Vec<f32>,
        missing: usize,
    }

    impl Out {
        fn take(&mut self, mixed: Option<Mixed>) {
            let Some(mixed) = mixed else { return };
            let begin = *self.begin.get_or_insert(mixed.at);
            assert_eq!(mixed.at, begin + (self.samples.len() / 2) as i64, "gap-free");
            self.samples.extend(mixed.samples.iter());
            self.missing += mixed.missing;
        }
    }

    #[test]
    fn a_single_sound_passes_to_the_bit() {
        let mut sum = Sum::new(1);
        for at in [100, 580] {
            let samples = block(1.0, 480);
            let mixed = sum.push(0, at, Arc::clone(&samples)).expect("at once");
            assert!(Arc::ptr_eq(&samples, &mixed.samples));
            assert_eq!((mixed.at, mixed.missing), (at, 0));
        }
    }

    #[test]
    fn two_sounds_are_added_where_they_belong() {
        let (mut sum, mut out) = (Sum::new(2), Out::default());
        // The second begins 100 frames later, in other pieces.
        for step in 0..20 {
            out.take(sum.push(0, 1_000 + step * 480, block(0.25, 480)));
            out.take(sum.push(1, 1_100 + step * 480, block(0.5, 200)));
            out.take(sum.push(1, 1_300 + step * 480, block(0.125, 280)));
        }
        assert_eq!(out.begin, Some(1_100));
        assert_eq!(out.missing, 0);
        let left: Vec<f32> = out.samples.chunks_exact(2).map(|frame| frame[0]).collect();
        assert!(left.len() > 9_000);
        for (at, sample) in left.into_iter().enumerate() {
            let second = if at % 480 < 200 { 0.5 } else { 0.125 };
            assert_eq!(sample, 0.25 + second, "at {at}");
        }
    }

    #[test]
    fn a_sound_that_stands_still_does_not_hold_up_the_others() {
        let (mut sum, mut out) = (Sum::new(2), Out::default());
        out.take(sum.push(1, 0, block(0.5, 480)));
        for step in 0..200 {
            out.take(sum.push(0, step * 480, block(0.25, 480)));
        }
        let until = out.samples.len() / 2;
        assert!(until > 200 * 480 - 480 - WAIT as usize - 300, "{until}");
        assert_eq!(out.samples[2 * 10_000..][..4], [0.25; 4]);
        // It comes back: what is too late is left out, what is not is heard in its place.
        out.take(sum.push(1, 480, block(0.5, 199 * 480)));
        for step in 200..300 {
            out.take(sum.push(0, step * 480, block(0.25, 480)));
            out.take(sum.push(1, step * 480, block(0.5, 480)));
        }
        assert_eq!(out.samples[2 * 290 * 480..][..4], [0.75; 4]);
        assert!(out.missing > 70_000, "{}", out.missing);
    }

    #[test]
    fn a_line_that_comes_and_goes_fades_and_changes_no_sample_of_the_other() {
        let (mut sum, mut out) = (Sum::new(1), Out::default());
        let mut second = None;
        for step in 0..200_i64 {
            match step {
                50 => second = Some(sum.join()),
                100 => sum.leave(1),
                _ => {}
            }
            // Now and then, alone and beside the other, which is 70 ms behind.
            out.take(sum.push(0, step * 480, block(0.25, 480)));
            if let Some(second) = second.filter(|&second| sum.takes(second)) {
                out.take(sum.push(second, (step - 7) * 480, block(0.5, 480)));
            }
        }
        assert_eq!((out.begin, out.samples.len(), out.missing), (Some(0), 200 * 960, 0));
        let left: Vec<f32> = out.samples.chunks_exact(2).map(|frame| frame[0]).collect();
        assert!(left.windows(2).all(|pair| (pair[1] - pair[0]).abs() < 0.002), "no click");
        assert!(left[..49 * 480].iter().chain(&left[102 * 480..]).all(|&sample| sample == 0.25));
        assert!(left[52 * 480..92 * 480].iter().all(|&sample| sample == 0.75));
    }

    #[test]
    fn the_only_line_is_replaced_and_the_new_one_stands_where_it_belongs() {
        let (mut sum, mut out) = (Sum::new(1), Out::default());
        for step in 0..50 {
            out.take(sum.push(0, step * 480, block(0.25, 480)));
        }
        let second = sum.join();
        sum.leave(0);
        out.take(sum.push(0, 50 * 480, block(0.25, 480)));
        assert!(!sum.takes(0));
        // It begins 100 ms later, with samples that can be told apart.
        for step in 60..160_i64 {
            let rising: Arc<[f32]> = (0..960).map(|at| (step * 480 + at / 2) as f32 / 1e6).collect();
            out.take(sum.push(second, step * 480, rising));
        }
        assert_eq!(out.samples.len(), 160 * 960);
        let wrong = (61 * 480..160 * 480).find(|&at| out.samples[2 * at] != at as f32 / 1e6);
        assert_eq!(wrong, None);
        assert!(out.samples[2 * 51 * 480..2 * 60 * 480].iter().all(|&sample| sample == 0.0));
    }

    #[test]
    fn the_whole_is_muted_and_heard_again_without_a_click() {
        let (mut sum, mut out) = (Sum::new(1), Out::default());
        for step in 0..9 {
            sum.set_heard(!(3..6).contains(&step));
            out.take(sum.push(0, step * 480, block(0.5, 480)));
        }
        assert!(out.samples.windows(2).all(|pair| (pair[1] - pair[0]).abs() < 0.002));
        assert!(out.samples[4 * 960..6 * 960].iter().all(|&sample| sample == 0.0));
        assert!(out.samples[7 * 960..].iter().all(|&sample| sample == 0.5));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn whatever_comes_the_mix_has_no_gap_and_no_peak(
            pieces in prop::collection::vec((0_usize..3, 1_usize..3_000, -2.0_f32..2.0), 1..120),
        ) {
            let (mut sum, mut out) = (Sum::new(3), Out::default());
            let mut ends = [0_i64, 50, -70];
            for (sound, frames, value) in pieces {
                out.take(sum.push(sound, ends[sound], block(value, frames)));
                ends[sound] += frames as i64;
            }
            let peak = out.samples.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
            prop_assert!(peak <= 0.891_26, "{peak}");
            for line in &sum.lines {
                prop_assert!(line.waiting.len() <= (WAIT as usize + 6_000) * CHANNELS);
            }
        }
    }
}

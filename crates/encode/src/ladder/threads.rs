//! What a thread of the ladder takes of the processor.

use media::{Span, Timescale};

/// Processor time that the calling thread has taken since it began.
pub(crate) fn cpu_time() -> Span {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call writes into the structure that it is given.
    let code = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    if code != 0 {
        return Span::ZERO;
    }
    Span::from_secs(time.tv_sec) + Span::from_ticks(time.tv_nsec / 1_000, MICROSECONDS)
}

const MICROSECONDS: Timescale = match Timescale::new(1_000_000) {
    Some(scale) => scale,
    None => panic!("a million is not 0"),
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_takes_time() {
        let before = cpu_time();
        let mut sum = 0_u64;
        while cpu_time() - before < Span::from_millis(2) {
            sum = (0..100_000_u64).fold(sum, |sum, value| std::hint::black_box(sum ^ value));
        }
        assert!(cpu_time() - before >= Span::from_millis(2), "{sum}");
    }
}

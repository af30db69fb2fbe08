//! What a timer shows. Sans-IO.

use media::Span;

use super::Timer;

impl Timer {
    /// What stands there so long after it began.
    pub(crate) fn words(&self, since: Span) -> String {
        let whole = since.as_secs_f64().max(0.0);
        let Some(from) = self.down_from_s else { return digits(whole as u64) };
        let left = f64::from(from) - whole;
        match &self.over {
            Some(over) if left <= 0.0 => over.clone(),
            _ => digits(left.max(0.0).ceil() as u64),
        }
    }
}

/// `M:SS`, or `H:MM:SS` from an hour on.
fn digits(seconds: u64) -> String {
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

#[cfg(test)]
mod tests {
    use super::super::Style;
    use super::*;

    fn timer(down_from_s: Option<u32>, over: Option<&str>) -> Timer {
        Timer { down_from_s, over: over.map(str::to_owned), style: Style::default() }
    }

    #[test]
    fn it_counts_up_from_nought_and_down_to_it() {
        let at = |millis| timer(None, None).words(Span::from_millis(millis));
        assert_eq!([at(0), at(999), at(61_000), at(3_661_000)], ["0:00", "0:00", "1:01", "1:01:01"]);
        let at = |millis| timer(Some(90), None).words(Span::from_millis(millis));
        assert_eq!(
            [at(0), at(1), at(30_000), at(89_999), at(90_000), at(99_000)],
            ["1:30", "1:30", "1:00", "0:01", "0:00", "0:00"]
        );
    }

    #[test]
    fn words_follow_the_end() {
        let timer = timer(Some(1), Some("We begin"));
        assert_eq!(timer.words(Span::from_millis(999)), "0:01");
        assert_eq!(timer.words(Span::from_secs(1)), "We begin");
    }
}

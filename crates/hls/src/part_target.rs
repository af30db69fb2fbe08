//! Which part target a source can keep.

use media::Span;

/// The part target for a source whose frames last as `frames` say: `wanted`, unless a whole number of
/// frames cannot fill 85 % of it, or one frame is longer. Whole milliseconds, as the playlist writes it.
pub(crate) fn choose(wanted: Span, mut frames: Vec<Span>) -> Span {
    frames.sort_unstable();
    let Some((&median, &longest)) = frames.get(frames.len() / 2).zip(frames.last()) else {
        return up_to_millis(wanted);
    };
    let typical = mean_of_usual(&frames, median);
    if typical > wanted {
        return up_to_millis(longest.max(with_slack(typical)));
    }
    let count = wanted.flicks() / typical.flicks().max(1);
    let filled = typical * count;
    if !at_least_85_percent(filled - ROUNDING, wanted) {
        return up_to_millis(with_slack(filled).min(wanted));
    }
    // Stamps in milliseconds leave the mean uncertain by one of them over all frames.
    let uncertain = Span::from_flicks(ROUNDING.flicks() * count / frames.len() as i64);
    up_to_millis(wanted.max(filled + uncertain))
}

/// The mean of the frames that are not held unusually long: milliseconds round 1/15 s to 66 or 67.
fn mean_of_usual(frames: &[Span], median: Span) -> Span {
    let usual: Vec<Span> = frames.iter().copied().take_while(|&frame| frame * 2 <= median * 3).collect();
    let sum: Span = usual.iter().copied().sum();
    Span::from_flicks(sum.flicks() / (usual.len() as i64).max(1))
}

/// Players reject parts shorter than 85 % of the target, but for the last of a segment
/// (rfc8216bis §4.4.4.9).
pub(crate) fn at_least_85_percent(duration: Span, target: Span) -> bool {
    i128::from(duration.flicks()) * 100 >= i128::from(target.flicks()) * 85
}

/// Room for frames that come a little late, while the usual ones still fill 85 %.
fn with_slack(span: Span) -> Span {
    Span::from_flicks(span.flicks() / 100 * 106)
}

fn up_to_millis(span: Span) -> Span {
    let millis = span.as_millis();
    if Span::from_millis(millis) < span { Span::from_millis(millis + 1) } else { Span::from_millis(millis) }
}

/// RTMP rounds each stamp to a millisecond, so a part may be one shorter than its frames.
const ROUNDING: Span = Span::from_millis(1);

#[cfg(test)]
mod tests {
    use super::*;

    fn check(frame_ms: i64, expected_ms: i64) {
        let chosen = choose(Span::from_millis(334), vec![Span::from_millis(frame_ms); 9]);
        assert_eq!(chosen.as_millis(), expected_ms, "{frame_ms} ms frames");
    }

    #[test]
    fn usual_frame_rates_keep_the_wanted_target() {
        for frame_ms in [16, 17, 20, 33, 34, 40, 41, 42, 66, 80, 100] {
            check(frame_ms, 334);
        }
        let rounded = [66, 67, 67].map(Span::from_millis).repeat(10);
        assert_eq!(choose(Span::from_millis(334), rounded).as_millis(), 334);
    }

    #[test]
    fn a_rate_that_fills_it_badly_lowers_the_target() {
        check(125, 265);
        check(200, 212);
    }

    #[test]
    fn a_slow_source_raises_the_target() {
        check(500, 530);
        let jittery = vec![Span::from_millis(480), Span::from_millis(520), Span::from_millis(700)];
        assert_eq!(choose(Span::from_millis(334), jittery).as_millis(), 700);
    }

    #[test]
    fn one_late_frame_does_not_raise_it() {
        let frames = vec![Span::from_millis(33), Span::from_millis(33), Span::from_millis(900)];
        assert_eq!(choose(Span::from_millis(334), frames).as_millis(), 334);
    }
}

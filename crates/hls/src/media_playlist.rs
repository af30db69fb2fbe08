//! The media playlist: one rendition's segments and parts as text.
//!
//! Spec: draft-pantos-hls-rfc8216bis §4.4.

use std::fmt::Write as _;
use std::sync::Arc;

use media::Span;

use crate::segment::{Part, Segment};
use crate::segmenter::Targets;
use crate::window::{Position, Report};

/// `EXT-X-VERSION` of all playlists: equal, since validators compare them, and what delta updates need.
pub(crate) const VERSION: u32 = 9;

/// What the text is written from.
pub(crate) struct MediaPlaylist<'a> {
    pub(crate) targets: &'a Targets,
    pub(crate) independent: bool,
    pub(crate) discontinuity_sequence: u64,
    /// Number of the first listed segment.
    pub(crate) first_msn: u64,
    /// Complete segments that are listed, oldest first.
    pub(crate) segments: &'a [Arc<Segment>],
    /// The segment that grows.
    pub(crate) open: Option<&'a Segment>,
    /// The part that comes next, when one is on its way.
    pub(crate) hint: Option<Position>,
    /// From where a viewer can start decoding, before the end; told only where segments do not all begin
    /// with an IDR picture.
    pub(crate) start: Option<Span>,
    /// Where the playlists of the other renditions end.
    pub(crate) reports: &'a [Report],
}

/// Which segments the text lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Updates {
    /// All.
    Full,
    /// Those before the skip boundary are counted only.
    Delta,
}

/// How far behind the end a Low-Latency player stays: three part targets (rfc8216bis §4.4.3.8).
pub(crate) fn part_hold_back(targets: &Targets) -> Span {
    targets.part * 3
}

/// How far behind the end segments are skipped in delta updates: at least six target durations
/// (rfc8216bis §4.4.3.8).
fn skip_until(targets: &Targets) -> Span {
    targets.duration * 6
}

impl MediaPlaylist<'_> {
    /// The playlist's text.
    pub(crate) fn render(&self, updates: Updates) -> String {
        let mut text = String::with_capacity(8 << 10);
        self.write(&mut text, updates).expect("writing to a String does not fail");
        text
    }

    /// How many segments a delta update leaves out: those that end before the skip boundary.
    pub(crate) fn skippable(&self) -> usize {
        let mut after = self.open.map_or(Span::ZERO, Segment::duration);
        let kept = self.segments.iter().rev().take_while(|segment| {
            let near = after < skip_until(self.targets);
            after += segment.duration();
            near
        });
        self.segments.len() - kept.count()
    }

    fn write(&self, text: &mut String, updates: Updates) -> std::fmt::Result {
        self.write_head(text)?;
        let skipped = if updates == Updates::Delta { self.skippable() } else { 0 };
        let mut init = None;
        if let Some(last) = skipped.checked_sub(1) {
            writeln!(text, "#EXT-X-SKIP:SKIPPED-SEGMENTS={skipped}")?;
            init = Some(self.segments[last].init);
        }
        let (skipped, listed) = self.segments.split_at(skipped);
        let end: Span = self.all().map(Segment::duration).sum();
        let parts_from = end - self.targets.duration * 3;
        let mut at = skipped.iter().map(|segment| segment.duration()).sum();
        for segment in listed {
            write_segment_tags(text, segment, &mut init)?;
            at = write_parts(text, segment, at, parts_from)?;
            if segment.is_gap() {
                writeln!(text, "#EXT-X-GAP")?;
            }
            writeln!(text, "#EXTINF:{},\nseg-{}.m4s", Seconds(segment.duration()), segment.msn)?;
        }
        if let Some(open) = self.open.filter(|open| !open.parts.is_empty()) {
            write_segment_tags(text, open, &mut init)?;
            write_parts(text, open, at, parts_from)?;
        }
        for Report { folder, last: Position { msn, part } } in self.reports {
            write!(text, "#EXT-X-RENDITION-REPORT:URI=\"../{folder}/index.m3u8\"")?;
            writeln!(text, ",LAST-MSN={msn},LAST-PART={part}")?;
        }
        if let Some(Position { msn, part }) = self.hint {
            writeln!(text, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"part-{msn}-{part}.m4s\"")?;
        } else {
            // hls.js takes a last line that is a URI for the coming segment too, and then calls the
            // publisher's return a discontinuity sequence mismatch. A comment makes it begin a new one.
            writeln!(text, "{WAITING}")?;
        }
        Ok(())
    }

    fn write_head(&self, text: &mut String) -> std::fmt::Result {
        let targets = self.targets;
        writeln!(text, "#EXTM3U\n#EXT-X-VERSION:{VERSION}")?;
        if self.independent {
            writeln!(text, "#EXT-X-INDEPENDENT-SEGMENTS")?;
        }
        writeln!(text, "#EXT-X-TARGETDURATION:{}", whole_seconds(targets.duration))?;
        write!(text, "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES")?;
        write!(text, ",CAN-SKIP-UNTIL={:.3}", skip_until(targets).as_secs_f64())?;
        write!(text, ",PART-HOLD-BACK={:.3}", part_hold_back(targets).as_secs_f64())?;
        writeln!(text, ",HOLD-BACK={:.3}", (targets.duration * 3).as_secs_f64())?;
        writeln!(text, "#EXT-X-PART-INF:PART-TARGET={:.3}", targets.part.as_secs_f64())?;
        if let Some(start) = self.start {
            writeln!(text, "#EXT-X-START:TIME-OFFSET=-{},PRECISE=YES", Seconds(start))?;
        }
        writeln!(text, "#EXT-X-MEDIA-SEQUENCE:{}", self.first_msn)?;
        if self.discontinuity_sequence > 0 {
            writeln!(text, "#EXT-X-DISCONTINUITY-SEQUENCE:{}", self.discontinuity_sequence)?;
        }
        Ok(())
    }

    fn all(&self) -> impl Iterator<Item = &Segment> {
        self.segments.iter().map(Arc::as_ref).chain(self.open)
    }
}

/// The last line while nothing is on its way; players skip comments (RFC 8216 §4.1).
const WAITING: &str = "# waiting for the publisher";

fn write_segment_tags(text: &mut String, segment: &Segment, init: &mut Option<u32>) -> std::fmt::Result {
    if segment.discontinuity {
        writeln!(text, "#EXT-X-DISCONTINUITY")?;
    }
    if init.replace(segment.init) != Some(segment.init) {
        writeln!(text, "#EXT-X-MAP:URI=\"init-{}.mp4\"", segment.init)?;
    }
    writeln!(text, "#EXT-X-PROGRAM-DATE-TIME:{}", DateTime(segment.unix_ms))
}

/// Writes the parts of `segment`, which begins at `at`, that end after `from`: older ones are dropped
/// (rfc8216bis §6.2.2). Returns where it ends.
fn write_parts(
    text: &mut String,
    segment: &Segment,
    mut at: Span,
    from: Span,
) -> Result<Span, std::fmt::Error> {
    for (index, Part { duration, independent, data }) in segment.parts.iter().enumerate() {
        at += *duration;
        if at > from {
            write!(text, "#EXT-X-PART:DURATION={}", Seconds(*duration))?;
            write!(text, ",URI=\"part-{}-{index}.m4s\"", segment.msn)?;
            text.push_str(if *independent { ",INDEPENDENT=YES" } else { "" });
            text.push_str(if data.is_none() { ",GAP=YES\n" } else { "\n" });
        }
    }
    Ok(at)
}

pub(crate) fn whole_seconds(span: Span) -> i64 {
    (span.as_millis() + 500) / 1_000
}

/// Seconds with the five decimals that keep a tick of 90 kHz.
struct Seconds(Span);

impl std::fmt::Display for Seconds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.5}", self.0.as_secs_f64())
    }
}

/// Milliseconds since 1970 as ISO 8601 in UTC.
struct DateTime(i64);

impl std::fmt::Display for DateTime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (days, of_day) = (self.0.div_euclid(DAY_MS), self.0.rem_euclid(DAY_MS));
        let (year, month, day) = civil_date(days);
        let (hour, minute) = (of_day / 3_600_000, of_day / 60_000 % 60);
        let (second, millis) = (of_day / 1_000 % 60, of_day % 1_000);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
    }
}

/// Year, month and day of the proleptic Gregorian calendar, `days` after 1970-01-01.
///
/// Years are counted from 1 March, so that the leap day comes last; 400 of them have 146 097 days.
fn civil_date(days: i64) -> (i64, i64, i64) {
    let since_0000_03_01 = days + 719_468;
    let era = since_0000_03_01.div_euclid(146_097);
    let of_era = since_0000_03_01.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

const DAY_MS: i64 = 86_400_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (unix_ms, expected) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_795_216_530_042, "2026-11-20T23:15:30.042Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(DateTime(unix_ms).to_string(), expected);
        }
    }
}

//! A reader of media playlists that holds them to the rules of Low-Latency HLS.
//!
//! Spec: draft-pantos-hls-rfc8216bis; Apple's HLS authoring specification §14.

use std::collections::BTreeMap;

/// A media playlist as its text says it; seconds are floating point.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Playlist {
    /// `EXT-X-VERSION`.
    pub version: u32,
    /// `EXT-X-TARGETDURATION`, seconds.
    pub target_duration: f64,
    /// `PART-TARGET`, seconds.
    pub part_target: f64,
    /// `PART-HOLD-BACK`, seconds.
    pub part_hold_back: f64,
    /// `HOLD-BACK`, seconds.
    pub hold_back: f64,
    /// `CAN-SKIP-UNTIL`, seconds.
    pub can_skip_until: f64,
    /// `SKIPPED-SEGMENTS` of `EXT-X-SKIP`; 0 in a whole playlist.
    pub skipped: u64,
    /// Whether `EXT-X-INDEPENDENT-SEGMENTS` stands there.
    pub independent: bool,
    /// `TIME-OFFSET` of `EXT-X-START`.
    pub start: Option<f64>,
    /// `EXT-X-DISCONTINUITY-SEQUENCE`.
    pub discontinuity_sequence: u64,
    /// Segments by media sequence number; the last may be without `EXTINF`.
    pub segments: BTreeMap<u64, Segment>,
    /// The URI of `EXT-X-PRELOAD-HINT`.
    pub hint: Option<String>,
    /// `EXT-X-RENDITION-REPORT`s.
    pub reports: Vec<Report>,
}

/// Where the playlist of another rendition ends.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The URI of that playlist.
    pub uri: String,
    /// `LAST-MSN`.
    pub last_msn: u64,
    /// `LAST-PART`.
    pub last_part: u64,
}

/// A segment and the parts that are listed of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Segment {
    /// `EXTINF`, seconds; `None` while it grows.
    pub duration: Option<f64>,
    /// Its URI.
    pub uri: Option<String>,
    /// Preceded by `EXT-X-DISCONTINUITY`.
    pub discontinuity: bool,
    /// The URI of the `EXT-X-MAP` that holds for it.
    pub map: String,
    /// `EXT-X-PROGRAM-DATE-TIME`.
    pub date_time: Option<String>,
    /// Preceded by `EXT-X-GAP`.
    pub gap: bool,
    /// Listed parts, in order.
    pub parts: Vec<Part>,
}

/// A listed part.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// Seconds.
    pub duration: f64,
    /// Its URI.
    pub uri: String,
    /// `INDEPENDENT=YES`.
    pub independent: bool,
    /// `GAP=YES`.
    pub gap: bool,
}

/// Which rules a source cannot let a packager keep.
#[derive(Clone, Copy, Debug, Default)]
pub struct Allowances {
    /// Frames so large that parts are cut early.
    pub huge_frames: bool,
}

impl Playlist {
    /// Reads `text`.
    ///
    /// # Errors
    /// The first line that is not understood, or a tag that stands twice.
    pub fn read(text: &str) -> Result<Playlist, String> {
        let mut playlist = Playlist::default();
        let mut reading = Reading::default();
        let mut lines = text.lines();
        if lines.next() != Some("#EXTM3U") {
            return Err("does not begin with #EXTM3U".to_owned());
        }
        for line in lines {
            reading.line(line, &mut playlist).ok_or_else(|| format!("cannot read: {line}"))?;
        }
        for tag in
            ["#EXT-X-SERVER-CONTROL", "#EXT-X-PART-INF", "#EXT-X-TARGETDURATION", "#EXT-X-MEDIA-SEQUENCE"]
        {
            let count = text.lines().filter(|line| line.starts_with(tag)).count();
            if count != 1 {
                return Err(format!("{tag} stands {count} times"));
            }
        }
        let untouched = Segment { map: reading.segment.map.clone(), ..Segment::default() };
        if reading.segment != untouched {
            playlist.segments.insert(reading.msn, reading.segment);
        }
        Ok(playlist)
    }

    /// Holds the playlist to the rules that one text can break.
    ///
    /// # Errors
    /// The broken rule in words.
    pub fn check(&self, allowances: Allowances) -> Result<(), String> {
        let rule = |kept: bool, words: &str| if kept { Ok(()) } else { Err(format!("{words}: {self:#?}")) };
        rule(self.part_hold_back >= 3.0 * self.part_target - 1e-6, "PART-HOLD-BACK below 3 part targets")?;
        rule(self.hold_back >= 3.0 * self.target_duration - 1e-6, "HOLD-BACK below 3 target durations")?;
        rule(self.can_skip_until >= 6.0 * self.target_duration - 1e-6, "CAN-SKIP-UNTIL below 6 targets")?;
        rule(self.version >= 9, "EXT-X-VERSION below 9, which EXT-X-SKIP needs")?;
        rule(self.target_duration <= 10.0, "TARGETDURATION above 10 s")?;
        let total: f64 = self.segments.values().map(Segment::length).sum();
        let mut end = 0.0;
        for (msn, segment) in &self.segments {
            segment.check(*msn, self, allowances)?;
            let growing = segment.duration.is_none();
            rule(
                !growing || self.segments.keys().next_back() == Some(msn),
                "a growing segment before the last",
            )?;
            end += segment.length();
            let from_end = total - end;
            let listed = !segment.parts.is_empty();
            let old = from_end > 3.0 * self.target_duration + 1e-3;
            rule(!(listed && old), "parts older than 3 target durations")?;
            let recent = from_end + segment.length() < 3.0 * self.target_duration - 1e-3;
            rule(listed || !recent, "no parts within 3 target durations of the end")?;
        }
        rule(self.hint.as_ref().is_none_or(|hint| *hint == self.next_part()), "the hint is not the next part")
    }

    /// Holds the playlist to the rules that two successive texts can break.
    ///
    /// # Errors
    /// The broken rule in words.
    pub fn check_follows(&self, before: &Playlist) -> Result<(), String> {
        let rule = |kept: bool, words: &str| {
            if kept { Ok(()) } else { Err(format!("{words}: {before:#?} then {self:#?}")) }
        };
        rule(self.target_duration == before.target_duration, "TARGETDURATION changed")?;
        rule(self.part_target == before.part_target, "PART-TARGET changed")?;
        rule(before.independent || !self.independent, "INDEPENDENT-SEGMENTS came back")?;
        let first = |playlist: &Playlist| playlist.segments.keys().next().copied().unwrap_or(0);
        let last = |playlist: &Playlist| playlist.segments.keys().next_back().copied().unwrap_or(0);
        rule(first(self) >= first(before), "the media sequence went back")?;
        rule(last(self) >= last(before), "segments at the end vanished")?;
        let total: f64 = self.segments.values().map(Segment::length).sum();
        let removed = first(self) > first(before);
        rule(!removed || total >= 3.0 * self.target_duration, "less than 3 target durations listed")?;
        let removed = before.segments.iter().filter(|(msn, _)| **msn < first(self));
        let discontinuities = removed.filter(|(_, segment)| segment.discontinuity).count() as u64;
        let sequence = before.discontinuity_sequence + discontinuities;
        rule(self.discontinuity_sequence == sequence, "EXT-X-DISCONTINUITY-SEQUENCE is wrong")?;
        for (msn, old) in &before.segments {
            let Some(new) = self.segments.get(msn) else { continue };
            rule(new.discontinuity == old.discontinuity && new.map == old.map, "a segment's tags changed")?;
            rule(new.date_time == old.date_time, "a segment's date changed")?;
            rule(old.duration.is_none() || old.duration == new.duration, "a segment's duration changed")?;
            let dropped = old.parts.len().saturating_sub(new.parts.len());
            let kept_parts = new.parts.is_empty()
                || new.parts.starts_with(&old.parts)
                || new.parts.starts_with(&old.parts[dropped..])
                || old.parts.iter().any(|part| Some(part) == new.parts.first());
            rule(kept_parts, "a listed part changed")?;
        }
        Ok(())
    }

    /// This delta update put onto the whole playlist that was known `before`: what is skipped is taken from there.
    ///
    /// # Errors
    /// In words, when it skips what is not older than the skip boundary, or cannot be put onto `before`.
    pub fn onto(mut self, before: &Playlist) -> Result<Playlist, String> {
        let first = self.segments.keys().next().copied().unwrap_or(0);
        let kept: f64 = self.segments.values().map(Segment::length).sum();
        if self.skipped == 0 || kept < self.can_skip_until - 1e-3 {
            return Err(format!("skips {} and lists only {kept} s: {self:#?}", self.skipped));
        }
        let map = before.segments.get(&(first - 1)).map(|segment| segment.map.clone()).unwrap_or_default();
        for segment in self.segments.values_mut().take_while(|segment| segment.map.is_empty()) {
            segment.map.clone_from(&map);
        }
        for msn in first - self.skipped..first {
            let known =
                before.segments.get(&msn).ok_or(format!("skips segment {msn}, which was not there"))?;
            self.segments.insert(msn, Segment { parts: Vec::new(), ..known.clone() });
        }
        self.skipped = 0;
        Ok(self)
    }

    fn next_part(&self) -> String {
        match self.segments.iter().next_back() {
            Some((msn, segment)) if segment.duration.is_none() => {
                format!("part-{msn}-{}.m4s", segment.last_part_index().map_or(0, |index| index + 1))
            }
            Some((msn, _)) => format!("part-{}-0.m4s", msn + 1),
            None => "part-0-0.m4s".to_owned(),
        }
    }
}

impl Segment {
    /// `EXTINF`, or that of its parts so far.
    #[must_use]
    pub fn length(&self) -> f64 {
        self.duration.unwrap_or_else(|| self.parts.iter().map(|part| part.duration).sum())
    }

    fn last_part_index(&self) -> Option<u32> {
        self.parts.last()?.uri.trim_end_matches(".m4s").rsplit('-').next()?.parse().ok()
    }

    fn check(&self, msn: u64, playlist: &Playlist, allowances: Allowances) -> Result<(), String> {
        let rule = |kept: bool, words: &str| {
            if kept { Ok(()) } else { Err(format!("segment {msn}, {words}: {playlist:#?}")) }
        };
        rule(!self.map.is_empty(), "without EXT-X-MAP")?;
        rule(self.date_time.is_some(), "without EXT-X-PROGRAM-DATE-TIME")?;
        rule(self.length().round() <= playlist.target_duration, "EXTINF above TARGETDURATION")?;
        let target = playlist.part_target;
        let all_listed = self.parts.first().is_some_and(|part| part.uri == format!("part-{msn}-0.m4s"));
        if all_listed && self.duration.is_some() {
            let sum: f64 = self.parts.iter().map(|part| part.duration).sum();
            rule((sum - self.length()).abs() < 1e-3, "EXTINF is not the sum of its parts")?;
        }
        if all_listed && playlist.independent {
            rule(self.parts[0].independent || self.parts[0].gap, "not independent")?;
        }
        rule(!self.gap || self.parts.iter().all(|part| part.gap), "a gap, and a part that is none")?;
        let all_gaps = all_listed && self.duration.is_some() && self.parts.iter().all(|part| part.gap);
        rule(!all_gaps || self.gap, "only gaps, and no EXT-X-GAP")?;
        let last =
            if self.duration.is_some() { self.parts.len().saturating_sub(1) } else { self.parts.len() };
        for (index, part) in self.parts.iter().enumerate() {
            rule(part.duration <= target + 1e-5, "a part above PART-TARGET")?;
            let short = index < last && part.duration < 0.85 * target - 1e-5;
            rule(!short || part.gap || allowances.huge_frames, "a part below 85 % of PART-TARGET")?;
        }
        let numbers = self.parts.iter().filter_map(|part| {
            part.uri.strip_prefix(&format!("part-{msn}-"))?.strip_suffix(".m4s")?.parse::<u32>().ok()
        });
        let numbers: Vec<u32> = numbers.collect();
        rule(numbers.len() == self.parts.len(), "a part's URI is another's")?;
        rule(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "part numbers with a gap")?;
        let uri = format!("seg-{msn}.m4s");
        rule(self.uri.as_ref().is_none_or(|own| *own == uri), "its URI is another's")
    }
}

#[derive(Default)]
struct Reading {
    msn: u64,
    segment: Segment,
}

impl Reading {
    fn line(&mut self, line: &str, playlist: &mut Playlist) -> Option<()> {
        let Some(tag) = line.strip_prefix('#') else {
            self.segment.uri = Some(line.to_owned());
            let next = Segment { map: self.segment.map.clone(), ..Segment::default() };
            playlist.segments.insert(self.msn, std::mem::replace(&mut self.segment, next));
            self.msn += 1;
            return Some(());
        };
        if !tag.starts_with("EXT") {
            // A comment (RFC 8216 §4.1).
            return Some(());
        }
        let (name, value) = tag.split_once(':').unwrap_or((tag, ""));
        match name {
            "EXT-X-VERSION" => playlist.version = value.parse().ok()?,
            "EXT-X-INDEPENDENT-SEGMENTS" => playlist.independent = true,
            "EXT-X-TARGETDURATION" => playlist.target_duration = value.parse::<u32>().ok()?.into(),
            "EXT-X-SERVER-CONTROL" => {
                (attribute(value, "CAN-BLOCK-RELOAD")? == "YES").then_some(())?;
                playlist.part_hold_back = attribute(value, "PART-HOLD-BACK")?.parse().ok()?;
                playlist.hold_back = attribute(value, "HOLD-BACK")?.parse().ok()?;
                playlist.can_skip_until = attribute(value, "CAN-SKIP-UNTIL")?.parse().ok()?;
            }
            "EXT-X-PART-INF" => playlist.part_target = attribute(value, "PART-TARGET")?.parse().ok()?,
            "EXT-X-START" => playlist.start = Some(attribute(value, "TIME-OFFSET")?.parse().ok()?),
            "EXT-X-SKIP" => {
                playlist.skipped = attribute(value, "SKIPPED-SEGMENTS")?.parse().ok()?;
                self.msn += playlist.skipped;
            }
            "EXT-X-GAP" => self.segment.gap = true,
            "EXT-X-RENDITION-REPORT" => playlist.reports.push(Report {
                uri: attribute(value, "URI")?.to_owned(),
                last_msn: attribute(value, "LAST-MSN")?.parse().ok()?,
                last_part: attribute(value, "LAST-PART")?.parse().ok()?,
            }),
            "EXT-X-MEDIA-SEQUENCE" => self.msn = value.parse().ok()?,
            "EXT-X-DISCONTINUITY-SEQUENCE" => playlist.discontinuity_sequence = value.parse().ok()?,
            "EXT-X-DISCONTINUITY" => self.segment.discontinuity = true,
            "EXT-X-MAP" => self.segment.map = attribute(value, "URI")?.to_owned(),
            "EXT-X-PROGRAM-DATE-TIME" => self.segment.date_time = Some(value.to_owned()),
            "EXT-X-PART" => self.segment.parts.push(Part {
                duration: attribute(value, "DURATION")?.parse().ok()?,
                uri: attribute(value, "URI")?.to_owned(),
                independent: attribute(value, "INDEPENDENT") == Some("YES"),
                gap: attribute(value, "GAP") == Some("YES"),
            }),
            "EXTINF" => self.segment.duration = Some(value.trim_end_matches(',').parse().ok()?),
            "EXT-X-PRELOAD-HINT" => playlist.hint = Some(attribute(value, "URI")?.to_owned()),
            _ => return None,
        }
        Some(())
    }
}

/// The value of an attribute, without quotes.
fn attribute<'a>(list: &'a str, name: &str) -> Option<&'a str> {
    let pair = list.split(',').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))?;
    Some(pair.trim_matches('"'))
}

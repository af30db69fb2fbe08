//! The rules of Low-Latency HLS (draft-pantos-hls-rfc8216bis) that a server can break with its playlists: in each, and
//! from one to the next.

use std::collections::BTreeMap;

use super::http::Http;
use super::playlist::{MediaPlaylist, Segment, resolve};

/// Times are written with at least millisecond precision.
const PRECISION: f64 = 0.001_001;
/// A part that is not the last of its segment lasts at least this share of the target.
const PART_SHARE_MIN: f64 = 0.85;

/// A rendition that is made of the source's picture may be this much behind it: three seconds, and the segments that
/// those begin and end in.
const APART_SEGMENTS: u64 = 3;

/// All that was seen of a playlist.
#[derive(Default)]
pub struct Linter {
    /// How many playlists were read.
    pub playlists: usize,
    /// The newest.
    pub last: Option<MediaPlaylist>,
    /// Every segment ever seen, as it was last.
    pub segments: BTreeMap<u64, Segment>,
    /// What is wrong, in words.
    pub wrong: Vec<String>,
    /// Hints that did not come true yet, in the order they were given.
    hinted: Vec<String>,
}

impl Linter {
    /// Holds a playlist, and its difference from the one before, to the rules.
    pub fn see(&mut self, playlist: MediaPlaylist) {
        self.playlists += 1;
        let found =
            [head(&playlist), parts(&playlist), hints(&playlist), dates(&playlist), steady(&playlist)]
                .concat();
        self.wrong.extend(found);
        self.wrong.extend(self.last.as_ref().map(|last| succession(last, &playlist)).into_iter().flatten());
        for segment in &playlist.segments {
            if let Some(before) = self.segments.get(&segment.msn)
                && let Some(change) = changed(before, segment)
            {
                self.wrong.push(format!("segment {}: {change}", segment.msn));
            }
            self.segments.insert(segment.msn, segment.clone());
        }
        for part in playlist.segments.iter().flat_map(|segment| &segment.parts) {
            self.hinted.retain(|hinted| *hinted != part.uri);
        }
        let hint = playlist.preload_hints.first().and_then(|hint| hint.get("URI"));
        self.hinted.extend(hint.filter(|hint| !self.hinted.contains(hint)).cloned());
        self.last = Some(playlist);
    }

    /// Notes the hints that did not come true. The newest may still.
    pub fn end(&mut self) {
        let pending = self.last.as_ref().and_then(|last| last.preload_hints.first()?.get("URI").cloned());
        for hinted in self.hinted.drain(..).filter(|hinted| Some(hinted) != pending.as_ref()) {
            self.wrong.push(format!("{hinted} was hinted at and never came"));
        }
    }

    /// A segment that left the playlist stays available for its own duration and the playlist's.
    pub async fn removed_segments_stay(&mut self, http: &Http, url: &str) {
        let first = self.last.as_ref().map_or(0, |last| last.media_sequence);
        let Some(newest) = self.segments.range(..first).next_back() else { return };
        let Some(uri) = &newest.1.uri else { return };
        let answer = http.get(&resolve(url, uri)).await;
        if !answer.status.is_success() {
            self.wrong.push(format!("segment {} went away with its line: {}", newest.0, answer.status));
        }
    }
}

/// The tags of the head, each on its own.
fn head(playlist: &MediaPlaylist) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut check = |holds: bool, rule: &str| {
        if !holds {
            wrong.push(rule.to_owned());
        }
    };
    for tag in ["VERSION", "TARGETDURATION", "PART-INF", "SERVER-CONTROL", "MEDIA-SEQUENCE"] {
        let count = playlist.occurrences.get(&format!("#EXT-X-{tag}")).copied().unwrap_or(0);
        check(count == 1, &format!("EXT-X-{tag} occurs {count} times"));
    }
    let target = playlist.target_duration.unwrap_or(0.0);
    let part_target = playlist.part_target.unwrap_or(0.0);
    check(target.fract() == 0.0 && target > 0.0, "TARGETDURATION is not a whole number of seconds");
    check(part_target > 0.0, "there is no PART-TARGET");
    check(
        playlist.version.is_some_and(|version| version >= 6),
        "the version is below 6, which EXT-X-MAP needs",
    );
    check(
        playlist.version.is_some_and(|version| version >= 9),
        "the version is below 9, which EXT-X-SKIP needs",
    );
    let control = |name: &str| playlist.control_seconds(name);
    check(
        playlist.server_control.get("CAN-BLOCK-RELOAD").is_some_and(|value| value == "YES"),
        "CAN-BLOCK-RELOAD is not YES",
    );
    check(
        control("PART-HOLD-BACK").is_some_and(|back| back >= 3.0 * part_target - PRECISION),
        "PART-HOLD-BACK is below three part targets",
    );
    check(
        control("HOLD-BACK").is_none_or(|back| back >= 3.0 * target),
        "HOLD-BACK is below three target durations",
    );
    check(
        control("CAN-SKIP-UNTIL").is_some_and(|until| until >= 6.0 * target),
        "CAN-SKIP-UNTIL is below six target durations",
    );
    for segment in &playlist.segments {
        let long = segment.duration.is_some_and(|duration| duration.round() > target);
        check(!long, &format!("segment {} is longer than TARGETDURATION", segment.msn));
        check(segment.map.is_some(), &format!("segment {} has no EXT-X-MAP", segment.msn));
    }
    let length: f64 = playlist.segments.iter().filter_map(|segment| segment.duration).sum();
    check(
        playlist.media_sequence == 0 || length >= 3.0 * target,
        "segments left, and less than three targets remain",
    );
    wrong
}

/// How long parts are, where they stand, and which can be begun with.
fn parts(playlist: &MediaPlaylist) -> Vec<String> {
    let mut wrong = Vec::new();
    let target = playlist.part_target.unwrap_or(0.0);
    let mut from_end = 0.0;
    for segment in playlist.segments.iter().rev() {
        let total: f64 = segment.parts.iter().map(|part| part.duration).sum();
        for (number, part) in segment.parts.iter().enumerate() {
            let place = format!("segment {} part {number}", segment.msn);
            let last_of_segment = segment.uri.is_some() && number + 1 == segment.parts.len();
            if part.duration > target + PRECISION {
                wrong.push(format!("{place} lasts {} s, longer than PART-TARGET {target}", part.duration));
            }
            // The newest part of a growing segment may turn out to be its last.
            let newest = segment.uri.is_none() && number + 1 == segment.parts.len();
            if !last_of_segment && !newest && !part.gap && part.duration < PART_SHARE_MIN * target - PRECISION
            {
                wrong.push(format!("{place} lasts {} s, under 85 % of PART-TARGET {target}", part.duration));
            }
        }
        // Old parts leave one by one, so the first that is listed is the segment's first only while all are.
        let complete =
            segment.duration.is_none_or(|duration| (duration - total).abs() < PART_SHARE_MIN * target / 2.0);
        let first = segment.parts.first().filter(|_| complete);
        if segment.gap && segment.parts.iter().any(|part| !part.gap) {
            wrong.push(format!("segment {} is a gap, and has a part that is none", segment.msn));
        }
        if playlist.independent_segments && first.is_some_and(|part| !part.independent && !part.gap) {
            wrong.push(format!(
                "segment {} claims to be independent, and its first part does not",
                segment.msn
            ));
        }
        if let (Some(duration), true) = (segment.duration, complete)
            && (duration - total).abs() > PRECISION * segment.parts.len() as f64
        {
            wrong.push(format!("segment {} lasts {duration} s, its parts {total} s", segment.msn));
        }
        // A part leaves once three target durations follow it; a part's grace for the one that was just added.
        let kept = 3.0 * playlist.target_duration.unwrap_or(0.0) + target;
        if from_end > kept && !segment.parts.is_empty() {
            wrong.push(format!("segment {} still lists parts, {from_end} s from the end", segment.msn));
        }
        let near = from_end + total < kept - 2.0 * target;
        if near && segment.duration.is_some() && !complete {
            wrong.push(format!("segment {} lost parts, and is only {from_end} s from the end", segment.msn));
        }
        from_end += segment.duration.unwrap_or(total);
    }
    wrong
}

fn hints(playlist: &MediaPlaylist) -> Vec<String> {
    let parts =
        playlist.preload_hints.iter().filter(|hint| hint.get("TYPE").is_some_and(|kind| kind == "PART"));
    // None while nobody publishes: nothing is promised then.
    match (parts.count(), playlist.ended) {
        (0 | 1, false) | (0, true) => Vec::new(),
        (count, ended) => vec![format!("{count} hints of a part, and the playlist has ended: {ended}")],
    }
}

/// Renditions come at one pace: none is reported to end much earlier or later than this one.
fn steady(playlist: &MediaPlaylist) -> Vec<String> {
    let mut wrong = Vec::new();
    let Some(own) = playlist.segments.last().map(|segment| segment.msn) else { return wrong };
    for report in &playlist.rendition_reports {
        let number = |name: &str| report.get(name).and_then(|value| value.parse::<u64>().ok());
        let (Some(msn), Some(_)) = (number("LAST-MSN"), number("LAST-PART")) else {
            wrong.push(format!("a report without LAST-MSN or LAST-PART: {report:?}"));
            continue;
        };
        if own.abs_diff(msn) > APART_SEGMENTS {
            wrong.push(format!("{:?} ends at segment {msn}, this one at {own}", report.get("URI")));
        }
    }
    wrong
}

/// `EXT-X-PROGRAM-DATE-TIME` is there, and goes on as the durations say.
fn dates(playlist: &MediaPlaylist) -> Vec<String> {
    let mut wrong = Vec::new();
    let dated: Vec<(u64, Option<f64>, f64)> = playlist
        .segments
        .iter()
        .filter_map(|segment| {
            Some((segment.msn, segment.duration, unix_seconds(segment.date_time.as_deref()?)?))
        })
        .collect();
    if dated.is_empty() {
        wrong.push("there is no EXT-X-PROGRAM-DATE-TIME".into());
    }
    for pair in dated.windows(2) {
        let [(msn, Some(duration), begins), (next, _, follows)] = pair else { continue };
        let cut = playlist.segments.iter().any(|segment| segment.msn == *next && segment.discontinuity);
        if msn + 1 == *next && !cut && (follows - begins - duration).abs() > 2.0 * PRECISION {
            wrong.push(format!(
                "segment {msn} lasts {duration} s, and {next} is dated {:.4} s on",
                follows - begins
            ));
        }
    }
    wrong
}

/// What must hold from one playlist to the next.
fn succession(last: &MediaPlaylist, next: &MediaPlaylist) -> Vec<String> {
    let mut wrong = Vec::new();
    if next.media_sequence < last.media_sequence || next.next() < last.next() {
        wrong.push(format!("the playlist went back from {:?} to {:?}", last.next(), next.next()));
    }
    if next.discontinuity_sequence < last.discontinuity_sequence {
        wrong.push("EXT-X-DISCONTINUITY-SEQUENCE went back".into());
    }
    if (last.target_duration, last.part_target, last.version)
        != (next.target_duration, next.part_target, next.version)
    {
        wrong.push("TARGETDURATION, PART-TARGET or the version changed".into());
    }
    if last.ended {
        wrong.push("the playlist goes on after EXT-X-ENDLIST".into());
    }
    let hinted = last.preload_hints.first().and_then(|hint| hint.get("URI"));
    let parts: Vec<&String> =
        next.segments.iter().flat_map(|segment| &segment.parts).map(|part| &part.uri).collect();
    if let Some(hinted) = hinted
        && next.next() > last.next()
        && !parts.contains(&hinted)
    {
        wrong.push(format!("the hinted part {hinted} never came"));
    }
    wrong
}

/// What may not change in a segment that was listed before.
fn changed(before: &Segment, now: &Segment) -> Option<String> {
    let grown = |what: &str| Some(format!("{what} changed from {before:?} to {now:?}"));
    if before.uri.is_some() && (before.uri != now.uri || before.duration != now.duration) {
        return grown("a whole segment");
    }
    // Parts leave at the front and come at the end, and stay what they are in between.
    let kept = now.parts.first().and_then(|first| before.parts.iter().position(|part| part.uri == first.uri));
    let same = match kept {
        Some(gone) => {
            (gone == 0 || now.uri.is_some())
                && before.parts[gone..].iter().zip(&now.parts).all(|(before, now)| before == now)
                && now.parts.len() >= before.parts.len() - gone
        }
        None => now.parts.is_empty() || before.parts.is_empty(),
    };
    if !same {
        return grown("a part");
    }
    (before.map != now.map || before.date_time != now.date_time || before.discontinuity != now.discontinuity)
        .then(|| format!("its tags changed from {before:?} to {now:?}"))
}

/// `2026-11-20T22:53:12.125Z` or with an offset, as Unix time.
pub fn unix_seconds(date_time: &str) -> Option<f64> {
    let (date, time) = date_time.split_once('T')?;
    let number = |text: &str| text.parse::<f64>().ok();
    let mut date = date.split('-').map(number);
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let zone_at = time.find(['Z', '+', '-'])?;
    let (time, zone) = time.split_at(zone_at);
    let mut time = time.split(':').map(number);
    let (hour, minute, second) = (time.next()??, time.next()??, time.next()??);
    let offset = match zone.get(1..).filter(|zone| !zone.is_empty()) {
        None => 0.0,
        Some(zone) => {
            let (hours, minutes) = (number(zone.get(..2)?)?, number(zone.get(zone.len() - 2..)?)?);
            (hours * 3600.0 + minutes * 60.0) * if time_is_west(date_time) { -1.0 } else { 1.0 }
        }
    };
    // Days from the civil calendar, years beginning in March so that the leap day is last.
    let (year, month) = if month <= 2.0 { (year - 1.0, month + 9.0) } else { (year, month - 3.0) };
    let days = (365.25 * year).floor() - (year / 100.0).floor()
        + (year / 400.0).floor()
        + ((153.0 * month + 2.0) / 5.0).floor()
        + day
        - 719_469.0;
    Some(days * 86_400.0 + hour * 3600.0 + minute * 60.0 + second - offset)
}

fn time_is_west(date_time: &str) -> bool {
    date_time.split_once('T').is_some_and(|(_, time)| time.contains('-'))
}

#[test]
fn dates_become_unix_time() {
    assert_eq!(unix_seconds("1970-01-01T00:00:00.000Z"), Some(0.0));
    assert_eq!(unix_seconds("2000-03-01T01:00:00.5+01:00"), Some(951_868_800.5));
    assert_eq!(unix_seconds("yesterday"), None);
}

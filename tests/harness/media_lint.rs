//! What parts and segments hold, compared with what their playlist says.

use std::collections::{BTreeMap, BTreeSet};

use testkit::{ReadSample, read_fragment};

use super::http::Http;
use super::playlist::{MediaPlaylist, Part, Segment, resolve};

/// One picture of the slowest source of these tests; a part's samples may pass its end by less. Seconds.
const FRAME: f64 = 0.05;
/// NAL unit type of a slice of an IDR picture (ISO/IEC 14496-10 table 7-1).
const IDR: u8 = 5;

/// The media of one rendition so far.
#[derive(Default)]
pub struct MediaLinter {
    /// How many parts were read.
    pub parts: usize,
    /// Bits per second of the largest segment.
    pub peak_bps: f64,
    /// Where each segment begins by its first sample, seconds of the media's own time.
    pub begins: BTreeMap<u64, f64>,
    read: BTreeSet<String>,
    /// Where the samples of each track end, in its ticks.
    ends: BTreeMap<u32, u64>,
    bodies: BTreeMap<u64, Vec<u8>>,
}

impl MediaLinter {
    /// Reads the parts that are new in a playlist, and the segments they make up; returns what is wrong with them.
    pub async fn read(&mut self, http: &Http, url: &str, playlist: &MediaPlaylist) -> Vec<String> {
        let mut wrong = Vec::new();
        let known = |segment: &Segment| segment.parts.first().is_some_and(|first| first.uri.contains("-0."));
        for segment in &playlist.segments {
            let whole = self.bodies.contains_key(&segment.msn) || known(segment);
            for part in segment.parts.iter().filter(|_| whole) {
                if !self.read.insert(part.uri.clone()) {
                    continue;
                }
                let answer = http.get(&resolve(url, &part.uri)).await;
                if answer.status.is_success() == part.gap {
                    wrong
                        .push(format!("{}: GAP is {}, and the answer {}", part.uri, part.gap, answer.status));
                }
                let body = if answer.status.is_success() { answer.body.to_vec() } else { Vec::new() };
                wrong.extend(self.part(segment, part, &body));
                self.bodies.entry(segment.msn).or_default().extend(body);
            }
            if let (Some(uri), Some(duration), true) = (&segment.uri, segment.duration, whole)
                && let Some(body) = self.bodies.get(&segment.msn)
                && self.read.insert(uri.clone())
            {
                let bytes = http.get(&resolve(url, uri)).await.body;
                if !segment.gap && bytes != *body {
                    wrong.push(format!("{uri} is not the chain of its parts"));
                }
                self.peak_bps = self.peak_bps.max(bytes.len() as f64 * 8.0 / duration);
            }
        }
        wrong
    }

    fn part(&mut self, segment: &Segment, part: &Part, body: &[u8]) -> Vec<String> {
        let mut wrong = Vec::new();
        let samples = if body.is_empty() { Vec::new() } else { read_fragment(body) };
        self.parts += 1;
        let begins = self.bodies.get(&segment.msn).is_none_or(Vec::is_empty);
        if begins && segment.discontinuity {
            self.ends.clear();
        }
        // Sound alone is track 2, as it is beside a picture, which is track 1.
        let lead = samples.iter().map(|sample| sample.track).min();
        let of_lead: Vec<&ReadSample> = samples.iter().filter(|sample| Some(sample.track) == lead).collect();
        let ticks = if lead == Some(1) { 90_000.0 } else { 48_000.0 };
        if let Some(first) = of_lead.first().filter(|_| begins) {
            self.begins.insert(segment.msn, first.dts as f64 / ticks);
        }
        let lasts = of_lead.iter().map(|sample| f64::from(sample.duration)).sum::<f64>() / ticks;
        if !part.gap && (lasts - part.duration).abs() > FRAME {
            wrong.push(format!(
                "{} lasts {lasts:.3} s by its samples, {} by its tag",
                part.uri, part.duration
            ));
        }
        let independent = of_lead.first().is_some_and(|first| is_independent(first, lead));
        if part.independent != independent && !part.gap && !of_lead.is_empty() {
            let told = part.independent;
            wrong.push(format!("{}: INDEPENDENT is {told}, and it begins so: {independent}", part.uri));
        }
        for sample in &samples {
            if self.ends.get(&sample.track).is_some_and(|end| *end != sample.dts) {
                let end = self.ends[&sample.track];
                wrong.push(format!(
                    "{}: track {} goes on at {}, not {end}",
                    part.uri, sample.track, sample.dts
                ));
            }
            self.ends.insert(sample.track, sample.dts + u64::from(sample.duration));
        }
        wrong
    }
}

/// Whether decoding can begin with this sample: any of sound, an IDR picture of H.264.
fn is_independent(sample: &ReadSample, track: Option<u32>) -> bool {
    if track != Some(1) {
        return sample.sync;
    }
    let mut rest = sample.data.as_slice();
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let length = u32::from_be_bytes(*length) as usize;
        let Some((unit, after)) = after.split_at_checked(length) else { return false };
        if unit.first().is_some_and(|header| header & 0x1f == IDR) {
            return sample.sync;
        }
        rest = after;
    }
    false
}

//! A media playlist as its tags say it, line by line, for the linter and the viewer. It shares no code with the writer.

use std::collections::HashMap;

/// One media playlist.
#[derive(Clone, Debug, Default)]
pub struct MediaPlaylist {
    /// `EXT-X-SKIP`'s `SKIPPED-SEGMENTS`: how many segments a delta update leaves out; 0 in a whole playlist.
    pub skipped: u64,
    /// `EXT-X-VERSION`.
    pub version: Option<u32>,
    /// `EXT-X-TARGETDURATION`, seconds.
    pub target_duration: Option<f64>,
    /// `EXT-X-PART-INF`'s `PART-TARGET`, seconds.
    pub part_target: Option<f64>,
    /// `EXT-X-SERVER-CONTROL`.
    pub server_control: Attributes,
    /// `EXT-X-MEDIA-SEQUENCE`.
    pub media_sequence: u64,
    /// `EXT-X-DISCONTINUITY-SEQUENCE`.
    pub discontinuity_sequence: u64,
    /// Whole segments, then at most one that has only parts yet.
    pub segments: Vec<Segment>,
    /// `EXT-X-PRELOAD-HINT`s.
    pub preload_hints: Vec<Attributes>,
    /// `EXT-X-RENDITION-REPORT`s.
    pub rendition_reports: Vec<Attributes>,
    /// Whether `EXT-X-ENDLIST` is there.
    pub ended: bool,
    /// Whether `EXT-X-INDEPENDENT-SEGMENTS` is there.
    pub independent_segments: bool,
    /// How often each tag occurs, by its name without values.
    pub occurrences: HashMap<String, usize>,
}

/// One segment, whole or growing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Segment {
    /// Its media sequence number.
    pub msn: u64,
    /// Its URI; `None` while it grows.
    pub uri: Option<String>,
    /// `EXTINF`, seconds; `None` while it grows.
    pub duration: Option<f64>,
    /// `EXT-X-MAP`'s URI that applies to it.
    pub map: Option<String>,
    /// Whether it begins after `EXT-X-DISCONTINUITY`.
    pub discontinuity: bool,
    /// Whether `EXT-X-GAP` says that it has no media.
    pub gap: bool,
    /// `EXT-X-PROGRAM-DATE-TIME` at its head.
    pub date_time: Option<String>,
    /// Its parts that are still listed.
    pub parts: Vec<Part>,
}

/// One `EXT-X-PART`.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// Its URI.
    pub uri: String,
    /// Seconds.
    pub duration: f64,
    /// `INDEPENDENT=YES`.
    pub independent: bool,
    /// `GAP=YES`.
    pub gap: bool,
}

/// A tag's attribute list: quotes taken off.
pub type Attributes = HashMap<String, String>;

impl MediaPlaylist {
    /// Reads a playlist.
    ///
    /// # Errors
    /// With the line that is not as the specification has it.
    pub fn read(text: &str) -> Result<MediaPlaylist, String> {
        let mut lines = text.lines();
        if lines.next() != Some("#EXTM3U") {
            return Err(format!("does not begin with #EXTM3U: {text:?}"));
        }
        let mut playlist = MediaPlaylist::default();
        let mut open = Segment::default();
        let mut map = None;
        for line in lines.filter(|line| !line.is_empty()) {
            let told = || format!("in line {line:?}");
            if !line.starts_with('#') {
                open.uri = Some(line.to_owned());
                open.map.clone_from(&map);
                open.msn = playlist.end();
                if open.duration.is_none() {
                    return Err(format!("a segment without EXTINF {}", told()));
                }
                playlist.segments.push(std::mem::take(&mut open));
                continue;
            }
            let (tag, value) = line.split_once(':').unwrap_or((line, ""));
            *playlist.occurrences.entry(tag.to_owned()).or_default() += 1;
            let number = || value.parse::<f64>().map_err(|_| told());
            match tag {
                "#EXT-X-VERSION" => playlist.version = Some(value.parse().map_err(|_| told())?),
                "#EXT-X-TARGETDURATION" => playlist.target_duration = Some(number()?),
                "#EXT-X-PART-INF" => playlist.part_target = seconds(&attributes(value)?, "PART-TARGET"),
                "#EXT-X-SERVER-CONTROL" => playlist.server_control = attributes(value)?,
                "#EXT-X-MEDIA-SEQUENCE" => playlist.media_sequence = value.parse().map_err(|_| told())?,
                "#EXT-X-DISCONTINUITY-SEQUENCE" => {
                    playlist.discontinuity_sequence = value.parse().map_err(|_| told())?;
                }
                "#EXT-X-INDEPENDENT-SEGMENTS" => playlist.independent_segments = true,
                "#EXT-X-ENDLIST" => playlist.ended = true,
                "#EXT-X-DISCONTINUITY" => open.discontinuity = true,
                "#EXT-X-GAP" => open.gap = true,
                "#EXT-X-SKIP" => {
                    let skipped = attributes(value)?.remove("SKIPPED-SEGMENTS");
                    playlist.skipped = skipped.and_then(|count| count.parse().ok()).ok_or_else(told)?;
                }
                "#EXT-X-PROGRAM-DATE-TIME" => open.date_time = Some(value.to_owned()),
                "#EXT-X-MAP" => map = attributes(value)?.remove("URI"),
                "#EXTINF" => {
                    let duration = value.split(',').next().unwrap_or("");
                    open.duration = Some(duration.parse().map_err(|_| told())?);
                }
                "#EXT-X-PART" => open.parts.push(part(&attributes(value)?).ok_or_else(told)?),
                "#EXT-X-PRELOAD-HINT" => playlist.preload_hints.push(attributes(value)?),
                "#EXT-X-RENDITION-REPORT" => playlist.rendition_reports.push(attributes(value)?),
                _ => {}
            }
        }
        if !open.parts.is_empty() {
            open.map = map;
            open.msn = playlist.end();
            playlist.segments.push(open);
        }
        Ok(playlist)
    }

    /// A delta update put onto the whole playlist that was known before: what it skips is taken from there. Parts of
    /// skipped segments are older than any playlist lists.
    ///
    /// # Errors
    /// When it skips segments that were not known, or that are not older than the skip boundary.
    pub fn onto(mut self, before: &MediaPlaylist) -> Result<MediaPlaylist, String> {
        if self.skipped == 0 {
            return Ok(self);
        }
        let kept: f64 = self.segments.iter().map(Segment::length).sum();
        let until = self.control_seconds("CAN-SKIP-UNTIL").unwrap_or(f64::MAX);
        if kept < until - 0.001 {
            return Err(format!(
                "an update lists {kept} s and skips segments, before CAN-SKIP-UNTIL={until}"
            ));
        }
        let skipped = self.media_sequence..self.media_sequence + self.skipped;
        let known = |msn: &u64| before.segments.iter().find(|segment| segment.msn == *msn);
        let mut whole = Vec::new();
        for msn in skipped {
            let segment =
                known(&msn).ok_or_else(|| format!("an update skips segment {msn}, never listed"))?;
            whole.push(Segment { parts: Vec::new(), ..segment.clone() });
        }
        let map = whole.last().and_then(|last| last.map.clone());
        for segment in self.segments.iter_mut().take_while(|segment| segment.map.is_none()) {
            segment.map.clone_from(&map);
        }
        whole.append(&mut self.segments);
        Ok(MediaPlaylist { segments: whole, skipped: 0, ..self })
    }

    /// The media sequence number after the last segment.
    fn end(&self) -> u64 {
        self.media_sequence + self.skipped + self.segments.len() as u64
    }

    /// `EXT-X-SERVER-CONTROL`'s value of a name, seconds.
    pub fn control_seconds(&self, name: &str) -> Option<f64> {
        seconds(&self.server_control, name)
    }

    /// The media sequence number and the part that are not there yet.
    pub fn next(&self) -> (u64, usize) {
        match self.segments.last() {
            Some(open) if open.uri.is_none() => (open.msn, open.parts.len()),
            Some(whole) => (whole.msn + 1, 0),
            None => (self.media_sequence, 0),
        }
    }
}

impl Segment {
    /// `EXTINF`, or that of its parts so far.
    pub fn length(&self) -> f64 {
        self.duration.unwrap_or_else(|| self.parts.iter().map(|part| part.duration).sum())
    }
}

/// The URIs of a multivariant playlist's variants.
pub fn variants(text: &str) -> Vec<String> {
    text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect()
}

/// A URI of a playlist, made whole by the playlist's own address.
pub fn resolve(playlist: &str, uri: &str) -> String {
    if uri.contains("://") {
        return uri.to_owned();
    }
    let origin = playlist.split('/').take(3).collect::<Vec<_>>().join("/");
    if uri.starts_with('/') {
        return format!("{origin}{uri}");
    }
    let path = playlist.split('?').next().unwrap_or_default();
    let mut folders: Vec<&str> = path.split('/').collect();
    folders.pop();
    for name in uri.split('/') {
        if name == ".." { folders.pop().map_or((), drop) } else { folders.push(name) }
    }
    folders.join("/")
}

fn seconds(attributes: &Attributes, name: &str) -> Option<f64> {
    attributes.get(name)?.parse().ok()
}

fn part(attributes: &Attributes) -> Option<Part> {
    Some(Part {
        uri: attributes.get("URI")?.clone(),
        duration: seconds(attributes, "DURATION")?,
        independent: attributes.get("INDEPENDENT").is_some_and(|value| value == "YES"),
        gap: attributes.get("GAP").is_some_and(|value| value == "YES"),
    })
}

/// Splits `A=1,B="x,y"`; commas inside quotes do not end a value.
pub fn attributes(list: &str) -> Result<Attributes, String> {
    let mut attributes = Attributes::new();
    let mut rest = list;
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=').ok_or_else(|| format!("no attribute list: {list:?}"))?;
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').ok_or_else(|| format!("an open quote: {list:?}"))?,
            None => after.split_at(after.find(',').unwrap_or(after.len())),
        };
        if attributes.insert(name.to_owned(), value.to_owned()).is_some() {
            return Err(format!("{name} twice: {list:?}"));
        }
        rest = after.strip_prefix(',').unwrap_or(after);
    }
    Ok(attributes)
}

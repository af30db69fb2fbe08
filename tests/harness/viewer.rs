//! A viewer of our own: it follows a live playlist part by part with blocking reloads and keeps every byte.

use std::path::{Path, PathBuf};

use http::StatusCode;

use super::http::{Answer, Http};
use super::playlist::{MediaPlaylist, Part, Segment, resolve, variants};

/// What a viewer received between two discontinuities: a file that any player reads.
pub struct Run {
    /// The initialisation segment's URI.
    pub map: String,
    /// The initialisation segment, then every part in order.
    pub bytes: Vec<u8>,
    /// How many parts it is made of.
    pub parts: usize,
}

/// A viewer from the first part that is still listed on.
pub struct Viewer {
    http: Http,
    playlist_url: String,
    playlist: MediaPlaylist,
    progress: Progress,
    /// What was received so far.
    pub runs: Vec<Run>,
}

impl Viewer {
    /// Begins at the oldest segment of a room's playlist.
    ///
    /// # Panics
    /// When there is no playlist.
    pub async fn join(http: &Http, multivariant_url: &str) -> Viewer {
        let playlist_url = media_playlist_url(http, multivariant_url).await;
        let playlist = load(http, &playlist_url).await;
        let msn = playlist.segments.first().map_or(playlist.media_sequence, |first| first.msn);
        let progress = Progress { msn, parts: 0, bytes: 0 };
        Viewer { http: http.clone(), playlist_url, playlist, progress, runs: Vec::new() }
    }

    /// Receives what is listed and was not received yet, then asks for the playlist that has more. False when that
    /// brought nothing: the origin gave up waiting.
    ///
    /// # Panics
    /// When a part that is listed is not there, or one was missed.
    pub async fn advance(&mut self) -> bool {
        for segment in self.playlist.segments.clone() {
            if segment.msn >= self.progress.msn {
                self.receive(&segment).await;
            }
        }
        let (msn, part) = self.playlist.next();
        let url = format!("{}?_HLS_msn={msn}&_HLS_part={part}", self.playlist_url);
        // A publisher that is there and sends next to nothing: what was asked for did not come in time.
        let answer = self.http.get(&url).await;
        if answer.status == StatusCode::SERVICE_UNAVAILABLE {
            return false;
        }
        self.playlist = read(&url, &answer);
        self.playlist.next() != (msn, part)
    }

    /// Writes what was received into `folder`, a file for each run.
    ///
    /// # Panics
    /// When the folder cannot be written.
    pub fn write(&self, folder: &Path) -> Vec<PathBuf> {
        let write = |(number, run): (usize, &Run)| {
            let path = folder.join(format!("run-{number}.mp4"));
            std::fs::write(&path, &run.bytes).expect("a temporary folder can be written");
            path
        };
        self.runs.iter().enumerate().map(write).collect()
    }

    async fn receive(&mut self, segment: &Segment) {
        let msn = self.progress.msn;
        assert_eq!(segment.msn, msn, "a segment was missed: the window is too short for a viewer");
        let map = segment.map.clone().expect("fragmented MP4 has EXT-X-MAP");
        let begins = self.progress.parts == 0;
        let same = self.runs.last().is_some_and(|run| run.map == map && !(begins && segment.discontinuity));
        if !same {
            let bytes = self.fetch(&map).await;
            self.runs.push(Run { map, bytes, parts: 0 });
        }
        match self.progress.wanted(segment) {
            Wanted::Rest { uri, after } => {
                let bytes = self.fetch(uri).await;
                self.keep(&bytes[after..]);
            }
            Wanted::Parts(parts) => {
                for part in parts {
                    let bytes = self.fetch(&part.uri).await;
                    self.keep(&bytes);
                }
            }
        }
        if segment.uri.is_some() {
            self.progress = Progress { msn: msn + 1, parts: 0, bytes: 0 };
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        let run = self.runs.last_mut().expect("a run was begun before its parts");
        run.bytes.extend_from_slice(bytes);
        run.parts += 1;
        self.progress.parts += 1;
        self.progress.bytes += bytes.len();
    }

    async fn fetch(&self, uri: &str) -> Vec<u8> {
        let url = resolve(&self.playlist_url, uri);
        let answer = self.http.get(&url).await;
        assert!(answer.status.is_success(), "GET {url}: {}", answer.status);
        answer.body.to_vec()
    }
}

/// How far a viewer has come.
struct Progress {
    /// The segment it is in.
    msn: u64,
    /// How many pieces of it were received.
    parts: usize,
    /// How many bytes they are.
    bytes: usize,
}

/// What a viewer is to fetch of a segment next.
#[derive(Debug, PartialEq)]
enum Wanted<'a> {
    /// These parts.
    Parts(&'a [Part]),
    /// The whole segment, of which so many bytes are there already.
    Rest { uri: &'a str, after: usize },
}

impl Progress {
    /// Parts are listed only near the live edge: where some of an older segment's are listed no more its rest is read,
    /// also by a viewer that was held up after it had begun with the parts.
    fn wanted<'a>(&self, segment: &'a Segment) -> Wanted<'a> {
        let listed: f64 = segment.parts.iter().map(|part| part.duration).sum();
        let all = segment.duration.is_none_or(|duration| (duration - listed).abs() < ROUNDING);
        match &segment.uri {
            Some(uri) if !all => Wanted::Rest { uri, after: self.bytes },
            _ => Wanted::Parts(segment.parts.get(self.parts..).expect("a listed part went away")),
        }
    }
}

/// What the written durations of a segment's parts may differ from its own, seconds.
const ROUNDING: f64 = 0.01;

/// The address of the first rendition of a multivariant playlist.
///
/// # Panics
/// When there is none.
pub async fn media_playlist_url(http: &Http, multivariant_url: &str) -> String {
    let answer = http.get(multivariant_url).await;
    assert!(answer.status.is_success(), "GET {multivariant_url}: {}", answer.status);
    let variants = variants(answer.text());
    resolve(multivariant_url, variants.first().expect("a multivariant playlist names a rendition"))
}

async fn load(http: &Http, url: &str) -> MediaPlaylist {
    read(url, &http.get(url).await)
}

fn read(url: &str, answer: &Answer) -> MediaPlaylist {
    assert!(answer.status.is_success(), "GET {url}: {} {:?}", answer.status, answer.body);
    MediaPlaylist::read(answer.text()).unwrap_or_else(|error| panic!("{url}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::{Part, Progress, Segment, Wanted};

    #[test]
    fn a_viewer_that_was_held_up_in_a_segment_still_receives_the_rest_of_it() {
        let part = |number: usize| Part {
            uri: format!("part-7-{number}.m4s"),
            duration: 0.33333,
            independent: false,
            gap: false,
        };
        let listed = Segment {
            uri: Some("seg-7.m4s".into()),
            duration: Some(2.0),
            parts: (0..6).map(part).collect(),
            ..Segment::default()
        };
        let progress = Progress { msn: 7, parts: 4, bytes: 4_000 };
        assert_eq!(progress.wanted(&listed), Wanted::Parts(&[part(4), part(5)]));
        let rest = Wanted::Rest { uri: "seg-7.m4s", after: 4_000 };
        let older = Segment { parts: (3..6).map(part).collect(), ..listed.clone() };
        assert_eq!(progress.wanted(&older), rest);
        let oldest = Segment { parts: Vec::new(), ..listed };
        assert_eq!(progress.wanted(&oldest), rest);
    }
}

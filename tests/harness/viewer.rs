//! A viewer of our own: it follows a live playlist part by part with blocking reloads and keeps every byte.

use std::path::{Path, PathBuf};

use super::http::Http;
use super::playlist::{MediaPlaylist, Segment, resolve, variants};

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
    next: (u64, usize),
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
        let next = (playlist.segments.first().map_or(playlist.media_sequence, |first| first.msn), 0);
        Viewer { http: http.clone(), playlist_url, playlist, next, runs: Vec::new() }
    }

    /// Receives what is listed and was not received yet, then asks for the playlist that has more. False when that
    /// brought nothing: the origin gave up waiting.
    ///
    /// # Panics
    /// When a part that is listed is not there, or one was missed.
    pub async fn advance(&mut self) -> bool {
        for segment in self.playlist.segments.clone() {
            if segment.msn >= self.next.0 {
                self.receive(&segment).await;
            }
        }
        let (msn, part) = self.playlist.next();
        let url = format!("{}?_HLS_msn={msn}&_HLS_part={part}", self.playlist_url);
        self.playlist = load(&self.http, &url).await;
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
        assert_eq!(segment.msn, self.next.0, "a segment was missed: the window is too short for a viewer");
        let map = segment.map.clone().expect("fragmented MP4 has EXT-X-MAP");
        let begins = self.next.1 == 0;
        let same = self.runs.last().is_some_and(|run| run.map == map && !(begins && segment.discontinuity));
        if !same {
            let bytes = self.fetch(&map).await;
            self.runs.push(Run { map, bytes, parts: 0 });
        }
        if segment.parts.is_empty() && begins {
            // Parts are listed only near the live edge; an older segment is read whole.
            let uri = segment.uri.as_deref().expect("a segment has parts or a URI");
            let bytes = self.fetch(uri).await;
            self.keep(&bytes);
        }
        for part in segment.parts.iter().skip(self.next.1) {
            let bytes = self.fetch(&part.uri).await;
            self.keep(&bytes);
            self.next.1 += 1;
        }
        if segment.uri.is_some() {
            self.next = (segment.msn + 1, 0);
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        let run = self.runs.last_mut().expect("a run was begun before its parts");
        run.bytes.extend_from_slice(bytes);
        run.parts += 1;
    }

    async fn fetch(&self, uri: &str) -> Vec<u8> {
        let url = resolve(&self.playlist_url, uri);
        let answer = self.http.get(&url).await;
        assert!(answer.status.is_success(), "GET {url}: {}", answer.status);
        answer.body.to_vec()
    }
}

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
    let answer = http.get(url).await;
    assert!(answer.status.is_success(), "GET {url}: {} {:?}", answer.status, answer.body);
    MediaPlaylist::read(answer.text()).unwrap_or_else(|error| panic!("{url}: {error}"))
}

//! A viewer that fetches every part as soon as a window offers it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use hls::{Config, Input, MAIN, Notice, Output, Packager, Position, Window};
use media::MediaEvent;
use testkit::playlist::{Allowances, Playlist};
use testkit::{ReadSample, read_fragment};

/// Wall time the streams begin at: 2026-11-20T23:15:30.042Z.
pub const UNIX_MS: i64 = 1_795_216_530_042;

/// A packager and everything that was fetched from it.
pub struct Reader {
    pub packager: Packager,
    pub window: Option<Arc<Window>>,
    pub playlist: Option<Playlist>,
    pub notices: Vec<Notice>,
    pub parts: Vec<(Position, Bytes)>,
    pub segments: BTreeMap<u64, Vec<Bytes>>,
    hints: BTreeSet<String>,
    next: Position,
    allowances: Allowances,
}

impl Reader {
    pub fn new(config: Config, allowances: Allowances) -> Reader {
        Reader {
            packager: Packager::new(config),
            window: None,
            playlist: None,
            notices: Vec::new(),
            parts: Vec::new(),
            segments: BTreeMap::new(),
            hints: BTreeSet::new(),
            next: Position { msn: 0, part: 0 },
            allowances,
        }
    }

    /// Packages a stream from its announcement to its end.
    pub fn of(events: &[MediaEvent], allowances: Allowances) -> Reader {
        let mut reader = Reader::new(Config::default(), allowances);
        reader.session(UNIX_MS, events);
        reader
    }

    pub fn session(&mut self, unix_ms: i64, events: &[MediaEvent]) {
        self.input(Input::Start { unix_ms });
        for event in events {
            self.input(Input::Media(event.clone()));
        }
        self.input(Input::Finish);
        let fetched = |Position { msn, part }: Position| format!("part-{msn}-{part}.m4s");
        let fetched: BTreeSet<String> = self.parts.iter().map(|(at, _)| fetched(*at)).collect();
        // A frame that is longer than expected may not fit the segment its part was hinted in.
        let kept = self.hints.is_subset(&fetched) || self.allowances.variable_frame_rate;
        assert!(kept, "a part that was hinted at never came");
    }

    pub fn input(&mut self, input: Input) {
        self.packager.handle_input(input).expect("sound input");
        while let Some(output) = self.packager.poll_output() {
            match output {
                Output::Notice(notice) => self.notices.push(notice),
                Output::Window(window) => self.look_at(window),
            }
        }
    }

    fn look_at(&mut self, window: Arc<Window>) {
        let rendition = window.rendition(MAIN).expect("the one rendition");
        let text = std::str::from_utf8(rendition.playlist()).expect("UTF-8");
        let playlist = Playlist::read(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        playlist.check(self.allowances).unwrap_or_else(|error| panic!("{error}\n{text}"));
        if let Some(before) = &self.playlist {
            playlist.check_follows(before).unwrap_or_else(|error| panic!("{error}\n{text}"));
        }
        while self.next < rendition.next() {
            let Position { msn, part } = self.next;
            match rendition.part(msn, part) {
                Some(data) => {
                    assert!(rendition.contains(msn, Some(part)));
                    self.parts.push((self.next, data));
                    self.next.part += 1;
                }
                None => {
                    let segment = rendition.segment(msn).expect("a segment that lacks a part is complete");
                    let fetched: Vec<_> = self
                        .parts
                        .iter()
                        .filter(|(at, _)| at.msn == msn)
                        .map(|(_, data)| data.clone())
                        .collect();
                    assert_eq!(segment, fetched, "a segment is the chain of its parts");
                    assert!(rendition.contains(msn, None));
                    self.segments.insert(msn, segment);
                    self.next = Position { msn: msn + 1, part: 0 };
                }
            }
        }
        assert!(!rendition.contains(self.next.msn, Some(self.next.part)), "nothing beyond the next place");
        for (msn, segment) in &playlist.segments {
            let init =
                segment.map.trim_start_matches("init-").trim_end_matches(".mp4").parse().expect("a number");
            assert!(rendition.init(init).is_some(), "a named initialisation segment is there");
            let complete = segment.duration.is_some();
            assert_eq!(rendition.segment(*msn).is_some(), complete, "what is listed can be fetched");
        }
        self.hints.extend(playlist.hint.clone());
        self.playlist = Some(playlist);
        self.window = Some(window);
    }

    pub fn text(&self) -> String {
        let window = self.window.as_ref().expect("something was packaged");
        let rendition = window.rendition(MAIN).expect("the one rendition");
        String::from_utf8(rendition.playlist().to_vec()).expect("UTF-8")
    }

    /// The samples of one file track (track id plus one), as fetched.
    pub fn samples(&self, track: u32) -> Vec<ReadSample> {
        let all = self.parts.iter().flat_map(|(_, data)| read_fragment(data));
        all.filter(|sample| sample.track == track).collect()
    }
}

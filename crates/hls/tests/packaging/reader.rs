//! A viewer that fetches every part as soon as a window offers it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use hls::{AUDIO, Config, Input, MAIN, Notice, Output, Packager, Position, RUNGS, Rendition, Window};
use media::MediaEvent;
use testkit::playlist::{Allowances, Playlist, Segment};
use testkit::{ReadSample, read_fragment};

/// Wall time the streams begin at: 2026-11-20T23:15:30.042Z.
pub const UNIX_MS: i64 = 1_795_216_530_042;

/// A packager and everything that was fetched from it.
pub struct Reader {
    pub packager: Packager,
    pub window: Option<Arc<Window>>,
    pub notices: Vec<Notice>,
    /// The source rendition.
    pub main: Followed,
    /// The rendition of the sound alone; nothing where there is none.
    pub audio: Followed,
    /// The first rendition made of the picture; nothing where there is none.
    pub rung: Followed,
    allowances: Allowances,
}

/// What was fetched of one rendition.
#[derive(Default)]
pub struct Followed {
    pub playlist: Option<Playlist>,
    pub parts: Vec<(Position, Bytes)>,
    pub segments: BTreeMap<u64, Vec<Bytes>>,
    hints: BTreeSet<String>,
    next: Option<Position>,
}

impl Reader {
    pub fn new(config: Config, allowances: Allowances) -> Reader {
        Reader {
            packager: Packager::new(config),
            window: None,
            notices: Vec::new(),
            main: Followed::default(),
            audio: Followed::default(),
            rung: Followed::default(),
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
        self.session_ends();
    }

    /// The publisher is gone.
    pub fn session_ends(&mut self) {
        self.input(Input::Finish);
        self.main.check_hints();
        self.audio.check_hints();
        self.check_alignment();
        if let (Some(main), Some(rung)) = (&self.main.playlist, &self.rung.playlist) {
            for (msn, segment) in &rung.segments {
                let beside = &main.segments[msn];
                assert_eq!(segment.date_time, beside.date_time, "segment {msn} begins with the source's");
                assert_eq!(segment.discontinuity, beside.discontinuity, "segment {msn}");
                assert!((segment.length() - beside.length()).abs() < 0.003, "segment {msn} is as long");
            }
        }
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
        self.main.look_at(window.rendition(MAIN).expect("the source rendition"), self.allowances);
        if let Some(audio) = window.rendition(AUDIO) {
            self.audio.look_at(audio, self.allowances);
        }
        if let Some(rung) = window.rendition(RUNGS[0]) {
            self.rung.look_at(rung, self.allowances);
        }
        for (name, followed) in [(MAIN, &self.main), (AUDIO, &self.audio), (RUNGS[0], &self.rung)] {
            let Some(playlist) = &followed.playlist else { continue };
            let others: Vec<_> = window.names().filter(|other| *other != name).collect();
            let reported: Vec<_> = playlist.reports.iter().map(|report| report.uri.as_str()).collect();
            let expected: Vec<_> = others.iter().map(|other| format!("../{other}/index.m3u8")).collect();
            assert_eq!(reported, expected, "{name} reports every other rendition");
            for (other, report) in others.iter().zip(&playlist.reports) {
                let last = window.rendition(other).and_then(Rendition::reported).expect("a part");
                assert_eq!((report.last_msn, report.last_part), (last.msn, last.part.into()), "{other}");
            }
        }
        self.window = Some(window);
    }

    /// Segments of the same number stand for the same time in both renditions.
    fn check_alignment(&self) {
        let (Some(main), Some(audio)) = (&self.main.playlist, &self.audio.playlist) else { return };
        let last = |playlist: &Playlist| playlist.segments.keys().next_back().copied();
        assert_eq!(last(main), last(audio), "both renditions end with the same segment");
        for (msn, segment) in &audio.segments {
            let beside = &main.segments[msn];
            assert_eq!(segment.discontinuity, beside.discontinuity, "segment {msn}");
            let millis = |segment: &Segment| {
                let (_, time) = segment.date_time.as_deref()?.trim_end_matches('Z').rsplit_once('T')?;
                let mut fields = time.split(':').map(|field| field.parse::<f64>().ok());
                Some(fields.next()?? * 3.6e6 + fields.next()?? * 6e4 + fields.next()?? * 1e3)
            };
            let apart = (millis(segment).expect("a date") - millis(beside).expect("a date")).abs();
            // One packet of 8 kHz lasts 128 ms, and a segment of the source may be shorter than one.
            assert!(apart.min(86.4e6 - apart) <= 258.0, "segment {msn} begins {apart} ms off");
        }
    }

    pub fn multivariant(&self) -> String {
        let window = self.window.as_ref().expect("something was packaged");
        String::from_utf8(window.multivariant().plain().to_vec()).expect("UTF-8")
    }

    pub fn text(&self) -> String {
        self.text_of(MAIN)
    }

    pub fn text_of(&self, name: &str) -> String {
        let window = self.window.as_ref().expect("something was packaged");
        let rendition = window.rendition(name).expect("a rendition of that name");
        String::from_utf8(rendition.playlist().plain().to_vec()).expect("UTF-8")
    }

    /// The samples of one file track (track id plus one), as fetched.
    pub fn samples(&self, track: u32) -> Vec<ReadSample> {
        self.main.samples(track)
    }
}

impl Followed {
    fn look_at(&mut self, rendition: &Rendition, allowances: Allowances) {
        let text = std::str::from_utf8(rendition.playlist().plain()).expect("UTF-8");
        let playlist = Playlist::read(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        playlist.check(allowances).unwrap_or_else(|error| panic!("{error}\n{text}"));
        if let Some(before) = &self.playlist {
            playlist.check_follows(before).unwrap_or_else(|error| panic!("{error}\n{text}"));
            self.check_delta(before, &playlist, rendition);
        }
        self.fetch(rendition, &playlist);
        self.hints.extend(playlist.hint.clone());
        self.playlist = Some(playlist);
    }

    /// A delta update put onto the playlist before is the whole playlist.
    fn check_delta(&self, before: &Playlist, playlist: &Playlist, rendition: &Rendition) {
        let text = std::str::from_utf8(rendition.delta().plain()).expect("UTF-8");
        let delta = Playlist::read(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let applied = if delta.skipped == 0 { delta } else { delta.onto(before).expect("an update") };
        assert_eq!(applied, *playlist, "{text}");
    }

    fn fetch(&mut self, rendition: &Rendition, playlist: &Playlist) {
        let first = || Position { msn: *playlist.segments.keys().next().expect("a segment"), part: 0 };
        let mut next = self.next.unwrap_or_else(first);
        while next < rendition.next() {
            let Position { msn, part } = next;
            if part < rendition.parts(msn) {
                self.parts.extend(rendition.part(msn, part).map(|data| (next, data)));
                next.part += 1;
                continue;
            }
            let of_it = self.parts.iter().filter(|(at, _)| at.msn == msn);
            let fetched: Vec<Bytes> = of_it.map(|(_, data)| data.clone()).collect();
            match rendition.segment(msn) {
                Some(segment) => assert_eq!(segment, fetched, "a segment is the chain of its parts"),
                None => assert!(fetched.is_empty(), "a segment without media"),
            }
            assert!(rendition.contains(msn, None));
            self.segments.insert(msn, fetched);
            next = Position { msn: msn + 1, part: 0 };
        }
        assert!(!rendition.contains(next.msn, Some(next.part)), "nothing beyond the next place");
        self.next = Some(next);
        for (msn, segment) in &playlist.segments {
            let init =
                segment.map.trim_start_matches("init-").trim_end_matches(".mp4").parse().expect("a number");
            assert!(rendition.init(init).is_some(), "a named initialisation segment is there");
            let complete = segment.duration.is_some() && !segment.gap;
            assert_eq!(rendition.segment(*msn).is_some(), complete, "what is listed can be fetched");
            for part in &segment.parts {
                let number = part.uri.trim_end_matches(".m4s").rsplit('-').next().expect("a number");
                let data = rendition.part(*msn, number.parse().expect("a number"));
                assert_eq!(data.is_none(), part.gap, "{} is a gap or can be fetched", part.uri);
                let starts = |data: &Bytes| read_fragment(data).first().is_some_and(|first| first.sync);
                assert!(!part.independent || data.as_ref().is_some_and(starts), "{}", part.uri);
            }
        }
    }

    fn check_hints(&self) {
        let fetched = |Position { msn, part }: Position| format!("part-{msn}-{part}.m4s");
        let fetched: BTreeSet<String> = self.parts.iter().map(|(at, _)| fetched(*at)).collect();
        let never: Vec<&String> = self.hints.difference(&fetched).collect();
        assert!(never.is_empty(), "hinted at, and never came: {never:?}");
    }

    /// The samples of one file track (track id plus one), as fetched.
    pub fn samples(&self, track: u32) -> Vec<ReadSample> {
        let all = self.parts.iter().flat_map(|(_, data)| read_fragment(data));
        all.filter(|sample| sample.track == track).collect()
    }
}

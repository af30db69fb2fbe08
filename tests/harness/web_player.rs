//! A player in a browser, watched from outside: does it move, does it wait, how far behind is it.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::browser::{Browser, Session};
use super::environment::root;
use super::wait::{look_again, until};

/// A player library that only tests use, from the packages of `ui/`.
#[derive(Clone, Copy, Debug)]
pub enum Library {
    /// hls.js, as another site's page has it.
    HlsJs,
    /// Shaka Player.
    Shaka,
    /// Video.js.
    VideoJs,
}

/// What was seen of a player over some time.
#[derive(Clone, Debug)]
pub struct Watched {
    /// How long it was watched, seconds.
    pub watched_s: f64,
    /// How far it moved, seconds.
    pub moved_s: f64,
    /// How long it stood still each time that it ran dry, seconds.
    pub stalls_s: Vec<f64>,
    /// Pictures and bytes of sound that were decoded meanwhile.
    pub decoded: (u64, u64),
    /// Pixels of the last picture.
    pub size: (u64, u64),
    /// Errors that the player told.
    pub errors: Vec<String>,
    /// Seconds behind the publisher, in rising order; empty where the player does not tell.
    pub latencies_s: Vec<f64>,
}

impl Watched {
    /// The latency that the given share of looks was not above; NaN where none is known.
    pub fn latency(&self, share: f64) -> f64 {
        let last = self.latencies_s.len().saturating_sub(1) as f64;
        self.latencies_s.get((last * share).round() as usize).copied().unwrap_or(f64::NAN)
    }

    /// Whether the player played all the time, but for moments of at most `hiccup_s`.
    ///
    /// # Errors
    /// In words, when it ran dry, told an error, or did not move with the clock.
    pub fn judge(&self, name: &str, hiccup_s: f64) -> Result<(), String> {
        println!(
            "{name}: {:.1} s of {:.1} s, stalls {:?}, {:?} decoded, {:?}, latency p50 {:.2} s, p95 {:.2} s",
            self.moved_s,
            self.watched_s,
            self.stalls_s,
            self.decoded,
            self.size,
            self.latency(0.5),
            self.latency(0.95)
        );
        // Players play a little faster or slower to keep their distance.
        let pace = self.moved_s / self.watched_s;
        let rules = [
            (self.errors.is_empty(), "tells errors"),
            (self.stalls_s.iter().all(|stall| *stall <= hiccup_s), "ran dry"),
            ((0.93..1.12).contains(&pace), "does not move with the clock"),
            (self.decoded.0 as f64 > self.watched_s * 25.0, "shows too few pictures"),
            (self.decoded.1 > 0, "has no sound"),
        ];
        let broken = rules.iter().find(|(holds, _)| !holds);
        broken.map_or(Ok(()), |(_, fault)| Err(format!("{name} {fault}: {self:?}")))
    }
}

/// Plays, and once more when the first time was not without a fault: a machine that stands still for a moment lets every
/// player run dry.
///
/// # Panics
/// When the second time has a fault too.
pub async fn plays_well(name: &str, hiccup_s: f64, play: impl AsyncFn() -> Watched) {
    let Err(first) = play().await.judge(name, hiccup_s) else { return };
    println!("again, since {first}");
    if let Err(second) = play().await.judge(name, hiccup_s) {
        panic!("{second}");
    }
}

/// Opens a browser whose page plays a playlist with a library. The page is the origin's own and empty, so that its
/// rules for scripts and connections hold.
///
/// # Panics
/// When the library is not installed or the browser does not start.
pub async fn open(library: Library, page: &str, playlist: &str) -> Browser {
    let browser = Browser::open(page).await;
    let (file, begin) = match library {
        Library::HlsJs => ("hls.js/dist/hls.min.js", HLS_JS),
        Library::Shaka => ("shaka-player/dist/shaka-player.compiled.js", SHAKA),
        Library::VideoJs => ("video.js/dist/video.min.js", VIDEO_JS),
    };
    let path = root().join("ui/node_modules").join(file);
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}; run `npm ci` in ui/", path.display()));
    let script = format!("{}\n{text}\n;{begin}", "const arguments_ = arguments; const exports = undefined;");
    browser.session.run(&script, vec![json!(playlist)]).await;
    browser
}

/// Watches the first video element of a page for so long, from when it has moved for some seconds.
///
/// # Panics
/// When it does not begin to move within `limit`.
pub async fn watch(session: &Session, duration: Duration, limit: Duration) -> Watched {
    let look = async || look(session).await;
    let number = |told: &Value, name: &str| told[name].as_f64().unwrap_or(0.0);
    let mut first = None;
    let mut last = Value::Null;
    let moves = until("the player to move", limit * 2, async || {
        last = look().await;
        let time = number(&last, "time");
        (time > 0.0 && time >= *first.get_or_insert(time) + SETTLED_S).then_some(())
    });
    if tokio::time::timeout(limit, moves).await.is_err() {
        panic!("the player does not move: {last}");
    }
    // The watch page begins without sound, as browsers demand of a page that nobody clicked.
    session.run("document.querySelector('video').muted = false; window.__seen.stalls = [];", vec![]).await;
    let from = look().await;
    let begun = Instant::now();
    let mut latencies_s = Vec::new();
    let to = loop {
        let told = look().await;
        latencies_s.extend(told["latency"].as_f64());
        if begun.elapsed() >= duration {
            break told;
        }
        look_again().await;
    };
    latencies_s.sort_by(f64::total_cmp);
    let more = |name: &str| (number(&to, name) - number(&from, name)) as u64;
    let errors = to["errors"].as_array().into_iter().flatten();
    Watched {
        // By the page's own clock: a look from outside takes its time on a loaded machine.
        watched_s: (number(&to, "now") - number(&from, "now")) / 1_000.0,
        moved_s: number(&to, "time") - number(&from, "time"),
        stalls_s: stalls(&to),
        decoded: (more("frames"), more("sound")),
        size: (number(&to, "width") as u64, number(&to, "height") as u64),
        errors: errors.map(Value::to_string).collect(),
        latencies_s,
    }
}

/// The first player of a page at this moment: `time`, `latency`, `stalls`, `errors` and more.
pub async fn look(session: &Session) -> Value {
    session.run(READ, vec![]).await
}

/// The stalls of a look, seconds each.
pub fn stalls(told: &Value) -> Vec<f64> {
    told["stalls"].as_array().into_iter().flatten().filter_map(Value::as_f64).collect()
}

/// A player that has moved for so long has begun.
const SETTLED_S: f64 = 4.0;

/// The watch page tells its latency as `data-latency`; the pages made here have `window.__latency`.
const READ: &str = "
    const video = document.querySelector('video');
    if (!video) return {};
    if (!window.__seen) {
        window.__seen = { stalls: [], errors: [] };
    }
    if (!video.__watched) {
        video.__watched = true;
        let dry = null;
        const moves = () => {
            if (dry !== null) window.__seen.stalls.push((performance.now() - dry) / 1000);
            dry = null;
        };
        video.addEventListener('waiting', () => { if (!video.seeking) dry ??= performance.now(); });
        video.addEventListener('playing', moves);
        video.addEventListener('timeupdate', moves);
    }
    const page = video.dataset.latency ? Number(video.dataset.latency) : null;
    const fatal = document.querySelector('[data-fatal-errors]')?.dataset.fatalErrors ?? '0';
    return {
        now: performance.now(), time: video.currentTime, width: video.videoWidth, height: video.videoHeight,
        frames: video.webkitDecodedFrameCount, sound: video.webkitAudioDecodedByteCount,
        stalls: window.__seen.stalls, latency: window.__latency ? window.__latency() : page,
        errors: [...window.__seen.errors, ...(fatal === '0' ? [] : [`${fatal} fatal errors`]),
            ...(video.error ? [video.error.message] : [])],
    };";

const HLS_JS: &str = "
    const video = document.createElement('video');
    document.body.replaceChildren(video);
    window.__seen = { stalls: [], errors: [] };
    const Library = window.Hls ?? this.Hls;
    const player = new Library({ lowLatencyMode: true });
    player.on('hlsError', (_, told) => told.fatal && window.__seen.errors.push(`hls.js ${told.details}`));
    window.__latency = () => player.latency;
    player.on('hlsManifestParsed', () => video.play());
    player.loadSource(arguments_[0]);
    player.attachMedia(video);";

const SHAKA: &str = "
    const video = document.createElement('video');
    document.body.replaceChildren(video);
    window.__seen = { stalls: [], errors: [] };
    const library = window.shaka ?? this.shaka;
    library.polyfill.installAll();
    const player = new library.Player();
    player.configure({ streaming: { lowLatencyMode: true } });
    player.addEventListener('error', (event) => window.__seen.errors.push(`shaka ${event.detail.code}`));
    window.__latency = () => (Date.now() - player.getPlayheadTimeAsDate().getTime()) / 1000;
    player.attach(video).then(() => player.load(arguments_[0])).then(() => video.play())
        .catch((error) => window.__seen.errors.push(`shaka ${error.code ?? error}`));";

const VIDEO_JS: &str = "
    const video = document.createElement('video');
    document.body.replaceChildren(video);
    window.__seen = { stalls: [], errors: [] };
    const library = window.videojs ?? this.videojs;
    const player = library(video, { html5: { vhs: { overrideNative: true, llhls: true } }, autoplay: true });
    player.on('error', () => window.__seen.errors.push(`video.js ${player.error()?.message}`));
    window.__latency = () => {
        const playlist = player.tech(true).vhs?.playlists?.media();
        const at = player.currentTime();
        const segment = playlist?.segments.findLast((it) => it.start <= at && it.dateTimeObject);
        return segment ? (Date.now() - segment.dateTimeObject.getTime()) / 1000 - (at - segment.start) : null;
    };
    player.src({ src: arguments_[0], type: 'application/vnd.apple.mpegurl' });";

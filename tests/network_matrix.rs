//! What a broadcast and its viewers go through on bad networks, one after the other, as a table.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use testkit::lossy_relay::{LossyRelay, Weather};
use tokio::task::JoinHandle;

use crate::harness::http::Http;
use crate::harness::machine::alone;
use crate::harness::origin_program::OriginProgram;
use crate::harness::playlist::{MediaPlaylist, resolve, variants};
use crate::harness::probe::Packets;
use crate::harness::process::Process;
use crate::harness::throttled_line::ThrottledLine;
use crate::harness::viewer::Viewer;
use crate::harness::wait::{look_again, seconds, until};
use crate::weak_network::{CEILING_BPS, Stage, newest};

/// What the network does.
#[derive(Clone, Copy)]
enum Trouble {
    /// Carries so many bits per second from now on.
    Limit(u64),
    /// Carries nothing for so many seconds.
    Outage(u64),
    /// Loses so many of 1 000 packets; over TCP each waits for its retransmission.
    Loss(u32),
    /// Forgets the connection without a word; another one works.
    HalfOpen,
    /// The server is gone for so many seconds, and connections are refused.
    Refused(u64),
}

const CASES: [(&str, bool, Trouble); 12] = [
    ("RTMP, half the bandwidth", false, Trouble::Limit(CEILING_BPS / 2)),
    ("RTMP, 1 % loss", false, Trouble::Loss(10)),
    ("RTMP, nothing for 5 s", false, Trouble::Outage(5)),
    ("RTMP, nothing for 30 s", false, Trouble::Outage(30)),
    ("RTMP, half-open connection", false, Trouble::HalfOpen),
    ("RTMP, refused for 8 s", false, Trouble::Refused(8)),
    ("SRT, half the bandwidth", true, Trouble::Limit(CEILING_BPS / 2)),
    ("SRT, 5 % loss", true, Trouble::Loss(50)),
    ("SRT, 10 % loss", true, Trouble::Loss(100)),
    ("SRT, nothing for 5 s", true, Trouble::Outage(5)),
    ("SRT, nothing for 30 s", true, Trouble::Outage(30)),
    ("SRT, refused for 8 s", true, Trouble::Refused(8)),
];

/// What a case showed.
struct Row {
    case: &'static str,
    /// Whether no sound may be missing: all but what breaks a connection.
    keeps_sound: bool,
    /// From the moment the network is as it stays until the destination is live with a short queue for good.
    back: Option<Duration>,
    queued_max_ms: u64,
    dropped: u64,
    aimed_min_bps: u64,
    seen: Option<Seen>,
}

/// What a viewer got.
struct Seen {
    /// The longest wait for something new.
    frozen: Duration,
    /// Sound that is missing between the first and the last of it; not known where the origin itself was gone.
    audio_lost: Option<f64>,
    /// Playable stretches: one more than there are discontinuities.
    runs: usize,
}

/// Follows the room until told to stop.
struct Watching {
    stop: Arc<AtomicBool>,
    task: JoinHandle<(Option<Viewer>, Duration)>,
}

impl Watching {
    /// From the moment the room plays on.
    async fn start(origin: &OriginProgram) -> Watching {
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, url) = (Arc::clone(&stop), format!("http://{}/live/weak/index.m3u8", origin.http));
        let http = Http::new();
        until("the room to play", seconds(45), async || next_part(&http, &url).await).await;
        let task = tokio::spawn(async move {
            let mut viewer = Viewer::join(&http, &url).await;
            let (mut newest, mut frozen) = (Instant::now(), Duration::ZERO);
            while !stopped.load(Ordering::Relaxed) {
                if viewer.advance().await {
                    frozen = frozen.max(newest.elapsed());
                    newest = Instant::now();
                } else {
                    look_again().await;
                }
            }
            (Some(viewer), frozen)
        });
        Watching { stop, task }
    }

    /// Only looks how long nothing new comes, for an origin that is gone meanwhile.
    fn from_afar(origin: &OriginProgram) -> Watching {
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, url) = (Arc::clone(&stop), format!("http://{}/live/weak/index.m3u8", origin.http));
        let task = tokio::spawn(async move {
            let http = Http::new();
            let (mut newest, mut frozen, mut last) = (Instant::now(), Duration::ZERO, None);
            while !stopped.load(Ordering::Relaxed) {
                let now = next_part(&http, &url).await;
                if now.is_some() && now != last {
                    (frozen, newest, last) = (frozen.max(newest.elapsed()), Instant::now(), now);
                }
                look_again().await;
            }
            (None, frozen)
        });
        Watching { stop, task }
    }

    /// `None` when it could not follow: then something panicked, and has said why.
    async fn end(self, folder: &Path) -> Option<Seen> {
        self.stop.store(true, Ordering::Relaxed);
        let (viewer, frozen) = self.task.await.ok()?;
        let Some(viewer) = viewer else { return Some(Seen { frozen, audio_lost: None, runs: 2 }) };
        let runs: Vec<Packets> = viewer.write(folder).iter().map(|file| Packets::read(file)).collect();
        let sound: Vec<f64> = runs.iter().flat_map(|run| run.audio.iter().copied()).collect();
        let steps = sound.windows(2).map(|pair| pair[1] - pair[0] - FRAME_S);
        let audio_lost = steps.filter(|step| *step > FRAME_S / 2.0).sum();
        Some(Seen { frozen, audio_lost: Some(audio_lost), runs: runs.len() })
    }
}

/// The part that comes next in the room; `None` while the room or the origin is not there.
async fn next_part(http: &Http, url: &str) -> Option<(u64, usize)> {
    let answer = http.try_get(url).await.ok().filter(|answer| answer.status.is_success())?;
    let playlist = resolve(url, variants(answer.text()).first()?);
    let answer = http.try_get(&playlist).await.ok().filter(|answer| answer.status.is_success())?;
    Some(MediaPlaylist::read(answer.text()).ok()?.next())
}

/// Watches the figures until the destination has been well for [`WELL`], at most for [`BACK_MAX`].
async fn follow(row: &mut Row, cast: &mut Process, since: Instant) {
    let mut well_since = None;
    while since.elapsed() < BACK_MAX && well_since.is_none_or(|well: Instant| well.elapsed() < WELL) {
        look(row, cast, &mut well_since);
        look_again().await;
    }
    row.back = well_since.map(|well| well - since);
}

fn look(row: &mut Row, cast: &mut Process, well_since: &mut Option<Instant>) {
    let Some(now) = newest(cast) else { return };
    row.queued_max_ms = row.queued_max_ms.max(now.queued_ms);
    (row.dropped, row.aimed_min_bps) = (now.dropped, row.aimed_min_bps.min(now.aimed_bps));
    let is_well = now.state == "live" && now.queued_ms < QUEUE_SHORT_MS;
    *well_since = is_well.then(|| well_since.unwrap_or_else(Instant::now));
}

/// Lets trouble last.
async fn last(row: &mut Row, cast: &mut Process, length: u64) {
    let begun = Instant::now();
    while begun.elapsed() < seconds(length) {
        look(row, cast, &mut None);
        look_again().await;
    }
}

async fn case((case, over_srt, trouble): (&'static str, bool, Trouble)) -> Row {
    println!("{case}");
    let mut stage = Stage::set(180).await;
    let weather = Weather { delay: Duration::from_millis(20), loss_permille: 0, late_permille: 0, seed: 11 };
    let relay = LossyRelay::start(stage.srt, weather).await;
    let line = ThrottledLine::to(stage.origin.rtmp);
    let to = if over_srt {
        format!("srt://{}?streamid=publish:{}&latency=400", relay.address(), stage.key)
    } else {
        format!("rtmp://{}/live/{}", line.address, stage.key)
    };
    let mut cast = stage.cast(&to).await;
    let keeps_sound = match trouble {
        Trouble::Limit(_) | Trouble::Loss(_) => true,
        // SRT leaves out what is too late.
        Trouble::Outage(length) => length < 10 && !over_srt,
        Trouble::HalfOpen | Trouble::Refused(_) => false,
    };
    let mut row = Row {
        case,
        keeps_sound,
        back: None,
        queued_max_ms: 0,
        dropped: 0,
        aimed_min_bps: u64::MAX,
        seen: None,
    };
    let watching = match trouble {
        Trouble::Refused(_) => Watching::from_afar(&stage.origin),
        _ => Watching::start(&stage.origin).await,
    };
    // Something to compare with.
    last(&mut row, &mut cast, 3).await;
    match trouble {
        Trouble::Limit(bps) => {
            line.limit(bps);
            relay.set_limit_bps(bps);
        }
        Trouble::Loss(permille) => {
            line.lose(permille.into());
            relay.set_loss_permille(permille);
        }
        Trouble::HalfOpen => line.forsake(),
        Trouble::Outage(length) => {
            line.limit(1_000);
            relay.set_loss_permille(1_000);
            last(&mut row, &mut cast, length).await;
            line.limit(u64::MAX);
            relay.set_loss_permille(0);
        }
        Trouble::Refused(length) => {
            stage.origin.process.signal("KILL");
            last(&mut row, &mut cast, length).await;
            let (http, rtmp) = (stage.origin.http.to_string(), stage.origin.rtmp.to_string());
            let srt = stage.srt.to_string();
            stage.origin = OriginProgram::serve_at(stage.folder.path(), &http, &rtmp, &srt).await;
        }
    }
    let since = Instant::now();
    // The figures come once a second: those of before are not looked at.
    last(&mut row, &mut cast, 1).await;
    follow(&mut row, &mut cast, since).await;
    row.seen = watching.end(stage.folder.path()).await;
    cast.signal("INT");
    let ended = cast.wait(seconds(10)).await;
    assert!(ended.success(), "{case}: {}", cast.output());
    row
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "ten minutes: cargo xtask test --long"]
async fn the_matrix_of_networks() {
    let matrix = async {
        let mut rows = Vec::new();
        for known in CASES {
            rows.push(case(known).await);
        }
        println!(
            "| network | well again after | queue at most | frames dropped | least bit rate | viewer: longest wait | sound lost | stretches |"
        );
        println!("|---|---|---|---|---|---|---|---|");
        for Row { case, back, queued_max_ms, dropped, aimed_min_bps, seen, .. } in &rows {
            let back = back.map_or("never".to_owned(), |back| format!("{:.1} s", back.as_secs_f64()));
            let seen = seen.as_ref().map_or("– | – | –".to_owned(), |seen| {
                let Seen { frozen, audio_lost, runs } = seen;
                let lost = audio_lost.map_or("–".to_owned(), |lost| format!("{lost:.2} s"));
                format!("{:.1} s | {lost} | {runs}", frozen.as_secs_f64())
            });
            println!(
                "| {case} | {back} | {queued_max_ms} ms | {dropped} | {} kbit/s | {seen} |",
                aimed_min_bps / 1_000
            );
        }
        for row in &rows {
            assert!(row.back.is_some(), "{}: not well again within {BACK_MAX:?}", row.case);
            let seen = row.seen.as_ref().unwrap_or_else(|| panic!("{}: a viewer could not follow", row.case));
            let lost = seen.audio_lost.unwrap_or_default();
            // Where the picture's size changes, both begin again with a picture: sound that was ahead of it pauses so long.
            let pauses = (seen.runs - 1) as f64 * PAUSE_MAX_S;
            assert!(
                !row.keeps_sound || lost < FRAME_S + pauses,
                "{}: {lost:.2} s of sound are missing",
                row.case
            );
        }
    };
    alone(seconds(1_500), matrix).await;
}

/// AAC of 48 kHz.
const FRAME_S: f64 = 1_024.0 / 48_000.0;

/// Two frames of sound.
const PAUSE_MAX_S: f64 = 0.045;

/// What is well for so long stays so.
const WELL: Duration = Duration::from_secs(10);

/// Any network is followed, and any reconnecting done, within this time.
const BACK_MAX: Duration = Duration::from_secs(60);

/// More waits only while something is wrong.
const QUEUE_SHORT_MS: u64 = 500;

//! One broadcast, from its arguments to its exit code.
#![allow(clippy::disallowed_methods, reason = "the command counts down to the next try")]

use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use broadcast::scene::Scene;
use broadcast::{
    Broadcast, Config, Destination, DestinationState, ObsProfile, RecordingState, RecordingStatus,
    ScreenPermission, SoundLevels, Sources, SourcesConfig, Status,
};
use tokio::sync::watch;

use super::Failure;
use super::args::{self, Stats};
use super::signals::{Interrupts, Replays};
use super::stats;

/// Broadcasts until the duration is over, the source has ended, every destination has failed, or somebody
/// interrupts.
pub fn broadcast(args: args::Broadcast) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let result = runtime.block_on(run(args));
    // A thread that waits for a hung audio server must not keep the command from ending.
    runtime.shutdown_timeout(Duration::from_millis(100));
    result
}

/// Takes over what a profile of OBS says.
fn from_obs(args: &mut args::Broadcast) -> Result<Option<Destination>, Failure> {
    let Some(folder) = &args.from_obs else { return Ok(None) };
    let profile = ObsProfile::read(folder).map_err(|error| Failure::Use(error.to_string()))?;
    args.size = profile.size.unwrap_or(args.size);
    args.fps = profile.fps.unwrap_or(args.fps);
    args.bitrate = profile.bitrate_bps.unwrap_or(args.bitrate);
    args.keyint = profile.keyframe_interval.map(Into::into).or(args.keyint);
    args.encoder = profile.encoder.unwrap_or(args.encoder.clone());
    Ok(Some(profile.destination))
}

/// Where what a Wayland desktop was answered is kept: in the user's folder for state, if there is one.
fn screen_permission(choose_again: bool) -> Result<Option<ScreenPermission>, Failure> {
    let of = |name| std::env::var_os(name).map(PathBuf::from).filter(|folder| folder.is_absolute());
    let state = of("XDG_STATE_HOME").or_else(|| Some(of("HOME")?.join(".local/state")));
    let kept = state.map(|state| ScreenPermission::in_file(state.join("rostrum").join("screen-permission")));
    if choose_again && let Some(permission) = &kept {
        permission.forget()?;
    }
    Ok(kept)
}

async fn run(mut args: args::Broadcast) -> Result<(), Failure> {
    let imported = from_obs(&mut args)?;
    let json = args.stats == Some(Stats::Json);
    let sources = SourcesConfig {
        video: args.picture().map_err(Failure::Use)?,
        sounds: args.sounds().map_err(Failure::Use)?,
        size: args.size,
        fps: args.fps,
        screen_permission: screen_permission(args.choose_screen)?,
    };
    let scene = args.scene.as_deref().map(Scene::read).transpose();
    let scene = scene.map_err(|error| Failure::Use(error.to_string()))?;
    let open = move || match &scene {
        Some(scene) => Sources::open_scene(sources, scene),
        None => Sources::open(sources),
    };
    let mut wishes = Wishes { interrupts: Interrupts::new()?, replays: Replays::new(args.replay.clone())? };
    let Some(sources) = wishes.unless_interrupted(open).await? else { return Ok(()) };
    let name =
        |number: usize| if args.to.len() == 1 { "to".to_owned() } else { format!("to {}", number + 1) };
    let pictures = args.pictures().map_err(Failure::Use)?;
    let destinations = args.to.iter().zip(pictures).enumerate();
    let destinations = destinations
        .map(|(number, (url, picture))| Destination {
            name: name(number),
            url: url.clone(),
            key: None,
            picture,
        })
        .chain(imported)
        .collect();
    let config = Config {
        bitrate_bps: args.bitrate,
        bitrate_floor_bps: args.floor(),
        keyframe_interval: args.keyint.map(Into::into),
        encoder: args.encoder,
        destinations,
        apart_when_weak: args.apart_when_weak,
        record: args.record,
        delay: args.delay.unwrap_or_default(),
        replay: args.replay.is_some().then_some(args.replay_length),
        certificates: args.ca,
    };
    config.service_advice().iter().for_each(|advice| tracing::warn!("{advice}"));
    // Encoders may have to be tried first, which takes seconds.
    let start = move || Broadcast::start(config, &sources).map(|live| (live, sources));
    let Some((mut live, sources)) = wishes.unless_interrupted(start).await? else { return Ok(()) };
    let levels = sources.levels();
    let told = json.then_some(&levels);
    let outcome = watch_over(&mut live, args.duration, told, &mut wishes).await;
    if args.delay.is_some() && outcome.is_ok() {
        tracing::info!("what is held back is sent; interrupt once more to cut it off");
        tokio::select! {
            () = live.drain() => {}
            () = wishes.interrupts.next() => {}
        }
    }
    let summary = live.end().await;
    tokio::task::spawn_blocking(move || drop(sources))
        .await
        .map_err(|error| Failure::Failed(error.to_string()))?;
    if summary.cut_short {
        tracing::warn!("a destination did not take the end of the stream in time");
    }
    if json {
        print(&summary.status, &levels.borrow(), true)?;
    }
    outcome?;
    verdict(&summary.status)
}

/// What the person asks for while it runs.
struct Wishes {
    interrupts: Interrupts,
    replays: Replays,
}

impl Wishes {
    /// Does what takes a while, away from the async threads; `None` when it was interrupted. Then nothing was sent yet, so
    /// there is nothing to tell, and the end of the program ends what was begun.
    async fn unless_interrupted<T: Send + 'static>(
        &mut self,
        work: impl FnOnce() -> Result<T, broadcast::Error> + Send + 'static,
    ) -> Result<Option<T>, Failure> {
        tokio::select! {
            () = self.interrupts.next() => Ok(None),
            done = tokio::task::spawn_blocking(work) => {
                Ok(Some(done.map_err(|error| Failure::Failed(error.to_string()))??))
            }
        }
    }
}

/// Prints and saves replays, until there is a reason to end.
async fn watch_over(
    live: &mut Broadcast,
    duration: Option<Duration>,
    told: Option<&watch::Receiver<SoundLevels>>,
    wishes: &mut Wishes,
) -> Result<(), Failure> {
    let over = async {
        match duration {
            // What `--duration` asks for: the broadcast's own end, not a wait for something else.
            Some(duration) => tokio::time::sleep(duration).await,
            None => std::future::pending().await,
        }
    };
    let mut status = live.status();
    let mut next_line = STATS_INTERVAL;
    tokio::pin!(over);
    loop {
        tokio::select! {
            () = wishes.interrupts.next() => return Ok(()),
            () = &mut over => return Ok(()),
            () = wishes.replays.asked() => wishes.replays.save(live),
            changed = status.changed() => {
                let now = status.borrow_and_update();
                if let Some(levels) = told && now.duration >= next_line {
                    next_line += STATS_INTERVAL;
                    print(&now, &levels.borrow(), false)?;
                }
                if changed.is_err() || now.source_ended || now.has_failed() {
                    return Ok(());
                }
            }
        }
    }
}

/// Failed when an encoder did, or when a destination refused or never took anything.
fn verdict(status: &Status) -> Result<(), Failure> {
    if let Some(failure) = &status.failure {
        return Err(Failure::Failed(failure.clone()));
    }
    if let Some(RecordingStatus { state: RecordingState::Failed { reason }, file, .. }) = &status.recording {
        return Err(Failure::Failed(format!("recording to {}: {reason}", file.display())));
    }
    if let Some(RecordingStatus { state: RecordingState::Failed { reason }, file, .. }) = &status.replay {
        return Err(Failure::Failed(format!("saving a replay to {}: {reason}", file.display())));
    }
    for destination in &status.destinations {
        match &destination.state {
            DestinationState::Failed { cause } => {
                return Err(Failure::Failed(format!("{}: {cause}", destination.name)));
            }
            _ if destination.sent_bytes == 0 => {
                return Err(Failure::Failed(format!("{}: the server was never reached", destination.name)));
            }
            _ => {}
        }
    }
    Ok(())
}

fn print(status: &Status, levels: &SoundLevels, last: bool) -> Result<(), Failure> {
    let object = stats::object(status, levels, Instant::now(), last);
    let mut out = std::io::stdout().lock();
    let written = writeln!(out, "{object}").and_then(|()| out.flush());
    written.map_err(|error| Failure::Failed(format!("statistics cannot be written: {error}")))
}

/// Time between two lines of statistics.
const STATS_INTERVAL: Duration = Duration::from_secs(1);

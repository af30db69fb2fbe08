//! The one task in which everything happens: requests, finished work and reports come in, a [`View`] goes
//! out. Nothing in here waits for the network or for a device; what takes time is a task whose result comes
//! back as [`Done`].

use std::path::PathBuf;
use std::time::{Duration, Instant};

use broadcast::{Broadcast, Devices, Status, Summary};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::destination::{self, Saved};
use crate::disk::Disks;
use crate::go_live::{GoLive, Input};
use crate::history::Timeline;
use crate::hosting::{Hosted, Started};
use crate::hotkeys;
use crate::keeping_up::KeepingUp;
use crate::keychain::{self, Keychain};
use crate::preview::Feeds;
use crate::recording::Recording;
use crate::replay::Held;
use crate::request::{Doors, Request};
use crate::resume;
use crate::router::Forwarding;
use crate::scenes::{self, Book, Staged, Staging};
use crate::seal::Seal;
use crate::settings::{self, Settings};
use crate::sounds::{self, Board, Changed};
use crate::sources::Opened;
use crate::surroundings::Surroundings;
use crate::view::{Notice, NoticeKind, OriginProblem, View};

/// Work that is finished.
pub(crate) enum Done {
    OriginStarted(Result<Box<Started>, OriginProblem>),
    OriginStopped,
    SourcesOpened(Box<Opened>),
    RouterLeft,
    SoundsChanged(Changed),
    DevicesFound(Devices),
    Staged(Staged),
    ScenesSaved(Result<(), String>),
    Keychain(keychain::Outcome),
    DisksSeen(crate::disk::Seen),
    BroadcastEnded(Box<Summary>),
}

/// The origin as the studio sees it; `again` is set once it is to start anew, as somewhere else.
pub(crate) enum OriginPhase {
    Off,
    Starting { again: bool },
    Running { hosted: Box<Hosted>, shutdown: CancellationToken },
    Stopping { again: bool },
    Failed(OriginProblem),
}

/// The sources as the studio sees them.
pub(crate) enum SourcesPhase {
    Opening,
    Opened(Box<Opened>),
}

/// The task's state.
pub struct Studio {
    pub(crate) folder: PathBuf,
    pub(crate) settings: Settings,
    /// Other servers.
    pub(crate) destinations: Vec<Saved>,
    pub(crate) keychain: Keychain,
    pub(crate) go_live: GoLive,
    pub(crate) origin: OriginPhase,
    /// Where the origin was bound last, so that links stay good when it restarts on a port of the system's choice.
    pub(crate) bound: Option<settings::Listeners>,
    pub(crate) room: Option<Hosted>,
    pub(crate) forwarding: Forwarding,
    pub(crate) sources: SourcesPhase,
    pub(crate) book: Book,
    pub(crate) staging: Staging,
    /// The scene that was shown before the break.
    pub(crate) before_break: Option<u32>,
    pub(crate) sounds: Board,
    pub(crate) timeline: Timeline,
    pub(crate) devices: Devices,
    finding_devices: bool,
    /// The engine, for destinations and recording.
    pub(crate) broadcast: Option<Broadcast>,
    pub(crate) status: Option<watch::Receiver<Status>>,
    /// Where the running broadcast was told to go.
    pub(crate) sent: Vec<broadcast::Destination>,
    pub(crate) recording: Option<Recording>,
    pub(crate) held: Held,
    pub(crate) disks: Disks,
    pub(crate) keeping_up: KeepingUp,
    /// The recording that ended last, for the summary.
    pub(crate) recorded: Option<PathBuf>,
    /// The recording whose failure was told last.
    pub(crate) failed_recording: Option<PathBuf>,
    /// What was told about the encoder last.
    pub(crate) replaced_encoder: Option<NoticeKind>,
    /// Why there is no picture, while the source that was open is away.
    pub(crate) trouble: Option<watch::Receiver<Option<String>>>,
    /// The previous broadcast is still saying goodbye.
    pub(crate) ending: bool,
    /// Start as soon as `ending` is over.
    pub(crate) start_next: bool,
    pub(crate) notices: Vec<Notice>,
    notice_id: u32,
    pub(crate) asks_to_close: bool,
    pub(crate) surroundings: Surroundings,
    pub(crate) hotkeys: hotkeys::Board,
    pub(crate) quitting: bool,
    pub(crate) doors: Doors,
    view: watch::Sender<View>,
    pub(crate) tasks: JoinSet<Done>,
}

impl Studio {
    /// Reads the settings in `folder`. Nothing starts before [`Studio::run`].
    #[must_use]
    pub fn new(folder: PathBuf, doors: Doors) -> (Studio, watch::Receiver<View>) {
        let first = crate::first_run::is_first(&folder);
        let (settings, unusable) = settings::load(&folder);
        let settings = if first { crate::first_run::begun(settings) } else { settings };
        let seal = Seal::of_this_user();
        let (destinations, unusable_too) = destination::load(&folder, &seal);
        let (book, unusable_scenes) = scenes::load(&folder);
        let staging = Staging::new(book.is_none());
        let (kept, unusable_sounds) = sounds::load(&folder);
        let cut_off = resume::was_cut_off(&folder);
        let mut studio = Studio {
            keychain: Keychain::load(&folder, seal),
            folder,
            book: book.unwrap_or_else(|| scenes::first_book(&settings.video)),
            staging,
            before_break: None,
            settings,
            destinations,
            go_live: GoLive::default(),
            origin: OriginPhase::Off,
            bound: None,
            room: None,
            forwarding: Forwarding::default(),
            sources: SourcesPhase::Opening,
            sounds: Board::new(kept),
            timeline: Timeline::default(),
            devices: Devices::default(),
            finding_devices: false,
            broadcast: None,
            status: None,
            sent: Vec::new(),
            recording: None,
            held: Held::default(),
            disks: Disks::default(),
            keeping_up: KeepingUp::default(),
            recorded: None,
            failed_recording: None,
            replaced_encoder: None,
            trouble: None,
            ending: false,
            start_next: false,
            notices: Vec::new(),
            notice_id: 0,
            asks_to_close: false,
            surroundings: Surroundings::default(),
            hotkeys: hotkeys::Board::default(),
            quitting: false,
            view: watch::Sender::new(View::empty(&doors.feed_url)),
            doors,
            tasks: JoinSet::new(),
        };
        let unusable = [unusable, unusable_too, unusable_scenes, unusable_sounds];
        for unusable in unusable.into_iter().flatten() {
            let kept_as = unusable.kept_as.map(|path| path.display().to_string()).unwrap_or_default();
            studio.notify(NoticeKind::SettingsUnusable { kept_as, reason: unusable.reason });
        }
        if cut_off {
            studio.notify(NoticeKind::CutOff);
        }
        studio.show();
        let view = studio.view.subscribe();
        (studio, view)
    }

    /// Runs until the person quits and everything has stopped.
    pub async fn run(mut self) {
        if self.may_listen() && self.settings.habits.with_app {
            self.start_origin();
        }
        self.mute_until_held();
        self.open_sources();
        self.begin_with_keys();
        self.look_at_disks();
        while !self.quitting {
            self.step().await;
            self.show();
        }
        self.shut_down().await;
    }

    /// Waits for one thing and deals with it.
    async fn step(&mut self) {
        let deadlines = [self.go_live.deadline(), self.held.cut_off_at, self.disks.deadline()];
        let deadline = deadlines.into_iter().flatten().min();
        let moment = async move {
            match deadline {
                Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
                None => std::future::pending().await,
            }
        };
        // A sender is gone when the broadcast is, or the sources; that comes back as `Done`.
        let status = next(&mut self.status);
        let trouble = next(&mut self.trouble);
        let sound_trouble = next(&mut self.sounds.trouble);
        let forwarded = next(&mut self.forwarding.answer);
        tokio::select! {
            request = self.doors.requests.recv() => match request {
                Some(request) => self.request(request),
                None => self.quitting = true,
            },
            Some(done) = self.tasks.join_next() => match done {
                Ok(done) => self.done(done),
                Err(panic) => error!(%panic, "a task of the studio failed"),
            },
            status = status => self.report(&status),
            // Shown.
            _ = trouble => {}
            _ = forwarded => {}
            _ = sound_trouble => self.find_devices(),
            Ok(()) = self.doors.viewers.changed() => {
                let viewers = *self.doors.viewers.borrow_and_update();
                self.drive(Input::Viewers(viewers));
            }
            () = moment => self.moment_came(),
        }
    }

    fn request(&mut self, request: Request) {
        match request {
            Request::GoLive => {
                if self.blocked().is_none() {
                    self.clear(|kind| {
                        matches!(
                            kind,
                            NoticeKind::BroadcastFailed { .. }
                                | NoticeKind::PictureEnded
                                | NoticeKind::CutOff
                        )
                    });
                    self.drive(Input::GoLive(self.settings.countdown()));
                }
            }
            Request::Cancel => self.drive(Input::Cancel),
            Request::End => self.drive(Input::End),
            Request::NewBroadcast => self.drive(Input::NewBroadcast),
            Request::RetryNow => {
                if let Some(broadcast) = &self.broadcast {
                    broadcast.retry_now();
                }
            }
            Request::PushToTalk(ask) => self.push_to_talk_asked(ask),
            Request::SetMuted(muted) => self.set_muted(muted),
            Request::Sounds(ask) => self.sounds_asked(ask),
            Request::ChooseMicrophone(id) => self.choose_microphone(id.as_deref()),
            Request::ChooseVideo(choice) => self.choose_video(choice),
            Request::Scenes(ask) => self.scenes_asked(ask),
            Request::RetrySources => self.retry_sources(),
            Request::FindDevices => self.find_devices(),
            Request::SwitchDestination(id, on) => self.switch_destination(id, on),
            Request::SaveDestination(draft, answer) => {
                let saved = draft.complete(&self.destinations).map(|saved| self.save_destination(saved));
                // Whoever asked may be gone, as a page that reloads.
                let _ = answer.send(saved);
            }
            Request::RemoveDestination(id) => self.remove_destination(id),
            Request::UnlockKeychain => self.ask_keychain(true),
            Request::LetApart(id) => self.let_apart(id),
            Request::EasePicture => self.ease_picture(),
            Request::SetCountdown(on) => self.set(|settings| settings.without_countdown = !on),
            Request::SetOutput(output) => self.set_output(output.checked()),
            Request::Record(on) => self.record(on),
            Request::RecordTo(folder) => self.record_to(folder),
            Request::SaveReplay => self.save_replay(),
            Request::FirstRun(step) => self.go_to_step(step),
            Request::StartOrigin => self.start_origin(),
            Request::StopOrigin => self.stop_origin(false),
            Request::RestartOrigin => self.stop_origin(true),
            Request::SetAudience(audience) => self.set_audience(audience),
            Request::UsePort(port) => self.use_port(port),
            Request::Origin(asked) => self.origin_asked(asked),
            Request::SetTheme(theme) => self.set(|settings| settings.theme = theme),
            Request::SetLooks(looks) => self.set(|settings| settings.looks = looks.checked()),
            Request::Hotkeys(ask) => self.hotkeys_asked(ask),
            Request::SetLanguage(language) => self.set(|settings| settings.language = language),
            Request::Dismiss(id) => self.notices.retain(|notice| notice.id != id),
            Request::AskToClose => self.close_asked(),
            Request::Around(asked) => self.asked_from_around(asked),
            Request::KeepOpen => self.asks_to_close = false,
            Request::Quit => self.quitting = true,
        }
    }

    fn done(&mut self, done: Done) {
        match done {
            Done::OriginStarted(started) => self.origin_started(started),
            Done::OriginStopped => self.origin_stopped(),
            // What it said was logged.
            Done::RouterLeft => {}
            Done::SourcesOpened(opened) => self.sources_opened(opened),
            Done::SoundsChanged(changed) => self.sounds_changed(changed),
            Done::DevicesFound(devices) => {
                self.devices = devices;
                self.finding_devices = false;
                self.offer_camera_scenes();
            }
            Done::Staged(staged) => self.staged(staged),
            Done::ScenesSaved(saved) => self.scenes_saved(saved),
            Done::Keychain(outcome) => self.keychain_answered(outcome),
            Done::DisksSeen(seen) => self.disks_seen(seen),
            Done::BroadcastEnded(summary) => self.broadcast_ended(&summary),
        }
    }

    // -- sources --

    /// Looking for devices takes a while; nothing waits for it.
    pub(crate) fn find_devices(&mut self) {
        if !self.finding_devices {
            self.finding_devices = true;
            self.tasks.spawn_blocking(|| Done::DevicesFound(broadcast::devices()));
        }
    }

    // -- the rest --

    pub(crate) fn set(&mut self, change: impl FnOnce(&mut Settings)) {
        let before = self.settings.clone();
        change(&mut self.settings);
        if before == self.settings {
            return;
        }
        if let Err(error) = settings::save(&self.folder, &self.settings) {
            self.clear(|kind| matches!(kind, NoticeKind::SettingsNotSaved { .. }));
            self.notify(NoticeKind::SettingsNotSaved { reason: error.to_string() });
        }
    }

    pub(crate) fn notify(&mut self, kind: NoticeKind) {
        self.notice_id += 1;
        self.notices.push(Notice { id: self.notice_id, kind });
        if self.notices.len() > NOTICES_MAX {
            self.notices.remove(0);
        }
    }

    pub(crate) fn clear(&mut self, is: impl Fn(&NoticeKind) -> bool) {
        self.notices.retain(|notice| !is(&notice.kind));
    }

    fn show(&mut self) {
        let view = self.as_view(now());
        self.view.send_replace(view);
    }

    /// Says goodbye in order: the broadcast first, so that the origin still takes its last frames.
    async fn shut_down(mut self) {
        self.doors.feeds.send_replace(Feeds::default());
        self.held.no_more.cancel();
        if let Some(broadcast) = self.broadcast.take() {
            broadcast.end().await;
        }
        // What was ended in order is not offered again.
        resume::was_cut_off(&self.folder);
        if let OriginPhase::Running { shutdown, .. } = &self.origin {
            shutdown.cancel();
            self.origin = OriginPhase::Stopping { again: false };
        }
        self.forward();
        let rest = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(SHUTDOWN, rest).await.is_err() {
            warn!("the origin did not stop in time and is cut off");
            self.tasks.abort_all();
        }
        self.keep_scenes_at_last();
        self.sources = SourcesPhase::Opening;
        info!("everything has stopped");
    }
}

/// The next value; never when there is nothing to wait for, or no more.
async fn next<T: Clone>(of: &mut Option<watch::Receiver<T>>) -> T {
    if let Some(of) = of
        && of.changed().await.is_ok()
    {
        return of.borrow_and_update().clone();
    }
    std::future::pending().await
}

#[expect(clippy::disallowed_methods, reason = "this is a driver: it tells the cores what time it is")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// More would push the window away. Full: the oldest goes.
const NOTICES_MAX: usize = 8;
/// The origin gives its connections four seconds and then closes its files.
const SHUTDOWN: Duration = Duration::from_secs(5);

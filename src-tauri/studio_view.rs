//! The studio's state as the window shows it.

use std::time::{Duration, Instant};

use broadcast::Status;

use crate::apart::{EncodeView, encode_view};
use crate::destination::{Saved, THIS_COMPUTER};
use crate::go_live::Phase;
use crate::hosting::{self, Hosted};
use crate::router::Internet;
use crate::service_advice;
use crate::sources;
use crate::studio::{OriginPhase, SourcesPhase, Studio};
use crate::trouble::TroubleView;
use crate::view::{
    Audience, Blocked, DestinationState, DestinationView, LiveView, OriginState, OriginView, PhaseView,
    RecordingView, RoomView, SourceView, Stats, View,
};

impl View {
    /// What is known before the studio has looked around.
    pub(crate) fn empty(feed_url: &str) -> View {
        View {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            theme: crate::settings::Theme::default(),
            looks: crate::looks::Looks::default(),
            hotkeys: crate::hotkeys::view::HotkeysView::of(&crate::hotkeys::Hotkeys::default()),
            language: crate::settings::Language::default(),
            first_run: None,
            feed_url: feed_url.to_owned(),
            notices: Vec::new(),
            origin: OriginView {
                state: OriginState::Off,
                audience: Audience::OnlyMe,
                internet: Internet::Unasked,
                habits: crate::origin_habits::Habits::default(),
            },
            room: None,
            scenes: crate::scenes::view::ScenesView::default(),
            video: SourceView::Starting,
            trouble: Vec::new(),
            pictures: Vec::new(),
            video_choice: crate::settings::VideoChoice::default(),
            sounds: Vec::new(),
            sound: SourceView::Starting,
            microphones: Vec::new(),
            microphone: None,
            push_to_talk: false,
            muted: false,
            output: crate::output::Output::default(),
            countdown: true,
            locked: false,
            live: LiveView {
                phase: PhaseView::Idle,
                blocked: Some(Blocked::Starting),
                destinations: Vec::new(),
                stats: None,
                peak_viewers: 0,
                too_slow: None,
            },
            recording: None,
            disk: crate::disk::DiskView::default(),
            replay_seconds: None,
            recorded: None,
            keychain: crate::keychain::KeychainView::default(),
            asks_to_close: false,
            closing: None,
            tray: false,
            panel: false,
            arrival: None,
        }
    }
}

impl Studio {
    /// Everything as it is at `now`.
    pub(crate) fn as_view(&self, now: Instant) -> View {
        let mut view = View::empty(&self.doors.feed_url);
        view.theme = self.settings.theme;
        view.looks = self.settings.looks.checked();
        view.hotkeys = self.hotkeys_view();
        view.language = self.settings.language;
        view.first_run = self.settings.first_run;
        view.notices.clone_from(&self.notices);
        view.origin = OriginView {
            state: self.origin_state(),
            audience: self.settings.origin.audience(),
            internet: self.internet(),
            habits: self.settings.habits,
        };
        view.room = self.room.as_ref().map(|hosted| self.room_view(hosted));
        view.scenes = self.scenes_view();
        (view.scenes.can_undo, view.scenes.can_redo) = self.can_undo_and_redo();
        let main = self.book.main_picture().and_then(|layer| layer.source.as_choice());
        view.video_choice = main.unwrap_or_default();
        view.pictures = sources::pictures(&self.devices, &view.video_choice);
        view.scenes.on_break = self.on_break();
        view.push_to_talk = self.settings.push_to_talk;
        view.sounds = self.sound_views();
        view.microphones = sources::microphones(&self.devices);
        if let Some(microphone) = self.sounds.kept.microphone() {
            view.microphone = microphone.device.microphone_id();
            view.muted = microphone.muted;
            view.sound = self.sound_state(microphone);
        }
        if let SourcesPhase::Opened(opened) = &self.sources {
            let picture = view.pictures.iter().find(|picture| picture.choice == view.video_choice);
            let name = picture.map_or_else(String::new, |picture| picture.name.clone());
            // On air the last picture is still there, and a notice says so.
            let nothing = self.no_picture(&view.scenes).filter(|_| !self.is_running());
            view.video = source_view(opened.no_video.as_ref().or(nothing.as_ref()), name);
        }
        let away = self.open_ones().filter(|_| self.is_running()).map(|sources| sources.troubles());
        view.trouble = away.iter().flatten().map(|(_, trouble)| trouble.into()).collect();
        view.output.clone_from(&self.settings.output);
        view.countdown = !self.settings.without_countdown;
        view.locked = self.is_running();
        view.live = self.live_view(now);
        view.recording = self.recording_view(now);
        view.disk = self.disk_view();
        view.replay_seconds = self.replay_seconds();
        view.keychain = self.keychain.view(&self.destinations);
        view.recorded = self.recorded.as_ref().map(|file| file.display().to_string());
        view.asks_to_close = self.asks_to_close;
        view.closing = self.closing_ends();
        view.tray = self.surroundings.tray;
        view.panel = self.surroundings.panel;
        view.arrival.clone_from(&self.surroundings.arrival);
        view
    }

    /// Why Go live is off.
    pub(crate) fn blocked(&self) -> Option<Blocked> {
        match &self.sources {
            SourcesPhase::Opening => return Some(Blocked::Starting),
            SourcesPhase::Opened(opened) if opened.no_video.is_some() && !self.sounds.works() => {
                return Some(Blocked::NoSource);
            }
            SourcesPhase::Opened(_) => {}
        }
        let others = self.destinations.iter().any(|saved| saved.on && !saved.closed);
        match (&self.origin, self.settings.without_this_computer) {
            (_, true) if others => None,
            (_, true) => Some(Blocked::NoDestination),
            (OriginPhase::Running { .. }, false) => None,
            (OriginPhase::Starting { .. }, false) => Some(Blocked::Starting),
            (_, false) if others => None,
            (_, false) => Some(Blocked::OriginOff),
        }
    }

    fn origin_state(&self) -> OriginState {
        match &self.origin {
            OriginPhase::Off => OriginState::Off,
            OriginPhase::Starting { .. } => OriginState::Starting,
            OriginPhase::Running { hosted, .. } => hosted.view(),
            OriginPhase::Stopping { .. } => OriginState::Stopping,
            OriginPhase::Failed(problem) => OriginState::Failed { problem: problem.clone() },
        }
    }

    fn room_view(&self, hosted: &Hosted) -> RoomView {
        let watch_url = self.link(hosted);
        RoomView {
            slug: hosted.owner.room.clone(),
            title: hosted.owner.title.clone(),
            qr_svg: hosting::qr_svg(&watch_url),
            watch_url,
            viewers: *self.doors.viewers.borrow(),
        }
    }

    fn live_view(&self, now: Instant) -> LiveView {
        let status = self.status.as_ref().map(|status| status.borrow().clone());
        LiveView {
            phase: phase_view(self.go_live.phase(), now),
            blocked: self.blocked(),
            destinations: self.destination_views(status.as_ref(), now),
            too_slow: status.as_ref().and_then(|status| self.too_slow(status)),
            stats: status.map(|status| stats(&status, self.settings.output.bitrate_kbps)),
            peak_viewers: self.go_live.peak_viewers(),
        }
    }

    fn destination_views(&self, status: Option<&Status>, now: Instant) -> Vec<DestinationView> {
        let running = matches!(self.origin, OriginPhase::Running { .. });
        let own = DestinationView {
            id: 0,
            name: THIS_COMPUTER.to_owned(),
            service: "origin".to_owned(),
            on: !self.settings.without_this_computer,
            last: self.is_the_last(0),
            state: if running { DestinationState::Ready } else { DestinationState::NoOrigin },
            encode: EncodeView::default(),
            address: self.room.as_ref().map(Hosted::ingest_url).unwrap_or_default(),
            has_key: true,
            has_passphrase: false,
            advice: Vec::new(),
        };
        let other = |saved: &Saved| DestinationView {
            id: saved.id,
            name: saved.name.clone(),
            service: saved.service.clone(),
            on: saved.on,
            last: self.is_the_last(saved.id),
            state: match saved.closed {
                true if saved.is_lost() => DestinationState::Lost,
                true => DestinationState::Locked,
                false => DestinationState::Ready,
            },
            encode: EncodeView::default(),
            address: saved.address.clone(),
            // What the keychain has is not known before it is open.
            has_key: (saved.closed && !saved.is_lost()) || !saved.key.is_empty(),
            has_passphrase: (saved.closed && !saved.is_lost()) || !saved.passphrase.is_empty(),
            advice: service_advice::of(&saved.destination(), &self.settings.output),
        };
        let all = std::iter::once(own).chain(self.destinations.iter().map(other));
        let sent = |view: &DestinationView| status?.destinations.iter().find(|sent| sent.name == view.name);
        all.map(|view| {
            let (state, encode) = (self.destination_state(&view, status, now), sent(&view).map(encode_view));
            DestinationView { state, encode: encode.unwrap_or_default(), ..view }
        })
        .collect()
    }

    /// What it is doing, where it would be ready otherwise.
    fn destination_state(
        &self,
        view: &DestinationView,
        status: Option<&Status>,
        now: Instant,
    ) -> DestinationState {
        let sent = status.and_then(|status| status.destinations.iter().find(|sent| sent.name == view.name));
        match (sent, self.go_live.phase()) {
            (Some(sent), _) => destination_state(sent, now),
            (None, _) if !view.on => DestinationState::Off,
            (None, Phase::Ended(_)) => DestinationState::Ended,
            (None, _) if self.sent.iter().any(|sent| sent.name == view.name) => DestinationState::Connecting,
            (None, _) => view.state.clone(),
        }
    }

    fn recording_view(&self, now: Instant) -> Option<RecordingView> {
        let recording = self.recording.as_ref()?;
        let status = self.status.as_ref().and_then(|status| status.borrow().recording.clone());
        let file = status.as_ref().map_or(&recording.file, |status| &status.file);
        Some(RecordingView {
            file: file.display().to_string(),
            elapsed_ms: ms(now.saturating_duration_since(recording.since)),
            kilobytes: narrow(status.as_ref().map_or(0, |status| status.bytes / 1_000)),
            ends_with_broadcast: recording.ends_with_broadcast,
        })
    }
}

fn source_view(problem: Option<&TroubleView>, name: String) -> SourceView {
    match problem {
        Some(trouble) => SourceView::Failed { trouble: trouble.clone() },
        None => SourceView::Ready { name },
    }
}

fn destination_state(sent: &broadcast::DestinationStatus, now: Instant) -> DestinationState {
    use broadcast::DestinationState as From;
    match &sent.state {
        From::Connecting => DestinationState::Connecting,
        From::Live { .. } => DestinationState::Live { rate_bps: narrow(sent.sent_bps) },
        From::Retrying { attempt, at, cause } => DestinationState::Retrying {
            attempt: *attempt,
            next_ms: ms(at.saturating_duration_since(now)),
            cause: cause.into(),
        },
        From::Failed { cause } => DestinationState::Failed { cause: cause.into() },
        From::Ended => DestinationState::Ended,
    }
}

fn phase_view(phase: &Phase, now: Instant) -> PhaseView {
    let since = |moment: Instant| ms(now.saturating_duration_since(moment));
    match phase {
        Phase::Idle { .. } => PhaseView::Idle,
        Phase::Countdown { ends } => {
            PhaseView::Countdown { left_ms: ms(ends.saturating_duration_since(now)) }
        }
        Phase::Connecting => PhaseView::Connecting,
        Phase::Live { since: first } => PhaseView::Live { elapsed_ms: since(*first) },
        Phase::Reconnecting { since: first, attempt, next, cause, lost } => PhaseView::Reconnecting {
            elapsed_ms: since(*first),
            lost_at_ms: ms(lost.saturating_duration_since(*first)),
            lost_ms: since(*lost),
            attempt: *attempt,
            next_ms: ms(next.saturating_duration_since(now)),
            cause: cause.clone(),
        },
        Phase::Ending { .. } => PhaseView::Ending,
        Phase::Ended(summary) => PhaseView::Ended {
            length_ms: ms(summary.length),
            peak_viewers: summary.peak_viewers,
            average_bitrate_bps: narrow(summary.outcome.average_bitrate_bps),
            dropped_frames: narrow(summary.outcome.dropped_frames),
        },
    }
}

/// `full_kbps` is what a good network gets.
fn stats(status: &Status, full_kbps: u32) -> Stats {
    let dropped: u64 = status.destinations.iter().map(|destination| destination.dropped_frames).sum();
    let aimed = status.picture;
    let links = status.destinations.iter().filter_map(|destination| destination.link);
    let queued = status.destinations.iter().map(|destination| destination.queued).max();
    Stats {
        fps: status.fps.round() as u32,
        bitrate_bps: narrow(status.bitrate_bps),
        dropped_frames: narrow(status.dropped_frames + dropped),
        frames: narrow(status.frames),
        encoder: status.encoder.clone().unwrap_or_default(),
        size: format!("{} × {}", aimed.size.width, aimed.size.height),
        aimed_fps: aimed.fps,
        aimed_bps: aimed.bitrate_bps,
        weak: aimed.bitrate_bps < full_kbps * 1_000 && !status.destinations.is_empty(),
        round_trip_ms: links.map(|link| ms(link.round_trip)).max(),
        queued_ms: ms(queued.unwrap_or_default()),
    }
}

/// Forty-nine days on air fit.
fn ms(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}

fn narrow(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

//! Where pictures of all sources meet, and leave as one picture.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use capture::{Stop, Trouble, VideoInput};
use media::{Size, Span, Timestamp, VideoFrame};
use tokio::sync::watch;

use super::compositor::{Compositor, View};
use super::cutout::Placed;
use super::staged::{Staged, drawn};
use super::strokes;
use super::{Canvas, Drawing, Layer, Lettering, Scene, SceneError, Source, Transition};
use crate::frame_queue::FrameQueue;
use crate::pacer::Pacer;
use crate::program::Program;

/// Shared by the lines of the picture sources, the compositor's thread and whoever sets scenes.
pub(crate) struct Stage {
    program: Arc<Program>,
    size: Size,
    fps: u32,
    lettering: Lettering,
    preview: watch::Sender<Option<VideoFrame>>,
    trouble: watch::Sender<Option<String>>,
    state: Mutex<State>,
    /// A feed has its first picture, there is something to compose, or it is over.
    changed: Condvar,
    /// Ends the compositor.
    stop: Stop,
}

/// Names a feed for as long as it lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FeedId(u64);

/// One picture source of a scene.
struct Feed {
    id: FeedId,
    input: VideoInput,
    /// Ends its line.
    stop: Stop,
    /// Pictures that wait for the compositor; closed while none is needed.
    queue: FrameQueue,
    /// What is shown of it at present.
    shown: Option<VideoFrame>,
    /// Whether a picture has come, or none will.
    answered: bool,
    ended: bool,
    trouble: Option<Trouble>,
}

#[derive(Default)]
struct State {
    showing: Option<Arc<Staged>>,
    /// What is about to be shown.
    expected: Option<Arc<Staged>>,
    fading: Option<Fading>,
    drawing: Option<Arc<Placed>>,
    feeds: Vec<Feed>,
    next_id: u64,
    /// The feed whose pictures leave as they are.
    direct: Option<FeedId>,
    /// Times of the last pictures that left, composed and as they were: none is older than the other kind's.
    composed_until: Option<Timestamp>,
    direct_until: Option<Timestamp>,
}

struct Fading {
    from: Arc<Staged>,
    begun: Timestamp,
    span: Span,
}

impl Stage {
    pub(crate) fn new(
        program: Arc<Program>,
        (size, fps): (Size, u32),
        preview: watch::Sender<Option<VideoFrame>>,
        trouble: watch::Sender<Option<String>>,
    ) -> Stage {
        Stage {
            program,
            size,
            fps,
            lettering: Lettering::default(),
            preview,
            trouble,
            state: Mutex::default(),
            changed: Condvar::new(),
            stop: Stop::new(),
        }
    }

    /// Draws what stands still of a scene. Takes time.
    ///
    /// # Errors
    /// When the scene cannot be shown.
    pub(crate) fn prepare(&self, scene: &Scene) -> Result<Arc<Staged>, SceneError> {
        let before = self.lock().showing.clone();
        Staged::new(scene, self.size, &self.lettering, before.as_deref(), self.program.now()).map(Arc::new)
    }

    /// Whether anything is shown.
    pub(crate) fn has_scene(&self) -> bool {
        self.lock().showing.is_some()
    }

    /// Keeps feeds of this scene, which is about to be shown.
    pub(crate) fn expect(&self, scene: Option<&Arc<Staged>>) {
        self.lock().expected = scene.cloned();
    }

    /// Whether there is a feed for `input`.
    pub(crate) fn is_fed_by(&self, input: &VideoInput) -> bool {
        self.lock().feeds.iter().any(|feed| feed.input == *input)
    }

    /// Adds a feed whose line ends with `stop`.
    pub(crate) fn add_feed(&self, input: VideoInput, stop: Stop) -> FeedId {
        let mut state = self.lock();
        let id = FeedId(state.next_id);
        state.next_id += 1;
        let queue = FrameQueue::default();
        queue.set_open(true);
        state.feeds.push(Feed {
            id,
            input,
            stop,
            queue,
            shown: None,
            answered: false,
            ended: false,
            trouble: None,
        });
        id
    }

    /// Waits until every feed has a picture or is in trouble, at most so long.
    pub(crate) fn wait_for_pictures(&self, limit: Duration) {
        let waiting = |state: &mut State| state.feeds.iter().any(|feed| !feed.answered);
        // Poisoned or late, the switch comes now; what is not there yet comes later.
        drop(self.changed.wait_timeout_while(self.lock(), limit, waiting));
    }

    /// Shows a scene, whose sources are feeds.
    pub(crate) fn show(&self, scene: Arc<Staged>, transition: Transition) {
        let mut state = self.lock();
        let from = state.showing.replace(scene);
        state.expected = None;
        state.fading = match (transition.bounded(), from) {
            (Transition::Fade(span), Some(from)) => Some(Fading { from, begun: self.program.now(), span }),
            _ => None,
        };
        self.settle(&mut state);
    }

    /// Draws over everything.
    pub(crate) fn set_drawing(&self, drawing: &Drawing) -> Result<(), SceneError> {
        let layer = Layer::new(Source::Drawing(drawing.clone()));
        Scene { layers: vec![layer.clone()] }.check()?;
        let placed = if drawing.strokes.is_empty() {
            None
        } else {
            drawn(&layer, self.size, |pixmap| {
                strokes::draw(pixmap, drawing, self.size);
                Ok::<(), SceneError>(())
            })?
        };
        let mut state = self.lock();
        state.drawing = placed.map(Arc::new);
        self.settle(&mut state);
        Ok(())
    }

    /// Takes a picture of a feed; never waits for one.
    pub(crate) fn take(&self, id: FeedId, picture: VideoFrame) {
        let mut state = self.lock();
        let direct = state.direct == Some(id);
        let Some(feed) = state.feed(id) else { return };
        let first = !std::mem::replace(&mut feed.answered, true);
        if direct {
            feed.shown = Some(picture.clone());
            if state.composed_until.is_none_or(|composed| picture.pts > composed) {
                state.direct_until = Some(picture.pts);
                self.hand_on(picture);
            }
        } else {
            feed.queue.push(picture);
        }
        if first {
            self.changed.notify_all();
        }
    }

    /// A feed's picture has stood still for too long: black where it is all there is, else nothing of it.
    pub(crate) fn lose(&self, id: FeedId) {
        let mut state = self.lock();
        let direct = state.direct == Some(id);
        let Some(feed) = state.feed(id) else { return };
        feed.shown = None;
        feed.queue.set_open(!direct);
        if direct {
            self.hand_on(Canvas::black(self.size).into_frame(self.program.clock.now()));
        }
    }

    /// A feed's pictures have come to their end; its last one stays.
    pub(crate) fn end(&self, id: FeedId) {
        let mut state = self.lock();
        if let Some(feed) = state.feed(id) {
            (feed.ended, feed.answered) = (true, true);
        }
        self.settle(&mut state);
        self.changed.notify_all();
    }

    /// Why a feed has no picture.
    pub(crate) fn set_trouble(&self, id: FeedId, trouble: Option<Trouble>) {
        let mut state = self.lock();
        if let Some(feed) = state.feed(id) {
            feed.answered |= trouble.is_some();
            feed.trouble = trouble;
        }
        self.tell_trouble(&state);
        self.changed.notify_all();
    }

    /// The feeds that have no picture, each with why.
    pub(crate) fn troubles(&self) -> Vec<(VideoInput, Trouble)> {
        let state = self.lock();
        state.feeds.iter().filter_map(|feed| Some((feed.input.clone(), feed.trouble.clone()?))).collect()
    }

    /// Ends the compositor and all lines.
    pub(crate) fn close(&self) {
        let state = self.lock();
        self.stop.stop();
        state.feeds.iter().for_each(|feed| feed.stop.stop());
        self.changed.notify_all();
    }

    /// The compositor's thread: sleeps while pictures leave as they are.
    pub(crate) fn run(&self) {
        let mut compositor = Compositor::new(self.size, self.lettering.clone());
        while self.wait_for_work() {
            let mut pacer = Pacer::new(self.fps, self.program.now());
            while let Some(view) = self.next_view(&mut pacer) {
                let picture = compositor.compose(&view);
                let mut state = self.lock();
                if state.direct.is_none() && state.direct_until.is_none_or(|direct| picture.pts > direct) {
                    state.composed_until = Some(picture.pts);
                    self.hand_on(picture);
                }
            }
        }
    }

    /// Until there is something to compose; `false` when it is over.
    fn wait_for_work(&self) -> bool {
        let idle = |state: &mut State| {
            !self.stop.is_stopped() && (state.direct.is_some() || state.showing.is_none())
        };
        drop(self.changed.wait_while(self.lock(), idle));
        !self.stop.is_stopped()
    }

    /// What is to be seen at the next tick, once its pictures have arrived; `None` when nothing is to be composed.
    ///
    /// That is half a picture's time before the encoder fetches it.
    fn next_view(&self, pacer: &mut Pacer) -> Option<View> {
        let due = pacer.arrived() - self.program.offset();
        if self.stop.wait_until(self.program.clock.instant(due)) {
            return None;
        }
        let tick = pacer.newest(self.program.now());
        let offset = self.program.offset();
        let time = pacer.time_of(tick);
        let mut state = self.lock();
        if state.fading.as_ref().is_some_and(|fading| time >= fading.begun + fading.span) {
            state.fading = None;
            self.settle(&mut state);
        }
        if state.direct.is_some() {
            return None;
        }
        let showing = state.showing.clone()?;
        let fading = state.fading.as_ref().map(|fading| {
            let share = (time - fading.begun).as_secs_f64() / fading.span.as_secs_f64();
            (Arc::clone(&fading.from), (share.clamp(0.0, 1.0) * 256.0).round() as u16)
        });
        for feed in &mut state.feeds {
            let fresh = feed.queue.take(|times| {
                let times: Vec<_> = times.iter().map(|&time| time + offset).collect();
                pacer.choose(tick, &times)
            });
            if fresh.is_some() {
                feed.shown = fresh;
            }
        }
        let pictures = state.feeds.iter().filter_map(|feed| Some((feed.input.clone(), feed.shown.clone()?)));
        let pictures = pictures.collect();
        // Pictures wait for the encoder with the clock's times; timers and fades run on the timeline's.
        Some(View {
            at: time - offset,
            timeline: time,
            showing,
            fading,
            drawing: state.drawing.clone(),
            pictures,
        })
    }

    /// After any change: who leaves as it is, who is not needed any more.
    fn settle(&self, state: &mut State) {
        let before = state.fading.as_ref().map(|fading| &fading.from);
        let scenes = [state.showing.as_ref(), state.expected.as_ref(), before];
        let used = |input: &VideoInput| {
            scenes.iter().flatten().flat_map(|scene| scene.inputs()).any(|other| other == input)
        };
        state.feeds.retain(|feed| {
            let used = used(&feed.input);
            if !used {
                feed.stop.stop();
            }
            used
        });
        let alone = state.fading.is_none() && state.drawing.is_none();
        let input = state.showing.as_ref().filter(|_| alone).and_then(|scene| scene.direct());
        let direct = input.and_then(|input| state.feeds.iter().find(|feed| feed.input == *input));
        let (direct, ended) = (direct.map(|feed| feed.id), direct.is_some_and(|feed| feed.ended));
        if direct != state.direct {
            self.change_direct(state, direct);
        }
        self.program.set_pictures_ended(ended);
        self.tell_trouble(state);
        self.changed.notify_all();
    }

    fn change_direct(&self, state: &mut State, direct: Option<FeedId>) {
        state.direct = direct;
        for feed in &mut state.feeds {
            if direct == Some(feed.id) {
                let waiting = feed.queue.take(<[Timestamp]>::len);
                feed.shown = waiting.or(feed.shown.take());
            }
            feed.queue.set_open(direct != Some(feed.id));
        }
        let shown = direct.and_then(|id| state.feed(id)?.shown.clone());
        // A picture that stands still would otherwise never be seen.
        if let Some(shown) = shown {
            let pts = self.program.clock.now().max(shown.pts);
            state.direct_until = Some(pts);
            self.hand_on(VideoFrame { pts, ..shown });
        }
    }

    fn hand_on(&self, picture: VideoFrame) {
        self.preview.send_replace(Some(picture.clone()));
        self.program.push_picture(picture);
    }

    fn tell_trouble(&self, state: &State) {
        let troubles = state.feeds.iter().filter_map(|feed| feed.trouble.as_ref());
        let words: Vec<&str> = troubles.map(|trouble| trouble.words.as_str()).collect();
        let words = (!words.is_empty()).then(|| words.join("; "));
        self.trouble.send_if_modified(|told| {
            let changed = *told != words;
            *told = words;
            changed
        });
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn feed(&mut self, id: FeedId) -> Option<&mut Feed> {
        self.feeds.iter_mut().find(|feed| feed.id == id)
    }
}

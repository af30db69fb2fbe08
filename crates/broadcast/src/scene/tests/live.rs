//! The stage: who hands which picture on.

use std::time::Duration;

use capture::{Clock, Stop};
use tokio::sync::watch;

use super::super::{Stage, Transition};
use super::*;
use crate::program::Program;

struct Theatre {
    stage: Arc<Stage>,
    program: Arc<Program>,
    preview: watch::Receiver<Option<VideoFrame>>,
    trouble: watch::Receiver<Option<String>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Theatre {
    fn new() -> Theatre {
        let program = Arc::new(Program::new(Clock::start()));
        program.frames.set_open(true);
        let (preview_sender, preview) = watch::channel(None);
        let (trouble_sender, trouble) = watch::channel(None);
        let stage = Arc::new(Stage::new(Arc::clone(&program), (CANVAS, 30), preview_sender, trouble_sender));
        let runs = Arc::clone(&stage);
        let thread = Some(std::thread::spawn(move || runs.run()));
        Theatre { stage, program, preview, trouble, thread }
    }

    fn show(&self, layers: Vec<Layer>, transition: Transition) {
        let staged = self.stage.prepare(&Scene { layers }).expect("a sound scene");
        self.stage.show(staged, transition);
    }

    /// Waits until the preview shows what is wanted.
    fn until(&mut self, what: &str, wanted: impl Fn(&VideoFrame) -> bool) -> VideoFrame {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let seen = runtime.block_on(async {
            let wanted = |frame: &Option<VideoFrame>| frame.as_ref().is_some_and(&wanted);
            tokio::time::timeout(Duration::from_secs(60), self.preview.wait_for(wanted))
                .await
                .map(|frame| frame.expect("the stage is there").clone())
        });
        seen.ok().flatten().unwrap_or_else(|| panic!("not within a minute: {what}"))
    }

    fn now(&self, picture: VideoFrame) -> VideoFrame {
        VideoFrame { pts: self.program.clock.now(), ..picture }
    }
}

impl Drop for Theatre {
    fn drop(&mut self) {
        self.stage.close();
        let ended = self.thread.take().is_none_or(|thread| thread.join().is_ok());
        assert!(ended || std::thread::panicking(), "the compositor does not panic");
    }
}

#[test]
fn one_full_source_is_handed_on_by_reference() {
    let mut theatre = Theatre::new();
    let feed = theatre.stage.add_feed(VideoInput::Test, Stop::new());
    theatre.stage.expect(None);
    theatre.show(vec![test_layer()], Transition::Cut);
    let given = theatre.now(halves(Size::new(100, 60)));
    theatre.stage.take(feed, given.clone());
    let left = theatre.program.frames.take(<[Timestamp]>::len).expect("it left at once");
    let shown = theatre.until("it is shown", |_| true);
    for frame in [left, shown] {
        assert_eq!((frame.pts, frame.size), (given.pts, given.size));
        assert_eq!(frame.planes[0].data.as_ptr(), given.planes[0].data.as_ptr());
    }
}

#[test]
fn a_switch_keeps_what_both_scenes_have_and_ends_the_rest() {
    let mut theatre = Theatre::new();
    let (kept, ended) = (Stop::new(), Stop::new());
    let feed = theatre.stage.add_feed(VideoInput::Test, kept.clone());
    let file = VideoInput::File("clip.mp4".into());
    theatre.stage.add_feed(file.clone(), ended.clone());
    let both = vec![test_layer(), Layer::new(file.into()).at(middle())];
    theatre.show(both, Transition::Cut);
    theatre.stage.take(feed, theatre.now(picture(CANVAS, |_, _| GREEN)));
    theatre.until("it is composed", |frame| pixel(frame, 10, 10) == Shade::from(GREEN).0);
    let two = vec![fill(RED), test_layer().at(middle())];
    theatre.show(two, Transition::Fade(Span::from_secs(2)));
    assert!(!ended.is_stopped(), "the old scene is still to be seen");
    theatre.until("the fade's end", |frame| pixel(frame, 10, 10) == Shade::from(RED).0);
    // What ends is ended right after its last picture was handed on.
    let clock = theatre.program.clock;
    assert!(ended.wait_until(clock.instant(clock.now() + Span::from_secs(60))));
    assert!(!kept.is_stopped());
    theatre.show(vec![test_layer()], Transition::Cut);
    // Its last picture stands there until the next one comes.
    theatre.until("the picture as it is", |frame| pixel(frame, 10, 10) == Shade::from(GREEN).0);
    let given = theatre.now(halves(Size::new(64, 64)));
    theatre.stage.take(feed, given.clone());
    theatre.until("the next one as it is", |frame| {
        frame.planes[0].data.as_ptr() == given.planes[0].data.as_ptr()
    });
}

#[test]
fn a_source_that_is_away_is_told_and_leaves_the_others() {
    let mut theatre = Theatre::new();
    let camera = VideoInput::Camera(None);
    let lost = theatre.stage.add_feed(camera.clone(), Stop::new());
    let there = theatre.stage.add_feed(VideoInput::Test, Stop::new());
    theatre.show(vec![test_layer(), Layer::new(camera.into()).at(middle())], Transition::Cut);
    theatre.stage.take(there, theatre.now(picture(CANVAS, |_, _| GREEN)));
    theatre.stage.take(lost, theatre.now(picture(CANVAS, |_, _| BLUE)));
    theatre.until("both", |frame| pixel(frame, 160, 90) == Shade::from(BLUE).0);
    let unplugged = capture::Error::Camera { camera: "C920".into(), reason: "it was unplugged".into() };
    theatre.stage.set_trouble(lost, Some((&unplugged).into()));
    assert_eq!(theatre.trouble.borrow_and_update().as_deref(), Some("camera C920: it was unplugged"));
    theatre.stage.lose(lost);
    theatre.until("only the other", |frame| pixel(frame, 160, 90) == Shade::from(GREEN).0);
    theatre.stage.set_trouble(lost, None);
    assert_eq!(*theatre.trouble.borrow_and_update(), None);
}

#[test]
fn a_drawing_lies_over_every_scene_until_it_is_wiped_off() {
    use super::super::{Drawing, Length, Stroke};
    let mut theatre = Theatre::new();
    let feed = theatre.stage.add_feed(VideoInput::Test, Stop::new());
    theatre.show(vec![test_layer()], Transition::Cut);
    theatre.stage.take(feed, theatre.now(picture(CANVAS, |_, _| GREEN)));
    let stroke = Stroke { points: vec![[0.0, 0.5], [1.0, 0.5]], width: Length::Pixels(20.0), colour: BLUE };
    theatre.stage.set_drawing(&Drawing { strokes: vec![stroke.clone()] }).expect("one stroke");
    theatre.until("the stroke", |frame| pixel(frame, 160, 90) == Shade::from(BLUE).0);
    let many = Drawing { strokes: vec![stroke; 4_001] };
    assert!(theatre.stage.set_drawing(&many).is_err());
    theatre.stage.set_drawing(&Drawing::default()).expect("no stroke");
    theatre.until("nothing of it", |frame| pixel(frame, 160, 90) == Shade::from(GREEN).0);
}

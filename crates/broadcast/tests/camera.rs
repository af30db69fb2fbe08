//! A session whose camera is unplugged and plugged in again, with the cameras of `cargo xtask camera-test`.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use broadcast::{AudioInput, Sources, SourcesConfig, VideoFrame, VideoInput};
use media::{PixelFormat, Size};
use tokio::sync::watch;

/// Generous: the machine is an emulated one.
const LIMIT: Duration = Duration::from_secs(90);

async fn until<T>(watched: &mut watch::Receiver<T>, what: &str, reached: impl Fn(&T) -> bool) {
    let waited = tokio::time::timeout(LIMIT, watched.wait_for(|value| reached(value))).await;
    assert!(waited.is_ok_and(|reached| reached.is_ok()), "not within {LIMIT:?}: {what}");
}

fn plug(action: &str) {
    std::fs::write(format!("/sys/bus/platform/drivers/vivid/{action}"), "vivid.0").unwrap();
}

fn is_from_camera(frame: &Option<VideoFrame>) -> bool {
    frame.as_ref().is_some_and(|frame| frame.format == PixelFormat::Nv12)
}

fn is_black(frame: &Option<VideoFrame>) -> bool {
    frame.as_ref().is_some_and(|frame| {
        frame.format == PixelFormat::I420 && frame.planes[0].data.iter().all(|&luma| luma == 16)
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a V4L2 device: cargo xtask camera-test"]
async fn an_unplugged_camera_is_told_in_words_turns_black_and_comes_back_by_itself() {
    let (video, audio) = (VideoInput::Camera(None), AudioInput::None);
    let sources = Sources::open(SourcesConfig {
        video,
        sounds: vec![audio.into()],
        size: Size::new(320, 180),
        fps: 10,
        screen_permission: None,
    })
    .unwrap();
    let (mut preview, mut trouble) = (sources.preview(), sources.trouble());
    until(&mut preview, "a picture", is_from_camera).await;
    plug("unbind");
    until(&mut trouble, "the reason in words", |trouble| {
        trouble.as_deref().is_some_and(|words| words.ends_with("it was unplugged"))
    })
    .await;
    until(&mut preview, "black after the last picture", is_black).await;
    plug("bind");
    until(&mut preview, "the camera's picture again", is_from_camera).await;
    until(&mut trouble, "no trouble", Option::is_none).await;
}

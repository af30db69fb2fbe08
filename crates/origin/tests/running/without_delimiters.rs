//! H.264 in MPEG-TS without access unit delimiters: where a picture ends, only the next one tells.

use std::path::Path;

use media::{MediaEvent, nal};
use testkit::transport_stream::Writer;
use tokio::process::Command;

use crate::harness::{Folder, Running};
use crate::over_srt::{decodes, sent_and_fetched};

/// Eight seconds of H.264 with B-frames and AAC, as packets.
async fn packets(path: &Path) -> Vec<MediaEvent> {
    let made = Command::new("ffmpeg")
        .args("-hide_banner -loglevel error -nostdin -y -f lavfi -i testsrc=size=320x180:rate=30".split(' '))
        .args("-f lavfi -i sine=sample_rate=48000 -t 8 -pix_fmt yuv420p".split(' '))
        .args("-c:v libx264 -preset ultrafast -bf 2 -g 30 -x264-params slices=2 -c:a aac".split(' '))
        .arg(path)
        .status();
    assert!(made.await.unwrap().success());
    testkit::read_mp4(path)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_picture_and_sound_of_a_stream_without_delimiters_is_served_and_plays() {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let events = packets(&place.join("without-delimiters.mp4")).await;
    let stream = Writer::without_delimiters().stream(&events);
    let start_of = |unit: u8| stream.windows(4).filter(|bytes| *bytes == [0, 0, 1, unit]).count();
    assert_eq!(start_of(nal::AUD), 0, "there is none");
    let clip = place.join("without-delimiters.ts");
    std::fs::write(&clip, &stream).unwrap();
    let folder = Folder::new();
    let running = Running::start(&folder).await;
    let served = sent_and_fetched(&running, &clip, "bare", "publish:").await;
    decodes(&served).await;
    running.stop().await;
}

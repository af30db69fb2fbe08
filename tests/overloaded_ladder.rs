//! A processor that cannot keep up with the renditions: one of them goes, the source stays as it is, and its owner is told.
//!
//! What is late is counted in media time. So the publisher sends some seconds of media at once, which no processor
//! re-encodes in no time, and the machine need not be loaded for it.

use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use testkit::{read_mp4, to_tags};

use crate::harness::browser::Browser;
use crate::harness::environment::keep_screenshot;
use crate::harness::machine::beside_others;
use crate::harness::playlist::{MediaPlaylist, resolve, variants};
use crate::harness::rtmp_push::push_tags_ahead;
use crate::harness::server::Server;
use crate::harness::settings_page::SettingsPage;
use crate::harness::wait::{seconds, until};

const LIMIT: Duration = seconds(45);
/// Media that comes at once: enough to be late for two seconds of it, too little for a second rendition to go.
const AHEAD: Duration = seconds(8);
/// From one keyframe to the next, and one segment, of what is published. Seconds.
const SEGMENT_S: f64 = 2.0;
/// A picture: what a segment may be longer or shorter, where sound and picture do not end together.
const PICTURE_S: f64 = 1.0 / 30.0;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_lowest_rendition_goes_and_the_source_keeps_its_time() {
    beside_others(seconds(240), async {
        let folder = TempDir::new().expect("a temporary folder");
        let file = folder.path().join("source.mp4");
        make(&file);
        let server = Server::start_with(|config| {
            config.transcode.enabled = true;
            config.transcode.heights = vec![360, 240];
            config.transcode.cpu_percent = 100;
        })
        .await;
        let room = server.room("heavy").await;
        let push = push_tags_ahead(server.rtmp_address, &room.key, to_tags(&read_mp4(&file)), AHEAD);
        server.live("heavy").await;
        let ingest = until("the notice", LIMIT, async || {
            let told = server.describe("heavy").await["ingest"].clone();
            told["warnings"].to_string().contains("240p was dropped").then_some(told)
        })
        .await;
        let warnings: Vec<&str> =
            ingest["warnings"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let dropped = warnings.iter().position(|warning| warning.contains("was dropped"));
        let dropped = dropped.map(|at| warnings[at]);
        assert_eq!(
            dropped,
            Some("240p was dropped: the CPU cannot keep up"),
            "the lowest first: {warnings:?}"
        );
        let active = |name: &str| {
            let all = ingest["renditions"].as_array().into_iter().flatten();
            all.clone().find(|one| one["name"] == name).map(|one| one["active"].clone())
        };
        assert_eq!(active("240p"), Some(Value::from(false)), "{ingest}");

        // Players are offered it no more, and the source is as it was sent: no segment is missing, cut or late.
        let url = server.playlist_url("heavy");
        let offered = until("a multivariant playlist without it", LIMIT, async || {
            let text = server.http.get(&url).await.text().to_owned();
            (!text.contains("x240,") && !text.contains("x240\n")).then_some(text)
        })
        .await;
        let source = resolve(&url, &variants(&offered)[0]);
        let listed = until("five segments of the source", LIMIT, async || {
            let listed = MediaPlaylist::read(server.http.get(&source).await.text()).expect("a playlist");
            (listed.segments.iter().filter(|segment| segment.uri.is_some()).count() >= 5).then_some(listed)
        })
        .await;
        for (index, segment) in listed.segments.iter().enumerate() {
            assert_eq!(segment.msn, listed.media_sequence + index as u64);
            assert!(!segment.gap && !segment.discontinuity, "{segment:?}");
            assert!(segment.parts.iter().all(|part| !part.gap), "{segment:?}");
            let duration = segment.duration.unwrap_or(SEGMENT_S);
            assert!((duration - SEGMENT_S).abs() <= PICTURE_S, "{segment:?}");
        }

        let browser = Browser::start().await;
        let page = SettingsPage(&browser.session);
        page.sign_in(&server).await;
        page.open(&server, "heavy", "stream", LIMIT).await;
        page.says("warnings", "240p was dropped: the CPU cannot keep up", LIMIT).await;
        keep_screenshot("web-overloaded.png", &browser.session.screenshot().await);
        push.abort();
    })
    .await;
}

/// Two minutes of 854 × 480 with a keyframe each two seconds.
fn make(file: &std::path::Path) {
    let mut command = std::process::Command::new("ffmpeg");
    command
        .args("-nostdin -hide_banner -loglevel error -f lavfi -i testsrc2=size=854x480:rate=30".split(' '));
    command.args("-f lavfi -i sine=frequency=440:sample_rate=48000 -t 120".split(' '));
    command.args("-c:v libx264 -preset ultrafast -g 60 -keyint_min 60 -sc_threshold 0".split(' '));
    command.args("-pix_fmt yuv420p -c:a aac".split(' ')).arg(file);
    assert!(command.status().expect("ffmpeg starts").success());
}

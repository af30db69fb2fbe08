//! A recording whose stream changed its size: a file for each, and one replay of both.

use crate::harness::{Folder, Publisher, Running, ask};
use crate::recording::{decodes, live_seconds, probed, recordings, until_seconds};
use crate::retention::record;

#[tokio::test(flavor = "multi_thread")]
async fn another_size_begins_another_file_and_the_replay_plays_through_both() {
    let folder = Folder::new();
    let running = Running::start(&folder).await;
    let http = running.addresses.http;
    let key = running.room("demo").await;
    record(&running).await;
    let publisher = Publisher::start(&running.publish_url(&key));
    until_seconds(http, 3.0).await;
    publisher.kill().await;
    let before = live_seconds(http).await;
    let publisher = Publisher::start_of_size(&running.publish_url(&key), "320x240");
    until_seconds(http, before + 3.0).await;
    publisher.finish().await;

    let recording = recordings(http, 1).await.remove(0);
    let address = |path: &serde_json::Value| format!("http://{http}{}", path.as_str().unwrap());
    let files: Vec<String> = recording["files"].as_array().unwrap().iter().map(address).collect();
    assert_eq!(files.len(), 2, "{recording}");
    let mut packets = 0;
    for file in &files {
        decodes(file).await;
        packets += probed(file).await.0;
    }
    let path = recording["playlist"].as_str().unwrap();
    let text = ask(http, "GET", path, &[], "").await.text();
    let count = |tag: &str| text.lines().filter(|line| line.starts_with(tag)).count();
    assert_eq!((count("#EXT-X-DISCONTINUITY"), count("#EXT-X-MAP")), (1, 2), "{text}");
    // FFmpeg reads all of it and then decodes the second size with the parameters of the first, so that it is no judge of
    // the picture here; a browser is.
    let playlist = address(&recording["playlist"]);
    assert_eq!(probed(&playlist).await.0, packets, "the replay has every picture of both files");
    let length = text.lines().filter_map(|line| line.strip_prefix("#EXTINF:"));
    let length: f64 = length.map(|rest| rest.trim_end_matches(',').parse::<f64>().unwrap()).sum();
    let told = recording["duration_ms"].as_f64().unwrap() / 1_000.0;
    assert!((length - told).abs() < 0.1 && told > before + 2.0, "{length} s in the playlist, told {told} s");
    running.stop().await;
}

//! From a publisher to a viewer.

use std::process::Stdio;

use tokio::process::Command;

use crate::harness::{Chat, Folder, Publisher, Running, ask, next, soon};

/// A running origin, a room in it, its key, and a member who sees its notices.
async fn scene(folder: &Folder) -> (Running, String, Chat) {
    let running = Running::start(folder).await;
    let key = running.room("demo").await;
    let chat = Chat::join(running.addresses.http, "demo", "", &[]).await;
    (running, key, chat)
}

#[tokio::test]
async fn a_published_stream_is_served_as_low_latency_hls() {
    let folder = Folder::new();
    let (running, key, mut chat) = scene(&folder).await;
    let early = running.get("/live/demo/index.m3u8").await;
    assert_eq!(early.status, 404);
    let publisher = Publisher::start(&running.publish_url(&key));
    chat.notice("live").await;
    let path = running.media_path("demo").await;
    let first = running.get(&path).await;
    assert_eq!(first.header("content-type"), "application/vnd.apple.mpegurl");
    assert_eq!(first.header("cache-control"), "public, max-age=1");
    let (mut msn, mut part) = next(&first.text());
    let base = path.trim_end_matches("index.m3u8").to_owned();
    // Follows the playlist into its third segment, as a player does: each answer holds what was asked.
    while msn < 3 {
        let reload = running.get(&format!("{path}?_HLS_msn={msn}&_HLS_part={part}")).await;
        assert_eq!((reload.status, reload.header("access-control-allow-origin")), (200, "*"));
        assert_eq!(reload.header("cache-control"), "public, max-age=0, s-maxage=12");
        let ahead = next(&reload.text());
        assert!(ahead > (msn, part), "{ahead:?} after {:?}", (msn, part));
        let fetched = running.get(&format!("{base}part-{msn}-{part}.m4s")).await;
        assert_eq!((fetched.status, fetched.header("content-type")), (200, "video/mp4"));
        let first_box = &fetched.body[4..8];
        assert!(first_box == b"moof" || first_box == b"styp", "a part is a fragment: {first_box:?}");
        (msn, part) = ahead;
    }
    let hinted = running.get(&format!("{base}part-{msn}-{part}.m4s")).await;
    assert_eq!(hinted.status, 200, "a hinted part waits until it is there");
    let segment = running.get(&format!("{base}seg-1.m4s")).await;
    assert!(segment.header("cache-control").contains("immutable"));
    let mut parts = Vec::new();
    for number in 0.. {
        let part = running.get(&format!("{base}part-1-{number}.m4s")).await;
        if part.status != 200 {
            break;
        }
        parts.extend_from_slice(&part.body);
    }
    assert_eq!(segment.body, parts, "a segment is its parts");
    let room = running.managed("demo").await;
    assert_eq!(
        (room["state"].as_str(), room["ingest"]["video"]["width"].as_u64()),
        (Some("live"), Some(160))
    );
    assert_eq!(room["ingest"]["audio"]["sample_rate"], 48_000);
    publisher.finish().await;
    chat.notice("offline").await;
    running.stop().await;
}

#[tokio::test]
async fn senseless_requests_for_media_are_refused() {
    let folder = Folder::new();
    let (running, key, mut chat) = scene(&folder).await;
    let _publisher = Publisher::start(&running.publish_url(&key));
    chat.notice("live").await;
    let path = running.media_path("demo").await;
    let base = path.trim_end_matches("index.m3u8").to_owned();
    for query in ["_HLS_part=0", "_HLS_msn=50", "_HLS_msn=0&_HLS_part=500", "_HLS_msn=x"] {
        assert_eq!(running.get(&format!("{path}?{query}")).await.status, 400, "{query}");
    }
    for file in ["part-40-0.m4s", "seg-40.m4s", "init-9.mp4", "nothing.ts", "..%2findex.m3u8"] {
        assert_eq!(running.get(&format!("{base}{file}")).await.status, 404, "{file}");
    }
    let other = running.get("/live/demo/main-00000000/index.m3u8").await;
    assert_eq!(other.status, 404, "another broadcast's media is not this one's");
    running.stop().await;
}

#[tokio::test]
async fn a_killed_publisher_that_comes_back_continues_the_same_playlist() {
    let folder = Folder::new();
    let (running, key, mut chat) = scene(&folder).await;
    let publisher = Publisher::start(&running.publish_url(&key));
    chat.notice("live").await;
    let path = running.media_path("demo").await;
    let since = running.managed("demo").await["live_since_ms"].clone();
    publisher.kill().await;
    chat.notice("interrupted").await;
    let waiting = running.get(&path).await;
    let (msn, part) = next(&waiting.text());
    let blocked = format!("{path}?_HLS_msn={msn}&_HLS_part={part}");
    let reload = running.get(&blocked);
    let back = async {
        let publisher = Publisher::start(&running.publish_url(&key));
        chat.notice("live").await;
        publisher
    };
    let (reload, _publisher) = tokio::join!(reload, back);
    assert_eq!(reload.status, 200);
    let text = reload.text();
    assert!(text.contains("#EXT-X-DISCONTINUITY\n"), "{text}");
    assert!(next(&text) > (msn, part));
    assert_eq!(running.media_path("demo").await, path);
    assert_eq!(running.managed("demo").await["live_since_ms"], since);
    running.stop().await;
}

#[tokio::test]
async fn while_the_publisher_is_away_a_blocked_reload_is_answered_unchanged() {
    let folder = Folder::new();
    let (running, key, mut chat) = scene(&folder).await;
    let publisher = Publisher::start(&running.publish_url(&key));
    chat.notice("live").await;
    let path = running.media_path("demo").await;
    publisher.kill().await;
    chat.notice("interrupted").await;
    let before = running.get(&path).await.text();
    let (msn, part) = next(&before);
    let reload = running.get(&format!("{path}?_HLS_msn={msn}&_HLS_part={part}")).await;
    assert_eq!((reload.status, reload.header("cache-control")), (200, "no-store"));
    assert_eq!(reload.text(), before);
    running.stop().await;
}

#[tokio::test]
async fn a_newer_publisher_takes_over_and_the_old_one_is_told() {
    let folder = Folder::new();
    let (running, key, mut chat) = scene(&folder).await;
    let old = Publisher::start(&running.publish_url(&key));
    chat.notice("live").await;
    let path = running.media_path("demo").await;
    let _newer = Publisher::start(&running.publish_url(&key));
    let said = old.failure().await;
    assert!(said.contains("a newer publisher took over"), "{said}");
    let mut text = running.get(&path).await.text();
    let discontinued = async {
        while !text.contains("#EXT-X-DISCONTINUITY\n") {
            let (msn, part) = next(&text);
            text = running.get(&format!("{path}?_HLS_msn={msn}&_HLS_part={part}")).await.text();
        }
    };
    soon("the newer publisher's media", discontinued).await;
    assert_eq!(running.managed("demo").await["state"], "live");
    running.stop().await;
}

#[tokio::test]
async fn a_wrong_key_is_refused_in_words_that_ffmpeg_shows() {
    let folder = Folder::new();
    let (running, _, _) = scene(&folder).await;
    let said = Publisher::start(&running.publish_url("0123456789abcdef0123456789abcdef")).failure().await;
    assert!(said.contains("unknown stream key"), "{said}");
    running.stop().await;
}

#[tokio::test]
async fn another_key_ends_a_publisher_that_used_the_old_one() {
    let folder = Folder::new();
    let (running, key, mut chat) = scene(&folder).await;
    let publisher = Publisher::start(&running.publish_url(&key));
    chat.notice("live").await;
    let made = running.post("/api/v1/rooms/demo/stream-key", "").await;
    assert_ne!(made["stream_key"], key.as_str());
    publisher.failure().await;
    chat.notice("interrupted").await;
    let said = Publisher::start(&running.publish_url(&key)).failure().await;
    assert!(said.contains("unknown stream key"), "{said}");
    running.stop().await;
}

#[tokio::test]
async fn a_broadcast_that_is_ended_is_over_for_its_publisher_and_its_viewers() {
    let folder = Folder::new();
    let (running, key, mut chat) = scene(&folder).await;
    let end = "/api/v1/rooms/demo/end";
    let token = format!("Bearer {}", running.token);
    let ended = async |token: &str| {
        ask(running.addresses.http, "POST", end, &[("authorization", token)], "").await.status
    };
    assert_eq!(ended(&token).await, 409, "nobody publishes");
    assert_eq!(ended("Bearer unknown").await, 401);
    let publisher = Publisher::start(&running.publish_url(&key));
    chat.notice("live").await;
    let before = running.media_path("demo").await;
    assert_eq!(ended(&token).await, 204);
    let said = publisher.failure().await;
    assert!(!said.is_empty(), "the publisher is disconnected");
    chat.notice("offline").await;
    assert_eq!(running.managed("demo").await["state"], "offline");
    let _publisher = Publisher::start(&running.publish_url(&key));
    chat.notice("live").await;
    assert_ne!(running.media_path("demo").await, before, "what comes then is another broadcast");
    running.stop().await;
}

#[tokio::test]
async fn the_owner_is_told_what_arrives() {
    let folder = Folder::new();
    let (running, key, mut chat) = scene(&folder).await;
    let _publisher = Publisher::start(&running.publish_url(&key));
    chat.notice("live").await;
    let measured = async {
        loop {
            let ingest = running.managed("demo").await["ingest"].clone();
            if ingest["video"]["keyframe_interval_ms"].is_number() && ingest["av_offset_ms"].is_number() {
                return ingest;
            }
            tokio::task::yield_now().await;
        }
    };
    let ingest = soon("the facts of the ingest", measured).await;
    assert_eq!((&ingest["video"]["codec"], &ingest["audio"]["codec"]), (&"H.264".into(), &"AAC".into()));
    let interval_ms = ingest["video"]["keyframe_interval_ms"].as_u64().unwrap();
    assert!((990..1_100).contains(&interval_ms), "{ingest}");
    assert!(ingest["bitrate_bps"].as_u64() > Some(10_000), "{ingest}");
    assert_eq!(ingest["dropped_frames"], 0);
    assert!(ingest["jitter_ms"].as_f64().is_some_and(|jitter| jitter < 200.0), "{ingest}");
    assert!(ingest["av_offset_ms"].as_f64().is_some_and(|offset| offset.abs() < 500.0), "{ingest}");
    assert_eq!(running.get("/api/v1/rooms/demo").await.json().get("ingest"), None, "others are not told");
    running.stop().await;
}

#[tokio::test]
async fn many_waiting_viewers_are_woken_by_one_part() {
    let folder = Folder::new();
    let (running, key, mut chat) = scene(&folder).await;
    let _publisher = Publisher::start(&running.publish_url(&key));
    chat.notice("live").await;
    let path = running.media_path("demo").await;
    let (msn, part) = next(&running.get(&path).await.text());
    // Two parts ahead, so that all of them wait.
    let ahead = format!("{path}?_HLS_msn={msn}&_HLS_part={}", part + 2);
    let waiters = (0..100).map(|_| running.get(&ahead));
    let answers = soon("a hundred answers", futures_util::future::join_all(waiters)).await;
    for answer in &answers {
        assert_eq!(answer.status, 200);
        assert_eq!(answer.body, answers[0].body, "all are answered with the same text");
    }
    running.stop().await;
}

#[tokio::test]
async fn gstreamer_goes_live() {
    let folder = Folder::new();
    let (running, key, mut chat) = scene(&folder).await;
    let _gstreamer = Command::new("gst-launch-1.0")
        .args("-q videotestsrc is-live=true num-buffers=300".split(' '))
        .args("! video/x-raw,width=320,height=180,framerate=30/1 ! openh264enc gop-size=30".split(' '))
        .args("! h264parse ! queue ! flvmux name=to streamable=true".split(' '))
        .args(["!", "rtmp2sink", &format!("location={}", running.publish_url(&key))])
        // Buffers of 1 024 samples, as many as last as long as the pictures.
        .args("audiotestsrc is-live=true num-buffers=470 ! audio/x-raw,rate=48000,channels=2".split(' '))
        .args("! voaacenc ! aacparse ! queue ! to.".split(' '))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("gst-launch-1.0 is installed");
    chat.notice("live").await;
    let ingest = running.managed("demo").await["ingest"].clone();
    assert_eq!(
        (&ingest["protocol"], &ingest["video"]["codec"]),
        (&"rtmp".into(), &"H.264".into()),
        "{ingest}"
    );
    assert_eq!((&ingest["video"]["width"], &ingest["audio"]["sample_rate"]), (&320.into(), &48_000.into()));
    let path = running.media_path("demo").await;
    let (msn, part) = next(&running.get(&path).await.text());
    let reload = running.get(&format!("{path}?_HLS_msn={}&_HLS_part={part}", msn + 1)).await;
    assert_eq!(reload.status, 200);
    assert!(next(&reload.text()) > (msn + 1, part), "the playlist moves: {}", reload.text());
    chat.notice("offline").await;
    running.stop().await;
}

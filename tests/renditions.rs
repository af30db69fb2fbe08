//! Renditions made for viewers who could not watch the source: of its own size where its codec is not shown everywhere, and
//! with keyframes where it has too few.

use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::harness::browser::Browser;
use crate::harness::environment::clip;
use crate::harness::machine::{alone, beside_others};
use crate::harness::playlist::{MediaPlaylist, attributes, resolve, variants};
use crate::harness::process::Process;
use crate::harness::rtmp_push::push_files;
use crate::harness::server::Server;
use crate::harness::wait::{look_again, seconds, until};
use crate::harness::watch_page::WatchPage;
use crate::newer_codecs::encoded;

const LIMIT: Duration = seconds(260);
/// From one keyframe of a rendition to the next where the source has none, at most, seconds: two, and a picture.
const KEYFRAMES_S: f64 = 2.1;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hevc_is_seen_in_a_browser_without_it_as_h264_of_its_own_size() {
    // Alone, since decoding, encoding and playing at once is much for a machine of two cores.
    alone(LIMIT, async {
        let Some(source) = clip("bbb_480p24_bframes_aac51.mp4") else { return };
        let folder = TempDir::new().expect("a temporary folder");
        // So small that a busy machine keeps up with it: what it drops is not offered.
        let coding =
            "-t 10 -vf scale=320:180,setsar=1 -c:v libx265 -preset ultrafast -tag:v hvc1 -c:a aac -ac 2";
        let coding =
            format!("{coding} -x265-params keyint=24:min-keyint=24:bframes=0:open-gop=0:log-level=error");
        let file = encoded(&source, &coding, folder.path(), "hevc.mp4");
        let server = rendering(Vec::new()).await;
        let room = server.room("hevc").await;
        let push = push_files(server.rtmp_address, &room.key, &[file.as_path(); 12]);
        server.live("hevc").await;
        let text = renditions(&server, "hevc", 3).await;
        let infos: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("#EXT-X-STREAM-INF:")).collect();
        let told = infos.iter().map(|info| attributes(info).expect("an attribute list")).collect::<Vec<_>>();
        let (source, own) = (&told[0], &told[1]);
        assert!(source["CODECS"].starts_with("hvc1."), "{text}");
        assert!(own["CODECS"].starts_with("avc1.") && own["CODECS"].ends_with(",mp4a.40.2"), "{text}");
        assert_eq!(source["RESOLUTION"], own["RESOLUTION"]);
        let browser = Browser::open(&server.watch_url("hevc")).await;
        let page = WatchPage(&browser.session);
        let shown = async {
            loop {
                let player = page.player().await;
                if let Some(player) = player.filter(|player| player.size.1 > 0) {
                    return player;
                }
                look_again().await;
            }
        };
        let shown = tokio::time::timeout(seconds(60), shown).await;
        let seen = if shown.is_ok() {
            page.plays(4.0, seconds(40)).await
        } else {
            page.player().await.expect("a player")
        };
        if seen.size == (0, 0) {
            let rung = resolve(&server.playlist_url("hevc"), &variants(&text)[1]);
            let playlist = server.http.get(&rung).await.text().to_owned();
            panic!(
                "no picture: {text}\n{playlist}\n{}\n{}",
                server.describe("hevc").await["ingest"],
                page.log().await
            );
        }
        assert_eq!((seen.size, &*seen.fatal_errors, &*seen.media_error), ((320, 180), "0", ""));
        assert!(!browser.session.shows("no-picture").await);
        drop(push);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_with_few_keyframes_has_a_rendition_that_can_be_joined_soon() {
    beside_others(LIMIT, async {
        let server = rendering(vec![180]).await;
        let room = server.room("long").await;
        let _publisher = push_one_keyframe(&server.rtmp_url(&room.key));
        server.live("long").await;
        let text = renditions(&server, "long", 3).await;
        let multivariant = server.playlist_url("long");
        let uris = variants(&text);
        let rung = resolve(&multivariant, &uris[1]);
        let playlist = until("two segments of a long group", seconds(60), async || {
            let answer = server.http.get(&rung).await;
            let playlist = MediaPlaylist::read(answer.text()).expect("a playlist");
            (playlist.next().0 >= 3 && playlist.next().1 > 6).then_some(playlist)
        })
        .await;
        // The first segment was cut before anybody knew how long the group would be.
        for segment in playlist.segments.iter().filter(|segment| segment.msn >= 2 && segment.parts.len() > 2)
        {
            let first = &segment.parts[0];
            assert!(first.independent || segment.uri.is_some() && segment.parts.len() < 20, "{segment:?}");
        }
        let mut since = 0.0;
        let newest = playlist.segments.last().expect("a segment");
        for part in &newest.parts {
            since = if part.independent { 0.0 } else { since + part.duration };
            assert!(since < KEYFRAMES_S, "no keyframe for {since} s: {newest:?}");
        }
        let source = server.http.get(&resolve(&multivariant, &uris[0])).await;
        let source = MediaPlaylist::read(source.text()).expect("a playlist");
        let listed =
            source.segments.iter().filter(|segment| segment.msn >= 1).flat_map(|segment| &segment.parts);
        assert!(listed.into_iter().all(|part| !part.independent), "the source has one keyframe only");
        let warnings = server.describe("long").await["ingest"]["warnings"].to_string();
        assert!(warnings.contains("keyframes more than 10 s apart"), "{warnings}");
    })
    .await;
}

async fn rendering(heights: Vec<u32>) -> Server {
    Server::start_with(|config| {
        config.transcode.enabled = true;
        config.transcode.heights = heights;
        config.transcode.cpu_percent = 100;
    })
    .await
}

/// The multivariant playlist once it has so many renditions.
async fn renditions(server: &Server, room: &str, count: usize) -> String {
    until("the renditions", seconds(30), async || {
        let text = server.http.get(&server.playlist_url(room)).await.text().to_owned();
        (variants(&text).len() == count).then_some(text)
    })
    .await
}

/// A picture whose only keyframe is its first, and a tone.
fn push_one_keyframe(url: &str) -> Process {
    let mut command = Command::new("ffmpeg");
    command.args(
        "-nostdin -hide_banner -loglevel warning -re -f lavfi -i testsrc2=size=640x360:rate=30".split(' '),
    );
    command.args("-re -f lavfi -i sine=frequency=440:sample_rate=48000".split(' '));
    command.args("-c:v libx264 -preset ultrafast -tune zerolatency -g 99999 -sc_threshold 0".split(' '));
    command.args("-pix_fmt yuv420p -c:a aac -f flv".split(' '));
    Process::start("ffmpeg (publisher)", command.arg(url))
}

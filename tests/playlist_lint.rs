//! Live playlists held to the rules of Low-Latency HLS: every rendition followed at once, whole and by delta updates,
//! with the media that they name, through a publisher's absence too; and what the origin answers to directives.

use std::time::{Duration, Instant};

use crate::harness::http::Http;
use crate::harness::linter::{Linter, unix_seconds};
use crate::harness::machine::beside_others;
use crate::harness::media_lint::MediaLinter;
use crate::harness::playlist::{MediaPlaylist, resolve, variants};
use crate::harness::publisher::push_pattern;
use crate::harness::server::Server;
use crate::harness::viewer::media_playlist_url;
use crate::harness::wait::{look_again, seconds, until};

/// How long the playlists are followed: long enough that segments leave the window and updates skip some.
const FOLLOWED: Duration = seconds(24);
/// The window of these tests, milliseconds.
const WINDOW_MS: u32 = 16_000;
/// Segments of the same number begin at the same time in every rendition, but for one packet of sound; seconds.
const APART: f64 = 0.030;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn live_playlists_keep_the_rules_of_low_latency_hls() {
    beside_others(seconds(300), followed(false)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn separate_renditions_keep_the_rules_of_low_latency_hls() {
    beside_others(seconds(300), followed(true)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn renditions_made_of_the_picture_keep_the_rules_and_begin_their_segments_with_the_source() {
    beside_others(seconds(300), made(false)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn renditions_made_of_the_picture_keep_the_rules_beside_separate_sound_too() {
    beside_others(seconds(300), made(true)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_publishers_absence_breaks_no_rule() {
    beside_others(seconds(300), absent()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn delivery_directives_are_answered_as_the_rules_say() {
    beside_others(seconds(300), asked()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_come_in_three_target_durations_is_refused_for_a_moment() {
    beside_others(seconds(300), stalled()).await;
}

async fn live(room: &str, separate_audio: bool) -> (Server, crate::harness::server::Room, Followed) {
    let server = Server::start_with(|config| {
        config.hls.window_ms = WINDOW_MS;
        config.hls.separate_audio = separate_audio;
    })
    .await;
    let room = server.room(room).await;
    let followed = Followed { http: server.http.clone(), multivariant: server.playlist_url(&room.room) };
    (server, room, followed)
}

async fn followed(separate_audio: bool) {
    let (server, room, followed) = live("lint", separate_audio).await;
    let _publisher = push_pattern(&server.rtmp_url(&room.key));
    server.live(&room.room).await;
    let (urls, mut wrong) = followed.renditions(separate_audio).await;
    let begun = Instant::now();
    let until = || begun.elapsed() > FOLLOWED;
    let (main, audio) = tokio::join!(
        followed.rendition(&urls[0], &urls[1], until),
        followed.rendition(&urls[1], &urls[0], until)
    );
    for (url, seen) in [(&urls[0], &main), (&urls[1], &audio)] {
        let linter = &seen.linter;
        let last = linter.last.as_ref().expect("a playlist");
        println!(
            "{url}: {} playlists, {} updates applied, {} segments, {} parts",
            linter.playlists,
            seen.updates,
            linter.segments.len(),
            seen.media.parts
        );
        assert!(linter.playlists > 30, "only {} playlists in {FOLLOWED:?}", linter.playlists);
        assert!(last.media_sequence > 0, "no segment left the window in {FOLLOWED:?}");
        assert!(seen.updates > 5, "only {} updates skipped segments", seen.updates);
        assert!(seen.media.parts > 30, "only {} parts were read", seen.media.parts);
    }
    wrong.extend(aligned(&main, &audio));
    wrong.extend(followed.bandwidths(&urls, [&main, &audio]).await);
    report(wrong, [main, audio]);
}

async fn made(separate_audio: bool) {
    let server = Server::start_with(|config| {
        config.hls.window_ms = WINDOW_MS;
        config.hls.separate_audio = separate_audio;
        config.transcode.enabled = true;
        config.transcode.heights = vec![180];
        config.transcode.cpu_percent = 100;
    })
    .await;
    let room = server.room("ladder").await;
    let followed = Followed { http: server.http.clone(), multivariant: server.playlist_url(&room.room) };
    let _publisher = push_pattern(&server.rtmp_url(&room.key));
    server.live(&room.room).await;
    let text = until("the rendition", seconds(45), async || {
        let text = followed.http.get(&followed.multivariant).await.text().to_owned();
        (variants(&text).len() == 3).then_some(text)
    })
    .await;
    let infos: Vec<&str> = text.lines().filter(|line| line.starts_with("#EXT-X-STREAM-INF:")).collect();
    for needed in ["avc1.", "mp4a.40.2", "RESOLUTION=320x180", "FRAME-RATE=30.000"] {
        assert!(infos[1].contains(needed), "no {needed} in {text}");
    }
    let grouped = infos.iter().all(|info| info.contains("AUDIO=\"") == separate_audio);
    assert!(grouped, "an audio group and separate renditions go together: {text}");
    let urls = variants(&text);
    let urls = [resolve(&followed.multivariant, &urls[0]), resolve(&followed.multivariant, &urls[1])];
    let begun = Instant::now();
    let until = || begun.elapsed() > FOLLOWED;
    let (main, rung) = tokio::join!(
        followed.rendition(&urls[0], &urls[1], until),
        followed.rendition(&urls[1], &urls[0], until)
    );
    assert!(rung.media.parts > 30, "only {} parts were read", rung.media.parts);
    let facts = server.describe(&room.room).await["ingest"]["renditions"].clone();
    assert_eq!(facts[0]["name"], "180p", "{facts}");
    assert_eq!(facts[0]["active"], true, "{facts}");
    report(aligned(&main, &rung), [main, rung]);
}

async fn absent() {
    let (server, room, followed) = live("away", false).await;
    let publisher = push_pattern(&server.rtmp_url(&room.key));
    server.live(&room.room).await;
    let (urls, wrong) = followed.renditions(false).await;
    let done = std::sync::atomic::AtomicBool::new(false);
    let until_done = || done.load(std::sync::atomic::Ordering::Relaxed);
    let story = async {
        let goes_on = async |from: (u64, usize)| {
            until("the playlist to go on", seconds(30), async || {
                let next = read(&server.http, &urls[0]).await.next();
                (next.0 > from.0 + 1).then_some(next)
            })
            .await
        };
        goes_on(read(&server.http, &urls[0]).await.next()).await;
        publisher.signal("KILL");
        until("the room to be interrupted", seconds(45), async || {
            (server.describe(&room.room).await["state"] == "interrupted").then_some(())
        })
        .await;
        let left = read(&server.http, &urls[0]).await;
        assert_eq!(left.preload_hints.len(), 0, "nothing is promised while nobody publishes");
        let returned = push_pattern(&server.rtmp_url(&room.key));
        goes_on(left.next()).await;
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        returned
    };
    let (_publisher, main, audio) = tokio::join!(
        story,
        followed.rendition(&urls[0], &urls[1], until_done),
        followed.rendition(&urls[1], &urls[0], until_done)
    );
    for seen in [&main, &audio] {
        let cuts = seen.linter.segments.values().filter(|segment| segment.discontinuity).count();
        assert_eq!(cuts, 1, "the return is one discontinuity");
    }
    let wrong = [wrong, aligned(&main, &audio)].concat();
    report(wrong, [main, audio]);
}

/// What was seen of one rendition.
#[derive(Default)]
struct Seen {
    linter: Linter,
    media: MediaLinter,
    /// Delta updates that skipped segments and were put onto the playlist before.
    updates: usize,
}

/// A stream whose renditions are followed.
struct Followed {
    http: Http,
    multivariant: String,
}

impl Followed {
    /// The addresses of the source rendition and of the sound alone, and what is wrong with the multivariant playlist.
    async fn renditions(&self, separate_audio: bool) -> ([String; 2], Vec<String>) {
        let (text, uris) = until("the rendition of the sound", seconds(45), async || {
            let text = self.http.get(&self.multivariant).await.text().to_owned();
            let uris = variants(&text);
            (uris.len() == 2).then_some((text, uris))
        })
        .await;
        let urls = [resolve(&self.multivariant, &uris[0]), resolve(&self.multivariant, &uris[1])];
        let mut wrong = Vec::new();
        let version = |text: &str| {
            text.lines().find_map(|line| line.strip_prefix("#EXT-X-VERSION:").map(str::to_owned))
        };
        for url in &urls {
            if version(&text) != version(self.http.get(url).await.text()) {
                wrong.push(format!("{url}: another EXT-X-VERSION than the multivariant playlist"));
            }
        }
        wrong
            .extend(m3u8_rs::parse_master_playlist_res(text.as_bytes()).err().map(|error| error.to_string()));
        let infos: Vec<&str> = text.lines().filter(|line| line.starts_with("#EXT-X-STREAM-INF:")).collect();
        for (name, needed, info) in [
            ("main", ["avc1.", "mp4a.40.2", "RESOLUTION=640x360", "FRAME-RATE=30.000"].as_slice(), infos[0]),
            ("audio", ["CODECS=\"mp4a.40.2\""].as_slice(), infos[1]),
        ] {
            wrong.extend(
                needed
                    .iter()
                    .filter(|it| !info.contains(**it))
                    .map(|it| format!("{name}: no {it} in {info}")),
            );
        }
        let grouped = text.lines().any(|line| line.starts_with("#EXT-X-MEDIA:TYPE=AUDIO,"));
        if grouped != separate_audio || infos.iter().any(|info| info.contains("AUDIO=\"") != separate_audio) {
            wrong.push(format!("an audio group and separate renditions go together: {text}"));
        }
        (urls, wrong)
    }

    /// Follows one rendition by blocking reloads, its delta updates and its media, until `done`. What it reports of
    /// the `other` is compared with that.
    async fn rendition(&self, url: &str, other: &str, done: impl Fn() -> bool) -> Seen {
        let mut seen = Seen::default();
        let mut ask = url.to_owned();
        while !done() {
            let before = read(&self.http, other).await;
            let answer = self.http.get(&ask).await;
            assert!(answer.status.is_success(), "GET {ask}: {} {:?}", answer.status, answer.body);
            let wrong = &mut seen.linter.wrong;
            wrong
                .extend(m3u8_rs::parse_media_playlist_res(&answer.body).err().map(|error| error.to_string()));
            let playlist =
                MediaPlaylist::read(answer.text()).unwrap_or_else(|error| panic!("{ask}: {error}"));
            let after = read(&self.http, other).await;
            wrong.extend(reported(&playlist, url, other, &before, &after));
            self.update(&mut seen, &playlist, &ask).await;
            let more = seen.media.read(&self.http, url, &playlist).await;
            seen.linter.wrong.extend(more);
            let (msn, part) = playlist.next();
            ask = format!("{url}?_HLS_msn={msn}&_HLS_part={part}");
            seen.linter.see(playlist);
            look_again().await;
        }
        seen.linter.removed_segments_stay(&self.http, url).await;
        seen.linter.end();
        seen
    }

    /// Asks for the same as a delta update, and compares it, put onto the playlist before, with the whole one.
    async fn update(&self, seen: &mut Seen, playlist: &MediaPlaylist, ask: &str) {
        let (Some(before), true) = (&seen.linter.last, ask.contains('?')) else { return };
        let skip = if seen.linter.playlists.is_multiple_of(2) { "YES" } else { "v2" };
        let delta = read(&self.http, &format!("{ask}&_HLS_skip={skip}")).await;
        if delta.next() != playlist.next() {
            // The next part came in between.
            return;
        }
        let skips = delta.skipped > 0;
        match delta.onto(before) {
            Err(error) => seen.linter.wrong.push(error),
            Ok(whole) => {
                let parts = |it: &MediaPlaylist| {
                    (
                        it.segments.clone(),
                        it.preload_hints.clone(),
                        it.media_sequence,
                        it.discontinuity_sequence,
                    )
                };
                if parts(&whole) != parts(playlist) {
                    seen.linter.wrong.push(format!("an update makes {whole:?} of it, not {playlist:?}"));
                }
                seen.updates += usize::from(skips);
            }
        }
    }

    /// No segment passes the `BANDWIDTH` that is told by more than a tenth.
    async fn bandwidths(&self, urls: &[String; 2], seen: [&Seen; 2]) -> Vec<String> {
        let text = self.http.get(&self.multivariant).await.text().to_owned();
        let told: Vec<f64> = text
            .lines()
            .filter_map(|line| {
                line.strip_prefix("#EXT-X-STREAM-INF:BANDWIDTH=")?.split(',').next()?.parse().ok()
            })
            .collect();
        let separate = text.contains("#EXT-X-MEDIA:");
        let peaks = seen.map(|seen| seen.media.peak_bps);
        let expected = [if separate { peaks[0] + peaks[1] } else { peaks[0] }, peaks[1]];
        let pairs = urls.iter().zip(told).zip(expected);
        pairs
            .filter(|((_, told), peak)| *peak > told * 1.1 || *peak < told * 0.5)
            .map(|((url, told), peak)| format!("{url}: BANDWIDTH={told}, and a segment has {peak} bit/s"))
            .collect()
    }
}

/// What is wrong with the reports of a playlist that was read between two of the other rendition.
fn reported(
    playlist: &MediaPlaylist,
    url: &str,
    other: &str,
    before: &MediaPlaylist,
    after: &MediaPlaylist,
) -> Option<String> {
    let reports = &playlist.rendition_reports;
    let Some(report) = reports.iter().find(|report| resolve(url, &report["URI"]) == other) else {
        return Some(format!("no report of {other} among {reports:?}"));
    };
    let number = |name: &str| report.get(name).and_then(|value| value.parse::<u64>().ok());
    let (Some(msn), Some(part)) = (number("LAST-MSN"), number("LAST-PART")) else {
        return Some(format!("a report without LAST-MSN or LAST-PART: {report:?}"));
    };
    let last = |playlist: &MediaPlaylist| {
        let last = playlist.segments.last()?;
        Some((last.msn, (last.parts.len() as u64).saturating_sub(1)))
    };
    // While a segment has its first part alone, the end of the one before is told.
    let told =
        |playlist: &MediaPlaylist| match last(playlist)? {
            (msn, 0) => {
                let before = playlist.segments.iter().rev().find(|segment| segment.msn < msn);
                Some(before.map_or((msn, 0), |segment| {
                    (segment.msn, (segment.parts.len() as u64).saturating_sub(1))
                }))
            }
            last => Some(last),
        };
    let fits = told(before)? <= (msn, part) && (msn, part) <= last(after)?;
    (!fits)
        .then(|| format!("{msn}.{part} is reported last, between {:?} and {:?}", last(before), last(after)))
}

/// Segments of the same number stand for the same time.
fn aligned(main: &Seen, audio: &Seen) -> Vec<String> {
    let begins = |seen: &Seen, msn: &u64| unix_seconds(seen.linter.segments.get(msn)?.date_time.as_deref()?);
    let mut wrong = Vec::new();
    for (msn, segment) in &main.linter.segments {
        let Some(beside) = audio.linter.segments.get(msn) else { continue };
        if beside.discontinuity != segment.discontinuity {
            wrong.push(format!("segment {msn} is a discontinuity in one rendition only"));
        }
        if let (Some(main), Some(audio)) = (begins(main, msn), begins(audio, msn))
            && (main - audio).abs() > APART
        {
            wrong.push(format!("segment {msn} is dated {:.3} s apart", audio - main));
        }
        if let (Some(main), Some(audio)) = (main.media.begins.get(msn), audio.media.begins.get(msn))
            && (main - audio).abs() > APART
        {
            wrong.push(format!("segment {msn} begins {:.3} s apart", audio - main));
        }
    }
    wrong
}

fn report(mut wrong: Vec<String>, seen: [Seen; 2]) {
    for mut seen in seen {
        wrong.append(&mut seen.linter.wrong);
    }
    wrong.sort();
    wrong.dedup();
    let first = wrong[..wrong.len().min(20)].join("\n");
    assert!(wrong.is_empty(), "{} rules were broken; the first:\n{first}", wrong.len());
}

async fn asked() {
    let server = Server::start().await;
    let room = server.room("ask").await;
    let _publisher = push_pattern(&server.rtmp_url(&room.key));
    server.live(&room.room).await;
    let multivariant_url = server.playlist_url(&room.room);
    let url = media_playlist_url(&server.http, &multivariant_url).await;
    refusals(&server.http, &url).await;
    blocking(&server.http, &url).await;
    headers(&server.http, &multivariant_url, &url).await;
}

/// A publisher that stands still is not away yet, so what was promised is waited for, and then given up.
async fn stalled() {
    let server = Server::start().await;
    let room = server.room("still").await;
    let publisher = push_pattern(&server.rtmp_url(&room.key));
    server.live(&room.room).await;
    let url = media_playlist_url(&server.http, &server.playlist_url(&room.room)).await;
    let (reload, hinted) = until("media to stop", seconds(60), async || {
        publisher.signal("STOP");
        let playlist = read(&server.http, &url).await;
        let (msn, part) = playlist.next();
        let Some(hint) = playlist.preload_hints.first() else {
            // It counts as away by now: it comes back, and stands still again.
            publisher.signal("CONT");
            return None;
        };
        let hint = resolve(&url, &hint["URI"]);
        let reload = format!("{url}?_HLS_msn={msn}&_HLS_part={part}");
        let (reload, hinted) = tokio::join!(server.http.get(&reload), server.http.get(&hint));
        // What was sent before may still come.
        (!reload.status.is_success() && !hinted.status.is_success()).then_some((reload, hinted))
    })
    .await;
    assert_eq!((reload.status.as_u16(), hinted.status.as_u16()), (503, 404));
    assert_eq!(reload.header("cache-control"), "no-store");
    let kept = hinted.header("cache-control");
    assert!(age(kept, "max-age=").is_some_and(|seconds| seconds <= 1.0), "a 404 is kept: {kept}");
    publisher.signal("CONT");
}

/// Seconds of a directive of `Cache-Control`.
fn age(header: &str, name: &str) -> Option<f64> {
    header.split(", ").find_map(|directive| directive.strip_prefix(name)?.parse().ok())
}

async fn refusals(http: &Http, url: &str) {
    let (msn, _) = read(http, url).await.next();
    for (query, status) in [
        ("_HLS_part=0".to_owned(), 400),
        (format!("_HLS_msn={}", msn + 5), 400),
        (format!("_HLS_msn={msn}&_HLS_part=9999"), 400),
        ("_HLS_skip=MAYBE".to_owned(), 200),
        ("_HLS_msn=x".to_owned(), 400),
        ("_HLS_unheard=1".to_owned(), 200),
        // The order of directives means nothing.
        (format!("_HLS_part=0&_HLS_msn={}", msn.saturating_sub(1)), 200),
        (format!("_HLS_part=9999&_HLS_msn={msn}"), 400),
    ] {
        let answer = http.get(&format!("{url}?{query}")).await;
        assert_eq!(answer.status, status, "?{query}: {:?}", answer.body);
    }
}

/// A reload answers once its part is there, a hinted part once it is whole.
async fn blocking(http: &Http, url: &str) {
    for _ in 0..6 {
        let playlist = read(http, url).await;
        let (msn, part) = playlist.next();
        let hint = resolve(url, &playlist.preload_hints[0]["URI"]);
        let reload = format!("{url}?_HLS_msn={msn}&_HLS_part={part}");
        let (reload, hinted) = tokio::join!(read(http, &reload), http.get(&hint));
        assert!(
            reload.next() > (msn, part),
            "a reload for {msn}.{part} answered without it: {:?}",
            reload.next()
        );
        assert!(hinted.status.is_success() && !hinted.body.is_empty(), "hint {hint}: {}", hinted.status);
        let listed = reload.segments.iter().flat_map(|it| &it.parts).find(|it| resolve(url, &it.uri) == hint);
        let listed = listed.unwrap_or_else(|| panic!("{hint} was hinted and is not listed"));
        let again = http.get(&resolve(url, &listed.uri)).await;
        assert_eq!(again.body, hinted.body, "{hint} is not what was hinted");
    }
    let (msn, _) = read(http, url).await.next();
    // Far more parts than a segment has: the first part of the next segment stands for them.
    let parts_of =
        |playlist: &MediaPlaylist| playlist.segments.iter().rev().find(|it| it.uri.is_some()).cloned();
    if let Some(whole) = parts_of(&read(http, url).await) {
        let past_its_end = format!("{url}?_HLS_msn={}&_HLS_part={}", whole.msn, whole.parts.len());
        assert!(read(http, &past_its_end).await.next() >= (msn, 0), "a part past a segment's last");
    }
}

async fn headers(http: &Http, multivariant_url: &str, url: &str) {
    let playlist = read(http, url).await;
    let segment = playlist.segments.iter().find_map(|segment| segment.uri.clone());
    let part = playlist.segments.iter().rev().find_map(|segment| Some(segment.parts.first()?.uri.clone()));
    let map = playlist.segments[0].map.clone();
    for (uri, kind) in [
        (Some(multivariant_url.to_owned()), "application/vnd.apple.mpegurl"),
        (Some(url.to_owned()), "application/vnd.apple.mpegurl"),
        (segment, "video/mp4"),
        (part, "video/mp4"),
        (map, "video/mp4"),
    ] {
        let address = resolve(url, &uri.expect("a live playlist has a segment, a part and a map"));
        let answer = http.get(&address).await;
        assert_eq!(answer.status, 200, "{address}");
        assert_eq!(answer.header("content-type"), kind, "{address}");
        assert_eq!(answer.header("access-control-allow-origin"), "*", "{address}");
        assert_ne!(answer.header("cache-control"), "", "{address} has no Cache-Control");
        let immutable = answer.header("cache-control").contains("immutable");
        assert_eq!(immutable, kind == "video/mp4", "{address}: {}", answer.header("cache-control"));
    }
    let target = playlist.target_duration.expect("a target duration");
    let newest = http.get(url).await.header("cache-control").to_owned();
    assert!(age(&newest, "max-age=").is_some_and(|age| age <= target / 2.0), "{newest}");
    let first = http.get(&format!("{url}?_HLS_msn={}", playlist.media_sequence)).await;
    let kept = first.header("cache-control").to_owned();
    assert!(age(&kept, "s-maxage=").is_some_and(|age| age >= 6.0 * target), "{kept}");
    let zipped = http.get_with("accept-encoding", "gzip", url).await;
    assert_eq!(zipped.header("content-encoding"), "gzip", "a playlist is sent without compression");
}

async fn read(http: &Http, url: &str) -> MediaPlaylist {
    let answer = http.get(url).await;
    assert!(answer.status.is_success(), "GET {url}: {} {:?}", answer.status, answer.body);
    MediaPlaylist::read(answer.text()).unwrap_or_else(|error| panic!("{url}: {error}"))
}

//! How often a packet is copied between the publisher's socket and the part that viewers get.
//!
//! Every copy needs memory for it, so the allocator is asked: a program of its own, in which nothing else runs.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};

use harness::{Chat, Folder, Running, next, soon};

#[allow(dead_code, reason = "the other tests of a running origin need the rest")]
#[path = "../running/harness.rs"]
mod harness;

/// The system's allocator, which counts what media can be in.
struct Counting;

static LARGE: AtomicU64 = AtomicU64::new(0);

/// Sound and pictures of this test are larger; what describes them is not.
const LARGE_MIN: usize = 1 << 10;

fn count(bytes: usize) {
    if bytes >= LARGE_MIN {
        LARGE.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

// SAFETY: everything is done by the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[tokio::test]
async fn a_packet_is_copied_once_between_the_socket_and_its_part() {
    let folder = Folder::new();
    let running = Running::start(&folder).await;
    let key = running.room("demo").await;
    let mut chat = Chat::join(running.addresses.http, "demo", "", &[]).await;
    let before = LARGE.load(Ordering::Relaxed);
    publish(&running.publish_url(&key)).await;
    chat.notice("offline").await;
    let allocated = LARGE.load(Ordering::Relaxed) - before;

    let path = running.media_path("demo").await;
    let base = path.trim_end_matches("index.m3u8").to_owned();
    let mut media = 0;
    for msn in 0..next(&running.get(&path).await.text()).0 {
        media += running.get(&format!("{base}seg-{msn}.m4s")).await.body.len() as u64;
    }
    assert!(media > 3_000_000, "{media} bytes of media");
    let times = allocated as f64 / media as f64;
    // Once for what is read from the socket, once for the parts, and a little for their surroundings.
    assert!(times < 2.4, "{allocated} bytes allocated for {media} bytes of media: {times:.2} times");
    running.stop().await;
}

/// Eight seconds of noise at 4 Mbit/s, as fast as they can be made; FFmpeg sends a packet in one chunk.
async fn publish(url: &str) {
    let picture = "color=gray:size=640x360:rate=30,noise=alls=60:allf=t";
    let ffmpeg = tokio::process::Command::new("ffmpeg")
        .args(["-hide_banner", "-loglevel", "error", "-nostdin", "-f", "lavfi", "-i", picture])
        .args(["-f", "lavfi", "-i", "sine=sample_rate=48000", "-t", "8", "-c:v", "libx264"])
        .args(["-preset", "ultrafast", "-tune", "zerolatency", "-g", "30", "-b:v", "4M"])
        .args(["-maxrate", "4M", "-bufsize", "1M", "-c:a", "aac", "-f", "flv", url])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .status();
    assert!(soon("ffmpeg's end", ffmpeg).await.unwrap().success());
}

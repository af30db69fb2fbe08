use std::collections::HashSet;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody as _};
use axum::http::Request;
use media::{Aac, Codec, MediaEvent, Packet, Timescale, Timestamp, Track, TrackId};
use tokio::task::JoinSet;
use tower::ServiceExt as _;

use super::place::Place;
use super::routes::router;
use crate::doors::Door;
use crate::secret::Digest;
use crate::streams::Lease;

/// Viewers of each kind: enough that a copy for each would show.
const VIEWERS: usize = 40;
/// For all of them to be where they wait, on a busy machine.
const LIMIT: Duration = Duration::from_secs(45);

/// Somebody who publishes sound.
struct Publisher {
    lease: Lease,
    packets: i64,
}

impl Publisher {
    fn sends(&mut self, seconds: i64) {
        let timescale = Timescale::new(48_000).unwrap();
        if self.packets == 0 {
            let aac = Aac { asc: Bytes::from_static(&[0x11, 0x90]), sample_rate: 48_000, channels: 2 };
            let track = Track { id: TrackId(1), codec: Codec::Aac(aac), timescale };
            self.lease.push(MediaEvent::Tracks(Arc::new([track]))).unwrap();
        }
        for _ in 0..seconds * 48_000 / 1_024 {
            let at = Timestamp::from_ticks(self.packets * 1_024, timescale);
            let data = Bytes::from_static(&[0x21; 64]);
            let packet = Packet { track: TrackId(1), dts: at, pts: at, random_access: true, data };
            self.lease.push(MediaEvent::Packet(packet)).unwrap();
            self.packets += 1;
        }
    }
}

/// What one viewer asks for, and how.
#[derive(Clone, Debug)]
struct Wish {
    path: String,
    gzip: bool,
}

/// The next piece of a body as the connection is given it.
async fn frame(body: &mut Body) -> Option<Bytes> {
    let frame = poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await;
    frame.map(|frame| frame.unwrap().into_data().unwrap())
}

/// What the viewers are given: a body's only piece each.
fn given(router: &Router, wish: &Wish) -> JoinSet<Bytes> {
    let mut viewers = JoinSet::new();
    for _ in 0..VIEWERS {
        let (router, wish) = (router.clone(), wish.clone());
        viewers.spawn(async move {
            let encoding = if wish.gzip { "gzip" } else { "identity" };
            let request = Request::get(&wish.path).header("accept-encoding", encoding);
            let response = router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
            assert_eq!(response.status(), 200, "{wish:?}");
            assert_eq!(response.headers().contains_key("content-encoding"), wish.gzip, "{wish:?}");
            let mut body = response.into_body();
            let bytes = frame(&mut body).await.expect("a body");
            assert!(frame(&mut body).await.is_none(), "one piece: {wish:?}");
            bytes
        });
    }
    viewers
}

#[tokio::test]
async fn a_part_and_each_form_of_a_playlist_are_made_once_for_all_who_wait_and_come_later() {
    let place = Place::new().await;
    let router = router(Arc::clone(&place.shared));
    let stream = place.shared.streams.open(&"demo".parse().unwrap());
    let lease = stream.admit(Door::default(), Some(Digest::of("key"))).await.unwrap();
    let mut publisher = Publisher { lease, packets: 0 };
    publisher.sends(20);
    let served = stream.watch_window().borrow().clone().unwrap();
    let next = served.window.rendition(hls::MAIN).unwrap().next();
    let base = format!("/live/demo/main-{}", served.broadcast);
    let blocked = format!("{base}/index.m3u8?_HLS_msn={}&_HLS_part={}", next.msn, next.part);
    let wishes = [
        Wish { path: blocked.clone(), gzip: false },
        Wish { path: blocked.clone(), gzip: true },
        Wish { path: format!("{blocked}&_HLS_skip=YES"), gzip: false },
        Wish { path: format!("{blocked}&_HLS_skip=YES"), gzip: true },
        Wish { path: format!("{base}/part-{}-{}.m4s", next.msn, next.part), gzip: false },
    ];
    let free = place.shared.blocked.available_permits();
    let mut waiting = Vec::new();
    for wish in &wishes {
        waiting.push(given(&router, wish));
    }
    let all_wait = async {
        while place.shared.blocked.available_permits() > free - VIEWERS * wishes.len() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LIMIT, all_wait).await.expect("all of them wait for the part");
    publisher.sends(1);
    let mut all = Vec::new();
    let mut seen = HashSet::new();
    for (wish, viewers) in wishes.iter().zip(waiting) {
        let bytes = viewers.join_all().await;
        assert_eq!(places(&bytes).len(), 1, "{VIEWERS} viewers of one copy: {wish:?}");
        seen.extend(places(&bytes));
        all.extend(bytes);
    }
    assert_eq!(seen.len(), wishes.len(), "each form has one of its own");
    // Who comes later is given the part that others waited for, and the playlist of now, each the same for all.
    let later = [
        (wishes[4].clone(), true),
        (Wish { path: format!("{base}/index.m3u8"), gzip: false }, false),
        (Wish { path: format!("{base}/index.m3u8?_HLS_skip=YES"), gzip: true }, false),
    ];
    for (wish, was_seen) in later {
        let bytes = given(&router, &wish).join_all().await;
        assert_eq!(places(&bytes).len(), 1, "{wish:?}");
        assert!(
            !was_seen || places(&bytes).is_subset(&seen),
            "the very bytes that others waited for: {wish:?}"
        );
    }
}

/// Where they are in memory. All of them are held meanwhile, so that no two copies can have had one place in turn.
fn places(all: &[Bytes]) -> HashSet<(usize, usize)> {
    all.iter().map(|bytes| (bytes.as_ptr() as usize, bytes.len())).collect()
}

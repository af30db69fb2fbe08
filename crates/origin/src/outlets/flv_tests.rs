use media::{Codec, H264, Rational, Size, Timescale, Timestamp, TrackId};

use super::*;

fn tracks() -> MediaEvent {
    let codec = Codec::H264(H264 {
        avcc: Bytes::from_static(b"config"),
        size: Size::new(16, 16),
        sample_aspect_ratio: Rational::ONE,
        frame_rate: None,
    });
    MediaEvent::Tracks(Arc::new([Track { id: TrackId(0), codec, timescale: Timescale::MPEG }]))
}

/// A picture; the tag's body ends with its time, so that a test knows it again.
fn picture(milliseconds: i64, random_access: bool, bytes: usize) -> MediaEvent {
    let at = Timestamp::from_millis(milliseconds);
    let mut data = vec![0; bytes];
    data.extend_from_slice(&(milliseconds as u32).to_be_bytes());
    MediaEvent::Packet(Packet { track: TrackId(0), dts: at, pts: at, random_access, data: data.into() })
}

/// Pictures every 40 ms from `from`, `count` of them, the first an IDR.
fn gop(feed: &Feed, from: i64, count: i64) {
    for number in 0..count {
        feed.push(&picture(from + number * 40, number == 0, 8));
    }
}

/// The times of the pictures in what a viewer took.
fn times(tags: &[Bytes]) -> Vec<u32> {
    let pictures = tags.iter().filter(|tag| tag.starts_with(&[9]));
    pictures.map(|tag| u32::from_be_bytes(tag[tag.len() - 8..tag.len() - 4].try_into().unwrap())).collect()
}

async fn taken(viewer: &mut Viewer) -> Vec<Bytes> {
    viewer.next().await.unwrap().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_viewer_begins_with_headers_and_the_last_idr() {
    let feed = Feed::new();
    feed.push(&tracks());
    gop(&feed, 0, 25);
    gop(&feed, 1_000, 3);
    let mut viewer = feed.join().unwrap();
    let tags = taken(&mut viewer).await;
    assert!(tags[0].starts_with(b"FLV") && tags[0].windows(6).any(|bytes| bytes == b"config"));
    assert_eq!(times(&tags), [1_000, 1_040, 1_080]);
    // The frame type of the first picture says that it is a key frame.
    assert_eq!(tags[1][11] >> 4, 1);
    feed.push(&picture(1_120, false, 8));
    assert_eq!(times(&taken(&mut viewer).await), [1_120]);
    let mut second = feed.join().unwrap();
    assert_eq!(times(&taken(&mut second).await), [1_000, 1_040, 1_080, 1_120]);
}

#[tokio::test(start_paused = true)]
async fn viewers_share_the_bytes_of_a_tag() {
    let feed = Feed::new();
    feed.push(&tracks());
    gop(&feed, 0, 2);
    let (mut one, mut other) = (feed.join().unwrap(), feed.join().unwrap());
    let (one, other) = (taken(&mut one).await, taken(&mut other).await);
    assert!(one.iter().zip(&other).all(|(one, other)| one.as_ptr() == other.as_ptr()));
}

#[tokio::test(start_paused = true)]
async fn a_viewer_whose_place_left_the_ring_is_told_that_it_was_too_slow() {
    let feed = Feed::new();
    feed.push(&tracks());
    gop(&feed, 0, 2);
    let (mut slow, mut quick) = (feed.join().unwrap(), feed.join().unwrap());
    taken(&mut slow).await;
    for second in 1..12 {
        gop(&feed, second * 1_000, 25);
        taken(&mut quick).await;
    }
    assert!(slow.is_behind() && !quick.is_behind());
    assert_eq!(slow.next().await.unwrap_err(), Cut::TooSlow);
    assert_eq!(times(&taken(&mut feed.join().unwrap()).await).first(), Some(&11_000));
}

#[tokio::test(start_paused = true)]
async fn a_gop_longer_than_the_ring_is_waited_out() {
    let feed = Feed::new();
    feed.push(&tracks());
    gop(&feed, 0, 300);
    let mut viewer = feed.join().unwrap();
    let next = viewer.next();
    tokio::pin!(next);
    assert!(futures_util::poll!(next.as_mut()).is_pending());
    feed.push(&picture(12_000, false, 8));
    assert!(futures_util::poll!(next.as_mut()).is_pending());
    feed.push(&picture(12_040, true, 8));
    let tags = next.await.unwrap().unwrap();
    assert!(tags[0].starts_with(b"FLV"));
    assert_eq!(times(&tags), [12_040]);
}

#[test]
fn what_is_kept_is_bounded_in_bytes_watched_or_not() {
    let feed = Feed::new();
    feed.push(&tracks());
    for number in 0..40 {
        feed.push(&picture(number * 40, number == 0, 1 << 20));
        assert!(feed.lock().gop_bytes <= RING_BYTES_MAX);
    }
    let _viewer = feed.join().unwrap();
    for number in 0..40 {
        feed.push(&picture(2_000 + number * 40, number == 0, 1 << 20));
        assert!(feed.lock().ring.as_ref().unwrap().bytes <= RING_BYTES_MAX);
    }
}

#[test]
fn nothing_is_written_while_nobody_watches() {
    let feed = Feed::new();
    feed.push(&tracks());
    gop(&feed, 0, 25);
    assert!(feed.lock().ring.is_none());
    drop(feed.join().unwrap());
    assert!(feed.lock().ring.is_none());
    assert_eq!(feed.lock().gop.len(), 25);
}

#[tokio::test(start_paused = true)]
async fn viewers_end_with_the_broadcast_or_when_its_publisher_stays_away() {
    let feed = Feed::new();
    feed.push(&tracks());
    gop(&feed, 0, 2);
    let mut viewer = feed.join().unwrap();
    taken(&mut viewer).await;
    let begun = tokio::time::Instant::now();
    assert_eq!(viewer.next().await, Ok(None));
    assert_eq!(begun.elapsed(), RETURN_MAX);
    let mut viewer = feed.join().unwrap();
    taken(&mut viewer).await;
    feed.end();
    assert_eq!(viewer.next().await, Ok(None));
    assert!(feed.has_ended());
}

#[tokio::test(start_paused = true)]
async fn new_parameters_reach_viewers_who_are_there_and_those_who_come() {
    let feed = Feed::new();
    feed.push(&tracks());
    gop(&feed, 0, 3);
    let mut viewer = feed.join().unwrap();
    taken(&mut viewer).await;
    feed.push(&tracks());
    gop(&feed, 160, 2);
    let tags = taken(&mut viewer).await;
    assert!(tags[0].windows(6).any(|bytes| bytes == b"config"));
    assert_eq!(times(&tags[1..]), [160, 200]);
    let tags = taken(&mut feed.join().unwrap()).await;
    assert_eq!(times(&tags), [160, 200]);
}

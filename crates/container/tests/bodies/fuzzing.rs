//! Whatever a publisher sends, nothing panics and the invariants of media hold.

use std::sync::LazyLock;

use bytes::Bytes;
use container::flv::{Demuxer, Muxer, TagKind};
use media::StreamChecker;
use proptest::prelude::*;
use testkit::{Source, media_file, read_mp4};

fn kind() -> impl Strategy<Value = TagKind> {
    prop::sample::select(vec![TagKind::Audio, TagKind::Video, TagKind::Script])
}

/// One change to a sound stream of tags.
#[derive(Clone, Debug)]
enum Change {
    Flip { tag: usize, at: usize, value: u8 },
    Cut { tag: usize, len: usize },
    Stamp { tag: usize, timestamp_ms: u32 },
    Drop { tag: usize },
    Repeat { tag: usize },
    Insert { tag: usize, kind: TagKind, body: Vec<u8> },
}

fn change() -> impl Strategy<Value = Change> {
    let tag = 0_usize..400;
    prop_oneof![
        8 => (tag.clone(), 0_usize..60, any::<u8>()).prop_map(|(tag, at, value)| Change::Flip { tag, at, value }),
        2 => (tag.clone(), 0_usize..60).prop_map(|(tag, len)| Change::Cut { tag, len }),
        2 => (tag.clone(), any::<u32>()).prop_map(|(tag, timestamp_ms)| Change::Stamp { tag, timestamp_ms }),
        2 => (tag.clone(), 0_u32..9_000).prop_map(|(tag, timestamp_ms)| Change::Stamp { tag, timestamp_ms }),
        1 => tag.clone().prop_map(|tag| Change::Drop { tag }),
        1 => tag.clone().prop_map(|tag| Change::Repeat { tag }),
        2 => (tag, kind(), prop::collection::vec(any::<u8>(), 0..60))
            .prop_map(|(tag, kind, body)| Change::Insert { tag, kind, body }),
    ]
}

fn check(tags: impl IntoIterator<Item = (TagKind, u32, Bytes)>) -> Result<(), TestCaseError> {
    let (mut demuxer, mut checker) = (Demuxer::new(), StreamChecker::new());
    for (kind, timestamp_ms, body) in tags {
        // After a refusal the publisher would be ended; going on must do no harm either.
        let _ = demuxer.push(kind, timestamp_ms, body);
        while let Some(event) = demuxer.poll() {
            prop_assert_eq!(checker.check(&event), Ok(()));
        }
    }
    Ok(())
}

fn damage(tags: &mut Vec<(TagKind, u32, Bytes)>, changes: Vec<Change>) {
    for change in changes {
        let count = tags.len();
        match change {
            Change::Flip { tag, at, value } => {
                let mut body = tags[tag % count].2.to_vec();
                if let Some(byte) = body.get_mut(at) {
                    *byte = value;
                }
                tags[tag % count].2 = body.into();
            }
            Change::Cut { tag, len } => {
                let body = &mut tags[tag % count].2;
                body.truncate(len);
            }
            Change::Stamp { tag, timestamp_ms } => tags[tag % count].1 = timestamp_ms,
            Change::Drop { tag } => drop(tags.remove(tag % count)),
            Change::Repeat { tag } => tags.insert(tag % count, tags[tag % count].clone()),
            Change::Insert { tag, kind, body } => {
                let at = tag % count;
                let timestamp_ms = tags[at].1;
                tags.insert(at, (kind, timestamp_ms, body.into()));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_stream_keeps_the_invariants(changes in prop::collection::vec(change(), 1..60), b_frames in 0_u32..3) {
        let source = Source { duration: media::Span::from_secs(4), b_frames, ..Source::default() };
        let mut muxer = Muxer::new();
        let sound = source.events().into_iter().flat_map(|event| muxer.push(&event).expect("H.264 and AAC"));
        let mut tags: Vec<(TagKind, u32, Bytes)> = sound.map(|tag| (tag.kind, tag.timestamp_ms, tag.body)).collect();
        damage(&mut tags, changes);
        check(tags)?;
    }

    #[test]
    fn random_bodies_do_no_harm(bodies in prop::collection::vec((kind(), any::<u32>(), prop::collection::vec(any::<u8>(), 0..80)), 0..60)) {
        check(bodies.into_iter().map(|(kind, timestamp_ms, body)| (kind, timestamp_ms, body.into())))?;
    }
}

/// The tags of real clips of the newer codecs, the first of each.
fn newer_codecs() -> &'static [Vec<(TagKind, u32, Bytes)>] {
    static CLIPS: LazyLock<Vec<Vec<(TagKind, u32, Bytes)>>> = LazyLock::new(|| {
        let clips = ["iphone_hevc10_opengop_rot90.mp4", "unsup_av1.mp4", "unsup_opus.mp4"];
        let clips = clips.into_iter().filter_map(media_file).map(|clip| {
            let mut muxer = Muxer::new();
            let events = read_mp4(&clip).into_iter().take(80);
            let tags = events.flat_map(move |event| muxer.push(&event).expect("codecs that are known"));
            tags.map(|tag| (tag.kind, tag.timestamp_ms, tag.body)).collect()
        });
        clips.collect()
    });
    &CLIPS
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn damage_to_the_newer_codecs_keeps_the_invariants(changes in prop::collection::vec(change(), 1..30)) {
        for clip in newer_codecs() {
            let mut tags = clip.clone();
            damage(&mut tags, changes.clone());
            check(tags)?;
        }
    }
}

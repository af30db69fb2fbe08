//! Whatever a publisher sends, nothing panics and the invariants of media hold.

use std::sync::LazyLock;

use container::mpegts::Demuxer;
use media::{Span, StreamChecker};
use proptest::prelude::*;
use testkit::Source;
use testkit::transport_stream::Writer;

static STREAM: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let source = Source { duration: Span::from_secs(3), b_frames: 2, ..Source::default() };
    Writer::new().stream(&source.events())
});

/// One change to a sound stream, at a part of its length.
#[derive(Clone, Debug)]
enum Change {
    Flip {
        at: f64,
        value: u8,
    },
    /// Of the header of a packet, where it does most.
    Header {
        at: f64,
        byte: usize,
        value: u8,
    },
    Drop {
        at: f64,
        bytes: usize,
    },
    DropPackets {
        at: f64,
        count: usize,
    },
    Insert {
        at: f64,
        bytes: Vec<u8>,
    },
    RepeatPacket {
        at: f64,
        to: f64,
    },
}

fn change() -> impl Strategy<Value = Change> {
    let at = 0.0..1.0_f64;
    prop_oneof![
        3 => (at.clone(), any::<u8>()).prop_map(|(at, value)| Change::Flip { at, value }),
        6 => (at.clone(), 0_usize..24, any::<u8>()).prop_map(|(at, byte, value)| Change::Header { at, byte, value }),
        1 => (at.clone(), 1_usize..400).prop_map(|(at, bytes)| Change::Drop { at, bytes }),
        2 => (at.clone(), 1_usize..40).prop_map(|(at, count)| Change::DropPackets { at, count }),
        1 => (at.clone(), prop::collection::vec(any::<u8>(), 0..400)).prop_map(|(at, bytes)| Change::Insert { at, bytes }),
        2 => (at.clone(), at).prop_map(|(at, to)| Change::RepeatPacket { at, to }),
    ]
}

fn apply(stream: &mut Vec<u8>, change: Change) {
    let place = |at: f64| (at * stream.len() as f64) as usize;
    let packet = |at: f64| place(at) / 188 * 188;
    match change {
        Change::Flip { at, value } => {
            // Nothing may be left to flip after so much was dropped.
            let at = place(at);
            if let Some(place) = stream.get_mut(at) {
                *place = value;
            }
        }
        Change::Header { at, byte, value } => {
            let at = packet(at) + byte;
            if let Some(place) = stream.get_mut(at) {
                *place = value;
            }
        }
        Change::Drop { at, bytes } => {
            let at = place(at);
            stream.drain(at..(at + bytes).min(stream.len()));
        }
        Change::DropPackets { at, count } => {
            let at = packet(at);
            stream.drain(at..(at + count * 188).min(stream.len()));
        }
        Change::Insert { at, bytes } => {
            let at = place(at);
            stream.splice(at..at, bytes);
        }
        Change::RepeatPacket { at, to } => {
            let (at, to) = (packet(at), packet(to));
            let copy = stream[at..(at + 188).min(stream.len())].to_vec();
            stream.splice(to..to, copy);
        }
    }
}

fn check(stream: &[u8], piece: usize) -> Result<(), TestCaseError> {
    let (mut demuxer, mut checker) = (Demuxer::new(), StreamChecker::new());
    let mut drain = |demuxer: &mut Demuxer| {
        while let Some(event) = demuxer.poll() {
            prop_assert_eq!(checker.check(&event), Ok(()));
        }
        Ok(())
    };
    for piece in stream.chunks(piece) {
        // After a refusal the publisher would be ended; going on must do no harm either.
        let _ = demuxer.push(piece);
        drain(&mut demuxer)?;
    }
    demuxer.finish();
    drain(&mut demuxer)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_stream_keeps_the_invariants(changes in prop::collection::vec(change(), 1..40), piece in 1_usize..2_000) {
        let mut stream = STREAM.clone();
        for change in changes {
            apply(&mut stream, change);
        }
        check(&stream, piece)?;
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..4_000)) {
        check(&bytes, 1_316)?;
    }

    #[test]
    fn how_the_bytes_are_cut_changes_nothing(piece in 1_usize..3_000) {
        let events = |piece: usize| {
            let mut demuxer = Demuxer::new();
            STREAM.chunks(piece).for_each(|piece| demuxer.push(piece).expect("a sound stream"));
            demuxer.finish();
            std::iter::from_fn(move || demuxer.poll()).collect::<Vec<_>>()
        };
        prop_assert_eq!(events(piece), events(1_316));
    }
}

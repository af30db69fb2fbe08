//! Whatever stands in a file, nothing panics, the invariants of media hold, and no more is read than it has.

use std::sync::LazyLock;

use bytes::Bytes;
use proptest::prelude::*;

use crate::{clip, read, remuxed};

/// Small files, and where what tells of the samples begins.
fn files() -> &'static [(Bytes, usize)] {
    static FILES: LazyLock<Vec<(Bytes, usize)>> = LazyLock::new(|| {
        let names = [
            "sintel_256x110_small.mp4",
            "unsup_opus.mp4",
            "unsup_av1.mp4",
            "flv_keyframe_index_320x180.flv",
            "ts_no_aud.ts",
        ];
        let remuxed = ["unsup_opus.mp4", "sintel_256x110_small.mp4"].into_iter().filter_map(|name| {
            let (_folder, path) = remuxed(name, "mkv", &[])?;
            Some(Bytes::from(std::fs::read(path).unwrap()))
        });
        let files = names.into_iter().filter_map(clip).chain(remuxed);
        files
            .map(|file| {
                let index = file.windows(4).position(|name| name == b"moov").unwrap_or(0);
                (file, index)
            })
            .collect()
    });
    &FILES
}

/// One change to a file.
#[derive(Clone, Debug)]
enum Change {
    /// A byte of the index.
    Index {
        at: usize,
        value: u8,
    },
    /// Four bytes of the index, as numbers that are at a limit.
    Number {
        at: usize,
        value: u32,
    },
    /// Any byte.
    Anywhere {
        at: usize,
        value: u8,
    },
    Cut {
        len: usize,
    },
}

fn change() -> impl Strategy<Value = Change> {
    let at = any::<usize>;
    let numbers = vec![0, 1, 2, 0x7f, 0xff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];
    prop_oneof![
        8 => (at(), any::<u8>()).prop_map(|(at, value)| Change::Index { at, value }),
        8 => (at(), prop::sample::select(numbers)).prop_map(|(at, value)| Change::Number { at, value }),
        4 => (at(), any::<u8>()).prop_map(|(at, value)| Change::Anywhere { at, value }),
        1 => at().prop_map(|len| Change::Cut { len }),
    ]
}

fn changed(file: &Bytes, index: usize, changes: &[Change]) -> Bytes {
    let mut file = file.to_vec();
    let index_len = (file.len() - index).min(6_000);
    for change in changes {
        let len = file.len().max(1);
        let place = |at: usize| (index + at % index_len).min(len - 1);
        match *change {
            Change::Index { at, value } => file[place(at)] = value,
            Change::Number { at, value } => {
                let at = place(at);
                let end = (at + 4).min(len);
                file[at..end].copy_from_slice(&value.to_be_bytes()[..end - at]);
            }
            Change::Anywhere { at, value } => file[at % len] = value,
            Change::Cut { len: at } => file.truncate((at % len).max(1)),
        }
    }
    file.into()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_file_does_no_harm(changes in prop::collection::vec(change(), 1..12)) {
        for (file, index) in files() {
            let file = changed(file, *index, &changes);
            if let Ok(got) = read(&file) {
                // Both tracks may name the same bytes; then there is what tells of them.
                prop_assert!(got.bytes <= 3 * file.len() as u64 + 65_536, "{} of {}", got.bytes, file.len());
            }
        }
    }

    #[test]
    fn any_bytes_do_no_harm(tail in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = read(&tail.clone().into());
        let ebml = b"\x1a\x45\xdf\xa3\x8b\x42\x82\x88matroska";
        for start in [&b"\0\0\0\x08ftyp"[..], b"\0\0\0\x10moov", b"FLV\x01", b"\x47", ebml] {
            let _ = read(&[start, &tail[..]].concat().into());
        }
    }
}

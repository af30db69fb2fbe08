//! The playlist of what was recorded: byte ranges of files of fragments.
//!
//! Spec: draft-pantos-hls-rfc8216bis §4.4.3.5 (`VOD`), §4.4.4.2 (`BYTERANGE`), §4.4.4.5 (`MAP`).

use std::fmt::Write as _;
use std::ops::Range;

use media::Span;

/// One file: a beginning that players need first, then fragments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VodFile {
    /// Relative to the playlist.
    pub uri: String,
    /// Bytes of `ftyp` and `moov`, from the file's beginning.
    pub init_bytes: u64,
    /// In the order in which they stand, without anything between them.
    pub fragments: Vec<VodFragment>,
}

/// One fragment; times from the file's beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VodFragment {
    /// Where it stands in the file.
    pub bytes: Range<u64>,
    /// Decoding time of its first picture, or first sound where there is none.
    pub begins: Span,
    /// When its last one ends.
    pub ends: Span,
    /// Decoding can start here.
    pub independent: bool,
}

/// A run of fragments that players fetch at once.
struct Segment<'a> {
    fragments: &'a [VodFragment],
    duration: Span,
}

/// The media playlist of these files, one after the other; those without a fragment are left out.
#[must_use]
pub fn vod_playlist(files: &[VodFile]) -> String {
    let files: Vec<(&VodFile, Vec<Segment<'_>>)> = files
        .iter()
        .map(|file| (file, segments(&file.fragments)))
        .filter(|(_, all)| !all.is_empty())
        .collect();
    let all = || files.iter().flat_map(|(_, segments)| segments);
    let longest = all().map(|segment| segment.duration).max().unwrap_or_default();
    let independent = all().all(|segment| segment.fragments.first().is_some_and(|first| first.independent));
    let mut text =
        String::from("#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-MEDIA-SEQUENCE:0\n");
    if independent {
        text.push_str("#EXT-X-INDEPENDENT-SEGMENTS\n");
    }
    // Durations are rounded to the nearest second for this comparison (§4.4.3.1), and 0 would be none.
    put(&mut text, format_args!("#EXT-X-TARGETDURATION:{}\n", longest.as_secs_f64().round().max(1.0)));
    for (number, (file, segments)) in files.iter().enumerate() {
        if number > 0 {
            text.push_str("#EXT-X-DISCONTINUITY\n");
        }
        put(&mut text, format_args!("#EXT-X-MAP:URI=\"{}\",BYTERANGE=\"{}@0\"\n", file.uri, file.init_bytes));
        for Segment { fragments, duration } in segments {
            let (Some(first), Some(last)) = (fragments.first(), fragments.last()) else { continue };
            let (at, bytes) = (first.bytes.start, last.bytes.end - first.bytes.start);
            let seconds = duration.as_secs_f64();
            put(
                &mut text,
                format_args!("#EXTINF:{seconds:.6},\n#EXT-X-BYTERANGE:{bytes}@{at}\n{}\n", file.uri),
            );
        }
    }
    text.push_str("#EXT-X-ENDLIST\n");
    text
}

/// Cuts where decoding can start, once a segment is long enough; a GOP that is too long is cut in itself.
fn segments(fragments: &[VodFragment]) -> Vec<Segment<'_>> {
    let mut segments = Vec::new();
    let mut from = 0;
    for at in 1..=fragments.len() {
        let begins = fragments[from].begins;
        let ends = fragments.get(at).map_or(fragments[at - 1].ends, |next| next.begins);
        let next_is_independent = fragments.get(at).is_none_or(|next| next.independent);
        let long_enough = ends - begins >= SEGMENT_MIN;
        let last = at == fragments.len();
        if last || (next_is_independent && long_enough) || ends - begins >= SEGMENT_MAX {
            segments.push(Segment { fragments: &fragments[from..at], duration: ends - begins });
            from = at;
        }
    }
    segments
}

fn put(text: &mut String, line: std::fmt::Arguments<'_>) {
    text.write_fmt(line).expect("a string takes all that is written to it");
}

/// Shorter segments cost requests and gain nothing where nothing is live.
const SEGMENT_MIN: Span = Span::from_secs(4);
/// Longer ones make players load much for a small step.
const SEGMENT_MAX: Span = Span::from_secs(12);

#[cfg(test)]
mod tests {
    use super::*;

    /// Fragments of half a second and 100 bytes, independent every `gop`.
    fn file(uri: &str, count: u64, gop: u64) -> VodFile {
        let half = |number: u64| Span::from_millis(500 * number as i64);
        let fragment = |number| VodFragment {
            bytes: 50 + number * 100..150 + number * 100,
            begins: half(number),
            ends: half(number + 1),
            independent: number % gop == 0,
        };
        VodFile { uri: uri.to_owned(), init_bytes: 50, fragments: (0..count).map(fragment).collect() }
    }

    #[test]
    fn segments_begin_where_decoding_can_start() {
        let expected = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-MEDIA-SEQUENCE:0\n\
            #EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-TARGETDURATION:5\n#EXT-X-MAP:URI=\"1.mp4\",BYTERANGE=\"50@0\"\n\
            #EXTINF:4.500000,\n#EXT-X-BYTERANGE:900@50\n1.mp4\n#EXTINF:0.500000,\n#EXT-X-BYTERANGE:100@950\n1.mp4\n\
            #EXT-X-ENDLIST\n";
        assert_eq!(vod_playlist(&[file("1.mp4", 10, 3)]), expected);
    }

    #[test]
    fn a_long_gop_is_cut_and_independence_is_not_claimed() {
        let text = vod_playlist(&[file("1.mp4", 60, 60)]);
        assert!(!text.contains("INDEPENDENT") && text.contains("#EXT-X-TARGETDURATION:12\n"), "{text}");
        assert_eq!(text.matches("#EXTINF:12.000000").count(), 2);
    }

    #[test]
    fn another_file_is_a_discontinuity_with_a_beginning_of_its_own() {
        let text = vod_playlist(&[file("1.mp4", 2, 1), file("2.mp4", 0, 1), file("3.mp4", 2, 1)]);
        let from = text.find("#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"3.mp4\"");
        assert!(from.is_some() && !text.contains("2.mp4"), "{text}");
    }
}

//! Times of pictures on their way through a decoder, which puts them in another order.

use std::collections::VecDeque;

use media::{Packet, Span, Timestamp};

/// When a picture is decoded and shown in every rendition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) dts: Timestamp,
    pub(crate) pts: Timestamp,
    /// It becomes an IDR picture in every rendition.
    pub(crate) random_access: bool,
    /// What the caller gave with the packet.
    pub(crate) tag: u32,
    /// How much media had come by then.
    pub(crate) clock: Span,
}

/// Remembers the source's times while a picture is decoded.
///
/// Pictures leave in the order in which they are shown, and a rendition has no B-frames: the first picture shown
/// after an IDR picture takes the decoding time of the first packet, the second that of the second, and so
/// on. No picture is then shown before it is decoded, and decoding times are those of the source, so segments
/// cut at them are equally long in all renditions.
#[derive(Debug, Default)]
pub(crate) struct Stamps {
    next_key: i64,
    /// Where the source's segments begin without an IDR picture, not yet passed.
    begins: VecDeque<Timestamp>,
    /// The decoding time of the IDR picture that left last, and of the one that began the group.
    last_idr: Option<Timestamp>,
    group_begun: Option<Timestamp>,
    /// Groups of this source are longer than [`GOP_MAX`].
    long: bool,
    group: u64,
    waiting: VecDeque<Waiting>,
    /// Decoding times not yet taken, with their group.
    times: VecDeque<(u64, Timestamp)>,
    /// Group and time of the picture that left last.
    last: Option<(u64, Timestamp)>,
}

/// A packet of the source, and what is known of it.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) packet: Packet,
    /// What the caller gave with it.
    pub(crate) tag: u32,
    /// How much media had come by then.
    pub(crate) clock: Span,
    /// A segment of the source begins with it.
    pub(crate) begins: bool,
}

#[derive(Clone, Copy, Debug)]
struct Waiting {
    key: i64,
    group: u64,
    pts: Timestamp,
    tag: u32,
    clock: Span,
}

impl Stamps {
    /// A packet goes into the decoder. The answer is what to recognise its picture by; `None` when the packet is
    /// of no use, since no IDR picture came before it.
    pub(crate) fn push(&mut self, source: &Source) -> Option<i64> {
        let Source { packet, tag, clock, begins } = source;
        if packet.random_access {
            self.group += 1;
        } else if self.group == 0 {
            return None;
        }
        if self.waiting.len() >= WAITING_MAX {
            self.waiting.pop_front();
        }
        if self.times.len() >= WAITING_MAX {
            self.times.pop_front();
        }
        if *begins && !packet.random_access && self.begins.len() < WAITING_MAX {
            self.begins.push_back(packet.dts);
        }
        let key = self.next_key;
        self.next_key += 1;
        let (tag, clock) = (*tag, *clock);
        self.waiting.push_back(Waiting { key, group: self.group, pts: packet.pts, tag, clock });
        self.times.push_back((self.group, packet.dts));
        Some(key)
    }

    /// The picture of `key` left the decoder. `None` when it cannot be shown: its place is taken.
    pub(crate) fn take(&mut self, key: i64) -> Option<Stamp> {
        let at = self.waiting.iter().position(|waiting| waiting.key == key)?;
        let picture = self.waiting.remove(at)?;
        let Waiting { group, pts, .. } = picture;
        let first = match self.last {
            Some((last_group, last)) => {
                if group < last_group || (group == last_group && pts <= last) {
                    return None;
                }
                group > last_group
            }
            None => true,
        };
        // Pictures that should have been shown before this one were damaged and are not coming.
        let lost = self.waiting.iter().filter(|other| other.group == group && other.pts < pts).count();
        self.waiting.retain(|other| other.group > group || (other.group == group && other.pts >= pts));
        while self.times.front().is_some_and(|(of, _)| *of < group) {
            self.times.pop_front();
        }
        let mut dts = self.times.pop_front_if(|(of, _)| *of == group)?.1;
        for _ in 0..lost {
            let Some((_, next)) = self.times.pop_front_if(|(of, _)| *of == group) else { break };
            // The first picture keeps the time at which the source's segment begins.
            dts = if first { dts } else { next };
        }
        self.last = Some((group, pts));
        let random_access = self.becomes_idr(dts, first);
        Some(Stamp { dts, pts, random_access, tag: picture.tag, clock: picture.clock })
    }

    /// Whether the picture of `dts` becomes an IDR picture: the first of a group does; in a long group those too
    /// with which the source's segments begin, and some between them, so that one can join soon.
    fn becomes_idr(&mut self, dts: Timestamp, first: bool) -> bool {
        let mut begins = false;
        while self.begins.pop_front_if(|at| *at <= dts).is_some() {
            begins = true;
        }
        if first {
            self.group_begun = Some(dts);
        }
        self.long |= self.group_begun.is_some_and(|begun| dts - begun >= GOP_MAX);
        let due = self.long && self.last_idr.is_some_and(|last| dts - last >= IDR_INTERVAL);
        let idr = first || begins || due;
        if idr {
            self.last_idr = Some(dts);
        }
        idr
    }
}

/// A group this long cannot be a segment of its own.
const GOP_MAX: Span = Span::from_secs(10);

/// Between the IDR pictures that are added to longer groups.
const IDR_INTERVAL: Span = Span::from_secs(2);

/// Pictures inside a decoder: the codecs allow 16, and threads hold some more.
const WAITING_MAX: usize = 128;

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use media::TrackId;

    use super::*;

    fn packet(dts: i64, pts: i64, random_access: bool) -> Packet {
        Packet {
            track: TrackId(0),
            dts: Timestamp::from_millis(dts),
            pts: Timestamp::from_millis(pts),
            random_access,
            data: Bytes::from_static(&[0]),
        }
    }

    fn source(packet: Packet, begins: bool) -> Source {
        Source { packet, tag: 0, clock: Span::ZERO, begins }
    }

    /// Pushes packets of these times, takes pictures in the order of their indices: decoding and presentation
    /// time in milliseconds, and whether one is an IDR picture.
    fn check(packets: &[(i64, i64, bool)], order: &[usize], expected: &[Option<(i64, i64, bool)>]) {
        let mut stamps = Stamps::default();
        let keys: Vec<_> = packets
            .iter()
            .map(|&(dts, pts, idr)| stamps.push(&source(packet(dts, pts, idr), false)))
            .collect();
        let got: Vec<_> = order
            .iter()
            .map(|&index| {
                let stamp = stamps.take(keys[index]?)?;
                let millis = |time: Timestamp| (time - Timestamp::ZERO).as_millis();
                Some((millis(stamp.dts), millis(stamp.pts), stamp.random_access))
            })
            .collect();
        assert_eq!(got, expected);
    }

    #[test]
    fn pictures_without_b_frames_keep_their_times() {
        let packets = [(0, 0, true), (40, 40, false), (80, 80, true)];
        let expected = [Some((0, 0, true)), Some((40, 40, false)), Some((80, 80, true))];
        check(&packets, &[0, 1, 2], &expected);
    }

    #[test]
    fn reordered_pictures_take_the_decoding_times_in_the_order_they_are_shown() {
        let packets = [
            (0, 80, true),
            (40, 240, false),
            (80, 160, false),
            (120, 120, false),
            (160, 200, false),
            (200, 280, true),
        ];
        let expected = [
            Some((0, 80, true)),
            Some((40, 120, false)),
            Some((80, 160, false)),
            Some((120, 200, false)),
            Some((160, 240, false)),
            Some((200, 280, true)),
        ];
        check(&packets, &[0, 3, 2, 4, 1, 5], &expected);
    }

    #[test]
    fn a_damaged_picture_takes_its_time_with_it() {
        let packets = [(0, 0, true), (40, 40, false), (80, 80, false), (120, 120, true)];
        check(&packets, &[0, 2, 3], &[Some((0, 0, true)), Some((80, 80, false)), Some((120, 120, true))]);
    }

    #[test]
    fn a_damaged_idr_picture_leaves_its_place_to_the_next() {
        let packets = [(0, 0, true), (40, 40, true), (80, 80, false), (120, 120, false)];
        check(&packets, &[0, 2, 3], &[Some((0, 0, true)), Some((40, 80, true)), Some((120, 120, false))]);
    }

    #[test]
    fn a_picture_that_is_shown_before_its_idr_picture_begins_the_group() {
        let packets = [(0, 40, true), (40, 80, false), (80, 160, true), (120, 120, false), (160, 200, false)];
        let expected = [
            Some((0, 40, true)),
            Some((40, 80, false)),
            Some((80, 120, true)),
            Some((120, 160, false)),
            Some((160, 200, false)),
        ];
        check(&packets, &[0, 1, 3, 2, 4], &expected);
    }

    #[test]
    fn pictures_before_the_first_idr_picture_and_those_out_of_order_are_not_shown() {
        check(&[(0, 0, false), (40, 40, true)], &[0, 1], &[None, Some((40, 40, true))]);
        let packets = [(0, 0, true), (40, 80, false), (80, 40, false)];
        check(&packets, &[0, 1, 2], &[Some((0, 0, true)), Some((80, 80, false)), None]);
    }

    /// Decoding times of the IDR pictures, milliseconds, of 30 s without B-frames at 25 a second with an IDR picture
    /// every `gop_ms`, and segments that begin every `segment_ms`.
    fn idr_pictures(gop_ms: i64, segment_ms: i64) -> Vec<i64> {
        let mut stamps = Stamps::default();
        let pictures = (0..30_000).step_by(40).filter_map(|at| {
            let begins = at % segment_ms == 0;
            let key = stamps.push(&source(packet(at, at, at % gop_ms == 0), begins))?;
            stamps.take(key).filter(|stamp| stamp.random_access)
        });
        pictures.map(|stamp| (stamp.dts - Timestamp::ZERO).as_millis()).collect()
    }

    #[test]
    fn a_long_group_gets_idr_pictures_where_segments_begin_and_between() {
        assert_eq!(idr_pictures(8_000, 8_000), [0, 8_000, 16_000, 24_000]);
        let expected =
            [0, 9_960, 11_960, 13_960, 15_960, 17_960, 19_920, 21_920, 23_920, 25_920, 27_920, 29_880];
        assert_eq!(idr_pictures(60_000, 9_960), expected);
    }

    #[test]
    fn a_segment_that_begins_among_b_frames_begins_with_the_picture_that_takes_its_time() {
        let mut stamps = Stamps::default();
        let packets = [(0, 80, true), (40, 240, false), (80, 120, false), (120, 160, false)];
        let keys = packets.map(|(dts, pts, idr)| stamps.push(&source(packet(dts, pts, idr), dts == 80)));
        let idr = [0, 2, 3, 1].map(|at: usize| stamps.take(keys[at]?).map(|stamp| stamp.random_access));
        assert_eq!(idr, [Some(true), Some(false), Some(true), Some(false)]);
    }

    #[test]
    fn a_clock_that_goes_back_at_an_idr_picture_is_followed() {
        check(&[(900, 900, true), (0, 0, true)], &[0, 1], &[Some((900, 900, true)), Some((0, 0, true))]);
    }
}

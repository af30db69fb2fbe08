//! One PID's sound: access units with times on the sample clock.
//!
//! Spec: ISO/IEC 14496-3 §1.A.2.2 (ADTS); ETSI TS Opus 0.1.3-draft §3 (Opus in MPEG-TS); [`media::SoundFrame`].

use bytes::{Buf as _, Bytes, BytesMut};
use media::{Aac, Codec, Opus, SoundFrame, Span, Timescale, Timestamp};

use super::pes::HEADROOM_BYTES;
use super::program::AudioKind;

/// Cuts a stream into access units.
#[derive(Debug)]
pub(super) struct Audio {
    kind: AudioKind,
    /// What came and is not cut yet: less than one access unit between two calls.
    pending: BytesMut,
    /// The time of the first access unit that begins at this place of `pending` or later.
    stamped: Option<(usize, Timestamp)>,
    /// When the next begins, where nothing else says so.
    next: Option<Timestamp>,
    /// The parameters as last given.
    known: Option<Codec>,
}

/// One access unit and what it needs to be placed.
#[derive(Debug)]
pub(super) struct AccessUnit {
    /// As the stream says, or follows from the one before.
    pub(super) stamp: Timestamp,
    pub(super) length: Span,
    pub(super) data: Bytes,
    /// The parameters, when they differ from those before.
    pub(super) parameters: Option<Codec>,
}

/// What stands at the beginning of what is to be cut.
enum Cut {
    /// An access unit behind a header of so many bytes.
    Whole { header: usize, body: usize, length: Span, codec: Codec },
    /// The rest of it has not come.
    More,
    /// Something else.
    Unknown,
}

impl Audio {
    pub(super) fn new(kind: AudioKind) -> Audio {
        Audio { kind, pending: BytesMut::new(), stamped: None, next: None, known: None }
    }

    /// Takes a unit of the stream with its headroom, and the time of the first access unit that begins in it.
    /// Gives what is complete, and how often something had to be left out.
    pub(super) fn push(&mut self, mut data: BytesMut, stamp: Option<Timestamp>) -> (Vec<AccessUnit>, u64) {
        data.advance(HEADROOM_BYTES);
        if let Some(stamp) = stamp {
            self.stamped = Some((self.pending.len(), stamp));
        }
        if self.pending.is_empty() {
            self.pending = data;
        } else {
            self.pending.extend_from_slice(&data);
        }
        let (mut complete, mut left_out) = (Vec::new(), 0);
        loop {
            match self.cut() {
                Cut::Whole { header, body, length, codec } => {
                    let stamp = self.stamp();
                    self.skip(header);
                    let data = self.pending.split_to(body).freeze();
                    self.moved(body);
                    // Without a first time there is nothing to count from.
                    let Some(stamp) = stamp else { continue };
                    self.next = Some(stamp + length);
                    let parameters = Some(codec).filter(|codec| self.known.as_ref() != Some(codec));
                    self.known = parameters.clone().or(self.known.take());
                    complete.push(AccessUnit { stamp, length, data, parameters });
                }
                Cut::More => break,
                Cut::Unknown => {
                    left_out += 1;
                    self.skip_to_next();
                }
            }
        }
        (complete, left_out)
    }

    /// Something was lost: what waits for its rest will not get it, and what follows has times of its own.
    pub(super) fn interrupt(&mut self) {
        self.pending.clear();
        (self.stamped, self.next) = (None, None);
    }

    fn stamp(&mut self) -> Option<Timestamp> {
        match self.stamped {
            Some((0, stamp)) => {
                self.stamped = None;
                Some(stamp)
            }
            _ => self.next,
        }
    }

    fn skip(&mut self, bytes: usize) {
        self.pending.advance(bytes);
        self.moved(bytes);
    }

    fn moved(&mut self, bytes: usize) {
        if let Some((at, _)) = &mut self.stamped {
            *at = at.saturating_sub(bytes);
        }
    }

    /// To where an access unit may begin, at least one byte on.
    fn skip_to_next(&mut self) {
        let may_begin = |pair: &[u8]| match self.kind {
            AudioKind::Adts => pair[0] == 0xff && pair[1] & 0xf6 == 0xf0,
            AudioKind::Opus(_) => pair[0] == 0x7f && pair[1] & 0xe0 == 0xe0,
            AudioKind::Mpeg => is_mpeg_sync(pair),
            AudioKind::Ac3 => is_ac3_sync(pair),
        };
        let found = self.pending.get(1..).and_then(|rest| rest.windows(2).position(may_begin));
        self.skip(found.map_or(self.pending.len(), |at| at + 1));
    }

    fn cut(&mut self) -> Cut {
        match &self.kind {
            AudioKind::Adts => cut_adts(&self.pending, self.known.as_ref()),
            AudioKind::Opus(opus) => cut_opus(&self.pending, opus).unwrap_or(Cut::More),
            AudioKind::Mpeg => {
                cut_foreign(&self.pending, self.known.as_ref(), SoundFrame::of_mpeg_audio, is_mpeg_sync)
            }
            AudioKind::Ac3 => {
                cut_foreign(&self.pending, self.known.as_ref(), SoundFrame::of_ac3, is_ac3_sync)
            }
        }
    }
}

fn cut_adts(pending: &[u8], known: Option<&Codec>) -> Cut {
    let Some(header) = pending.first_chunk::<ADTS_BYTES>() else {
        let may_be = pending.iter().zip([0xff, 0xf0]).all(|(byte, sync)| byte & sync == sync);
        return if may_be { Cut::More } else { Cut::Unknown };
    };
    let Some((frame, aac)) = read_adts(header) else { return Cut::Unknown };
    let codec = Codec::Aac(aac.clone());
    if pending.len() < frame.bytes {
        // Other parameters are believed when the whole access unit is there: sooner they are most often no
        // header at all, and its length is nothing to wait for.
        return if known.is_none_or(|known| *known == codec) { Cut::More } else { Cut::Unknown };
    }
    // What looks like a header inside of an access unit is told by what follows it.
    let follows = pending.get(frame.bytes..frame.bytes + 2);
    if follows.is_some_and(|next| next[0] != 0xff || next[1] & 0xf6 != 0xf0) {
        return Cut::Unknown;
    }
    let rate = Timescale::new(aac.sample_rate).unwrap_or(Timescale::MILLISECONDS);
    let length = Span::from_ticks(i64::from(Aac::FRAME_SAMPLES), rate);
    Cut::Whole { header: frame.header, body: frame.bytes - frame.header, length, codec }
}

/// A frame of sound that is to be re-encoded, and goes on with its header.
fn cut_foreign(
    pending: &[u8],
    known: Option<&Codec>,
    read: fn(&[u8]) -> Option<SoundFrame>,
    is_sync: fn(&[u8]) -> bool,
) -> Cut {
    if pending.len() < SoundFrame::HEADER_BYTES {
        return if pending.len() < 2 || is_sync(pending) { Cut::More } else { Cut::Unknown };
    }
    let Some(frame) = read(pending).filter(|frame| frame.bytes > SoundFrame::HEADER_BYTES) else {
        return Cut::Unknown;
    };
    let codec = Codec::Foreign(frame.sound);
    if pending.len() < frame.bytes {
        // See `cut_adts`: other parameters are believed when the whole frame is there.
        return if known.is_none_or(|known| *known == codec) { Cut::More } else { Cut::Unknown };
    }
    if pending.get(frame.bytes..frame.bytes + 2).is_some_and(|next| !is_sync(next)) {
        return Cut::Unknown;
    }
    let length = codec.sound_duration(&[]).unwrap_or(Span::ZERO);
    Cut::Whole { header: 0, body: frame.bytes, length, codec }
}

fn is_mpeg_sync(pair: &[u8]) -> bool {
    pair[0] == 0xff && pair[1] & 0xe0 == 0xe0
}

fn is_ac3_sync(pair: &[u8]) -> bool {
    pair[..2] == [0x0b, 0x77]
}

struct AdtsFrame {
    header: usize,
    bytes: usize,
}

/// Reads an `adts_frame()` header; `None` where it is none, or of a kind nobody sends: several raw blocks,
/// channels in a program config element.
fn read_adts(header: &[u8; ADTS_BYTES]) -> Option<(AdtsFrame, Aac)> {
    let &[sync, flags, kind, channels, length, rest, blocks] = header;
    let is_sync = sync == 0xff && flags & 0xf6 == 0xf0;
    let header_bytes = if flags & 1 == 0 { ADTS_BYTES + 2 } else { ADTS_BYTES };
    let bytes = usize::from(channels & 0x03) << 11 | usize::from(length) << 3 | usize::from(rest >> 5);
    if !is_sync || bytes <= header_bytes || blocks & 0x03 != 0 {
        return None;
    }
    let object_type = (kind >> 6) + 1;
    let rate_index = kind >> 2 & 0x0f;
    let channel_configuration = (kind & 1) << 2 | channels >> 6;
    let asc = [object_type << 3 | rate_index >> 1, (rate_index & 1) << 7 | channel_configuration << 3];
    let aac = Aac::from_asc(Bytes::copy_from_slice(&asc)).ok()?;
    Some((AdtsFrame { header: header_bytes, bytes }, aac))
}

/// Reads an `opus_access_unit()`; `None` when it is not all there.
fn cut_opus(pending: &[u8], opus: &Opus) -> Option<Cut> {
    let &[prefix, flags] = pending.first_chunk()?;
    if prefix != 0x7f || flags & 0xe0 != 0xe0 {
        return Some(Cut::Unknown);
    }
    let mut at = 2;
    let mut body = 0;
    loop {
        let part = *pending.get(at)?;
        at += 1;
        body += usize::from(part);
        if part != 0xff {
            break;
        }
        if body > OPUS_BYTES_MAX {
            return Some(Cut::Unknown);
        }
    }
    // start_trim, end_trim, control_extension
    at += [0x10, 0x08].iter().filter(|&&flag| flags & flag != 0).count() * 2;
    if flags & 0x04 != 0 {
        at += 1 + usize::from(*pending.get(at)?);
    }
    let packet = pending.get(at..at + body)?;
    let Some(length) = Opus::packet_duration(packet) else { return Some(Cut::Unknown) };
    Some(Cut::Whole { header: at, body, length, codec: Codec::Opus(opus.clone()) })
}

/// Bytes of an ADTS header without its CRC.
const ADTS_BYTES: usize = 7;
/// Bytes of an Opus packet: 120 ms of 8 channels at the highest rate fit well.
const OPUS_BYTES_MAX: usize = 64 << 10;

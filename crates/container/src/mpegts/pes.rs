//! Packetised elementary streams: payloads to units with times.
//!
//! Spec: ISO/IEC 13818-1 §2.4.3.6, §2.4.3.7; §2.4.3.3 (the continuity counter).

use std::collections::VecDeque;

use bytes::{BufMut as _, BytesMut};

use super::packet::Packet;

/// Free bytes before each unit, for what is written in front of it later.
pub(super) const HEADROOM_BYTES: usize = 16;

/// Puts the units of one PID together.
#[derive(Debug)]
pub(super) struct Assembler {
    rules: Rules,
    continuity: Option<u8>,
    pending: Option<Pending>,
    ready: VecDeque<Unit>,
    /// What a unit with and without a random access point had last: room for the next.
    usual_bytes: [usize; 2],
}

/// How a stream's units end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// A unit goes on where the next header has no time. Some encoders cut pictures so, and only with the
    /// next time can it be known that the picture is whole.
    pub(super) ends_with_the_next: bool,
    /// Larger units are left out.
    pub(super) bytes_max: usize,
}

/// One unit, or what is left of it.
#[derive(Debug)]
pub(super) struct Unit {
    /// 33 bits, 90 kHz.
    pub(super) pts: Option<u64>,
    /// As `pts` where it is not sent apart.
    pub(super) dts: Option<u64>,
    /// As the transport packet says.
    pub(super) random_access: bool,
    /// Something of it was lost: `data` ends before that.
    pub(super) broken: bool,
    /// [`HEADROOM_BYTES`] free ones, then the payload.
    pub(super) data: BytesMut,
}

#[derive(Debug)]
struct Pending {
    unit: Unit,
    /// The payload's length where it is known.
    wanted: Option<usize>,
}

/// What a header says.
struct Header<'a> {
    pts: Option<u64>,
    dts: Option<u64>,
    wanted: Option<usize>,
    payload: &'a [u8],
}

impl Assembler {
    pub(super) fn new(rules: Rules) -> Assembler {
        Assembler {
            rules,
            continuity: None,
            pending: None,
            ready: VecDeque::new(),
            usual_bytes: [USUAL_BYTES_MIN; 2],
        }
    }

    /// Takes the next packet of this PID; then drain [`Assembler::poll`].
    pub(super) fn push(&mut self, packet: &Packet<'_>) {
        if packet.payload.is_empty() {
            return;
        }
        let last = self.continuity.replace(packet.continuity);
        if !packet.discontinuity
            && let Some(last) = last
        {
            // A packet may be sent twice (§2.4.3.3).
            if packet.continuity == last {
                return;
            }
            if packet.continuity != (last + 1) & 0x0f {
                self.lose();
            }
        }
        if packet.starts {
            self.start(packet);
        } else {
            self.extend(packet.payload);
        }
    }

    /// The next unit that is complete or broken.
    pub(super) fn poll(&mut self) -> Option<Unit> {
        self.ready.pop_front()
    }

    /// Nothing follows: a unit that only its successor would have ended is complete.
    pub(super) fn finish(&mut self) {
        if let Some(Pending { unit, wanted }) = self.pending.take() {
            let broken = unit.broken || wanted.is_some_and(|wanted| unit.payload_len() < wanted);
            self.give(Unit { broken, ..unit });
        }
    }

    fn start(&mut self, packet: &Packet<'_>) {
        let Some(header) = read_header(packet.payload) else {
            self.lose();
            return;
        };
        let goes_on = self.rules.ends_with_the_next && header.pts.is_none();
        if goes_on && let Some(Pending { wanted, .. }) = &mut self.pending {
            *wanted = wanted.zip(header.wanted).map(|(before, more)| before + more);
            self.extend(header.payload);
            return;
        }
        self.finish();
        let room = self.usual_bytes[usize::from(packet.random_access)];
        let mut data = BytesMut::with_capacity(HEADROOM_BYTES + room + room / 8);
        data.put_bytes(0, HEADROOM_BYTES);
        let unit = Unit {
            pts: header.pts,
            dts: header.dts.or(header.pts),
            random_access: packet.random_access,
            broken: false,
            data,
        };
        self.pending = Some(Pending { unit, wanted: header.wanted });
        self.extend(header.payload);
    }

    fn extend(&mut self, payload: &[u8]) {
        let Some(Pending { unit, wanted }) = &mut self.pending else { return };
        if unit.payload_len() + payload.len() > self.rules.bytes_max {
            *wanted = None;
            self.lose();
            return;
        }
        unit.data.extend_from_slice(payload);
        let is_complete = wanted.is_some_and(|wanted| unit.payload_len() >= wanted);
        if is_complete && !self.rules.ends_with_the_next {
            self.finish();
        }
    }

    fn lose(&mut self) {
        if let Some(Pending { unit, wanted }) = self.pending.take() {
            // One that was all there only waited for its successor.
            let broken = wanted.is_none_or(|wanted| unit.payload_len() < wanted);
            self.give(Unit { broken, ..unit });
        }
    }

    fn give(&mut self, unit: Unit) {
        if !unit.broken {
            let usual = unit.payload_len().clamp(USUAL_BYTES_MIN, self.rules.bytes_max);
            self.usual_bytes[usize::from(unit.random_access)] = usual;
        }
        self.ready.push_back(unit);
    }
}

impl Unit {
    fn payload_len(&self) -> usize {
        self.data.len() - HEADROOM_BYTES
    }
}

/// Reads a header that stands whole in one packet, as everybody sends it.
fn read_header(packet: &[u8]) -> Option<Header<'_>> {
    let (&[0, 0, 1, stream_id, high, low], after) = packet.split_first_chunk()? else { return None };
    if !has_fields(stream_id) {
        return None;
    }
    let (&[marker, flags, fields_len], _) = after.split_first_chunk()?;
    if marker & 0xc0 != 0x80 {
        return None;
    }
    let fields_end = 3 + usize::from(fields_len);
    let fields = after.get(3..fields_end)?;
    let time = |at: usize| fields.get(at..)?.first_chunk().map(read_time);
    let pts = if flags & 0x80 != 0 { time(0) } else { None };
    let dts = if flags & 0xc0 == 0xc0 { time(5) } else { None };
    let length = usize::from(u16::from_be_bytes([high, low]));
    let wanted = (length > 0).then(|| length.saturating_sub(fields_end));
    Some(Header { pts, dts, wanted, payload: &after[fields_end..] })
}

/// 33 bits between marker bits.
fn read_time(field: &[u8; 5]) -> u64 {
    let [a, b, c, d, e] = field.map(u64::from);
    (a >> 1 & 0x07) << 30 | b << 22 | (c >> 1) << 15 | d << 7 | e >> 1
}

/// Whether the header of this `stream_id` has times (table 2-21).
fn has_fields(stream_id: u8) -> bool {
    !matches!(stream_id, 0xbc | 0xbe | 0xbf | 0xf0 | 0xf1 | 0xf2 | 0xf8 | 0xff)
}

/// Room for a unit of which nothing is known.
const USUAL_BYTES_MIN: usize = 1 << 10;

//! Transport packets out: payloads cut into packets of 188 bytes, with counters, stuffing and clock references.
//!
//! Spec: ISO/IEC 13818-1 §2.4.3.2–2.4.3.5.

use bytes::{BufMut as _, BytesMut};

use super::packet::{PACKET_BYTES, SYNC};

/// One PID: counts its packets.
#[derive(Debug)]
pub(super) struct Stream {
    pid: u16,
    continuity: u8,
}

/// What stands in the adaptation field of a payload's first packet.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Adaptation {
    /// Decoding can start here.
    pub(super) random_access: bool,
    /// The clock's time, 33 bits of 90 kHz.
    pub(super) clock: Option<u64>,
}

impl Stream {
    pub(super) fn new(pid: u16) -> Stream {
        Stream { pid, continuity: 0 }
    }

    pub(super) fn pid(&self) -> u16 {
        self.pid
    }

    /// Writes a section, which is short, into one packet.
    pub(super) fn section(&mut self, section: &[u8], out: &mut BytesMut) {
        let start = out.len();
        self.header(true, PAYLOAD, out);
        out.put_u8(0); // pointer_field
        out.put_slice(section);
        out.put_bytes(STUFFING, PACKET_BYTES - (out.len() - start));
    }

    /// Writes a PES packet of `header` and `body`.
    pub(super) fn payload(&mut self, adaptation: Adaptation, header: &[u8], body: &[u8], out: &mut BytesMut) {
        let mut header = header;
        let mut body = body;
        let mut first = Some(adaptation);
        while !header.is_empty() || !body.is_empty() {
            let adaptation = first.take();
            let fields = adaptation.map_or(0, Adaptation::bytes);
            let taken = (header.len() + body.len()).min(ROOM_BYTES - fields);
            let missing = ROOM_BYTES - taken;
            self.header(adaptation.is_some(), if missing > 0 { BOTH } else { PAYLOAD }, out);
            if missing > 0 {
                adaptation.unwrap_or_default().write(missing, out);
            }
            let of_header = taken.min(header.len());
            out.put_slice(&header[..of_header]);
            out.put_slice(&body[..taken - of_header]);
            (header, body) = (&header[of_header..], &body[taken - of_header..]);
        }
    }

    /// Writes a packet with a clock reference alone.
    pub(super) fn clock(&mut self, clock: u64, out: &mut BytesMut) {
        // Without a payload the counter stands still (§2.4.3.3).
        let continuity = self.continuity.wrapping_sub(1) & 0x0f;
        let [high, low] = self.pid.to_be_bytes();
        out.put_slice(&[SYNC, high, low, ADAPTATION | continuity]);
        Adaptation { random_access: false, clock: Some(clock) }.write(ROOM_BYTES, out);
    }

    fn header(&mut self, starts: bool, content: u8, out: &mut BytesMut) {
        let [high, low] = self.pid.to_be_bytes();
        let start = if starts { 0x40 } else { 0 };
        out.put_slice(&[SYNC, start | high, low, content | self.continuity]);
        self.continuity = (self.continuity + 1) & 0x0f;
    }
}

impl Adaptation {
    /// Bytes that the field needs; 0 when there is nothing to say.
    fn bytes(self) -> usize {
        match (self.random_access, self.clock) {
            (false, None) => 0,
            (true, None) => 2,
            (_, Some(_)) => 2 + CLOCK_BYTES,
        }
    }

    /// Writes the field so that it has `bytes` in all, at least [`Adaptation::bytes`] and at least 1.
    fn write(self, bytes: usize, out: &mut BytesMut) {
        out.put_u8((bytes - 1) as u8);
        if bytes == 1 {
            return;
        }
        let random_access = if self.random_access { 0x40 } else { 0 };
        out.put_u8(random_access | if self.clock.is_some() { 0x10 } else { 0 });
        let mut written = 2;
        if let Some(clock) = self.clock {
            // 33 bits of base, 6 reserved, 9 of extension, which is 0: the base is exact enough.
            out.put_uint((clock & TIME_MASK) << 15 | 0x7e00, CLOCK_BYTES);
            written += CLOCK_BYTES;
        }
        out.put_bytes(STUFFING, bytes - written);
    }
}

/// Times on the wire have 33 bits.
pub(super) const TIME_MASK: u64 = (1 << 33) - 1;

/// Bytes behind the header.
const ROOM_BYTES: usize = PACKET_BYTES - 4;
/// Bytes of a program clock reference.
const CLOCK_BYTES: usize = 6;
const STUFFING: u8 = 0xff;
/// `adaptation_field_control`.
const PAYLOAD: u8 = 0x10;
const ADAPTATION: u8 = 0x20;
const BOTH: u8 = 0x30;

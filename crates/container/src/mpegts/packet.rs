//! Transport packets: finding them in bytes, and reading their headers.
//!
//! Spec: ISO/IEC 13818-1 §2.4.3.2–2.4.3.5.

use std::ops::Deref;

/// Bytes of a transport packet.
pub(super) const PACKET_BYTES: usize = 188;

/// Cuts bytes into transport packets, and finds their beginning again where it was lost.
#[derive(Debug, Default)]
pub(super) struct Framer {
    /// The beginning of a packet whose end has not come, shorter than one.
    carried: Vec<u8>,
    /// How often bytes had to be thrown away.
    pub(super) resynchronised: u64,
    lost: bool,
}

/// One transport packet, where it stands or put together.
pub(super) enum Framed<'a> {
    Here(&'a [u8; PACKET_BYTES]),
    Joined([u8; PACKET_BYTES]),
}

impl Deref for Framed<'_> {
    type Target = [u8; PACKET_BYTES];

    fn deref(&self) -> &[u8; PACKET_BYTES] {
        match self {
            Framed::Here(packet) => packet,
            Framed::Joined(packet) => packet,
        }
    }
}

impl Framer {
    /// The next packet of `rest`, which is moved on; `None` when all is taken.
    pub(super) fn next<'a>(&mut self, rest: &mut &'a [u8]) -> Option<Framed<'a>> {
        loop {
            if !self.carried.is_empty() {
                return self.join(rest);
            }
            self.skip_to_sync(rest);
            let Some((packet, after)) = rest.split_first_chunk::<PACKET_BYTES>() else {
                self.carried.extend_from_slice(rest);
                *rest = &[];
                return None;
            };
            // A sync byte inside of a payload is not followed by another at a packet's distance.
            if self.lost && after.first().is_some_and(|&next| next != SYNC) {
                *rest = &rest[1..];
                continue;
            }
            *rest = after;
            self.lost = false;
            return Some(Framed::Here(packet));
        }
    }

    fn join<'a>(&mut self, rest: &mut &'a [u8]) -> Option<Framed<'a>> {
        let missing = PACKET_BYTES - self.carried.len();
        let (end, after) = rest.split_at(missing.min(rest.len()));
        self.carried.extend_from_slice(end);
        *rest = after;
        let packet = self.carried.as_slice().try_into().ok()?;
        self.carried.clear();
        Some(Framed::Joined(packet))
    }

    fn skip_to_sync(&mut self, rest: &mut &[u8]) {
        let skipped = rest.iter().position(|&byte| byte == SYNC).unwrap_or(rest.len());
        if skipped > 0 {
            self.resynchronised += u64::from(!self.lost);
            self.lost = true;
            *rest = &rest[skipped..];
        }
    }
}

/// What a transport packet's header says, and what follows it.
#[derive(Debug)]
pub(super) struct Packet<'a> {
    pub(super) pid: u16,
    /// `payload_unit_start_indicator`.
    pub(super) starts: bool,
    pub(super) continuity: u8,
    /// `discontinuity_indicator`: the counter may jump here.
    pub(super) discontinuity: bool,
    /// `random_access_indicator`.
    pub(super) random_access: bool,
    pub(super) scrambled: bool,
    /// Empty where the packet has none.
    pub(super) payload: &'a [u8],
}

/// Reads a packet; `None` when it is flagged as damaged or makes no sense.
pub(super) fn read(packet: &[u8; PACKET_BYTES]) -> Option<Packet<'_>> {
    let [sync, high, low, flags, rest @ ..] = packet;
    let (damaged, starts) = (high & 0x80 != 0, high & 0x40 != 0);
    if *sync != SYNC || damaged {
        return None;
    }
    let (mut discontinuity, mut random_access) = (false, false);
    let mut payload: &[u8] = rest;
    if flags & 0x20 != 0 {
        let length = usize::from(rest[0]);
        if length > 0 {
            discontinuity = rest[1] & 0x80 != 0;
            random_access = rest[1] & 0x40 != 0;
        }
        payload = rest.get(1 + length..)?;
    }
    if flags & 0x10 == 0 {
        payload = &[];
    }
    Some(Packet {
        pid: u16::from_be_bytes([high & 0x1f, *low]),
        starts,
        continuity: flags & 0x0f,
        discontinuity,
        random_access,
        scrambled: flags & 0xc0 != 0,
        payload,
    })
}

/// The first byte of every transport packet.
pub(super) const SYNC: u8 = 0x47;

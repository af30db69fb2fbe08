//! Sections, the pieces in which tables come.
//!
//! Spec: ISO/IEC 13818-1 §2.4.4.1, annex A (the CRC).

/// Puts the sections of one PID together.
#[derive(Debug, Default)]
pub(super) struct Sections {
    pending: Vec<u8>,
}

impl Sections {
    /// Takes a packet's payload and gives the sections that are complete with it, their CRC checked.
    pub(super) fn push(&mut self, starts: bool, payload: &[u8]) -> Vec<Vec<u8>> {
        let mut complete = Vec::new();
        if !starts {
            if !self.pending.is_empty() {
                self.pending.extend_from_slice(payload);
                self.take_complete(&mut complete);
            }
            return complete;
        }
        let Some((&pointer, rest)) = payload.split_first() else { return complete };
        let (end, begin) = rest.split_at(usize::from(pointer).min(rest.len()));
        if !self.pending.is_empty() {
            self.pending.extend_from_slice(end);
            self.take_complete(&mut complete);
        }
        self.pending.clear();
        self.pending.extend_from_slice(begin);
        self.take_complete(&mut complete);
        complete
    }

    fn take_complete(&mut self, complete: &mut Vec<Vec<u8>>) {
        while let Some(&[table, high, low]) = self.pending.first_chunk() {
            if table == STUFFING {
                self.pending.clear();
                break;
            }
            let end = 3 + usize::from(u16::from_be_bytes([high & 0x0f, low]));
            if end > SECTION_BYTES_MAX {
                self.pending.clear();
                break;
            }
            if self.pending.len() < end {
                break;
            }
            let section: Vec<u8> = self.pending.drain(..end).collect();
            if crc(&section) == 0 {
                complete.push(section);
            }
        }
    }
}

/// A section in force with its header and CRC. `version` counts changes, modulo 32; the identifier is 1.
pub(super) fn table(id: u8, version: u8, body: &[u8]) -> Vec<u8> {
    let [high, low] = (0xb000 | (HEADER_REST_BYTES + body.len() + CRC_BYTES) as u16).to_be_bytes();
    let mut section = vec![id, high, low, 0, 1, 0xc1 | version << 1, 0, 0];
    section.extend_from_slice(body);
    section.extend(crc(&section).to_be_bytes());
    section
}

/// The CRC of annex A; 0 over a section with its own CRC at the end.
fn crc(bytes: &[u8]) -> u32 {
    bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte) << 24, |crc, _| {
            let carry = crc & 0x8000_0000 != 0;
            (crc << 1) ^ if carry { 0x04c1_1db7 } else { 0 }
        })
    })
}

/// `table_id` of the bytes that fill a packet.
const STUFFING: u8 = 0xff;
/// Bytes of a section of the tables that are read (§2.4.4.4, §2.4.4.9).
const SECTION_BYTES_MAX: usize = 1_024;
/// Bytes of a section's header behind its length.
const HEADER_REST_BYTES: usize = 5;
const CRC_BYTES: usize = 4;

//! A small writer of MPEG-TS, for streams that are wrong in a way of the test's choice.
//!
//! Spec: ISO/IEC 13818-1 §2.4; ISO/IEC 14496-3 §1.A.2.2 (ADTS).

use std::collections::HashMap;

use bytes::Bytes;
use media::{Codec, MediaEvent, Packet, Timescale, Timestamp, Track, nal};

/// The PID of the program map table.
pub const PMT_PID: u16 = 0x1000;
/// The PID of the video.
pub const VIDEO_PID: u16 = 0x100;
/// The PID of the sound.
pub const AUDIO_PID: u16 = 0x101;

/// Writes transport packets and counts their continuity.
#[derive(Debug, Default)]
pub struct Writer {
    continuity: HashMap<u16, u8>,
    version: u8,
    bare: bool,
}

impl Writer {
    /// A writer before the first packet.
    #[must_use]
    pub fn new() -> Writer {
        Writer::default()
    }

    /// A writer of access units without delimiters, as some encoders send them (ISO/IEC 13818-1 §2.14.1 wants them).
    #[must_use]
    pub fn without_delimiters() -> Writer {
        Writer { bare: true, ..Writer::default() }
    }

    /// Both tables, for `streams` of type, PID and descriptors.
    pub fn tables(&mut self, streams: &[(u8, u16, &[u8])]) -> Vec<u8> {
        let [pmt_high, pmt_low] = (0xe000 | PMT_PID).to_be_bytes();
        let pat = section(0, 0, &[0, 1, pmt_high, pmt_low]);
        let mut body = vec![0xe0 | (VIDEO_PID >> 8) as u8, VIDEO_PID as u8, 0xf0, 0];
        for (stream_type, pid, descriptors) in streams {
            body.push(*stream_type);
            body.extend((0xe000 | pid).to_be_bytes());
            body.extend((0xf000 | descriptors.len() as u16).to_be_bytes());
            body.extend_from_slice(descriptors);
        }
        let pmt = section(2, self.version, &body);
        self.version = (self.version + 1) & 0x1f;
        let mut out = Vec::new();
        for (pid, section) in [(0, pat), (PMT_PID, pmt)] {
            let payload: Vec<u8> = std::iter::once(0).chain(section).collect();
            self.payload(pid, &payload, 0xff, false, &mut out);
        }
        out
    }

    /// One PES packet with presentation and decoding time of 33 bits; `bounded` tells its length.
    pub fn pes(&mut self, pid: u16, times: Option<(u64, u64)>, data: &[u8], bounded: bool) -> Vec<u8> {
        let mut fields = Vec::new();
        let flags = match times {
            None => 0,
            Some((pts, dts)) => {
                fields.extend(time(3, pts));
                fields.extend(time(1, dts));
                0xc0
            }
        };
        let length = if bounded { (3 + fields.len() + data.len()) as u16 } else { 0 };
        let stream_id = if pid == AUDIO_PID { 0xc0 } else { 0xe0 };
        let mut packet = vec![0, 0, 1, stream_id];
        packet.extend(length.to_be_bytes());
        packet.extend([0x80, flags, fields.len() as u8]);
        packet.extend(fields);
        packet.extend_from_slice(data);
        let mut out = Vec::new();
        self.payload(pid, &packet, 0, true, &mut out);
        out
    }

    /// Leaves out `packets` of a PID, as if they were lost.
    pub fn lose(&mut self, pid: u16, packets: u8) {
        let count = self.continuity.entry(pid).or_default();
        *count = (*count + packets) & 0x0f;
    }

    /// All of a stream of H.264 and AAC, the tables before each IDR picture.
    ///
    /// # Panics
    /// When a track is of another codec.
    pub fn stream(&mut self, events: &[MediaEvent]) -> Vec<u8> {
        let mut tracks: Vec<Track> = Vec::new();
        let mut out = Vec::new();
        for event in events {
            match event {
                MediaEvent::Tracks(now) => tracks = now.to_vec(),
                MediaEvent::Packet(packet) => {
                    let track = tracks.iter().find(|track| track.id == packet.track).expect("a known track");
                    if packet.random_access && track.is_video() || out.is_empty() {
                        let streams = tracks.iter().map(|track| match track.codec {
                            Codec::H264(_) => (0x1b, VIDEO_PID, &[][..]),
                            _ => (0x0f, AUDIO_PID, &[][..]),
                        });
                        out.extend(self.tables(&streams.collect::<Vec<_>>()));
                    }
                    let times = Some((ticks(packet.pts), ticks(packet.dts)));
                    let (pid, data) = match &track.codec {
                        Codec::H264(h264) => {
                            let mut data = annex_b(packet, &h264.parameter_sets());
                            if self.bare {
                                data.drain(..DELIMITER_BYTES);
                            }
                            (VIDEO_PID, data)
                        }
                        Codec::Aac(aac) => (AUDIO_PID, adts(&aac.asc, &packet.data)),
                        other => panic!("{} is not written", other.name()),
                    };
                    out.extend(self.pes(pid, times, &data, pid == AUDIO_PID));
                }
                MediaEvent::End(_) => {}
            }
        }
        out
    }

    fn payload(&mut self, pid: u16, payload: &[u8], filling: u8, adapt: bool, out: &mut Vec<u8>) {
        for (index, piece) in payload.chunks(184).enumerate() {
            let continuity = self.continuity.entry(pid).or_default();
            let starts = if index == 0 { 0x40 } else { 0 };
            let missing = 184 - piece.len();
            let adapted = adapt && missing > 0;
            let flags = if adapted { 0x30 } else { 0x10 } | *continuity;
            *continuity = (*continuity + 1) & 0x0f;
            out.extend([0x47, starts | (pid >> 8) as u8, pid as u8, flags]);
            if adapted {
                out.push((missing - 1) as u8);
                if missing > 1 {
                    out.push(0);
                    out.extend(std::iter::repeat_n(0xff, missing - 2));
                }
            }
            out.extend_from_slice(piece);
            if !adapted {
                out.extend(std::iter::repeat_n(filling, missing));
            }
        }
    }
}

/// An access unit as a byte stream, with a delimiter, and with the parameter sets before an IDR picture.
#[must_use]
pub fn annex_b(packet: &Packet, sets: &(Vec<Bytes>, Vec<Bytes>)) -> Vec<u8> {
    let mut data = vec![0, 0, 0, 1, nal::AUD, 0xf0];
    if packet.random_access {
        for set in sets.0.iter().chain(&sets.1) {
            data.extend([0, 0, 0, 1]);
            data.extend_from_slice(set);
        }
    }
    for unit in nal::length_prefixed_units(&packet.data, 4).flatten() {
        data.extend([0, 0, 1]);
        data.extend_from_slice(unit);
    }
    data
}

/// An access unit delimiter with its start code.
const DELIMITER_BYTES: usize = 6;

/// A raw access unit of AAC behind an ADTS header made of its configuration.
#[must_use]
pub fn adts(asc: &[u8], data: &[u8]) -> Vec<u8> {
    let (object_type, rate) = (asc[0] >> 3, (asc[0] & 7) << 1 | asc[1] >> 7);
    let channels = asc[1] >> 3 & 0x0f;
    let len = (data.len() + 7) as u16;
    let mut frame = vec![
        0xff,
        0xf1,
        (object_type - 1) << 6 | rate << 2 | channels >> 2,
        (channels & 3) << 6 | (len >> 11) as u8,
        (len >> 3) as u8,
        (len as u8) << 5 | 0x1f,
        0xfc,
    ];
    frame.extend_from_slice(data);
    frame
}

/// A time on the wire; a second is added, so that B-frames need no time below zero.
#[must_use]
pub fn ticks(at: Timestamp) -> u64 {
    ((at.ticks(Timescale::MPEG) + 90_000) as u64) & ((1 << 33) - 1)
}

fn time(prefix: u8, ticks: u64) -> [u8; 5] {
    let part = |shift: u32| (ticks >> shift) as u8;
    [prefix << 4 | part(29) & 0x0e | 1, part(22), part(14) | 1, part(7), part(0) << 1 | 1]
}

fn section(table: u8, version: u8, body: &[u8]) -> Vec<u8> {
    let mut section = vec![table];
    section.extend((0xb000 | (body.len() + 9) as u16).to_be_bytes());
    section.extend([0, 1, 0xc1 | version << 1, 0, 0]);
    section.extend_from_slice(body);
    let crc = section.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte) << 24, |crc, _| {
            let carry = crc & 0x8000_0000 != 0;
            (crc << 1) ^ if carry { 0x04c1_1db7 } else { 0 }
        })
    });
    section.extend(crc.to_be_bytes());
    section
}

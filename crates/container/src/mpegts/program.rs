//! The tables that say what a stream holds.
//!
//! Spec: ISO/IEC 13818-1 §2.4.4.4 (PAT), §2.4.4.9 (PMT), §2.6 (descriptors), table 2-34 (stream types).

use media::Opus;

use super::Error;

/// The PID of the program association table.
pub(super) const PAT_PID: u16 = 0;

/// The streams of a program that are taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Program {
    pub(super) video: Option<(u16, VideoKind)>,
    pub(super) audio: Option<(u16, AudioKind)>,
    /// There are more of a kind, which are left out.
    pub(super) further: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum VideoKind {
    H264,
    Hevc,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum AudioKind {
    Adts,
    Opus(Opus),
    /// MPEG audio, layer II or III, which players do not take.
    Mpeg,
    /// AC-3, which most players do not take.
    Ac3,
}

impl AudioKind {
    /// Players take it as it is.
    fn is_playable(&self) -> bool {
        matches!(self, AudioKind::Adts | AudioKind::Opus(_))
    }
}

/// What a stream of the table is.
enum Kind {
    Video(VideoKind),
    Audio(AudioKind),
    OtherVideo(&'static str),
    OtherAudio(&'static str),
    /// Captions, cues, metadata.
    Data,
}

/// The PID of the first program's table; `None` in a section that is no PAT in force or names none.
pub(super) fn read_pat(section: &[u8]) -> Option<u16> {
    let programs = table(section, PAT_TABLE)?;
    programs.chunks_exact(4).find_map(|program| {
        let number = u16::from_be_bytes([program[0], program[1]]);
        let pid = u16::from_be_bytes([program[2] & 0x1f, program[3]]);
        // Number 0 names the network's own table.
        (number != 0).then_some(pid)
    })
}

/// The program of a PMT; `None` in a section that is none in force.
///
/// # Errors
/// When it holds nothing that can be taken, or sound or picture only in a codec that is not read.
pub(super) fn read_pmt(section: &[u8]) -> Option<Result<Program, Error>> {
    let body = table(section, PMT_TABLE)?;
    let &[_, _, high, low] = body.first_chunk()?;
    let mut rest = body.get(4 + length(high, low)..)?;
    let mut program = Program::default();
    let (mut other_video, mut other_audio) = (None, None);
    while let Some((&[stream_type, pid_high, pid_low, high, low], after)) = rest.split_first_chunk() {
        let descriptors = after.get(..length(high, low))?;
        rest = &after[descriptors.len()..];
        let pid = u16::from_be_bytes([pid_high & 0x1f, pid_low]);
        match kind(stream_type, descriptors) {
            Kind::Video(_) if program.video.is_some() => program.further = true,
            Kind::Audio(kind) if program.audio.is_some() => {
                program.further = true;
                let better = program.audio.as_ref().is_some_and(|(_, first)| !first.is_playable());
                if better && kind.is_playable() {
                    program.audio = Some((pid, kind));
                }
            }
            Kind::Video(kind) => program.video = Some((pid, kind)),
            Kind::Audio(kind) => program.audio = Some((pid, kind)),
            Kind::OtherVideo(name) => other_video = other_video.or(Some(name)),
            Kind::OtherAudio(name) => other_audio = other_audio.or(Some(name)),
            Kind::Data => {}
        }
    }
    let refused_video = other_video.filter(|_| program.video.is_none());
    let refused_audio = other_audio.filter(|_| program.audio.is_none());
    program.further |= other_video.or(other_audio).is_some();
    Some(match refused_video.or(refused_audio) {
        Some(codec) => Err(Error::UnsupportedCodec { codec }),
        None if program.video.is_none() && program.audio.is_none() => Err(Error::NoMedia),
        None => Ok(program),
    })
}

/// The body of a table in force, without its header and CRC.
fn table(section: &[u8], id: u8) -> Option<&[u8]> {
    let header: &[u8; HEADER_BYTES] = section.first_chunk()?;
    let in_force = header[5] & 1 == 1;
    if header[0] != id || !in_force {
        return None;
    }
    section.get(HEADER_BYTES..section.len().checked_sub(CRC_BYTES)?)
}

fn kind(stream_type: u8, descriptors: &[u8]) -> Kind {
    match stream_type {
        0x1b => Kind::Video(VideoKind::H264),
        0x24 => Kind::Video(VideoKind::Hevc),
        0x0f => Kind::Audio(AudioKind::Adts),
        0x06 => private(descriptors),
        0x01 => Kind::OtherVideo("MPEG-1 video"),
        0x02 => Kind::OtherVideo("MPEG-2 video"),
        0x10 => Kind::OtherVideo("MPEG-4 Part 2 video"),
        0x21 => Kind::OtherVideo("JPEG 2000 video"),
        0x33 => Kind::OtherVideo("VVC video"),
        0x42 | 0xd2 | 0xd4 => Kind::OtherVideo("AVS video"),
        0xd1 => Kind::OtherVideo("Dirac video"),
        0xea => Kind::OtherVideo("VC-1 video"),
        0x03 | 0x04 => Kind::Audio(AudioKind::Mpeg),
        0x11 | 0x1c => Kind::OtherAudio("AAC in LATM"),
        0x81 => Kind::Audio(AudioKind::Ac3),
        0xc1 => Kind::OtherAudio("encrypted AC-3 audio"),
        0x84 | 0x87 | 0xc2 => Kind::OtherAudio("E-AC-3 audio"),
        0x82 | 0x85 | 0x86 if registered(descriptors, b"DTS1") => Kind::OtherAudio("DTS audio"),
        0x83 => Kind::OtherAudio("TrueHD or LPCM audio"),
        _ => Kind::Data,
    }
}

/// What private data is, as its descriptors say.
fn private(descriptors: &[u8]) -> Kind {
    if registered(descriptors, b"Opus") {
        let code = descriptors_of(descriptors).find_map(|(tag, body)| match (tag, body) {
            (EXTENSION, [EXTENSION_OPUS, code, ..]) => Some(*code),
            _ => None,
        });
        // Without the code it is stereo, which is what everybody sends.
        return match Opus::from_ts_channel_config(code.unwrap_or(2)) {
            Ok(opus) => Kind::Audio(AudioKind::Opus(opus)),
            Err(_) => Kind::OtherAudio("Opus with a channel mapping of its own"),
        };
    }
    if registered(descriptors, b"HEVC") {
        return Kind::Video(VideoKind::Hevc);
    }
    if registered(descriptors, b"AV01") {
        return Kind::OtherVideo("AV1 in MPEG-TS");
    }
    descriptors_of(descriptors)
        .find_map(|(tag, body)| match (tag, body) {
            (0x6a, _) | (REGISTRATION, b"AC-3") => Some(Kind::Audio(AudioKind::Ac3)),
            (0x7a, _) => Some(Kind::OtherAudio("E-AC-3 audio")),
            (0x7b, _) => Some(Kind::OtherAudio("DTS audio")),
            (REGISTRATION, b"BSSD") => Some(Kind::OtherAudio("SMPTE 302M audio")),
            _ => None,
        })
        .unwrap_or(Kind::Data)
}

fn registered(descriptors: &[u8], format: &[u8; 4]) -> bool {
    descriptors_of(descriptors).any(|(tag, body)| tag == REGISTRATION && body.starts_with(format))
}

/// Tags and bodies, as far as they are whole.
fn descriptors_of(mut rest: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        let (&[tag, len], after) = rest.split_first_chunk()?;
        let body = after.get(..usize::from(len))?;
        rest = &after[body.len()..];
        Some((tag, body))
    })
}

fn length(high: u8, low: u8) -> usize {
    usize::from(u16::from_be_bytes([high & 0x0f, low]))
}

/// Bytes of a section before its own fields.
const HEADER_BYTES: usize = 8;
const CRC_BYTES: usize = 4;
const PAT_TABLE: u8 = 0;
const PMT_TABLE: u8 = 2;
const REGISTRATION: u8 = 0x05;
const EXTENSION: u8 = 0x7f;
const EXTENSION_OPUS: u8 = 0x80;

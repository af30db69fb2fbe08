//! `Tracks`: which there are and how they are coded.
//!
//! Spec: RFC 9559 §5.1.4; Matroska codec mappings.

use bytes::Bytes;
use media::{Opus, ParameterError, Span, Timescale};

use super::Error;
use super::ebml::{elements, text, unsigned};
use crate::fmp4::{Coding, Family};

/// The first video and the first audio track, one of them at least.
#[derive(Debug)]
pub(super) struct Tracks {
    pub(super) video: Option<Track>,
    pub(super) audio: Option<Track>,
}

/// One track before its blocks.
#[derive(Debug)]
pub(super) struct Track {
    /// `TrackNumber`.
    pub(super) number: u64,
    pub(super) coding: Coding,
    /// The blocks have start codes, since the track has no record that tells of lengths.
    pub(super) annex_b: bool,
    /// What a decoder makes before the first that is to be heard: times of blocks count it.
    pub(super) delay: Span,
    /// What every frame begins with and the file leaves out.
    pub(super) stripped: Bytes,
}

/// A `TrackEntry` as it stands.
#[derive(Debug, Default)]
struct Entry<'a> {
    number: u64,
    kind: u64,
    codec: String,
    record: &'a [u8],
    delay_ns: u64,
    encodings: Option<&'a [u8]>,
}

impl Tracks {
    /// Reads the body of `Tracks`, which begins at `at`.
    pub(super) fn read(body: &[u8], at: u64) -> Result<Tracks, Error> {
        let wrong = |problem| Error::Element { at, problem };
        let (mut video, mut audio) = (None, None);
        for (count, element) in elements(body).enumerate() {
            let (id, body) = element.map_err(wrong)?;
            if count >= TRACKS_MAX {
                return Err(wrong("more than 64 elements in 'Tracks'"));
            }
            if id != TRACK_ENTRY {
                continue;
            }
            let entry = Entry::read(body).map_err(wrong)?;
            let place = match entry.kind {
                VIDEO => &mut video,
                AUDIO => &mut audio,
                _ => continue,
            };
            if place.is_none() {
                *place = Some(entry.track(at)?);
            }
        }
        if video.is_none() && audio.is_none() {
            return Err(Error::NoTracks { at });
        }
        Ok(Tracks { video, audio })
    }
}

impl<'a> Entry<'a> {
    fn read(body: &'a [u8]) -> Result<Entry<'a>, &'static str> {
        let mut entry = Entry::default();
        for element in elements(body) {
            match element? {
                (TRACK_NUMBER, body) => entry.number = unsigned(body),
                (TRACK_TYPE, body) => entry.kind = unsigned(body),
                (CODEC_ID, body) => entry.codec = text(body),
                (CODEC_PRIVATE, body) => entry.record = body,
                (CODEC_DELAY, body) => entry.delay_ns = unsigned(body),
                (CONTENT_ENCODINGS, body) => entry.encodings = Some(body),
                _ => {}
            }
        }
        Ok(entry)
    }

    fn track(&self, at: u64) -> Result<Track, Error> {
        let known = CODECS.iter().find(|(name, _)| self.codec == *name);
        let Some(&(codec, family)) = known else {
            return Err(Error::UnsupportedCodec { codec: codec_name(&self.codec) });
        };
        let bad = |source| Error::BadConfiguration { codec, at, source };
        if self.record.len() > CONFIGURATION_BYTES_MAX {
            let bytes = self.record.len() as u64;
            return Err(Error::TooLarge {
                id: CODEC_PRIVATE,
                at,
                bytes,
                max: CONFIGURATION_BYTES_MAX as u64,
            });
        }
        let annex_b = self.record.is_empty() && matches!(family, Family::H264 | Family::Hevc);
        let coding = match family {
            _ if annex_b => Ok(Coding { family, nal_length_size: 4, codec: None }),
            Family::Opus => {
                Opus::from_head(self.record).and_then(|opus| Coding::read(Family::Opus, opus.dops))
            }
            // AV1 may leave it to the samples.
            Family::Av1 if self.record.is_empty() => Ok(Coding { family, nal_length_size: 4, codec: None }),
            _ if self.record.is_empty() => Err(ParameterError::MissingHeader),
            _ => Coding::read(family, Bytes::copy_from_slice(self.record)),
        };
        let delay_us = i64::try_from(self.delay_ns / 1_000).unwrap_or(0).min(DELAY_US_MAX);
        Ok(Track {
            number: self.number,
            coding: coding.map_err(bad)?,
            annex_b,
            delay: Span::from_ticks(delay_us, MICROSECONDS),
            stripped: self.encodings.map_or(Ok(Bytes::new()), |body| stripped(body, at))?,
        })
    }
}

/// What was taken from the front of every frame; all other encodings are refused.
fn stripped(encodings: &[u8], at: u64) -> Result<Bytes, Error> {
    let wrong = |problem| Error::Element { at, problem };
    let refused = Error::UnsupportedCodec { codec: "a compressed or encrypted track".to_owned() };
    let mut bytes = Bytes::new();
    for encoding in elements(encodings) {
        let (id, encoding) = encoding.map_err(wrong)?;
        if id != CONTENT_ENCODING {
            continue;
        }
        let compression = elements(encoding)
            .find_map(|element| Some(element.ok()?).filter(|it| it.0 == CONTENT_COMPRESSION));
        let Some((_, compression)) = compression else { return Err(refused) };
        let (mut algorithm, mut settings) = (0, &[][..]);
        for element in elements(compression) {
            match element.map_err(wrong)? {
                (CONTENT_COMP_ALGO, body) => algorithm = unsigned(body),
                (CONTENT_COMP_SETTINGS, body) => settings = body,
                _ => {}
            }
        }
        if algorithm != HEADER_STRIPPING || !bytes.is_empty() || settings.len() > STRIPPED_BYTES_MAX {
            return Err(refused);
        }
        bytes = Bytes::copy_from_slice(settings);
    }
    Ok(bytes)
}

fn codec_name(id: &str) -> String {
    let name = match id {
        "V_VP8" => "VP8",
        "V_VP9" => "VP9",
        "V_THEORA" => "Theora",
        "V_MPEG1" | "V_MPEG2" => "MPEG-2 video",
        "V_MPEG4/ISO/SP" | "V_MPEG4/ISO/ASP" | "V_MPEG4/ISO/AP" => "MPEG-4 Visual",
        "V_PRORES" => "ProRes",
        "V_MJPEG" => "Motion JPEG",
        "A_VORBIS" => "Vorbis",
        "A_FLAC" => "FLAC",
        "A_MPEG/L3" => "MP3",
        "A_MPEG/L2" | "A_MPEG/L1" => "MP2",
        "A_AC3" | "A_EAC3" => "AC-3",
        "A_DTS" => "DTS",
        "A_TRUEHD" => "TrueHD",
        _ if id.starts_with("A_PCM") => "uncompressed sound",
        _ => return format!("the codec '{}'", id.escape_default()),
    };
    name.to_owned()
}

/// `CodecID` of what is read.
const CODECS: [(&str, Family); 5] = [
    ("V_MPEG4/ISO/AVC", Family::H264),
    ("V_MPEGH/ISO/HEVC", Family::Hevc),
    ("V_AV1", Family::Av1),
    ("A_AAC", Family::Aac),
    ("A_OPUS", Family::Opus),
];

const TRACK_ENTRY: u32 = 0xae;
const TRACK_NUMBER: u32 = 0xd7;
const TRACK_TYPE: u32 = 0x83;
const CODEC_ID: u32 = 0x86;
const CODEC_PRIVATE: u32 = 0x63a2;
const CODEC_DELAY: u32 = 0x56aa;
const CONTENT_ENCODINGS: u32 = 0x6d80;
const CONTENT_ENCODING: u32 = 0x6240;
const CONTENT_COMPRESSION: u32 = 0x5034;
const CONTENT_COMP_ALGO: u32 = 0x4254;
const CONTENT_COMP_SETTINGS: u32 = 0x4255;

/// `TrackType`.
const VIDEO: u64 = 1;
const AUDIO: u64 = 2;

/// `ContentCompAlgo`: frames begin with the same bytes, which stand in the settings.
const HEADER_STRIPPING: u64 = 3;
const STRIPPED_BYTES_MAX: usize = 256;

/// Tracks of one file; recorders write up to eight.
const TRACKS_MAX: usize = 64;

/// As in MP4.
const CONFIGURATION_BYTES_MAX: usize = 64 << 10;

/// Opus has 80 ms at most.
const DELAY_US_MAX: i64 = 1_000_000;

const MICROSECONDS: Timescale = match Timescale::new(1_000_000) {
    Some(scale) => scale,
    None => panic!("a million is not 0"),
};

//! The `moov` of an MP4: which tracks there are and how they are coded.
//!
//! Spec: ISO/IEC 14496-12 §8.2 to §8.6, §8.8; ISO/IEC 14496-14 §5.6.

use bytes::Bytes;
use media::{Span, Timescale};

use super::coding::{Coding, Family};
use super::read_error::ReadError;
use super::reader::{Atom, Fields};

/// The first video and the first audio track, one of them at least.
#[derive(Clone, Debug)]
pub(super) struct Movie {
    pub(super) video: Option<MovieTrack>,
    pub(super) audio: Option<MovieTrack>,
}

/// One track before its samples.
#[derive(Clone, Debug)]
pub(super) struct MovieTrack {
    /// `track_ID`.
    pub(super) id: u32,
    pub(super) timescale: Timescale,
    /// What the edit list adds to every time.
    pub(super) shift: Span,
    pub(super) coding: Coding,
    /// By how many degrees players turn the picture clockwise: 0, 90, 180 or 270.
    pub(super) turned: u16,
    /// From `trex`.
    pub(super) default_duration: u32,
    pub(super) default_size: u32,
}

impl Movie {
    /// Reads the body of the `moov` of a fragmented file.
    pub(super) fn read(moov: &Atom<'_>) -> Result<Movie, ReadError> {
        moov.find(0, b"mvex")?.ok_or(ReadError::NotFragmented)?;
        Movie::read_with_tables(moov, |_, _| Ok(()))
    }

    /// Reads the body of any `moov`; `tables` is shown each track that is taken, and its `trak`.
    pub(super) fn read_with_tables(
        moov: &Atom<'_>,
        mut tables: impl FnMut(&MovieTrack, &Atom<'_>) -> Result<(), ReadError>,
    ) -> Result<Movie, ReadError> {
        let mvex = moov.find(0, b"mvex")?;
        let movie_timescale = timescale(&moov.require(0, b"mvhd")?)?;
        let (mut video, mut audio) = (None, None);
        let mut tracks = 0;
        for child in moov.children(0) {
            let child = child?;
            if !child.is(b"trak") {
                continue;
            }
            tracks += 1;
            if tracks > TRACKS_MAX {
                return Err(moov.too_many(tracks, "tracks", TRACKS_MAX));
            }
            let place = match handler(&child)? {
                Some(Handler::Video) => &mut video,
                Some(Handler::Audio) => &mut audio,
                None => continue,
            };
            if place.is_none() {
                let track = read_track(&child, mvex.as_ref(), movie_timescale)?;
                tables(&track, &child)?;
                *place = Some(track);
            }
        }
        if video.is_none() && audio.is_none() {
            return Err(moov.wrong("neither a video nor an audio track in it"));
        }
        Ok(Movie { video, audio })
    }

    /// How its tracks are coded: video, audio.
    pub(super) fn codings(&self) -> (Option<Coding>, Option<Coding>) {
        let coding = |track: &Option<MovieTrack>| track.as_ref().map(|track| track.coding.clone());
        (coding(&self.video), coding(&self.audio))
    }
}

enum Handler {
    Video,
    Audio,
}

/// What the track is for; `None` for text, hints and all else.
fn handler(trak: &Atom<'_>) -> Result<Option<Handler>, ReadError> {
    let mut fields = trak.require(0, b"mdia")?.require(0, b"hdlr")?.fields();
    fields.take(8)?; // version, flags, pre_defined
    Ok(match fields.take(4)? {
        b"vide" => Some(Handler::Video),
        b"soun" => Some(Handler::Audio),
        _ => None,
    })
}

fn read_track(trak: &Atom<'_>, mvex: Option<&Atom<'_>>, movie: Timescale) -> Result<MovieTrack, ReadError> {
    let (id, turned) = track_header(&trak.require(0, b"tkhd")?)?;
    let mdia = trak.require(0, b"mdia")?;
    let media = timescale(&mdia.require(0, b"mdhd")?)?;
    let stsd = mdia.require(0, b"minf")?.require(0, b"stbl")?.require(0, b"stsd")?;
    let shift = match trak.find(0, b"edts")? {
        Some(edts) => {
            edts.find(0, b"elst")?.map_or(Ok(Span::ZERO), |elst| edit_shift(&elst, movie, media))?
        }
        None => Span::ZERO,
    };
    let (default_duration, default_size) = mvex.map_or(Ok((0, 0)), |mvex| defaults(mvex, id))?;
    Ok(MovieTrack {
        id,
        timescale: media,
        shift,
        coding: sample_entry(&stsd)?,
        turned,
        default_duration,
        default_size,
    })
}

/// `track_ID`, and by how much the matrix turns the picture. Other transformations than turns count as none.
fn track_header(tkhd: &Atom<'_>) -> Result<(u32, u16), ReadError> {
    let mut fields = tkhd.fields();
    let (version, _) = fields.version_and_flags()?;
    fields.wide(version)?; // creation_time
    fields.wide(version)?; // modification_time
    let id = fields.u32()?;
    fields.u32()?; // reserved
    fields.wide(version)?; // duration
    fields.take(16)?; // reserved, layer, alternate_group, volume, reserved
    let (a, b) = (fields.u32()? as i32, fields.u32()? as i32);
    let turned = match (a, b) {
        (0, ONE) => 90,
        (MINUS_ONE, 0) => 180,
        (0, MINUS_ONE) => 270,
        _ => 0,
    };
    Ok((id, turned))
}

/// Of `mvhd` and `mdhd`, which begin alike.
fn timescale(header: &Atom<'_>) -> Result<Timescale, ReadError> {
    let mut fields = header.fields();
    let (version, _) = fields.version_and_flags()?;
    fields.wide(version)?;
    fields.wide(version)?;
    Timescale::new(fields.u32()?).ok_or_else(|| header.wrong("its timescale is 0"))
}

/// Empty edits at the start delay a track; the first real one names the time that counts as 0.
fn edit_shift(elst: &Atom<'_>, movie: Timescale, media: Timescale) -> Result<Span, ReadError> {
    let mut fields = elst.fields();
    let (version, _) = fields.version_and_flags()?;
    let mut shift = Span::ZERO;
    for _ in 0..fields.u32()? {
        let duration = fields.wide(version)?;
        let media_time = if version == 0 { i64::from(fields.u32()? as i32) } else { fields.u64()? as i64 };
        fields.u32()?; // media_rate
        if media_time >= 0 {
            return Ok(shift - Span::from_ticks(media_time, media));
        }
        shift += Span::from_ticks(i64::try_from(duration).unwrap_or(i64::MAX), movie);
    }
    Ok(shift)
}

/// `default_sample_duration` and `default_sample_size` of a track.
fn defaults(mvex: &Atom<'_>, id: u32) -> Result<(u32, u32), ReadError> {
    for child in mvex.children(0) {
        let child = child?;
        if !child.is(b"trex") {
            continue;
        }
        let mut fields = child.fields();
        fields.version_and_flags()?;
        if fields.u32()? == id {
            fields.u32()?; // default_sample_description_index
            return Ok((fields.u32()?, fields.u32()?));
        }
    }
    Ok((0, 0))
}

/// The first entry of `stsd`: fragments that name another one are refused where they do.
fn sample_entry(stsd: &Atom<'_>) -> Result<Coding, ReadError> {
    let entry =
        stsd.children(ENTRY_COUNT_BYTES).next().ok_or_else(|| stsd.wrong("no sample entry in it"))??;
    let record = |skip: usize, name: &[u8; 4]| entry.require(skip, name);
    let (family, found) = match &entry.name.0 {
        b"avc1" | b"avc3" => (Family::H264, record(VISUAL_BYTES, b"avcC")?),
        b"hvc1" | b"hev1" => (Family::Hevc, record(VISUAL_BYTES, b"hvcC")?),
        b"av01" => (Family::Av1, record(VISUAL_BYTES, b"av1C")?),
        b"mp4a" => (Family::Aac, sound_descriptors(&entry)?),
        b"Opus" => (Family::Opus, record(audio_bytes(&entry)?, b"dOps")?),
        other => return Err(ReadError::UnsupportedCodec { codec: codec_name(*other) }),
    };
    let body = if family == Family::Aac { audio_specific_config(&found)? } else { found.body };
    let bad = |source| ReadError::BadConfiguration { name: found.name, at: found.at, source };
    if body.len() > CONFIGURATION_BYTES_MAX {
        return Err(found.too_many(body.len() as u64, "bytes", CONFIGURATION_BYTES_MAX as u64));
    }
    Coding::read(family, Bytes::copy_from_slice(body)).map_err(bad)
}

/// The `esds` of a sample entry, which QuickTime puts into `wave`.
fn sound_descriptors<'a>(entry: &Atom<'a>) -> Result<Atom<'a>, ReadError> {
    let skip = audio_bytes(entry)?;
    match entry.find(skip, b"wave")? {
        Some(wave) => wave.require(0, b"esds"),
        None => entry.require(skip, b"esds"),
    }
}

/// Bytes of an audio sample entry before its boxes: QuickTime's versions 1 and 2 have more fields.
fn audio_bytes(entry: &Atom<'_>) -> Result<usize, ReadError> {
    let mut fields = entry.fields();
    fields.take(8)?; // reserved, data_reference_index
    match fields.take(2)? {
        [0, 0] => Ok(AUDIO_BYTES),
        [0, 1] => Ok(AUDIO_BYTES + 16),
        [0, 2] => Ok(AUDIO_BYTES + 36),
        _ => Err(entry.wrong("an unknown version of the audio sample entry, expected 0, 1 or 2")),
    }
}

/// The `DecoderSpecificInfo` in the descriptors of `esds` (ISO/IEC 14496-1 §7.2.6).
fn audio_specific_config<'a>(esds: &Atom<'a>) -> Result<&'a [u8], ReadError> {
    let mut fields = esds.fields();
    fields.version_and_flags()?;
    descriptor(esds, &mut fields, ES_DESCRIPTOR)?;
    fields.take(2)?; // ES_ID
    let flags = fields.u8()?;
    if flags & 0x80 != 0 {
        fields.take(2)?; // dependsOn_ES_ID
    }
    if flags & 0x40 != 0 {
        let length = fields.u8()?;
        fields.take(length.into())?; // URL
    }
    if flags & 0x20 != 0 {
        fields.take(2)?; // OCR_ES_Id
    }
    descriptor(esds, &mut fields, DECODER_CONFIG)?;
    let object = fields.u8()?;
    if !matches!(object, MPEG4_AUDIO | MPEG2_AAC_MAIN..=MPEG2_AAC_SSR) {
        let name = if matches!(object, 0x69 | 0x6b) { "MP3" } else { "this kind of MPEG-4 audio" };
        return Err(ReadError::UnsupportedCodec { codec: name.to_owned() });
    }
    fields.take(12)?; // streamType, bufferSizeDB, maxBitrate, avgBitrate
    let length = descriptor(esds, &mut fields, DECODER_SPECIFIC)?;
    fields.take(length)
}

/// Reads the tag and the length of a descriptor.
fn descriptor(esds: &Atom<'_>, fields: &mut Fields<'_>, tag: u8) -> Result<usize, ReadError> {
    if fields.u8()? != tag {
        return Err(
            esds.wrong("another descriptor than ES, decoder configuration, decoder specific information")
        );
    }
    let mut length = 0;
    for _ in 0..4 {
        let byte = fields.u8()?;
        length = length << 7 | usize::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            break;
        }
    }
    Ok(length)
}

fn codec_name(entry: [u8; 4]) -> String {
    match &entry {
        b"vp08" => "VP8".to_owned(),
        b"vp09" => "VP9".to_owned(),
        b"encv" | b"enca" => "encrypted media".to_owned(),
        b"ac-3" | b"ec-3" => "AC-3".to_owned(),
        b"fLaC" => "FLAC".to_owned(),
        b"mp4v" => "MPEG-4 Visual".to_owned(),
        b".mp3" => "MP3".to_owned(),
        b"alac" => "Apple Lossless".to_owned(),
        b"sowt" | b"twos" | b"lpcm" | b"in24" | b"fl32" => "uncompressed sound".to_owned(),
        b"apch" | b"apcn" | b"apcs" | b"apco" | b"ap4h" | b"ap4x" => "ProRes".to_owned(),
        b"jpeg" | b"mjpa" | b"mjpb" => "Motion JPEG".to_owned(),
        b"dvh1" | b"dvhe" => "Dolby Vision".to_owned(),
        _ => format!("the sample entry '{}'", entry.escape_ascii()),
    }
}

/// Tracks of one movie; browsers and encoders write two.
const TRACKS_MAX: u64 = 16;

/// `avcC` with 31 + 255 parameter sets of usual size; real ones have some dozen bytes.
const CONFIGURATION_BYTES_MAX: usize = 64 << 10;

/// 1 and −1 as the first two rows of a matrix write them: 16 bits before the point and 16 behind.
const ONE: i32 = 0x1_0000;
const MINUS_ONE: i32 = -0x1_0000;

/// Fields of `stsd` before its entries.
const ENTRY_COUNT_BYTES: usize = 8;
/// Fields of `VisualSampleEntry` and `AudioSampleEntry` before their boxes.
const VISUAL_BYTES: usize = 78;
const AUDIO_BYTES: usize = 28;

/// Tags of descriptors.
const ES_DESCRIPTOR: u8 = 3;
const DECODER_CONFIG: u8 = 4;
const DECODER_SPECIFIC: u8 = 5;

/// `objectTypeIndication`.
const MPEG4_AUDIO: u8 = 0x40;
const MPEG2_AAC_MAIN: u8 = 0x66;
const MPEG2_AAC_SSR: u8 = 0x68;

//! The only place that knows mp4-atom: its API changes almost monthly.

use bytes::{BufMut, Bytes, BytesMut};
use media::{Aac, Codec, Opus, Picture, Track, TrackId};
use mp4_atom::{
    Atom, Audio, Av01, Av1c, Avc1, Avcc, Codec as SampleEntry, Dinf, Dops, Dref, DrefEntry, Encode, Esds,
    FixedPoint, FourCC, Ftyp, Hdlr, Hvc1, Hvcc, Mdhd, Mdia, Mfhd, Minf, Moof, Moov, Mp4a, Mvex, Mvhd, Pasp,
    Smhd, Stbl, Stco, Stsd, Tfdt, Tfhd, Tkhd, Traf, Trak, Trex, Trun, TrunEntry, TrunSamples, Url, Visual,
    Vmhd, esds,
};

use super::{Error, Fragment, Run};

pub(super) fn init_segment(tracks: &[Track]) -> Result<Bytes, Error> {
    let ftyp = Ftyp {
        major_brand: FourCC::new(b"iso6"),
        minor_version: 0,
        compatible_brands: vec![FourCC::new(b"iso6"), FourCC::new(b"cmfc"), FourCC::new(b"mp41")],
    };
    let moov = Moov {
        mvhd: Mvhd {
            timescale: MOVIE_TIMESCALE,
            rate: 1.into(),
            volume: 1.into(),
            next_track_id: u32::MAX,
            ..Mvhd::default()
        },
        mvex: Some(Mvex { mehd: None, trex: tracks.iter().map(track_extends).collect() }),
        trak: tracks.iter().map(track).collect::<Result<_, _>>()?,
        ..Moov::default()
    };
    let mut file = Vec::with_capacity(1_024);
    ftyp.encode(&mut file)?;
    moov.encode(&mut file)?;
    Ok(file.into())
}

pub(super) fn fragment(fragment: &Fragment<'_>) -> Result<Bytes, Error> {
    let data_len: usize =
        fragment.runs.iter().flat_map(|run| &run.samples).map(|sample| sample.data.len()).sum();
    if data_len > DATA_BYTES_MAX {
        return Err(Error::TooLarge { bytes: data_len, max: DATA_BYTES_MAX });
    }
    let mut runs = fragment.runs.iter().filter(|run| !run.samples.is_empty()).peekable();
    if runs.peek().is_none() {
        return Err(Error::Empty);
    }
    let mut moof =
        Moof { mfhd: Mfhd { sequence_number: fragment.sequence }, traf: runs.map(track_fragment).collect() };
    // The size of `moof` does not depend on the offsets in it, so it is written twice: once to learn the size.
    let mut head = Vec::with_capacity(1_024);
    moof.encode(&mut head)?;
    set_data_offsets(&mut moof, fragment, head.len() + MDAT_HEADER_BYTES);
    head.clear();
    moof.encode(&mut head)?;
    let mut bytes = BytesMut::with_capacity(head.len() + MDAT_HEADER_BYTES + data_len);
    bytes.put_slice(&head);
    bytes.put_u32((MDAT_HEADER_BYTES + data_len) as u32);
    bytes.put_slice(b"mdat");
    for sample in fragment.runs.iter().flat_map(|run| &run.samples) {
        bytes.put_slice(&sample.data);
    }
    Ok(bytes.freeze())
}

pub(super) fn empty_fragment(sequence: u32, run: &Run, duration: u32) -> Result<Bytes, Error> {
    let tfhd = Tfhd {
        track_id: file_id(run.track),
        default_sample_duration: Some(duration),
        duration_is_empty: true,
        default_base_is_moof: true,
        ..Tfhd::default()
    };
    let tfdt = Some(Tfdt { base_media_decode_time: run.base_decode_time });
    let traf = Traf { tfhd, tfdt, ..Traf::default() };
    let mut bytes = Vec::with_capacity(128);
    Moof { mfhd: Mfhd { sequence_number: sequence }, traf: vec![traf] }.encode(&mut bytes)?;
    bytes.put_u32(MDAT_HEADER_BYTES as u32);
    bytes.put_slice(b"mdat");
    Ok(bytes.into())
}

fn track_fragment(run: &Run) -> Traf {
    let entries = run
        .samples
        .iter()
        .map(|sample| TrunEntry {
            duration: Some(sample.duration),
            size: Some(sample.data.len() as u32),
            flags: Some(if sample.sync { SYNC_SAMPLE } else { NON_SYNC_SAMPLE }),
            cts: Some(sample.composition_offset.into()),
        })
        .collect();
    Traf {
        tfhd: Tfhd { track_id: file_id(run.track), default_base_is_moof: true, ..Tfhd::default() },
        tfdt: Some(Tfdt { base_media_decode_time: run.base_decode_time }),
        trun: vec![Trun { data_offset: Some(0), samples: TrunSamples::Explicit(entries) }],
        ..Traf::default()
    }
}

/// Points each run at its data, counted from the start of `moof`; the data of the first run stands at `first`.
fn set_data_offsets(moof: &mut Moof, fragment: &Fragment<'_>, first: usize) {
    let mut at = first;
    let runs = fragment.runs.iter().filter(|run| !run.samples.is_empty());
    for (traf, run) in moof.traf.iter_mut().zip(runs) {
        for trun in &mut traf.trun {
            trun.data_offset = Some(at as i32);
        }
        at += run.samples.iter().map(|sample| sample.data.len()).sum::<usize>();
    }
}

fn file_id(track: TrackId) -> u32 {
    u32::from(track.0) + 1
}

fn track_extends(track: &Track) -> Trex {
    Trex { track_id: file_id(track.id), default_sample_description_index: 1, ..Trex::default() }
}

fn track(track: &Track) -> Result<Trak, Error> {
    let video = track.codec.picture();
    let (width, height) = video.as_ref().map_or((0, 0), display_size);
    let tkhd = Tkhd {
        track_id: file_id(track.id),
        enabled: true,
        in_movie: true,
        volume: if video.is_some() { 0.into() } else { 1.into() },
        width: FixedPoint::new(width, 0),
        height: FixedPoint::new(height, 0),
        ..Tkhd::default()
    };
    let (handler, name) = if video.is_some() { (b"vide", "video") } else { (b"soun", "audio") };
    // An empty `dref` is refused by FFmpeg: the one entry says that the data is in this file.
    let dinf = Dinf { dref: Dref { entries: vec![DrefEntry::Url(Url::default())] } };
    let mdia = Mdia {
        mdhd: Mdhd { timescale: track.timescale.hz(), language: "und".to_owned(), ..Mdhd::default() },
        hdlr: Hdlr { handler: FourCC::new(handler), name: name.to_owned() },
        minf: Minf {
            vmhd: video.map(|_| Vmhd::default()),
            smhd: if video.is_some() { None } else { Some(Smhd::default()) },
            dinf,
            stbl: Stbl {
                stsd: Stsd { codecs: vec![sample_entry(track)?] },
                stco: Some(Stco::default()),
                ..Stbl::default()
            },
            ..Minf::default()
        },
    };
    Ok(Trak { tkhd, mdia, ..Trak::default() })
}

fn sample_entry(track: &Track) -> Result<SampleEntry, Error> {
    let (visual, pasp) = match track.codec.picture() {
        Some(picture) => (visual(track.id, &picture)?, Some(pixel_aspect(&picture))),
        None => (Visual::default(), None),
    };
    Ok(match &track.codec {
        Codec::H264(h264) => {
            let avcc = Avcc::decode_body(&mut h264.avcc.as_ref())?;
            SampleEntry::Avc1(Avc1 { visual, avcc, pasp, ..Avc1::default() })
        }
        Codec::Hevc(hevc) => {
            let hvcc = Hvcc::decode_body(&mut hevc.hvcc.as_ref())?;
            SampleEntry::Hvc1(Hvc1 { visual, hvcc, pasp, ..Hvc1::default() })
        }
        Codec::Av1(av1) => {
            let av1c = Av1c::decode_body(&mut av1.av1c.as_ref())?;
            SampleEntry::Av01(Av01 { visual, av1c, pasp, ..Av01::default() })
        }
        Codec::Aac(aac) => SampleEntry::Mp4a(mp4a(aac)),
        Codec::Opus(opus) => SampleEntry::Opus(opus_entry(opus)?),
        codec => return Err(Error::UnsupportedCodec(codec.name())),
    })
}

fn visual(track: TrackId, picture: &Picture) -> Result<Visual, Error> {
    let (width, height) = (picture.size.width, picture.size.height);
    let side =
        |pixels: u32| u16::try_from(pixels).map_err(|_| Error::PictureTooLarge { track, width, height });
    Ok(Visual { data_reference_index: 1, width: side(width)?, height: side(height)?, ..Visual::default() })
}

fn pixel_aspect(picture: &Picture) -> Pasp {
    let aspect = picture.sample_aspect_ratio;
    Pasp { h_spacing: aspect.num, v_spacing: aspect.den }
}

fn opus_entry(opus: &Opus) -> Result<mp4_atom::Opus, Error> {
    Ok(mp4_atom::Opus {
        audio: Audio {
            data_reference_index: 1,
            channel_count: opus.channels.into(),
            sample_size: 16,
            // Always 48 kHz, whatever was encoded (Opus in ISOBMFF §4.3.1).
            sample_rate: (Opus::SAMPLE_RATE as u16).into(),
        },
        dops: Dops::decode_body(&mut opus.dops.as_ref())?,
        btrt: None,
    })
}

fn mp4a(aac: &Aac) -> Mp4a {
    // 16.16 fixed point cannot hold 88.2 and 96 kHz; readers take the rate from the decoder configuration.
    let sample_rate = u16::try_from(aac.sample_rate).unwrap_or(0);
    let dec_config = esds::DecoderConfig {
        object_type_indication: MPEG4_AUDIO,
        stream_type: AUDIO_STREAM,
        dec_specific: Some(esds::DecoderSpecific { raw: aac.asc.to_vec(), ..Default::default() }),
        ..Default::default()
    };
    Mp4a {
        audio: Audio {
            data_reference_index: 1,
            channel_count: aac.channels.into(),
            sample_size: 16,
            sample_rate: sample_rate.into(),
        },
        esds: Esds { es_desc: esds::EsDescriptor { dec_config, ..Default::default() } },
        btrt: None,
        taic: None,
    }
}

/// The size for players that ignore `pasp`: width stretched to square pixels.
fn display_size(picture: &Picture) -> (u16, u16) {
    let aspect = picture.sample_aspect_ratio;
    let width = u64::from(picture.size.width) * u64::from(aspect.num) / u64::from(aspect.den.max(1));
    (u16::try_from(width).unwrap_or(u16::MAX), u16::try_from(picture.size.height).unwrap_or(u16::MAX))
}

const MOVIE_TIMESCALE: u32 = 1_000;
const MDAT_HEADER_BYTES: usize = 8;

/// Data of one fragment: offsets are signed 32-bit, and `moof` needs some of it.
const DATA_BYTES_MAX: usize = (i32::MAX as usize) - (16 << 20);

/// `sample_depends_on` 2: refers to no other sample (ISO/IEC 14496-12 §8.6.4).
const SYNC_SAMPLE: u32 = 0x0200_0000;
/// `sample_depends_on` 1 and `sample_is_non_sync_sample`.
const NON_SYNC_SAMPLE: u32 = 0x0101_0000;

/// `objectTypeIndication` of ISO/IEC 14496-3 audio.
const MPEG4_AUDIO: u8 = 0x40;
/// `streamType` of audio (ISO/IEC 14496-1 table 6).
const AUDIO_STREAM: u8 = 5;

//! Bytes of a transport stream to media events.

use media::{MediaEvent, Timescale, Timestamp};

use super::Error;
use super::assembly::{Assembly, Counters, Expected, Picture, Warning};
use super::audio::Audio;
use super::packet::{self, Framer, Packet};
use super::pes::{Assembler, Rules, Unit};
use super::program::{self, PAT_PID, Program, VideoKind};
use super::section::Sections;
use super::video::Video;
use crate::stamps::{Stamp, Stamps};

/// Reads one publisher's transport stream; what it gives out keeps the invariants of [`media`].
///
/// The first program of the stream is taken, and of it the first video and the first audio. A transport
/// packet that is missing costs the access unit it was a part of, and, where that was an IDR picture, those
/// up to the next. Times of 33 bits are unwrapped, and continue where the publisher's clock is set back.
#[derive(Debug)]
pub struct Demuxer {
    framer: Framer,
    tables: Tables,
    stamps: Stamps,
    video: Option<VideoStream>,
    audio: Option<AudioStream>,
    assembly: Assembly,
    /// Bytes that came before a program was known.
    before_program: usize,
}

/// What the tables have said so far.
#[derive(Debug, Default)]
struct Tables {
    pat: Sections,
    pmt_pid: Option<u16>,
    pmt: Sections,
    program: Option<Program>,
}

#[derive(Debug)]
struct VideoStream {
    pid: u16,
    kind: VideoKind,
    units: Assembler,
    pictures: Video,
}

#[derive(Debug)]
struct AudioStream {
    pid: u16,
    units: Assembler,
    sound: Audio,
}

impl Default for Demuxer {
    fn default() -> Demuxer {
        Demuxer::new()
    }
}

impl Demuxer {
    /// A demuxer before the first byte.
    #[must_use]
    pub fn new() -> Demuxer {
        Demuxer {
            framer: Framer::default(),
            tables: Tables::default(),
            stamps: Stamps::new(STAMP_BITS, TICKS_PER_MS),
            video: None,
            audio: None,
            assembly: Assembly::default(),
            before_program: 0,
        }
    }

    /// Takes the next bytes, cut anywhere; then drain [`Demuxer::poll`].
    ///
    /// What is damaged is left out and counted.
    ///
    /// # Errors
    /// When the program's codecs are not supported, or no program is found in 1 MiB. Nothing comes out then.
    ///
    /// Spec: ISO/IEC 13818-1 §2.4.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let mut rest = bytes;
        while let Some(packet) = self.framer.next(&mut rest) {
            match packet::read(&packet) {
                Some(packet) => self.packet(&packet)?,
                None => self.assembly.counters.malformed += 1,
            }
        }
        self.assembly.counters.resynchronised = self.framer.resynchronised;
        if self.tables.program.is_none() {
            self.before_program = self.before_program.saturating_add(bytes.len());
            if self.before_program > BEFORE_PROGRAM_BYTES_MAX {
                return Err(Error::NoProgram { bytes: BEFORE_PROGRAM_BYTES_MAX });
            }
        }
        Ok(())
    }

    /// Says that nothing follows, so that the last access units come out.
    pub fn finish(&mut self) {
        if let Some(video) = &mut self.video {
            video.units.finish();
        }
        if let Some(audio) = &mut self.audio {
            audio.units.finish();
        }
        self.take_video();
        self.take_audio();
        self.assembly.finish();
    }

    /// The next event, or `None` until more is pushed.
    pub fn poll(&mut self) -> Option<MediaEvent> {
        self.assembly.poll()
    }

    /// What was left out so far.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.assembly.counters
    }

    /// What the publisher should know so far.
    #[must_use]
    pub fn warnings(&self) -> Vec<Warning> {
        let mut warnings = self.assembly.counters.warnings();
        if self.tables.program.as_ref().is_some_and(|program| program.further) {
            warnings.push(Warning::FurtherStreams);
        }
        warnings
    }

    fn packet(&mut self, packet: &Packet<'_>) -> Result<(), Error> {
        let is_video = self.video.as_ref().is_some_and(|video| video.pid == packet.pid);
        let is_audio = self.audio.as_ref().is_some_and(|audio| audio.pid == packet.pid);
        if packet.scrambled {
            self.assembly.counters.scrambled += u64::from(is_video || is_audio);
            return Ok(());
        }
        if is_video && let Some(video) = &mut self.video {
            video.units.push(packet);
            self.take_video();
        } else if is_audio && let Some(audio) = &mut self.audio {
            audio.units.push(packet);
            self.take_audio();
        } else if packet.pid == PAT_PID {
            for section in self.tables.pat.push(packet.starts, packet.payload) {
                self.tables.take_pat(&section);
            }
        } else if self.tables.pmt_pid == Some(packet.pid) {
            for section in self.tables.pmt.push(packet.starts, packet.payload) {
                if let Some(program) = program::read_pmt(&section) {
                    self.set_program(program?);
                }
            }
        }
        Ok(())
    }

    fn set_program(&mut self, program: Program) {
        if self.tables.program.as_ref() == Some(&program) {
            return;
        }
        let video = self.video.as_ref().map(|video| (video.pid, video.kind));
        if video != program.video {
            self.assembly.interrupt_video();
            self.video = program.video.map(|(pid, kind)| VideoStream {
                pid,
                kind,
                units: Assembler::new(Rules { ends_with_the_next: true, bytes_max: VIDEO_BYTES_MAX }),
                pictures: Video::new(kind),
            });
        }
        let before = self.tables.program.as_ref().and_then(|program| program.audio.as_ref());
        if before != program.audio.as_ref() {
            self.audio = program.audio.clone().map(|(pid, kind)| AudioStream {
                pid,
                units: Assembler::new(Rules { ends_with_the_next: false, bytes_max: AUDIO_BYTES_MAX }),
                sound: Audio::new(kind),
            });
        }
        self.assembly.expect(Expected { video: program.video.is_some(), audio: program.audio.is_some() });
        self.tables.program = Some(program);
    }

    fn take_video(&mut self) {
        while let Some(unit) = self.video.as_mut().and_then(|video| video.units.poll()) {
            self.picture(unit);
        }
    }

    fn picture(&mut self, unit: Unit) {
        let Some(video) = &mut self.video else { return };
        let Unit { pts, dts, random_access, broken, data } = unit;
        if broken {
            self.assembly.counters.broken += 1;
            self.assembly.counters.broken_pictures += 1;
            if random_access || video.pictures.may_be_random_access(&data) {
                self.assembly.interrupt_video();
            }
            return;
        }
        let access_unit = video.pictures.access_unit(data);
        let Some((dts, pts)) = self.times(dts, pts) else { return };
        if let Some(codec) = access_unit.parameters {
            self.assembly.set_video(codec);
        }
        if access_unit.data.is_empty() {
            return;
        }
        let not_idr = random_access && !access_unit.random_access;
        self.assembly.counters.keyframes_not_idr += u64::from(not_idr);
        let (random_access, data) = (access_unit.random_access, access_unit.data);
        self.assembly.picture(Picture { dts, pts, random_access, data });
    }

    fn take_audio(&mut self) {
        while let Some(unit) = self.audio.as_mut().and_then(|audio| audio.units.poll()) {
            self.sound(unit);
        }
    }

    fn sound(&mut self, unit: Unit) {
        let stamp = match unit.pts {
            None => None,
            Some(pts) => match self.times(Some(pts), Some(pts)) {
                Some((at, _)) => Some(at),
                None => return,
            },
        };
        let Some(audio) = &mut self.audio else { return };
        let (access_units, left_out) = audio.sound.push(unit.data, stamp);
        if unit.broken {
            audio.sound.interrupt();
        }
        self.assembly.counters.broken += u64::from(unit.broken);
        self.assembly.counters.malformed += left_out;
        for access_unit in access_units {
            if let Some(codec) = access_unit.parameters {
                self.assembly.set_audio(codec);
            }
            self.assembly.sound(access_unit.stamp, access_unit.length, access_unit.data);
        }
    }

    /// Decoding and presentation time on the clock that goes on.
    fn times(&mut self, dts: Option<u64>, pts: Option<u64>) -> Option<(Timestamp, Timestamp)> {
        let Some((dts, pts)) = dts.zip(pts) else {
            self.assembly.counters.malformed += 1;
            return None;
        };
        let at = match self.stamps.take(dts) {
            Stamp::At(at) => at,
            Stamp::Continued(at) => {
                // Frames refer to what came before the clock was set back only if nothing was lost.
                self.assembly.interrupt_video();
                self.assembly.counters.clock_restarts += 1;
                at
            }
            Stamp::Stale => {
                self.assembly.counters.misplaced += 1;
                return None;
            }
        };
        // A picture is shown when it is decoded or soon after; anything else is a mistake of the encoder's.
        let offset = self.stamps.distance(pts, dts);
        let offset = if offset.abs() <= OFFSET_TICKS_MAX { offset } else { 0 };
        let time = |ticks| Timestamp::from_ticks(ticks, Timescale::MPEG);
        Some((time(at), time(at + offset)))
    }
}

impl Tables {
    fn take_pat(&mut self, section: &[u8]) {
        if let Some(pid) = program::read_pat(section)
            && self.pmt_pid != Some(pid)
        {
            self.pmt_pid = Some(pid);
            self.pmt = Sections::default();
        }
    }
}

/// Of a time stamp, 90 of whose ticks make a millisecond.
const STAMP_BITS: u32 = 33;
const TICKS_PER_MS: i64 = 90;
/// Bytes of an access unit, as much as RTMP's message can have.
const VIDEO_BYTES_MAX: usize = 16 << 20;
/// Bytes of a unit of sound: its length has 16 bits.
const AUDIO_BYTES_MAX: usize = 64 << 10;
/// Tables come at least twice a second: at 16 Mbit/s this is as long.
const BEFORE_PROGRAM_BYTES_MAX: usize = 1 << 20;
/// From decoding to showing at most, in ticks: 10 s.
const OFFSET_TICKS_MAX: i64 = 900_000;

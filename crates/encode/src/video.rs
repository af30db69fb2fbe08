//! Pictures to packets.

use media::{Packet, Timescale, Track, TrackId, VideoFrame};

use crate::config::check_bitrate;
use crate::family::Keyframes;
use crate::list::{Known, candidates};
use crate::probe::Prober;
use crate::scaler::Scaler;
use crate::seat::Seat;
use crate::{Config, Error};

/// An open video encoder: no B-frames, no look-ahead, every keyframe a start.
pub struct Video {
    config: Config,
    encoder: Seat,
    scaler: Scaler,
    /// Ticks between keyframes.
    interval: i64,
    /// The interval the last picture lay in.
    group: Option<i64>,
    /// Those that failed since it was opened.
    failed: Vec<&'static str>,
}

impl Video {
    /// The track every video packet belongs to.
    pub const TRACK: TrackId = TrackId(0);

    /// Opens the first encoder of the choice that is usable: one that is not known to work on this machine is tried in a
    /// process of its own before, which may take up to [`crate::probe::LIMIT`] when a driver hangs.
    ///
    /// # Errors
    /// When a setting is out of range or no encoder opens.
    pub fn open(config: &Config) -> Result<Video, Error> {
        config.check()?;
        start_ffmpeg()?;
        let encoder = first_usable(config, &[])?;
        Ok(Video::of(encoder, config))
    }

    /// Opens one encoder as it is, in a process where nobody is hurt when it breaks.
    pub(crate) fn open_untried(known: &'static Known, config: &Config) -> Result<Video, Error> {
        config.check()?;
        start_ffmpeg()?;
        Ok(Video::of(Seat::open_here(known, config)?, config))
    }

    fn of(encoder: Seat, config: &Config) -> Video {
        let scaler = Scaler::new(config.size, encoder.pixel, media::Colour::Bt709Limited);
        let (config, interval) = (config.clone(), config.interval_ticks());
        Video { config, encoder, scaler, interval, group: None, failed: Vec::new() }
    }

    /// The encoder's name, which [`crate::Choice::Named`] takes.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.encoder.known.name
    }

    /// What it runs on, in words.
    #[must_use]
    pub fn runs_on(&self) -> &'static str {
        self.encoder.known.family.runs_on()
    }

    /// The track that the packets belong to.
    #[must_use]
    pub fn track(&self) -> Track {
        Track { id: Video::TRACK, codec: self.encoder.codec(), timescale: Timescale::MPEG }
    }

    /// Encodes `frame`, or the last picture again without one, as frame number `tick` of the session: its
    /// time is `tick` frame durations after the session's start. Ticks rise.
    ///
    /// Where an encoder cannot be asked for a keyframe, `keyframe` opens it anew with the same settings.
    ///
    /// # Errors
    /// When the frame cannot be converted or the encoder fails.
    pub fn encode(
        &mut self,
        frame: Option<&VideoFrame>,
        tick: i64,
        keyframe: bool,
    ) -> Result<Vec<Packet>, Error> {
        if let Some(frame) = frame {
            self.scaler.take(frame)?;
        }
        let mut packets = Vec::new();
        if keyframe && self.encoder.taken > 0 && self.encoder.known.family.keyframes() == Keyframes::Counted {
            packets = self.reopen()?;
        }
        // Keyframes stand on a grid of time, also where ticks were left out, so that segments cut at them are equally long.
        let group = Some(tick.div_euclid(self.interval));
        let keyframe = keyframe || group != self.group;
        self.group = group;
        packets.extend(self.encoder.encode(self.scaler.picture(), tick, keyframe)?);
        Ok(packets)
    }

    /// Aims at another bit rate from the next picture on, with its buffer of one second.
    ///
    /// Returns what was still inside when the encoder had to be opened anew for it; these packets come before
    /// everything that follows. Then [`Video::track`] may be another one, and the next picture is an IDR.
    ///
    /// # Errors
    /// [`Error::Range`] for a bit rate that [`Video::open`] would refuse, or when the encoder cannot be opened anew; it
    /// goes on with the old one.
    pub fn set_bitrate(&mut self, bps: u32) -> Result<Vec<Packet>, Error> {
        check_bitrate(bps)?;
        let before = std::mem::replace(&mut self.config.bitrate_bps, bps);
        if self.encoder.known.family.changes_rate_live() {
            return self.encoder.set_rate(bps).map(|()| Vec::new());
        }
        self.reopen().inspect_err(|_| self.config.bitrate_bps = before)
    }

    /// Goes on with the next usable encoder of the same codec after this one has failed so. The next picture is an IDR, and
    /// [`Video::track`] may be another one. What was inside is lost. A driver's encoder is not taken again for a day.
    ///
    /// # Errors
    /// When there is none left.
    pub fn replace(&mut self, failure: &Error) -> Result<(), Error> {
        self.failed.push(self.name());
        Prober::of_this_program().remember_failure(self.encoder.known, failure);
        let encoder = first_usable(&self.config, &self.failed)?;
        self.scaler.set_pixel(encoder.pixel)?;
        let broken = std::mem::replace(&mut self.encoder, encoder);
        self.group = None;
        // A driver that failed may hang when it is closed; nothing can end it then, and nobody may wait for it.
        let closing = std::thread::Builder::new().name("failed-encoder".to_owned()).spawn(|| drop(broken));
        if let Err(error) = closing {
            tracing::warn!(%error, "a failed encoder was closed in place");
        }
        Ok(())
    }

    /// Encodes what is still inside.
    ///
    /// # Errors
    /// When the encoder fails.
    pub fn finish(self) -> Result<Vec<Packet>, Error> {
        self.encoder.finish()
    }

    /// The same encoder with the settings of now; returns what the old one held.
    fn reopen(&mut self) -> Result<Vec<Packet>, Error> {
        let opened = Seat::open(self.encoder.known, &self.config)?;
        self.scaler.set_pixel(opened.pixel)?;
        self.group = None;
        std::mem::replace(&mut self.encoder, opened).finish()
    }
}

/// Starts FFmpeg, once.
///
/// # Errors
/// When it does not start.
pub(crate) fn start_ffmpeg() -> Result<(), Error> {
    crate::start_ffmpeg().map_err(|source| Error::Ffmpeg { name: "FFmpeg", step: "starting", source })
}

/// Opens the first encoder of the choice that is usable and not among the failed.
fn first_usable(config: &Config, failed: &[&'static str]) -> Result<Seat, Error> {
    let candidates = candidates(&config.choice, failed)?;
    let prober = Prober::of_this_program();
    let mut refusals = Vec::new();
    for known in &candidates {
        let opened = match prober.verdict(known) {
            Ok(()) => Seat::open(known, config).map_err(|error| error.to_string()),
            Err(reason) => Err(reason),
        };
        match opened {
            Ok(encoder) => return Ok(encoder),
            Err(reason) => {
                tracing::debug!(encoder = known.name, reason, "not usable");
                refusals.push((known.name, reason));
            }
        }
    }
    let (name, reason) = match (&config.choice, &refusals[..]) {
        (crate::Choice::Named(name), [(_, reason)]) => (name.clone(), reason.clone()),
        (crate::Choice::Named(name), _) => (name.clone(), join(&refusals)),
        (crate::Choice::Best(codec), _) => (codec.name().to_owned(), join(&refusals)),
    };
    Err(Error::Unusable { name, reason })
}

fn join(refusals: &[(&'static str, String)]) -> String {
    let all: Vec<String> = refusals.iter().map(|(name, reason)| format!("{name}: {reason}")).collect();
    if all.is_empty() { "no other is left".to_owned() } else { all.join("; ") }
}

#[cfg(test)]
mod tests {
    use media::{MediaEvent, Size, Span, StreamChecker};

    use super::*;
    use crate::Choice;

    fn config() -> Config {
        Config {
            size: Size::new(64, 48),
            fps: 25,
            bitrate_bps: 200_000,
            keyframe_interval: Span::from_secs(1),
            choice: Choice::default(),
        }
    }

    /// The ticks of the keyframes when `ticks` are encoded.
    fn keyframes(ticks: impl Iterator<Item = i64>, ask_at: i64) -> Vec<i64> {
        let mut video = Video::open(&config()).expect("libx264 is there");
        let mut checker = StreamChecker::new();
        checker.check(&MediaEvent::Tracks([video.track()].into())).expect("one track");
        let mut packets = Vec::new();
        for tick in ticks {
            packets.extend(video.encode(None, tick, tick == ask_at).expect("a picture"));
        }
        let rate = Timescale::new(25).expect("not 0");
        packets.extend(video.finish().expect("the end"));
        packets.iter().for_each(|packet| checker.check(&MediaEvent::Packet(packet.clone())).expect("sound"));
        packets.iter().filter(|packet| packet.random_access).map(|packet| packet.pts.ticks(rate)).collect()
    }

    #[test]
    fn keyframes_stand_on_a_grid_of_time() {
        assert_eq!(keyframes(10..80, -1), [10, 25, 50, 75]);
        let with_a_hole = (10..80).filter(|tick| !(40..60).contains(tick));
        assert_eq!(keyframes(with_a_hole, -1), [10, 25, 60, 75]);
    }

    #[test]
    fn a_keyframe_comes_when_asked_for() {
        assert_eq!(keyframes(0..40, 7), [0, 7, 25]);
    }

    #[test]
    fn settings_out_of_range_are_refused() {
        let open = |change: fn(&mut Config)| {
            let mut config = config();
            change(&mut config);
            Video::open(&config).err()
        };
        assert!(matches!(open(|config| config.size.width = 63), Some(Error::Size { .. })));
        assert!(matches!(open(|config| config.fps = 0), Some(Error::Range { .. })));
        assert!(matches!(open(|config| config.bitrate_bps = 10), Some(Error::Range { .. })));
        assert!(matches!(open(|config| config.keyframe_interval = Span::ZERO), Some(Error::Range { .. })));
    }
}

//! The arguments, and how sizes, rates and times are written.

use std::path::PathBuf;
use std::time::Duration;

use broadcast::{AudioInput, EncoderChoice, Grab, PictureSettings, Region, Sound, VideoInput};
use clap::{Args as Group, Parser, Subcommand, ValueEnum};
use media::Size;

use super::picture_arg::PictureArg;
use super::sound_arg::SoundArg;

/// Captures, encodes and publishes one live stream.
#[derive(Debug, Parser)]
#[command(
    name = "rostrum-cast",
    version,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true
)]
pub struct Args {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub broadcast: Broadcast,
}

/// What else the command can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Lists what can be captured.
    Devices {
        /// Prints one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Lists the services that are known: where they take a stream, and what they take.
    Services {
        /// Prints one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Tries the video encoders, and tells which are used and why others are not.
    Encoders {
        /// Prints one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Writes the manual pages, one for each command.
    #[command(hide = true)]
    Man {
        /// A folder that exists.
        folder: PathBuf,
    },
}

/// One broadcast.
#[derive(Debug, Group)]
pub struct Broadcast {
    /// The picture: test, screen, window:ID, camera, camera:ID, file:PATH or none.
    #[arg(long, required_unless_present = "scene")]
    pub video: Option<VideoInput>,
    /// The picture as a scene of several layers, from this JSON file: docs/design/scenes.md says how it is written.
    #[arg(long, value_name = "FILE.json", conflicts_with_all = ["video", "region", "no_cursor"])]
    pub scene: Option<PathBuf>,
    /// Of a screen or window only this part: WIDTHxHEIGHT+LEFT+TOP in pixels.
    #[arg(long)]
    pub region: Option<Region>,
    /// Leaves the mouse pointer out of a screen or window.
    #[arg(long)]
    pub no_cursor: bool,
    /// Lets a Wayland desktop ask again which screen or window is captured: it asks once, and later starts use the same.
    #[arg(long)]
    pub choose_screen: bool,
    /// The sound: mic, mic:ID, system, tone, file:PATH or none. May be given several times, to be mixed; the first one keeps
    /// the time.
    #[arg(long, required = true)]
    pub audio: Vec<AudioInput>,
    /// What is done to the NUMBER-th --audio, e.g. 1:gain=-6,noise=on,delay=120ms. Settings: gain=DB (-60 to 20), noise=on (suppresses
    /// it), compress=DBFS (what is above it), limit=DBFS (no peak passes it), delay=TIME (at most 2s), mute=on.
    #[arg(long, value_name = "NUMBER:SETTING=VALUE,…")]
    pub sound: Vec<SoundArg>,
    /// Width and height in pixels, both even.
    #[arg(long, value_parser = size, default_value = "1280x720")]
    pub size: Size,
    /// Frames per second.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=120))]
    pub fps: u32,
    /// Video bits per second, e.g. 2500k or 2.5M.
    #[arg(long, value_parser = bits, default_value = "2500k")]
    pub bitrate: u32,
    /// Least of them on a weak network, before the picture becomes smaller: a fifth of --bitrate unless set. With as much
    /// as --bitrate nothing follows the network.
    #[arg(long, value_parser = bits)]
    pub bitrate_floor: Option<u32>,
    /// auto (H.264), hevc, av1, or a name from `rostrum-cast encoders`.
    #[arg(long, default_value = "auto")]
    pub encoder: EncoderChoice,
    /// Longest time between keyframes, e.g. 1s or 500ms. What services ask for where it goes to nobody else, else 1s.
    #[arg(long, value_parser = time)]
    pub keyint: Option<Duration>,
    /// Ends after this time, e.g. 30s or 10m; until interrupted without it.
    #[arg(long, value_parser = time)]
    pub duration: Option<Duration>,
    /// Sends where the profile of OBS in this folder sends, with its size, frame rate, bit rate, keyframe interval
    /// and kind of encoder.
    #[arg(long, value_name = "FOLDER")]
    pub from_obs: Option<PathBuf>,
    /// rtmp[s]://HOST[:PORT]/APP/KEY or srt://HOST:PORT[?streamid=…&passphrase=…&latency=MILLISECONDS]; may be given
    /// several times.
    #[arg(long, required_unless_present = "from_obs")]
    pub to: Vec<String>,
    /// Gives the NUMBER-th --to another picture than the others, e.g. 2:size=640x360,bitrate=800k. Settings: size=WIDTHxHEIGHT,
    /// fps=NUMBER, bitrate=BITS, floor=BITS (as --bitrate-floor), encoder=NAME. At most four different pictures are encoded.
    #[arg(long, value_name = "NUMBER:SETTING=VALUE,…")]
    pub picture: Vec<PictureArg>,
    /// Gives each --to whose network carries less than the others' an encode of its own, with a lower bit rate, for as long as
    /// that lasts; without it such a destination loses pictures. Costs one more encode.
    #[arg(long)]
    pub apart_when_weak: bool,
    /// Records to this MP4 too, which must not be there yet.
    #[arg(long, value_name = "FILE.mp4")]
    pub record: Option<PathBuf>,
    /// Sends everything this much later, at most 30s; a recording is not delayed. What is held back at the end is still sent,
    /// unless it is interrupted twice.
    #[arg(long, value_parser = time)]
    pub delay: Option<Duration>,
    /// Keeps the last --replay-length in memory, and saves it here each time the signal USR1 comes: FILE.mp4, FILE-2.mp4, …
    #[arg(long, value_name = "FILE.mp4")]
    pub replay: Option<PathBuf>,
    /// How much --replay keeps, 5s to 5m.
    #[arg(long, value_parser = time, default_value = "30s", requires = "replay")]
    pub replay_length: Duration,
    /// Certificates (PEM) that rtmps:// believes besides the system's.
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// Prints one JSON object each second, and a last one at the end.
    #[arg(long)]
    pub stats: Option<Stats>,
}

impl Broadcast {
    /// The sounds, with what is done to each.
    ///
    /// # Errors
    /// When something is to be done to a sound that is not there, or twice to one.
    pub fn sounds(&self) -> Result<Vec<Sound>, String> {
        let mut sounds: Vec<Sound> = self.audio.iter().cloned().map(Sound::from).collect();
        only_once("--sound", self.sound.iter().map(|sound| sound.number))?;
        for SoundArg { number, settings } in &self.sound {
            let count = sounds.len();
            let sound = number.checked_sub(1).and_then(|index| sounds.get_mut(index));
            let sound = sound
                .ok_or_else(|| format!("--sound {number}: there are {count} of --audio, counted from 1"))?;
            sound.settings = settings.clone();
        }
        Ok(sounds)
    }

    /// What each destination of `--to` gets instead of the others' picture.
    ///
    /// # Errors
    /// When something is asked for a destination that is not there, or twice for one.
    pub fn pictures(&self) -> Result<Vec<Option<PictureSettings>>, String> {
        let others = PictureSettings {
            size: self.size,
            fps: self.fps,
            bitrate_bps: self.bitrate,
            bitrate_floor_bps: self.floor(),
            encoder: self.encoder.clone(),
        };
        only_once("--picture", self.picture.iter().map(|picture| picture.number))?;
        let mut pictures = vec![None; self.to.len()];
        for asked in &self.picture {
            let count = pictures.len();
            let picture = asked.number.checked_sub(1).and_then(|index| pictures.get_mut(index));
            let picture = picture.ok_or_else(|| {
                format!("--picture {}: there are {count} of --to, counted from 1", asked.number)
            })?;
            *picture = Some(asked.settings(&others));
        }
        Ok(pictures)
    }

    /// Least video bits per second on a weak network.
    pub fn floor(&self) -> u32 {
        self.bitrate_floor.unwrap_or(self.bitrate / FLOOR_SHARE)
    }

    /// The picture, with what of it is captured.
    ///
    /// # Errors
    /// When a part is wanted of something that has none.
    pub fn picture(&self) -> Result<VideoInput, String> {
        let grab = Grab { region: self.region, cursor: !self.no_cursor };
        match self.video.clone().unwrap_or(VideoInput::None) {
            VideoInput::Screen(_) => Ok(VideoInput::Screen(grab)),
            VideoInput::Window(id, _) => Ok(VideoInput::Window(id, grab)),
            other if grab == Grab::default() => Ok(other),
            _ => Err("--region and --no-cursor are for --video screen and --video window:ID".to_owned()),
        }
    }
}

/// The second would stand in for all of the first, also for what it does not say.
fn only_once(option: &str, numbers: impl Iterator<Item = usize>) -> Result<(), String> {
    let mut known = Vec::new();
    for number in numbers {
        if known.contains(&number) {
            return Err(format!(
                "{option} {number} is there twice: write all settings into one, with commas"
            ));
        }
        known.push(number);
    }
    Ok(())
}

/// What a weak network gets unless it is said: a picture that can still be followed.
const FLOOR_SHARE: u32 = 5;

/// How statistics are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Stats {
    /// One JSON object a line.
    Json,
}

pub(super) fn size(text: &str) -> Result<Size, String> {
    let sides = text
        .split_once(['x', 'X'])
        .and_then(|(width, height)| Some((width.parse().ok()?, height.parse().ok()?)));
    match sides {
        Some((width, height)) if [width, height].into_iter().all(is_side) => Ok(Size::new(width, height)),
        Some(_) => Err("both sides must be even, and 2 to 8192".to_owned()),
        None => Err("write it like 1280x720".to_owned()),
    }
}

fn is_side(pixels: u32) -> bool {
    (2..=8_192).contains(&pixels) && pixels.is_multiple_of(2)
}

pub(super) fn bits(text: &str) -> Result<u32, String> {
    let wrong = || "write it like 2500k, 2.5M or 2500000".to_owned();
    let (number, unit) = match text.char_indices().next_back() {
        Some((at, 'k' | 'K')) => (&text[..at], 1e3),
        Some((at, 'm' | 'M')) => (&text[..at], 1e6),
        _ => (text, 1.0),
    };
    let value: f64 = number.parse().map_err(|_| wrong())?;
    let bits = (value * unit).round();
    if (1.0..=f64::from(u32::MAX)).contains(&bits) { Ok(bits as u32) } else { Err(wrong()) }
}

pub(super) fn time(text: &str) -> Result<Duration, String> {
    let wrong = || "write it like 30s, 500ms or 10m".to_owned();
    let units = [("ms", 1e-3), ("s", 1.0), ("m", 60.0), ("h", 3_600.0)];
    let unit = units.iter().find_map(|&(unit, seconds)| Some((text.strip_suffix(unit)?, seconds)));
    let (number, seconds) = unit.unwrap_or((text, 1.0));
    let value: f64 = number.parse().map_err(|_| wrong())?;
    if value <= 0.0 {
        return Err("must be more than 0".to_owned());
    }
    Duration::try_from_secs_f64(value * seconds).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Args, clap::Error> {
        Args::try_parse_from(line.split_whitespace())
    }

    #[test]
    fn the_documented_line_is_read() {
        let line = "rostrum-cast --video test --audio tone --size 640x360 --fps 25 --bitrate 1.5M \
                    --keyint 2s --duration 500ms --to rtmp://a/b/c --to rtmp://d/e/f --stats json";
        let args = parse(line).expect("a sound line").broadcast;
        assert_eq!(args.video, Some(VideoInput::Test));
        assert_eq!(args.audio, [AudioInput::Tone]);
        assert_eq!((args.size, args.fps, args.bitrate), (Size::new(640, 360), 25, 1_500_000));
        assert_eq!(
            (args.keyint, args.duration),
            (Some(Duration::from_secs(2)), Some(Duration::from_millis(500)))
        );
        assert_eq!(args.to, ["rtmp://a/b/c", "rtmp://d/e/f"]);
        assert_eq!(args.stats, Some(Stats::Json));
    }

    #[test]
    fn a_part_without_the_pointer_is_of_a_screen_or_window_only() {
        let picture = |video: &str| {
            let line = format!(
                "rostrum-cast --video {video} --region 64x48+2+4 --no-cursor --audio none --to rtmp://a/b/c"
            );
            parse(&line).expect("a sound line").broadcast.picture()
        };
        let region = "64x48+2+4".parse().ok();
        assert_eq!(picture("screen"), Ok(VideoInput::Screen(Grab { region, cursor: false })));
        assert!(matches!(picture("window:0x5"), Ok(VideoInput::Window(_, Grab { cursor: false, .. }))));
        assert!(picture("camera").expect_err("a camera has no parts").contains("--region"));
    }

    #[test]
    fn a_scene_stands_for_the_picture() {
        let args = parse("rostrum-cast --scene a.json --audio none --to rtmp://a/b/c").expect("a sound line");
        assert_eq!((args.broadcast.scene, args.broadcast.video), (Some("a.json".into()), None));
    }

    #[test]
    fn a_destination_has_a_picture_of_its_own() {
        let pictures = |rest: &str| {
            let line =
                format!("rostrum-cast --video test --audio none --to rtmp://a/b/c --to rtmp://d/e/f {rest}");
            parse(&line).expect("a sound line").broadcast.pictures()
        };
        let both = pictures("--picture 2:bitrate=800k").expect("both are there");
        assert_eq!(both[0], None);
        assert_eq!(
            both[1].as_ref().map(|it| (it.bitrate_bps, it.bitrate_floor_bps)),
            Some((800_000, 160_000))
        );
        assert!(pictures("--picture 3:fps=15").expect_err("there are two").contains("2 of --to"));
        let twice = pictures("--picture 2:fps=15 --picture 2:bitrate=1M");
        assert!(twice.expect_err("the first would be forgotten").contains("is there twice"));
    }

    #[test]
    fn sounds_are_mixed_as_they_are_asked_for() {
        let sounds = |rest: &str| {
            let line = format!(
                "rostrum-cast --video none --to rtmp://a/b/c --audio mic --audio file:/a,b=1:c.wav {rest}"
            );
            parse(&line).expect("a sound line").broadcast.sounds()
        };
        let mixed = sounds("--sound 2:gain=-6.5,delay=120ms").expect("both are there");
        assert_eq!(mixed[0], Sound::from(AudioInput::Microphone(None)));
        assert_eq!(mixed[1].input, AudioInput::File("/a,b=1:c.wav".into()));
        assert_eq!((mixed[1].settings.gain_db, mixed[1].settings.delay), (-6.5, Duration::from_millis(120)));
        for missing in ["--sound 3:gain=1", "--sound 0:gain=1"] {
            assert!(sounds(missing).expect_err("there are two").contains("2 of --audio"));
        }
        let twice = sounds("--sound 2:gain=1 --sound 2:noise=on").expect_err("the first would be forgotten");
        assert!(twice.contains("--sound 2 is there twice"), "{twice}");
    }

    #[test]
    fn the_lists_need_nothing_else() {
        assert!(matches!(
            parse("rostrum-cast devices --json").expect("a sound line").command,
            Some(Command::Devices { json: true })
        ));
    }

    #[test]
    fn wrong_use_is_refused_with_what_is_accepted() {
        for (line, word) in [
            ("rostrum-cast --video desktop --audio none --to rtmp://a/b/c", "test, screen, window:ID"),
            (
                "rostrum-cast --video screen --region 5x5 --audio none --to rtmp://a/b/c",
                "WIDTHxHEIGHT+LEFT+TOP",
            ),
            ("rostrum-cast --video test --audio flute --to rtmp://a/b/c", "mic, mic:ID, system, tone"),
            ("rostrum-cast --video test --audio mic --sound 1:echo=on --to rtmp://a/b/c", "gain=DB"),
            ("rostrum-cast --video test --audio mic --sound gain=3 --to rtmp://a/b/c", "NUMBER"),
            ("rostrum-cast --video test --audio none --to rtmp://a/b/c --size 641x360", "even"),
            ("rostrum-cast --video test --audio none --to rtmp://a/b/c --size 8194x360", "8192"),
            ("rostrum-cast --video test --audio none --to rtmp://a/b/c --bitrate fast", "2500k"),
            ("rostrum-cast --video test --audio none --to rtmp://a/b/c --keyint 0s", "more than 0"),
            ("rostrum-cast --video test --audio none", "--to"),
            ("rostrum-cast --video test --scene a.json --audio none --to rtmp://a/b/c", "--scene"),
            ("rostrum-cast --audio none --to rtmp://a/b/c", "--video"),
            ("rostrum-cast --video test --audio none --to rtmp://a/b/c --record", "--record"),
        ] {
            let error = parse(line).expect_err("wrong use");
            assert_eq!(error.exit_code(), 2);
            assert!(error.to_string().contains(word), "{line}: {error}");
        }
    }
}

//! How the picture of one destination is written.

use std::str::FromStr;

use broadcast::{EncoderChoice, PictureSettings};
use media::Size;

use super::args::{bits, size};

/// `NUMBER:SETTING=VALUE,…`
#[derive(Clone, Debug, PartialEq)]
pub struct PictureArg {
    /// Which `--to`, counted from 1.
    pub number: usize,
    size: Option<Size>,
    fps: Option<u32>,
    bitrate_bps: Option<u32>,
    floor_bps: Option<u32>,
    encoder: Option<EncoderChoice>,
}

impl PictureArg {
    /// With what the others get for what is not said. A floor that is not said is the same share of the bit rate.
    pub fn settings(&self, others: &PictureSettings) -> PictureSettings {
        let bitrate_bps = self.bitrate_bps.unwrap_or(others.bitrate_bps);
        let share = f64::from(others.bitrate_floor_bps) / f64::from(others.bitrate_bps.max(1));
        PictureSettings {
            size: self.size.unwrap_or(others.size),
            fps: self.fps.unwrap_or(others.fps),
            bitrate_bps,
            bitrate_floor_bps: self.floor_bps.unwrap_or((f64::from(bitrate_bps) * share) as u32),
            encoder: self.encoder.clone().unwrap_or_else(|| others.encoder.clone()),
        }
    }
}

impl FromStr for PictureArg {
    type Err = String;

    fn from_str(text: &str) -> Result<PictureArg, String> {
        let (number, list) = text.split_once(':').ok_or(EXPECTED)?;
        let number = number.parse().map_err(|_| EXPECTED)?;
        let mut picture =
            PictureArg { number, size: None, fps: None, bitrate_bps: None, floor_bps: None, encoder: None };
        for setting in list.split(',') {
            let (name, value) = setting.split_once('=').ok_or(EXPECTED)?;
            let told = |error: String| format!("{name}={value}: {error}");
            match name {
                "size" => picture.size = Some(size(value).map_err(told)?),
                "fps" => picture.fps = Some(fps(value).map_err(told)?),
                "bitrate" => picture.bitrate_bps = Some(bits(value).map_err(told)?),
                "floor" => picture.floor_bps = Some(bits(value).map_err(told)?),
                "encoder" => picture.encoder = Some(value.parse().map_err(|_| EXPECTED)?),
                _ => return Err(EXPECTED.to_owned()),
            }
        }
        Ok(picture)
    }
}

fn fps(text: &str) -> Result<u32, String> {
    let value = text.parse().ok().filter(|fps| (1..=120).contains(fps));
    value.ok_or_else(|| "1 to 120 is expected".to_owned())
}

const EXPECTED: &str = "write NUMBER:SETTING=VALUE,… with size=WIDTHxHEIGHT, fps=NUMBER, bitrate=BITS, floor=BITS or encoder=NAME, \
                        e.g. 2:size=640x360,bitrate=800k";

#[cfg(test)]
mod tests {
    use super::*;

    fn others() -> PictureSettings {
        PictureSettings {
            size: Size::new(1_280, 720),
            fps: 30,
            bitrate_bps: 2_500_000,
            bitrate_floor_bps: 500_000,
            encoder: EncoderChoice::default(),
        }
    }

    #[test]
    fn every_setting_is_read() {
        let picture: PictureArg =
            "2:size=640x360,fps=15,bitrate=800k,floor=100k,encoder=hevc".parse().expect("sound");
        assert_eq!(picture.number, 2);
        let settings = picture.settings(&others());
        assert_eq!((settings.size, settings.fps), (Size::new(640, 360), 15));
        assert_eq!((settings.bitrate_bps, settings.bitrate_floor_bps), (800_000, 100_000));
        assert_eq!(Ok(settings.encoder), "hevc".parse());
    }

    #[test]
    fn what_is_not_said_is_as_the_others_have_it() {
        let picture: PictureArg = "1:bitrate=1M".parse().expect("sound");
        let expected = PictureSettings { bitrate_bps: 1_000_000, bitrate_floor_bps: 200_000, ..others() };
        assert_eq!(picture.settings(&others()), expected);
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        let error = |text: &str| text.parse::<PictureArg>().expect_err("wrong");
        assert_eq!(error("1:fps=0"), "fps=0: 1 to 120 is expected");
        assert!(error("1:size=641x360").contains("even"));
        for text in ["", "1", "1:", "to:fps=3", "1:colour=3"] {
            assert_eq!(error(text), EXPECTED, "{text}");
        }
    }
}

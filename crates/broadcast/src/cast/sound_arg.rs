//! How the settings of one sound are written.

use std::str::FromStr;

use broadcast::SoundSettings;

use super::args;

/// `NUMBER:SETTING=VALUE,…`
#[derive(Clone, Debug, PartialEq)]
pub struct SoundArg {
    /// Which `--audio`, counted from 1.
    pub number: usize,
    /// What is done to it.
    pub settings: SoundSettings,
}

impl FromStr for SoundArg {
    type Err = String;

    fn from_str(text: &str) -> Result<SoundArg, String> {
        let (number, list) = text.split_once(':').ok_or(EXPECTED)?;
        let number = number.parse().map_err(|_| EXPECTED)?;
        let mut settings = SoundSettings::default();
        for setting in list.split(',') {
            let (name, value) = setting.split_once('=').ok_or(EXPECTED)?;
            let db =
                || value.parse::<f32>().map_err(|_| format!("{name}={value}: a number of dB is expected"));
            match name {
                "gain" => settings.gain_db = db()?,
                "noise" => settings.noise_suppression = switch(name, value)?,
                "compress" => settings.compress_above_db = Some(db()?),
                "limit" => settings.limit_to_db = Some(db()?),
                "delay" => settings.delay = args::time(value)?,
                "mute" => settings.muted = switch(name, value)?,
                _ => return Err(EXPECTED.to_owned()),
            }
        }
        Ok(SoundArg { number, settings })
    }
}

fn switch(name: &str, value: &str) -> Result<bool, String> {
    match value {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err(format!("{name}={value}: on or off is expected")),
    }
}

const EXPECTED: &str = "write NUMBER:SETTING=VALUE,… with gain=DB, noise=on, compress=DBFS, limit=DBFS, delay=TIME or mute=on, e.g. \
                        1:gain=-6,noise=on,delay=120ms";

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn every_setting_is_read() {
        let settings = SoundSettings {
            gain_db: -6.5,
            muted: true,
            solo: false,
            noise_suppression: true,
            compress_above_db: Some(-18.0),
            limit_to_db: Some(-3.0),
            delay: Duration::from_millis(120),
        };
        let text = "2:gain=-6.5,noise=on,compress=-18,limit=-3,delay=120ms,mute=on";
        assert_eq!(text.parse(), Ok(SoundArg { number: 2, settings }));
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        let error = |text: &str| text.parse::<SoundArg>().expect_err("wrong");
        assert_eq!(error("1:noise=maybe"), "noise=maybe: on or off is expected");
        assert_eq!(error("1:gain=loud"), "gain=loud: a number of dB is expected");
        assert!(error("1:delay=later").contains("30s"));
        for text in ["", "1", "1:", "mic:gain=3", "1:pitch=3"] {
            assert_eq!(error(text), EXPECTED, "{text}");
        }
    }
}

//! Settings out of a profile of OBS: the folder `basic/profiles/NAME` with `service.json`, `basic.ini` and
//! `streamEncoder.json`.

mod encoder;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use media::{Size, Span};
use publish::{Service, with_srt_option};
use serde_json::Value;
use thiserror::Error;

use crate::{Destination, EncoderChoice};

/// What a profile says; `None` where it says nothing.
#[derive(Clone, Debug)]
pub struct ObsProfile {
    /// Where it sends, with the stream key.
    pub destination: Destination,
    /// Size of what is sent.
    pub size: Option<Size>,
    /// Frames per second, rounded: 29.97 becomes 30.
    pub fps: Option<u32>,
    /// Video bits per second.
    pub bitrate_bps: Option<u32>,
    /// Distance between keyframes.
    pub keyframe_interval: Option<Span>,
    /// Which video encoder: software by its name, hardware as the best of what it makes.
    pub encoder: Option<EncoderChoice>,
}

/// Why a profile cannot be taken over.
#[derive(Debug, Error)]
pub enum ObsProfileError {
    /// A file that cannot be read.
    #[error("{}: {reason}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// It sends in a way that is not supported.
    #[error("the profile sends by {kind:?}: only RTMP, RTMPS and SRT can be taken over")]
    Kind {
        /// OBS's name for it.
        kind: String,
    },
    /// It leaves the server to OBS, and the service is not a known one.
    #[error("the profile has no server of its own, and {service:?} is not a known service")]
    Server {
        /// OBS's name for it.
        service: String,
    },
}

impl ObsProfile {
    /// Reads the profile in `folder`. Nothing of it is written or kept.
    ///
    /// # Errors
    /// When `service.json` or `basic.ini` cannot be read, or it sends in a way that is not supported.
    pub fn read(folder: &Path) -> Result<ObsProfile, ObsProfileError> {
        let service = json(&folder.join("service.json"))?;
        let settings = Ini::read(&text(&folder.join("basic.ini"))?);
        // Only the advanced output mode has one.
        let encoder = folder.join("streamEncoder.json");
        let encoder = if encoder.exists() { json(&encoder)? } else { Value::Null };
        let fps = fps(&settings);
        let encoder = encoder::read(&settings, &encoder, fps);
        Ok(ObsProfile {
            destination: destination(&service, &settings)?,
            size: size(&settings),
            fps,
            bitrate_bps: encoder.kbps.and_then(|kbps| u32::try_from(kbps.checked_mul(1_000)?).ok()),
            keyframe_interval: encoder.keyframe_interval,
            encoder: encoder.choice,
        })
    }
}

fn destination(service: &Value, settings: &Ini) -> Result<Destination, ObsProfileError> {
    let field = |name: &str| service["settings"][name].as_str().unwrap_or_default().trim().to_owned();
    let kind = service["type"].as_str().unwrap_or_default();
    if !matches!(kind, "rtmp_common" | "rtmp_custom") {
        return Err(ObsProfileError::Kind { kind: kind.to_owned() });
    }
    let (server, known) = (field("server"), Service::known_as(&field("service")));
    let url = match server.as_str() {
        "" | "auto" => {
            let first = known.and_then(|service| service.servers.first()).cloned();
            first.ok_or_else(|| ObsProfileError::Server { service: field("service") })?
        }
        _ => server,
    };
    let profile = settings.get("General", "Name").map(str::to_owned);
    let name = known.map(|service| service.name.clone()).or(profile).unwrap_or_else(|| "OBS".to_owned());
    let key = Some(field("key")).filter(|key| !key.is_empty());
    if !url.starts_with("srt://") {
        return Ok(Destination { name, url, key, picture: None });
    }
    let uses_password = service["settings"]["use_auth"].as_bool() == Some(true);
    let password = Some(field("password")).filter(|password| uses_password && !password.is_empty());
    let url = of_srt(&url, [("streamid", key), ("passphrase", password)]);
    Ok(Destination { name, url, key: None, picture: None })
}

/// The address of SRT with what OBS has beside it: its key is the stream id as it is, and its password the passphrase.
fn of_srt(url: &str, beside: [(&str, Option<String>); 2]) -> String {
    let url = with_latency_in_milliseconds(url);
    let (_, query) = url.split_once('?').unwrap_or_default();
    let has = |name| query.split('&').any(|option| option.split('=').next() == Some(name));
    let missing = beside.into_iter().filter(|(name, _)| !has(name));
    let missing: Vec<_> = missing.filter_map(|(name, value)| Some((name, value?))).collect();
    missing.iter().fold(url, |url, (name, value)| with_srt_option(&url, name, value))
}

/// OBS counts SRT's latency in microseconds, as FFmpeg does.
fn with_latency_in_milliseconds(url: &str) -> String {
    let Some((before, query)) = url.split_once('?') else { return url.to_owned() };
    let option =
        |option: &str| match option.strip_prefix("latency=").and_then(|value| value.parse::<u64>().ok()) {
            Some(microseconds) => format!("latency={}", microseconds / 1_000),
            None => option.to_owned(),
        };
    let options: Vec<String> = query.split('&').map(option).collect();
    format!("{before}?{}", options.join("&"))
}

fn size(settings: &Ini) -> Option<Size> {
    let side = |output: &str, base: &str| {
        let side = settings.number("Video", output).or_else(|| settings.number("Video", base))?;
        // Encoders take even sides only.
        u32::try_from(side / 2 * 2).ok().filter(|&side| side > 0)
    };
    Some(Size::new(side("OutputCX", "BaseCX")?, side("OutputCY", "BaseCY")?))
}

fn fps(settings: &Ini) -> Option<u32> {
    let number = |key: &str| settings.get("Video", key)?.split(' ').next()?.parse::<f64>().ok();
    let fps = match settings.get("Video", "FPSType").unwrap_or("0") {
        "1" => number("FPSInt")?,
        "2" => number("FPSNum")? / number("FPSDen")?,
        _ => number("FPSCommon")?,
    };
    (1.0..=120.0).contains(&fps).then(|| fps.round() as u32)
}

/// Sections of keys and values.
struct Ini(HashMap<(String, String), String>);

impl Ini {
    fn read(text: &str) -> Ini {
        let mut section = String::new();
        let mut values = HashMap::new();
        for line in text.trim_start_matches('\u{feff}').lines().map(str::trim) {
            if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                name.clone_into(&mut section);
            } else if let Some((key, value)) = line.split_once('=') {
                values.insert((section.clone(), key.trim().to_owned()), value.trim().to_owned());
            }
        }
        Ini(values)
    }

    fn get(&self, section: &str, key: &str) -> Option<&str> {
        self.0.get(&(section.to_owned(), key.to_owned())).map(String::as_str)
    }

    fn number(&self, section: &str, key: &str) -> Option<u64> {
        self.get(section, key)?.parse().ok()
    }
}

fn json(file: &Path) -> Result<Value, ObsProfileError> {
    let wrong =
        |error: serde_json::Error| ObsProfileError::File { file: file.to_owned(), reason: error.to_string() };
    serde_json::from_str(text(file)?.trim_start_matches('\u{feff}')).map_err(wrong)
}

fn text(file: &Path) -> Result<String, ObsProfileError> {
    let wrong = |reason: String| ObsProfileError::File { file: file.to_owned(), reason };
    let bytes = std::fs::metadata(file).map_err(|error| wrong(error.to_string()))?.len();
    if bytes > FILE_BYTES_MAX {
        return Err(wrong(format!("{bytes} bytes, at most {FILE_BYTES_MAX} are read")));
    }
    std::fs::read_to_string(file).map_err(|error| wrong(error.to_string()))
}

/// A profile's files have some kilobytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with these files that goes away with the test.
    fn profile(files: &[(&str, &str)]) -> Result<ObsProfile, ObsProfileError> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).expect("a file in it");
        }
        ObsProfile::read(folder.path())
    }

    const SIMPLE: &str = "\u{feff}[General]\r\nName=My show\r\n\r\n[Output]\r\nMode=Simple\r\n\r\n[SimpleOutput]\r\n\
                          VBitrate=3500\r\nABitrate=160\r\nStreamEncoder=nvenc_hevc\r\nUseAdvanced=true\r\n\
                          x264Settings=keyint=90\r\n\r\n[Video]\r\nBaseCX=1920\r\nBaseCY=1080\r\nOutputCX=1280\r\n\
                          OutputCY=720\r\nFPSType=0\r\nFPSCommon=29.97\r\n";

    #[test]
    fn the_simple_mode_with_a_server_of_ones_own() {
        let service = r#"{"type":"rtmp_custom","settings":{"server":"rtmp://a.example/live","key":"k","use_auth":false}}"#;
        let found = profile(&[("service.json", service), ("basic.ini", SIMPLE)]).expect("a sound profile");
        assert_eq!(found.destination.name, "My show");
        assert_eq!(
            (found.destination.url.as_str(), found.destination.key.as_deref()),
            ("rtmp://a.example/live", Some("k"))
        );
        assert_eq!((found.size, found.fps), (Some(Size::new(1_280, 720)), Some(30)));
        assert_eq!((found.bitrate_bps, found.keyframe_interval), (Some(3_500_000), Some(Span::from_secs(3))));
        assert_eq!(found.encoder, Some(EncoderChoice::Best(crate::VideoCodec::Hevc)));
    }

    #[test]
    fn the_advanced_mode_with_a_service_that_chooses_the_server() {
        let service =
            r#"{"type":"rtmp_common","settings":{"service":"Twitch","server":"auto","key":"live_1"}}"#;
        let settings = "[Output]\nMode=Advanced\n[AdvOut]\nEncoder=obs_x264\n[Video]\nBaseCX=1921\nBaseCY=1081\nFPSType=2\nFPSNum=60000\nFPSDen=1001\n";
        let encoder = r#"{"bitrate":6000,"keyint_sec":2,"rate_control":"CBR"}"#;
        let files = [("service.json", service), ("basic.ini", settings), ("streamEncoder.json", encoder)];
        let found = profile(&files).expect("a sound profile");
        assert_eq!(
            (found.destination.name.as_str(), found.destination.url.as_str()),
            ("Twitch", "rtmp://live.twitch.tv/app")
        );
        assert_eq!((found.size, found.fps), (Some(Size::new(1_920, 1_080)), Some(60)));
        assert_eq!((found.bitrate_bps, found.keyframe_interval), (Some(6_000_000), Some(Span::from_secs(2))));
        assert_eq!(found.encoder, Some(EncoderChoice::Named("libx264".to_owned())));
    }

    #[test]
    fn the_latency_of_srt_is_turned_into_milliseconds() {
        let server = "srt://a.example:9000?streamid=x&latency=200000&mode=caller";
        let service = format!(r#"{{"type":"rtmp_custom","settings":{{"server":"{server}","key":""}}}}"#);
        let found = profile(&[("service.json", &service), ("basic.ini", SIMPLE)]).expect("a sound profile");
        assert_eq!(found.destination.url, "srt://a.example:9000?streamid=x&latency=200&mode=caller");
        assert_eq!(found.destination.key, None);
    }

    #[test]
    fn over_srt_the_key_is_the_stream_id_as_it_is_and_the_password_the_passphrase() {
        let url = |server: &str, uses: bool| {
            let service = format!(
                r#"{{"type":"rtmp_custom","settings":{{"server":"{server}","key":"live/a&b","use_auth":{uses},"password":"ten letters"}}}}"#
            );
            let found =
                profile(&[("service.json", &service), ("basic.ini", SIMPLE)]).expect("a sound profile");
            assert!(found.destination.server().is_ok() && found.destination.key.is_none());
            found.destination.url
        };
        assert_eq!(url("srt://a.example:9000", false), "srt://a.example:9000?streamid=live/a%26b");
        assert_eq!(
            url("srt://a.example:9000?mode=caller", true),
            "srt://a.example:9000?mode=caller&streamid=live/a%26b&passphrase=ten%20letters"
        );
        let own = "srt://a.example:9000?streamid=x&passphrase=another%20one";
        assert_eq!(url(own, true), own);
    }

    #[test]
    fn what_cannot_be_taken_over_is_told() {
        let whip = r#"{"type":"whip_custom","settings":{"server":"https://a.example"}}"#;
        let unknown = r#"{"type":"rtmp_common","settings":{"service":"Nowhere","server":"auto"}}"#;
        for (service, words) in
            [(whip, "whip_custom"), (unknown, "\"Nowhere\" is not a known service"), ("{", "service.json")]
        {
            let said = profile(&[("service.json", service), ("basic.ini", SIMPLE)])
                .expect_err("a refusal")
                .to_string();
            assert!(said.contains(words), "{said}");
        }
        assert!(profile(&[]).expect_err("nothing there").to_string().contains("service.json"));
    }
}

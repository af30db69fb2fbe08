//! Coming from OBS: the profiles there are on this computer, and what of one is taken over.

use std::path::{Path, PathBuf};

use broadcast::{EncoderChoice, FoundEncoder, ObsProfile, VideoCodec};

use crate::destination::{self, Draft};
use crate::output::Output;
use crate::view::ObsView;

/// The profiles of this user's OBS, by name.
#[must_use]
pub fn profiles() -> Vec<ObsView> {
    let plain = dirs::config_dir().map(|folder| folder.join("obs-studio"));
    let flatpak = dirs::home_dir().map(|home| home.join(".var/app/com.obsproject.Studio/config/obs-studio"));
    let mut found: Vec<ObsView> =
        plain.into_iter().chain(flatpak).flat_map(|folder| profiles_in(&folder)).collect();
    found.sort_by(|one, other| one.name.cmp(&other.name));
    found
}

/// A destination and settings out of a profile. What the profile does not say stays as in `output`.
///
/// # Errors
/// When the profile cannot be read or sends in a way that is not supported.
pub fn read(
    folder: &Path,
    known: &[String],
    output: Output,
) -> Result<(Draft, Output), broadcast::ObsProfileError> {
    let profile = ObsProfile::read(folder)?;
    let size = profile.size.unwrap_or(output.size());
    let bitrate_kbps = profile.bitrate_bps.map_or(output.bitrate_kbps, |bps| bps / 1_000);
    let keyframe_seconds = profile.keyframe_interval.map(|interval| (interval.as_millis() / 1_000) as u32);
    let output = Output {
        width: size.width,
        height: size.height,
        fps: profile.fps.unwrap_or(output.fps),
        bitrate_kbps,
        // The same part of it as before.
        floor_kbps: (u64::from(output.floor_kbps) * u64::from(bitrate_kbps)
            / u64::from(output.bitrate_kbps.max(1))) as u32,
        keyframe_seconds: keyframe_seconds.unwrap_or(output.keyframe_seconds),
        encoder: match profile.encoder {
            Some(choice) => named(choice, broadcast::encoders),
            None => output.encoder,
        },
        ..output
    };
    Ok((destination::draft_of(profile.destination, known), output.checked()))
}

/// The encoder as it is set here: by name, where `None` is the best of H.264. What this computer does not have becomes that.
fn named(choice: EncoderChoice, encoders: impl FnOnce() -> Vec<FoundEncoder>) -> Option<String> {
    match choice {
        EncoderChoice::Named(name) => Some(name),
        EncoderChoice::Best(VideoCodec::H264) => None,
        EncoderChoice::Best(codec) => {
            let usable = encoders().into_iter().find(|found| found.usable && found.codec == codec);
            usable.map(|found| found.name.to_owned())
        }
    }
}

fn profiles_in(obs: &Path) -> Vec<ObsView> {
    let Ok(folders) = std::fs::read_dir(obs.join("basic/profiles")) else { return Vec::new() };
    let complete =
        |folder: &PathBuf| folder.join("service.json").is_file() && folder.join("basic.ini").is_file();
    let folders = folders.filter_map(|entry| Some(entry.ok()?.path())).filter(complete);
    let view = |folder: PathBuf| ObsView {
        name: folder.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        folder: folder.display().to_string(),
    };
    folders.take(PROFILES_MAX).map(view).collect()
}

/// More than anybody has.
const PROFILES_MAX: usize = 50;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_of_hardware_becomes_what_this_computer_has_of_it() {
        let found = |usable| {
            move || {
                let of = |name, codec| FoundEncoder { name, codec, runs_on: "", usable, reason: None };
                vec![of("h264_vaapi", VideoCodec::H264), of("hevc_vaapi", VideoCodec::Hevc)]
            }
        };
        let hevc = EncoderChoice::Best(VideoCodec::Hevc);
        assert_eq!(named(hevc.clone(), found(true)).as_deref(), Some("hevc_vaapi"));
        assert_eq!(named(hevc, found(false)), None);
        assert_eq!(named(EncoderChoice::default(), found(true)), None);
        assert_eq!(named(EncoderChoice::Named("libx264".into()), found(true)).as_deref(), Some("libx264"));
    }

    #[test]
    fn a_profile_becomes_a_destination_and_settings() {
        let obs = tempfile::tempdir().unwrap();
        let folder = obs.path().join("basic/profiles/Show");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::create_dir_all(obs.path().join("basic/profiles/Empty")).unwrap();
        let service = r#"{"type":"rtmp_common","settings":{"service":"Twitch","server":"auto","key":"k"}}"#;
        std::fs::write(folder.join("service.json"), service).unwrap();
        let settings = "[SimpleOutput]\nVBitrate=5000\nStreamEncoder=x264\n[Video]\nOutputCX=1920\nOutputCY=1080\nFPSCommon=60\n";
        std::fs::write(folder.join("basic.ini"), settings).unwrap();

        let found = profiles_in(obs.path());
        assert_eq!(found.iter().map(|profile| profile.name.as_str()).collect::<Vec<_>>(), ["Show"]);
        let (draft, output) = read(Path::new(&found[0].folder), &[], Output::default()).unwrap();
        assert_eq!((draft.name.as_str(), draft.service.as_str()), ("Twitch", "twitch"));
        assert_eq!(
            (output.width, output.fps, output.bitrate_kbps, output.floor_kbps),
            (1920, 60, 5_000, 1_000)
        );
        assert_eq!(output.encoder.as_deref(), Some("libx264"));
        assert!(draft.complete(&[]).is_ok());
    }
}

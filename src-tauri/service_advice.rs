//! What the public services among the destinations ask for and do not get, said before anybody goes live.

use broadcast::{Destination, EncoderChoice, PictureSettings};
use serde::Serialize;
use specta::Type;

use crate::output::Output;

/// One thing that a destination's people should know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Type)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum ServiceAdvice {
    /// More video is sent than the service takes.
    TooMuchVideo {
        /// As the service calls itself.
        service: String,
        /// The most, 1 000 bits per second.
        kbps_max: u32,
    },
    /// Keyframes come less often than the service asks for.
    KeyframesFarApart {
        /// As the service calls itself.
        service: String,
        /// Seconds between two of them, at most.
        seconds: u32,
    },
    /// The service does not take what the chosen encoder makes, so it gets an encode of its own.
    OwnEncode {
        /// As the service calls itself.
        service: String,
    },
}

/// The destination as it is sent to: one that does not take what the chosen encoder makes gets the same picture as H.264, which
/// all services take.
pub(crate) fn suited(destination: Destination, output: &Output) -> Destination {
    let config = output.config(Vec::new());
    if destination.check_codec(&config.encoder).is_ok() {
        return destination;
    }
    let picture = PictureSettings {
        size: output.size(),
        fps: output.fps,
        bitrate_bps: config.bitrate_bps,
        bitrate_floor_bps: config.bitrate_floor_bps,
        encoder: EncoderChoice::default(),
    };
    Destination { picture: Some(picture), ..destination }
}

/// What is to be said of it, with these settings.
pub(crate) fn of(destination: &Destination, output: &Output) -> Vec<ServiceAdvice> {
    let Some(service) = destination.service() else { return Vec::new() };
    let name = || service.name.clone();
    let config = output.config(vec![suited(destination.clone(), output)]);
    let own = config.destinations.iter().any(|suited| suited.picture.is_some());
    let said = config.service_advice().into_iter().filter_map(|advice| match advice {
        broadcast::ServiceAdvice::TooMuchVideo { service, .. } => {
            Some(ServiceAdvice::TooMuchVideo { service: name(), kbps_max: service.video_kbps_max })
        }
        broadcast::ServiceAdvice::KeyframesFarApart { service, .. } => {
            Some(ServiceAdvice::KeyframesFarApart { service: name(), seconds: service.keyframe_seconds })
        }
        _ => None,
    });
    own.then(|| ServiceAdvice::OwnEncode { service: name() }).into_iter().chain(said).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(url: &str) -> Destination {
        Destination { name: "There".into(), url: url.into(), key: Some("key".into()), picture: None }
    }

    #[test]
    fn a_service_that_takes_h264_alone_gets_an_encode_of_its_own_and_others_share() {
        let output = Output { encoder: Some("libx265".into()), ..Output::default() };
        let twitch = suited(to("rtmp://live.twitch.tv/app"), &output);
        let picture = twitch.picture.expect("one of its own");
        assert_eq!((picture.encoder, picture.bitrate_bps), (EncoderChoice::default(), 2_500_000));
        assert_eq!(suited(to("rtmps://a.rtmps.youtube.com:443/live2"), &output).picture, None);
        assert_eq!(suited(to("rtmp://192.0.2.1/live"), &output).picture, None);
        assert_eq!(suited(to("rtmp://live.twitch.tv/app"), &Output::default()).picture, None);
    }

    #[test]
    fn what_a_service_does_not_get_is_said() {
        let (bitrate_kbps, keyframe_seconds) = (8_000, 4);
        let encoder = Some("libx265".to_owned());
        let output = Output { bitrate_kbps, keyframe_seconds, encoder, ..Output::default() };
        let service = || "Twitch".to_owned();
        let twitch = to("rtmp://live.twitch.tv/app");
        assert_eq!(
            of(&twitch, &output),
            [
                ServiceAdvice::OwnEncode { service: service() },
                ServiceAdvice::TooMuchVideo { service: service(), kbps_max: 6_000 },
                ServiceAdvice::KeyframesFarApart { service: service(), seconds: 2 },
            ]
        );
        assert_eq!(of(&twitch, &Output::default()), []);
        assert_eq!(of(&to("rtmp://192.0.2.1/live"), &output), []);
    }
}

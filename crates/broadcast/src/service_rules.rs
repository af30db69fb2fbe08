//! What public services among the destinations ask of a broadcast: DESIGN's small data file, put to use.

use std::fmt;

use media::Span;
use publish::Service;

use crate::{Config, Destination, EncoderChoice, Error, VideoCodec};

/// What a service asks for and does not get: its people should know it before they go live.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServiceAdvice {
    /// It may throw away what is more, or the whole broadcast.
    TooMuchVideo {
        /// The destination's name.
        destination: String,
        /// The service.
        service: &'static Service,
    },
    /// Keyframes come less often than it asks for: its viewers wait, or it complains.
    KeyframesFarApart {
        /// The destination's name.
        destination: String,
        /// The service.
        service: &'static Service,
    },
}

impl fmt::Display for ServiceAdvice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ServiceAdvice::TooMuchVideo { destination, service } => write!(
                f,
                "{destination}: {} takes {} kbit/s of video at most, and gets more",
                service.name, service.video_kbps_max
            ),
            ServiceAdvice::KeyframesFarApart { destination, service } => write!(
                f,
                "{destination}: {} asks for a keyframe each {} s, and gets them less often",
                service.name, service.keyframe_seconds
            ),
        }
    }
}

impl Destination {
    /// The public service that it is, where it is one.
    #[must_use]
    pub fn service(&self) -> Option<&'static Service> {
        Service::at(&self.url)
    }

    /// Whether it takes what this encoder makes: every server may but those services that are known not to.
    ///
    /// # Errors
    /// [`Error::CodecRefused`], in words.
    pub fn check_codec(&self, encoder: &EncoderChoice) -> Result<(), Error> {
        // A name that is not known is refused by whoever opens it.
        let (Some(service), Some(codec)) = (self.service(), encoder.codec()) else { return Ok(()) };
        if takes(service, codec) {
            return Ok(());
        }
        let (destination, codecs) = (self.name.clone(), service.codecs.join(", "));
        Err(Error::CodecRefused { destination, service: &service.name, codec: codec.name(), codecs })
    }
}

impl Config {
    /// What the services among its destinations ask for and do not get.
    #[must_use]
    pub fn service_advice(&self) -> Vec<ServiceAdvice> {
        let keyframe_interval = self.keyframes();
        let of = |wanted: &Destination| {
            let (destination, service) = (wanted.name.clone(), wanted.service()?);
            let bitrate_bps = wanted.picture.as_ref().map_or(self.bitrate_bps, |picture| picture.bitrate_bps);
            let video = (bitrate_bps > service.video_kbps_max.saturating_mul(1_000))
                .then(|| ServiceAdvice::TooMuchVideo { destination: destination.clone(), service });
            let keyframes = (keyframe_interval > Span::from_secs(service.keyframe_seconds.into()))
                .then_some(ServiceAdvice::KeyframesFarApart { destination, service });
            Some(video.into_iter().chain(keyframes))
        };
        self.destinations.iter().filter_map(of).flatten().collect()
    }

    /// Longest distance between keyframes: what was set, else what services ask for where it goes to nobody else, else a
    /// second. They cost bits, and viewers of one's own origin join at them.
    pub(crate) fn keyframes(&self) -> Span {
        let asked = |wanted: &Destination| {
            wanted.service().map_or(KEYFRAMES, |service| Span::from_secs(service.keyframe_seconds.into()))
        };
        let asked = self.destinations.iter().map(asked).min().unwrap_or(KEYFRAMES);
        self.keyframe_interval.unwrap_or(asked)
    }

    /// Bits per second of the sound, of which everybody gets the same.
    pub(crate) fn sound_bps(&self) -> u32 {
        let most = self.destinations.iter().filter_map(|wanted| {
            wanted.service().map(|service| service.sound_kbps_max.saturating_mul(1_000))
        });
        most.min().unwrap_or(u32::MAX).min(encode::Audio::BITRATE_BPS)
    }

    /// # Errors
    /// See [`Destination::check_codec`].
    pub(crate) fn check_codecs(&self) -> Result<(), Error> {
        self.destinations.iter().try_for_each(|wanted| wanted.check_codec(wanted.encoder_or(&self.encoder)))
    }
}

impl Destination {
    /// The encoder of its picture.
    pub(crate) fn encoder_or<'a>(&'a self, shared: &'a EncoderChoice) -> &'a EncoderChoice {
        self.picture.as_ref().map_or(shared, |picture| &picture.encoder)
    }
}

/// Whether a service takes a codec from everybody.
fn takes(service: &Service, codec: VideoCodec) -> bool {
    service.codecs.iter().any(|taken| taken == codec.name())
}

/// Where nobody asks for something else.
const KEYFRAMES: Span = Span::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{PictureSettings, Size};

    const TWITCH: &str = "rtmp://live.twitch.tv/app";
    const YOUTUBE: &str = "rtmps://a.rtmps.youtube.com:443/live2";
    const FACEBOOK: &str = "rtmps://rtmp-api.facebook.com:443/rtmp";
    const OWN: &str = "rtmp://127.0.0.1:1935/live";

    fn to(urls: &[&str]) -> Config {
        let destination = |url: &&str| Destination {
            name: (*url).to_owned(),
            url: (*url).to_owned(),
            key: Some("key".to_owned()),
            picture: None,
        };
        Config { destinations: urls.iter().map(destination).collect(), ..Config::default() }
    }

    #[test]
    fn keyframes_are_as_far_apart_as_services_ask_unless_somebody_else_watches_or_it_was_set() {
        let seconds = |config: Config| config.keyframes().as_millis() / 1_000;
        assert_eq!(seconds(to(&[TWITCH, FACEBOOK])), 2);
        assert_eq!(seconds(to(&[TWITCH, OWN])), 1);
        assert_eq!(seconds(to(&[OWN])), 1);
        assert_eq!(seconds(to(&[])), 1);
        assert_eq!(seconds(Config { keyframe_interval: Some(Span::from_secs(4)), ..to(&[TWITCH]) }), 4);
    }

    #[test]
    fn sound_is_no_more_than_the_strictest_service_takes() {
        assert_eq!(to(&[OWN]).sound_bps(), 160_000);
        assert_eq!(to(&[TWITCH, YOUTUBE]).sound_bps(), 160_000);
        assert_eq!(to(&[OWN, FACEBOOK]).sound_bps(), 128_000);
    }

    #[test]
    fn more_than_a_service_takes_and_rarer_keyframes_than_it_asks_for_are_told() {
        assert_eq!(to(&[TWITCH, FACEBOOK, OWN]).service_advice(), []);
        let keyframe_interval = Some(Span::from_secs(4));
        let mut config = Config { bitrate_bps: 8_000_000, keyframe_interval, ..to(&[TWITCH, YOUTUBE, OWN]) };
        let said =
            |config: &Config| config.service_advice().iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(
            said(&config),
            [
                format!("{TWITCH}: Twitch takes 6000 kbit/s of video at most, and gets more"),
                format!("{TWITCH}: Twitch asks for a keyframe each 2 s, and gets them less often"),
                format!("{YOUTUBE}: YouTube asks for a keyframe each 2 s, and gets them less often"),
            ]
        );
        // A picture of its own counts instead.
        config.destinations[0].picture = Some(PictureSettings {
            size: Size::new(1_280, 720),
            fps: 30,
            bitrate_bps: 6_000_000,
            bitrate_floor_bps: 1_000_000,
            encoder: EncoderChoice::default(),
        });
        config.keyframe_interval = None;
        assert_eq!(said(&config), Vec::<String>::new());
    }

    #[test]
    fn a_codec_that_a_service_does_not_take_is_refused_in_words_before_anything_is_opened() {
        let mut config = to(&[YOUTUBE, OWN, TWITCH]);
        for encoder in [EncoderChoice::default(), EncoderChoice::Named("libx264".into())] {
            config.encoder = encoder;
            assert!(config.check_codecs().is_ok());
        }
        for (encoder, codec) in
            [(EncoderChoice::Best(VideoCodec::Av1), "AV1"), (EncoderChoice::Named("libx265".into()), "HEVC")]
        {
            config.encoder = encoder;
            let refused = config.check_codecs().expect_err("Twitch takes H.264 only");
            assert!(refused.is_wrong_use());
            assert_eq!(
                refused.to_string(),
                format!(
                    "destination {TWITCH}: Twitch takes H.264, not {codec}: choose another encoder, or give it a picture of its own"
                )
            );
        }
    }
}

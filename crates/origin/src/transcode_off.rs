//! A build without the feature `transcode`: streams have their source rendition only.

use std::sync::Arc;

use hls::Packager;
use media::{Codec, MediaEvent};

use crate::config::TranscodeSettings;
use crate::facts::RenditionFacts;

/// What all streams together may make: never anything.
#[derive(Debug)]
pub(crate) enum Plan {}

/// The renditions of one publisher's stream: none.
#[derive(Debug)]
pub(crate) struct Renditions;

/// What became of them with one event: nothing.
#[derive(Debug, Default)]
pub(crate) struct News {
    pub(crate) notices: Vec<String>,
    pub(crate) facts: Option<Vec<RenditionFacts>>,
}

impl Plan {
    pub(crate) fn new(settings: &TranscodeSettings) -> Option<Arc<Plan>> {
        if settings.enabled {
            tracing::info!("renditions are not made: this build is without the feature transcode");
        }
        None
    }
}

/// The sound of one publisher's stream: passed on as it is, or refused.
#[derive(Debug)]
pub(crate) struct Sound;

impl Sound {
    pub(crate) fn new(_plan: Option<&Arc<Plan>>) -> Sound {
        Sound
    }

    pub(crate) fn take(&mut self, event: &MediaEvent) -> Result<Option<Vec<MediaEvent>>, hls::Error> {
        let MediaEvent::Tracks(tracks) = event else { return Ok(None) };
        let foreign = tracks.iter().find_map(|track| match track.codec {
            Codec::Foreign(sound) => Some(sound.format.name()),
            _ => None,
        });
        foreign.map_or(Ok(None), |name| Err(hls::Error::ForeignSound(name)))
    }
}

impl Renditions {
    pub(crate) fn new(_plan: Option<Arc<Plan>>) -> Renditions {
        Renditions
    }

    pub(crate) fn take(&mut self, _event: &MediaEvent, _packager: &mut Packager) -> Result<News, hls::Error> {
        Ok(News::default())
    }
}

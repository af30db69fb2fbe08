//! A publisher's media on its way to everything that is made of it.

use std::sync::Arc;

use hls::{Input, Output};
use media::MediaEvent;
use tokio::time::Instant;

use super::{HELD, Lease, Packaging, Served};
use crate::clock::unix_ms;
use crate::transcode::News;

impl Lease {
    /// Packages one event, unless this publisher was dismissed.
    ///
    /// # Errors
    /// What the packager says of it; later events may still be good.
    pub(crate) fn push(&mut self, event: MediaEvent) -> Result<(), hls::Error> {
        if self.dismissed.is_cancelled() {
            return Ok(());
        }
        if let MediaEvent::Packet(_) = event {
            self.stream.slot().last_media = Some(Instant::now());
        }
        self.meter.count(&event, &self.stream.facts);
        match self.sound.take(&event)? {
            None => self.package(event),
            Some(events) => {
                let mut result = Ok(());
                for event in events {
                    result = result.and(self.package(event));
                }
                result
            }
        }
    }

    fn package(&mut self, event: MediaEvent) -> Result<(), hls::Error> {
        let Packaging { packager, outlets, .. } = self.packaging.as_mut().expect(HELD);
        if !self.started {
            let unix_ms = self.heard_ms.unwrap_or_else(unix_ms);
            packager.handle_input(Input::Start { unix_ms })?;
            self.stream.set_feed(outlets.begin());
            self.started = true;
        }
        outlets.push(&event);
        let result = packager.handle_input(Input::Media(event.clone()));
        let news = self.renditions.take(&event, packager);
        self.drain();
        result.and(news.map(|news| self.tell(news)))
    }

    fn tell(&self, news: News) {
        if let Some(renditions) = news.facts {
            self.stream.facts.set_renditions(renditions);
        }
        for notice in news.notices {
            self.warn(None, notice);
        }
    }

    /// Gives viewers what is new, and the publisher its notices.
    pub(super) fn drain(&mut self) {
        let Packaging { packager, broadcast, .. } = self.packaging.as_mut().expect(HELD);
        let mut newest = None;
        let mut notices = Vec::new();
        while let Some(output) = packager.poll_output() {
            match output {
                Output::Window(window) => newest = Some(window),
                Output::Notice(notice) => notices.push(notice.to_string()),
            }
        }
        if let Some(window) = newest {
            let broadcast = Arc::clone(broadcast);
            self.stream.window.send_replace(Some(Served { window, broadcast }));
            self.stream.go_live();
        }
        for notice in notices {
            self.warn(None, notice);
        }
    }
}

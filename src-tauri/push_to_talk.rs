//! The microphone is heard only while a key is held, where the person wants that.

use crate::app::{App, Error};
use crate::request::Request;
use crate::studio::Studio;

/// What is asked of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Whether the microphone is muted unless the key is held.
    Use(bool),
    /// The key is held, or no more.
    Held(bool),
}

impl Studio {
    pub(crate) fn push_to_talk_asked(&mut self, ask: Ask) {
        match ask {
            Ask::Use(on) => {
                self.set(|settings| settings.push_to_talk = on);
                self.mute_until_held();
            }
            Ask::Held(held) if self.settings.push_to_talk => self.set_muted(!held),
            Ask::Held(_) => {}
        }
    }

    /// Nobody holds a key yet; a crash may have come while somebody did. Where it is switched off the microphone stays as it is:
    /// nobody is heard by a setting.
    pub(crate) fn mute_until_held(&mut self) {
        if self.settings.push_to_talk {
            self.set_muted(true);
        }
    }
}

impl App {
    /// Mutes the microphone unless the key for it is held, or no more.
    ///
    /// # Errors
    /// See [`App::go_live`].
    pub fn use_push_to_talk(&self, on: bool) -> Result<(), Error> {
        self.ask(Request::PushToTalk(Ask::Use(on)))
    }

    /// The key is held, or no more.
    ///
    /// # Errors
    /// See [`App::go_live`].
    pub fn talk(&self, held: bool) -> Result<(), Error> {
        self.ask(Request::PushToTalk(Ask::Held(held)))
    }
}

//! The keychain as the studio uses it: one task at a time asks, and what came of it is taken here.

use crate::app::{App, Error};
use crate::destination::{self, Saved};
use crate::keychain::{Outcome, Work, over_dbus};
use crate::request::Request;
use crate::studio::{Done, Studio};
use crate::view::NoticeKind;

impl Studio {
    /// Names what nothing decrypts any more, and looks for the rest.
    pub(crate) fn begin_with_keys(&mut self) {
        self.remember_secrets();
        self.name_lost_keys();
        self.ask_keychain(false);
    }

    /// Lets the keychain take what it ought to have and give what is missing. Only with `unlock` is the person asked.
    pub(crate) fn ask_keychain(&mut self, unlock: bool) {
        if self.keychain.doing.is_some() {
            self.keychain.next = Some(self.keychain.next.unwrap_or_default() || unlock);
            return;
        }
        let work: Work = self.keychain.due(&self.destinations, unlock);
        self.keychain.doing = Some(work.clone());
        self.tasks.spawn(async move { Done::Keychain(over_dbus::carry_out(work).await) });
    }

    pub(crate) fn keychain_answered(&mut self, outcome: Outcome) {
        let asked = self.keychain.doing.as_ref().is_some_and(|work| work.unlock);
        let taken = self.keychain.take(&mut self.destinations, outcome);
        if taken.destinations {
            self.write_destinations();
        }
        if taken.forgotten {
            self.keychain.keep(&self.folder);
        }
        if taken.opened {
            self.remember_secrets();
            self.follow_destinations();
        }
        let notice = self.keychain.notice(&self.destinations);
        // Who has put the notice away is not told the same again, but for an answer.
        if notice != self.keychain.told || asked {
            self.clear(|kind| matches!(kind, NoticeKind::KeysClosed { .. }));
            notice.clone().into_iter().for_each(|notice| self.notify(notice));
            self.keychain.told = notice;
        }
        if let Some(unlock) = self.keychain.next.take() {
            self.ask_keychain(unlock);
        }
    }

    /// Keeps the destinations as they are now; `gone` was in the keychain for one that has another key or is no more.
    pub(crate) fn keep_destinations(&mut self, gone: Option<String>) {
        self.remember_secrets();
        if self.write_destinations()
            && let Some(slot) = gone
        {
            self.keychain.forget(&self.folder, slot);
        }
        self.name_lost_keys();
        self.ask_keychain(false);
    }

    /// Whether it could be written; else the person is told.
    fn write_destinations(&mut self) -> bool {
        let written = destination::save(&self.folder, &self.destinations, &self.keychain.seal);
        if let Err(error) = &written {
            self.clear(|kind| matches!(kind, NoticeKind::SettingsNotSaved { .. }));
            self.notify(NoticeKind::SettingsNotSaved { reason: error.to_string() });
        }
        written.is_ok()
    }

    fn name_lost_keys(&mut self) {
        let notice = self.keychain.notice_of_lost(&self.destinations);
        if notice != self.keychain.told_lost {
            self.clear(|kind| matches!(kind, NoticeKind::KeysLost { .. }));
            notice.clone().into_iter().for_each(|notice| self.notify(notice));
            self.keychain.told_lost = notice;
        }
    }

    /// A report must have none of them, also when they are in no file.
    pub(crate) fn remember_secrets(&self) {
        let secrets = self.destinations.iter().flat_map(|saved: &Saved| [&saved.key, &saved.passphrase]);
        let secrets: Vec<String> = secrets.filter(|secret| !secret.is_empty()).cloned().collect();
        self.doors.secrets.send_modify(|known| {
            known.extend(secrets);
            known.sort_unstable();
            known.dedup();
        });
    }
}

impl App {
    /// Asks the keychain again for keys that could not be read, and the person to unlock it where it is locked.
    ///
    /// # Errors
    /// See [`App::go_live`].
    pub fn unlock_keychain(&self) -> Result<(), Error> {
        self.ask(Request::UnlockKeychain)
    }
}

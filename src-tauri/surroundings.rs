//! What comes from around the window: links that lead to a place in it, and whether there is a tray to go on in.

use serde::Serialize;
use specta::Type;
use thiserror::Error;
use tracing::warn;

use crate::app::{self, App};
use crate::request::Request;
use crate::studio::Studio;
use crate::view::NoticeKind;

/// A place in the window. A link leads to one and does nothing else: what it would change, the person does there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "kebab-case", tag = "type")]
pub enum WindowPlace {
    /// The main view.
    Studio,
    /// The origin's panel.
    Origin,
    /// The settings.
    Settings {
        /// Which page of them.
        tab: Option<String>,
    },
    /// The form of a destination.
    Destination {
        /// Which one; `None` is a new one.
        id: Option<u32>,
    },
    /// The question whether to end the broadcast.
    End,
}

/// A place that the window is to show, once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Type)]
pub struct Arrival {
    /// What [`App::arrived`] takes.
    pub id: u32,
    /// Where to.
    pub place: WindowPlace,
}

/// Why a link leads nowhere.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum WrongLink {
    /// It is another program's, or far too long.
    #[error("it is no link of Rostrum's")]
    Foreign,
    /// There is no such place.
    #[error("this Rostrum knows no such place")]
    Unknown,
}

/// What is around the window.
#[derive(Debug, Default)]
pub(crate) struct Surroundings {
    pub(crate) arrival: Option<Arrival>,
    arrivals: u32,
    /// Whether a tray shows the icon now.
    pub(crate) tray: bool,
    /// Whether the panel is open.
    pub(crate) panel: bool,
}

/// What is asked from around the window.
#[derive(Debug)]
pub enum Asked {
    /// To show a place.
    Place(WindowPlace),
    /// To follow a link, whoever wrote it.
    Link(String),
    /// The window shows that place.
    Arrived(u32),
    /// A tray shows the icon, or no more.
    Tray(bool),
    /// The panel is open, or no more.
    Panel(bool),
}

/// The place that a link leads to.
///
/// # Errors
/// [`WrongLink`]; nothing in a link is tried that is not wholly understood.
pub fn read(link: &str) -> Result<WindowPlace, WrongLink> {
    let (scheme, path) = link.split_once("://").ok_or(WrongLink::Foreign)?;
    if link.len() > LINK_BYTES_MAX || !scheme.eq_ignore_ascii_case(SCHEME) {
        return Err(WrongLink::Foreign);
    }
    // Browsers put a slash behind a link's host.
    let path = path.strip_suffix('/').unwrap_or(path);
    match path.split('/').collect::<Vec<_>>().as_slice() {
        ["" | "studio"] => Ok(WindowPlace::Studio),
        ["origin"] => Ok(WindowPlace::Origin),
        ["settings"] => Ok(WindowPlace::Settings { tab: None }),
        ["settings", tab] if TABS.contains(tab) => Ok(WindowPlace::Settings { tab: Some((*tab).to_owned()) }),
        ["destination", "new"] => Ok(WindowPlace::Destination { id: None }),
        ["destination", id] => {
            // `parse` would take a sign too.
            let plain = id.bytes().all(|byte| byte.is_ascii_digit());
            let id = id.parse().ok().filter(|id| plain && *id > 0).ok_or(WrongLink::Unknown)?;
            Ok(WindowPlace::Destination { id: Some(id) })
        }
        _ => Err(WrongLink::Unknown),
    }
}

/// The link among a program's arguments, if there is one.
#[must_use]
pub fn link_in(arguments: &[String]) -> Option<String> {
    arguments.iter().skip(1).find(|argument| argument.contains("://")).cloned()
}

impl Studio {
    pub(crate) fn asked_from_around(&mut self, asked: Asked) {
        match asked {
            Asked::Place(place) => self.lead_to(place),
            Asked::Link(link) => match read(&link) {
                Ok(WindowPlace::Destination { id: Some(id) })
                    if !self.destinations.iter().any(|saved| saved.id == id) =>
                {
                    self.refuse_link(&link, WrongLink::Unknown);
                }
                Ok(place) => self.lead_to(place),
                Err(reason) => self.refuse_link(&link, reason),
            },
            Asked::Arrived(id) => {
                self.surroundings.arrival.take_if(|arrival| arrival.id == id);
            }
            Asked::Tray(shown) => self.surroundings.tray = shown,
            Asked::Panel(shown) => self.surroundings.panel = shown,
        }
    }

    fn lead_to(&mut self, place: WindowPlace) {
        let id = self.surroundings.arrivals.wrapping_add(1);
        self.surroundings.arrivals = id;
        self.surroundings.arrival = Some(Arrival { id, place });
    }

    fn refuse_link(&mut self, link: &str, reason: WrongLink) {
        warn!(%reason, "a link was refused");
        self.clear(|kind| matches!(kind, NoticeKind::LinkRefused { .. }));
        let shown = link.chars().filter(|character| !character.is_control()).take(LINK_CHARS_SHOWN).collect();
        self.notify(NoticeKind::LinkRefused { link: shown });
    }
}

impl App {
    /// Follows a link, whoever wrote it: shows the place, or says that there is none.
    ///
    /// # Errors
    /// See [`App::go_live`].
    pub fn follow_link(&self, link: String) -> Result<(), app::Error> {
        self.ask(Request::Around(Asked::Link(link)))
    }

    /// Shows a place in the window.
    ///
    /// # Errors
    /// See [`App::go_live`].
    pub fn lead_to(&self, place: WindowPlace) -> Result<(), app::Error> {
        self.ask(Request::Around(Asked::Place(place)))
    }

    /// The window shows the place that it was led to.
    ///
    /// # Errors
    /// See [`App::go_live`].
    pub fn arrived(&self, id: u32) -> Result<(), app::Error> {
        self.ask(Request::Around(Asked::Arrived(id)))
    }

    /// A tray shows the icon, or no more.
    ///
    /// # Errors
    /// See [`App::go_live`].
    pub fn tray_shown(&self, shown: bool) -> Result<(), app::Error> {
        self.ask(Request::Around(Asked::Tray(shown)))
    }
}

/// As the desktop file has it.
const SCHEME: &str = "rostrum";
/// The pages of the settings, as the window calls them.
const TABS: [&str; 8] =
    ["video", "sound", "output", "destinations", "hotkeys", "origin", "accessibility", "language"];
/// The longest of our own links is a fifth of it.
const LINK_BYTES_MAX: usize = 200;
/// As much as fits in a notice.
const LINK_CHARS_SHOWN: usize = 60;

#[cfg(test)]
mod tests {
    use super::{WindowPlace, WrongLink, link_in, read};

    #[test]
    fn a_link_leads_to_a_place() {
        assert_eq!(read("rostrum://"), Ok(WindowPlace::Studio));
        assert_eq!(read("ROSTRUM://origin/"), Ok(WindowPlace::Origin));
        assert_eq!(read("rostrum://settings"), Ok(WindowPlace::Settings { tab: None }));
        assert_eq!(
            read("rostrum://settings/output"),
            Ok(WindowPlace::Settings { tab: Some("output".to_owned()) })
        );
        assert_eq!(read("rostrum://destination/new"), Ok(WindowPlace::Destination { id: None }));
        assert_eq!(read("rostrum://destination/12"), Ok(WindowPlace::Destination { id: Some(12) }));
    }

    #[test]
    fn a_link_that_is_not_wholly_understood_leads_nowhere() {
        for link in [
            "rostrum://go-live",
            "rostrum://settings/../../etc/passwd",
            "rostrum://settings/output?bitrate=1",
            "rostrum://destination/0",
            "rostrum://destination/+1",
            "rostrum://destination/99999999999999999999",
            "rostrum://origin#x",
            "rostrum://user:pass@origin",
            "rostrum://直播",
        ] {
            assert_eq!(read(link), Err(WrongLink::Unknown), "{link}");
        }
        for link in
            ["", "origin", "https://origin", "rostrum:origin", &format!("rostrum://{}", "a".repeat(300))]
        {
            assert_eq!(read(link), Err(WrongLink::Foreign), "{link}");
        }
    }

    #[test]
    fn the_link_is_found_among_arguments_and_the_program_is_not_one() {
        let arguments = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
        assert_eq!(link_in(&arguments(&["a://b"])), None);
        assert_eq!(link_in(&arguments(&["rostrum", "--quiet"])), None);
        let both = arguments(&["rostrum", "--quiet", "rostrum://origin"]);
        assert_eq!(link_in(&both).as_deref(), Some("rostrum://origin"));
    }
}

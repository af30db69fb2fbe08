//! What the origin inside the app is set to: when it runs, how long it keeps recordings, and what it asks of people. The
//! first two are settings of the app and hold for an origin that is off too; the rest the origin keeps itself.

use hyper::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use specta::Type;

use crate::app::{App, Error};
use crate::origin_api::{ApiError, ask, tell};
use crate::request::Request;
use crate::studio::{OriginPhase, Studio};

/// When the origin runs, and how long it keeps what it recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(default, rename_all = "camelCase")]
pub struct Habits {
    /// Whether it starts when Rostrum does.
    pub with_app: bool,
    /// Whether closing the window leaves everything running in the tray, where there is one.
    pub in_tray: bool,
    /// Days after which a recording is removed; 0 keeps it. In force from the next start of the origin.
    pub keep_days: u32,
}

impl Default for Habits {
    fn default() -> Habits {
        Habits { with_app: true, in_tray: false, keep_days: 0 }
    }
}

impl Habits {
    /// The nearest that works.
    #[must_use]
    pub fn checked(self) -> Habits {
        Habits { keep_days: self.keep_days.min(KEEP_DAYS_MAX), ..self }
    }
}

/// Who may make an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "kebab-case")]
pub enum Registration {
    /// Everybody who reaches the page.
    Open,
    /// Who has an invitation.
    Invite,
    /// Nobody.
    Closed,
}

/// What a running origin is set to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct OriginRules {
    /// Who may make an account.
    pub registration: Registration,
    /// Players of this computer's room at a time; `None` for as many as come.
    pub viewer_limit: Option<u32>,
    /// Whether a replay is kept of every broadcast of this computer's room.
    pub replays: bool,
}

/// One of these to change.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Type)]
#[serde(rename_all = "kebab-case", tag = "type", content = "to")]
pub enum RuleChange {
    /// Who may make an account.
    Registration(Registration),
    /// Players of this computer's room at a time; `None` for as many as come.
    ViewerLimit(Option<u32>),
    /// What this computer's room is called.
    Title(String),
}

/// What is asked of the studio.
#[derive(Debug)]
pub enum Asked {
    /// To change when it runs, and how long it keeps recordings.
    Habits(Habits),
    /// The room has this title now.
    Titled(String),
}

impl Studio {
    pub(crate) fn origin_asked(&mut self, asked: Asked) {
        match asked {
            Asked::Habits(habits) => self.set(|settings| settings.habits = habits.checked()),
            Asked::Titled(title) => {
                if let OriginPhase::Running { hosted, .. } = &mut self.origin {
                    hosted.owner.title.clone_from(&title);
                }
                self.room.iter_mut().for_each(|room| room.owner.title.clone_from(&title));
            }
        }
    }
}

impl App {
    /// Changes when the origin runs, and how long it keeps recordings.
    ///
    /// # Errors
    /// See [`App::go_live`].
    pub fn set_habits(&self, habits: Habits) -> Result<(), Error> {
        self.ask(Request::Origin(Asked::Habits(habits)))
    }

    /// What the running origin is set to.
    ///
    /// # Errors
    /// [`Error::Origin`].
    pub async fn origin_rules(&self) -> Result<OriginRules, Error> {
        #[derive(Deserialize)]
        struct Server {
            registration: Registration,
        }
        #[derive(Deserialize)]
        struct Room {
            viewer_limit: Option<u32>,
            #[serde(default)]
            record: bool,
        }
        let target = self.origin()?;
        let server: Server =
            serde_json::from_slice(&ask(&target, Method::GET, SETTINGS).await?).map_err(lost)?;
        let room = format!("/api/v1/rooms/{}", target.room);
        let room: Room = serde_json::from_slice(&ask(&target, Method::GET, &room).await?).map_err(lost)?;
        let (viewer_limit, replays) = (room.viewer_limit, room.record);
        Ok(OriginRules { registration: server.registration, viewer_limit, replays })
    }

    /// Changes one of them.
    ///
    /// # Errors
    /// [`Error::Origin`], with what the origin says of a value that it does not take.
    pub async fn change_rule(&self, change: RuleChange) -> Result<(), Error> {
        let target = self.origin()?;
        let room = format!("/api/v1/rooms/{}", target.room);
        let (path, body): (&str, Value) = match &change {
            RuleChange::Registration(to) => (SETTINGS, json!({ "registration": to })),
            RuleChange::ViewerLimit(to) => (&room, json!({ "viewer_limit": to })),
            RuleChange::Title(to) => (&room, json!({ "title": to })),
        };
        let answer = tell(&target, Method::PATCH, path, Some(body)).await?;
        if let RuleChange::Title(_) = change {
            let Titled { title } = serde_json::from_slice(&answer).map_err(lost)?;
            self.ask(Request::Origin(Asked::Titled(title)))?;
        }
        Ok(())
    }
}

/// A room, as far as it is read.
#[derive(Deserialize)]
struct Titled {
    title: String,
}

fn lost(error: serde_json::Error) -> Error {
    ApiError::Lost(error.to_string()).into()
}

const SETTINGS: &str = "/api/v1/settings";
/// Ten years: longer is for ever.
const KEEP_DAYS_MAX: u32 = 3_650;

#[cfg(test)]
mod tests {
    use super::Habits;

    #[test]
    fn what_a_file_leaves_out_is_as_before_it_could_be_set() {
        let habits: Habits = serde_json::from_str("{\"keepDays\": 4000000000}").unwrap();
        assert_eq!(habits.checked(), Habits { with_app: true, in_tray: false, keep_days: 3_650 });
    }
}

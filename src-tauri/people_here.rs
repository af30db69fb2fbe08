//! Who is in this computer's room, for the list beside the chat.

use origin::Role;
use serde::Serialize;
use specta::Type;

use crate::app::{App, Error};
use crate::origin_api::ApiError;

/// Somebody in the room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct PersonHere {
    /// Who they are to the room.
    pub id: String,
    /// Their name there.
    pub name: String,
    /// Their strongest right there; `None` for an account without any.
    pub role: Option<RoleHere>,
    /// Why they cannot write; `None` when they can.
    pub silenced: Option<Silenced>,
}

/// A right in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "kebab-case")]
pub enum RoleHere {
    /// May do everything, everywhere.
    Admin,
    /// The room is theirs.
    Owner,
    /// Keeps order in this room.
    Moderator,
    /// Without an account.
    Guest,
}

/// A time-out or a ban.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Silenced {
    /// Until when, Unix time in milliseconds; `None` until it is lifted.
    #[specta(type = Option<f64>)]
    pub until_ms: Option<i64>,
}

impl App {
    /// Who is in this computer's room, by name.
    ///
    /// # Errors
    /// [`Error::Origin`] when the origin does not run, or does not answer.
    pub async fn people_here(&self) -> Result<Vec<PersonHere>, Error> {
        let room = self.origin()?.room;
        let observer = self.observer.borrow().clone().ok_or(ApiError::Off)?;
        let people = observer.people(&room).await.map_err(|error| ApiError::Lost(error.to_string()))?;
        let people = people.ok_or(ApiError::Off)?;
        Ok(people.into_iter().map(person).collect())
    }
}

fn person(person: origin::PersonHere) -> PersonHere {
    let origin::PersonHere { id, name, role, silenced } = person;
    let role = role.map(|role| match role {
        Role::Admin => RoleHere::Admin,
        Role::Owner => RoleHere::Owner,
        Role::Moderator => RoleHere::Moderator,
        Role::Guest => RoleHere::Guest,
    });
    PersonHere { id, name, role, silenced: silenced.map(|one| Silenced { until_ms: one.until_ms }) }
}

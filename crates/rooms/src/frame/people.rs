//! Who is in a room, and what everybody may see of it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::name::Name;
use crate::slug::Slug;

/// Who says something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Person {
    /// Stable for an account, and for a guest as long as the cookie lives.
    pub id: String,
    /// Shown name; two guests may share one.
    pub name: Name,
    /// Rights in this room, strongest first; empty for an account without any.
    pub roles: Vec<Role>,
}

/// A right in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = RoomRole)]
pub enum Role {
    /// May do everything, everywhere.
    Admin,
    /// The room is theirs.
    Owner,
    /// Keeps order in this room.
    Moderator,
    /// Without an account.
    Guest,
}

/// Somebody who is spoken of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Whom {
    /// See [`Person::id`].
    pub id: String,
    /// The name they were last seen under; the id when they were not.
    pub name: String,
}

/// A room as everybody may see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RoomView {
    /// Its name in URLs.
    pub room: Slug,
    /// Its name for people.
    pub title: String,
    /// The owner's account; `None` while the origin has no account.
    #[schema(required)]
    pub owner: Option<String>,
    /// What its stream does.
    pub state: State,
    /// See [`crate::frame::Out::Presence`].
    pub viewers: u32,
    /// See [`crate::frame::Out::Presence`].
    pub members: u32,
    /// When this broadcast began, Unix time in milliseconds; `None` while offline.
    #[schema(required)]
    pub live_since_ms: Option<i64>,
    /// The multivariant playlist, as an absolute path.
    pub playlist: String,
}

/// What a room's stream does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = RoomState)]
pub enum State {
    /// No broadcast.
    #[default]
    Offline,
    /// Media arrives.
    Live,
    /// The publisher is away, and may come back to the same broadcast.
    Interrupted,
}

impl Person {
    /// Whether they own the room or the origin: nobody keeps them quiet.
    #[must_use]
    pub fn is_host(&self) -> bool {
        self.roles.iter().any(|role| matches!(role, Role::Admin | Role::Owner))
    }

    /// Whether they may keep order here.
    #[must_use]
    pub fn may_moderate(&self) -> bool {
        self.is_host() || self.roles.contains(&Role::Moderator)
    }

    /// Whether they came without an account.
    #[must_use]
    pub fn is_guest(&self) -> bool {
        self.roles.contains(&Role::Guest)
    }

    /// As somebody who is spoken of.
    #[must_use]
    pub fn whom(&self) -> Whom {
        Whom { id: self.id.clone(), name: self.name.to_string() }
    }
}

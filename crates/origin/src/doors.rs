//! Rooms that do not take every publisher who has the key: archived ones, and those that refuse a second one.
//!
//! In memory, since SRT callers are answered without waiting for the database. A room that is not here takes all.

use std::collections::HashMap;
use std::sync::RwLock;

use rooms::Slug;

/// The doors of all rooms that have one.
#[derive(Debug, Default)]
pub(crate) struct Doors(RwLock<HashMap<Slug, Door>>);

/// Who is kept out of publishing to one room, although the key is right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Door {
    /// Everybody: the room is archived.
    pub(crate) archived: bool,
    /// Whoever comes while another publishes, instead of taking over.
    pub(crate) refuses_second: bool,
}

impl Doors {
    /// The door of a room.
    pub(crate) fn get(&self, slug: &Slug) -> Door {
        self.0.read().expect(UNBROKEN).get(slug).copied().unwrap_or_default()
    }

    /// Takes the doors as they are stored now.
    pub(crate) fn replace(&self, doors: Vec<(Slug, Door)>) {
        *self.0.write().expect(UNBROKEN) = doors.into_iter().collect();
    }
}

const UNBROKEN: &str = "nothing panics while it holds the doors";

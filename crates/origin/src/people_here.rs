//! Who is in a room, for the program that the origin runs in.

use std::collections::HashMap;

use rooms::frame::Role;

use crate::observer::Observer;
use crate::store::StoreError;

/// Somebody who is connected to a room's chat, once for all of their pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonHere {
    /// Who they are to the room.
    pub id: String,
    /// Their name there.
    pub name: String,
    /// Their strongest right there; `None` for an account without any.
    pub role: Option<Role>,
    /// Why they cannot write; `None` when they can.
    pub silenced: Option<Silenced>,
}

/// A time-out or a ban.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Silenced {
    /// Until when, Unix time in milliseconds; `None` until it is lifted.
    pub until_ms: Option<i64>,
}

impl Observer {
    /// Who is in a room, by name; `None` when the origin has stopped, or has no such room.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn people(&self, slug: &str) -> Result<Option<Vec<PersonHere>>, StoreError> {
        let (Some(shared), Ok(slug)) = (self.shared(), slug.parse()) else { return Ok(None) };
        let Some(record) = shared.store.room(slug).await? else { return Ok(None) };
        let room = shared.people.open(&record, &shared);
        let people = room.look(|room, now| {
            let silenced: HashMap<String, Silenced> = room
                .sanctions(now.unix_ms)
                .map(|one| (one.member.id.clone(), Silenced { until_ms: one.until_ms }))
                .collect();
            room.people()
                .take(PEOPLE_MAX)
                .map(|person| PersonHere {
                    id: person.id.clone(),
                    name: person.name.to_string(),
                    role: person.roles.first().copied(),
                    silenced: silenced.get(&person.id).copied(),
                })
                .collect::<Vec<_>>()
        });
        // The room is closing when nobody answers.
        let Ok(mut people) = people.await else { return Ok(None) };
        people.sort_by_cached_key(|person| (rooms::fold(&person.name), person.id.clone()));
        Ok(Some(people))
    }
}

/// More than anybody reads, and what a list shows without delay.
const PEOPLE_MAX: usize = 2_000;

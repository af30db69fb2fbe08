//! Members whose account is deleted: their names go from everything that is kept of rooms.

use ::rooms::{Act, DELETED_NAME, Floor, Released};
use rusqlite::{Connection, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::StoreError;
use super::log::{Extra, json, parse};

/// Forgets who `member` was in all rooms, or in one.
pub(super) fn forget(connection: &Connection, room: Option<i64>, member: &str) -> Result<(), StoreError> {
    let here = "(?1 is null or room = ?1)";
    connection.execute(
        &format!("update log set sender_name = ?3, sender_roles = '[]' where sender_id = ?2 and {here}"),
        params![room, member, DELETED_NAME],
    )?;
    connection.execute(
        &format!(
            "update log set deleted_by = ?3 where deleted_by is not null and kind = 'message' and {here}
             and (room, seq) in (select room, json_extract(text, '$.message') from log
                where kind = 'deed' and sender_id = ?2 and json_extract(text, '$.act') = 'delete')"
        ),
        params![room, member, DELETED_NAME],
    )?;
    let whose = (room, member);
    rewrite(connection, ("log", "text", "kind = 'deed'"), whose, |act: &mut Act| act.forget(member))?;
    rewrite(connection, ("log", "extra", "extra is not null"), whose, |extra: &mut Extra| {
        extra.released.as_mut().is_some_and(|Released { by, .. }| by.forget(member))
    })?;
    rewrite(connection, ("floors", "floor", "true"), whose, |floor: &mut Floor| floor.forget(member))
}

/// Changes the JSON in a column of a table, in the rows that are of a kind and name a member.
fn rewrite<T: Serialize + DeserializeOwned>(
    connection: &Connection,
    (table, column, kind): (&str, &str, &str),
    (room, member): (Option<i64>, &str),
    mut change: impl FnMut(&mut T) -> bool,
) -> Result<(), StoreError> {
    let sql = format!(
        "select room, seq, {column} from {table}
         where {kind} and instr({column}, ?2) > 0 and (?1 is null or room = ?1)"
    );
    let mut statement = connection.prepare(&sql)?;
    let rows = statement.query_map(params![room, json(&member)], |row| {
        Ok((row.get(0)?, row.get(1)?, parse(2, row.get_ref(2)?.as_str()?)?))
    })?;
    let mut update =
        connection.prepare(&format!("update {table} set {column} = ?3 where room = ?1 and seq = ?2"))?;
    for (room, seq, mut value) in rows.collect::<Result<Vec<(i64, i64, T)>, _>>()? {
        if change(&mut value) {
            update.execute(params![room, seq, json(&value)])?;
        }
    }
    Ok(())
}

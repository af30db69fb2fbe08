//! What an administrator changes while the origin runs.

use rusqlite::OptionalExtension as _;

use super::{Store, StoreError};
use crate::config::Registration;

impl Store {
    /// Who may register, when an admin has said it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn registration(&self) -> Result<Option<Registration>, StoreError> {
        self.read(|connection| {
            let sql = "select value from settings where name = 'registration'";
            let found: Option<String> = connection.query_row(sql, [], |row| row.get(0)).optional()?;
            found
                .map(|text| {
                    Registration::from_name(&text)
                        .ok_or(StoreError::Value { column: "settings.value", found: text })
                })
                .transpose()
        })
        .await
    }

    /// Says who may register, from now on and after a restart.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn set_registration(&self, registration: Registration) -> Result<(), StoreError> {
        self.write(move |connection| {
            connection.execute(
                "insert into settings (name, value) values ('registration', ?1)
                 on conflict (name) do update set value = excluded.value",
                [registration.as_str()],
            )?;
            Ok(())
        })
        .await
    }

    /// After how many days without use a room is archived; `None` for never.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn archive_after_days(&self) -> Result<Option<u32>, StoreError> {
        self.read(|connection| {
            let sql = "select value from settings where name = 'archive_after_days'";
            let found: Option<String> = connection.query_row(sql, [], |row| row.get(0)).optional()?;
            found
                .map(|text| {
                    text.parse().map_err(|_| StoreError::Value { column: "settings.value", found: text })
                })
                .transpose()
        })
        .await
    }

    /// Says after how many days without use a room is archived.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn set_archive_after_days(&self, days: Option<u32>) -> Result<(), StoreError> {
        self.write(move |connection| {
            connection.execute("delete from settings where name = 'archive_after_days'", [])?;
            if let Some(days) = days {
                let sql = "insert into settings (name, value) values ('archive_after_days', ?1)";
                connection.execute(sql, [days.to_string()])?;
            }
            Ok(())
        })
        .await
    }
}

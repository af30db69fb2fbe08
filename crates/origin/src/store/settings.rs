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
}

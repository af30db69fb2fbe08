//! Who may make an account.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Settings for accounts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccountSettings {
    /// Who may register, until an administrator says otherwise at run time.
    pub registration: Registration,
}

/// Who may register.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Registration {
    /// Everybody.
    Open,
    /// Whoever was sent an invitation.
    #[default]
    Invite,
    /// Nobody; administrators make accounts.
    Closed,
}

impl Registration {
    /// As it is stored, and written in the settings file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Registration::Open => "open",
            Registration::Invite => "invite",
            Registration::Closed => "closed",
        }
    }

    /// What `name` means.
    pub(crate) fn from_name(name: &str) -> Option<Registration> {
        let all = [Registration::Open, Registration::Invite, Registration::Closed];
        all.into_iter().find(|registration| registration.as_str() == name)
    }
}

//! Who owns the room of the origin inside the app, and where the room's key and the token of its API are kept: encrypted in a file
//! of the data folder (see [`crate::seal`]). A key that is lost is made anew by the origin, which knows this owner without one.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::seal::Seal;
use crate::settings::replace;

/// The owner's room, and what opens it: whoever has that can publish as this person.
#[derive(Clone)]
pub struct Owner {
    /// The room's slug.
    pub room: String,
    /// The room's title.
    pub title: String,
    pub(crate) stream_key: String,
    pub(crate) token: String,
}

impl std::fmt::Debug for Owner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Owner").field("room", &self.room).finish_non_exhaustive()
    }
}

impl Owner {
    /// The stream key, for the broadcast.
    #[must_use]
    pub fn stream_key(&self) -> &str {
        &self.stream_key
    }

    /// The API token, for the chat.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }
}

/// As the file has it.
#[derive(Serialize, Deserialize)]
struct Kept {
    room: String,
    title: String,
    /// Key and token, see [`Seal::close`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sealed: Option<String>,
    /// Both as they are, where no key to encrypt with can be kept; an earlier version wrote them so.
    #[serde(flatten, default, skip_serializing_if = "Option::is_none")]
    plain: Option<Secrets>,
}

#[derive(Serialize, Deserialize)]
struct Secrets {
    stream_key: String,
    token: String,
}

/// The owner that `folder` has; `None` when there is none, or nothing decrypts what opens the room.
pub(crate) fn load(folder: &Path, seal: &Seal) -> Option<Owner> {
    let Kept { room, title, sealed, plain } =
        serde_json::from_slice(&std::fs::read(folder.join(FILE)).ok()?).ok()?;
    let Secrets { stream_key, token } = match sealed {
        Some(sealed) => serde_json::from_slice(&seal.open(WHAT, &sealed)?).ok()?,
        None => plain?,
    };
    Some(Owner { room, title, stream_key, token })
}

/// Keeps the owner, for this user alone.
///
/// # Errors
/// Whatever the file system answers.
pub(crate) fn save(folder: &Path, owner: &Owner, seal: &Seal) -> io::Result<()> {
    let secrets = Secrets { stream_key: owner.stream_key.clone(), token: owner.token.clone() };
    let sealed = seal.close(WHAT, &serde_json::to_vec(&secrets).expect("two strings"));
    let plain = sealed.is_none().then_some(secrets);
    let kept = Kept { room: owner.room.clone(), title: owner.title.clone(), sealed, plain };
    let content = serde_json::to_vec_pretty(&kept).expect("an owner is a few strings");
    replace(&folder.join(FILE), &content, 0o600)
}

/// Beside `settings.json`, mode 0600.
pub(crate) const FILE: &str = "local-owner.json";
/// What its key is encrypted for.
const WHAT: &str = "local owner";

#[cfg(test)]
mod tests {
    use super::{FILE, Owner, load, save};
    use crate::seal::Seal;

    fn owner() -> Owner {
        let [room, title, stream_key, token] = ["mara", "Mara", "the-key", "the-token"].map(str::to_owned);
        Owner { room, title, stream_key, token }
    }

    #[test]
    fn key_and_token_are_in_no_file_as_they_are() {
        let (data, state) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let seal = Seal::at(state.path().join("key"));
        // As an earlier version kept it.
        let before = r#"{"room":"mara","title":"Mara","stream_key":"the-key","token":"the-token"}"#;
        std::fs::write(data.path().join(FILE), before).unwrap();
        let known = load(data.path(), &seal).unwrap();
        assert_eq!((known.stream_key(), known.token()), ("the-key", "the-token"));
        save(data.path(), &known, &seal).unwrap();
        let text = std::fs::read_to_string(data.path().join(FILE)).unwrap();
        assert!(!text.contains("the-key") && !text.contains("the-token"), "{text}");
        let again = load(data.path(), &seal).unwrap();
        assert_eq!(
            (again.room.as_str(), again.stream_key(), again.token()),
            ("mara", "the-key", "the-token")
        );
    }

    #[test]
    fn without_what_decrypts_them_there_is_no_key_to_go_on_with() {
        let (data, state) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let seal = Seal::at(state.path().join("key"));
        save(data.path(), &owner(), &seal).unwrap();
        std::fs::remove_file(state.path().join("key")).unwrap();
        assert!(load(data.path(), &seal).is_none());
    }

    #[test]
    fn where_nothing_can_be_encrypted_they_are_kept_all_the_same() {
        let data = tempfile::tempdir().unwrap();
        std::fs::write(data.path().join("file"), "").unwrap();
        let seal = Seal::at(data.path().join("file/key"));
        save(data.path(), &owner(), &seal).unwrap();
        assert_eq!(load(data.path(), &seal).unwrap().stream_key(), "the-key");
    }
}

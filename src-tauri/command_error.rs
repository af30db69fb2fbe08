//! What a command answers when it could not do what it was asked to.

use std::io;
use std::path::Path;

use broadcast::{ObsProfileError, TargetError};
use serde::Serialize;
use specta::Type;

use crate::app::{Document, Error};
use crate::chat::SayError;
use crate::destination::WrongDraft;
use crate::hotkeys::WrongKeys;
use crate::origin_api::ApiError;
use crate::scenes::check::Wrong;

/// The window has words for the kind; `said` is what a program, the system or the person said, and nobody translates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Type)]
pub struct CommandError {
    /// What happened.
    pub kind: ErrorKind,
    /// To what or by whose word; may be empty.
    pub said: String,
}

/// What happened, see [`Error`] and what it carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the errors that they stand for have them")]
pub enum ErrorKind {
    Closing,
    Busy,
    DestinationName,
    DestinationNameTaken,
    KeychainClosed,
    AddressScheme,
    AddressHost,
    AddressPort,
    AddressApp,
    AddressKey,
    AddressOption,
    AddressTwoKeys,
    AddressTooLong,
    Passphrase,
    SceneGone,
    SceneTooMany,
    SceneLast,
    SceneLocked,
    SceneValue,
    ObsFile,
    ObsKind,
    ObsServer,
    KeysUnknown,
    KeysOfText,
    KeysWithoutDigit,
    KeysTaken,
    Folder,
    FolderMissing,
    Browser,
    OriginOff,
    OriginRefused,
    OriginLost,
    Port,
    DiskFull,
    FolderReadOnly,
    Sheet,
    Report,
    Backup,
    Recording,
    NothingToSave,
    Autostart,
    Encoder,
    Window,
    Chat,
}

impl From<Error> for CommandError {
    fn from(error: Error) -> CommandError {
        let (kind, said) = match error {
            Error::Closing => (ErrorKind::Closing, String::new()),
            Error::Busy | Error::Say(SayError::Busy) => (ErrorKind::Busy, String::new()),
            Error::Draft(wrong) => of_draft(wrong),
            Error::Scenes(wrong) => of_scenes(&wrong),
            Error::Obs(wrong) => of_obs(wrong),
            Error::Keys(wrong) => (of_keys(wrong), String::new()),
            Error::Folder(said) => (ErrorKind::Folder, said),
            Error::NoFolder(folder) => (ErrorKind::FolderMissing, folder.display().to_string()),
            Error::Browser(said) => (ErrorKind::Browser, said),
            Error::Origin(ApiError::Off) => (ErrorKind::OriginOff, String::new()),
            Error::Origin(ApiError::Refused(said)) => (ErrorKind::OriginRefused, said),
            Error::Origin(ApiError::Lost(said)) => (ErrorKind::OriginLost, said),
            Error::Port => (ErrorKind::Port, String::new()),
            Error::Document { what, folder, source } => of_document(what, &folder, &source),
            Error::NothingToSave => (ErrorKind::NothingToSave, String::new()),
            Error::Autostart(said) => (ErrorKind::Autostart, said),
            Error::Encoder(said) => (ErrorKind::Encoder, said),
            Error::Window(said) => (ErrorKind::Window, said),
            Error::Say(SayError::Frame) => (ErrorKind::Chat, String::new()),
        };
        CommandError { kind, said }
    }
}

fn of_draft(wrong: WrongDraft) -> (ErrorKind, String) {
    match wrong {
        WrongDraft::Name => (ErrorKind::DestinationName, String::new()),
        WrongDraft::NameTaken(name) => (ErrorKind::DestinationNameTaken, name),
        WrongDraft::Closed => (ErrorKind::KeychainClosed, String::new()),
        WrongDraft::Address(wrong) => of_address(wrong),
    }
}

fn of_address(wrong: TargetError) -> (ErrorKind, String) {
    match wrong {
        TargetError::Scheme(scheme) => (ErrorKind::AddressScheme, scheme),
        TargetError::Host => (ErrorKind::AddressHost, String::new()),
        TargetError::Port => (ErrorKind::AddressPort, String::new()),
        TargetError::App => (ErrorKind::AddressApp, String::new()),
        TargetError::Key => (ErrorKind::AddressKey, String::new()),
        TargetError::Option { name, .. } if name == "passphrase" => (ErrorKind::Passphrase, String::new()),
        TargetError::Option { name, expected } => (ErrorKind::AddressOption, format!("{name}: {expected}")),
        TargetError::KeyAndStreamId => (ErrorKind::AddressTwoKeys, String::new()),
        TargetError::TooLong { .. } => (ErrorKind::AddressTooLong, String::new()),
    }
}

/// What stops all files alike has words of its own.
fn of_document(what: Document, folder: &Path, error: &io::Error) -> (ErrorKind, String) {
    let folder = folder.display().to_string();
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => (ErrorKind::DiskFull, folder),
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            (ErrorKind::FolderReadOnly, folder)
        }
        _ => (
            match what {
                Document::Attendance => ErrorKind::Sheet,
                Document::Report => ErrorKind::Report,
                Document::Backup => ErrorKind::Backup,
                Document::Recording => ErrorKind::Recording,
            },
            error.to_string(),
        ),
    }
}

fn of_scenes(wrong: &Wrong) -> (ErrorKind, String) {
    match wrong {
        Wrong::Gone(_) => (ErrorKind::SceneGone, String::new()),
        Wrong::TooMany { max, .. } => (ErrorKind::SceneTooMany, max.to_string()),
        Wrong::LastScene => (ErrorKind::SceneLast, String::new()),
        Wrong::Locked => (ErrorKind::SceneLocked, String::new()),
        // The fields of the page do not let one through: only a foreign hand meets these.
        Wrong::Range { .. } | Wrong::Text { .. } | Wrong::Twice(_) => {
            (ErrorKind::SceneValue, wrong.to_string())
        }
    }
}

fn of_obs(wrong: ObsProfileError) -> (ErrorKind, String) {
    match wrong {
        ObsProfileError::File { file, reason } => {
            (ErrorKind::ObsFile, format!("{}: {reason}", file.display()))
        }
        ObsProfileError::Kind { kind } => (ErrorKind::ObsKind, kind),
        ObsProfileError::Server { service } => (ErrorKind::ObsServer, service),
    }
}

fn of_keys(wrong: WrongKeys) -> ErrorKind {
    match wrong {
        WrongKeys::Unknown => ErrorKind::KeysUnknown,
        WrongKeys::Text => ErrorKind::KeysOfText,
        WrongKeys::NoDigit => ErrorKind::KeysWithoutDigit,
        WrongKeys::Taken => ErrorKind::KeysTaken,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_comes_with_its_kind_and_with_what_was_said() {
        let taken = Error::Draft(WrongDraft::NameTaken("Relay".to_owned()));
        let CommandError { kind, said } = taken.into();
        assert_eq!((kind, said.as_str()), (ErrorKind::DestinationNameTaken, "Relay"));
    }

    #[test]
    fn a_file_that_was_not_written_says_whether_it_is_the_disk_the_folder_or_something_else() {
        let told = |source: io::ErrorKind| {
            let (what, folder) = (Document::Backup, "/videos".into());
            let CommandError { kind, said } =
                Error::Document { what, folder, source: io::Error::new(source, "said") }.into();
            (kind, said)
        };
        assert_eq!(told(io::ErrorKind::StorageFull), (ErrorKind::DiskFull, "/videos".to_owned()));
        assert_eq!(told(io::ErrorKind::PermissionDenied), (ErrorKind::FolderReadOnly, "/videos".to_owned()));
        assert_eq!(told(io::ErrorKind::NotADirectory), (ErrorKind::Backup, "said".to_owned()));
    }
}

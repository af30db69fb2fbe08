//! `scenes.json` in the data folder.

use std::path::Path;

use super::Book;
use super::book::Kept;
use crate::settings::{self, Unusable};

/// Reads the scenes in `folder`; `None` where there are none yet. A file that cannot be used is put aside, never
/// overwritten.
pub(crate) fn load(folder: &Path) -> (Option<Book>, Option<Unusable>) {
    let path = folder.join(FILE);
    let (kept, unusable) = settings::read::<Option<Kept>>(&path);
    match kept.map(Book::open) {
        None => (None, unusable),
        Some(Ok(book)) => (Some(book), unusable),
        Some(Err(wrong)) => (None, Some(settings::put_aside(&path, wrong.to_string()))),
    }
}

/// Writes the scenes so that a crash leaves either the old file or the new one.
///
/// # Errors
/// Whatever the file system answers.
pub(crate) fn save(folder: &Path, kept: &Kept) -> std::io::Result<()> {
    let text = serde_json::to_vec_pretty(kept).expect("scenes are plain values with string keys");
    settings::replace(&folder.join(FILE), &text, 0o600)
}

/// Beside `settings.json`.
const FILE: &str = "scenes.json";

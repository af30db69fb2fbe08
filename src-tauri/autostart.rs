//! Starting with the session: a file in the person's autostart folder, as every desktop reads it.
//!
//! Spec: Desktop Application Autostart Specification 0.5; Desktop Entry Specification 1.5, "The Exec key".

use std::path::{Path, PathBuf};

use crate::settings::replace;

/// Whether this program starts when the person logs in.
pub(crate) fn is_on() -> bool {
    file().is_some_and(|file| file.exists())
}

/// Starts it when the person logs in, or no more.
///
/// # Errors
/// Whatever the file system answers.
pub(crate) fn set(on: bool) -> std::io::Result<()> {
    let file = file().ok_or(std::io::ErrorKind::NotFound)?;
    if !on {
        return match std::fs::remove_file(&file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
    }
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    replace(&file, entry(&std::env::current_exe()?).as_bytes(), 0o644)
}

fn file() -> Option<PathBuf> {
    Some(dirs::config_dir()?.join("autostart/rostrum.desktop"))
}

fn entry(program: &Path) -> String {
    let quoted: String = program
        .display()
        .to_string()
        .chars()
        .flat_map(|character| match character {
            '"' | '`' | '$' | '\\' => vec!['\\', '\\', character],
            '%' => vec!['%', '%'],
            other => vec![other],
        })
        .collect();
    format!(
        "[Desktop Entry]\nType=Application\nName=Rostrum\nExec=\"{quoted}\"\nIcon=rostrum\nX-GNOME-Autostart-enabled=true\n"
    )
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    #[test]
    fn a_path_with_anything_in_it_is_one_argument() {
        let entry = super::entry(Path::new("/opt/my $apps/50%/rostrum"));
        assert!(entry.contains("\nExec=\"/opt/my \\\\$apps/50%%/rostrum\"\n"), "{entry}");
    }
}

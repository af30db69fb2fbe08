//! Whether the package depends on every library that its programs load.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::program::PROGRAMS;
use crate::step::output_of;

/// Compares what the programs in `built` load with what `package` depends on.
///
/// # Errors
/// When a library is in a package that is not among them.
pub fn check(built: &Path, package: &Path) -> Result<()> {
    let depends = output_of("dpkg-deb", &["--field", &package.to_string_lossy(), "Depends"])
        .with_context(|| format!("dpkg-deb cannot read {}", package.display()))?;
    let depends: BTreeSet<&str> =
        depends.split([',', '|']).filter_map(|entry| entry.split_whitespace().next()).collect();
    let mut owners = BTreeSet::new();
    for program in PROGRAMS {
        for path in libraries(&built.join(program))? {
            owners.insert(owner(&path)?);
        }
    }
    let missing: Vec<&String> = owners.iter().filter(|owner| !depends.contains(owner.as_str())).collect();
    ensure!(missing.is_empty(), "bundle.linux.deb.depends in tauri.conf.json lacks {missing:?}");
    println!(
        "{} packages hold the libraries that the programs load; the package depends on all",
        owners.len()
    );
    Ok(())
}

/// The paths of the libraries that a program names itself, as the loader finds them.
fn libraries(program: &Path) -> Result<Vec<String>> {
    let program = program.to_string_lossy();
    let headers = output_of("objdump", &["--private-headers", &program])
        .with_context(|| format!("objdump cannot read {program}"))?;
    let named: Vec<&str> =
        headers.lines().filter_map(|line| line.trim().strip_prefix("NEEDED")).map(str::trim).collect();
    let found = output_of("ldd", &[&program]).with_context(|| format!("ldd cannot read {program}"))?;
    let path_of = |name: &&str| {
        found.lines().find_map(|line| {
            let (library, place) = line.trim().split_once(" => ")?;
            (library == *name).then(|| place.split(' ').next().unwrap_or(place).to_owned())
        })
    };
    // The loader itself has no arrow; it comes with libc6.
    Ok(named.iter().filter_map(path_of).collect())
}

/// The package that a file was installed by.
fn owner(path: &str) -> Result<String> {
    // /lib is a link to /usr/lib by now, and the list of files has the one or the other.
    let real = std::fs::canonicalize(path).with_context(|| format!("{path} is not there"))?;
    let real = real.to_string_lossy();
    let tried = [real.as_ref(), real.strip_prefix("/usr").unwrap_or(&real), path];
    let told = tried.iter().find_map(|path| output_of("dpkg-query", &["--search", path]));
    let told = told.with_context(|| format!("no package holds {path}"))?;
    Ok(told.split(':').next().unwrap_or_default().to_owned())
}

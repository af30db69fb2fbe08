//! The two things a person installs by hand, Rust and Node: there, and new enough.

use anyhow::{Context, Result, bail};

use crate::step::output_of;

/// The oldest Rust that compiles the workspace: `rust-version` of the root manifest.
const RUST: (u32, u32) = (1, 95);
/// The oldest Node 20 that Vite 8 runs on.
const NODE_20: (u32, u32) = (20, 19);
/// The oldest Node 22 that Vite 8 runs on; Node 21 it refuses.
const NODE_22: (u32, u32) = (22, 12);

/// Checks that Rust and Node are there and new enough.
///
/// # Errors
/// In words that say what to install.
pub fn check() -> Result<()> {
    let rust = output_of("rustc", &["--version"])
        .context("there is no rustc: install Rust from https://rustup.rs")?;
    if version_in(&rust).is_none_or(|version| version < RUST) {
        bail!("Rust {}.{} or newer is needed, this is {rust}: `rustup update`", RUST.0, RUST.1);
    }
    let node = output_of("node", &["--version"])
        .context("there is no node: install Node 20.19 or newer from https://nodejs.org")?;
    let version = version_in(&node).with_context(|| format!("`node --version` printed {node}"))?;
    if version < NODE_20 || ((21, 0)..NODE_22).contains(&version) {
        bail!("Node 20.19 or newer (of Node 22: 22.12) is needed, this is {node}: see https://nodejs.org");
    }
    let npm = output_of("npm", &["--version"]).context("there is no npm beside node: install it")?;
    println!("{rust}, node {node}, npm {npm}");
    Ok(())
}

/// Checks that the parts of Rust that only the tests use are there.
///
/// # Errors
/// In words that say what to install.
pub fn check_components() -> Result<()> {
    for (component, arguments) in [("rustfmt", ["fmt", "--version"]), ("clippy", ["clippy", "--version"])] {
        output_of("cargo", &arguments)
            .with_context(|| format!("Rust's {component} is missing: `rustup component add {component}`"))?;
    }
    Ok(())
}

/// The first `major.minor` in a text such as `rustc 1.95.0 (…)` or `v20.20.2`.
fn version_in(text: &str) -> Option<(u32, u32)> {
    let number = text
        .split_whitespace()
        .map(|word| word.trim_start_matches('v'))
        .find(|word| word.starts_with(|first: char| first.is_ascii_digit()))?;
    let mut parts = number.split('.').map(str::parse);
    Some((parts.next()?.ok()?, parts.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::version_in;

    #[test]
    fn a_version_is_read_from_what_the_programs_print() {
        assert_eq!(version_in("rustc 1.95.0 (f2d3ce0bd 2026-03-21)"), Some((1, 95)));
        assert_eq!(version_in("v20.20.2"), Some((20, 20)));
        assert_eq!(version_in("no number"), None);
    }
}

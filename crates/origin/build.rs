//! Compiles the origin again when the pages that it embeds were built again: they may have been missing before.

// This is how a build script talks to cargo.
#![allow(clippy::print_stdout)]

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=../../ui/dist/web/index.html");
}

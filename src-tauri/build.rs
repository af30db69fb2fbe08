//! Checks that the window's pages are built, then lets Tauri generate what it needs.

use std::path::Path;

fn main() {
    println!("cargo:rerun-if-changed=ui/dist/studio/index.html");
    let embedded = std::env::var_os("CARGO_FEATURE_EMBEDDED_PAGES").is_some();
    if embedded && !Path::new(PAGE).exists() {
        // One line instead of the panic of `generate_context!` in the middle of a build log.
        println!(
            "cargo::error={PAGE} is missing: build the pages first (`npm ci && npm run build` in ui/, \
             or `cargo xtask build`)"
        );
        return;
    }
    tauri_build::build();
}

/// The window's page as Vite leaves it.
const PAGE: &str = "ui/dist/studio/index.html";

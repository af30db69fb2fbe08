//! The load generator of `cargo xtask bench`: one measurement a run, one JSON object on standard output.

use clap::Parser as _;

fn main() -> anyhow::Result<()> {
    testkit::load::run(testkit::load::Load::parse())
}

//! Prints the API's description, of which `cargo xtask test` makes the types of the web's client.

use std::io::Write as _;

fn main() -> std::io::Result<()> {
    writeln!(std::io::stdout(), "{}", origin::api_description())
}
